//! Embedder code that panics or hangs ends the execution that called it. The engine and its other executions
//! continue (rule E5).

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::engine::observe::{Event, Observer};
use cdds_core::engine::{Engine, EngineBuilder, RunReport, Until};
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, Stored, Upload};
use cdds_core::ports::source::{
    DataType, Estimate, ReadRequest, RecordStream, Source, SourceDescription, SourceError, Sources,
};
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, MemorySink, PreparedSource, administrator};
use futures::StreamExt;
use futures::executor::block_on;
use futures::stream::BoxStream;

/// The call at which a source fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Only after the job was submitted.
    Describe,
    Estimate,
    Read,
    Next,
    /// Nowhere: it waits for ever without returning a record.
    Nowhere,
}

#[derive(Debug)]
struct Failing(SourceDescription, At, Arc<AtomicBool>);

fn description(id: &str) -> SourceDescription {
    SourceDescription::new(SourceId::new(id).unwrap(), id)
        .with_type(DataType::new(TypeId::new("call").unwrap()))
}

fn panics() -> ! {
    resume_unwind(Box::new("caller +49 30 1"))
}

#[async_trait]
impl Source for Failing {
    fn describe(&self) -> &SourceDescription {
        if self.1 == At::Describe && self.2.load(Ordering::Relaxed) {
            panics()
        }
        &self.0
    }

    async fn estimate(&self, _request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        if self.1 == At::Estimate { panics() } else { Ok(None) }
    }

    async fn read(&self, _request: ReadRequest) -> Result<RecordStream, SourceError> {
        match self.1 {
            At::Read => panics(),
            At::Next => Ok(futures::stream::poll_fn(|_| panics()).boxed()),
            At::Describe | At::Estimate | At::Nowhere => Ok(futures::stream::pending().boxed()),
        }
    }
}

/// One job over a source that fails, and one over a source that does not.
struct World(MemoryPorts, Arc<AtomicBool>);

impl World {
    fn new(at: At) -> Self {
        let sound = PreparedSource::new(description("sound"), Vec::new());
        let armed = Arc::new(AtomicBool::new(false));
        let failing = Failing(description("failing"), at, Arc::clone(&armed));
        let sources = Sources::new().with(Arc::new(sound)).with(Arc::new(failing));
        Self(MemoryPorts::new("2026-03-01T10:00:00Z".parse().unwrap(), sources), armed)
    }

    fn submit(&self, source: &str) {
        self.submit_to_run(source, Frequency::Once(Start::Immediately));
    }

    fn submit_to_run(&self, source: &str, frequency: Frequency) {
        let settings = JobSettings::new(
            Title::new(source).unwrap(),
            source.parse().unwrap(),
            "call".parse().unwrap(),
            frequency,
            Protection::Plaintext,
        );
        block_on(
            Jobs::new(&self.0.ports, JobRules::default()).submit(&administrator(&Owner::default()), settings),
        )
        .unwrap();
    }

    fn engine(&self) -> EngineBuilder {
        Engine::builder(&self.0.ports)
    }

    fn of(&self, source: &str) -> Execution {
        let record = self.0.catalog.record();
        record.into_iter().find(|execution| execution.settings.source.as_str() == source).unwrap()
    }
}

fn run(engine: &Engine) -> RunReport {
    block_on(engine.run(Until::Idle, futures::future::pending())).unwrap()
}

fn failure(execution: &Execution) -> Failure {
    let ExecutionState::Failed(failure) = &execution.state else { panic!("{:?}", execution.state) };
    failure.clone()
}

#[test]
fn e11_a_source_that_panics_ends_its_execution_and_no_other() {
    for (at, step) in [(At::Estimate, Step::Prepare), (At::Read, Step::Read), (At::Next, Step::Read)] {
        let world = World::new(at);
        world.submit("failing");
        world.submit("sound");
        let report = run(&world.engine().build());
        assert_eq!((report.finished, report.failed), (1, 1), "{at:?}");
        let failed = world.of("failing");
        let failure = failure(&failed);
        assert_eq!((failure.step, failure.kind, failed.attempts.len()), (step, FailureKind::Internal, 1));
        assert!(failure.message.contains("source"), "{}", failure.message);
        assert!(!failure.message.contains("+49"), "it may quote a record: {}", failure.message);
        assert_eq!(world.of("sound").attempts.len(), 1, "it was not disturbed");
    }
}

