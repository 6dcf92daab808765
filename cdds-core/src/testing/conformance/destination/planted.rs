//! Destinations that each break one clause, to show that the checks find it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::Clause;
use crate::domain::delivery::path::RemotePath;
use crate::domain::id::DestinationId;
use crate::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationErrorKind, DestinationKind,
    Naming, ServerIdentity, Session, Stored, Upload,
};
use crate::ports::sink::SinkError;
use crate::testing::MemoryDestination;

planted! {
    /// A bug that a [`PlantedDestination`] has.
    enum Planted;
    /// Connects whatever identity is pinned.
    IgnoresPinned => IdentityPinned,
    /// Refuses as soon as an identity is pinned.
    RefusesPinned => IdentityPinned,
    /// Loses the last write if it is the second or a later one.
    LosesLastWrite => Whole,
    /// Ends lines as another system does.
    EndsLines => Whole,
    /// Stores no file without bytes.
    LosesEmptyFiles => Whole,
    /// Takes two files per session.
    TwoFilesPerSession => Whole,
    /// Reports the number of writes instead of the size.
    CountsWrites => SizeReported,
    /// Rounds sizes up to blocks.
    SizesInBlocks => SizeReported,
    /// Refuses files in folders that are missing.
    NeedsFolders => FoldersMade,
    /// Writes over the beginning of a longer file.
    KeepsOldTail => Replaces,
    /// Refuses a file that is there already.
    RefusesToReplace => Replaces,
    /// Files of an object store can be seen as soon as they are created.
    VisibleEarly => AppearsWhole,
    /// A missing file is read as an empty one.
    MissingIsEmpty => MissingIsNotFound,
    /// A missing file is answered with `Unavailable`.
    MissingIsUnavailable => MissingIsNotFound,
    /// A missing file has no bytes.
    MissingHasSize => MissingIsNotFound,
    /// Renaming leaves the file under its old name.
    RenameCopies => RenameMoves,
    /// Renaming loses the file.
    RenameForgets => RenameMoves,
    /// Renaming what does not exist succeeds.
    RenamesNothing => RenameOfMissing,
    /// Removes nothing, and says that it did.
    KeepsRemoved => Removes,
    /// Removing what does not exist is an error.
    RemovesOnce => Removes,
    /// Removes every file whose path begins alike.
    RemovesByText => RemovesExactly,
    /// Lists the files below the folder, too.
    ListsBelow => Lists,
    /// Lists each name twice.
    ListsTwice => Lists,
    /// Lists paths instead of names.
    ListsPaths => Lists,
    /// Refuses to list a folder that does not exist.
    MissingFolderFails => Lists,
    /// Aborting finishes.
    AbortFinishes => AbortLeavesNothing,
    /// A file whose upload was dropped is locked for ever.
    DropLocks => DropLeavesPlace,
    /// Each session sees only its own files.
    PerSession => SeenByEverySession,
    /// Takes `%41` for `A`.
    DecodesPercent => NamesKept,
    /// Takes a name up to its first blank.
    CutsAtBlank => NamesKept,
    /// Refuses letters beyond ASCII.
    AsciiOnly => NamesKept,
}

/// A destination in memory with one bug.
#[derive(Debug, Clone)]
pub struct PlantedDestination {
    planted: Planted,
    description: DestinationDescription,
    inner: MemoryDestination,
    /// The files whose uploads have not ended.
    open: Arc<Mutex<BTreeSet<RemotePath>>>,
}

impl PlantedDestination {
    /// Creates an empty destination with this bug.
    pub fn new(id: DestinationId, planted: Planted) -> Self {
        let description =
            DestinationDescription::new(id.clone(), DestinationKind::Other, "With a bug", "memory:planted");
        let naming = if planted == Planted::VisibleEarly { Naming::Whole } else { Naming::Rename };
        Self {
            planted,
            description: description.with_naming(naming),
            inner: MemoryDestination::new(id).with_identity(ServerIdentity::new("SHA256:planted")),
            open: Arc::default(),
        }
    }
}

fn fails(kind: DestinationErrorKind) -> DestinationError {
    DestinationError::new(kind, "a planted bug")
}

#[async_trait]
impl Destination for PlantedDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.description
    }

    async fn connect(&self, pinned: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        let pinned = match self.planted {
            Planted::IgnoresPinned => None,
            Planted::RefusesPinned if pinned.is_some() => {
                return Err(fails(DestinationErrorKind::IdentityChanged));
            }
            _ => pinned,
        };
        let place = match self.planted {
            Planted::PerSession => MemoryDestination::new(self.description.id.clone()),
            _ => self.inner.clone(),
        };
        let Connection { session, identity } = place.connect(pinned).await?;
        let (planted, open) = (self.planted, Arc::clone(&self.open));
        Ok(Connection {
            session: Box::new(PlantedSession { planted, place, session, open, created: 0 }),
            identity,
        })
    }
}

#[derive(Debug)]
struct PlantedSession {
    planted: Planted,
    place: MemoryDestination,
    session: Box<dyn Session>,
    open: Arc<Mutex<BTreeSet<RemotePath>>>,
    created: usize,
}

impl PlantedSession {
    fn has(&self, path: &RemotePath) -> bool {
        self.place.file(path).is_some()
    }

