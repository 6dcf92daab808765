//! Keeps a catalog from working with the wrong store: one whose disk is not mounted, or another catalog's.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::access::{Action, Forbidden, Principal};
use crate::domain::id::{AuditId, StoreId};
use crate::domain::pairing::{Holdings, Mismatch, PairingStep, StoreLink, decide, needs_holdings};
use crate::keys;
use crate::ports::catalog::{Catalog, CatalogError, CatalogErrorKind, Standing};
use crate::ports::clock::Clock;
use crate::ports::ids::Ids;
use crate::ports::sink::{
    Key, LinkRequest, Prefix, RangeRead, SignedLink, Sink, SinkError, SinkErrorKind, Upload,
};

/// The key of the store's mark. No sweep mistakes it for a file of an export.
const MARK: &str = ".cdds-store";

/// The size limit of a mark; a real one is much shorter.
const MARK_BYTES_MAX: usize = 4096;

/// How many of the newest sets are looked up in the store.
const SETS_MAX: usize = 10;

/// The maximum number of steps to pair a catalog and its store, with spare ones for others that do so at the
/// same time.
const STEPS_MAX: u32 = 8;

/// How long a successful comparison is trusted.
const BELIEVED: Duration = Duration::from_secs(1);

/// Compares a catalog with its artifact store ([`domain::pairing`](crate::domain::pairing)).
#[derive(Debug, Clone)]
pub struct Pairing {
    catalog: Arc<dyn Catalog>,
    sink: Arc<dyn Sink>,
    ids: Arc<dyn Ids>,
}

/// Why a catalog and a store could not be paired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// They do not belong together.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The principal may not pair them (rule C1).
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store's mark is not understood.
    #[error(
        "the mark {MARK} of the artifact store is not understood: use a newer version of the program, or \
             restore it"
    )]
    Mark,
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// The mark as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    v: String,
    store: StoreId,
}

impl Pairing {
    /// Creates the pairing of a catalog and its store.
    pub fn new(catalog: Arc<dyn Catalog>, sink: Arc<dyn Sink>, ids: Arc<dyn Ids>) -> Self {
        Self { catalog, sink, ids }
    }

    /// Checks that catalog and store belong together, and pairs them if they have never met. May be called at
    /// any time, by several processes, and again after a crash.
    ///
    /// # Errors
    /// [`PairingError::Mismatch`] if they do not belong together; otherwise if the catalog or the store
    /// fails.
    pub async fn check(&self) -> Result<(), PairingError> {
        for _ in 0..STEPS_MAX {
            let (link, step) = self.next_step().await?;
            let set = |id, confirmed| self.catalog.set_store(link, StoreLink { id, confirmed }, &[]);
            let done = match step {
                PairingStep::Keep => return Ok(()),
                PairingStep::Begin => set(StoreId(self.ids.next()), false).await,
                PairingStep::Join(id) | PairingStep::Confirm(id) => set(id, true).await,
                PairingStep::Mark(id) => {
                    self.write_mark(id).await?;
                    set(id, true).await
                }
            };
            match done {
                // Somebody else has taken a step meanwhile: look again.
                Err(error) if error.kind() == CatalogErrorKind::Conflict => {}
                done => done?,
            }
        }
        let why = "another process is pairing the catalog and the store: try again";
        Err(CatalogError::new(CatalogErrorKind::Unavailable, why).into())
    }

    /// Like [`check`](Pairing::check), but changes nothing.
    ///
    /// # Errors
    /// As for [`check`](Pairing::check).
    pub async fn look(&self) -> Result<(), PairingError> {
        self.next_step().await.map(drop)
    }

    /// Pairs catalog and store whatever their marks say, because a person has made sure that they belong
    /// together. Sets that are missing from the store stay recorded until they expire; files that the catalog
    /// does not know stay in the store.
    ///
    /// # Errors
    /// [`PairingError::Forbidden`]; otherwise if the catalog or the store fails.
    pub async fn adopt(&self, by: &Principal) -> Result<(), PairingError> {
        let id = AuditId(self.ids.next());
        let entry = AuditRecord::new(id, self.catalog.now().await?, by, Action::AdoptStore);
        if let Err(refusal) = by.check(Action::AdoptStore) {
            self.catalog.record(&entry.with_outcome(Outcome::Forbidden)).await?;
            return Err(refusal.into());
        }
        let link = self.catalog.store().await?;
        let id = match (self.read_mark().await?, link) {
            (Some(mark), _) => mark,
            (None, Some(link)) => link.id,
            (None, None) => StoreId(self.ids.next()),
        };
        let entry = entry.with_object(Object::Store(id));
        self.catalog.set_store(link, StoreLink { id, confirmed: false }, &[entry]).await?;
        self.check().await
    }

    async fn next_step(&self) -> Result<(Option<StoreLink>, PairingStep), PairingError> {
        let link = self.catalog.store().await?;
        let mark = self.read_mark().await?;
        let asked = needs_holdings(link, mark);
        let holdings = if asked { self.holdings().await? } else { Holdings::Ours };
        Ok((link, decide(link, mark, holdings)?))
    }

