//! The store with faults, and checks of what happens to live files (invariants I6, I8).

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::faults::{Care, Faults};
use super::planted::PlantedBug;
use super::report::Invariant;
use super::shared::{LateUpload, Life, lock};
use super::time::{HOUR, Micros, SECOND};
use super::watch::Watch;
use crate::ports::sink::{Key, LinkRequest, Prefix, RangeRead, SignedLink, Sink, SinkError, Stored, Upload};
use crate::testing::sink::MemorySink;

/// The store as one caller sees it, with faults.
#[derive(Debug, Clone)]
pub(super) struct FaultySink {
    pub(super) inner: Arc<dyn Sink>,
    pub(super) faults: Faults,
    pub(super) watch: Arc<Watch>,
    pub(super) bug: Option<PlantedBug>,
}

impl FaultySink {
    /// Lets faults come between chunks.
    fn failing(
        &self,
        chunks: BoxStream<'static, Result<Bytes, SinkError>>,
    ) -> BoxStream<'static, Result<Bytes, SinkError>> {
        let faults = self.faults.clone();
        let chunks = chunks.then(move |chunk| {
            let faults = faults.clone();
            async move { faults.around("sink.next", Care::Busy, async { chunk }).await }.boxed()
        });
        chunks.boxed()
    }
}

#[async_trait]
impl Sink for FaultySink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let inner = self.faults.around("sink.begin", Care::Busy, self.inner.begin(key)).await?;
        let late = Late {
            key: key.clone(),
            written: Vec::new(),
            faults: self.faults.clone(),
            watch: Arc::clone(&self.watch),
            armed: false,
        };
        Ok(Box::new(FaultyUpload { inner, late, bug: self.bug }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let chunks = self.faults.around("sink.read", Care::Busy, self.inner.read(key, from)).await?;
        Ok(self.failing(chunks))
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let read = self.faults.around("sink.read", Care::Busy, self.inner.read_range(key, range)).await?;
        Ok(RangeRead::new(read.version, self.failing(read.chunks)))
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        self.faults.around("sink.link", Care::Busy, self.inner.link(key, request)).await
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
    late: Late,
    bug: Option<PlantedBug>,
}

/// The data of an upload. A store that was asked to finish an upload does so even if the caller is gone.
#[derive(Debug)]
struct Late {
    key: Key,
    written: Vec<Bytes>,
    faults: Faults,
    watch: Arc<Watch>,
    /// Whether the caller has asked to finish it and has no reply yet.
    armed: bool,
}

impl Late {
    fn land_in(&mut self, longest: Micros) {
        let shared = &self.faults.shared;
        let written = std::mem::take(&mut self.written);
        shared.land_later(LateUpload {
            at: shared.timeline.elapsed() + lock(&self.faults.dice).below(longest),
            key: self.key.clone(),
            written,
            place: self.faults.place,
            life: shared.lives.get(self.faults.place).map_or(0, Life::number),
            troubles: self.watch.troubles(),
        });
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        // A call that panics has not reached the store.
        let let_go = self.armed && !std::thread::panicking();
        if let_go && self.faults.shared.storms() {
            self.land_in(HOUR);
        }
    }
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.late.written.push(bytes.clone());
        self.late.faults.around("upload.write", Care::Busy, self.inner.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self { inner, mut late, .. } = *self;
        late.armed = true;
        let finished = late.faults.around("upload.finish", Care::Busy, inner.finish()).await;
        late.armed = false;
        finished
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        let Self { inner, mut late, bug } = *self;
        if bug == Some(PlantedBug::AbortedUploadLands) {
            late.land_in(2 * SECOND);
        }
        late.faults.around("upload.abort", Care::Busy, inner.abort()).await
    }
}

/// The store itself. Finished objects must never be written again (invariant I6).
#[derive(Debug)]
pub(super) struct WatchedSink {
    pub(super) inner: Arc<dyn Sink>,
    /// Its contents.
    pub(super) store: MemorySink,
    pub(super) shared: Arc<super::shared::Shared>,
}

#[async_trait]
impl Sink for WatchedSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        if self.store.object(key).is_some() {
            self.shared.violate(Invariant::I6, format!("{key} is there and is written again"));
        }
        let inner = self.inner.begin(key).await?;
        let (key, store, shared) = (key.clone(), self.store.clone(), Arc::clone(&self.shared));
        Ok(Box::new(WatchedUpload { inner, key, store, shared }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.inner.read(key, from).await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        self.inner.read_range(key, range).await
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        self.inner.link(key, request).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.inner.list(prefix).await
    }
}

/// An upload to the store. A concurrent upload under the same key is detected when the second one finishes.
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
