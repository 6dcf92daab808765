//! Requests of data subjects, and the hashes of their identifiers.

use cdds_core::domain::subject::request::{
    Evidence, HandedOver, Handover, RequestKind, RequestState, RequestStatus, RequestStep, RequestText,
    Stage, SubjectRequest,
};
use cdds_core::domain::subject::{HashedIdentifier, KeyedHash, SealedIdentifiers};
use cdds_core::ports::catalog::CatalogError;

use super::super::stored;
use super::{Reading, corrupt, integer, micros};

/// A request, without the hashes.
#[derive(Debug)]
pub(in crate::catalog) struct SubjectRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) version: i64,
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) state: String,
    pub(in crate::catalog) scope: String,
    pub(in crate::catalog) sealed_by: Option<String>,
    pub(in crate::catalog) sealed: Option<Vec<u8>>,
    pub(in crate::catalog) received: StepColumns,
    pub(in crate::catalog) due_at: i64,
    pub(in crate::catalog) evidence_who: Option<String>,
    pub(in crate::catalog) evidence_how: Option<String>,
    pub(in crate::catalog) verified: StepColumns,
    pub(in crate::catalog) approved: StepColumns,
    pub(in crate::catalog) extended: StepColumns,
    pub(in crate::catalog) ended: StepColumns,
    pub(in crate::catalog) reason: Option<String>,
    pub(in crate::catalog) handover: Option<String>,
    pub(in crate::catalog) handed_over_at: Option<i64>,
    pub(in crate::catalog) handed_over_by: Option<String>,
}

/// When a step was taken, and by whom; both or neither.
#[derive(Debug, Default)]
pub(in crate::catalog) struct StepColumns {
    pub(in crate::catalog) at: Option<i64>,
    pub(in crate::catalog) by: Option<String>,
}

impl StepColumns {
    fn of(step: Option<&RequestStep>) -> Self {
        Self { at: step.map(|step| micros(step.at)), by: step.map(|step| step.by.to_string()) }
    }

    fn step(&self, row: &Reading<'_>) -> Result<Option<RequestStep>, CatalogError> {
        match (self.at, &self.by) {
            (Some(at), Some(by)) => Ok(Some(RequestStep { at: row.at(at)?, by: row.parse(by)? })),
            (None, None) => Ok(None),
            _ => Err(row.corrupt("a step has an instant or a name, but not both")),
        }
    }
}

impl SubjectRow {
    pub(in crate::catalog) fn of(request: &SubjectRequest) -> Result<Self, CatalogError> {
        let id = request.id.to_string();
        let (evidence, verified) = request.verified.as_ref().map(|(one, other)| (one, other)).unzip();
        let (ended, reason) = request.ended().unzip();
        let sealed = request.sealed();
        Ok(Self {
            scope: stored::scope_to_json(&request.scope)
                .map_err(|error| corrupt("subject request", &id, error))?,
            id,
            owner: request.owner.to_string(),
            version: integer(request.version),
            kind: request.kind.as_str().to_owned(),
            state: request.status().as_str().to_owned(),
            sealed_by: sealed.map(|sealed| sealed.key.to_string()),
            sealed: sealed.map(|sealed| sealed.bytes.clone()),
            received: StepColumns::of(Some(&request.received)),
            due_at: micros(request.due_at),
            evidence_who: evidence.map(|evidence| evidence.who.to_string()),
            evidence_how: evidence.map(|evidence| evidence.how.to_string()),
            verified: StepColumns::of(verified),
            approved: StepColumns::of(request.approved.as_ref()),
            extended: StepColumns::of(request.extended.as_ref()),
            ended: match request.done_at() {
                Some(at) => StepColumns { at: Some(micros(at)), by: None },
                None => StepColumns::of(ended),
            },
            reason: reason.flatten().map(ToString::to_string),
            handover: request.handover.as_ref().map(ToString::to_string),
            handed_over_at: request.handed_over.map(|handed| micros(handed.at)),
            handed_over_by: request.handed_over.map(|handed| handed.execution.to_string()),
        })
    }

