//! A store in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::ports::sink::{
    Key, LinkRequest, ObjectVersion, Prefix, RangeRead, SignedLink, Sink, SinkError, SinkErrorKind, Stored,
    Upload,
};

/// The longest chunk of a read.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// A [`Sink`] in memory. Like a real store, it keeps the data of a dropped upload until its key is deleted.
#[derive(Debug, Clone, Default)]
pub struct MemorySink {
    contents: Arc<Mutex<Contents>>,
    /// Where its links lead to.
    links: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<Key, Bytes>,
    /// The upload that made each object.
    versions: BTreeMap<Key, u64>,
    unfinished: BTreeMap<u64, Key>,
    uploads: u64,
}

impl MemorySink {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives links below this address, at which nobody answers: to see who is given one.
    #[must_use]
    pub fn with_links(self, address: &str) -> Self {
        Self { links: Some(address.into()), ..self }
    }

    /// Returns all finished objects.
    pub fn objects(&self) -> BTreeMap<Key, Bytes> {
        self.contents().objects.clone()
    }

    /// Returns a finished object, or `None` if there is none under this key.
    pub fn object(&self, key: &Key) -> Option<Bytes> {
        self.contents().objects.get(key).cloned()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for MemorySink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let mut contents = self.contents();
        contents.uploads += 1;
        let number = contents.uploads;
        contents.unfinished.insert(number, key.clone());
        let upload = MemoryUpload { sink: self.clone(), number, key: key.clone(), written: BytesMut::new() };
        Ok(Box::new(upload))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        Ok(self.read_range(key, from..u64::MAX).await?.chunks)
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let (found, version) = {
            let contents = self.contents();
            (contents.objects.get(key).cloned(), contents.versions.get(key).map(u64::to_string))
        };
        let object =
            found.ok_or_else(|| SinkError::new(SinkErrorKind::NotFound, format!("there is no {key}")))?;
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(object.len());
        let mut rest = object.slice(within(range.start)..within(range.end.max(range.start)));
        let chunks = std::iter::from_fn(move || {
            let chunk = rest.split_to(CHUNK_BYTES_MAX.min(rest.len()));
            (!chunk.is_empty()).then_some(Ok(chunk))
        });
        Ok(RangeRead::new(version.map(ObjectVersion::new), futures::stream::iter(chunks).boxed()))
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        let link = |address: &Arc<str>| {
            SignedLink::new(format!("{address}/{key}?expires={}", request.lifetime.as_secs()))
        };
        Ok(self.links.as_ref().map(link))
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        let mut contents = self.contents();
        contents.objects.remove(key);
        contents.versions.remove(key);
        contents.unfinished.retain(|_, known| known != key);
        Ok(())
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        let contents = self.contents();
        let within = |key: &&Key| {
            let rest = key.as_str().strip_prefix(prefix.as_str());
            prefix.as_str().is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let first = Key::new(prefix.as_str());
        let objects = contents.objects.range(first..).map(|(key, _)| key);
        let objects = objects.take_while(|key| key.as_str().starts_with(prefix.as_str())).filter(within);
        let mut keys: Vec<Key> = objects.cloned().collect();
        let finished = keys.len();
        keys.extend(contents.unfinished.values().filter(within).cloned());
        if keys.len() > finished {
            keys.sort();
            keys.dedup();
        }
        Ok(keys)
    }
}

#[derive(Debug)]
struct MemoryUpload {
    sink: MemorySink,
    number: u64,
    key: Key,
    written: BytesMut,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.written.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let mut contents = self.sink.contents();
        if contents.unfinished.remove(&self.number).is_none() {
            let why = format!("the upload of {} was deleted meanwhile", self.key);
            return Err(SinkError::new(SinkErrorKind::NotFound, why));
        }
        let bytes = self.written.len() as u64;
        contents.versions.insert(self.key.clone(), self.number);
        contents.objects.insert(self.key.clone(), self.written.freeze());
        Ok(Stored { bytes })
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.sink.contents().unfinished.remove(&self.number);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn an_object_is_visible_when_its_upload_is_finished() {
        block_on(async {
            let (sink, key) = (MemorySink::new(), Key::new("e/1/0"));
            let mut upload = sink.begin(&key).await.unwrap();
            upload.write(Bytes::from_static(b"ab")).await.unwrap();
            assert_eq!(sink.read(&key, 0).await.err().unwrap().kind(), SinkErrorKind::NotFound);
            assert_eq!(
                sink.list(&Prefix::new("e/1")).await.unwrap(),
                std::slice::from_ref(&key),
                "unfinished ones too"
            );
            assert_eq!(upload.finish().await.unwrap(), Stored { bytes: 2 });
            let read: Vec<_> = sink.read(&key, 1).await.unwrap().collect().await;
            assert_eq!(read.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), [Bytes::from_static(b"b")]);
            assert!(sink.list(&Prefix::new("e/11")).await.unwrap().is_empty());
            assert!(sink.list(&Prefix::new("e/1/0/x")).await.unwrap().is_empty());
        });
    }

    #[test]
    fn what_was_dropped_or_aborted_leaves_what_a_store_would() {
        block_on(async {
            let (sink, key) = (MemorySink::new(), Key::new("k"));
            drop(sink.begin(&key).await.unwrap());
            sink.begin(&key).await.unwrap().abort().await.unwrap();
            assert_eq!(sink.list(&Prefix::new("")).await.unwrap(), std::slice::from_ref(&key));
            let late = sink.begin(&key).await.unwrap();
            sink.delete(&key).await.unwrap();
            assert!(sink.list(&Prefix::new("")).await.unwrap().is_empty());
            assert!(late.finish().await.is_err(), "deleted meanwhile");
            assert!(sink.objects().is_empty());
        });
    }
}
