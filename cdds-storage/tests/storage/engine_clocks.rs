//! Two engines and a person over one SQLite catalog, whose own clocks are ten minutes wrong: everything happens
//! by the catalog's clock (rule T4).

#![cfg(feature = "sqlite")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cdds_core::domain::access::Principal;
use cdds_core::domain::calendar::frequency::{CronExpression, Frequency, Start};
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::engine::{Engine, Tick, Until};
use cdds_core::ports::Ports;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::source::{
    Estimate, ReadRequest, RecordStream, Source, SourceDescription, SourceError, SourceErrorKind, Sources,
};
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{
    InlineWorkers, ManualClock, MemorySink, PlainPackager, PreparedSource, administrator,
};
use cdds_storage::catalog::SqliteCatalog;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use tempfile::TempDir;

const MOMENT: TimeDelta = TimeDelta::microseconds(1);

/// The instant so many seconds after noon.
fn noon(seconds: i64) -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

/// A service on several machines.
struct World {
    folder: TempDir,
    /// The clock by which the catalog goes.
    clock: Arc<ManualClock>,
    sink: MemorySink,
    by: Principal,
    /// Whether the source cannot be reached the next time.
    away: Arc<AtomicBool>,
}

/// A source that can be away once.
#[derive(Debug)]
struct AwayOnce(PreparedSource, Arc<AtomicBool>);

#[async_trait]
impl Source for AwayOnce {
    fn describe(&self) -> &SourceDescription {
        self.0.describe()
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        self.0.estimate(request).await
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        if self.1.swap(false, Ordering::SeqCst) {
            return Err(SourceError::new(SourceErrorKind::Unavailable, "the source is away"));
        }
        self.0.read(request).await
    }
}

impl World {
    fn new() -> Self {
        Self {
            away: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(noon(0))),
            sink: MemorySink::new(),
            by: administrator(&Owner::default()),
        }
    }

    /// Returns the ports of a machine whose own clock is wrong by so many minutes.
    fn machine(&self, minutes: i64) -> Ports {
        let catalog = SqliteCatalog::open(self.folder.path().join("cdds.db")).unwrap();
        let catalog = Arc::new(catalog.with_clock(self.clock.clone()));
        let source = AwayOnce(PreparedSource::of("calls", "call", Vec::new()).unwrap(), self.away.clone());
        Ports::new(catalog, Arc::new(self.sink.clone()), Arc::new(PlainPackager), Arc::new(InlineWorkers))
            .with_sources(Sources::new().with(Arc::new(source)))
            .with_clock(Arc::new(ManualClock::at(noon(minutes * 60))))
    }

    fn engine(&self, minutes: i64) -> Engine {
        Engine::builder(&self.machine(minutes)).build()
    }

    /// Submits a job, as a person whose clock is ten minutes ahead.
    fn submit(&self, frequency: Frequency) {
        let (source, data_type) = ("calls".parse().unwrap(), "call".parse().unwrap());
        let title = Title::new("Calls").unwrap();
        let settings = JobSettings::new(title, source, data_type, frequency, Protection::Plaintext);
        let jobs = Jobs::new(&self.machine(10), JobRules::default());
        assert_eq!(block_on(jobs.submit(&self.by, settings)).unwrap().job.created_at, noon(0));
    }

    /// Runs a round of an engine at this instant of the catalog.
    fn tick(&self, engine: &Engine, at: DateTime<Utc>) -> Tick {
        self.clock.set(at);
        block_on(engine.tick()).unwrap()
    }

    fn history(&self) -> Vec<Execution> {
        let history = History::new(&self.machine(-10));
        let page = block_on(history.list(&self.by, &ExecutionQuery::default())).unwrap();
        page.items.into_iter().map(|overview| overview.execution).collect()
    }
}

#[test]
fn t4_a_slot_is_due_when_the_catalog_says_so_and_not_before() {
    let world = World::new();
    world.submit(Frequency::Cron(CronExpression::new("0 * * * *").unwrap()));
    let (fast, slow) = (world.engine(10), world.engine(-10));
    let slot = noon(3_600);
    for engine in [&fast, &slow] {
        let early = world.tick(engine, slot - MOMENT);
        assert_eq!((early.executions.len(), early.agenda.queued, early.now), (0, 0, slot - MOMENT));
    }
    assert_eq!(world.history(), []);
    let due = world.tick(&slow, slot);
    assert_eq!((due.executions.len(), due.agenda.queued), (1, 1), "by the clock of its machine it is 12:50");
    let begun = world.history().remove(0);
    assert_eq!((begun.slot, begun.started_at, begun.created_at), (slot, Some(slot), slot));
    assert!(world.tick(&fast, slot).executions.is_empty(), "once");
}

#[test]
fn t4_leases_and_retries_end_when_the_catalog_says_so() {
    let world = World::new();
    world.submit(Frequency::Once(Start::Immediately));
    let (fast, slow) = (world.engine(10), world.engine(-10));
    world.away.store(true, Ordering::SeqCst);
    let mut hangs = world.tick(&slow, noon(0)).executions;
    assert_eq!(hangs.len(), 1);
    world.clock.set(noon(50));
    block_on(slow.beat()).unwrap();

    assert!(world.tick(&fast, noon(110) - MOMENT).executions.is_empty());
    assert_eq!(world.history()[0].status(), Status::InProgress, "the lease of a minute holds since the beat");
    let taken = world.tick(&fast, noon(110)).executions.remove(0);
    assert_eq!(world.history()[0].attempts[0].ended_at, Some(noon(110)));
    let waits = block_on(taken).unwrap();
    assert_eq!((waits.status(), waits.attempts[1].ended_at), (Status::Queued, Some(noon(110))));
    assert!(waits.not_before > noon(110), "the source was away");

    for engine in [&fast, &slow] {
        assert!(world.tick(engine, waits.not_before - MOMENT).executions.is_empty());
    }
    let again = world.tick(&slow, waits.not_before).executions.remove(0);
    let ended = block_on(again).unwrap();
    assert_eq!((ended.status(), ended.finished_at), (Status::Finished, Some(waits.not_before)));
    assert_eq!(block_on(hangs.remove(0)), None, "whoever lost its claim publishes nothing");
}

#[test]
fn t4_a_set_is_there_until_the_catalog_says_that_it_has_expired() {
    let world = World::new();
    world.submit(Frequency::Once(Start::Immediately));
    let (fast, slow) = (world.engine(10), world.engine(-10));
    let run = |engine: &Engine, at| {
        world.clock.set(at);
        block_on(engine.run(Until::Idle, std::future::pending())).unwrap()
    };
    assert_eq!(run(&fast, noon(7)).finished, 1);
    let id = world.history()[0].id;
    let artifacts = Artifacts::new(&world.machine(10));
    let set = block_on(artifacts.set(&world.by, id)).unwrap();
    let expires_at = set.artifacts[0].expires_at;
    assert_eq!(expires_at, noon(7) + TimeDelta::days(30));

    run(&fast, expires_at - MOMENT);
    assert_eq!(block_on(artifacts.set(&world.by, id)).unwrap(), set);
    assert!(!world.sink.objects().is_empty());
    world.clock.set(expires_at);
    block_on(artifacts.set(&world.by, id)).unwrap_err();
    run(&slow, expires_at);
    assert!(world.sink.objects().is_empty(), "by the clock of its machine it had ten minutes left");
}
