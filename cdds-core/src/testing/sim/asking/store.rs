//! The store of a world in which people ask, with faults at each call.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::super::faults::{Care, Faults};
use super::super::planted::PlantedBug;
use crate::keys;
use crate::ports::sink::{Key, LinkRequest, Prefix, RangeRead, SignedLink, Sink, SinkError, Stored, Upload};
use crate::testing::MemorySink;

/// The store as one program reaches it.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) store: MemorySink,
    pub(super) faults: Faults,
    pub(super) bug: Option<PlantedBug>,
}

impl Shelf {
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
impl Sink for Shelf {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        // The planted bug: an entry of the ledger is acknowledged, and is somewhere else.
        let is_lost = self.bug == Some(PlantedBug::EndBeforeLedger) && keys::erasure_of(key).is_some();
        let key = if is_lost { Key::new(format!("elsewhere/{key}")) } else { key.clone() };
        let upload = self.faults.around("sink.begin", Care::Busy, self.store.begin(&key)).await?;
        Ok(Box::new(Putting { upload, faults: self.faults.clone() }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let chunks = self.faults.around("sink.read", Care::Busy, self.store.read(key, from)).await?;
        Ok(self.failing(chunks))
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let read = self.faults.around("sink.read", Care::Busy, self.store.read_range(key, range)).await?;
        Ok(RangeRead::new(read.version, self.failing(read.chunks)))
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        self.store.link(key, request).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.faults.around("sink.delete", Care::Busy, self.store.delete(key)).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.faults.around("sink.list", Care::Idle, self.store.list(prefix)).await
    }
}

#[derive(Debug)]
struct Putting {
    upload: Box<dyn Upload>,
    faults: Faults,
}

#[async_trait]
impl Upload for Putting {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.faults.around("upload.write", Care::Busy, self.upload.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self { upload, faults } = *self;
        faults.around("upload.finish", Care::Busy, upload.finish()).await
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        let Self { upload, faults } = *self;
        faults.around("upload.abort", Care::Busy, upload.abort()).await
    }
}
