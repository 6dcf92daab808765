//! The engine over a real catalog and a real store, when replies get lost and workers are stopped at the
//! worst moment. Published files stay, all others are removed, and foreign files are left alone.

#![cfg(feature = "sqlite")]

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::observe::{Event, Observer};
use cdds_core::engine::{Engine, EngineBuilder, EngineSettings, Until};
use cdds_core::ports::Ports;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::catalog::{
    Catalog, CatalogError, CatalogErrorKind, CatalogLayer, Fence, Layered, Publication, Settlement, Standing,
    WorkQueue, Writer,
};
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, Stored, Upload};
use cdds_core::ports::source::{DataType, SourceDescription};
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{PreparedSource, administrator};
use cdds_storage::archive::ZipPackager;
use cdds_storage::catalog::SqliteCatalog;
use cdds_storage::sink::ObjectSink;
use cdds_storage::workers::ThreadPool;
use chrono::{DateTime, TimeDelta};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::Shared;
use futures::stream::BoxStream;

/// A catalog that can lose replies. It carries out the requests all the same.
#[derive(Debug)]
struct Unreliable {
    inner: SqliteCatalog,
    lost_publications: AtomicU32,
    lost_standings: AtomicU32,
    /// The reply to a publication never comes.
    publication_hangs: AtomicBool,
    /// Calls that fail without any effect.
    failing_publications: AtomicU32,
    failing_settlements: AtomicU32,
    /// Publications that the catalog refuses, with no chance of success.
    conflicts: AtomicU32,
    /// Publications before which another worker takes the claim away.
    lost_claims: AtomicU32,
    /// Whether a publication was requested, and so the whole set is stored.
    publication_asked: AtomicBool,
    /// The publication is requested, but never carried out.
    publication_never_begins: AtomicBool,
}

