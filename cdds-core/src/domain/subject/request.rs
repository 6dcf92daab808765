//! Rules D2, D3, D6, D8, D9: what a person asks for about the records of one data subject, and how far it has come.
//!
//! Every function decides: it takes a request as it is and returns it as it is afterwards, or refuses.

mod due;
mod handover;
mod scope;
mod step;

use std::fmt;

use chrono::{DateTime, Utc};

pub use self::due::{Due, EXTENSION_MONTHS, NEAR};
pub use self::handover::{Asked, HandedOver, Handover, NotAsked, WhyNotAsked};
pub use self::scope::{Scope, ScopePart};
pub use self::step::{Evidence, RequestStep, RequestText, names_person};
use super::{HashedIdentifier, InvalidIdentifier, SealedIdentifiers};
use crate::domain::access::PrincipalName;
use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::violation::{Code, RuleViolation};

/// A request about the records of one person (rule D2).
///
/// It holds no identifier in the clear, ever: while it is open they are [sealed](RequestState::Open), and afterwards
/// only their keyed hashes stay (rule D6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRequest {
    /// Its id.
    pub id: SubjectRequestId,
    /// Whose records it is about: those that this owner may export.
    pub owner: Owner,
    /// What is asked for.
    pub kind: RequestKind,
    /// In which sources and types.
    pub scope: Scope,
    /// The keyed hashes of the identifiers, ordered as these are.
    pub identifiers: Vec<HashedIdentifier>,
    /// Who can read what is handed over; `None` if nothing is. A request for access that was put on record by an earlier
    /// version may have none, and is not answered by itself.
    pub handover: Option<Handover>,
    /// The set that was handed over; `None` before.
    pub handed_over: Option<HandedOver>,
    /// How far it has come.
    pub state: RequestState,
    /// Who put it on record; a request dates from then.
    pub received: RequestStep,
    /// How the person's identity was checked, and who recorded that; `None` before.
    pub verified: Option<(Evidence, RequestStep)>,
    /// Who approved the erasure; `None` before, and for access alone.
    pub approved: Option<RequestStep>,
    /// Who extended the due date, after the person was told; `None` unless somebody did.
    pub extended: Option<RequestStep>,
    /// When it has to be answered.
    pub due_at: DateTime<Utc>,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// A copy of their records.
    Access,
    /// That their records are erased.
    Erasure,
    /// A copy, and then the erasure.
    Both,
}

impl RequestKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Access, Self::Erasure, Self::Both];

    /// Returns the stable name, as typed and stored: `access`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Erasure => "erasure",
            Self::Both => "both",
        }
    }

    /// Reads a stable name; `None` if there is no such kind.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether records are erased.
    pub const fn erases(self) -> bool {
        matches!(self, Self::Erasure | Self::Both)
    }

    /// Whether everything that the other kind asks for is asked for here, too.
    pub fn covers(self, other: Self) -> bool {
        self == Self::Both || self == other
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a request has come (rule D3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// It is to be answered.
    Open {
        /// The last step.
        stage: Stage,
        /// The identifiers, which end with this state (rule D6).
        sealed: SealedIdentifiers,
    },
    /// The owner refused it.
    Refused {
        /// Why, as the person is told.
        reason: RequestText,
        /// Who refused it.
        ended: RequestStep,
    },
    /// The person asks for it no more.
    Withdrawn {
        /// Who recorded that.
        ended: RequestStep,
    },
    /// It is answered: what was to be handed over is there, and what was to be erased is, as far as it can be.
    Done {
        /// Since when.
        at: DateTime<Utc>,
    },
}

/// The last step of an open request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It was put on record.
    Received,
    /// The person's identity was checked.
    Verified,
    /// Somebody else than who asked has approved the erasure.
    Approved,
    /// The erasure has begun: workers carry out its [tasks](super::SubjectTask).
    Running,
}

/// The name of a state, by which requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestStatus {
    /// It was put on record.
    Received,
    /// The person's identity was checked.
    Verified,
    /// The erasure was approved.
    Approved,
    /// The erasure has begun.
    Running,
    /// The owner refused it.
    Refused,
    /// The person asks for it no more.
    Withdrawn,
    /// It is answered.
    Done,
}

impl RequestStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[
        Self::Received,
        Self::Verified,
        Self::Approved,
        Self::Running,
        Self::Refused,
        Self::Withdrawn,
        Self::Done,
    ];

    /// Returns the stable name, as typed and stored: `received`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Verified => "verified",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Done => "done",
        }
    }

    /// Reads a stable name; `None` if there is no such status.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }

    /// Whether the request is still to be answered.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Received | Self::Verified | Self::Approved | Self::Running)
    }
}

