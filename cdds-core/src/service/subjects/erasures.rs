//! Rules D3, D4: what an erasure would erase, how it stands, and asking for what failed of it again.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use super::super::access::{check, entry};
use super::super::{ServiceError, until_settled};
use super::{ExpectedSubjectRequest, Subjects};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::calendar::window::Window;
use crate::domain::execution::failure::FailureKind;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, SubjectRequestId, TypeId};
use crate::domain::subject::request::{RequestStatus, SubjectRequest};
use crate::domain::subject::{EraseRequest, Subject, SubjectTask, TaskReport};
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::row::WorkFailure;
use crate::identifiers;
use crate::ports::source::{
    BadRecordMode, ReadRequest, RegisteredSource, Source, SourceError, SourceErrorKind,
};

/// What an erasure of a data type answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeErasure {
    /// The source.
    pub source: SourceId,
    /// The data type.
    pub data_type: TypeId,
    /// What would be, or was erased; or why not. Holds nothing of an identifier.
    pub report: TaskReport,
    /// How many records about the person stay since the source does not erase them, as far as they were counted: a
    /// [preview](Subjects::preview) counts them.
    pub not_erased: Option<u64>,
}

impl Subjects {
    /// Counts what the erasure of an open request would erase, and what would stay and why, for each data type that it
    /// chooses and that names people. Changes nothing. Asks the sources, so it may take as long as an erasure; a type
    /// without a rule is read, so that the records that stay in it are counted, too.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if the request has ended,
    /// asks for no erasure, or chooses no type that names people, and with [`Code::SubjectKeyMissing`] without its key.
    pub async fn preview(
        &self,
        by: &Principal,
        id: SubjectRequestId,
    ) -> Result<Vec<TypeErasure>, ServiceError> {
        check(&self.ports, by, Action::RunSubjectRequest, Some(Object::SubjectRequest(id))).await?;
        let request = self.find(by, id).await?;
        if !request.kind.erases() || !request.status().is_open() {
            let status = request.status();
            let why =
                format!("request {id} is {status} and asks for {}: nothing is to be erased", request.kind);
            return Err(RuleViolation::new(Code::SubjectRequestState, why).into());
        }
        let subject = self.opened(&request)?;
        let now = self.ports.catalog.now().await?;
        let tasks = SubjectTask::of(&request, &self.ports.sources.for_owner(&by.owner), now)?;
        let mut erasures = Vec::with_capacity(tasks.len());
        for SubjectTask { source, data_type, .. } in tasks {
            let erasure = self.erase(&by.owner, source, data_type, &subject, true).await;
            erasures.push(self.with_count(&by.owner, erasure, &subject).await);
        }
        Ok(erasures)
    }

