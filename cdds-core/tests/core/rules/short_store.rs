//! A store that keeps fewer bytes than it was given (rule A12).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::Engine;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, Stored, Upload};
use cdds_core::ports::source::Sources;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, MemorySink, PreparedSource, administrator};
use futures::executor::block_on;
use futures::stream::BoxStream;

use crate::rules::support::{instant, settings};

/// Loses the last byte of each file of one kind.
#[derive(Debug)]
struct ShortSink(MemorySink, Kind);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Part,
    Manifest,
    None,
}

impl Kind {
    fn of(key: &Key) -> Self {
        if key.as_str().ends_with("manifest") { Self::Manifest } else { Self::Part }
    }
}

#[derive(Debug)]
struct ShortUpload(Box<dyn Upload>);

#[async_trait]
impl Sink for ShortSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let upload = self.0.begin(key).await?;
        Ok(if Kind::of(key) == self.1 { Box::new(ShortUpload(upload)) } else { upload })
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

#[async_trait]
impl Upload for ShortUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.0.write(bytes.slice(..bytes.len() - 1)).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        self.0.finish().await
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.0.abort().await
    }
}

#[test]
fn a12_nothing_is_published_of_which_the_store_kept_less() {
    for (short, status) in
        [(Kind::Part, Status::Queued), (Kind::Manifest, Status::Queued), (Kind::None, Status::Finished)]
    {
        let mut batch = RecordBatchBuilder::new();
        batch.raw_line(&Place::Folder("interaction/all/undated".into()), b"{\"n\":1}").unwrap();
        let source = PreparedSource::of("contact-history", "interaction", vec![batch.take()]).unwrap();
        let memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), Sources::new().with(Arc::new(source)));
        let ports = memory.ports.clone().with_sink(Arc::new(ShortSink(memory.sink.clone(), short)));
        let by = administrator(&Owner::default());
        let once = settings(Frequency::Once(Start::Immediately), "all");
        block_on(Jobs::new(&ports, JobRules::default()).submit(&by, once)).unwrap();
        let engine = Engine::builder(&ports).build();
        let tick = block_on(engine.tick()).unwrap();
        for execution in tick.executions {
            block_on(execution);
        }
        let history = block_on(History::new(&ports).list(&by, &ExecutionQuery::default())).unwrap();
        let execution = &history.items[0].execution;
        assert_eq!(execution.status(), status, "{short:?}: {execution:?}");
        let failures: Vec<String> = execution
            .attempts
            .iter()
            .filter_map(|one| one.failure.as_ref())
            .map(|one| one.message.clone())
            .collect();
        assert_eq!(
            failures.iter().any(|why| why.contains("the store kept")),
            status == Status::Queued,
            "{failures:?}"
        );
    }
}
