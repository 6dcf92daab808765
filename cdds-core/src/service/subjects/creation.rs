//! Rules D2, D6, D8, J18: how a request comes on record.

use chrono::{DateTime, Utc};

use super::{Subjects, refusal};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::SubjectRequestId;
use crate::domain::request::RequestKey;
use crate::domain::subject::Subject;
use crate::domain::subject::request::{Handover, ReceivedRequest, RequestKind, Scope, SubjectRequest};
use crate::domain::violation::{Code, RuleViolation};
use crate::identifiers;
use crate::service::access::{check, entry};
use crate::service::{ServiceError, jobs, until_settled};
use crate::setters::setters;

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
    /// The key with which the request may be sent again (rule J18). What the key was given as the rest of the request does
    /// not matter here: that is compared with what is on record.
    pub key: Option<RequestKey>,
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
        with_key => key: option RequestKey;
    }
}

impl NewSubjectRequest {
    /// Asks for something about a person in all sources, within a month.
    pub fn new(subject: Subject, kind: RequestKind) -> Self {
        Self { subject, kind, scope: Scope::default(), due_at: None, handover: None, key: None }
    }
}

impl Subjects {
    /// Puts a request on record, and returns it. The same request with the same key creates nothing more: it is answered by
    /// the one on record, as that is now (rule J18).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with [`Code::SubjectRequestRepeated`] if it asks for nothing that an open one does not
    /// ask for already (rule D8), with [`Code::RequestKeyUsed`] if another request had the same key, with
    /// [`Code::SubjectKeyMissing`] without keys, for a source, a type, a due date or a certificate that is not possible, and
    /// if a copy is asked for and no type could be asked (rule D9).
    pub async fn create(
        &self,
        by: &Principal,
        new: &NewSubjectRequest,
    ) -> Result<SubjectRequest, ServiceError> {
        check(&self.ports, by, Action::CreateSubjectRequest, None).await?;
        until_settled(async || {
            let now = self.ports.catalog.now().await?;
            let (handover, certificate) = self.handover(new, now)?;
            if let Some(earlier) = self.created(by, new, handover.as_ref()).await? {
                return Ok(earlier);
            }
            if let Err(error) = self.ports.subject_keys.current() {
                return Err(self.without_keys(by, error).await);
            }
            let request = self.received(by, new, (handover, certificate.as_deref()), now)?;
            let entry = entry(&self.ports, by, Action::CreateSubjectRequest, now);
            let entry =
                entry.with_object(Object::SubjectRequest(request.id)).with_version_after(request.version);
            match self.ports.catalog.insert_subject_request(&request, &[entry]).await? {
                None => Ok(request),
                // The same request came in between.
                Some(open) if open == request.id => self.find(by, open).await,
                Some(open) => Err(RuleViolation::new(
                    Code::SubjectRequestRepeated,
                    format!(
                        "request {open} is open and asks for the same about this person: answer that one"
                    ),
                )
                .into()),
            }
        })
        .await
    }

    /// Returns the request that was put on record with this key.
    async fn created(
        &self,
        by: &Principal,
        new: &NewSubjectRequest,
        handover: Option<&Handover>,
    ) -> Result<Option<SubjectRequest>, ServiceError> {
        let Some(key) = &new.key else { return Ok(None) };
        let id = key.subject_request(&by.owner);
        let Some(earlier) = self.ports.catalog.subject_request(&by.owner, id).await? else { return Ok(None) };
        // A hash of what was asked for would be one of identifiers without a secret, so what is on record is compared.
        let names_them =
            identifiers::are_of(&*self.ports.subject_keys, &earlier, &new.subject).map_err(refusal)?;
        let is_due = earlier.extended.is_some() || new.due_at.is_none_or(|due_at| due_at == earlier.due_at);
        let is_same =
            (earlier.kind, &earlier.scope, earlier.handover.as_ref()) == (new.kind, &new.scope, handover);
        if names_them && is_due && is_same {
            return Ok(Some(earlier));
        }
        let why = format!(
            "another request with the key {} was put on record as {id}: use another key",
            key.as_str()
        );
        Err(RuleViolation::new(Code::RequestKeyUsed, why).into())
    }

    /// Decides what comes on record.
    fn received(
        &self,
        by: &Principal,
        new: &NewSubjectRequest,
        (handover, certificate): (Option<Handover>, Option<&[u8]>),
        now: DateTime<Utc>,
    ) -> Result<SubjectRequest, ServiceError> {
        let sources = self.ports.sources.for_owner(&by.owner);
        new.scope.check_offered(&sources)?;
        let fresh = || SubjectRequestId(self.ports.ids.next());
        let id = new.key.as_ref().map_or_else(fresh, |key| key.subject_request(&by.owner));
        let keys = &*self.ports.subject_keys;
        let sealed = identifiers::sealed(keys, &by.owner, id, &new.subject, certificate);
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
        Ok(request)
    }

    /// Checks the certificate, as those of recipients are (rule S2). Returns how a copy is handed over, and the certificate
    /// in DER.
    fn handover(
        &self,
        new: &NewSubjectRequest,
        now: DateTime<Utc>,
    ) -> Result<(Option<Handover>, Option<Vec<u8>>), ServiceError> {
        new.kind.check_handover(new.handover.is_some())?;
        Ok(match &new.handover {
            None => (None, None),
            Some(NewHandover::Plaintext) => (Some(Handover::Plaintext), None),
            Some(NewHandover::Certificate(encoded)) => {
                let facts = self.ports.certificates.inspect(encoded, now).map_err(jobs::refusal)?;
                (Some(Handover::Sealed { fingerprint: facts.fingerprint }), Some(facts.der))
            }
        })
    }
}
