//! Uploads: small objects in one request, larger ones in parts.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::sink::{SinkError, SinkErrorKind, Stored, Upload};
use futures::future::BoxFuture;
use object_store::path::Path as StorePath;
use object_store::{
    Attribute, Attributes, GetOptions, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload,
};
use uuid::Uuid;

use super::fault::store_error;
use crate::private;

/// The size of every part but the last: stores require 5 MiB or more (S3) or parts of equal size (R2), and S3
/// accepts 10,000 parts, which allows 80 GB.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The same for a folder, which takes parts of any size: smaller, to save memory.
const LOCAL_PART_BYTES: usize = 1024 * 1024;

/// Objects up to this size are stored in a single request.
const SINGLE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// The metadata by which an upload knows its object again. Azure wants a name without hyphens.
const UPLOAD: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("cddsupload"));

type Outcome<T> = Result<T, object_store::Error>;

/// An [`Upload`] to an object store.
pub(super) struct ObjectUpload {
    store: Arc<dyn ObjectStore>,
    place: Arc<str>,
    path: StorePath,
    /// Whether the store blocks, and so is used on other threads.
    off_thread: bool,
    /// The file that will hold the object in a local folder.
    file: Option<PathBuf>,
    /// By what the object is known again.
    attributes: Attributes,
    /// Bytes that are not in a part yet.
    buffer: Vec<Bytes>,
    buffered: usize,
    multipart: Option<Box<dyn MultipartUpload>>,
    /// The part that is being stored.
    in_flight: Option<BoxFuture<'static, Outcome<()>>>,
    bytes: u64,
    /// A part may be missing, so the object must not become visible.
    broken: bool,
}

impl std::fmt::Debug for ObjectUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectUpload")
            .field("place", &self.place)
            .field("path", &self.path)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl ObjectUpload {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        place: Arc<str>,
        path: StorePath,
        file: Option<PathBuf>,
    ) -> Self {
        // Files take no metadata, and always say whether they were stored.
        let number = file.is_none().then(|| (UPLOAD, Uuid::new_v4().simple().to_string()));
        Self {
            store,
            place,
            path,
            off_thread: file.is_some(),
            file,
            attributes: number.into_iter().collect(),
            buffer: Vec::new(),
            buffered: 0,
            multipart: None,
            in_flight: None,
            bytes: 0,
            broken: false,
        }
    }

    /// Runs the store's work as a future that may be polled on any thread. On another thread it starts at
    /// once, before it is polled.
    fn run<T: Send + 'static>(
        off_thread: bool,
        work: impl Future<Output = T> + Send + 'static,
    ) -> BoxFuture<'static, T> {
        if off_thread {
            Box::pin(blocking::unblock(move || futures::executor::block_on(work)))
        } else {
            Box::pin(work)
        }
    }

    fn failed(&self, error: object_store::Error) -> SinkError {
        let error = store_error("store", self.path.as_ref(), &self.place, error);
        if error.kind() != SinkErrorKind::NotFound {
            return error;
        }
        // This is not about a missing object: another worker's clean-up has removed its folder or its
        // unfinished upload.
        SinkError::with_source(
            SinkErrorKind::Unavailable,
            format!("cannot store {} in {}: the upload was removed", self.path, self.place),
            error,
        )
    }

    /// Stores a part once the previous one has been stored, so that at most one is in flight.
    async fn store_part(&mut self, payload: PutPayload) -> Outcome<()> {
        self.drain().await?;
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            None => {
                let (store, path) = (Arc::clone(&self.store), self.path.clone());
                let options = PutMultipartOptions::from(self.attributes.clone());
                let begin =
                    Self::run(self.off_thread, async move { store.put_multipart_opts(&path, options).await });
                self.multipart.insert(begin.await?)
            }
        };
        self.in_flight = Some(Self::run(self.off_thread, multipart.put_part(payload)));
        Ok(())
    }

    /// Waits for the part in flight. The part keeps its place until it is done, so a caller who drops this
    /// future and calls again loses nothing.
    async fn drain(&mut self) -> Outcome<()> {
        let Some(part) = &mut self.in_flight else {
            return Ok(());
        };
        let outcome = part.await;
        self.in_flight = None;
        outcome
    }

    /// Takes `bytes` off the front of the buffer.
    fn take(&mut self, bytes: usize) -> PutPayload {
        let mut taken = Vec::new();
        let mut missing = bytes.min(self.buffered);
        // Pieces are shared, not copied: one that lies across the cut is split into two views of it.
        self.buffered -= missing;
        let mut kept = Vec::new();
        for mut chunk in std::mem::take(&mut self.buffer) {
            let now = chunk.split_to(chunk.len().min(missing));
            missing -= now.len();
            if !now.is_empty() {
                taken.push(now);
            }
            if !chunk.is_empty() {
                kept.push(chunk);
            }
        }
        self.buffer = kept;
        PutPayload::from_iter(taken)
    }

    async fn store_whole(&mut self) -> Outcome<()> {
        let payload = self.take(self.buffered);
        let (store, path) = (Arc::clone(&self.store), self.path.clone());
        let options = PutOptions::from(self.attributes.clone());
        let put = async move { store.put_opts(&path, payload, options).await };
        let put = Self::run(self.off_thread, put).await;
        self.settled(put.map(drop)).await
    }

    /// Looks up whether the object was stored if the store did not say so. A reply may have got lost, and what was asked
    /// for again then refused, since the upload had been completed.
    async fn settled(&mut self, outcome: Outcome<()>) -> Outcome<()> {
        let Err(error) = outcome else { return Ok(()) };
        let Some(number) = self.attributes.get(&UPLOAD) else { return Err(error) };
        let found = self.store.get_opts(&self.path, GetOptions::new().with_head(true)).await;
        let is_ours =
            |size, attributes: &Attributes| size == self.bytes && attributes.get(&UPLOAD) == Some(number);
        match found {
            Ok(found) if is_ours(found.meta.size, &found.attributes) => Ok(()),
            _ => Err(error),
        }
    }

    async fn store_rest(&mut self) -> Outcome<()> {
        if self.buffered > 0 {
            let payload = self.take(self.buffered);
            self.store_part(payload).await?;
        }
        self.drain().await?;
        // Only now does the object become visible: a crash before this leaves an unfinished upload, never a
        // short object.
        if let Some(mut multipart) = self.multipart.take() {
            let complete = async move {
                let completed = multipart.complete().await;
                (multipart, completed.map(drop))
            };
            let (multipart, completed) = Self::run(self.off_thread, complete).await;
            // Until it is known that it is complete, it may have to be ended.
            self.multipart = Some(multipart);
            self.settled(completed).await?;
            self.multipart = None;
        }
        Ok(())
    }

    /// Ends an upload in parts, so that none of them remain.
    async fn end(&mut self) -> Outcome<()> {
        // A part in flight would arrive after the end; its result does not matter.
        let _outcome = self.drain().await;
        let Some(mut multipart) = self.multipart.take() else { return Ok(()) };
        Self::run(self.off_thread, async move { multipart.abort().await }).await
    }
}

