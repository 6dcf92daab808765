//! The operations of a session.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{DestinationError, DestinationErrorKind as Kind, Session, Upload};
use futures::TryStreamExt;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path as StorePath;
use object_store::{Error, ObjectStore, ObjectStoreExt};

use super::failure::failed;
use super::upload::ObjectUpload;
use crate::net::Net;

/// A folder nobody writes into, which tells whether we are let in.
const NO_FOLDER: &str = ".cdds-nothing";

/// A bucket in use.
pub(super) struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) net: Net,
    pub(super) folder: String,
    /// The bucket's name for people.
    pub(super) place: String,
    /// How many parts may be on their way.
    pub(super) parts: usize,
}

impl Bucket {
    pub(super) fn path(&self, path: &str) -> Result<StorePath, DestinationError> {
        let slash = if self.folder.is_empty() || path.is_empty() { "" } else { "/" };
        let full = format!("{}{slash}{path}", self.folder);
        StorePath::parse(&full).map_err(|why| {
            let context = format!("{full:?} cannot be the name of an object: choose another path");
            DestinationError::with_source(Kind::Refused, context, why)
        })
    }

    /// Tells what is done: "write x.zip, in s3://bucket/in".
    pub(super) fn action(&self, doing: &str, path: &str) -> String {
        format!("{doing} {path} in {}", self.place)
    }
}

impl fmt::Debug for Bucket {
    /// Leaves the store out, which holds the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A session. Requests share a few connections, which end with it.
#[derive(Debug)]
pub(super) struct ObjectSession {
    bucket: Arc<Bucket>,
}

impl ObjectSession {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self { bucket: Arc::new(bucket) }
    }

    /// Asks for something, to see whether the bucket exists and lets us in.
    pub(super) async fn look(&self) -> Result<(), DestinationError> {
        let Bucket { store, net, place, .. } = &*self.bucket;
        let nowhere = self.bucket.path(NO_FOLDER)?;
        let found = net.run(async { store.list(Some(&nowhere)).try_next().await }).await;
        found.map(drop).map_err(|why| failed(&format!("use {place}"), why))
    }
}

#[async_trait]
impl Session for ObjectSession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        let to = self.bucket.path(path.as_str())?;
        Ok(Box::new(ObjectUpload::new(Arc::clone(&self.bucket), to)))
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        let at = self.bucket.path(path.as_str())?;
        match self.bucket.net.run(self.bucket.store.head(&at)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(why) => Err(failed(&self.bucket.action("measure", path.as_str()), why)),
        }
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        let from = self.bucket.path(path.as_str())?;
        let action = self.bucket.action("read", path.as_str());
        let net = self.bucket.net.clone();
        let found = net.run(self.bucket.store.get(&from)).await.map_err(|why| failed(&action, why))?;
        let pieces = found.into_stream();
        // The connection must not end with the session, since its pieces are still read.
        let all = (pieces, net, action, Arc::clone(&self.bucket));
        Ok(stream::unfold(all, |(mut pieces, net, action, bucket)| async move {
            let piece = net.run(pieces.next()).await?.map_err(|why| failed(&action, why));
            Some((piece, (pieces, net, action, bucket)))
        })
        .boxed())
    }

    async fn rename(&mut self, _: &RemotePath, _: &RemotePath) -> Result<(), DestinationError> {
        Err(DestinationError::new(Kind::CannotRename, "object stores do not rename"))
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        let at = self.bucket.path(path.as_str())?;
        match self.bucket.net.run(self.bucket.store.delete(&at)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(failed(&self.bucket.action("remove", path.as_str()), why)),
        }
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        let at = self.bucket.path(folder.as_str())?;
        let found = self.bucket.net.run(self.bucket.store.list_with_delimiter(Some(&at))).await;
        let found = found.map_err(|why| failed(&self.bucket.action("list", folder.as_str()), why))?;
        let names = found.objects.iter().filter_map(|object| object.location.filename());
        Ok(Some(names.map(str::to_owned).collect()))
    }
}
