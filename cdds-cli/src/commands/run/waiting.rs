//! What a run says while it has nothing to do.

use std::convert::Infallible;
use std::time::Duration;

use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::ExecutionId;
use cdds_core::engine::Until;
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionQuery, Slice, Sort};
use chrono::{DateTime, Utc};

use crate::commands::{attention, status};
use crate::compose::App;
use crate::progress::Follower;
use crate::session::Session;

/// How often it looks whether there is nothing to do.
const LOOK: Duration = Duration::from_secs(1);
/// The looks between two questions to the catalog, whose answer changes when somebody changes a job.
const LOOKS_PER_QUESTION: u32 = 10;

/// How many waiting executions are looked at for the one that begins next.
const WAITING_LOOKED_AT: u64 = 1_000;

/// Tells what a run waits for that has nothing to do: on a terminal, and in a log if it is to end when it is idle and does
/// not. Never ends.
pub(super) async fn tell(app: &App, until: Until, follower: &Follower, session: &Session) -> Infallible {
    let (mut line, mut looks) = (None, 0_u32);
    let mut told: Option<(ExecutionId, DateTime<Utc>)> = None;
    loop {
        session.clock.sleep(LOOK).await;
        if !follower.is_idle() {
            (line, looks) = (None, 0);
            continue;
        }
        if looks.is_multiple_of(LOOKS_PER_QUESTION) {
            let awaited = match until {
                Until::Idle => awaited(app, session).await,
                Until::Stopped => None,
            };
            if follower.has_bars() {
                let words = match &awaited {
                    Some(execution) => Follower::awaits(execution, session.clock.now()),
                    None => words(app, session).await,
                };
                match &line {
                    None => line = Some(follower.idles(&words)),
                    Some(line) => line.tell(&words),
                }
            } else if let Some(execution) = awaited {
                let which = (execution.id, execution.not_before);
                if told.replace(which) != Some(which) {
                    follower.awaiting(&execution);
                }
            }
        }
        looks = looks.wrapping_add(1);
    }
}

/// Returns the execution for which a run waits that ends when it is idle: the first of those that may not begin yet.
async fn awaited(app: &App, session: &Session) -> Option<Execution> {
    let query = ExecutionQuery::default()
        .with_status(Status::Queued)
        .with_sort(Sort { column: ExecutionColumn::Slot, descending: false })
        .with_slice(Slice::first(WAITING_LOOKED_AT));
    // The engine meets the same fault, and says so.
    let queued = app.history.list(&session.principal, &query).await.ok()?.items;
    queued.into_iter().map(|overview| overview.execution).min_by_key(|execution| execution.not_before)
}

async fn words(app: &App, session: &Session) -> String {
    match attention::next(app, &session.principal).await {
        Ok(Some(job)) => {
            let title = job.job.settings.title.as_str();
            let due = job
                .job
                .next_due_at
                .map_or_else(String::new, |at| format!(" {}", status::due(at, session.clock.now())));
            format!("waiting; next: {title}{due}")
        }
        Ok(None) => "waiting; no job is due: `cdds job create` submits one".to_owned(),
        // The engine meets the same fault, and says so.
        Err(_) => "waiting".to_owned(),
    }
}
