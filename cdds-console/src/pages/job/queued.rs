//! What was queued just now, with its windows: told by the record, so that no link can make it up.

use cdds_core::domain::execution::Execution;
use cdds_core::{ExecutionId, JobId, Principal, ServiceError};
use cdds_view::ExecutionView;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::Services;
use crate::answers::Answers;
use crate::done::Done;
use crate::pages::parts::time;
use crate::texts::{self, job as said};

/// The parameters that name the first and the last run, and say how many there are.
const FIRST: &str = "first";
const LAST: &str = "last";
const RUNS: &str = "runs";

/// The most runs that one request queues (rule W6).
const RUNS_MAX: u64 = 1_000;

/// Runs that were queued by one request.
pub(super) struct Queued {
    first: ExecutionView,
    last: ExecutionView,
    count: u64,
}

/// Returns the parameters that tell of these runs.
pub(super) fn named(runs: &[Execution]) -> Answers {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Answers::default() };
    Answers::default()
        .with(FIRST, first.id.to_string())
        .with(LAST, last.id.to_string())
        .with(RUNS, runs.len().to_string())
}

impl Queued {
    /// Looks up the runs that parameters tell of; `None` if they are not runs of this job.
    pub(super) async fn of(
        services: &Services,
        by: &Principal,
        job: JobId,
        answers: &Answers,
    ) -> Result<Option<Self>, ServiceError> {
        let id = |name| answers.one(name).and_then(|text| text.parse::<ExecutionId>().ok());
        let (Some(first), Some(last)) = (id(FIRST), id(LAST)) else { return Ok(None) };
        let (Some(first), Some(last)) =
            (run(services, by, job, first).await?, run(services, by, job, last).await?)
        else {
            return Ok(None);
        };
        let least = if first.id == last.id { 1 } else { 2 };
        let count = answers.number(RUNS, least, RUNS_MAX).ok().flatten().unwrap_or(least);
        Ok(Some(Self { first, last, count }))
    }

    pub(super) fn told(&self, done: Done, now: DateTime<Utc>) -> Markup {
        html! {
            p.note.ok role="status" {
                // One part, since the note sets its parts below each other.
                span {
                    @if self.first.id == self.last.id {
                        (texts::done(done)) " " (said::EXPORTS_DATA) " " (window(&self.first, now)) "."
                    } @else {
                        (said::queued(self.count)) " " (said::FIRST_OF_THEM) " " (window(&self.first, now)) "; "
                        (said::LAST_OF_THEM) " " (window(&self.last, now)) "."
                    }
                }
            }
        }
    }
}

async fn run(
    services: &Services,
    by: &Principal,
    job: JobId,
    id: ExecutionId,
) -> Result<Option<ExecutionView>, ServiceError> {
    match services.history.show(by, id).await {
        Ok(overview) => Ok(Some(ExecutionView::from(overview)).filter(|run| run.job_id == job)),
        Err(ServiceError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `the end of the last export to Fri 27 Nov 02:00 UTC`
fn window(run: &ExecutionView, now: DateTime<Utc>) -> Markup {
    html! {
        @match run.window.start {
            _ if run.has_open_start => (said::END_OF_LAST_EXPORT),
            Some(start) => (time(start.0, now)),
            None => (said::THE_BEGINNING),
        }
        " " (said::UNTIL_THEN) " " (time(run.window.end.0, now))
    }
}
