//! A [`Sink`] over `object_store`.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::sink::{Key, ObjectVersion, Prefix, RangeRead, Sink, SinkError, SinkErrorKind, Upload};
#[cfg(feature = "links")]
use cdds_core::ports::sink::{LinkRequest, SignedLink};
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
#[cfg(feature = "links")]
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::fault::{io_error, store_error};
use super::file::FileRange;
use super::folder;
use super::upload::ObjectUpload;
use super::uploads::UnfinishedUploads;

/// Maximum number of bytes that a read returns at once.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Name of the short-lived probe that the store's clock stamps. All workers share it, so that one that dies leaves no
/// more than this one object.
const CLOCK_PROBE: &str = "clock-probe";

/// How often the probe is stored again if another worker has deleted it.
const CLOCK_PROBES_MAX: u32 = 8;

/// Parts in a local folder or in any other [`ObjectStore`].
///
/// A local folder is used on the threads of [`blocking`] and needs no runtime. Finished and deleted objects
/// are synced to disk, folders included; new folders and files are for their owner only. Other stores are
/// used from the futures that the caller polls, and need the runtime they are made for (tokio for cloud
/// stores).
///
/// An upload keeps at most two parts of 8 MiB in memory: one that is being stored and one that is being
/// filled. If the store does not say whether an object was stored, it is looked up. For that, objects bear the metadata
/// `cddsupload`: a number of the upload that wrote them.
///
/// `object_store` cannot list unfinished uploads. Only with [`with_uploads`](Self::with_uploads) does
/// [`list`](Sink::list) show the remains of a dropped upload, and does [`delete`](Sink::delete) end unfinished ones.
#[derive(Debug, Clone)]
pub struct ObjectSink {
    store: Arc<dyn ObjectStore>,
    /// The local folder, absolute and without links.
    folder: Option<Arc<PathBuf>>,
    /// The store's name for people.
    place: Arc<str>,
    /// What finds unfinished uploads, if something does.
    uploads: Option<Arc<dyn UnfinishedUploads>>,
    /// What gives links, if that is wanted.
    #[cfg(feature = "links")]
    signer: Option<Arc<dyn Signer>>,
}

