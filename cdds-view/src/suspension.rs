//! Why a job is suspended.

use cdds_core::domain::execution::Status;
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::job::{Job, SuspensionReason};
use cdds_core::ports::catalog::query::LatestExecution;
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::names;
use crate::words;

/// Why a job is suspended, and since when (rules J7, J8, E5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SuspensionView {
    /// `awaits_start`: a one-time job that waits for a worker and starts by itself. `never_started`: a one-time job whose
    /// run was ended before it began. `failures`: too many failures in a row. `person`: somebody suspended it.
    #[serde(with = "names::suspension_reason")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SuspensionReason))]
    pub reason: SuspensionReason,
    /// Since when; null if nobody and nothing suspended it.
    pub since: Option<Instant>,
    /// How many executions have failed in a row.
    pub failures: u32,
    /// The failed execution after which the job was suspended; null without failures, and if a later one has run since.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub execution_id: Option<ExecutionId>,
}

impl SuspensionView {
    /// Returns the view of a job's suspension; `None` if it is not suspended. `latest` is the job's latest execution.
    pub(crate) fn of(job: &Job, latest: Option<&LatestExecution>) -> Option<Self> {
        let suspension = job.suspension(latest.map(|latest| latest.status))?;
        let by_failures = suspension.reason == SuspensionReason::Failures;
        let paused_it = |latest: &&LatestExecution| {
            by_failures && latest.status == Status::Failed && latest.started_at <= suspension.since
        };
        Some(Self {
            reason: suspension.reason,
            since: suspension.since.map(Instant),
            failures: job.failures_in_row,
            execution_id: latest.filter(paused_it).map(|latest| latest.id),
        })
    }

    /// Returns a few words in place of the state: `waits to start`, `paused by 3 failures`. `None` where `suspended` says
    /// all.
    pub fn words(&self) -> Option<String> {
        match self.reason {
            SuspensionReason::AwaitsStart => Some("waits to start".to_owned()),
            SuspensionReason::NeverStarted => Some("never started".to_owned()),
            SuspensionReason::Failures => {
                Some(format!("paused by {}", words::counted(self.failures.into(), "failure")))
            }
            _ => None,
        }
    }
}
