//! Lists, searches and the rounds of an engine over a long history: the longest of a few calls of each.

use std::time::Duration;

use cdds_benches::Failure;
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::ports::catalog::query::{
    ArtifactQuery, AuditQuery, Between, ExecutionColumn, ExecutionQuery, FrequencyKind, JobColumn, JobQuery,
    LatestStatus, NoticeQuery, Slice, Sort,
};
use cdds_core::ports::catalog::{
    ArtifactStore, AuditStore, CatalogError, ExecutionStore, JobStore, Outbox, WorkQueue, WorkerRegister,
};
use cdds_storage::catalog::PostgresCatalog;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;

use crate::figures::now;
use crate::filled::{Filled, open};

/// How often each call is made.
const ROUNDS: usize = 4;

const PAGE: Slice = Slice::first(50);

pub(crate) fn measure(filled: &Filled) -> Result<(), Failure> {
    filled.history()?;
    let catalog = open(&filled.socket()?)?;
    // The one with most of the jobs.
    let owner = Owner::new("owner-0")?;
    println!("\n{:<44} {:>9} {:>9}", "lists, of the owner with most", "first ms", "p50 ms");
    let at = block_on(catalog.now())?;
    let newest = JobQuery::default().with_slice(Slice::first(1));
    let job = block_on(catalog.jobs(&owner, &newest))?.items.pop().ok_or("there is no job")?.job.id;
    jobs(&catalog, &owner, at)?;
    executions(&catalog, &owner, job, at)?;
    others(&catalog, &owner, at)
}

/// Measures a call.
fn measured<T>(what: &str, mut call: impl FnMut() -> Result<T, CatalogError>) -> Result<(), Failure> {
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = now();
        call()?;
        took.push(begun.elapsed());
    }
    let milliseconds = |took: Option<&Duration>| took.map_or(0.0, |took| took.as_secs_f64() * 1_000.0);
    let first = milliseconds(took.first());
    took.sort_unstable();
    println!("{what:<44} {first:>9.1} {:>9.1}", milliseconds(took.get(ROUNDS / 2)));
    Ok(())
}

/// The last week.
fn week(at: DateTime<Utc>) -> Between {
    Between { from: Some(at - TimeDelta::weeks(1)), to: Some(at) }
}

fn jobs(catalog: &PostgresCatalog, owner: &Owner, at: DateTime<Utc>) -> Result<(), Failure> {
    let all = || JobQuery::default().with_slice(PAGE);
    for column in JobColumn::ALL.iter().copied() {
        let query = all().with_sort(Sort { column, descending: true });
        measured(&format!("jobs by {}", column.as_str()), || block_on(catalog.jobs(owner, &query)))?;
    }
    let search = |text: &str| all().with_search(Some(text.to_owned()));
    let filters = [
        ("jobs of a source", all().with_source("source-3".parse().ok())),
        ("jobs that failed", all().with_latest_status(Some(LatestStatus::Is(Status::Failed)))),
        ("jobs by frequency", all().with_frequency(Some(FrequencyKind::Daily))),
        ("jobs created in a week", all().with_created(week(at))),
        ("jobs, search found in all", search("export")),
        ("jobs, search found in some", search("of c4")),
        ("jobs, search found in one", search("of cfcd208495d565ef66e7dff9f98764da")),
        ("jobs, search found in none", search("invoice")),
    ];
    for (what, query) in filters {
        measured(what, || block_on(catalog.jobs(owner, &query)))?;
    }
    Ok(())
}

fn executions(
    catalog: &PostgresCatalog,
    owner: &Owner,
    job: JobId,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    let all = || ExecutionQuery::default().with_slice(PAGE);
    for column in ExecutionColumn::ALL.iter().copied() {
        let query = all().with_sort(Sort { column, descending: true });
        let what = format!("history by {}", column.as_str());
        measured(&what, || block_on(catalog.executions(owner, &query, at)))?;
    }
    let filters = [
        ("history of a job", all().with_job(Some(job))),
        ("history of a source", all().with_source("source-3".parse().ok())),
        ("history of a type", all().with_data_type("contact".parse().ok())),
        ("history, failed", all().with_status(Some(Status::Failed))),
        ("history, in progress", all().with_status(Some(Status::InProgress))),
        ("history, slots of a week", all().with_slot(week(at))),
        ("history, started in a week", all().with_started(week(at))),
        (
            "history of a source, failed",
            all().with_source("source-3".parse().ok()).with_status(Some(Status::Failed)),
        ),
    ];
    for (what, query) in filters {
        measured(what, || block_on(catalog.executions(owner, &query, at)))?;
    }
    Ok(())
}

fn others(catalog: &PostgresCatalog, owner: &Owner, at: DateTime<Utc>) -> Result<(), Failure> {
    measured("agenda", || block_on(catalog.agenda(Clocks::default())))?;
    measured("due jobs", || block_on(catalog.due(at, 100, Clocks::default())))?;
    measured("workers", || block_on(catalog.workers(owner, at, 100)))?;
    measured("sets that have expired", || block_on(catalog.expire(at, 500)))?;
    measured("files to remove", || block_on(catalog.removals(500)))?;
    measured("newest before", || block_on(catalog.newest_before(at)))?;
    measured("jobs ahead of the clock", || block_on(catalog.ahead(at + TimeDelta::days(30))))?;
    measured("artifacts", || block_on(catalog.artifacts(owner, &ArtifactQuery::default().with_slice(PAGE))))?;
    measured("audit", || block_on(catalog.audit(owner, &AuditQuery::default().with_slice(PAGE))))?;
    measured("notices", || block_on(catalog.notices(owner, &NoticeQuery::default().with_slice(PAGE))))
}