    async fn read_mark(&self) -> Result<Option<StoreId>, PairingError> {
        let mut chunks = match self.sink.read(&Key::new(MARK), 0).await {
            Err(error) if error.kind() == SinkErrorKind::NotFound => return Ok(None),
            chunks => chunks?,
        };
        let mut mark = Vec::new();
        while let Some(chunk) = chunks.try_next().await? {
            mark.extend_from_slice(&chunk);
            if mark.len() > MARK_BYTES_MAX {
                return Err(PairingError::Mark);
            }
        }
        let mark: Mark = serde_json::from_slice(&mark).map_err(|_| PairingError::Mark)?;
        if mark.v == "1" { Ok(Some(mark.store)) } else { Err(PairingError::Mark) }
    }

    async fn write_mark(&self, store: StoreId) -> Result<(), PairingError> {
        let mark = serde_json::to_vec(&Mark { v: "1".to_owned(), store }).map_err(|_| PairingError::Mark)?;
        let mut upload = self.sink.begin(&Key::new(MARK)).await?;
        upload.write(Bytes::from(mark)).await?;
        upload.finish().await?;
        Ok(())
    }

    /// Determines to which catalog the files in the store belong. Looks for several of the newest sets, since
    /// a single one may have been lost by itself.
    async fn holdings(&self) -> Result<Holdings, PairingError> {
        let newest = self.catalog.newest_manifests(SETS_MAX).await?;
        for key in &newest {
            match self.sink.read(key, 0).await {
                Ok(_) => return Ok(Holdings::Ours),
                Err(error) if error.kind() == SinkErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !newest.is_empty() {
            return Ok(Holdings::Missing);
        }
        let mut keys = self.sink.list(&Prefix::new("")).await?;
        keys.sort_unstable();
        keys.dedup_by(|one, other| one.folder() == other.folder());
        let mut holdings = Holdings::Empty;
        for writer in keys.iter().filter_map(keys::writer) {
            if self.catalog.standing(writer).await? != Standing::Unknown {
                return Ok(Holdings::Ours);
            }
            holdings = Holdings::Foreign;
        }
        Ok(holdings)
    }
}

/// A [`Sink`] that is bound to its catalog: the two are compared before anything is stored, listed or
/// deleted.
///
/// Pass it to services and engine in place of the store itself. If the store is unmounted while an engine
/// runs, the engine then fails its executions with a retryable reason, publishes nothing, and neither removes
/// nor confirms anything.
///
/// A successful comparison is trusted for one second.
///
/// # Errors
/// [`SinkErrorKind::Unavailable`] with the [`Mismatch`], while the two do not belong together.
#[derive(Debug)]
pub struct PairedSink {
    pairing: Pairing,
    clock: Arc<dyn Clock>,
    believed_until: Mutex<Option<Duration>>,
}

impl PairedSink {
    /// Wraps the store of a pairing.
    pub fn new(pairing: Pairing, clock: Arc<dyn Clock>) -> Self {
        Self { pairing, clock, believed_until: Mutex::new(None) }
    }

    async fn check(&self) -> Result<(), SinkError> {
        let now = self.clock.monotonic();
        if self.believed_until().is_some_and(|until| now < until) {
            return Ok(());
        }
        let checked = self.pairing.check().await;
        *self.believed_until() = checked.is_ok().then(|| now.saturating_add(BELIEVED));
        checked.map_err(|error| match error {
            PairingError::Sink(error) => error,
            error => {
                SinkError::with_source(SinkErrorKind::Unavailable, "cannot use the artifact store", error)
            }
        })
    }

    /// Passes on what was read. If the object is missing: is only this one gone, or the whole store?
    async fn found<T: Send>(&self, read: Result<T, SinkError>) -> Result<T, SinkError> {
        if read.as_ref().is_err_and(|error| error.kind() == SinkErrorKind::NotFound) {
            self.check().await?;
        }
        read
    }

    /// Locks a value that is replaced as a whole, so a panic elsewhere leaves it usable.
    fn believed_until(&self) -> MutexGuard<'_, Option<Duration>> {
        self.believed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for PairedSink {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        self.check().await?;
        self.pairing.sink.begin(key).await
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.found(self.pairing.sink.read(key, from).await).await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        self.found(self.pairing.sink.read_range(key, range).await).await
    }

    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        self.check().await?;
        self.pairing.sink.link(key, request).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.check().await?;
        self.pairing.sink.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.check().await?;
        self.pairing.sink.list(prefix).await
    }

    async fn clock(&self) -> Result<Option<DateTime<Utc>>, SinkError> {
        self.pairing.sink.clock().await
    }

    async fn newest(&self) -> Result<Option<DateTime<Utc>>, SinkError> {
        self.pairing.sink.newest().await
    }
}
