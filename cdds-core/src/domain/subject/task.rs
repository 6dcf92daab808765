//! Rules D3, D4: the erasure of one data type that a request asks for, as work that one worker at a time holds.
//!
//! A worker counts what an erasure would erase, stores that, erases, and reports. If it dies in between, the next one
//! counts again: what is not found any more was erased.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::request::{SubjectRequest, names_person};
use super::{Erased, Kept, ON_HOLD, Subject};
use crate::domain::id::{SourceId, SubjectRequestId, SubjectTaskId, TypeId};
use crate::domain::source::OfferedSources;
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::{
    GivenUp, LostClaim, WorkFailure, WorkOutcome, WorkRow, WorkState, WorkStatus,
};

/// How long after an erasure that left records on hold it is tried again.
pub const HOLD_LOOKED_AT: TimeDelta = TimeDelta::days(1);

/// The erasure of one data type (rule D4). It holds nothing of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectTask {
    /// Its id and owner, and how far it has come.
    pub work: WorkRow<SubjectTaskId>,
    /// The request that asks for it.
    pub request: SubjectRequestId,
    /// The source.
    pub source: SourceId,
    /// The data type.
    pub data_type: TypeId,
    /// How many records are known to be erased, over all attempts.
    pub erased: u64,
    /// How many an attempt was about to erase that has not reported since; `None` if there is no such attempt.
    pub looked: Option<u64>,
    /// What the last erasure answered; `None` before.
    pub outcome: Option<TaskOutcome>,
}

/// What an erasure answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutcome {
    /// It erased what it may.
    Erased {
        /// Records that stay, by reason.
        kept: Vec<Kept>,
    },
    /// The source does not erase records of this type.
    Unsupported,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskReport {
    /// It erased what it may.
    Erased(Erased),
    /// The source does not erase records of this type.
    Unsupported,
    /// It failed, and nothing was erased, or nobody knows whether.
    Failed(WorkFailure),
}

/// How a task stands, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskStanding {
    /// It waits for a worker.
    Waiting,
    /// A worker has it.
    Running,
    /// Records are on hold: it is tried again every day.
    OnHold,
    /// All records about the person are erased.
    Done,
    /// Records stay, for the reasons that are told.
    Partial,
    /// The source does not erase records of this type.
    Unsupported,
    /// It was given up: somebody has to see to it and ask for it again.
    Failed,
    /// Its request was refused or withdrawn before.
    Cancelled,
}

impl TaskStanding {
    /// Every standing.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Running,
        Self::OnHold,
        Self::Done,
        Self::Partial,
        Self::Unsupported,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Returns the stable name, as printed: `on_hold`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::OnHold => "on_hold",
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a stable name; `None` if there is no such standing.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == name)
    }
}

