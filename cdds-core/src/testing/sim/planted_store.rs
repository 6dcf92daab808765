//! The planted bugs of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::planted::PlantedBug;
use super::shared::lock;
use crate::ports::sink::{Key, LinkRequest, Prefix, RangeRead, SignedLink, Sink, SinkError, Stored, Upload};

/// A store with a planted bug in front of it.
#[derive(Debug, Clone)]
pub(super) struct TamperedSink {
    pub(super) inner: Arc<dyn Sink>,
    pub(super) bug: Option<PlantedBug>,
    pub(super) memory: Arc<Mutex<Memory>>,
}

/// The state that the bugs need.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Maps the key under which a file is stored to the key that was last requested for it.
    names: BTreeMap<Key, Key>,
    unfinished: BTreeSet<Key>,
    /// Files that have not been read yet.
    fresh: BTreeSet<Key>,
}

impl TamperedSink {
    pub(super) fn new(inner: Arc<dyn Sink>, bug: Option<PlantedBug>) -> Self {
        Self { inner, bug, memory: Arc::default() }
    }

    /// The key under which a file is stored. With [`PlantedBug::SharedKey`] it lacks the epoch.
    fn place(&self, key: &Key) -> Key {
        if self.bug != Some(PlantedBug::SharedKey) {
            return key.clone();
        }
        let mut segments: Vec<&str> = key.as_str().split('/').collect();
        if let [_, epoch, _] = segments.as_mut_slice() {
            *epoch = "0";
        }
        Key::new(segments.join("/"))
    }
}

impl TamperedSink {
    /// With [`PlantedBug::BytesRot`], each chunk of a file that was read before lacks its first byte.
    fn rotten(
        &self,
        key: &Key,
        chunks: BoxStream<'static, Result<Bytes, SinkError>>,
    ) -> BoxStream<'static, Result<Bytes, SinkError>> {
        let rots = self.bug == Some(PlantedBug::BytesRot) && !lock(&self.memory).fresh.remove(key);
        if rots { chunks.map_ok(|bytes| bytes.slice(bytes.len().min(1)..)).boxed() } else { chunks }
    }
}

#[async_trait]
impl Sink for TamperedSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let place = self.place(key);
        let upload = self.inner.begin(&place).await?;
        let sum = key.as_str().bytes().map(u32::from).sum::<u32>();
        let twice = self.bug == Some(PlantedBug::UploadRepeated) && sum.is_multiple_of(8);
        let again = if twice { Some(self.inner.begin(&place).await?) } else { None };
        let mut memory = lock(&self.memory);
        memory.names.insert(place, key.clone());
        memory.unfinished.insert(key.clone());
        memory.fresh.insert(key.clone());
        drop(memory);
        let memory = Arc::clone(&self.memory);
        Ok(Box::new(TamperedUpload { inner: upload, key: key.clone(), memory, again }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let read = self.inner.read(&self.place(key), from).await?;
        Ok(self.rotten(key, read))
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let read = self.inner.read_range(&self.place(key), range).await?;
        Ok(RangeRead::new(read.version, self.rotten(key, read.chunks)))
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        self.inner.link(&self.place(key), request).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        // Roughly one key in four.
        let forgets = key.as_str().bytes().map(u32::from).sum::<u32>().is_multiple_of(4);
        if self.bug == Some(PlantedBug::DeleteForgotten) && forgets {
            return Ok(());
        }
        self.inner.delete(&self.place(key)).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        if self.bug.is_none() {
            return self.inner.list(prefix).await;
        }
        let everything = self.inner.list(&Prefix::new("")).await?;
        let memory = lock(&self.memory);
        let names = everything.into_iter().map(|key| match self.bug {
            Some(PlantedBug::SharedKey) => memory.names.get(&key).cloned().unwrap_or(key),
            _ => key,
        });
        let hides = self.bug == Some(PlantedBug::UnfinishedNotListed);
        let listed = names.filter(|key| {
            let rest = key.as_str().strip_prefix(prefix.as_str());
            let within = prefix.as_str().is_empty() || rest.is_some_and(|rest| rest.starts_with('/'));
            within && !(hides && memory.unfinished.contains(key))
        });
        Ok(listed.collect())
    }
}

#[derive(Debug)]
struct TamperedUpload {
    inner: Box<dyn Upload>,
    key: Key,
    memory: Arc<Mutex<Memory>>,
    /// A second upload under the same key, for [`PlantedBug::UploadRepeated`].
    again: Option<Box<dyn Upload>>,
}

#[async_trait]
impl Upload for TamperedUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self { inner, key, memory, again } = *self;
        let stored = inner.finish().await?;
        if let Some(again) = again {
            again.finish().await?;
        }
        lock(&memory).unfinished.remove(&key);
        Ok(stored)
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.inner.abort().await
    }
}