impl ObjectSink {
    /// Opens a folder, which must exist: a missing one may just not be mounted.
    ///
    /// # Errors
    /// [`SinkErrorKind::NotFound`] if there is no such folder, [`SinkErrorKind::Refused`] if it is not a
    /// folder or may not be entered.
    pub fn local(folder: impl AsRef<Path>) -> Result<Self, SinkError> {
        let given = folder.as_ref();
        let unusable = |error: io::Error| io_error("use", "the folder", &given.display().to_string(), error);
        let folder = given.canonicalize().map_err(unusable)?;
        if !folder.is_dir() {
            return Err(SinkError::new(
                SinkErrorKind::Refused,
                format!("{} is not a folder: name the folder in which parts are kept", given.display()),
            ));
        }
        let place = folder.display().to_string();
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| store_error("use", "the folder", &place, error))?
            .with_fsync(true);
        Ok(Self { folder: Some(Arc::new(folder)), place: place.into(), ..Self::new(Arc::new(store)) })
    }

    /// Uses any other store.
    ///
    /// `object_store` cannot find the unfinished uploads of a key, so [`delete`](Sink::delete) does not end them, as the
    /// port asks for. They are never seen as parts, but take space after a worker has died: add what finds them by
    /// [`with_uploads`](Self::with_uploads), or give the bucket a rule that ends uploads after some days
    /// (`AbortIncompleteMultipartUpload`). Azure does so by itself after a week.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        let place = store.to_string().into();
        Self {
            store,
            folder: None,
            place,
            uploads: None,
            #[cfg(feature = "links")]
            signer: None,
        }
    }

    /// Uses a store that gives links to its objects, too ([`Sink::link`]): of S3, or of Google Cloud Storage. Azure's
    /// links cannot name the file, so that store gives none, as if it came by [`new`](Self::new).
    ///
    /// A link ends earlier than asked for if the credentials of the store do.
    ///
    /// ```
    /// # #[cfg(feature = "links")] {
    /// # use std::sync::Arc;
    /// # use cdds_storage::ObjectSink;
    /// # use object_store::{ObjectStore, signer::Signer};
    /// # fn sink(bucket: impl ObjectStore + Signer) -> ObjectSink {
    /// ObjectSink::with_links(Arc::new(bucket))
    /// # }
    /// # }
    /// ```
    #[cfg(feature = "links")]
    #[cfg_attr(docsrs, doc(cfg(feature = "links")))]
    pub fn with_links(store: Arc<impl ObjectStore + Signer>) -> Self {
        let signer = Arc::clone(&store) as Arc<dyn Signer>;
        Self { signer: Some(signer), ..Self::new(store) }
    }

    /// Adds what finds the unfinished uploads of the store: the sweep then ends those of workers that have died.
    #[must_use]
    pub fn with_uploads(self, uploads: Arc<dyn UnfinishedUploads>) -> Self {
        Self { uploads: Some(uploads), ..self }
    }

    fn key_path(&self, key: &Key) -> Result<StorePath, SinkError> {
        match StorePath::parse(key.as_str()) {
            // `#` marks unfinished uploads in a folder.
            Ok(path) if !path.is_root() && !key.as_str().contains('#') => Ok(path),
            _ => Err(self.unnameable(key.as_str())),
        }
    }

    fn prefix_path(&self, prefix: &Prefix) -> Result<StorePath, SinkError> {
        StorePath::parse(prefix.as_str()).map_err(|_| self.unnameable(prefix.as_str()))
    }

    fn unnameable(&self, name: &str) -> SinkError {
        SinkError::new(
            SinkErrorKind::Refused,
            format!("{name:?} cannot name an object in {}: use letters, digits, '-' and '/'", self.place),
        )
    }

    /// Returns the file of a key in a local folder. [`StorePath`] has checked the key: no `..` leads out.
    fn file(folder: &Path, path: &StorePath) -> PathBuf {
        path.parts().fold(folder.to_path_buf(), |file, part| file.join(part.as_ref()))
    }

    /// Creates the folder for a key in a local folder; returns the key's file.
    async fn make_folder(
        &self,
        key: &Key,
        root: Arc<PathBuf>,
        path: &StorePath,
    ) -> Result<PathBuf, SinkError> {
        let file = Self::file(&root, path);
        let target = file.clone();
        let made = blocking::unblock(move || folder::make_parents(&root, &target)).await;
        made.map_err(|error| io_error("store", key.as_str(), &self.place, error))?;
        Ok(file)
    }

    async fn read_local(&self, key: &Key, file: PathBuf, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let (key, place) = (key.clone(), Arc::clone(&self.place));
        let failed = move |error| io_error("read", key.as_str(), &place, error);
        let opened = blocking::unblock(move || FileRange::open(&file, &range)).await;
        let (version, range) = opened.map_err(&failed)?;
        let chunks = stream::try_unfold(range, |range| blocking::unblock(move || range.next()));
        Ok(RangeRead::new(version, chunks.map_err(failed).boxed()))
    }

    async fn read_remote(
        &self,
        key: &Key,
        path: StorePath,
        range: Range<u64>,
    ) -> Result<RangeRead, SinkError> {
        let (key, place) = (key.clone(), Arc::clone(&self.place));
        let failed = move |error| store_error("read", key.as_str(), &place, error);
        // Stores refuse an empty range.
        if range.is_empty() {
            let found = self.store.head(&path).await.map_err(&failed)?;
            return Ok(RangeRead::new(version(&found), stream::empty().boxed()));
        }
        let options = GetOptions::default().with_range(asked(&range));
        let found = match self.store.get_opts(&path, options).await {
            Ok(found) => found,
            Err(error) => {
                // They also refuse one that begins at the end of an object or behind it.
                return match self.store.head(&path).await {
                    Ok(found) if found.size <= range.start => {
                        Ok(RangeRead::new(version(&found), stream::empty().boxed()))
                    }
                    _ => Err(failed(error)),
                };
            }
        };
        let version = version(&found.meta);
        let chunks = found.into_stream().map_err(failed).map_ok(split).try_flatten();
        Ok(RangeRead::new(version, chunks.boxed()))
    }
}

/// What stores but folders do.
impl ObjectSink {
    async fn delete_remote(&self, path: &StorePath) -> object_store::Result<()> {
        // First, so that none is completed behind the deletion.
        if let Some(uploads) = &self.uploads {
            for (found, id) in uploads.unfinished(path).await? {
                if found == *path {
                    ended(uploads.end(&found, &id).await)?;
                }
            }
        }
        ended(self.store.delete(path).await)
    }

    async fn list_remote(&self, path: &StorePath) -> object_store::Result<BTreeSet<String>> {
        let mut keys = BTreeSet::new();
        // First, so that one that is completed meanwhile is found in one place or the other.
        if let Some(uploads) = &self.uploads {
            let unfinished = uploads.unfinished(path).await?.into_iter();
            let below = unfinished.filter(|(found, _)| found != path && found.prefix_matches(path));
            keys.extend(below.map(|(found, _)| found.to_string()));
        }
        let mut objects = self.store.list(Some(path));
        while let Some(object) = objects.try_next().await? {
            keys.insert(object.location.to_string());
        }
        Ok(keys)
    }

    async fn stamp_of_probe(&self) -> object_store::Result<DateTime<Utc>> {
        let path = StorePath::from(CLOCK_PROBE);
        let mut tries = 1;
        loop {
            self.store.put(&path, Bytes::new().into()).await?;
            match self.store.head(&path).await {
                // Another worker has deleted it.
                Err(object_store::Error::NotFound { .. }) if tries < CLOCK_PROBES_MAX => tries += 1,
                found => {
                    let stamped = found?.last_modified;
                    ended(self.store.delete(&path).await)?;
                    return Ok(stamped);
                }
            }
        }
    }
}