    pub(in crate::catalog) fn into_request(
        self,
        identifiers: Vec<HashedIdentifier>,
    ) -> Result<SubjectRequest, CatalogError> {
        let row = Reading { table: "subject request", id: &self.id };
        let kind = RequestKind::parse(&self.kind);
        let received = self.received.step(&row)?;
        Ok(SubjectRequest {
            id: row.parse(&self.id)?,
            owner: row.parse(&self.owner)?,
            kind: kind.ok_or_else(|| row.corrupt(format_args!("unknown kind {:?}", self.kind)))?,
            scope: stored::scope_from_json(&self.scope).map_err(|error| row.corrupt(error))?,
            identifiers,
            handover: self.handover(&row)?,
            handed_over: self.handed_over(&row)?,
            state: self.state(&row)?,
            received: received.ok_or_else(|| row.corrupt("nobody has put it on record"))?,
            verified: self.evidence(&row)?.zip(self.verified.step(&row)?),
            approved: self.approved.step(&row)?,
            extended: self.extended.step(&row)?,
            due_at: row.at(self.due_at)?,
            version: row.number(self.version)?,
        })
    }

    fn state(&self, row: &Reading<'_>) -> Result<RequestState, CatalogError> {
        let status = RequestStatus::parse(&self.state);
        let ended =
            || self.ended.step(row)?.ok_or_else(|| row.corrupt("it has ended, and it is not known when"));
        let stage = match status {
            Some(RequestStatus::Received) => Stage::Received,
            Some(RequestStatus::Verified) => Stage::Verified,
            Some(RequestStatus::Approved) => Stage::Approved,
            Some(RequestStatus::Running) => Stage::Running,
            Some(RequestStatus::Done) => {
                let at =
                    self.ended.at.ok_or_else(|| row.corrupt("it is done, and it is not known since when"))?;
                return Ok(RequestState::Done { at: row.at(at)? });
            }
            Some(RequestStatus::Refused) => {
                let reason = text(row, self.reason.as_deref())?;
                let reason = reason.ok_or_else(|| row.corrupt("it is refused without a reason"))?;
                return Ok(RequestState::Refused { reason, ended: ended()? });
            }
            Some(RequestStatus::Withdrawn) => return Ok(RequestState::Withdrawn { ended: ended()? }),
            _ => return Err(row.corrupt(format_args!("unknown state {:?}", self.state))),
        };
        match (&self.sealed_by, &self.sealed) {
            (Some(key), Some(bytes)) => {
                let sealed = SealedIdentifiers { key: row.parse(key)?, bytes: bytes.clone() };
                Ok(RequestState::Open { stage, sealed })
            }
            _ => Err(row.corrupt("it is open and has no identifiers")),
        }
    }

    fn handover(&self, row: &Reading<'_>) -> Result<Option<Handover>, CatalogError> {
        let parse = |text: &str| {
            Handover::parse(text).ok_or_else(|| row.corrupt("it is handed over in a way that is not known"))
        };
        self.handover.as_deref().map(parse).transpose()
    }

    fn handed_over(&self, row: &Reading<'_>) -> Result<Option<HandedOver>, CatalogError> {
        match (self.handed_over_at, &self.handed_over_by) {
            (Some(at), Some(by)) => Ok(Some(HandedOver { execution: row.parse(by)?, at: row.at(at)? })),
            (None, None) => Ok(None),
            _ => Err(row.corrupt("it was handed over at an instant or by an execution, but not both")),
        }
    }

    fn evidence(&self, row: &Reading<'_>) -> Result<Option<Evidence>, CatalogError> {
        let who = text(row, self.evidence_who.as_deref())?;
        let how = text(row, self.evidence_how.as_deref())?;
        Ok(who.zip(how).map(|(who, how)| Evidence { who, how }))
    }
}

fn text(row: &Reading<'_>, text: Option<&str>) -> Result<Option<RequestText>, CatalogError> {
    text.map(|text| RequestText::new(text).map_err(|error| row.corrupt(error))).transpose()
}

/// The hash of one identifier.
#[derive(Debug)]
pub(in crate::catalog) struct HashRow {
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) key_id: String,
    pub(in crate::catalog) digest: String,
}

impl HashRow {
    pub(in crate::catalog) fn of(identifier: &HashedIdentifier) -> Self {
        let HashedIdentifier { kind, hash } = identifier;
        Self { kind: kind.to_string(), key_id: hash.key.to_string(), digest: hash.hex() }
    }

    pub(in crate::catalog) fn into_identifier(self, request: &str) -> Result<HashedIdentifier, CatalogError> {
        let row = Reading { table: "identifier of subject request", id: request };
        let hash = KeyedHash::from_hex(row.parse(&self.key_id)?, &self.digest);
        let hash = hash.ok_or_else(|| row.corrupt("its hash is no HMAC-SHA-256 in hexadecimal"))?;
        Ok(HashedIdentifier { kind: row.parse(&self.kind)?, hash })
    }
}
