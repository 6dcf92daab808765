//! Buckets in which a service keeps its own parts, for [`ObjectSink`].

mod calls;
mod unfinished;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::ports::destination::DestinationError;
use cdds_storage::ObjectSink;
use cdds_storage::sink::UnfinishedUploads;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::signer::{Method, SignedUrlOptions, Signer, Url};
use object_store::{BackoffConfig, Error, MultipartId, ObjectStore, Result, RetryConfig};

use self::calls::told;
use self::unfinished::Uploads;
pub(super) use self::unfinished::{Protocol, Where};
use super::azure::AzureDestination;
use super::common::Common;
use super::endpoint::Endpoint;
use super::gcs::GcsDestination;
use super::http::Caller;
use super::s3::S3Destination;
use crate::net::Net;

/// A folder of a bucket as a store, made by [`S3Destination::store`], [`GcsDestination::store`] or
/// [`AzureDestination::store`]. It may be used on any runtime.
///
/// [`sink`](Self::sink) makes a [`Sink`](cdds_core::ports::sink::Sink) of it. Unfinished uploads of S3 and Google Cloud
/// Storage are found and ended; Azure neither lists nor ends them, and forgets them after a week.
///
/// ```no_run
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::net::Net;
/// use cdds_delivery::object::S3Destination;
/// use cdds_delivery::secret::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("store")?;
/// let bucket = S3Destination::new(id, "exports", Net::new()?)
///     .with_region("eu-central-1")
///     .with_keys("AKIAIOSFODNN7EXAMPLE", Secret::file("/etc/cdds/store.key"));
/// let sink = bucket.store()?.sink();
/// # let _ = sink;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BucketStore {
    store: Arc<PrefixStore<Arc<dyn ObjectStore>>>,
    folder: Path,
    /// Nothing at Azure, whose links cannot name the file.
    signer: Option<Arc<dyn Signer>>,
    /// Nothing at Azure, which has no list of uploads.
    uploads: Option<Arc<Uploads>>,
    net: Net,
    /// The bucket's name for people.
    place: Arc<str>,
}

impl BucketStore {
    fn new(common: &Common, store: Arc<dyn ObjectStore>) -> Self {
        let folder = Path::from(common.folder.as_str());
        Self {
            store: Arc::new(PrefixStore::new(store, folder.clone())),
            folder,
            signer: None,
            uploads: None,
            net: common.net.clone(),
            place: common.description.address.as_str().into(),
        }
    }

    /// Returns the sink over it, which finds unfinished uploads and gives links where the service does.
    pub fn sink(self) -> ObjectSink {
        let store = Arc::new(self);
        let sink = ObjectSink::with_links(Arc::clone(&store));
        if store.lists_uploads() { sink.with_uploads(store) } else { sink }
    }

    /// Returns whether unfinished uploads are found and ended.
    pub fn lists_uploads(&self) -> bool {
        self.uploads.is_some()
    }

    /// Returns the path in the bucket of one in the folder.
    fn full(&self, path: &Path) -> Path {
        self.folder.parts().chain(path.parts()).collect()
    }
}

impl fmt::Display for BucketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for BucketStore {
    /// Leaves the store out, which holds the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketStore").field("place", &self.place).finish_non_exhaustive()
    }
}

#[async_trait]
impl Signer for BucketStore {
    async fn signed_url(&self, method: Method, path: &Path, expires_in: Duration) -> Result<Url> {
        self.signed_url_opts(method, path, expires_in, &SignedUrlOptions::new()).await
    }

    async fn signed_url_opts(
        &self,
        method: Method,
        path: &Path,
        expires_in: Duration,
        options: &SignedUrlOptions,
    ) -> Result<Url> {
        let Some(signer) = &self.signer else {
            return Err(Error::NotSupported { source: "links of this service cannot name the file".into() });
        };
        let full = self.full(path);
        let signed = self.net.run(signer.signed_url_opts(method, &full, expires_in, options)).await;
        signed.map_err(|why| told(path.as_ref(), why))
    }
}

#[async_trait]
impl UnfinishedUploads for BucketStore {
    async fn unfinished(&self, prefix: &Path) -> Result<Vec<(Path, MultipartId)>> {
        let Some(uploads) = &self.uploads else { return Ok(Vec::new()) };
        let found = self.net.run(uploads.list(&self.full(prefix))).await;
        let found = found.map_err(|why| told(prefix.as_ref(), why))?;
        let below = |(path, id): (Path, MultipartId)| {
            let rest: Path = path.prefix_match(&self.folder)?.collect();
            Some((rest, id))
        };
        Ok(found.into_iter().filter_map(below).collect())
    }

