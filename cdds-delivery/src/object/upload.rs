//! Uploads: small files in one request, larger ones in parts, some of which are on their way at a time.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::destination::{Stored, Upload};
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use object_store::path::Path as StorePath;
use object_store::{Error, MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::task::JoinSet;

use super::failure::failed;
use super::session::Bucket;
use crate::reply::of_upload;

/// The size of every part but the last: S3 takes 5 MiB and more, and services that resemble it want parts of one size.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// S3 takes no more, and Google neither.
const PARTS_MAX: usize = 10_000;

/// The size of what is handed to a connection at a time, so that it is seen to move.
const PIECE_BYTES: usize = 64 * 1024;

/// A file being written. If it is dropped, its parts are removed.
pub(super) struct ObjectUpload {
    bucket: Arc<Bucket>,
    path: StorePath,
    /// What belongs to the next part.
    pieces: Vec<Bytes>,
    pieces_bytes: usize,
    multipart: Option<Box<dyn MultipartUpload>>,
    /// On their way. They move on while nobody waits for them.
    parts: JoinSet<Result<(), Error>>,
    begun: usize,
    written: u64,
    /// A part may be missing, so that the file must not be completed.
    is_broken: bool,
}

impl ObjectUpload {
    pub(super) fn new(bucket: Arc<Bucket>, path: StorePath) -> Self {
        Self {
            bucket,
            path,
            pieces: Vec::new(),
            pieces_bytes: 0,
            multipart: None,
            parts: JoinSet::new(),
            begun: 0,
            written: 0,
            is_broken: false,
        }
    }

    fn failed(&self, why: Error) -> SinkError {
        let error = of_upload(&failed(&self.bucket.action("write", self.path.as_ref()), why));
        if error.kind() != SinkErrorKind::NotFound {
            return error;
        }
        let context = format!("cannot write {}: its upload was ended by somebody else", self.path);
        SinkError::with_source(SinkErrorKind::Unavailable, context, error)
    }

    /// Takes bytes, and sends a part whenever one is full.
    async fn take(&mut self, mut bytes: Bytes) -> Result<(), SinkError> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES.min(PART_BYTES - self.pieces_bytes);
            let piece = bytes.split_to(bytes.len().min(room));
            self.pieces_bytes += piece.len();
            self.pieces.push(piece);
            if self.pieces_bytes == PART_BYTES {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    fn payload(&mut self) -> PutPayload {
        self.pieces_bytes = 0;
        std::mem::take(&mut self.pieces).into_iter().collect()
    }

    async fn send_part(&mut self) -> Result<(), SinkError> {
        if self.begun == PARTS_MAX {
            let context = format!(
                "cannot write {}: the service takes {PARTS_MAX} parts of 8 MiB: have smaller files exported",
                self.path
            );
            return Err(SinkError::new(SinkErrorKind::Refused, context));
        }
        while self.parts.len() >= self.bucket.parts {
            self.next_part().await?;
        }
        if self.multipart.is_none() {
            let begun = self.bucket.store.put_multipart(&self.path).await;
            self.multipart = Some(begun.map_err(|why| self.failed(why))?);
        }
        let payload = self.payload();
        if let Some(multipart) = &mut self.multipart {
            self.parts.spawn(multipart.put_part(payload));
            self.begun += 1;
        }
        Ok(())
    }

    /// Waits until some part has arrived. Returns whether there was one on its way.
    async fn next_part(&mut self) -> Result<bool, SinkError> {
        match self.parts.join_next().await {
            None => Ok(false),
            Some(Ok(Ok(()))) => Ok(true),
            Some(Ok(Err(why))) => Err(self.failed(why)),
            Some(Err(why)) => {
                let context = format!("cannot write {}: a part was given up", self.path);
                Err(SinkError::with_source(SinkErrorKind::Unavailable, context, why))
            }
        }
    }

    async fn complete(&mut self) -> Result<Stored, SinkError> {
        if self.multipart.is_some() {
            if !self.pieces.is_empty() {
                self.send_part().await?;
            }
            while self.next_part().await? {}
            // Until it is known that it is complete, it may have to be ended.
            if let Some(multipart) = &mut self.multipart {
                let completed = multipart.complete().await;
                completed.map_err(|why| self.failed(why))?;
                self.multipart = None;
            }
        } else {
            let payload = self.payload();
            self.bucket.store.put(&self.path, payload).await.map_err(|why| self.failed(why))?;
        }
        Ok(Stored { bytes: self.written })
    }

    fn check(&self) -> Result<(), SinkError> {
        if !self.is_broken {
            return Ok(());
        }
        let context = format!("cannot write {}: an earlier part of it has failed", self.path);
        Err(SinkError::new(SinkErrorKind::Unavailable, context))
    }
}

#[async_trait]
impl Upload for ObjectUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.check()?;
        // If the call fails or is dropped, some of the bytes are lost.
        self.is_broken = true;
        let (net, count) = (self.bucket.net.clone(), bytes.len() as u64);
        net.run(self.take(bytes)).await?;
        self.written += count;
        self.is_broken = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        self.check()?;
        let net = self.bucket.net.clone();
        net.run(self.complete()).await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        let net = self.bucket.net.clone();
        let ending = async {
            // A part that arrives after the end would remain.
            while self.parts.join_next().await.is_some() {}
            let Some(multipart) = &mut self.multipart else { return Ok(()) };
            let ended = multipart.abort().await;
            self.multipart = None;
            match ended {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(why) => Err(self.failed(why)),
            }
        };
        net.run(ending).await
    }
}

impl Drop for ObjectUpload {
    fn drop(&mut self) {
        let Some(mut multipart) = self.multipart.take() else { return };
        let (mut parts, path, bucket) =
            (std::mem::take(&mut self.parts), self.path.clone(), Arc::clone(&self.bucket));
        self.bucket.net.within(|| {
            tokio::spawn(async move {
                parts.shutdown().await;
                if let Err(why) = multipart.abort().await {
                    let error = failed(&bucket.action("end the upload of", path.as_ref()), why);
                    tracing::warn!(error = error.report(), "parts of an upload may remain in a bucket");
                }
            });
        });
    }
}

impl fmt::Debug for ObjectUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectUpload")
            .field("path", &self.path)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
