//! Jobs, and their newest executions for lists.

use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::catalog::query::LatestExecution;
use cdds_core::stored::{settings_from_json, settings_to_json};
use chrono::FixedOffset;

use super::super::stored;
use super::{Reading, corrupt, integer, micros};

/// A job. `title_folded`, `source`, `data_type` and `frequency` repeat fields of `settings`, for searching
/// and sorting.
#[derive(Debug)]
pub(in crate::catalog) struct JobRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) version: i64,
    pub(in crate::catalog) revision: i64,
    pub(in crate::catalog) state: String,
    pub(in crate::catalog) settings: String,
    pub(in crate::catalog) created_at: i64,
    pub(in crate::catalog) updated_at: i64,
    pub(in crate::catalog) next_due_at: Option<i64>,
    pub(in crate::catalog) watermark_generation: Option<i64>,
    pub(in crate::catalog) watermark_at: Option<i64>,
    pub(in crate::catalog) failures_in_row: i64,
    pub(in crate::catalog) suspended_at: Option<i64>,
    pub(in crate::catalog) tiled_until: Option<i64>,
    pub(in crate::catalog) era: i64,
    pub(in crate::catalog) unsettled: Option<String>,
    pub(in crate::catalog) decided_until: Option<i64>,
    /// Its offset from UTC, in seconds.
    pub(in crate::catalog) decided_offset: Option<i64>,
}

impl JobRow {
    pub(in crate::catalog) fn of(job: &Job) -> Result<Self, CatalogError> {
        let id = job.id.to_string();
        Ok(Self {
            settings: settings_to_json(&job.settings).map_err(|error| corrupt("job", &id, error))?,
            unsettled: match &job.unsettled {
                Some(unsettled) => {
                    Some(stored::unsettled_to_json(unsettled).map_err(|error| corrupt("job", &id, error))?)
                }
                None => None,
            },
            id,
            owner: job.owner.to_string(),
            version: integer(job.version),
            revision: integer(job.revision),
            state: job.state.as_str().to_owned(),
            created_at: micros(job.created_at),
            updated_at: micros(job.updated_at),
            next_due_at: job.next_due_at.map(micros),
            watermark_generation: job.watermark.map(|watermark| integer(watermark.generation)),
            watermark_at: job.watermark.and_then(|watermark| watermark.at).map(micros),
            failures_in_row: i64::from(job.failures_in_row),
            suspended_at: job.suspended_at.map(micros),
            tiled_until: job.tiled_until.map(micros),
            era: i64::from(job.era),
            decided_until: job.decided_until.map(|at| micros(at.to_utc())),
            decided_offset: job.decided_until.map(|at| at.offset().local_minus_utc().into()),
        })
    }

    pub(in crate::catalog) fn frequency(job: &Job) -> &'static str {
        job.settings.frequency.kind().as_str()
    }

    pub(in crate::catalog) fn into_job(self) -> Result<Job, CatalogError> {
        let row = Reading { table: "job", id: &self.id };
        let state = JobState::parse(&self.state)
            .ok_or_else(|| row.corrupt(format_args!("unknown state {:?}", self.state)))?;
        let watermark = match self.watermark_generation {
            Some(generation) => {
                Some(Watermark { generation: row.number(generation)?, at: row.at_if(self.watermark_at)? })
            }
            None => None,
        };
        let decided = row.at_if(self.decided_until)?.zip(self.decided_offset);
        let decided_until = match decided {
            Some((at, offset)) => {
                let offset = FixedOffset::east_opt(row.number(offset)?);
                let offset = offset.ok_or_else(|| row.corrupt("its offset is longer than a day"))?;
                Some(at.with_timezone(&offset))
            }
            None => None,
        };
        Ok(Job {
            decided_until,
            id: row.parse(&self.id)?,
            owner: row.parse(&self.owner)?,
            settings: settings_from_json(&self.settings).map_err(|error| row.corrupt(error))?,
            state,
            version: row.number(self.version)?,
            revision: row.number(self.revision)?,
            created_at: row.at(self.created_at)?,
            updated_at: row.at(self.updated_at)?,
            next_due_at: row.at_if(self.next_due_at)?,
            watermark,
            failures_in_row: row.number(self.failures_in_row)?,
            suspended_at: row.at_if(self.suspended_at)?,
            tiled_until: row.at_if(self.tiled_until)?,
            era: row.number(self.era)?,
            unsettled: match &self.unsettled {
                Some(json) => Some(stored::unsettled_from_json(json).map_err(|error| row.corrupt(error))?),
                None => None,
            },
        })
    }
}

/// The newest execution of a job, in short.
#[derive(Debug)]
pub(in crate::catalog) struct LatestRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) status: String,
    pub(in crate::catalog) started_at: Option<i64>,
    pub(in crate::catalog) progress: String,
    /// What its status says beside itself: of a failed one, why.
    pub(in crate::catalog) detail: Option<String>,
}

impl LatestRow {
    pub(in crate::catalog) fn into_latest(self) -> Result<LatestExecution, CatalogError> {
        let row = Reading { table: "execution", id: &self.id };
        let status = row.status(&self.status)?;
        let failure = self.detail.filter(|_| status == Status::Failed);
        let failure = failure.map(|json| stored::failure_from_json(&json)).transpose();
        Ok(LatestExecution {
            id: row.parse(&self.id)?,
            status,
            started_at: row.at_if(self.started_at)?,
            progress: stored::progress_from_json(&self.progress).map_err(|error| row.corrupt(error))?,
            failure: failure.map_err(|error| row.corrupt(error))?,
            worker: None,
        })
    }
}