#[test]
fn e11_a_source_that_panics_when_it_is_described_holds_up_no_schedule() {
    let world = World::new(At::Describe);
    let at = || Frequency::Once(Start::At("2026-03-01T11:00:00Z".parse().unwrap()));
    world.submit_to_run("failing", at());
    world.submit_to_run("sound", at());
    world.1.store(true, Ordering::Relaxed);
    world.0.clock.advance(Duration::from_secs(7_200));
    let report = run(&world.engine().build());
    assert_eq!((report.finished, report.failed), (1, 1));
    assert_eq!(failure(&world.of("failing")).kind, FailureKind::Internal);
}

#[derive(Debug)]
struct PanickingSink(MemorySink);

#[async_trait]
impl Sink for PanickingSink {
    async fn begin(&self, _key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        panics()
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.0.read(key, from).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.0.delete(key).await
    }

    async fn list(&self, _prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        panics()
    }
}

#[derive(Debug)]
struct FinishPanics(Box<dyn Upload>);

#[async_trait]
impl Upload for FinishPanics {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.0.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        panics()
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.0.abort().await
    }
}

#[derive(Debug)]
struct FinishPanicsSink(MemorySink);

#[async_trait]
impl Sink for FinishPanicsSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        Ok(Box::new(FinishPanics(self.0.begin(key).await?)))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.0.read(key, from).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.0.list(prefix).await
    }
}

#[test]
fn e11_a_store_that_panics_ends_no_engine() {
    let memory = MemorySink::new();
    let sinks: [Arc<dyn Sink>; 2] =
        [Arc::new(PanickingSink(memory.clone())), Arc::new(FinishPanicsSink(memory.clone()))];
    for sink in sinks {
        let mut world = World::new(At::Nowhere);
        world.0.ports.sink = sink;
        world.submit("sound");
        let report = run(&world.engine().build());
        assert_eq!((report.finished, report.failed), (0, 1));
        let failure = failure(&world.of("sound"));
        assert_eq!((failure.step, failure.kind), (Step::Store, FailureKind::Internal));
    }
    assert!(memory.objects().is_empty());
}

/// An observer that panics at events that the function accepts.
#[derive(Debug)]
struct Panicking(fn(&Event<'_>) -> bool);

impl Observer for Panicking {
    fn notice(&self, event: &Event<'_>) {
        if self.0(event) {
            panics()
        }
    }
}

#[test]
fn e11_an_observer_that_panics_ends_what_it_was_told_of() {
    let world = World::new(At::Nowhere);
    world.submit("sound");
    let started = |event: &Event<'_>| matches!(event, Event::Started { .. });
    let report = run(&world.engine().observer(Arc::new(Panicking(started))).build());
    assert_eq!(report.failed, 1);
    let told = failure(&world.of("sound"));
    assert_eq!(told.kind, FailureKind::Internal);
    assert!(told.message.contains("observer"), "{}", told.message);

    let world = World::new(At::Nowhere);
    world.submit("failing");
    let progressed = |event: &Event<'_>| matches!(event, Event::Progressed { .. });
    run(&world.engine().observer(Arc::new(Panicking(progressed))).build());
    assert!(failure(&world.of("failing")).message.contains("observer"));

    // An execution that has already ended is not affected.
    let world = World::new(At::Nowhere);
    world.submit("sound");
    let ended = |event: &Event<'_>| matches!(event, Event::Ended { .. });
    let report = run(&world.engine().observer(Arc::new(Panicking(ended))).build());
    assert_eq!(report.finished, 1);
}

#[test]
fn e12_a_source_that_hangs_is_given_up_and_holds_nobody_up() {
    let world = World::new(At::Nowhere);
    world.submit("failing");
    world.submit("sound");
    let report = run(&world.engine().build());
    assert_eq!((report.finished, report.failed), (1, 1));
    assert_eq!(
        (report.retries, report.other),
        (4, 0),
        "an attempt that is followed by another one is a retry"
    );
    let hung = world.of("failing");
    assert_eq!(hung.status(), Status::Failed);
    let failure = failure(&hung);
    assert_eq!((failure.kind, failure.retryable), (FailureKind::Interrupted, true));
    assert!(failure.message.contains("failing") && failure.message.contains("3600 s"), "{}", failure.message);
    assert_eq!(hung.attempts.len(), 5, "it is tried again as after any failure that may pass");
    let first = &hung.attempts[0];
    let lasted = first.ended_at.unwrap() - first.started_at;
    assert!((3_600..3_700).contains(&lasted.num_seconds()), "{lasted}");
}