/// Decrements a counter. Returns false if it was 0.
fn take(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn fail<T>(kind: CatalogErrorKind) -> Result<T, CatalogError> {
    Err(CatalogError::new(kind, "it does not work now"))
}

fn lost<T>(counter: &AtomicU32, reply: Result<T, CatalogError>) -> Result<T, CatalogError> {
    if take(counter) {
        Err(CatalogError::new(CatalogErrorKind::Unavailable, "the reply got lost"))
    } else {
        reply
    }
}

#[async_trait]
impl CatalogLayer for Unreliable {
    fn inner(&self) -> &dyn Catalog {
        &self.inner
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
        self.publication_asked.store(true, Ordering::SeqCst);
        if self.publication_never_begins.load(Ordering::SeqCst) {
            futures::future::pending::<()>().await;
        }
        if take(&self.failing_publications) {
            return fail(CatalogErrorKind::Unavailable);
        }
        if take(&self.conflicts) {
            return fail(CatalogErrorKind::Conflict);
        }
        if take(&self.lost_claims) {
            self.inner.settle(fence, &Settlement::Released).await?;
        }
        let reply = self.inner.publish(fence, publication).await;
        if self.publication_hangs.load(Ordering::SeqCst) {
            futures::future::pending::<()>().await;
        }
        lost(&self.lost_publications, reply)
    }

    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Execution, CatalogError> {
        if take(&self.failing_settlements) {
            return fail(CatalogErrorKind::Unavailable);
        }
        self.inner.settle(fence, settlement).await
    }

    async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError> {
        lost(&self.lost_standings, self.inner.standing(writer).await)
    }
}

struct World {
    folder: tempfile::TempDir,
    catalog: Arc<Unreliable>,
    ports: Ports,
}

fn source() -> PreparedSource {
    let description = SourceDescription::new(SourceId::new("calls").unwrap(), "Calls").with_type(
        DataType::new(TypeId::new("call").unwrap()).with_event_instant().with_settle_lag(TimeDelta::zero()),
    );
    let mut batch = RecordBatchBuilder::new();
    for number in 0..1_000_u64 {
        let mut record = batch.record(&Place::of(None, Some(DateTime::UNIX_EPOCH)));
        record.unsigned("number", number);
        record.finish();
    }
    PreparedSource::new(description, vec![batch.take()])
}

fn catalog(path: &Path) -> Arc<Unreliable> {
    Arc::new(Unreliable {
        inner: SqliteCatalog::open(path).unwrap(),
        lost_publications: AtomicU32::new(0),
        lost_standings: AtomicU32::new(0),
        publication_hangs: AtomicBool::new(false),
        failing_publications: AtomicU32::new(0),
        failing_settlements: AtomicU32::new(0),
        conflicts: AtomicU32::new(0),
        lost_claims: AtomicU32::new(0),
        publication_asked: AtomicBool::new(false),
        publication_never_begins: AtomicBool::new(false),
    })
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let catalog = catalog(&folder.path().join("cdds.db"));
        let ports = Ports::new(
            Arc::new(Layered(Arc::clone(&catalog))),
            Arc::new(ObjectSink::local(folder.path().join("store")).unwrap()),
            Arc::new(ZipPackager::default()),
            Arc::new(ThreadPool::new(None).unwrap()),
        )
        .with_source(Arc::new(source()));
        Self { folder, catalog, ports }
    }

    fn submit(&self) {
        let settings = JobSettings::new(
            Title::new("All calls").unwrap(),
            SourceId::new("calls").unwrap(),
            TypeId::new("call").unwrap(),
            Frequency::Once(Start::Immediately),
            Protection::Plaintext,
        );
        block_on(
            Jobs::new(&self.ports, JobRules::default()).submit(&administrator(&Owner::default()), settings),
        )
        .unwrap();
    }

    fn engine(&self, grace: Duration) -> Engine {
        self.composed(grace).build()
    }

    fn composed(&self, grace: Duration) -> EngineBuilder {
        Engine::builder(&self.ports).settings(EngineSettings::default().with_grace(grace))
    }

    fn only_execution(&self) -> Execution {
        block_on(self.read_only_execution())
    }

    async fn read_only_execution(&self) -> Execution {
        let (owner, query) = (Owner::default(), ExecutionQuery::default());
        let mut items = self.catalog.executions(&owner, &query, DateTime::UNIX_EPOCH).await.unwrap().items;
        assert_eq!(items.len(), 1);
        items.remove(0).execution
    }

    fn stored(&self) -> Vec<Key> {
        block_on(self.ports.sink.list(&Prefix::new(""))).unwrap()
    }

    /// Asserts that every published file is complete in the store, and that the store holds nothing else.
    fn assert_published(&self) {
        let by = administrator(&Owner::default());
        let execution = self.only_execution();
        assert_eq!(execution.status(), Status::Finished);
        let artifacts = Artifacts::new(&self.ports);
        let set = block_on(artifacts.set(&by, execution.id)).unwrap();
        for artifact in &set.artifacts {
            block_on(async {
                artifacts.download(&by, artifact.id, 0).await.unwrap().collect().await.unwrap()
            });
        }
        assert_eq!(self.stored().len(), set.artifacts.len() + 1);
    }
}

#[test]
fn i3_i8_a_lost_reply_to_the_commit_changes_nothing() {
    for (lost_publications, lost_standings) in [(1, 0), (2, 0), (1, 1), (1, 3)] {
        let world = World::new();
        world.submit();
        world.catalog.lost_publications.store(lost_publications, Ordering::SeqCst);
        world.catalog.lost_standings.store(lost_standings, Ordering::SeqCst);
        let report = block_on(world.engine(Duration::ZERO).run(Until::Idle, std::future::pending())).unwrap();
        assert_eq!(report.finished, 1, "{lost_publications} and {lost_standings} replies lost");
        world.assert_published();
    }
}

#[test]
fn i8_a_stop_in_the_middle_of_the_commit_keeps_what_was_committed() {
    let world = World::new();
    world.submit();
    world.catalog.publication_hangs.store(true, Ordering::SeqCst);
    let committed = async {
        while world.read_only_execution().await.status() != Status::Finished {
            futures_timer::Delay::new(Duration::from_millis(5)).await;
        }
    };
    block_on(world.engine(Duration::ZERO).run(Until::Stopped, committed)).unwrap();
    world.assert_published();
}

