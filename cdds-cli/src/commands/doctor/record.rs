//! Checks whether sources can be read, and whether the clock can be believed.

use cdds_core::domain::id::SourceId;
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionQuery, JobColumn, JobQuery, Slice, Sort};
use cdds_core::ports::source::RegisteredSource;
use cdds_view::words;
use chrono::{DateTime, TimeDelta, Utc};

use super::Finding;
use crate::commands::clock;
use crate::commands::source::{faults, read_beginning};
use crate::compose::App;
use crate::config::Config;
use crate::error::CliError;
use crate::session::Session;

/// A clock that is set back by this much does no harm.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// This program did not exist before this day.
const FIRST_DAY: i64 = 1_735_689_600; // 2025-01-01

/// Checks whether the beginning of every type can be read, as `source check` does. Types that the owner may not
/// read are another finding's.
pub(super) async fn source(
    id: &SourceId,
    source: &RegisteredSource,
    config: &Config,
    session: &Session,
) -> Finding {
    let check = format!("source {id}");
    let source = match source {
        RegisteredSource::Unsupported { reason, .. } => {
            return Finding::ok(&check, format!("is declared as unsupported: {reason}"));
        }
        RegisteredSource::Supported(source) => source,
    };
    let (mut failures, mut has_bad_records, mut is_misread) = (Vec::new(), false, false);
    let owner = &session.principal.owner;
    let types = source.describe().types.iter().filter(|data_type| data_type.ownership.admits(owner));
    let types: Vec<_> = types.collect();
    for data_type in &types {
        match read_beginning(id, source.as_ref(), data_type, config, session).await {
            // Mere oddities are left to `source check`.
            Ok(survey) => {
                has_bad_records |= survey.bad_records() > 0;
                is_misread |= survey.fault().is_some();
                failures.extend(faults(data_type, &survey));
            }
            Err(error) => {
                is_misread = true;
                failures.push(error.message().to_owned());
            }
        }
    }
    if types.is_empty() {
        return Finding::ok(&check, "none of its types can be exported by this owner".to_owned());
    }
    if failures.is_empty() {
        return Finding::ok(
            &check,
            format!("its {} can be read", words::counted(types.len() as u64, "type")),
        );
    }
    let mut way_out = Vec::new();
    if is_misread {
        way_out.push("correct its [[source]] in the configuration, or restore the source".to_owned());
    }
    if has_bad_records {
        way_out.push(bad_records(id));
    }
    Finding::failed(&check, failures.join("; "), &way_out.join("; "))
}

/// Says what to do about records that nobody can read: the declaration of the source is as it should be.
fn bad_records(id: &SourceId) -> String {
    format!(
        "look at the records that it names, and have them mended where they come from. Until then, exports that read them fail, \
         unless their job sets them aside: `cdds job edit ID --bad-records skip:100`. `cdds history list --source {id} --status \
         failed` shows which failed; `cdds history show ID`, and errors.jsonl in a set, which records"
    )
}

/// Compares the clock with record and store: whether both disagree with it, and which jobs lie ahead of it.
pub(super) async fn clock(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let report = app.examine_clock().await?;
    let mut findings: Vec<Finding> = clock::doubt(&report)
        .map(|doubt| Finding::warning("clock", doubt, clock::set_it()))
        .into_iter()
        .collect();
    findings.extend(report.ahead.iter().map(|ahead| {
        Finding::warning("clock", clock::lies_ahead(ahead, report.now), &clock::bring_back(ahead))
    }));
    if findings.is_empty() {
        findings.push(newest_on_record(app, session).await?);
    }
    Ok(findings)
}

/// Checks whether something on the record is later than the clock: then one of the two is wrong.
async fn newest_on_record(app: &App, session: &Session) -> Result<Finding, CliError> {
    let now = app.now().await?;
    if now.timestamp() < FIRST_DAY {
        let detail = format!("it shows {}, before this program existed", now.format("%Y-%m-%d"));
        return Ok(Finding::warning("clock", detail, SET_IT));
    }
    let newest = newest(app, session).await?;
    Ok(match newest {
        Some(newest) if newest > now + CLOCK_TOLERANCE => Finding::warning(
            "clock",
            format!("something was recorded at {}, which is in the future", rfc3339(newest)),
            SET_IT,
        ),
        _ => Finding::ok("clock", format!("it shows {}, later than everything on record", rfc3339(now))),
    })
}

const SET_IT: &str = "set the clock of this machine, preferably by NTP; until it has caught up, nothing may \
                      be due";

/// Returns the latest instant at which the owner's jobs were submitted or executions began or ended.
async fn newest(app: &App, session: &Session) -> Result<Option<DateTime<Utc>>, CliError> {
    let jobs = JobQuery::default()
        .with_sort(Sort { column: JobColumn::CreatedAt, descending: true })
        .with_slice(Slice::first(1));
    let submitted = app.jobs.list(&session.principal, &jobs).await?.items;
    let mut newest = submitted.first().map(|overview| overview.job.created_at);
    for column in [ExecutionColumn::StartedAt, ExecutionColumn::FinishedAt] {
        let executions = ExecutionQuery::default()
            .with_sort(Sort { column, descending: true })
            .with_slice(Slice::first(1));
        let first = app.history.list(&session.principal, &executions).await?.items.into_iter().next();
        newest = newest.max(first.and_then(|overview| {
            let execution = overview.execution;
            execution.finished_at.max(execution.started_at)
        }));
    }
    Ok(newest)
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
