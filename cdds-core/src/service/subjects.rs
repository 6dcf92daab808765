//! The Data subjects page: what people ask for about their own records.

mod creation;
mod erasures;
mod expected;
mod reapply;

use chrono::{DateTime, Utc};

pub use self::creation::{NewHandover, NewSubjectRequest};
pub use self::erasures::TypeErasure;
pub use self::expected::ExpectedSubjectRequest;
pub use self::reapply::{Reapplication, ReappliedType, Unapplied};
use super::access::{check, entry};
use super::{Entity, ServiceError, until_settled};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::SubjectRequestId;
use crate::domain::subject::request::{Evidence, RequestText, SubjectRequest};
use crate::domain::subject::{Subject, SubjectTask};
use crate::domain::violation::{Code, RuleViolation};
use crate::identifiers;
use crate::ports::Ports;
use crate::ports::catalog::query::{LatestExecution, Page, Slice, SubjectRequestQuery};
use crate::ports::subject_keys::{SubjectKeysError, SubjectKeysErrorKind};

/// The requests of data subjects of all owners; each call names one, by its principal (rules D2 to D8). Every method
/// returns [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
///
/// Identifiers come in with a request, and never out: they are sealed under a key of the service's
/// [`SubjectKeys`](crate::ports::subject_keys::SubjectKeys) while it is open, and only keyed hashes of them stay.
///
/// The step after which a copy may be handed over stores the job that makes it, due at once (rule D9).
///
/// Each step may name the version of the request that its author has seen ([`ExpectedSubjectRequest`]): it is refused with
/// [`Code::VersionOvertaken`] if the request has another one by then.
#[derive(Debug, Clone)]
pub struct Subjects {
    ports: Ports,
}

impl Subjects {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Records that the person's identity was checked, by whom and how (rule D2).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] unless that is the next
    /// step, or with [`Code::InvalidSubjectRequest`] if the words hold an identifier of the person (rule D6).
    pub async fn verify(
        &self,
        by: &Principal,
        request: impl Into<ExpectedSubjectRequest>,
        evidence: &Evidence,
    ) -> Result<SubjectRequest, ServiceError> {
        self.step(by, request.into(), Action::VerifySubjectRequest, |request, now| {
            let verified = request.clone().verify(evidence.clone(), &by.name, now)?;
            self.check_words(request, &[&evidence.who, &evidence.how])?;
            Ok(verified)
        })
        .await
    }

    /// Approves an erasure that somebody else has put on record (rule D3), and lays it out: a task for each data type that
    /// the request chooses and that names people. It begins at once, unless a copy is asked for as well: then it begins
    /// when that was published.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] unless that is the next
    /// step, and if no type names people or none of those has a rule for erasures, or with
    /// [`Code::OwnSubjectRequest`].
    pub async fn approve(
        &self,
        by: &Principal,
        request: impl Into<ExpectedSubjectRequest>,
    ) -> Result<SubjectRequest, ServiceError> {
        let (action, expected) = (Action::ApproveSubjectRequest, request.into());
        check(&self.ports, by, action, Some(Object::SubjectRequest(expected.id))).await?;
        until_settled(async || {
            let before = self.find(by, expected.id).await?;
            expected.check(&before)?;
            let now = self.ports.catalog.now().await?;
            let approved = before.clone().approve(&by.name, now)?;
            let after = if approved.may_erase(false) { approved.run(false)? } else { approved };
            self.lay_out(by, action, &before, after, now).await
        })
        .await
    }

    /// Stores the next state of a request with the tasks of its erasure.
    async fn lay_out(
        &self,
        by: &Principal,
        action: Action,
        before: &SubjectRequest,
        after: SubjectRequest,
        now: DateTime<Utc>,
    ) -> Result<SubjectRequest, ServiceError> {
        let sources = self.ports.sources.for_owner(&by.owner);
        let tasks = SubjectTask::of(&after, &sources, now)?;
        SubjectTask::check_rules(&tasks, &after, &sources)?;
        let entry = entry(&self.ports, by, action, now).with_object(Object::SubjectRequest(before.id));
        let entry = entry.with_version_before(before.version).with_version_after(after.version);
        let (catalog, version) = (&self.ports.catalog, before.version);
        // Only the step after which it is ready: the job is stored with that one.
        if after.is_to_hand_over() && !before.is_to_hand_over() {
            let job = after.submission(&sources, now)?;
            catalog.hand_over_subject_request(&after, version, &job, &tasks, &[entry]).await?;
        } else {
            catalog.lay_out_subject_request(&after, version, &tasks, &[entry]).await?;
        }
        Ok(after)
    }

    /// Moves the due date, once the person was told why it takes longer: to an instant, or by two months (rule D2).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if it cannot be extended
    /// any more, or with [`Code::InvalidSubjectRequest`] for an instant that is not possible.
    pub async fn extend(
        &self,
        by: &Principal,
        request: impl Into<ExpectedSubjectRequest>,
        to: Option<DateTime<Utc>>,
    ) -> Result<SubjectRequest, ServiceError> {
        self.step(by, request.into(), Action::ExtendSubjectRequest, |request, now| {
            Ok(request.clone().extend(to, &by.name, now)?)
        })
        .await
    }

    /// Refuses a request, with the reason that the person is told. Its identifiers are destroyed (rule D6).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if it has ended, or with
    /// [`Code::InvalidSubjectRequest`] if the reason holds an identifier of the person.
    pub async fn refuse(
        &self,
        by: &Principal,
        request: impl Into<ExpectedSubjectRequest>,
        reason: &RequestText,
    ) -> Result<SubjectRequest, ServiceError> {
        let refused = self.step(by, request.into(), Action::RefuseSubjectRequest, |request, now| {
            let refused = request.clone().refuse(reason.clone(), &by.name, now)?;
            self.check_words(request, &[reason])?;
            Ok(refused)
        });
        let refused = refused.await?;
        self.note_erased(&refused).await;
        Ok(refused)
    }