#[test]
fn a_stop_before_the_commit_gives_the_work_back_and_leaves_nothing() {
    let world = World::new();
    world.submit();
    // The engine is stopped at once, and releases what it has claimed.
    block_on(world.engine(Duration::ZERO).run(Until::Stopped, std::future::ready(()))).unwrap();
    let execution = world.only_execution();
    assert_eq!((execution.status(), execution.attempt_count()), (Status::Queued, 0));
    assert_eq!(world.stored(), []);
    block_on(world.engine(Duration::ZERO).run(Until::Idle, std::future::pending())).unwrap();
    world.assert_published();
}

/// Counts the stored files at the end of each attempt, before anything else can remove them. Notes the kind
/// of each end with the number of files.
#[derive(Debug)]
struct Ends {
    store: PathBuf,
    seen: Mutex<Vec<(&'static str, usize)>>,
}

impl Observer for Ends {
    fn notice(&self, event: &Event<'_>) {
        let end = match event {
            Event::Ended { execution } => execution.status().as_str(),
            Event::Abandoned { .. } => "abandoned",
            _ => return,
        };
        self.seen.lock().unwrap().push((end, files(&self.store)));
    }
}

fn files(folder: &Path) -> usize {
    let count = |entry: std::io::Result<DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path) } else { 1 }
    };
    std::fs::read_dir(folder).unwrap().map(count).sum()
}

/// Runs until idle and returns the ends of all attempts.
fn ends(world: &World) -> Vec<(&'static str, usize)> {
    let ends = Arc::new(Ends { store: world.folder.path().join("store"), seen: Mutex::default() });
    let engine = world.composed(Duration::ZERO).observer(Arc::clone(&ends) as Arc<dyn Observer>).build();
    block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    ends.seen.lock().unwrap().clone()
}

#[test]
fn i6_i8_whoever_lost_the_claim_removes_what_can_never_be_published() {
    let world = World::new();
    world.submit();
    world.catalog.lost_claims.store(1, Ordering::SeqCst);
    let ends = ends(&world);
    assert_eq!(ends[0], ("abandoned", 0));
    assert_eq!(ends[1].0, "finished");
    world.assert_published();
}

/// A store that finishes no upload until the gate opens, and counts finished uploads.
#[derive(Debug)]
struct Gated {
    inner: Arc<dyn Sink>,
    gate: Shared<oneshot::Receiver<()>>,
    /// Uploads that were asked to finish.
    asked: Arc<AtomicU32>,
    ended: Arc<AtomicU32>,
}

struct GatedUpload(Box<dyn Upload>, Shared<oneshot::Receiver<()>>, [Arc<AtomicU32>; 2]);

impl std::fmt::Debug for GatedUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GatedUpload")
    }
}

#[async_trait]
impl Sink for Gated {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let counts = [Arc::clone(&self.asked), Arc::clone(&self.ended)];
        Ok(Box::new(GatedUpload(self.inner.begin(key).await?, self.gate.clone(), counts)))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.inner.read(key, from).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.inner.list(prefix).await
    }
}

#[async_trait]
impl Upload for GatedUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.0.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self(upload, gate, [asked, ended]) = *self;
        asked.fetch_add(1, Ordering::SeqCst);
        gate.await.unwrap();
        let stored = upload.finish().await;
        ended.fetch_add(1, Ordering::SeqCst);
        stored
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.0.abort().await
    }
}

