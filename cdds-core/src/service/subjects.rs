//! The Data subjects page: what people ask for about their own records.

mod erasures;
mod reapply;

use chrono::{DateTime, Utc};

pub use self::erasures::TypeErasure;
pub use self::reapply::{Reapplication, ReappliedType, Unapplied};
use super::access::{check, entry};
use super::{Entity, ServiceError, jobs, until_settled};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::SubjectRequestId;
use crate::domain::subject::request::{
    Evidence, Handover, ReceivedRequest, RequestKind, RequestText, Scope, SubjectRequest,
};
use crate::domain::subject::{Subject, SubjectTask};
use crate::domain::violation::{Code, RuleViolation};
use crate::identifiers;
use crate::ports::Ports;
use crate::ports::catalog::query::{LatestExecution, Page, SubjectRequestQuery};
use crate::ports::subject_keys::{SubjectKeysError, SubjectKeysErrorKind};
use crate::setters::setters;

/// The requests of data subjects of all owners; each call names one, by its principal (rules D2 to D8). Every method
/// returns [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
///
/// Identifiers come in with a request, and never out: they are sealed under a key of the service's
/// [`SubjectKeys`](crate::ports::subject_keys::SubjectKeys) while it is open, and only keyed hashes of them stay.
///
/// The step after which a copy may be handed over stores the job that makes it, due at once (rule D9).
#[derive(Debug, Clone)]
pub struct Subjects {
    ports: Ports,
}

/// What a person asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewSubjectRequest {
    /// The person.
    pub subject: Subject,
    /// What is asked for.
    pub kind: RequestKind,
    /// In which sources and types; in all of them by default.
    pub scope: Scope,
    /// When it has to be answered; in a month if left out.
    pub due_at: Option<DateTime<Utc>>,
    /// How a copy is handed over; required where one is asked for, and for nothing else (rule D9).
    pub handover: Option<NewHandover>,
}

/// How a copy is to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewHandover {
    /// Anybody who has the files can read them.
    Plaintext,
    /// It is sealed for the holder of this certificate's private key: PEM or DER.
    Certificate(Vec<u8>),
}

setters! {
    NewSubjectRequest {
        with_scope => scope: value Scope;
        with_due_at => due_at: option DateTime<Utc>;
        with_handover => handover: option NewHandover;
    }
}

impl NewSubjectRequest {
    /// Asks for something about a person in all sources, within a month.
    pub fn new(subject: Subject, kind: RequestKind) -> Self {
        Self { subject, kind, scope: Scope::default(), due_at: None, handover: None }
    }
}

impl Subjects {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Puts a request on record, and returns it.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with [`Code::SubjectRequestRepeated`] if it asks for nothing that an open one does not
    /// ask for already (rule D8), with [`Code::SubjectKeyMissing`] without keys, for a source, a type, a due date or a
    /// certificate that is not possible, and if a copy is asked for and no type could be asked (rule D9).
    pub async fn create(
        &self,
        by: &Principal,
        new: &NewSubjectRequest,
    ) -> Result<SubjectRequest, ServiceError> {
        check(&self.ports, by, Action::CreateSubjectRequest, None).await?;
        let sources = self.ports.sources.for_owner(&by.owner);
        new.scope.check_offered(&sources)?;
        new.kind.check_handover(new.handover.is_some())?;
        let now = self.ports.catalog.now().await?;
        let (handover, certificate) = self.handover(new, now)?;
        let id = SubjectRequestId(self.ports.ids.next());
        let keys = &*self.ports.subject_keys;
        let sealed = identifiers::sealed(keys, &by.owner, id, &new.subject, certificate.as_deref());
        let (identifiers, sealed) = sealed.map_err(refusal)?;
        let received = ReceivedRequest {
            id,
            owner: by.owner.clone(),
            kind: new.kind,
            scope: new.scope.clone(),
            identifiers,
            sealed,
            handover,
            due_at: new.due_at,
        };
        let request = SubjectRequest::receive(received, &by.name, now)?;
        if request.kind.hands_over() {
            // Nobody has to look for why it is not answered later.
            request.submission(&sources, now)?;
        }
        let entry = entry(&self.ports, by, Action::CreateSubjectRequest, now);
        let entry = entry.with_object(Object::SubjectRequest(id)).with_version_after(request.version);
        match self.ports.catalog.insert_subject_request(&request, &[entry]).await? {
            None => Ok(request),
            Some(open) => Err(RuleViolation::new(
                Code::SubjectRequestRepeated,
                format!("request {open} is open and asks for the same about this person: answer that one"),
            )
            .into()),
        }
    }

