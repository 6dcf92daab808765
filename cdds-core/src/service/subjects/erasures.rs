//! Rules D3, D4: what an erasure would erase, how it stands, and asking for what failed of it again.

use super::super::access::{check, entry};
use super::super::{ServiceError, until_settled};
use super::{ExpectedSubjectRequest, Subjects};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::execution::failure::FailureKind;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, SubjectRequestId, TypeId};
use crate::domain::subject::request::{RequestStatus, SubjectRequest};
use crate::domain::subject::{EraseRequest, Subject, SubjectTask, TaskReport};
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::row::WorkFailure;
use crate::ports::source::{RegisteredSource, SourceErrorKind};

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
}

impl Subjects {
    /// Counts what the erasure of an open request would erase, and what would stay and why, for each data type that it
    /// chooses and that names people. Changes nothing. Asks the sources, so it may take as long as an erasure.
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
            erasures.push(self.erase(&by.owner, source, data_type, &subject, true).await);
        }
        Ok(erasures)
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
                    Err(error) => {
                        let (kind, may_help) = (error.kind().into(), error.is_retryable());
                        TaskReport::Failed(WorkFailure::new(kind, error.report(), may_help))
                    }
                }
            }
            Some(RegisteredSource::Unsupported { .. }) => TaskReport::Unsupported,
            None => {
                let told = format!("there is no source {source} any more");
                TaskReport::Failed(WorkFailure::new(FailureKind::Missing, told, false))
            }
        };
        TypeErasure { source, data_type, report: report.without_names(subject) }
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

    /// Returns the key without which nobody can go on with an open request, if this service does not have it.
    pub fn missing_key(&self, request: &SubjectRequest) -> Option<SubjectKeyId> {
        let key = &request.sealed()?.key;
        self.ports.subject_keys.key(key).is_err().then(|| key.clone())
    }
}
