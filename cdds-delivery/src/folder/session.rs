//! The operations of a session. They block, and so run on the threads of [`blocking`].

use std::fs::File;
use std::io::{self, Read, Write};

use async_trait::async_trait;
use blocking::unblock;
use bytes::Bytes;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{
    DestinationError, DestinationErrorKind as Kind, Session, Stored, Upload,
};
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use futures::stream::{self, BoxStream, StreamExt};
use rustix::io::Errno;

use super::place::Place;
use crate::reply::of_upload;

/// The bytes that are read at a time.
const PIECE_BYTES: u64 = 64 * 1024;

/// A folder in use.
#[derive(Debug)]
pub(super) struct FolderSession {
    place: Place,
}

impl FolderSession {
    pub(super) fn new(place: Place) -> Self {
        Self { place }
    }

    /// Does something with a path where it may block.
    async fn on<T: Send + 'static>(
        &self,
        doing: &'static str,
        path: &RemotePath,
        work: impl FnOnce(&Place, &RemotePath) -> rustix::io::Result<T> + Send + 'static,
    ) -> Result<T, DestinationError> {
        let (place, path) = (self.place.clone(), path.clone());
        unblock(move || work(&place, &path).map_err(|why| failed(doing, &path, why.into()))).await
    }
}

#[async_trait]
impl Session for FolderSession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        let file = self.on("create", path, Place::create).await?;
        let (place, path) = (self.place.clone(), path.clone());
        Ok(Box::new(FolderUpload { place, path, file: Some(file), written: 0 }))
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        self.on("measure", path, Place::size).await
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        let (file, path) = (self.on("read", path, Place::read).await?, path.clone());
        let pieces = stream::try_unfold(file, |file| unblock(move || next_piece(file)));
        Ok(pieces.map(move |piece| piece.map_err(|why| failed("read", &path, why))).boxed())
    }

    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError> {
        let to = to.clone();
        self.on("rename", from, move |place, from| place.rename(from, &to)).await
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        self.on("remove", path, Place::remove).await
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        self.on("list", folder, Place::list).await.map(Some)
    }
}

fn next_piece(file: File) -> io::Result<Option<(Bytes, File)>> {
    let mut limited = file.take(PIECE_BYTES);
    let mut piece = Vec::new();
    limited.read_to_end(&mut piece)?;
    Ok((!piece.is_empty()).then(|| (piece.into(), limited.into_inner())))
}

/// A file being written.
#[derive(Debug)]
struct FolderUpload {
    place: Place,
    path: RemotePath,
    /// `None` while it is being written to, and so for good if that fails or is dropped.
    file: Option<File>,
    written: u64,
}

impl FolderUpload {
    fn take(&mut self) -> Result<File, SinkError> {
        self.file.take().ok_or_else(|| {
            let context = format!("cannot write {}: an earlier write has failed", self.path.as_str());
            SinkError::new(SinkErrorKind::Unavailable, context)
        })
    }
}

#[async_trait]
impl Upload for FolderUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        let (mut file, path) = (self.take()?, self.path.clone());
        let count = bytes.len() as u64;
        let written = unblock(move || file.write_all(&bytes).map(|()| file)).await;
        self.file = Some(written.map_err(|why| of_upload(&failed("write", &path, why)))?);
        self.written += count;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        let file = self.take()?;
        let (place, path) = (self.place.clone(), self.path.clone());
        let stored = unblock(move || {
            let synced = file.sync_all().and_then(|()| place.sync(&path).map_err(Into::into));
            synced.map_err(|why| of_upload(&failed("store", &path, why)))
        });
        stored.await?;
        Ok(Stored { bytes: self.written })
    }

    async fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        drop(self.file.take());
        let (place, path) = (self.place.clone(), self.path.clone());
        unblock(move || place.remove(&path).map_err(|why| of_upload(&failed("remove", &path, why.into()))))
            .await
    }
}

/// Returns what an error of the system means for a delivery.
pub(super) fn kind(why: Errno) -> Kind {
    match why {
        Errno::NOENT => Kind::NotFound,
        Errno::NOSPC | Errno::DQUOT => Kind::Full,
        Errno::ACCESS
        | Errno::PERM
        | Errno::ROFS
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::LOOP
        | Errno::INVAL
        | Errno::FBIG
        | Errno::NAMETOOLONG => Kind::Refused,
        _ => Kind::Unavailable,
    }
}

fn failed(doing: &str, path: &RemotePath, why: io::Error) -> DestinationError {
    let errno = Errno::from_io_error(&why);
    let remedy = match errno {
        Some(Errno::NOSPC | Errno::DQUOT) => ": free some space there",
        Some(Errno::NOTDIR | Errno::ISDIR | Errno::LOOP) => {
            ": something else than a folder or a file is there, and links are not followed: move it away"
        }
        Some(Errno::NAMETOOLONG | Errno::INVAL) => {
            ": the file system does not take the name: choose another path"
        }
        Some(Errno::FBIG) => ": the file system does not take files of this size: have smaller parts written",
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => ": let the service write there",
        _ => "",
    };
    let kind = errno.map_or(Kind::Unavailable, kind);
    DestinationError::with_source(kind, format!("cannot {doing} {}{remedy}", path.as_str()), why)
}