    /// Records that the person's identity was checked, by whom and how (rule D2).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] unless that is the next
    /// step, or with [`Code::InvalidSubjectRequest`] if the words hold an identifier of the person (rule D6).
    pub async fn verify(
        &self,
        by: &Principal,
        id: SubjectRequestId,
        evidence: &Evidence,
    ) -> Result<SubjectRequest, ServiceError> {
        self.step(by, id, Action::VerifySubjectRequest, |request, now| {
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
    /// step, and if no type names people, or with [`Code::OwnSubjectRequest`].
    pub async fn approve(
        &self,
        by: &Principal,
        id: SubjectRequestId,
    ) -> Result<SubjectRequest, ServiceError> {
        let (action, object) = (Action::ApproveSubjectRequest, Object::SubjectRequest(id));
        check(&self.ports, by, action, Some(object.clone())).await?;
        until_settled(async || {
            let before = self.find(by, id).await?;
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
        let tasks = SubjectTask::of(&after, &self.ports.sources.for_owner(&by.owner), now)?;
        let entry = entry(&self.ports, by, action, now).with_object(Object::SubjectRequest(before.id));
        let entry = entry.with_version_before(before.version).with_version_after(after.version);
        let (catalog, version) = (&self.ports.catalog, before.version);
        // Only the step after which it is ready: the job is stored with that one.
        if after.is_to_hand_over() && !before.is_to_hand_over() {
            let job = after.submission(&self.ports.sources.for_owner(&by.owner), now)?;
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
        id: SubjectRequestId,
        to: Option<DateTime<Utc>>,
    ) -> Result<SubjectRequest, ServiceError> {
        self.step(by, id, Action::ExtendSubjectRequest, |request, now| {
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
        id: SubjectRequestId,
        reason: &RequestText,
    ) -> Result<SubjectRequest, ServiceError> {
        self.step(by, id, Action::RefuseSubjectRequest, |request, now| {
            let refused = request.clone().refuse(reason.clone(), &by.name, now)?;
            self.check_words(request, &[reason])?;
            Ok(refused)
        })
        .await
    }

    /// Records that the person asks for it no more. Its identifiers are destroyed (rule D6).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if it has ended.
    pub async fn withdraw(
        &self,
        by: &Principal,
        id: SubjectRequestId,
    ) -> Result<SubjectRequest, ServiceError> {
        self.step(by, id, Action::WithdrawSubjectRequest, |request, now| {
            Ok(request.clone().withdraw(&by.name, now)?)
        })
        .await
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
        id: SubjectRequestId,
        action: Action,
        decide: impl Fn(&SubjectRequest, DateTime<Utc>) -> Result<SubjectRequest, ServiceError>,
    ) -> Result<SubjectRequest, ServiceError> {
        let object = Object::SubjectRequest(id);
        check(&self.ports, by, action, Some(object.clone())).await?;
        until_settled(async || {
            let before = self.find(by, id).await?;
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
        identifiers::opened(&*self.ports.subject_keys, request).map_err(refusal)
    }

    /// Checks the certificate, as those of recipients are (rule S2). Returns how a copy is handed over, and the certificate
    /// in DER.
    fn handover(
        &self,
        new: &NewSubjectRequest,
        now: DateTime<Utc>,
    ) -> Result<(Option<Handover>, Option<Vec<u8>>), ServiceError> {
        Ok(match &new.handover {
            None => (None, None),
            Some(NewHandover::Plaintext) => (Some(Handover::Plaintext), None),
            Some(NewHandover::Certificate(encoded)) => {
                let facts = self.ports.certificates.inspect(encoded, now).map_err(jobs::refusal)?;
                (Some(Handover::Sealed { fingerprint: facts.fingerprint }), Some(facts.der))
            }
        })
    }

    async fn find(&self, by: &Principal, id: SubjectRequestId) -> Result<SubjectRequest, ServiceError> {
        let found = self.ports.catalog.subject_request(&by.owner, id).await?;
        found.ok_or_else(|| ServiceError::not_found(Entity::SubjectRequest, id))
    }
}

/// A missing key is something that people can bring back.
pub(super) fn refusal(error: SubjectKeysError) -> ServiceError {
    match error.kind() {
        SubjectKeysErrorKind::None | SubjectKeysErrorKind::Unknown => {
            RuleViolation::new(Code::SubjectKeyMissing, error.context()).into()
        }
        _ => error.into(),
    }
}