    /// Records that the person asks for it no more. Its identifiers are destroyed (rule D6).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if it has ended.
    pub async fn withdraw(
        &self,
        by: &Principal,
        request: impl Into<ExpectedSubjectRequest>,
    ) -> Result<SubjectRequest, ServiceError> {
        let withdrawn = self.step(by, request.into(), Action::WithdrawSubjectRequest, |request, now| {
            Ok(request.clone().withdraw(&by.name, now)?)
        });
        let withdrawn = withdrawn.await?;
        self.note_erased(&withdrawn).await;
        Ok(withdrawn)
    }

    /// Returns a request.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, by: &Principal, id: SubjectRequestId) -> Result<SubjectRequest, ServiceError> {
        check(&self.ports, by, Action::SeeSubjectRequests, Some(Object::SubjectRequest(id))).await?;
        self.find(by, id).await
    }

    /// Returns the latest execution of the job that hands the copy of a request over (rule D9); `None` if there is none yet.
    /// One that failed or was cancelled can be [run again](super::history::History::rerun).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn export(
        &self,
        by: &Principal,
        id: SubjectRequestId,
    ) -> Result<Option<LatestExecution>, ServiceError> {
        check(&self.ports, by, Action::SeeSubjectRequests, Some(Object::SubjectRequest(id))).await?;
        let request = self.find(by, id).await?;
        let job = self.ports.catalog.job(&by.owner, request.job_id()).await?;
        Ok(job.and_then(|overview| overview.latest))
    }

    /// Returns a page of the owner's requests.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(
        &self,
        by: &Principal,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, ServiceError> {
        check(&self.ports, by, Action::SeeSubjectRequests, None).await?;
        Ok(self.ports.catalog.subject_requests(&by.owner, query).await?)
    }

    /// Takes a step, again if somebody else took one in between.
    async fn step(
        &self,
        by: &Principal,
        expected: ExpectedSubjectRequest,
        action: Action,
        decide: impl Fn(&SubjectRequest, DateTime<Utc>) -> Result<SubjectRequest, ServiceError>,
    ) -> Result<SubjectRequest, ServiceError> {
        let object = Object::SubjectRequest(expected.id);
        check(&self.ports, by, action, Some(object.clone())).await?;
        until_settled(async || {
            let before = self.find(by, expected.id).await?;
            expected.check(&before)?;
            let now = self.ports.catalog.now().await?;
            let after = decide(&before, now)?;
            let entry = entry(&self.ports, by, action, now).with_object(object.clone());
            let entry = entry.with_version_before(before.version).with_version_after(after.version);
            let catalog = &self.ports.catalog;
            // Only the step after which it is ready: the job is stored with that one.
            if after.is_to_hand_over() && !before.is_to_hand_over() {
                let job = after.submission(&self.ports.sources.for_owner(&by.owner), now)?;
                catalog.hand_over_subject_request(&after, before.version, &job, &[], &[entry]).await?;
            } else {
                catalog.change_subject_request(&after, before.version, &[entry]).await?;
            }
            Ok(after)
        })
        .await
    }

    /// Refuses words that hold an identifier of the person.
    fn check_words(&self, request: &SubjectRequest, words: &[&RequestText]) -> Result<(), ServiceError> {
        let subject = self.opened(request)?;
        Ok(words.iter().try_for_each(|text| text.check_against(&subject))?)
    }

    /// Returns the person whom an open request is about.
    fn opened(&self, request: &SubjectRequest) -> Result<Subject, ServiceError> {
        identifiers::opened(&*self.ports.subject_keys, request).map_err(unopened)
    }

    /// Returns the refusal of something for which there are no keys. Where requests are on record, there were some.
    async fn without_keys(&self, by: &Principal, error: SubjectKeysError) -> ServiceError {
        if error.kind() != SubjectKeysErrorKind::None {
            return refusal(error);
        }
        let query = SubjectRequestQuery::default().with_slice(Slice::first(1));
        match self.ports.catalog.subject_requests(&by.owner, &query).await {
            Ok(requests) if requests.items.is_empty() => refusal(error),
            Ok(_) => keys_are_gone().into(),
            Err(error) => error.into(),
        }
    }

    async fn find(&self, by: &Principal, id: SubjectRequestId) -> Result<SubjectRequest, ServiceError> {
        let found = self.ports.catalog.subject_request(&by.owner, id).await?;
        found.ok_or_else(|| ServiceError::not_found(Entity::SubjectRequest, id))
    }
}

fn keys_are_gone() -> RuleViolation {
    RuleViolation::new(
        Code::SubjectKeyMissing,
        "the keys of the identifiers of requests on record are missing: bring their file back from its backup; a new key does \
         not open them",
    )
}

/// Returns why a request on record cannot be opened.
pub(super) fn unopened(error: SubjectKeysError) -> ServiceError {
    match error.kind() {
        // It had keys once: a first one is not what helps.
        SubjectKeysErrorKind::None => keys_are_gone().into(),
        _ => refusal(error),
    }
}

/// A missing key is something that people can bring back.
fn refusal(error: SubjectKeysError) -> ServiceError {
    match error.kind() {
        SubjectKeysErrorKind::None | SubjectKeysErrorKind::Unknown => {
            RuleViolation::new(Code::SubjectKeyMissing, error.context()).into()
        }
        _ => error.into(),
    }
}
