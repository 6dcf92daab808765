//! One's own store in a world, beside the store in memory that the model knows.
//!
//! Each call is made of both, in one step of the world, and the answers are compared. What the engine gets is one's
//! own store's, except for lists: those of the store in memory also have every upload whose caller is gone, and one's
//! own store may have removed what nobody finished.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::report::Invariant;
use super::shared::Shared;
use super::watch::step;
use crate::ports::sink::{
    Key, LinkRequest, ObjectVersion, Prefix, RangeRead, SignedLink, Sink, SinkError, Stored, Upload,
};
use crate::testing::MemorySink;

/// Both stores.
#[derive(Debug)]
pub(super) struct TwinSink {
    pub(super) memory: MemorySink,
    pub(super) own: Arc<dyn Sink>,
    pub(super) shared: Arc<Shared>,
}

/// Ends the world, unless both answers are of one kind.
fn compare<T: Debug, U: Debug>(
    shared: &Shared,
    call: &str,
    own: &Result<T, SinkError>,
    memory: &Result<U, SinkError>,
) {
    let kind = |error: &SinkError| (error.kind(), error.report());
    let told = match (own.as_ref().map_err(kind), memory.as_ref().map_err(kind)) {
        (Ok(_), Ok(_)) => return,
        (Err((own, _)), Err((memory, _))) if own == memory => return,
        (Err((_, own)), _) => own,
        (Ok(_), Err((_, memory))) => format!("it succeeds, where another store says: {memory}"),
    };
    shared.violate(Invariant::Store, format!("{call}: {told}"));
}

/// Reads a range to its end.
async fn whole(
    sink: &dyn Sink,
    key: &Key,
    range: Range<u64>,
) -> Result<(Option<ObjectVersion>, Vec<Bytes>), SinkError> {
    let read = sink.read_range(key, range).await?;
    Ok((read.version, read.chunks.try_collect().await?))
}

#[async_trait]
impl Sink for TwinSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let (own, memory) = (step(self.own.begin(key)), self.memory.begin(key).await);
        compare(&self.shared, &format!("begin {key}"), &own, &memory);
        let (store, shared) = (self.memory.clone(), Arc::clone(&self.shared));
        let (own, memory, written, key) = (own?, memory?, Vec::new(), key.clone());
        Ok(Box::new(TwinUpload { own, memory, written, store, key, shared }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let own = step(async { self.own.read(key, from).await?.try_collect::<Vec<_>>().await });
        let memory = async { self.memory.read(key, from).await?.try_collect::<Vec<_>>().await }.await;
        compare(&self.shared, &format!("read {key} from {from}"), &own, &memory);
        let chunks = own?;
        if chunks.concat() != memory?.concat() {
            let told = format!("{key} has other bytes from {from} on than were written");
            self.shared.violate(Invariant::Store, told);
        }
        Ok(stream::iter(chunks).map(Ok).boxed())
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let own = step(whole(&*self.own, key, range.clone()));
        let memory = whole(&self.memory, key, range.clone()).await;
        compare(&self.shared, &format!("read {key} in {range:?}"), &own, &memory);
        let (version, chunks) = own?;
        if chunks.concat() != memory?.1.concat() {
            let told = format!("{key} has other bytes in {range:?} than were written");
            self.shared.violate(Invariant::Store, told);
        }
        Ok(RangeRead::new(version, stream::iter(chunks).map(Ok).boxed()))
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        step(self.own.link(key, request))
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        let (own, memory) = (step(self.own.delete(key)), self.memory.delete(key).await);
        compare(&self.shared, &format!("delete {key}"), &own, &memory);
        own
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        let (own, memory) = (step(self.own.list(prefix)), self.memory.list(prefix).await);
        compare(&self.shared, &format!("list {}", prefix.as_str()), &own, &memory);
        let (own, memory) = (own?, memory?);
        let objects = memory.iter().filter(|key| self.memory.object(key).is_some());
        if let Some(lost) = objects.filter(|key| !own.contains(key)).min() {
            self.shared.violate(Invariant::Store, format!("{lost} is stored and not listed"));
        }
        if let Some(foreign) = own.iter().find(|key| !memory.contains(key)) {
            self.shared.violate(Invariant::Store, format!("{foreign} is listed and not there"));
        }
        Ok(memory)
    }
}

/// An upload to both stores.
#[derive(Debug)]
struct TwinUpload {
    own: Box<dyn Upload>,
    memory: Box<dyn Upload>,
    written: Vec<Bytes>,
    store: MemorySink,
    key: Key,
    shared: Arc<Shared>,
}

#[async_trait]
impl Upload for TwinUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.written.push(bytes.clone());
        let (own, memory) = (step(self.own.write(bytes.clone())), self.memory.write(bytes).await);
        compare(&self.shared, &format!("write to {}", self.key), &own, &memory);
        own
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let (own, mut memory) = (step(self.own.finish()), self.memory.finish().await);
        // Its key was deleted meanwhile. An upload of which nothing had reached the store may go on all the same.
        if own.is_ok() && memory.is_err() {
            let mut again = self.store.begin(&self.key).await?;
            for bytes in self.written {
                again.write(bytes).await?;
            }
            memory = again.finish().await;
        }
        compare(&self.shared, &format!("finish {}", self.key), &own, &memory);
        if let (Ok(own), Ok(memory)) = (&own, &memory)
            && own.bytes != memory.bytes
        {
            let told = format!("{} has {} bytes and is said to have {}", self.key, memory.bytes, own.bytes);
            self.shared.violate(Invariant::Store, told);
        }
        own
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        let (own, memory) = (step(self.own.abort()), self.memory.abort().await);
        compare(&self.shared, &format!("abort {}", self.key), &own, &memory);
        own
    }
}