#[test]
fn i8_whoever_lost_the_claim_waits_for_its_uploads_even_if_the_catalog_does_not_answer() {
    let mut world = World::new();
    let (open, gate) = oneshot::channel();
    let (asked, ended) = (Arc::default(), Arc::default());
    world.ports.sink = Arc::new(Gated {
        inner: Arc::clone(&world.ports.sink),
        gate: gate.shared(),
        asked: Arc::clone(&asked),
        ended: Arc::clone(&ended),
    });
    world.submit();
    let engine = world.engine(Duration::ZERO);
    let mut attempt = block_on(engine.tick()).unwrap().executions.remove(0);
    while asked.load(Ordering::SeqCst) == 0 {
        assert!(attempt.as_mut().now_or_never().is_none(), "it waits for the store");
    }
    // Another worker takes the execution over, and the reply to the question about the claim gets lost.
    let running = world.only_execution();
    let fence = Fence { id: running.id, epoch: running.epoch };
    block_on(world.catalog.settle(fence, &Settlement::Released)).unwrap();
    world.catalog.lost_standings.store(1, Ordering::SeqCst);
    block_on(engine.beat()).unwrap();
    open.send(()).unwrap();
    assert_eq!(block_on(attempt), None);
    // Every upload that was asked to finish has finished, so none lands after the sweep has looked.
    assert_eq!(ended.load(Ordering::SeqCst), asked.load(Ordering::SeqCst));
    block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    world.assert_published();
}

#[test]
fn i8_a_commit_that_fails_is_tried_again_by_the_same_attempt() {
    let world = World::new();
    world.submit();
    world.catalog.failing_publications.store(2, Ordering::SeqCst);
    assert_eq!(ends(&world), [("finished", 2)], "a part and its manifest");
    assert_eq!(world.only_execution().epoch, 1);
    world.assert_published();
}

#[test]
fn i8_an_end_that_cannot_be_put_on_the_record_is_tried_again_and_then_nothing_is_left() {
    let world = World::new();
    world.submit();
    world.catalog.conflicts.store(1, Ordering::SeqCst);
    world.catalog.failing_settlements.store(2, Ordering::SeqCst);
    assert_eq!(ends(&world), [("failed", 0)]);
    assert_eq!(world.only_execution().epoch, 1);
}

#[test]
fn i8_work_that_is_given_back_leaves_nothing_of_what_was_stored() {
    let world = World::new();
    world.submit();
    world.catalog.publication_never_begins.store(true, Ordering::SeqCst);
    let all_is_stored = async {
        while !world.catalog.publication_asked.load(Ordering::SeqCst) {
            futures_timer::Delay::new(Duration::from_millis(5)).await;
        }
        assert_eq!(files(&world.folder.path().join("store")), 2, "a part and its manifest");
    };
    block_on(world.engine(Duration::ZERO).run(Until::Stopped, all_is_stored)).unwrap();
    assert_eq!(world.only_execution().status(), Status::Queued);
    assert_eq!(world.stored(), []);
}

#[test]
fn i8_the_sweep_removes_orphans_and_leaves_what_it_does_not_know() {
    let world = World::new();
    world.submit();
    // The first claim is handed back, the second one publishes.
    drop(block_on(world.engine(Duration::ZERO).tick()).unwrap());
    let claimed = world.only_execution();
    block_on(world.catalog.settle(claimed.fence(), &Settlement::Released)).unwrap();
    block_on(world.engine(Duration::ZERO).run(Until::Idle, std::future::pending())).unwrap();
    let nonce = claimed.writer().nonce.unwrap();
    let orphan = Key::new(format!("{}/1-{nonce}/000000", claimed.id));
    let foreign = Key::new("6f9619ff-8b86-d011-b42d-00c04fc964ff/1/000000");
    let later = Key::new(format!("{}/7-{nonce}/000000", claimed.id));
    let unnamed = Key::new("notes");
    for key in [&orphan, &foreign, &later, &unnamed] {
        let mut upload = block_on(world.ports.sink.begin(key)).unwrap();
        block_on(upload.write("left".into())).unwrap();
        block_on(upload.finish()).unwrap();
    }
    block_on(world.engine(Duration::ZERO).run(Until::Idle, std::future::pending())).unwrap();
    let stored = world.stored();
    assert!(!stored.contains(&orphan), "{stored:?}");
    assert!([&foreign, &later, &unnamed].iter().all(|key| stored.contains(key)), "{stored:?}");

    // A fresh catalog next to a full store knows none of its files, and leaves all of them.
    let ports =
        world.ports.clone().with_catalog(Arc::new(Layered(catalog(&world.folder.path().join("other.db")))));
    let engine = Engine::builder(&ports).build();
    block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    assert_eq!(world.stored(), stored);
}