    /// Returns the data types of which a request that asks for an erasure does not get one, since they name people and
    /// have no rule for erasures: source and type, in order. Empty for a request that asks for access alone.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn not_erased(
        &self,
        by: &Principal,
        id: SubjectRequestId,
    ) -> Result<Vec<(SourceId, TypeId)>, ServiceError> {
        check(&self.ports, by, Action::SeeSubjectRequests, Some(Object::SubjectRequest(id))).await?;
        let request = self.find(by, id).await?;
        let sources = self.ports.sources.for_owner(&by.owner);
        Ok(if request.kind.erases() { request.scope.not_erased(&sources) } else { Vec::new() })
    }

    /// Counts the records about a person of a type that is not erased from. If they cannot be counted, the answer says
    /// why: nobody is to take it for none.
    async fn with_count(&self, owner: &Owner, erasure: TypeErasure, subject: &Subject) -> TypeErasure {
        let sources = self.ports.sources.for_owner(owner);
        let found = sources.find(&erasure.source);
        let (TaskReport::Unsupported, Some(RegisteredSource::Supported(source))) = (&erasure.report, found)
        else {
            return erasure;
        };
        match count(&**source, owner, &erasure.data_type, subject).await {
            Ok(records) => TypeErasure { not_erased: Some(records), ..erasure },
            Err(error) => TypeErasure { report: failed(&error).without_names(subject), ..erasure },
        }
    }

    /// Erases a person's records of a data type, or says what an erasure would.
    pub(super) async fn erase(
        &self,
        owner: &Owner,
        source: SourceId,
        data_type: TypeId,
        subject: &Subject,
        dry_run: bool,
    ) -> TypeErasure {
        let request = EraseRequest::new(owner.clone(), data_type.clone(), subject.clone());
        let report = match self.ports.sources.for_owner(owner).find(&source) {
            Some(RegisteredSource::Supported(found)) => {
                match found.erase(request.with_dry_run(dry_run)).await {
                    Ok(erased) => TaskReport::Erased(erased),
                    Err(error) if error.kind() == SourceErrorKind::Unsupported => TaskReport::Unsupported,
                    Err(error) => failed(&error),
                }
            }
            Some(RegisteredSource::Unsupported { .. }) => TaskReport::Unsupported,
            None => {
                let told = format!("there is no source {source} any more");
                TaskReport::Failed(WorkFailure::new(FailureKind::Missing, told, false))
            }
        };
        TypeErasure { source, data_type, report: report.without_names(subject), not_erased: None }
    }

    /// Asks again for what failed of an erasure, and for what waits for a later attempt; what is done stays done. An
    /// erasure that an earlier version of the program has approved begins.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if there is nothing to ask
    /// for: it is not approved, its copy has yet to be published, all of it runs or is done, or it has ended.
    pub async fn run(
        &self,
        by: &Principal,
        request: impl Into<ExpectedSubjectRequest>,
    ) -> Result<SubjectRequest, ServiceError> {
        let expected = request.into();
        let (action, id) = (Action::RunSubjectRequest, expected.id);
        let object = Object::SubjectRequest(id);
        check(&self.ports, by, action, Some(object.clone())).await?;
        until_settled(async || {
            let before = self.find(by, id).await?;
            expected.check(&before)?;
            let now = self.ports.catalog.now().await?;
            if before.status() != RequestStatus::Running {
                let after = before.clone().run(false)?;
                return self.lay_out(by, action, &before, after, now).await;
            }
            let entry = entry(&self.ports, by, action, now).with_object(object.clone());
            if self.ports.catalog.ask_subject_tasks_again(&by.owner, id, &[entry]).await? == 0 {
                let why = format!("nothing of request {id} has failed or waits for a later attempt");
                return Err(RuleViolation::new(Code::SubjectRequestState, why).into());
            }
            Ok(before)
        })
        .await
    }

    /// Returns how the erasure of a request stands, by source and type; empty before it is approved.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn tasks(
        &self,
        by: &Principal,
        id: SubjectRequestId,
    ) -> Result<Vec<SubjectTask>, ServiceError> {
        check(&self.ports, by, Action::SeeSubjectRequests, Some(Object::SubjectRequest(id))).await?;
        self.find(by, id).await?;
        Ok(self.ports.catalog.subject_tasks(&by.owner, id).await?)
    }

    /// Returns the key without which nobody can go on with an open request, if this service does not have it, or has another
    /// one of the same name.
    pub fn missing_key(&self, request: &SubjectRequest) -> Option<SubjectKeyId> {
        let key = &request.sealed()?.key;
        identifiers::opened(&*self.ports.subject_keys, request).is_err().then(|| key.clone())
    }
}

fn failed(error: &SourceError) -> TaskReport {
    TaskReport::Failed(WorkFailure::new(error.kind().into(), error.report(), error.is_retryable()))
}

/// Counts the records of a type about a person, whatever their instants.
async fn count(
    source: &dyn Source,
    owner: &Owner,
    data_type: &TypeId,
    subject: &Subject,
) -> Result<u64, SourceError> {
    let everything = Window::until(DateTime::<Utc>::MAX_UTC);
    let request = ReadRequest::new(owner.clone(), data_type.clone(), everything)
        .with_subject(subject.clone())
        // Of what cannot be read nobody knows whom it is about.
        .with_bad_records(BadRecordMode::Report);
    let mut records = source.read(request).await?;
    let mut count = 0;
    while let Some(batch) = records.try_next().await? {
        count += batch.iter().count() as u64;
    }
    Ok(count)
}
