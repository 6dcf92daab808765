//! Notices, with the state of their delivery.

use cdds_core::domain::id::{NoticeId, WorkerId};
use cdds_core::domain::notice::{Channel, Notice, NoticeKind};
use cdds_core::domain::work::lease::Lease;
use cdds_core::domain::work::row::{GivenUp, WorkAttempts, WorkRow, WorkState, WorkStatus};
use cdds_core::ports::catalog::CatalogError;

use super::super::stored;
use super::{Reading, corrupt, integer, micros};

/// A notice. The columns that belong to one state only are null in every other.
#[derive(Debug)]
pub(in crate::catalog) struct NoticeRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) at: i64,
    pub(in crate::catalog) subscriber: String,
    pub(in crate::catalog) channel: String,
    pub(in crate::catalog) work: WorkColumns,
}

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

impl NoticeRow {
    pub(in crate::catalog) fn of(notice: &Notice) -> Result<Self, CatalogError> {
        Ok(Self {
            id: notice.work.id.to_string(),
            execution_id: notice.execution_id.to_string(),
            job_id: notice.job_id.to_string(),
            owner: notice.work.owner.to_string(),
            kind: notice.kind.as_str().to_owned(),
            at: micros(notice.at),
            subscriber: notice.subscriber.to_string(),
            channel: notice.channel.as_str().to_owned(),
            work: WorkColumns::of(&notice.work)?,
        })
    }

    pub(in crate::catalog) fn into_notice(self) -> Result<Notice, CatalogError> {
        let row = Reading { table: "notice", id: &self.id };
        let unknown = |what: &str, name: &str| row.corrupt(format_args!("unknown {what} {name:?}"));
        let id: NoticeId = row.parse(&self.id)?;
        Ok(Notice {
            execution_id: row.parse(&self.execution_id)?,
            job_id: row.parse(&self.job_id)?,
            kind: NoticeKind::parse(&self.kind).ok_or_else(|| unknown("kind", &self.kind))?,
            at: row.at(self.at)?,
            subscriber: row.parse(&self.subscriber)?,
            channel: Channel::parse(&self.channel).ok_or_else(|| unknown("channel", &self.channel))?,
            work: WorkRow {
                id,
                owner: row.parse(&self.owner)?,
                epoch: row.number(self.work.epoch)?,
                attempts: self.work.attempts(&row)?,
                state: self.work.state(&row)?,
            },
        })
    }
}

impl WorkColumns {
    fn of(work: &WorkRow<NoticeId>) -> Result<Self, CatalogError> {
        let failure = work.attempts.failure.as_ref().map(stored::work_failure_to_json).transpose();
        let attempts = Self {
            state: work.status().as_str().to_owned(),
            epoch: integer(work.epoch),
            attempts: i64::from(work.attempts.count),
            first_attempt_at: work.attempts.first_at.map(micros),
            last_attempt_at: work.attempts.last_at.map(micros),
            failure: failure.map_err(|error| corrupt("notice", &work.id.to_string(), error))?,
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