impl fmt::Display for TaskStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SubjectTask {
    /// Returns the tasks of a request: one for each data type in its scope that names people, in order.
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] if there is none.
    pub fn of(
        request: &SubjectRequest,
        sources: &dyn OfferedSources,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>, RuleViolation> {
        let tasks: Vec<Self> = request
            .scope
            .naming_people(sources)
            .into_iter()
            .map(|(source, data_type)| Self::new(request, source, data_type, now))
            .collect();
        if tasks.is_empty() {
            let why = format!(
                "nothing can be erased for request {}: none of the types that it chooses declares a field that names \
                 people. Erase where the records are, and refuse or withdraw the request here",
                request.id
            );
            return Err(RuleViolation::new(Code::SubjectRequestState, why));
        }
        Ok(tasks)
    }

    /// Checks, before an erasure is approved, that something of it can be carried out: at least one of its data types
    /// has a rule for it (rule D3).
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] if none has.
    pub fn check_rules(
        tasks: &[Self],
        request: &SubjectRequest,
        sources: &dyn OfferedSources,
    ) -> Result<(), RuleViolation> {
        let without = request.scope.not_erased(sources);
        let has_none = |task: &Self| without.contains(&(task.source.clone(), task.data_type.clone()));
        if !tasks.iter().all(has_none) {
            return Ok(());
        }
        let types = without.iter().map(|(source, data_type)| format!("{source}/{data_type}"));
        let why = format!(
            "nothing can be erased for request {}: no type that it chooses has a rule for erasures ({}). Give them rules \
             (`erase`), or erase where the records are and refuse the request here",
            request.id,
            types.collect::<Vec<_>>().join(", ")
        );
        Err(RuleViolation::new(Code::SubjectRequestState, why))
    }

    /// Creates a task that may be tried at once.
    pub fn new(request: &SubjectRequest, source: SourceId, data_type: TypeId, now: DateTime<Utc>) -> Self {
        Self {
            work: WorkRow::new(task_id(request.id, &source, &data_type), request.owner.clone(), now),
            request: request.id,
            source,
            data_type,
            erased: 0,
            looked: None,
            outcome: None,
        }
    }

    /// Renews the lease of a claim and, before it erases, notes how many records are `found` that may be erased. What an
    /// earlier attempt was about to erase and is not found any more, counts as erased.
    ///
    /// # Errors
    /// [`LostClaim`] if the claim does not hold.
    pub fn beaten(
        self,
        epoch: u64,
        found: Option<u64>,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Self, LostClaim> {
        let beaten = Self { work: self.work.clone().beaten(epoch, now, lease)?, ..self };
        Ok(match found {
            Some(found) => beaten.having_found(found),
            None => beaten,
        })
    }

    fn having_found(self, found: u64) -> Self {
        let gone = self.looked.map_or(0, |before| before.saturating_sub(found));
        Self { erased: self.erased.saturating_add(gone), looked: Some(found), ..self }
    }

    /// Ends the attempt of a claim. If records are on hold, it is tried again the next day.
    ///
    /// # Errors
    /// [`LostClaim`] if the claim does not hold.
    pub fn settled(self, epoch: u64, report: &TaskReport, now: DateTime<Utc>) -> Result<Self, LostClaim> {
        let is_known = self.work.status() == WorkStatus::Done;
        let done = |work: WorkRow<SubjectTaskId>| work.settled(epoch, &WorkOutcome::Done, now);
        match report {
            TaskReport::Failed(failure) => {
                let (failure, retry) = (failure.clone(), WorkRetry::default());
                let work = self.work.clone().settled(epoch, &WorkOutcome::Failed { failure, retry }, now)?;
                Ok(Self { work, ..self })
            }
            TaskReport::Unsupported => {
                let work = done(self.work.clone())?;
                Ok(Self { work, outcome: Some(TaskOutcome::Unsupported), ..self })
            }
            TaskReport::Erased(_) if is_known => Ok(Self { work: done(self.work.clone())?, ..self }),
            TaskReport::Erased(erased) => {
                let work = done(self.work.clone())?;
                let outcome = TaskOutcome::Erased { kept: erased.kept.clone() };
                let records = self.erased.saturating_add(erased.records);
                let settled = Self { work, erased: records, looked: None, outcome: Some(outcome), ..self };
                Ok(if settled.is_on_hold() { settled.looked_at_again(now) } else { settled })
            }
        }
    }

    fn looked_at_again(self, now: DateTime<Utc>) -> Self {
        match self.work.clone().over_again(now + HOLD_LOOKED_AT) {
            Ok(work) => Self { work, ..self },
            Err(_) => self,
        }
    }

    /// Starts over with a task that was given up, or that waits for a later attempt, because somebody asks for it.
    /// Returns `None` for any other: what is done stays done.
    #[must_use]
    pub fn again(self, now: DateTime<Utc>) -> Option<Self> {
        match self.work.state {
            WorkState::Waiting { next_attempt_at } if next_attempt_at > now => {}
            WorkState::GivenUp { reason: GivenUp::Refused | GivenUp::Exhausted, .. } => {}
            _ => return None,
        }
        let work = self.work.clone().over_again(now).ok()?;
        Some(Self { work, ..self })
    }

    /// Gives the task up because its request has ended before. What is done stays done.
    #[must_use]
    pub fn cancelled(self, now: DateTime<Utc>) -> Self {
        Self { work: self.work.clone().cancelled(now), ..self }
    }

    /// Whether nothing is left to do for it: everything is erased but what stays for good, or the source does not erase.
    pub fn is_answered(&self) -> bool {
        self.work.status() == WorkStatus::Done
    }

    /// Whether a worker may find something to do: it waits and may be tried, or another worker has it, who may be dead.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        match self.work.state {
            WorkState::Waiting { next_attempt_at } => next_attempt_at <= now,
            WorkState::Held { .. } => true,
            WorkState::Done { .. } | WorkState::GivenUp { .. } => false,
        }
    }

    /// Returns the records that stay, by reason.
    pub fn kept(&self) -> &[Kept] {
        match &self.outcome {
            Some(TaskOutcome::Erased { kept }) => kept,
            Some(TaskOutcome::Unsupported) | None => &[],
        }
    }

    fn is_on_hold(&self) -> bool {
        self.kept().iter().any(|kept| kept.reason == ON_HOLD)
    }

    /// Returns how it stands.
    pub fn standing(&self) -> TaskStanding {
        match (&self.work.state, &self.outcome) {
            (WorkState::Held { .. }, _) => TaskStanding::Running,
            (WorkState::GivenUp { reason: GivenUp::Gone, .. }, _) => TaskStanding::Cancelled,
            (WorkState::GivenUp { .. }, _) => TaskStanding::Failed,
            (WorkState::Waiting { .. }, Some(_)) if self.is_on_hold() => TaskStanding::OnHold,
            (WorkState::Waiting { .. }, _) => TaskStanding::Waiting,
            (WorkState::Done { .. }, Some(TaskOutcome::Unsupported)) => TaskStanding::Unsupported,
            (WorkState::Done { .. }, _) if self.kept().is_empty() => TaskStanding::Done,
            (WorkState::Done { .. }, _) => TaskStanding::Partial,
        }
    }
}

