//! Executions.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::completeness::Completeness;
use cdds_core::domain::execution::{Execution, ExecutionState, Status, Trigger};
use cdds_core::ports::catalog::CatalogError;
use cdds_core::stored::{settings_from_json, settings_to_json};

use super::super::stored;
use super::{Reading, corrupt, integer, micros};

/// The trigger of a rerun that originates from a backfill.
const BACKFILL_RERUN: &str = "backfill_rerun";

/// An execution. `rerun_of` is the execution that a rerun repeats; `detail` is the failure of a failed
/// execution or the reason of a skipped one.
#[derive(Debug)]
pub(in crate::catalog) struct ExecutionRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) trigger: String,
    pub(in crate::catalog) rerun_of: Option<String>,
    pub(in crate::catalog) slot: i64,
    pub(in crate::catalog) window_start: Option<i64>,
    pub(in crate::catalog) window_end: i64,
    pub(in crate::catalog) generation: Option<i64>,
    pub(in crate::catalog) settings: String,
    pub(in crate::catalog) status: String,
    pub(in crate::catalog) detail: Option<String>,
    pub(in crate::catalog) epoch: i64,
    pub(in crate::catalog) attempts: String,
    pub(in crate::catalog) queue_at: i64,
    pub(in crate::catalog) not_before: i64,
    pub(in crate::catalog) created_at: i64,
    pub(in crate::catalog) started_at: Option<i64>,
    pub(in crate::catalog) finished_at: Option<i64>,
    pub(in crate::catalog) cancel_requested_at: Option<i64>,
    pub(in crate::catalog) progress: String,
    pub(in crate::catalog) frozen_at: Option<i64>,
    pub(in crate::catalog) waits_since: Option<i64>,
    pub(in crate::catalog) complete_until: Option<i64>,
}

fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Rerun { of_backfill: true, .. } => BACKFILL_RERUN,
        other => other.as_str(),
    }
}

impl ExecutionRow {
    pub(in crate::catalog) fn of(execution: &Execution) -> Result<Self, CatalogError> {
        let id = execution.id.to_string();
        let bad = |error| corrupt("execution", &id, error);
        let detail = match &execution.state {
            ExecutionState::Failed(failure) => Some(stored::failure_to_json(failure).map_err(bad)?),
            ExecutionState::Skipped(reason) => Some(stored::skip_to_json(reason).map_err(bad)?),
            ExecutionState::Queued
            | ExecutionState::Running
            | ExecutionState::Succeeded
            | ExecutionState::Cancelled => None,
        };
        Ok(Self {
            settings: settings_to_json(&execution.settings).map_err(bad)?,
            attempts: stored::attempts_to_json(&execution.attempts).map_err(bad)?,
            progress: stored::progress_to_json(&execution.progress).map_err(bad)?,
            job_id: execution.job_id.to_string(),
            owner: execution.owner.to_string(),
            trigger: trigger(execution.trigger).to_owned(),
            rerun_of: match execution.trigger {
                Trigger::Rerun { of, .. } => Some(of.to_string()),
                Trigger::Scheduled | Trigger::Manual | Trigger::Backfill => None,
            },
            slot: micros(execution.slot),
            window_start: execution.window.start().map(micros),
            window_end: micros(execution.window.end()),
            generation: execution.generation.map(integer),
            status: execution.status().as_str().to_owned(),
            detail,
            epoch: integer(execution.epoch),
            queue_at: micros(execution.queue_at),
            not_before: micros(execution.not_before),
            created_at: micros(execution.created_at),
            started_at: execution.started_at.map(micros),
            finished_at: execution.finished_at.map(micros),
            cancel_requested_at: execution.cancel_requested_at.map(micros),
            frozen_at: execution.completeness.frozen_at.map(micros),
            waits_since: execution.completeness.waits_since.map(micros),
            complete_until: execution.completeness.complete_until.map(micros),
            id,
        })
    }

    pub(in crate::catalog) fn into_execution(self) -> Result<Execution, CatalogError> {
        let row = Reading { table: "execution", id: &self.id };
        let end = row.at(self.window_end)?;
        let window = match row.at_if(self.window_start)? {
            Some(start) => Window::between(start, end),
            None => Window::until(end),
        };
        Ok(Execution {
            id: row.parse(&self.id)?,
            job_id: row.parse(&self.job_id)?,
            owner: row.parse(&self.owner)?,
            trigger: self.trigger(&row)?,
            slot: row.at(self.slot)?,
            window,
            generation: self.generation.map(|generation| row.number(generation)).transpose()?,
            settings: settings_from_json(&self.settings).map_err(|error| row.corrupt(error))?,
            state: self.state(&row)?,
            epoch: row.number(self.epoch)?,
            attempts: stored::attempts_from_json(&self.attempts).map_err(|error| row.corrupt(error))?,
            queue_at: row.at(self.queue_at)?,
            not_before: row.at(self.not_before)?,
            created_at: row.at(self.created_at)?,
            started_at: row.at_if(self.started_at)?,
            finished_at: row.at_if(self.finished_at)?,
            cancel_requested_at: row.at_if(self.cancel_requested_at)?,
            progress: stored::progress_from_json(&self.progress).map_err(|error| row.corrupt(error))?,
            completeness: Completeness {
                frozen_at: row.at_if(self.frozen_at)?,
                waits_since: row.at_if(self.waits_since)?,
                complete_until: row.at_if(self.complete_until)?,
            },
        })
    }

    fn trigger(&self, row: &Reading<'_>) -> Result<Trigger, CatalogError> {
        let rerun = |of_backfill| match &self.rerun_of {
            Some(of) => Ok(Trigger::Rerun { of: row.parse(of)?, of_backfill }),
            None => Err(row.corrupt("the execution that it runs again is missing")),
        };
        match self.trigger.as_str() {
            "scheduled" => Ok(Trigger::Scheduled),
            "manual" => Ok(Trigger::Manual),
            "rerun" => rerun(false),
            BACKFILL_RERUN => rerun(true),
            "backfill" => Ok(Trigger::Backfill),
            other => Err(row.corrupt(format_args!("unknown trigger {other:?}"))),
        }
    }

    fn state(&self, row: &Reading<'_>) -> Result<ExecutionState, CatalogError> {
        let detail = || self.detail.as_deref().ok_or_else(|| row.corrupt("its reason is missing"));
        Ok(match row.status(&self.status)? {
            Status::Queued => ExecutionState::Queued,
            Status::InProgress => ExecutionState::Running,
            // The progress distinguishes the two.
            Status::Finished | Status::FinishedWithErrors => ExecutionState::Succeeded,
            Status::Cancelled => ExecutionState::Cancelled,
            Status::Failed => ExecutionState::Failed(
                stored::failure_from_json(detail()?).map_err(|error| row.corrupt(error))?,
            ),
            Status::Skipped => ExecutionState::Skipped(
                stored::skip_from_json(detail()?).map_err(|error| row.corrupt(error))?,
            ),
        })
    }
}
