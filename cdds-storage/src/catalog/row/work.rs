//! The columns of work that one worker at a time holds.

use cdds_core::domain::id::WorkerId;
use cdds_core::domain::work::lease::Lease;
use cdds_core::domain::work::row::{GivenUp, WorkAttempts, WorkRow, WorkState, WorkStatus};
use cdds_core::ports::catalog::CatalogError;
use uuid::Uuid;

use super::super::stored;
use super::{Reading, corrupt, integer, micros};

/// The columns of any work row.
#[derive(Debug, Default)]
pub(in crate::catalog) struct WorkColumns {
    pub(in crate::catalog) state: String,
    pub(in crate::catalog) reason: Option<String>,
    pub(in crate::catalog) epoch: i64,
    pub(in crate::catalog) attempts: i64,
    pub(in crate::catalog) first_attempt_at: Option<i64>,
    pub(in crate::catalog) last_attempt_at: Option<i64>,
    pub(in crate::catalog) failure: Option<String>,
    pub(in crate::catalog) next_attempt_at: Option<i64>,
    pub(in crate::catalog) worker: Option<String>,
    pub(in crate::catalog) lease_renewed_at: Option<i64>,
    pub(in crate::catalog) lease_expires_at: Option<i64>,
    pub(in crate::catalog) ended_at: Option<i64>,
}

impl WorkColumns {
    pub(super) fn of<Id>(table: &str, work: &WorkRow<Id>) -> Result<Self, CatalogError>
    where
        Id: Copy + Into<Uuid> + std::fmt::Display,
    {
        let failure = work.attempts.failure.as_ref().map(stored::work_failure_to_json).transpose();
        let attempts = Self {
            state: work.status().as_str().to_owned(),
            epoch: integer(work.epoch),
            attempts: i64::from(work.attempts.count),
            first_attempt_at: work.attempts.first_at.map(micros),
            last_attempt_at: work.attempts.last_at.map(micros),
            failure: failure.map_err(|error| corrupt(table, &work.id.to_string(), error))?,
            ..Self::default()
        };
        Ok(match &work.state {
            WorkState::Waiting { next_attempt_at } => {
                Self { next_attempt_at: Some(micros(*next_attempt_at)), ..attempts }
            }
            WorkState::Held { worker, lease } => Self {
                worker: Some(worker.to_string()),
                lease_renewed_at: Some(micros(lease.renewed_at)),
                lease_expires_at: Some(micros(lease.expires_at)),
                ..attempts
            },
            WorkState::Done { at } => Self { ended_at: Some(micros(*at)), ..attempts },
            WorkState::GivenUp { reason, at } => {
                Self { reason: Some(reason.as_str().to_owned()), ended_at: Some(micros(*at)), ..attempts }
            }
        })
    }

    pub(super) fn into_work<Id>(
        self,
        row: &Reading<'_>,
        id: Id,
        owner: &str,
    ) -> Result<WorkRow<Id>, CatalogError> {
        Ok(WorkRow {
            id,
            owner: row.parse(owner)?,
            epoch: row.number(self.epoch)?,
            attempts: self.attempts(row)?,
            state: self.state(row)?,
        })
    }

    fn attempts(&self, row: &Reading<'_>) -> Result<WorkAttempts, CatalogError> {
        let failure = self.failure.as_deref().map(stored::work_failure_from_json).transpose();
        Ok(WorkAttempts {
            count: row.number(self.attempts)?,
            first_at: row.at_if(self.first_attempt_at)?,
            last_at: row.at_if(self.last_attempt_at)?,
            failure: failure.map_err(|error| row.corrupt(error))?,
        })
    }

    fn state(&self, row: &Reading<'_>) -> Result<WorkState, CatalogError> {
        let missing = || row.corrupt(format_args!("{} without its details", self.state));
        let at = |value: Option<i64>| row.at(value.ok_or_else(missing)?);
        let status = WorkStatus::parse(&self.state);
        Ok(match status.ok_or_else(|| row.corrupt(format_args!("unknown state {:?}", self.state)))? {
            WorkStatus::Waiting => WorkState::Waiting { next_attempt_at: at(self.next_attempt_at)? },
            WorkStatus::Held => WorkState::Held {
                worker: row.parse::<WorkerId>(self.worker.as_deref().ok_or_else(missing)?)?,
                lease: Lease {
                    renewed_at: at(self.lease_renewed_at)?,
                    expires_at: at(self.lease_expires_at)?,
                },
            },
            WorkStatus::Done => WorkState::Done { at: at(self.ended_at)? },
            WorkStatus::GivenUp => WorkState::GivenUp {
                reason: self.reason.as_deref().and_then(GivenUp::parse).ok_or_else(missing)?,
                at: at(self.ended_at)?,
            },
        })
    }
}
