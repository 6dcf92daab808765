//! Checks whether jobs run: whether somebody sees to those that are due, and which of them were paused.

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionQuery, Slice, Sort};
use cdds_view::{Instant, JobView, words};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Finding, fields};
use crate::commands::attention::{self, Suspended, Workers};
use crate::commands::every_row;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

const CHECK: &str = "jobs";

/// A worker that is alive begins within seconds what is due.
const OVERDUE_MIN: TimeDelta = TimeDelta::minutes(1);

/// Whoever runs `cdds run --until-idle` by a timer has no worker in between. This is longer than most timers wait.
const UNSEEN_MAX: TimeDelta = TimeDelta::hours(1);

/// How many waiting executions are looked at for one that could have begun.
const WAITING_LOOKED_AT: u64 = 1_000;

/// Checks whether jobs that are due, and executions that wait, are begun.
pub(super) async fn at_work(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let (by, now) = (&session.principal, app.now().await?);
    let query = attention::overdue(now - OVERDUE_MIN);
    let overdue = every_row(async |slice| app.jobs.list(by, &query.clone().with_slice(slice)).await).await?;
    let workers = Workers::of(app, by).await?;
    let waiting = longest_waiting(app, session, now).await?;
    let first = overdue.first().and_then(|first| Some((first, first.job.next_due_at?)));
    let mut findings = Vec::new();
    let since = first.map(|(_, due)| due).into_iter().chain(waiting).min();
    if let Some(since) = since {
        let what = match first {
            Some((first, due)) => format!(
                "{} overdue: {:?} since {}",
                match overdue.len() as u64 {
                    1 => "1 job is".to_owned(),
                    many => format!("{} are", words::counted(many, "job")),
                },
                first.job.settings.title.as_str(),
                Instant(due)
            ),
            None => format!("something is queued since {} and does not begin", Instant(since)),
        };
        findings.push(match workers.why_nothing_begins() {
            Some(why) => {
                let way_out = if workers.alive == 0 {
                    "start a worker with `cdds run`, or `cdds serve`, and have the system start it again"
                } else {
                    "start another one with `cdds run`, or let one claim again: `cdds workers resume ID`"
                };
                let detail = format!("{what}, and {why}");
                if now - since < UNSEEN_MAX {
                    Finding::warning(CHECK, detail, way_out)
                } else {
                    Finding::failed(CHECK, detail, way_out)
                }
            }
            None => Finding::warning(
                CHECK,
                format!("{what}, though a worker is alive"),
                "`cdds workers` shows what they do, `cdds history list --status queued` what waits; the log of a worker says \
                 what it cannot do",
            ),
        });
    }
    let suspended = Suspended::of(app, by).await?;
    findings.extend(suspended.paused.iter().map(paused));
    findings.extend(fields::unknown(app, session).await?);
    if findings.is_empty() {
        let detail = match attention::next(app, by).await?.and_then(|next| next.job.next_due_at) {
            Some(next) => format!("none is overdue, the next is due at {}", Instant(next)),
            None => "none is due".to_owned(),
        };
        findings.push(Finding::ok(CHECK, detail));
    }
    Ok(findings)
}

/// Returns since when the longest of the executions waits that could begin at once.
async fn longest_waiting(
    app: &App,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, CliError> {
    let query = ExecutionQuery::default()
        .with_status(Status::Queued)
        .with_sort(Sort { column: ExecutionColumn::Slot, descending: false })
        .with_slice(Slice::first(WAITING_LOOKED_AT));
    let queued = app.history.list(&session.principal, &query).await?.items;
    let begin = queued.into_iter().map(|overview| overview.execution.not_before);
    Ok(begin.filter(|begin| *begin < now - OVERDUE_MIN).min())
}

fn paused(job: &JobView) -> Finding {
    let since = job.suspension.as_ref().and_then(|one| one.since);
    let since = since.map_or_else(String::new, |since| format!(" since {since}"));
    let why = job.latest_error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
    let failures = words::counted(job.failures_in_row.into(), "failure");
    let failed = match job.suspension.as_ref().and_then(|one| one.execution_id) {
        Some(execution) => format!("`cdds history show {execution}` shows the last one"),
        None => format!("`cdds history list --job {} --status failed` shows them", job.id),
    };
    Finding::warning(
        CHECK,
        format!("{:?} was paused{since} by {failures} in a row{why}", job.title),
        &format!("{failed}; mend the cause, then `cdds job resume {}`", job.id),
    )
}
