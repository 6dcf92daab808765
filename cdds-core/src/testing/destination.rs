//! A destination in memory, whose calls can be made to fail.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::domain::delivery::path::RemotePath;
use crate::domain::id::DestinationId;
use crate::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationErrorKind, DestinationKind,
    Naming, ServerIdentity, Session, Stored, Upload,
};
use crate::ports::sink::{SinkError, SinkErrorKind};

/// A call to a [`MemoryDestination`], for whoever decides its [`Fate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteCall {
    /// Connecting.
    Connect,
    /// Creating a file.
    Create(RemotePath),
    /// Writing a piece of a file.
    Write(RemotePath),
    /// Closing a file.
    Finish(RemotePath),
    /// Removing what was written.
    Abort(RemotePath),
    /// Asking for a size.
    Size(RemotePath),
    /// Reading a file.
    Read(RemotePath),
    /// Renaming, to this name.
    Rename(RemotePath),
    /// Removing a file.
    Remove(RemotePath),
    /// Listing a folder.
    List(RemotePath),
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out.
    Works,
    /// It fails and changes nothing.
    Fails(DestinationErrorKind),
    /// It is carried out, but the reply is lost.
    ReplyLost,
    /// It is never answered.
    Hangs,
    /// It is half carried out and answered with success: a piece or a file is cut short. Calls that have no half work.
    CutsShort,
}

type Decide = Arc<dyn Fn(&RemoteCall) -> Fate + Send + Sync>;

/// A [`Destination`] in memory.
#[derive(Clone)]
pub struct MemoryDestination {
    description: DestinationDescription,
    identity: Option<ServerIdentity>,
    files: Arc<Mutex<BTreeMap<RemotePath, BytesMut>>>,
    fate: Decide,
}

impl fmt::Debug for MemoryDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDestination").field("description", &self.description).finish_non_exhaustive()
    }
}

impl MemoryDestination {
    /// Creates an empty destination in which files are renamed.
    pub fn new(id: DestinationId) -> Self {
        let address = format!("memory:{id}");
        Self {
            description: DestinationDescription::new(id, DestinationKind::Other, "In memory", address),
            identity: None,
            files: Arc::default(),
            fate: Arc::new(|_| Fate::Works),
        }
    }

    /// Replaces the description.
    #[must_use]
    pub fn described(self, describe: impl FnOnce(DestinationDescription) -> DestinationDescription) -> Self {
        Self { description: describe(self.description), ..self }
    }

    /// Shows this identity to whoever connects.
    #[must_use]
    pub fn with_identity(self, identity: ServerIdentity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Decides what becomes of each call.
    #[must_use]
    pub fn with_fate(self, fate: impl Fn(&RemoteCall) -> Fate + Send + Sync + 'static) -> Self {
        Self { fate: Arc::new(fate), ..self }
    }

    /// Returns all files, also those under temporary names.
    pub fn files(&self) -> BTreeMap<RemotePath, Bytes> {
        let files = self.lock();
        files.iter().map(|(path, bytes)| (path.clone(), bytes.clone().freeze())).collect()
    }

    /// Returns a file, also one under a temporary name; `None` if there is none.
    pub fn file(&self, path: &RemotePath) -> Option<Bytes> {
        self.lock().get(path).map(|bytes| bytes.clone().freeze())
    }

    /// Puts a file there, as somebody else does.
    pub fn put(&self, path: RemotePath, bytes: &[u8]) {
        self.lock().insert(path, BytesMut::from(bytes));
    }

    /// Takes a file away, as somebody else does. Returns whether there was one.
    pub fn take(&self, path: &RemotePath) -> bool {
        self.lock().remove(path).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RemotePath, BytesMut>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_visible_while_written(&self) -> bool {
        self.description.naming != Naming::Whole
    }

    /// Carries a call out as its fate says. `half` is told whether to do only half of the work.
    async fn call<T>(&self, call: RemoteCall, work: impl FnOnce(&Self, bool) -> T) -> Result<T, Fault> {
        match (self.fate)(&call) {
            Fate::Works => Ok(work(self, false)),
            Fate::CutsShort => Ok(work(self, true)),
            Fate::Fails(kind) => Err(Fault(kind)),
            Fate::ReplyLost => {
                work(self, false);
                Err(Fault(DestinationErrorKind::Unavailable))
            }
            Fate::Hangs => futures::future::pending().await,
        }
    }
}

/// A planned failure.
struct Fault(DestinationErrorKind);

// No `From`: a second conversion into an error of ports would make `?` ambiguous in adapters.
impl Fault {
    fn of_session(self) -> DestinationError {
        DestinationError::new(self.0, "the planned failure")
    }

    fn of_upload(self) -> SinkError {
        let kind = match self.0 {
            DestinationErrorKind::Full => SinkErrorKind::Full,
            DestinationErrorKind::Refused => SinkErrorKind::Refused,
            _ => SinkErrorKind::Unavailable,
        };
        SinkError::new(kind, "the planned failure")
    }
}

#[async_trait]
impl Destination for MemoryDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.description
    }

