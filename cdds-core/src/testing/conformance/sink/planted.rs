//! Stores that each break one clause, to show that the checks find it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::Clause;
use crate::ports::sink::{
    Key, ObjectVersion, Prefix, RangeRead, Sink, SinkError, SinkErrorKind, Stored, Upload,
};
use crate::testing::MemorySink;

planted! {
    /// A bug that a [`PlantedSink`] has.
    enum Planted;
    /// An upload can be read as soon as something was written.
    VisibleEarly => HiddenUntilFinished,
    /// Keeps at most 1 MiB of each write.
    TruncatesWrites => Whole,
    /// Loses the last write if it is the second or a later one.
    LosesLastWrite => Whole,
    /// Loses the last 64 KiB of an object that is a multiple of them.
    DropsFullChunk => Whole,
    /// Stores no object without bytes.
    LosesEmptyObjects => Whole,
    /// Each handle sees only its own objects.
    PerHandle => SeenByEveryHandle,
    /// Reports the number of writes instead of the size.
    CountsWrites => SizeReported,
    /// Reads from the beginning, always.
    IgnoresFrom => ReadsFrom,
    /// Leaves out the first byte of a read that does not start at 0.
    FromIsOneLate => ReadsFrom,
    /// A read from the end is an error.
    FailsPastTheEnd => NothingPastTheEnd,
    /// A range is read to the end of the object.
    RangeRunsOn => RangeExact,
    /// The last byte of a range is missing.
    RangeEndsEarly => RangeExact,
    /// An empty range is found of any object.
    EmptyRangeFindsAll => RangeExact,
    /// The version of an object is its size.
    VersionIsSize => VersionOfBytes,
    /// The version is looked up, and the object is opened when its bytes are asked for.
    VersionBeforeBytes => VersionOfBytes,
    /// A read yields the whole object at once.
    ReadsInOneChunk => BoundedChunks,
    /// A missing object is answered with `Unavailable`.
    MissingIsUnavailable => MissingIsNotFound,
    /// A missing object is read as an empty one.
    MissingIsEmpty => MissingIsNotFound,
    /// Lists each key twice.
    ListsTwice => ListComplete,
    /// Lists no key of a folder within the folder.
    ListsOneLevel => ListComplete,
    /// Lists at most 1,000 keys.
    ListsOnePage => ListComplete,
    /// Lists the keys that begin with the same text.
    ListsByText => PrefixIsFolder,
    /// Lists every key.
    ListsAll => PrefixIsFolder,
    /// Deleting what does not exist is an error.
    DeletesOnce => DeleteIdempotent,
    /// Deletes nothing, and says that it did.
    KeepsDeleted => DeleteRemoves,
    /// Lists what was deleted.
    ListsDeleted => DeleteRemoves,
    /// Deletes every key that begins with the same text.
    DeletesByText => DeleteExact,
    /// Deletes the keys below the key.
    DeletesBelow => DeleteExact,
    /// Deletes finished objects only.
    DeleteSparesUploads => DeleteEndsUploads,
    /// Aborting finishes.
    AbortFinishes => AbortLeavesNothing,
    /// Aborting leaves an unfinished upload.
    AbortLeavesRemains => AbortLeavesNothing,
    /// Dropping finishes.
    DropFinishes => DropLeavesNothing,
    /// All uploads of a key share their bytes.
    SharesBuffer => UploadsApart,
    /// Aborting deletes the finished object under the key.
    AbortDeletes => UploadsApart,
    /// A full store refuses.
    FullIsRefused => FullIsSaid,
    /// A full store keeps what fits, and says nothing.
    FullIsSilent => FullIsSaid,
}

/// A store in memory with one bug.
#[derive(Debug, Clone)]
pub struct PlantedSink {
    planted: Planted,
    inner: MemorySink,
    handle: Arc<Mutex<Handles>>,
    number: usize,
}

/// What all handles of a broken store share.
#[derive(Debug, Default)]
struct Handles {
    opened: usize,
    written_by: BTreeMap<Key, usize>,
    shared: BTreeMap<Key, BytesMut>,
    deleted: Vec<Key>,
}