    async fn end(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let Some(uploads) = &self.uploads else { return Ok(()) };
        let ended = self.net.run(uploads.end(&self.full(path), id)).await;
        ended.map_err(|why| told(path.as_ref(), why))
    }
}

/// About twenty seconds of them, so that exports outlast a service that is started anew. Longer failures are the engine's.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 8, retry_timeout: Duration::from_secs(180) }
}

/// Makes a client that asks no more than one service.
fn caller(common: &Common, endpoint: &str) -> std::result::Result<Caller, DestinationError> {
    let endpoint = Endpoint::parse(endpoint)?;
    Ok(Caller::new(common.net.clone(), common.roots.clone(), endpoint, common.uses_environment))
}

impl S3Destination {
    /// Opens the folder as a store of a service's own parts. Nothing is connected to. The keys are read now, and need
    /// the right `s3:ListBucketMultipartUploads` besides those of a destination.
    ///
    /// # Errors
    /// [`DestinationErrorKind::Refused`](cdds_core::ports::destination::DestinationErrorKind::Refused) if a secret
    /// cannot be read, or the settings make no client.
    #[cfg_attr(docsrs, doc(cfg(feature = "store")))]
    pub fn store(&self) -> std::result::Result<BucketStore, DestinationError> {
        let (endpoint, is_virtual) = self.endpoint();
        let caller = caller(&self.common, &endpoint)?;
        let made = self.common.net.within(|| self.client(caller.clone(), retries()));
        let client = Arc::new(made?);
        let bucket = if is_virtual { endpoint } else { format!("{endpoint}/{}", self.bucket) };
        let protocol = Protocol::S3 { client: Arc::clone(&client), region: self.region.clone() };
        Ok(BucketStore {
            signer: Some(Arc::clone(&client) as Arc<dyn Signer>),
            uploads: Some(Arc::new(Uploads::new(protocol, Where { bucket, caller }))),
            ..BucketStore::new(&self.common, client)
        })
    }
}

impl GcsDestination {
    /// Opens the folder as a store of a service's own parts. Nothing is connected to. The account is read now, and needs
    /// the right `storage.multipartUploads.list` besides those of a destination, which the role
    /// `roles/storage.objectUser` has.
    ///
    /// # Errors
    /// [`DestinationErrorKind::Refused`](cdds_core::ports::destination::DestinationErrorKind::Refused) if a secret
    /// cannot be read, or the settings make no client.
    #[cfg_attr(docsrs, doc(cfg(feature = "store")))]
    pub fn store(&self) -> std::result::Result<BucketStore, DestinationError> {
        let endpoint = self.endpoint();
        let caller = caller(&self.common, endpoint)?;
        let made = self.common.net.within(|| self.client(caller.clone(), retries()));
        let client = Arc::new(made?);
        let bucket = format!("{endpoint}/{}", self.bucket);
        let protocol = Protocol::Google(Arc::clone(&client));
        Ok(BucketStore {
            signer: Some(Arc::clone(&client) as Arc<dyn Signer>),
            uploads: Some(Arc::new(Uploads::new(protocol, Where { bucket, caller }))),
            ..BucketStore::new(&self.common, client)
        })
    }
}

impl AzureDestination {
    /// Opens the folder as a store of a service's own parts. Nothing is connected to. The key or the signature is read
    /// now.
    ///
    /// # Errors
    /// [`DestinationErrorKind::Refused`](cdds_core::ports::destination::DestinationErrorKind::Refused) if a secret
    /// cannot be read, or the settings make no client.
    #[cfg_attr(docsrs, doc(cfg(feature = "store")))]
    pub fn store(&self) -> std::result::Result<BucketStore, DestinationError> {
        let caller = caller(&self.common, &self.endpoint())?;
        let client = self.common.net.within(|| self.client(caller, retries()))?;
        Ok(BucketStore::new(&self.common, Arc::new(client)))
    }
}

#[cfg(test)]
mod tests {
    use cdds_core::domain::id::DestinationId;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_store_is_named_by_its_folder_and_shows_no_secret() {
        let id = DestinationId::new("store").unwrap();
        let bucket = S3Destination::new(id, "exports", Net::new().unwrap())
            .with_keys("id", Secret::ask(|| Ok("s3cret".to_owned())))
            .with_folder("in/deep");
        let store = bucket.store().unwrap();
        assert_eq!(store.to_string(), "s3://exports/in/deep");
        assert!(!format!("{store:?}").contains("s3cret"));
        assert_eq!(store.full(&Path::from("e/1")).as_ref(), "in/deep/e/1");
        let secret = Secret::ask(|| Err("nobody knows it".to_owned()));
        let refused = bucket.with_keys("id", secret).store().unwrap_err();
        assert!(refused.report().contains("nobody knows it"), "{}", refused.report());
    }
}