/// Takes what is gone already for deleted.
fn ended(outcome: object_store::Result<()>) -> object_store::Result<()> {
    match outcome {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        outcome => outcome,
    }
}

/// Returns what is asked of a store for a range; `None` for all of an object.
fn asked(range: &Range<u64>) -> Option<GetRange> {
    match (range.start, range.end) {
        (0, u64::MAX) => None,
        (start, u64::MAX) => Some(GetRange::Offset(start)),
        (start, end) => Some(GetRange::Bounded(start..end)),
    }
}

/// Returns the version of an object: its entity tag, if that promises equal bytes (RFC 9110, 8.8.1), beside its time
/// and its size.
fn version(found: &ObjectMeta) -> Option<ObjectVersion> {
    let tag = found.e_tag.as_ref().filter(|tag| !tag.starts_with("W/"))?;
    Some(ObjectVersion::new(format!("{tag} {} {}", found.size, found.last_modified.to_rfc3339())))
}

/// Splits a chunk of any size into chunks of bounded size, without copying.
fn split(chunk: Bytes) -> impl futures::Stream<Item = Result<Bytes, SinkError>> {
    stream::iter(std::iter::successors(Some((Bytes::new(), chunk)), |(_, rest)| {
        let mut rest = rest.clone();
        (!rest.is_empty()).then(|| (rest.split_to(rest.len().min(CHUNK_BYTES_MAX)), rest))
    }))
    .skip(1)
    .map(|(chunk, _)| Ok(chunk))
}

#[async_trait]
impl Sink for ObjectSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let path = self.key_path(key)?;
        let file = match &self.folder {
            Some(folder) => Some(self.make_folder(key, Arc::clone(folder), &path).await?),
            None => None,
        };
        Ok(Box::new(ObjectUpload::new(Arc::clone(&self.store), Arc::clone(&self.place), path, file)))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        Ok(self.read_range(key, from..u64::MAX).await?.chunks)
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let path = self.key_path(key)?;
        match &self.folder {
            Some(folder) => self.read_local(key, Self::file(folder, &path), range).await,
            None => self.read_remote(key, path, range).await,
        }
    }

    #[cfg(feature = "links")]
    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let path = self.key_path(key)?;
        // Both clouds answer with what these parameters say, and refuse a link in which somebody changed them.
        let options = SignedUrlOptions::new().with_query([
            ("response-content-disposition", request.content_disposition.as_str()),
            ("response-content-type", request.content_type.as_str()),
        ]);
        match signer.signed_url_opts(Method::GET, &path, request.lifetime.into(), &options).await {
            Ok(url) => Ok(Some(SignedLink::new(url))),
            Err(object_store::Error::NotSupported { .. }) => Ok(None),
            Err(error) => Err(store_error("give a link to", key.as_str(), &self.place, error)),
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        let path = self.key_path(key)?;
        let Some(folder) = self.folder.clone() else {
            let deleted = self.delete_remote(&path).await;
            return deleted.map_err(|error| store_error("delete", key.as_str(), &self.place, error));
        };
        let deleted = blocking::unblock(move || folder::delete(&folder, &Self::file(&folder, &path))).await;
        deleted.map_err(|error| io_error("delete", key.as_str(), &self.place, error))
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        let path = self.prefix_path(prefix)?;
        let Some(folder) = self.folder.clone() else {
            let keys = self.list_remote(&path).await;
            let keys = keys.map_err(|error| store_error("list", prefix.as_str(), &self.place, error))?;
            return Ok(keys.into_iter().map(Key::new).collect());
        };
        let keys = blocking::unblock(move || folder::keys(&folder, &Self::file(&folder, &path))).await;
        match keys {
            Ok(keys) => Ok(keys.into_iter().map(Key::new).collect()),
            Err(error) => Err(io_error("list", prefix.as_str(), &self.place, error)),
        }
    }

    /// A folder has this machine's clock. Other stores stamp a probe.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, SinkError> {
        if self.folder.is_some() {
            return Ok(None);
        }
        let stamped = self.stamp_of_probe().await;
        stamped.map(Some).map_err(|error| store_error("ask", "its clock", &self.place, error))
    }

    async fn newest(&self) -> Result<Option<DateTime<Utc>>, SinkError> {
        let Some(folder) = self.folder.clone() else {
            let stamps = self.store.list(None).map_ok(|object| object.last_modified);
            let newest =
                stamps.try_fold(None, |newest, stamp| std::future::ready(Ok(Some(stamp).max(newest))));
            return newest.await.map_err(|error| store_error("list", "", &self.place, error));
        };
        let newest = blocking::unblock(move || folder::newest(&folder)).await;
        let newest = newest.map_err(|error| io_error("list", "", &self.place, error))?;
        Ok(newest.map(DateTime::from))
    }
}