    /// Returns the path that this bug takes for the one that is asked for.
    fn taken(&self, path: &RemotePath) -> Result<RemotePath, DestinationError> {
        let name = match self.planted {
            Planted::DecodesPercent => path.name().replace("%41", "A"),
            Planted::CutsAtBlank => path.name().split(' ').next().unwrap_or_default().to_owned(),
            Planted::AsciiOnly if !path.name().is_ascii() => {
                return Err(fails(DestinationErrorKind::Refused));
            }
            _ => return Ok(path.clone()),
        };
        Ok(path.folder().join(&name))
    }

    /// Whether a file may be created.
    fn allows(&mut self, path: &RemotePath) -> bool {
        self.created += 1;
        match self.planted {
            Planted::TwoFilesPerSession => self.created <= 2,
            Planted::NeedsFolders => !path.folder().as_str().contains('/'),
            Planted::RefusesToReplace => !self.has(path),
            Planted::DropLocks => {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone())
            }
            _ => true,
        }
    }
}

#[async_trait]
impl Session for PlantedSession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        let path = self.taken(path)?;
        if !self.allows(&path) {
            return Err(fails(DestinationErrorKind::Refused));
        }
        let before = self.place.file(&path).unwrap_or_default();
        let upload = self.session.create(&path).await?;
        let (planted, place, open) = (self.planted, self.place.clone(), Arc::clone(&self.open));
        Ok(Box::new(PlantedUpload { planted, place, upload, open, path, before, late: None, writes: 0 }))
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        let size = self.session.size(&self.taken(path)?).await?;
        Ok(match self.planted {
            Planted::SizesInBlocks => size.map(|bytes| bytes.next_multiple_of(512)),
            Planted::MissingHasSize => Some(size.unwrap_or_default()),
            _ => size,
        })
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        let path = self.taken(path)?;
        match self.planted {
            Planted::MissingIsEmpty if !self.has(&path) => Ok(futures::stream::empty().boxed()),
            Planted::MissingIsUnavailable if !self.has(&path) => {
                Err(fails(DestinationErrorKind::Unavailable))
            }
            _ => self.session.read(&path).await,
        }
    }

    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError> {
        let (from, to) = (self.taken(from)?, self.taken(to)?);
        if self.planted == Planted::RenamesNothing && !self.has(&from) {
            return Ok(());
        }
        let file = self.place.file(&from);
        self.session.rename(&from, &to).await?;
        match self.planted {
            Planted::RenameCopies => self.place.put(from, &file.unwrap_or_default()),
            Planted::RenameForgets => {
                self.place.take(&to);
            }
            _ => {}
        }
        Ok(())
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        let path = self.taken(path)?;
        match self.planted {
            Planted::KeepsRemoved => return Ok(()),
            Planted::RemovesOnce if !self.has(&path) => return Err(fails(DestinationErrorKind::NotFound)),
            Planted::RemovesByText => {
                for other in self.place.files().into_keys() {
                    if other.as_str().starts_with(path.as_str()) {
                        self.place.take(&other);
                    }
                }
            }
            _ => {}
        }
        self.session.remove(&path).await
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        let mut names = self.session.list(folder).await?.unwrap_or_default();
        match self.planted {
            Planted::ListsTwice => names.extend(names.clone()),
            Planted::ListsPaths => {
                names = names.iter().map(|name| folder.join(name).as_str().to_owned()).collect();
            }
            Planted::ListsBelow => {
                let below = |path: &RemotePath| path.folder().folder() == *folder;
                let all = self.place.files().into_keys().filter(below);
                names.extend(all.map(|path| path.name().to_owned()));
            }
            Planted::MissingFolderFails if names.is_empty() => {
                return Err(fails(DestinationErrorKind::NotFound));
            }
            _ => {}
        }
        Ok(Some(names))
    }
}

#[derive(Debug)]
struct PlantedUpload {
    planted: Planted,
    place: MemoryDestination,
    upload: Box<dyn Upload>,
    open: Arc<Mutex<BTreeSet<RemotePath>>>,
    path: RemotePath,
    /// What was there before.
    before: Bytes,
    /// The last write, which is not passed on yet.
    late: Option<Bytes>,
    writes: u64,
}

impl PlantedUpload {
    fn ends(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

#[async_trait]
impl Upload for PlantedUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.writes += 1;
        match self.planted {
            Planted::EndsLines => {
                let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                self.upload.write(Bytes::from(lines.join(&b"\r\n"[..]))).await
            }
            Planted::LosesLastWrite => match self.late.replace(bytes) {
                Some(earlier) => self.upload.write(earlier).await,
                None => Ok(()),
            },
            _ => self.upload.write(bytes).await,
        }
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        self.ends();
        if let Some(late) = self.late.take().filter(|_| self.writes == 1) {
            self.upload.write(late).await?;
        }
        let Self { planted, place, upload, path, before, writes, .. } = *self;
        let stored = upload.finish().await?;
        match planted {
            Planted::CountsWrites => return Ok(Stored { bytes: writes }),
            Planted::LosesEmptyFiles if stored.bytes == 0 => {
                place.take(&path);
            }
            Planted::KeepsOldTail => {
                let mut all = place.file(&path).unwrap_or_default().to_vec();
                all.extend_from_slice(before.get(all.len()..).unwrap_or_default());
                place.put(path, &all);
            }
            _ => {}
        }
        Ok(stored)
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.ends();
        match self.planted {
            Planted::AbortFinishes => self.upload.finish().await.map(drop),
            _ => self.upload.abort().await,
        }
    }
}
