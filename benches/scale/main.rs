//! Measures the cost of many jobs: a tick must cost in proportion to the due jobs rather than the stored
//! ones, and a page in proportion to its own rows rather than those before it. The catalog's rows are
//! multiplied with SQL, then all is measured through the engine and the services.
//!
//! `cargo bench -p cdds-benches --bench scale`; 2 GB of temporary files, a few minutes. With `-- notices`, only what the
//! engine looks for once an hour.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark that cannot go on has failed")]

mod multiplied;
mod notices;

use std::time::Duration;

use cdds_benches::{Failure, administrator};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::query::{
    ExecutionColumn, ExecutionQuery, JobColumn, JobQuery, Page, Slice, Sort,
};
use cdds_core::ports::clock::Clock;
use cdds_core::service::ServiceError;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::system::SystemClock;
use futures::executor::block_on;

use self::multiplied::{Multiplied, memory_kib, reset_peak};

/// How many jobs there are.
const JOBS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// How many of them are due.
const DUE: u64 = 100;
/// How many ticks or pages are timed; the median counts.
const SAMPLES: usize = 101;
/// How many rows a list has, and a page of it.
const LISTED: u64 = 100_000;
const PAGE: u64 = 100;
/// The bound for a flat cost: the largest may cost this many times the smallest, or so little that it does
/// not matter.
const FLAT_RATIO_MAX: f64 = 3.0;
const GOAL: Duration = Duration::from_millis(1);

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, folder, sql] = &arguments[..]
        && flag == multiplied::SQL
    {
        return multiplied::run_sql(folder.as_ref(), sql);
    }
    if arguments.iter().any(|argument| argument == "notices") {
        return notices::looked_for(LISTED);
    }
    let mut nothing_due = Vec::new();
    println!("jobs      | tick, nothing due | tick, {DUE} due | {DUE} exported | memory, peak");
    for jobs in JOBS {
        nothing_due.push(ticks(jobs)?);
    }
    verdict("a tick with nothing due", &nothing_due);
    println!("\nlist, sorted by             | first page | middle     | last page");
    let world = Multiplied::with_history(LISTED)?;
    for column in JobColumn::ALL {
        let jobs = Jobs::new(world.ports(), JobRules::default());
        pages("jobs", column.as_str(), |slice| {
            let sort = Sort { column: *column, descending: true };
            block_on(jobs.list(&administrator(), &JobQuery::default().with_sort(sort).with_slice(slice)))
        });
    }
    for column in ExecutionColumn::ALL {
        let history = History::new(world.ports());
        pages("executions", column.as_str(), |slice| {
            let sort = Sort { column: *column, descending: true };
            block_on(
                history.list(&administrator(), &ExecutionQuery::default().with_sort(sort).with_slice(slice)),
            )
        });
    }
    notices::looked_for(LISTED)
}

/// Prints a row and returns the median of the ticks with nothing due.
fn ticks(jobs: u64) -> Result<Duration, Failure> {
    let world = Multiplied::with_jobs(jobs)?;
    let ports = world.ports();
    let engine = Engine::builder(ports).build();
    let tick = || block_on(engine.tick()).expect("a tick");
    drop(tick());
    let nothing_due = median(|| {
        let before = ports.clock.monotonic();
        let idle = tick();
        assert!(idle.executions.is_empty() && idle.agenda.queued == 0);
        ports.clock.monotonic() - before
    });
    world.let_be_due(DUE)?;
    reset_peak()?;
    let before = ports.clock.monotonic();
    let busy = tick();
    let due = ports.clock.monotonic() - before;
    assert_eq!(busy.agenda.queued, DUE);
    let exported = block_on(async {
        let before = ports.clock.monotonic();
        futures::future::join_all(busy.executions).await;
        let report = engine.run(Until::Idle, std::future::pending()).await.expect("a run");
        assert_eq!(report.failed, 0);
        ports.clock.monotonic() - before
    });
    println!(
        "{jobs:>9} | {:>17} | {:>13} | {:>12} | {:>6.1} MiB",
        shown(nothing_due),
        shown(due),
        shown(exported),
        memory_kib("VmHWM")? as f64 / 1024.0
    );
    Ok(nothing_due)
}

/// Prints the cost of the first, a middle and the last page of a list, each fetched from the end of the page
/// before it.
fn pages<T>(list: &str, column: &str, fetch: impl Fn(Slice) -> Result<Page<T>, ServiceError>) {
    let clock = SystemClock::new();
    let place = |passed: u64| match passed {
        0 => None,
        rows => fetch(Slice::first(rows)).expect("the rows before").next,
    };
    let costs: Vec<Duration> = [0, LISTED / 2, LISTED - PAGE]
        .into_iter()
        .map(|passed| {
            let slice = Slice { after: place(passed), limit: PAGE };
            median_of(5, || {
                let before = clock.monotonic();
                let page = fetch(slice.clone()).expect("a page");
                assert_eq!(page.items.len() as u64, PAGE);
                clock.monotonic() - before
            })
        })
        .collect();
    let name = format!("{list} by {column}");
    println!("{name:<27} | {:>10} | {:>10} | {:>10}", shown(costs[0]), shown(costs[1]), shown(costs[2]));
}

fn median(sample: impl FnMut() -> Duration) -> Duration {
    median_of(SAMPLES, sample)
}

fn median_of(samples: usize, sample: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = std::iter::repeat_with(sample).take(samples).collect();
    all.sort();
    all[samples / 2]
}

fn shown(duration: Duration) -> String {
    match duration.as_secs_f64() * 1_000.0 {
        ms if ms < 1_000.0 => format!("{ms:.3} ms"),
        ms => format!("{:.1} s", ms / 1_000.0),
    }
}

fn verdict(what: &str, costs: &[Duration]) {
    let (Some(smallest), Some(largest)) = (costs.iter().min(), costs.last()) else { return };
    let ratio = largest.as_secs_f64() / smallest.as_secs_f64();
    let flat = if ratio <= FLAT_RATIO_MAX { "flat" } else { "NOT FLAT" };
    let goal = if *largest <= GOAL { "within" } else { "BEYOND" };
    println!("{what}: {flat} (x{ratio:.1} from the smallest to the last), {goal} {}", shown(GOAL));
}
