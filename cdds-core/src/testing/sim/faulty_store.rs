//! The store with faults, and a look at what happens to what is live (invariants I6, I8).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::faults::{Care, Faults};
use super::report::Invariant;
use super::watch::Watch;
use crate::ports::sink::{Key, Prefix, Sink, SinkError, Stored, Upload};
use crate::testing::sink::MemorySink;

/// The store of one caller, whose calls may go wrong.
#[derive(Debug, Clone)]
pub(super) struct FaultySink {
    pub(super) inner: Arc<dyn Sink>,
    pub(super) faults: Faults,
    pub(super) watch: Arc<Watch>,
}

#[async_trait]
impl Sink for FaultySink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let inner = self.faults.around("sink.begin", Care::Busy, self.inner.begin(key)).await?;
        Ok(Box::new(FaultyUpload { inner, faults: self.faults.clone() }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let chunks = self.faults.around("sink.read", Care::Busy, self.inner.read(key, from)).await?;
        let faults = self.faults.clone();
        let chunks = chunks.then(move |chunk| {
            let faults = faults.clone();
            async move { faults.around("sink.next", Care::Busy, async { chunk }).await }.boxed()
        });
        Ok(chunks.boxed())
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        let delete = async {
            self.watch.deletes(key);
            self.inner.delete(key).await
        };
        self.faults.around("sink.delete", Care::Busy, delete).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.faults.around("sink.list", Care::Idle, self.inner.list(prefix)).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn Upload>,
    faults: Faults,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.faults.around("upload.write", Care::Busy, self.inner.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        self.faults.around("upload.finish", Care::Busy, self.inner.finish()).await
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.faults.around("upload.abort", Care::Busy, self.inner.abort()).await
    }
}

/// The store itself. What is finished is never written again (invariant I6).
#[derive(Debug)]
pub(super) struct WatchedSink {
    pub(super) inner: MemorySink,
    pub(super) shared: Arc<super::shared::Shared>,
}

#[async_trait]
impl Sink for WatchedSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        if self.inner.object(key).is_some() {
            self.shared.violate(Invariant::I6, format!("{key} is there and is written again"));
        }
        let inner = self.inner.begin(key).await?;
        let (key, store, shared) = (key.clone(), self.inner.clone(), Arc::clone(&self.shared));
        Ok(Box::new(WatchedUpload { inner, key, store, shared }))
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

/// What is written at the same time under the same key shows when it is finished.
#[derive(Debug)]
struct WatchedUpload {
    inner: Box<dyn Upload>,
    key: Key,
    store: MemorySink,
    shared: Arc<super::shared::Shared>,
}

#[async_trait]
impl Upload for WatchedUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        if self.store.object(&self.key).is_some() {
            self.shared.violate(Invariant::I6, format!("{} is there and is finished again", self.key));
        }
        self.inner.finish().await
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.inner.abort().await
    }
}
