//! Rules E19, E20: engines in the register of workers, and those that are to claim nothing more.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::zone::database::DatabaseVersion;
use cdds_core::domain::id::{Owner, WorkerId};
use cdds_core::domain::work::worker::{FactText, WorkerEntry, WorkerFacts, WorkerState};
use cdds_core::engine::{Engine, EngineSettings, Until};
use cdds_core::ports::catalog::query::WorkerOverview;
use cdds_core::ports::catalog::{
    Catalog, CatalogError, CatalogErrorKind, CatalogLayer, Layered, WorkQueue, WorkerRegister,
};
use cdds_core::testing::MemoryCatalog;
use futures::executor::block_on;

use crate::rules::jobs_in_memory::Service;
use crate::rules::support::settings;

fn listed(service: &Service) -> Vec<WorkerOverview> {
    let catalog = &service.memory.catalog;
    let now = block_on(catalog.now()).unwrap();
    block_on(catalog.workers(&Owner::default(), now, 9)).unwrap()
}

fn submit(service: &Service) {
    let once = settings(Frequency::Once(Start::Immediately), "all");
    block_on(service.jobs.submit(&service.by, once)).unwrap();
}

#[test]
fn e19_an_engine_is_listed_while_it_works_and_after_it_has_left() {
    let service = Service::with_records(1);
    submit(&service);
    let facts = WorkerFacts::default().with_program(FactText::new("reports 2.1")).with_process(77);
    let engine = Engine::builder(&service.memory.ports)
        .settings(EngineSettings::default().with_concurrency(NonZeroUsize::new(5).unwrap()))
        .facts(facts.clone())
        .build();
    assert_eq!(listed(&service), [], "nobody works before the first round");

    let tick = block_on(engine.tick()).unwrap();
    let [one] = &listed(&service)[..] else { panic!("one worker") };
    assert_eq!((one.state, one.running.own), (WorkerState::Alive, 1));
    let facts = facts.with_concurrency(5.try_into().unwrap()).with_zones(DatabaseVersion::bundled());
    assert_eq!(one.entry.facts, facts);

    service.memory.clock.advance(Duration::from_secs(59));
    assert_eq!(listed(&service)[0].state, WorkerState::Alive);
    service.memory.clock.advance(Duration::from_secs(1));
    assert_eq!(listed(&service)[0].state, WorkerState::Gone, "it is silent for a minute");

    block_on(async { futures::future::join_all(tick.executions).await });
    block_on(engine.leave());
    assert_eq!(listed(&service)[0].state, WorkerState::Left);
    assert_eq!(block_on(engine.tick()).unwrap().executions.len(), 0);
    let [again] = &listed(&service)[..] else { panic!("the same worker") };
    assert_eq!((again.state, again.entry.started_at), (WorkerState::Alive, again.entry.seen_at()));
    // Every run ends in good order.
    service.run();
    assert_eq!(listed(&service).len(), 2);
    assert_eq!(listed(&service)[1].state, WorkerState::Left);
}

#[test]
fn e19_workers_that_have_left_are_forgotten_by_the_housekeeper() {
    let service = Service::with_records(1);
    service.run();
    service.days_pass(1);
    service.run();
    assert_eq!(listed(&service).len(), 1, "the first one is forgotten");
}

/// Counts signs of life, or makes the register fail.
#[derive(Debug)]
struct Register {
    catalog: Arc<MemoryCatalog>,
    signs: Arc<AtomicU32>,
    fails: bool,
    panics: bool,
}

