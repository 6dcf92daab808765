//! Unfinished uploads in parts, which `object_store` neither lists nor finds again.

use std::fmt::Debug;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{MultipartId, Result};

/// Finds and ends the unfinished uploads of a store, for [`ObjectSink::with_uploads`](super::ObjectSink::with_uploads).
///
/// Paths are those of the store beside it: if that one adds a folder to them, so does this one.
///
/// # Cancel safety
/// A dropped call may or may not have taken effect.
#[async_trait]
pub trait UnfinishedUploads: Debug + Send + Sync {
    /// Returns all unfinished uploads whose paths begin with this text; it may end within a name. The empty path is
    /// the whole store.
    ///
    /// # Errors
    /// Those of the store.
    async fn unfinished(&self, prefix: &Path) -> Result<Vec<(Path, MultipartId)>>;

    /// Ends an upload, so that none of its parts remain and it cannot be completed.
    ///
    /// # Errors
    /// [`object_store::Error::NotFound`] if it has been completed or ended; otherwise those of the store.
    async fn end(&self, path: &Path, id: &MultipartId) -> Result<()>;
}