impl PlantedSink {
    /// Creates an empty store with this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted, inner: MemorySink::new(), handle: Arc::default(), number: 0 }
    }

    /// Opens another handle on the same store.
    #[must_use]
    pub fn handle(&self) -> Self {
        let number = self.with(|handles| {
            handles.opened += 1;
            handles.opened
        });
        Self { number, ..self.clone() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Handles) -> T) -> T {
        change(&mut self.handle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    async fn store(&self, key: &Key, bytes: Bytes) -> Result<Stored, SinkError> {
        let mut upload = self.inner.begin(key).await?;
        upload.write(bytes).await?;
        upload.finish().await
    }
}

fn missing(kind: SinkErrorKind) -> SinkError {
    SinkError::new(kind, "there is no such object")
}

#[async_trait]
impl Sink for PlantedSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let inner = Some(self.inner.begin(key).await?);
        self.with(|handles| handles.written_by.insert(key.clone(), self.number));
        let (key, written) = (key.clone(), BytesMut::new());
        Ok(Box::new(PlantedUpload { sink: self.clone(), key, inner, written, writes: 0, last: 0 }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let found = self.inner.object(key);
        let found = found.filter(|_| {
            !self.is(Planted::PerHandle) || self.with(|all| all.written_by.get(key) == Some(&self.number))
        });
        let Some(object) = found else {
            return match self.planted {
                Planted::MissingIsUnavailable => Err(missing(SinkErrorKind::Unavailable)),
                Planted::MissingIsEmpty => Ok(stream::empty().boxed()),
                _ => Err(missing(SinkErrorKind::NotFound)),
            };
        };
        match self.planted {
            Planted::IgnoresFrom => self.inner.read(key, 0).await,
            Planted::FromIsOneLate if from > 0 => self.inner.read(key, from.saturating_add(1)).await,
            Planted::FailsPastTheEnd if from > 0 && from >= object.len() as u64 => {
                Err(SinkError::new(SinkErrorKind::Refused, "the range is not satisfiable"))
            }
            Planted::ReadsInOneChunk => {
                let rest: Vec<Bytes> = self.inner.read(key, from).await?.try_collect().await?;
                Ok(stream::iter([Ok(Bytes::from(rest.concat()))]).boxed())
            }
            _ => self.inner.read(key, from).await,
        }
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let inner = &self.inner;
        match self.planted {
            Planted::RangeRunsOn => inner.read_range(key, range.start..u64::MAX).await,
            Planted::RangeEndsEarly => inner.read_range(key, range.start..range.end.saturating_sub(1)).await,
            Planted::EmptyRangeFindsAll if range.is_empty() => {
                Ok(RangeRead::new(None, stream::empty().boxed()))
            }
            Planted::VersionIsSize => {
                let size = inner.object(key).map(|object| ObjectVersion::new(object.len().to_string()));
                Ok(RangeRead { version: size, ..inner.read_range(key, range).await? })
            }
            Planted::VersionBeforeBytes => {
                let found = inner.read_range(key, range.clone()).await?;
                let (inner, key) = (inner.clone(), key.clone());
                let late = async move { Ok(inner.read_range(&key, range).await?.chunks) };
                Ok(RangeRead::new(found.version, stream::once(late).try_flatten().boxed()))
            }
            _ => inner.read_range(key, range).await,
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        let exists = self.inner.object(key).is_some();
        let all = self.inner.list(&Prefix::new("")).await?;
        match self.planted {
            Planted::DeletesOnce if !exists => return Err(missing(SinkErrorKind::NotFound)),
            Planted::KeepsDeleted => return Ok(()),
            Planted::DeleteSparesUploads if !exists => return Ok(()),
            Planted::ListsDeleted if exists => self.with(|handles| handles.deleted.push(key.clone())),
            Planted::DeletesByText => {
                for found in all.iter().filter(|found| found.as_str().starts_with(key.as_str())) {
                    self.inner.delete(found).await?;
                }
            }
            Planted::DeletesBelow => {
                for found in self.inner.list(&Prefix::new(key.as_str())).await? {
                    self.inner.delete(&found).await?;
                }
            }
            _ => {}
        }
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        let mut keys = self.inner.list(prefix).await?;
        match self.planted {
            Planted::ListsTwice => keys.extend(keys.clone()),
            Planted::ListsOneLevel => keys.retain(|key| key.folder() == prefix.as_str()),
            Planted::ListsOnePage => keys.truncate(1_000),
            Planted::ListsByText => {
                keys = self.inner.list(&Prefix::new("")).await?;
                keys.retain(|key| key.as_str().starts_with(prefix.as_str()));
            }
            Planted::ListsAll => keys = self.inner.list(&Prefix::new("")).await?,
            Planted::ListsDeleted => self.with(|handles| keys.append(&mut handles.deleted.clone())),
            Planted::PerHandle => {
                self.with(|all| keys.retain(|key| all.written_by.get(key) == Some(&self.number)));
            }
            _ => {}
        }
        Ok(keys)
    }
}

#[derive(Debug)]
struct PlantedUpload {
    sink: PlantedSink,
    key: Key,
    /// `None` once finished or aborted.
    inner: Option<Box<dyn Upload>>,
    written: BytesMut,
    writes: u64,
    last: usize,
}

impl PlantedUpload {
    /// Returns what the broken store keeps of the bytes that were written.
    fn kept(&mut self) -> Bytes {
        let (bytes, shared) = (self.written.len(), self.sink.is(Planted::SharesBuffer));
        if shared {
            let key = &self.key;
            return self.sink.with(|all| all.shared.get(key).cloned().unwrap_or_default().freeze());
        }
        match self.sink.planted {
            Planted::LosesLastWrite if self.writes > 1 => self.written.truncate(bytes - self.last),
            Planted::DropsFullChunk if bytes > 0 && bytes % 65_536 == 0 => {
                self.written.truncate(bytes - 65_536);
            }
            Planted::FullIsSilent => self.written.truncate(1_000),
            _ => {}
        }
        self.written.split().freeze()
    }
}

#[async_trait]
impl Upload for PlantedUpload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), SinkError> {
        match self.sink.planted {
            Planted::FullIsRefused => {
                return Err(SinkError::new(SinkErrorKind::Refused, "no room is left"));
            }
            Planted::TruncatesWrites => bytes.truncate(1024 * 1024),
            Planted::SharesBuffer => self.sink.with(|handles| {
                handles.shared.entry(self.key.clone()).or_default().extend_from_slice(&bytes);
            }),
            _ => {}
        }
        (self.writes, self.last) = (self.writes + 1, bytes.len());
        self.written.extend_from_slice(&bytes);
        if self.sink.is(Planted::VisibleEarly) {
            self.sink.store(&self.key, self.written.clone().freeze()).await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        let (kept, inner) = (self.kept(), self.inner.take());
        let Some(mut inner) = inner else {
            return Err(missing(SinkErrorKind::NotFound));
        };
        if self.sink.is(Planted::LosesEmptyObjects) && kept.is_empty() {
            inner.abort().await?;
            return Ok(Stored { bytes: 0 });
        }
        inner.write(kept).await?;
        let stored = inner.finish().await?;
        Ok(if self.sink.is(Planted::CountsWrites) { Stored { bytes: self.writes } } else { stored })
    }

    async fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        let (kept, inner) = (self.kept(), self.inner.take());
        match (self.sink.planted, inner) {
            (Planted::AbortFinishes, _) => self.sink.store(&self.key, kept).await.map(drop),
            (Planted::AbortLeavesRemains, _) | (_, None) => Ok(()),
            (planted, Some(inner)) => {
                if planted == Planted::AbortDeletes {
                    self.sink.inner.delete(&self.key).await?;
                }
                inner.abort().await
            }
        }
    }
}

impl Drop for PlantedUpload {
    fn drop(&mut self) {
        if self.sink.is(Planted::DropFinishes) && self.inner.is_some() {
            let kept = self.kept();
            // The store in memory never waits.
            let _stored = futures::FutureExt::now_or_never(self.sink.store(&self.key, kept));
        }
    }
}