/// Derives the id of a task from its purpose, so that it cannot be stored twice.
pub fn task_id(request: SubjectRequestId, source: &SourceId, data_type: &TypeId) -> SubjectTaskId {
    // Names contain no slash.
    SubjectTaskId(Uuid::new_v5(&request.0, format!("erase:{source}/{data_type}").as_bytes()))
}

/// Returns when the last task of a request was answered, if all of them are, and there is one.
pub fn answered_at(tasks: &[SubjectTask]) -> Option<DateTime<Utc>> {
    let at = |task: &SubjectTask| match task.work.state {
        WorkState::Done { at } => Some(at),
        _ => None,
    };
    tasks.iter().map(at).collect::<Option<Vec<_>>>()?.into_iter().max()
}

impl TaskReport {
    /// Returns the report without words that hold an identifier of the person: it outlives the request (rule D6).
    /// Sources promise that theirs hold none.
    #[must_use]
    pub fn without_names(self, subject: &Subject) -> Self {
        match self {
            Self::Erased(erased) => {
                let hidden = Erased { records: erased.records, kept: Vec::new() };
                let kept = erased.kept.iter();
                Self::Erased(kept.fold(hidden, |hidden, kept| {
                    let reason = if names_person(&kept.reason, subject) { NOT_TOLD } else { &kept.reason };
                    hidden.with_kept(reason, kept.records)
                }))
            }
            Self::Failed(failure) if names_person(&failure.message, subject) => {
                let message = format!("the source does not erase, {NOT_TOLD}");
                Self::Failed(WorkFailure::new(failure.kind, message, failure.retryable))
            }
            other => other,
        }
    }
}

const NOT_TOLD: &str = "for a reason that names the person and is therefore not told";

#[cfg(test)]
mod tests;