impl fmt::Display for RequestStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request that is to be put on record.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// Its id.
    pub id: SubjectRequestId,
    /// Whose records it is about.
    pub owner: Owner,
    /// What is asked for.
    pub kind: RequestKind,
    /// In which sources and types.
    pub scope: Scope,
    /// The keyed hashes of the identifiers.
    pub identifiers: Vec<HashedIdentifier>,
    /// The identifiers.
    pub sealed: SealedIdentifiers,
    /// Who can read what is handed over; `None` if nothing is.
    pub handover: Option<Handover>,
    /// When it has to be answered; a month after now if left out.
    pub due_at: Option<DateTime<Utc>>,
}

impl SubjectRequest {
    /// Puts a request on record.
    ///
    /// # Errors
    /// [`Code::InvalidSubjectRequest`] if the due date is not within the year that begins now, or if how records are handed
    /// over does not fit what is asked for ([`RequestKind::check_handover`]).
    pub fn receive(
        request: ReceivedRequest,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<Self, RuleViolation> {
        request.kind.check_handover(request.handover.is_some())?;
        let due_at = due::first(request.due_at, now)?;
        Ok(Self {
            id: request.id,
            owner: request.owner,
            kind: request.kind,
            scope: request.scope,
            identifiers: request.identifiers,
            handover: request.handover,
            handed_over: None,
            state: RequestState::Open { stage: Stage::Received, sealed: request.sealed },
            received: RequestStep { by: by.clone(), at: now },
            verified: None,
            approved: None,
            extended: None,
            due_at,
            version: 1,
        })
    }

    /// Returns the name of its state.
    pub fn status(&self) -> RequestStatus {
        match &self.state {
            RequestState::Open { stage: Stage::Received, .. } => RequestStatus::Received,
            RequestState::Open { stage: Stage::Verified, .. } => RequestStatus::Verified,
            RequestState::Open { stage: Stage::Approved, .. } => RequestStatus::Approved,
            RequestState::Open { stage: Stage::Running, .. } => RequestStatus::Running,
            RequestState::Refused { .. } => RequestStatus::Refused,
            RequestState::Withdrawn { .. } => RequestStatus::Withdrawn,
            RequestState::Done { .. } => RequestStatus::Done,
        }
    }

    /// Returns the identifiers of an open request.
    pub fn sealed(&self) -> Option<&SealedIdentifiers> {
        match &self.state {
            RequestState::Open { sealed, .. } => Some(sealed),
            RequestState::Refused { .. } | RequestState::Withdrawn { .. } | RequestState::Done { .. } => None,
        }
    }

    /// Returns who ended it before it was answered, and why if it was refused; `None` while it is open, and once it is
    /// answered.
    pub fn ended(&self) -> Option<(&RequestStep, Option<&RequestText>)> {
        match &self.state {
            RequestState::Open { .. } | RequestState::Done { .. } => None,
            RequestState::Refused { reason, ended } => Some((ended, Some(reason))),
            RequestState::Withdrawn { ended } => Some((ended, None)),
        }
    }

    /// Returns since when it is answered; `None` before, and if it ended in another way.
    pub fn done_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            RequestState::Done { at } => Some(at),
            _ => None,
        }
    }

    /// Whether a new request asks for nothing that this one does not ask for already: it names one of the same
    /// identifiers, and kind and scope of this one cover its own (rule D8). Only an open request is repeated.
    pub fn is_repeated_by(&self, new: &Self) -> bool {
        let is_named = |one: &HashedIdentifier| new.identifiers.contains(one);
        self.status().is_open()
            && self.owner == new.owner
            && self.kind.covers(new.kind)
            && self.scope.covers(&new.scope)
            && self.identifiers.iter().any(is_named)
    }

    /// Records that the person's identity was checked (rule D2).
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] unless it was received and nothing more.
    pub fn verify(
        self,
        evidence: Evidence,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<Self, RuleViolation> {
        let step = RequestStep { by: by.clone(), at: now };
        let next = self.next(Stage::Received, Stage::Verified, "verified")?;
        Ok(Self { verified: Some((evidence, step)), ..next })
    }

    /// Approves an erasure (rule D3).
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] unless identity was checked and that is the last step, or if nothing is to be
    /// erased; [`Code::OwnSubjectRequest`] for who asked.
    pub fn approve(self, by: &PrincipalName, now: DateTime<Utc>) -> Result<Self, RuleViolation> {
        if !self.kind.erases() {
            return Err(self.in_the_way("approved: it asks for access alone, which needs no approval"));
        }
        let step = RequestStep { by: by.clone(), at: now };
        let next = self.next(Stage::Verified, Stage::Approved, "approved")?;
        if next.received.by == *by {
            let why = format!(
                "{by} has put request {} on record, so somebody else has to approve the erasure",
                next.id
            );
            return Err(RuleViolation::new(Code::OwnSubjectRequest, why));
        }
        Ok(Self { approved: Some(step), ..next })
    }

    /// Whether its erasure may begin: it is approved and, if a copy is asked for as well, `export_done` says that the copy
    /// was published. What is not handed over yet must not be erased.
    pub fn may_erase(&self, export_done: bool) -> bool {
        self.status() == RequestStatus::Approved && (self.kind == RequestKind::Erasure || export_done)
    }

    /// Begins the erasure. `export_done` says whether the copy that is asked for as well was published.
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] unless it [may](Self::may_erase).
    pub fn run(self, export_done: bool) -> Result<Self, RuleViolation> {
        if self.status() == RequestStatus::Approved && !self.may_erase(export_done) {
            return Err(self.in_the_way("run: the copy that is asked for as well has yet to be published"));
        }
        self.next(Stage::Approved, Stage::Running, "run")
    }

    /// Ends a request that is answered: its copy was published, or all tasks of its erasure are
    /// [answered](super::SubjectTask::is_answered). Its identifiers end with that (rule D6).
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] unless its erasure runs or, if it asks for access alone, identity was checked.
    pub fn finish(self, at: DateTime<Utc>) -> Result<Self, RuleViolation> {
        let last = if self.kind.erases() { RequestStatus::Running } else { RequestStatus::Verified };
        if self.status() != last {
            return Err(self.in_the_way("done"));
        }
        let version = self.version + 1;
        Ok(Self { state: RequestState::Done { at }, version, ..self })
    }

    /// Moves the due date, once the person was told why it takes longer (rule D2): to an instant, or by two months.
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] if it has ended, was extended before or is overdue;
    /// [`Code::InvalidSubjectRequest`] if the new date is no later, or more than a year after it was received.
    pub fn extend(
        self,
        to: Option<DateTime<Utc>>,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<Self, RuleViolation> {
        self.check_open("extended")?;
        if self.extended.is_some() {
            return Err(self.in_the_way("extended: it was extended before, and that is possible once"));
        }
        if self.due_at <= now {
            return Err(self.in_the_way("extended: it is overdue, and the person has to be told before that"));
        }
        let due_at = due::extended(self.due_at, to, self.received.at)?;
        let version = self.version + 1;
        Ok(Self { due_at, extended: Some(RequestStep { by: by.clone(), at: now }), version, ..self })
    }

    /// Refuses the request. Its identifiers end with that (rule D6).
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] if it has ended.
    pub fn refuse(
        self,
        reason: RequestText,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<Self, RuleViolation> {
        self.check_open("refused")?;
        let ended = RequestStep { by: by.clone(), at: now };
        let version = self.version + 1;
        Ok(Self { state: RequestState::Refused { reason, ended }, version, ..self })
    }

    /// Records that the person asks for it no more. Its identifiers end with that (rule D6).
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] if it has ended.
    pub fn withdraw(self, by: &PrincipalName, now: DateTime<Utc>) -> Result<Self, RuleViolation> {
        self.check_open("withdrawn")?;
        let ended = RequestStep { by: by.clone(), at: now };
        let version = self.version + 1;
        Ok(Self { state: RequestState::Withdrawn { ended }, version, ..self })
    }

    /// Returns how near its due date is; `None` if it has ended.
    pub fn due(&self, now: DateTime<Utc>) -> Option<Due> {
        self.status().is_open().then(|| Due::of(self.due_at, now))
    }

    /// Goes from one stage to the next.
    fn next(self, from: Stage, to: Stage, step: &str) -> Result<Self, RuleViolation> {
        match self.state {
            RequestState::Open { stage, sealed } if stage == from => {
                let version = self.version + 1;
                Ok(Self { state: RequestState::Open { stage: to, sealed }, version, ..self })
            }
            _ => Err(self.in_the_way(step)),
        }
    }

    fn check_open(&self, step: &str) -> Result<(), RuleViolation> {
        if self.status().is_open() { Ok(()) } else { Err(self.in_the_way(step)) }
    }

    fn in_the_way(&self, step: &str) -> RuleViolation {
        let (id, status) = (self.id, self.status());
        let why = format!("request {id} is {status} and cannot be {step}");
        RuleViolation::new(Code::SubjectRequestState, why)
    }
}

/// Refuses a request by what is wrong with its identifiers. Holds nothing of their values.
pub fn refusal(why: InvalidIdentifier) -> RuleViolation {
    RuleViolation::new(Code::InvalidSubjectRequest, why.to_string())
}

#[cfg(test)]
mod tests;