    async fn connect(&self, pinned: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        self.call(RemoteCall::Connect, |_, _| ()).await.map_err(Fault::of_session)?;
        if let (Some(pinned), Some(shown)) = (pinned, &self.identity)
            && pinned != shown
        {
            let told = format!("the server shows {shown}, but {pinned} is pinned");
            return Err(DestinationError::new(DestinationErrorKind::IdentityChanged, told));
        }
        Ok(Connection { session: Box::new(MemorySession(self.clone())), identity: self.identity.clone() })
    }
}

#[derive(Debug)]
struct MemorySession(MemoryDestination);

#[async_trait]
impl Session for MemorySession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        let created = |place: &MemoryDestination, _: bool| {
            if place.is_visible_while_written() {
                place.lock().insert(path.clone(), BytesMut::new());
            }
        };
        self.0.call(RemoteCall::Create(path.clone()), created).await.map_err(Fault::of_session)?;
        Ok(Box::new(MemoryFile {
            place: self.0.clone(),
            path: path.clone(),
            written: BytesMut::new(),
            is_cut: false,
        }))
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        let size =
            |place: &MemoryDestination, _: bool| place.lock().get(path).map(|bytes| bytes.len() as u64);
        Ok(self.0.call(RemoteCall::Size(path.clone()), size).await.map_err(Fault::of_session)?)
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        let read = |place: &MemoryDestination, _: bool| place.lock().get(path).cloned();
        let found = self.0.call(RemoteCall::Read(path.clone()), read).await.map_err(Fault::of_session)?;
        let missing = || DestinationError::new(DestinationErrorKind::NotFound, format!("there is no {path}"));
        let bytes = found.ok_or_else(missing)?.freeze();
        Ok(futures::stream::iter([Ok(bytes)]).boxed())
    }

    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError> {
        let renamed = |place: &MemoryDestination, _: bool| {
            let mut files = place.lock();
            let moved = files.remove(from);
            moved.map(|bytes| drop(files.insert(to.clone(), bytes)))
        };
        let moved = self.0.call(RemoteCall::Rename(to.clone()), renamed).await.map_err(Fault::of_session)?;
        moved.ok_or_else(|| {
            DestinationError::new(DestinationErrorKind::NotFound, format!("there is no {from}"))
        })
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        let removed = |place: &MemoryDestination, _: bool| drop(place.lock().remove(path));
        Ok(self.0.call(RemoteCall::Remove(path.clone()), removed).await.map_err(Fault::of_session)?)
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        let list = |place: &MemoryDestination, _: bool| {
            let files = place.lock();
            let inside = files.keys().filter(|path| path.folder() == *folder);
            inside.map(|path| path.name().to_owned()).collect()
        };
        Ok(Some(self.0.call(RemoteCall::List(folder.clone()), list).await.map_err(Fault::of_session)?))
    }
}

#[derive(Debug)]
struct MemoryFile {
    place: MemoryDestination,
    path: RemotePath,
    written: BytesMut,
    /// Whether a piece was cut short: nothing that comes after it is kept.
    is_cut: bool,
}

#[async_trait]
impl Upload for MemoryFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        let (path, written, is_cut) = (&self.path, &mut self.written, &mut self.is_cut);
        let write = |place: &MemoryDestination, is_half: bool| {
            let kept = match (*is_cut, is_half) {
                (true, _) => 0,
                (false, true) => bytes.len() / 2,
                (false, false) => bytes.len(),
            };
            *is_cut |= is_half;
            let bytes = bytes.slice(..kept);
            let from = written.len();
            written.extend_from_slice(&bytes);
            if place.is_visible_while_written() {
                // Somebody may have removed the file: what is open is written all the same, and seen by nobody. And
                // another one may write the same file: each writes where it is.
                if let Some(file) = place.lock().get_mut(path) {
                    let to = from + bytes.len();
                    file.resize(file.len().max(to), 0);
                    if let Some(there) = file.get_mut(from..to) {
                        there.copy_from_slice(&bytes);
                    }
                }
            }
        };
        Ok(self.place.call(RemoteCall::Write(path.clone()), write).await.map_err(Fault::of_upload)?)
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self { place, path, written, .. } = *self;
        let bytes = written.len() as u64;
        let finish = |place: &MemoryDestination, is_half: bool| {
            let kept = if is_half { written.len() / 2 } else { written.len() };
            let mut files = place.lock();
            if place.description.naming == Naming::Whole {
                files.insert(path.clone(), BytesMut::from(&written[..kept]));
            } else if is_half && let Some(file) = files.get_mut(&path) {
                file.truncate(kept);
            }
        };
        place.call(RemoteCall::Finish(path.clone()), finish).await.map_err(Fault::of_upload)?;
        Ok(Stored { bytes })
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        let Self { place, path, .. } = *self;
        let abort = |place: &MemoryDestination, _: bool| {
            if place.is_visible_while_written() {
                place.lock().remove(&path);
            }
        };
        Ok(place.call(RemoteCall::Abort(path.clone()), abort).await.map_err(Fault::of_upload)?)
    }
}
