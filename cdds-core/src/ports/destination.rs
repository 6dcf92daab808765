//! Destinations: where sets are delivered besides the artifact store.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::error::{PortError, PortErrorKind};
use super::sink::SinkErrorKind;
use crate::domain::delivery::path::RemotePath;
use crate::domain::id::{DestinationId, Owner};

pub use super::sink::{Stored, Upload};
pub use crate::domain::delivery::destination::{
    DestinationDescription, DestinationKind, Naming, ServerIdentity, Transport,
};

/// A place to which sets are delivered (rule N1): a partner's SFTP server, a bucket, a mounted folder.
///
/// # Contract
/// The engine decides in which order files are written, under which names, and when one gets its final name
/// ([`Naming`]). A destination only carries that out: it connects, writes, measures, renames and removes. It opens no
/// connection before [`connect`](Destination::connect), and keeps none after a [`Session`] was closed or dropped.
///
/// # Errors
/// [`DestinationErrorKind`]. Neither context nor cause holds passwords, keys or signed addresses.
///
/// # Cancel safety
/// Any call may be dropped at any point; the session is dropped with it, and another one looks at what is there.
///
/// # Time
/// The engine limits each call. An implementation need not have time limits of its own.
#[async_trait]
pub trait Destination: Debug + Send + Sync {
    /// Returns what the destination is. Fixed for the life of the value.
    fn describe(&self) -> &DestinationDescription;

    /// Connects and signs in. With `pinned`, refuses a server that shows another identity, before anything secret is
    /// sent (rule N3). Destinations whose servers have no identity of this kind, such as those over TLS, ignore it.
    ///
    /// # Errors
    /// [`DestinationErrorKind::IdentityChanged`], which names both identities; [`DestinationErrorKind::Refused`] if
    /// the server does not let the user in; [`DestinationErrorKind::Unavailable`].
    async fn connect(&self, pinned: Option<&ServerIdentity>) -> Result<Connection, DestinationError>;
}

/// A fresh connection.
#[derive(Debug)]
pub struct Connection {
    /// To work with it.
    pub session: Box<dyn Session>,
    /// The identity that the server has proved, if it has one.
    pub identity: Option<ServerIdentity>,
}

/// A connection to a destination. Paths lie below the destination's own folder.
#[async_trait]
pub trait Session: Debug + Send {
    /// Starts to write a file under `path`, whose folders are created if they are missing. A file that is there
    /// already is replaced. With [`Naming::Whole`] the file appears only when the upload is finished; otherwise it may
    /// appear at once, and grows. One upload at a time is open.
    ///
    /// [`Upload::finish`] returns when the server has confirmed the file. [`Upload::abort`] removes what was written,
    /// if the server lets it.
    ///
    /// # Errors
    /// If the server refuses, has no room or cannot be reached.
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError>;

    /// Returns the size of a file in bytes, as the server reports it; `None` if there is no such file.
    ///
    /// # Errors
    /// If the server cannot tell or cannot be reached.
    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError>;

    /// Reads a file back from its beginning (rule N6).
    ///
    /// # Errors
    /// [`DestinationErrorKind::NotFound`]; [`DestinationErrorKind::Refused`] if files may only be written.
    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError>;

    /// Renames a file within its folder. Never called with [`Naming::Whole`] or [`Naming::Direct`]. The engine removes
    /// a file under the new name before, so the call may refuse to overwrite, or overwrite.
    ///
    /// # Errors
    /// [`DestinationErrorKind::CannotRename`] if the server does not offer it; [`DestinationErrorKind::NotFound`] if
    /// there is no file under the old name. The file may have been renamed even so, if the reply was lost.
    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError>;

    /// Removes a file. Succeeds if there is none.
    ///
    /// # Errors
    /// If the server refuses or cannot be reached.
    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError>;

    /// Returns the names in a folder, to find what interrupted attempts left behind; `None`, the default, if the
    /// destination cannot list, or leaves nothing behind. A folder that does not exist is empty.
    ///
    /// # Errors
    /// If the server cannot be reached.
    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        let _ = folder;
        Ok(None)
    }

    /// Says goodbye. By default the connection is just dropped.
    ///
    /// # Errors
    /// None that matters: everything was confirmed before.
    async fn close(self: Box<Self>) -> Result<(), DestinationError> {
        Ok(())
    }
}

/// The kinds of destination error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestinationErrorKind {
    /// Not reachable at the moment, or broken off; a retry may help.
    Unavailable,
    /// No room left; a retry may help once space has been freed.
    Full,
    /// The server refuses: credentials, permissions, an address that may not be used. A person has to mend it; it is
    /// tried again meanwhile, since servers are mended without a word to us.
    Refused,
    /// The server shows another identity than the pinned one.
    IdentityChanged,
    /// No such file.
    NotFound,
    /// The server does not rename.
    CannotRename,
    /// What arrived is not what was sent.
    Corrupt,
}

impl PortErrorKind for DestinationErrorKind {
    fn is_retryable(self) -> bool {
        match self {
            Self::Unavailable | Self::Full | Self::Refused | Self::NotFound | Self::Corrupt => true,
            Self::IdentityChanged | Self::CannotRename => false,
        }
    }
}

/// An error of a [`Destination`].
pub type DestinationError = PortError<DestinationErrorKind>;

impl From<SinkErrorKind> for DestinationErrorKind {
    fn from(kind: SinkErrorKind) -> Self {
        match kind {
            SinkErrorKind::Unavailable => Self::Unavailable,
            SinkErrorKind::Full => Self::Full,
            SinkErrorKind::Refused => Self::Refused,
            SinkErrorKind::NotFound => Self::NotFound,
            SinkErrorKind::Corrupt => Self::Corrupt,
        }
    }
}

/// All registered destinations, by identifier.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    by_id: BTreeMap<DestinationId, Arc<dyn Destination>>,
}

impl Destinations {
    /// Creates an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a destination under the identifier of its description; replaces an earlier one.
    #[must_use]
    pub fn with(mut self, destination: impl Destination + 'static) -> Self {
        let destination: Arc<dyn Destination> = Arc::new(destination);
        self.by_id.insert(destination.describe().id.clone(), destination);
        self
    }

    /// Returns the destination registered under `id`, or `None` if there is none that the owner sees (rule J16).
    pub fn find(&self, id: &DestinationId, owner: &Owner) -> Option<&Arc<dyn Destination>> {
        self.by_id.get(id).filter(|found| found.describe().visibility.is_visible_to(owner))
    }

    /// Walks the destinations that an owner sees, ordered by identifier.
    pub fn for_owner<'a>(&'a self, owner: &'a Owner) -> impl Iterator<Item = &'a Arc<dyn Destination>> {
        self.by_id.values().filter(|found| found.describe().visibility.is_visible_to(owner))
    }

    /// Walks the destinations of all owners, ordered by identifier. Show none of this to an owner.
    pub fn of_all_owners(&self) -> impl Iterator<Item = &Arc<dyn Destination>> {
        self.by_id.values()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

#[async_trait]
impl<D: Destination + ?Sized> Destination for Arc<D> {
    fn describe(&self) -> &DestinationDescription {
        (**self).describe()
    }

    async fn connect(&self, pinned: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        (**self).connect(pinned).await
    }
}
