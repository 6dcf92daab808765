//! Objects of which the store does not say whether it has stored them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::sink::{Key, Sink, SinkErrorKind};
use cdds_storage::ObjectSink;
use futures::executor::block_on;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// What becomes of an object before its answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    Lost,
    /// Somebody else stores as many other bytes.
    Replaced,
}

/// A store whose answers to uploads are lost.
#[derive(Debug)]
struct Mute(InMemory, Fate);

fn unanswered() -> Error {
    Error::Generic { store: "mute", source: "no answer".into() }
}

async fn replace(store: &InMemory, path: &Path, bytes: usize) -> Result<()> {
    store.put_opts(path, vec![b'#'; bytes].into(), PutOptions::default()).await.map(drop)
}

impl fmt::Display for Mute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mute")
    }
}

#[async_trait]
impl ObjectStore for Mute {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.1 {
            Fate::Stored => drop(self.0.put_opts(path, payload, options).await?),
            Fate::Lost => {}
            Fate::Replaced => replace(&self.0, path, payload.content_length()).await?,
        }
        Err(unanswered())
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.0.put_multipart_opts(path, options).await?;
        Ok(Box::new(MuteUpload { upload, store: self.0.clone(), path: path.clone(), bytes: 0, fate: self.1 }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct MuteUpload {
    upload: Box<dyn MultipartUpload>,
    store: InMemory,
    path: Path,
    bytes: usize,
    fate: Fate,
}

#[async_trait]
impl MultipartUpload for MuteUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        self.bytes += payload.content_length();
        self.upload.put_part(payload)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.fate {
            Fate::Stored => drop(self.upload.complete().await?),
            Fate::Lost => {}
            Fate::Replaced => replace(&self.store, &self.path, self.bytes).await?,
        }
        Err(unanswered())
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[test]
fn what_was_stored_without_an_answer_is_found_and_is_not_taken_for_what_others_stored() {
    const MIB: usize = 1024 * 1024;
    // In one request, and in parts.
    for bytes in [10, 9 * MIB] {
        for fate in [Fate::Stored, Fate::Lost, Fate::Replaced] {
            let sink = ObjectSink::new(Arc::new(Mute(InMemory::new(), fate)));
            let finished = block_on(async {
                let mut upload = sink.begin(&Key::new("e/1-ab/000001")).await.unwrap();
                upload.write(Bytes::from(vec![b'.'; bytes])).await.unwrap();
                upload.finish().await
            });
            match finished {
                Ok(stored) => assert_eq!((fate, stored.bytes), (Fate::Stored, bytes as u64)),
                Err(error) => {
                    assert_ne!(fate, Fate::Stored, "{error}");
                    assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{fate:?}");
                }
            }
        }
    }
}