impl Register {
    fn failure(&self) -> Result<(), CatalogError> {
        assert!(!self.panics, "planned");
        match self.fails {
            true => Err(CatalogError::new(CatalogErrorKind::Full, "planned")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl CatalogLayer for Register {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn attend(
        &self,
        worker: &WorkerId,
        facts: &WorkerFacts,
        lease: Duration,
    ) -> Result<WorkerEntry, CatalogError> {
        self.signs.fetch_add(1, Ordering::Relaxed);
        self.failure()?;
        self.inner().attend(worker, facts, lease).await
    }

    async fn leave(&self, worker: &WorkerId) -> Result<(), CatalogError> {
        self.failure()?;
        self.inner().leave(worker).await
    }

    async fn forget_workers(&self) -> Result<usize, CatalogError> {
        self.failure()?;
        self.inner().forget_workers().await
    }
}

fn over(fails: bool, panics: bool) -> (Service, Arc<AtomicU32>) {
    let mut service = Service::with_records(1);
    let signs = Arc::new(AtomicU32::new(0));
    let catalog = Arc::clone(&service.memory.catalog);
    let register = Register { catalog, signs: Arc::clone(&signs), fails, panics };
    service.memory.ports.catalog = Arc::new(Layered(register));
    (service, signs)
}

#[test]
fn e19_signs_of_life_are_ten_seconds_apart() {
    let (service, signs) = over(false, false);
    let engine = Engine::builder(&service.memory.ports).build();
    for _ in 0..30 {
        assert_eq!(block_on(engine.tick()).unwrap().executions.len(), 0);
        block_on(engine.beat()).unwrap();
        service.memory.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(signs.load(Ordering::Relaxed), 3);
    // While an engine stops it makes no rounds, and its executions go on.
    submit(&service);
    let tick = block_on(engine.tick()).unwrap();
    assert_eq!((tick.executions.len(), signs.load(Ordering::Relaxed)), (1, 4));
    for _ in 0..30 {
        block_on(engine.beat()).unwrap();
        service.memory.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(signs.load(Ordering::Relaxed), 6);
}

#[test]
fn e19_a_register_that_fails_or_panics_stops_no_export() {
    for (fails, panics) in [(true, false), (true, true)] {
        let (service, signs) = over(fails, panics);
        submit(&service);
        let engine = Engine::builder(&service.memory.ports).build();
        let report = block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
        assert_eq!((report.finished, report.failed), (1, 0));
        assert!(signs.load(Ordering::Relaxed) > 0);
        assert_eq!(listed(&service), []);
    }
}

#[test]
fn e20_an_engine_that_drains_claims_nothing_and_goes_on_when_it_is_told_to() {
    let service = Service::with_records(1);
    submit(&service);
    let engine = Engine::builder(&service.memory.ports).build();
    let fleet = cdds_core::Fleet::new(&service.memory.ports);
    let first = block_on(engine.tick()).unwrap();
    assert_eq!(first.executions.len(), 1);
    block_on(async { futures::future::join_all(first.executions).await });
    let worker = listed(&service)[0].entry.worker.clone();

    let drains = block_on(fleet.drain(&service.by, &worker)).unwrap();
    assert!(drains.entry.draining_since.is_some());
    submit(&service);
    // Its next sign of life tells it.
    service.memory.clock.advance(Duration::from_secs(10));
    let tick = block_on(engine.tick()).unwrap();
    assert_eq!(tick.executions.len(), 0);
    assert!(engine.is_idle(&tick), "the rest is for others");
    assert_eq!(tick.agenda.queued, 1, "what is due is on record, and waits");

    block_on(fleet.resume(&service.by, &worker)).unwrap();
    service.memory.clock.advance(Duration::from_secs(10));
    let tick = block_on(engine.tick()).unwrap();
    assert_eq!(tick.executions.len(), 1);
    block_on(async { futures::future::join_all(tick.executions).await });

    block_on(fleet.drain(&service.by, &worker)).unwrap();
    submit(&service);
    block_on(engine.leave());
    let tick = block_on(engine.tick()).unwrap();
    assert_eq!(tick.executions.len(), 1, "one that ended and comes back begins anew");
}

#[test]
fn e20_a_run_until_idle_ends_while_it_drains() {
    let service = Service::with_records(1);
    let engine = Engine::builder(&service.memory.ports).build();
    let fleet = cdds_core::Fleet::new(&service.memory.ports);
    assert_eq!(block_on(engine.tick()).unwrap().executions.len(), 0);
    let worker = listed(&service)[0].entry.worker.clone();
    block_on(fleet.drain(&service.by, &worker)).unwrap();
    service.memory.clock.advance(Duration::from_secs(10));
    submit(&service);
    let report = block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    assert_eq!(report.finished, 0);
    assert_eq!(
        block_on(fleet.drain(&service.by, &"nobody".parse().unwrap())).unwrap_err().code(),
        "not_found"
    );
}
