//! Measures the first pages of lists. `lists CATALOG ROUNDS` opens the catalog, or creates it. For each list,
//! filter and column it reads the first page of 50 rows, newest or largest first, and prints
//! `LIST FILTER COLUMN MEDIAN LONGEST` in milliseconds. `lists.py` fills the catalog and adds `sqlite3`.

#![allow(clippy::print_stdout, reason = "it tells what it measured")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::time::Instant;

use cdds_core::domain::access::{Action, PrincipalName};
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::ports::catalog::query::{
    ArtifactColumn, ArtifactQuery, AuditColumn, AuditQuery, Between, ExecutionColumn, ExecutionQuery,
    FrequencyKind, JobColumn, JobQuery, LatestStatus, Slice, Sort,
};
use cdds_core::ports::catalog::{ArtifactStore, AuditStore, ExecutionStore, JobStore};
use cdds_storage::catalog::SqliteCatalog;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;

/// The number of rows of a page.
const PAGE: Slice = Slice::first(50);

#[allow(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}

/// Prints how long the pages take.
fn measured(list: &str, filter: &str, column: &str, rounds: usize, mut page: impl FnMut() -> usize) {
    let mut taken: Vec<f64> = (0..rounds)
        .map(|_| {
            let begun = now();
            std::hint::black_box(page());
            begun.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    println!("{list}\t{filter}\t{column}\t{:.1}\t{:.1}", taken[rounds / 2], taken[rounds - 1]);
}

fn week_begins() -> DateTime<Utc> {
    DateTime::from_timestamp(1_715_000_000, 0).expect("is an instant")
}

/// A week in the middle of what `lists.py` writes.
fn week() -> Between {
    let from = week_begins();
    Between { from: Some(from), to: Some(from + TimeDelta::weeks(1)) }
}

fn executions(catalog: &SqliteCatalog, job: JobId, rounds: usize) {
    let all = ExecutionQuery::default;
    let filters = [
        ("none", all()),
        ("status=finished", all().with_status(Some(Status::Finished))),
        ("status=failed", all().with_status(Some(Status::Failed))),
        ("status=cancelled", all().with_status(Some(Status::Cancelled))),
        ("source", all().with_source("source-3".parse().ok())),
        ("type", all().with_data_type("type-4".parse().ok())),
        ("job", all().with_job(Some(job))),
        ("slot", all().with_slot(week())),
        ("started", all().with_started(week())),
        (
            "source status=failed",
            all().with_source("source-3".parse().ok()).with_status(Some(Status::Failed)),
        ),
    ];
    for (name, query) in filters {
        for column in ExecutionColumn::ALL.iter().copied() {
            let query = query.clone().with_sort(Sort { column, descending: true }).with_slice(PAGE);
            measured("executions", name, &format!("{column:?}"), rounds, || {
                block_on(catalog.executions(&Owner::default(), &query, week_begins()))
                    .expect("is read")
                    .items
                    .len()
            });
        }
    }
}

fn artifacts(catalog: &SqliteCatalog, job: JobId, rounds: usize) {
    let all = ArtifactQuery::default;
    let search = |text: &str| all().with_search(Some(text.to_owned()));
    let one = block_on(catalog.artifacts(&Owner::default(), &all().with_slice(Slice::first(1))));
    let id = one.expect("is read").items[0].artifact.execution_id.to_string();
    let filters = [
        ("none", all()),
        ("type", all().with_data_type("type-4".parse().ok())),
        ("job", all().with_job(Some(job))),
        ("created", all().with_created(week())),
        ("expires", all().with_expires(week())),
        ("size", all().with_bytes_min(Some(9_900_000))),
        ("hold", all().with_hold(Some(true))),
        ("available", all().with_available_at(week().from)),
        ("search beginning", search("export-000")),
        ("search end", search("f3.zip")),
        ("search extension", search(".zip")),
        ("search id", search(&id)),
        ("search 8 of id", search(&id[15..23])),
        ("search 4 of id", search(&id[32..])),
        ("search 3 of id", search(&id[30..33])),
        ("search 2 of id", search(&id[30..32])),
        ("search numbers", search(".z12")),
        ("search number", search(".z2999")),
        ("search digits", search("2999")),
        ("search no number", search(".z3001")),
        ("search finds none", search("nowhere")),
        ("search finds no letter", search("q")),
        ("search finds no id", search(&"0123456789ab".repeat(2))),
    ];
    for (name, query) in filters {
        for column in ArtifactColumn::ALL.iter().copied() {
            let query = query.clone().with_sort(Sort { column, descending: true }).with_slice(PAGE);
            measured("artifacts", name, &format!("{column:?}"), rounds, || {
                block_on(catalog.artifacts(&Owner::default(), &query)).expect("is read").items.len()
            });
        }
    }
}

fn jobs(catalog: &SqliteCatalog, rounds: usize) {
    let all = JobQuery::default;
    let failed = Some(LatestStatus::Is(Status::Failed));
    let search = |text: &str| all().with_search(Some(text.to_owned()));
    let filters = [
        ("none", all()),
        ("source", all().with_source("source-3".parse().ok())),
        ("type", all().with_data_type("type-4".parse().ok())),
        ("frequency", all().with_frequency(Some(FrequencyKind::Daily))),
        ("latest=failed", all().with_latest_status(failed)),
        ("yet to run", all().with_latest_status(Some(LatestStatus::YetToRun))),
        ("next", all().with_next_starts(week())),
        ("search", search("job 77")),
        ("search finds all", search("house")),
        ("search finds some", search("house, media")),
        ("search finds 15,000", search("omega")),
        ("search finds a fiftieth, the oldest", search("late")),
        ("search finds one", search("7 of the house, daily z")),
        ("search 2 finds one", search("zq")),
        ("search 2 finds some", search("77")),
        ("search 2 finds none", search("qz")),
        ("search finds none", search("nowhere")),
    ];
    for (name, query) in filters {
        for column in JobColumn::ALL.iter().copied() {
            let query = query.clone().with_sort(Sort { column, descending: true }).with_slice(PAGE);
            measured("jobs", name, &format!("{column:?}"), rounds, || {
                block_on(catalog.jobs(&Owner::default(), &query)).expect("is read").items.len()
            });
        }
    }
}

fn audit(catalog: &SqliteCatalog, job: JobId, rounds: usize) {
    let all = AuditQuery::default;
    let filters = [
        ("none", all()),
        ("principal", all().with_principal(PrincipalName::new("ada").expect("is a name"))),
        ("action", all().with_action(Action::Download)),
        ("object", all().with_object(job.to_string())),
        ("at", all().with_at(week())),
    ];
    for (name, query) in filters {
        for column in AuditColumn::ALL.iter().copied() {
            let query = query.clone().with_sort(Sort { column, descending: true }).with_slice(PAGE);
            measured("audit", name, &format!("{column:?}"), rounds, || {
                block_on(catalog.audit(&Owner::default(), &query)).expect("is read").items.len()
            });
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the catalog's file is the first argument");
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(0);
    let catalog = SqliteCatalog::open(&path).expect("opens");
    if rounds == 0 {
        return;
    }
    let some = JobQuery::default().with_slice(Slice::first(1));
    let job = block_on(catalog.jobs(&Owner::default(), &some)).expect("is read").items[0].job.id;
    executions(&catalog, job, rounds);
    artifacts(&catalog, job, rounds);
    jobs(&catalog, rounds);
    audit(&catalog, job, rounds);
}