#[async_trait]
impl Upload for ObjectUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        if self.broken {
            return Err(broken(&self.path, &self.place));
        }
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.buffered += bytes.len();
        self.buffer.push(bytes);
        let part_bytes = if self.off_thread { LOCAL_PART_BYTES } else { PART_BYTES };
        while self.buffered >= part_bytes {
            // If this future is dropped or fails from here on, the part is lost.
            self.broken = true;
            let payload = self.take(part_bytes);
            self.store_part(payload).await.map_err(|error| self.failed(error))?;
            self.broken = false;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        if self.broken {
            return Err(broken(&self.path, &self.place));
        }
        // Once an upload in parts has begun, the rest must be one of its parts.
        let whole = self.multipart.is_none() && self.buffered <= SINGLE_BYTES_MAX;
        let stored = if whole { self.store_whole().await } else { self.store_rest().await };
        if let Err(error) = stored {
            // What cannot be ended is listed, and the sweep ends it.
            let _outcome = self.end().await;
            return Err(self.failed(error));
        }
        if let Some(file) = self.file.take() {
            // The store created it with the permissions that the umask left; its folder has kept others out
            // so far.
            blocking::unblock(move || private::restrict(&file)).await;
        }
        Ok(Stored { bytes: self.bytes })
    }

    async fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        let ended = self.end().await;
        let ended = ended.map_err(|error| store_error("abort", self.path.as_ref(), &self.place, error));
        match ended {
            // Another worker's clean-up has already removed it.
            Err(error) if error.kind() == SinkErrorKind::NotFound => Ok(()),
            ended => ended,
        }
    }
}

fn broken(path: &StorePath, place: &str) -> SinkError {
    SinkError::new(
        SinkErrorKind::Unavailable,
        format!("cannot store {path} in {place}: an earlier part of it failed; abort, and store it again"),
    )
}

impl Drop for ObjectUpload {
    /// The local store deletes its file when the upload is dropped, so drop it off the polling thread.
    fn drop(&mut self) {
        let (in_flight, multipart) = (self.in_flight.take(), self.multipart.take());
        if self.off_thread && multipart.is_some() {
            blocking::unblock(move || drop((in_flight, multipart))).detach();
        }
    }
}
