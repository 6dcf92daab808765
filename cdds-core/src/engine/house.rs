//! Housekeeping: one engine of all that share a catalog removes what has expired, sweeps the store and
//! forgets old rows (rules A7, E14, E15), and tells of sets that expire unfetched (rule N8).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{FutureExt, pin_mut, select_biased};
use tracing::{debug, info, warn};

use super::EngineError;
use super::calls::contained_async;
use super::worker::{Engine, Shared};
use crate::ports::catalog::Forget;

/// For how long an engine keeps house without a sign of life. Longer than the time between two rounds of
/// [`run`](Engine::run), so that one engine goes on until it stops.
const LEASE: Duration = Duration::from_secs(180);
/// How often it renews the lease while a round takes long.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// How often it sweeps the store for orphans, forgets old rows, and looks for sets that expire unfetched. The last
/// could be done once a day, except that half of a short retention may be less than that.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// The wait between two pages of old rows, in which others write.
const PAGE_PAUSE: Duration = Duration::from_millis(50);

/// What an engine knows of its own housekeeping.
#[derive(Debug, Default)]
pub(super) struct House {
    /// Whether the catalog may have this engine as its housekeeper.
    is_kept: AtomicBool,
    /// When it last swept, by the monotonic clock.
    swept_at: Mutex<Option<Duration>>,
}

impl House {
    /// Returns whether the store is to be swept now, and then not before the next time.
    fn begins_sweep(&self, monotonic: Duration) -> bool {
        let mut swept_at = self.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = swept_at.is_none_or(|at| at + SWEEP_EVERY <= monotonic);
        if is_due {
            *swept_at = Some(monotonic);
        }
        is_due
    }
}

impl Engine {
    /// Removes expired sets and, once an hour, files that nobody wants and rows that are too old (rules A7,
    /// E14), and stores the notices of sets and certificates that expire soon (rule N8), unless another engine of this
    /// catalog keeps house (rule E15). Call it once a minute if you have a loop of your own; [`run`](Engine::run) does.
    /// Returns whether everything was done. What was not is logged and done by a later call, of this or another engine.
    ///
    /// # Errors
    /// If the catalog cannot tell who keeps house, or if a port panics.
    ///
    /// # Cancel safety
    /// A dropped call leaves nothing half done. Other engines wait until the lease of three minutes has run
    /// out, or until the catalog sees that this one is gone.
    pub async fn keep_house(&self) -> Result<bool, EngineError> {
        contained_async(self.shared.keep_house()).await.unwrap_or(Err(EngineError::Panicked))
    }

    /// Lets another engine keep house at once. Call it when you stop; [`run`](Engine::run) does. Otherwise
    /// the lease has to run out.
    pub async fn leave_house(&self) {
        if !self.shared.house.is_kept.swap(false, Ordering::Relaxed) {
            return;
        }
        let (catalog, worker) = (&self.shared.ports.catalog, &self.shared.worker);
        if let Err(error) = catalog.leave_house(worker).await {
            debug!("others cannot keep house before the lease runs out: {}", error.report());
        }
    }
}

impl Shared {
    async fn keep_house(&self) -> Result<bool, EngineError> {
        if !self.lease_house().await? {
            return Ok(true);
        }
        let chores = self.chores().fuse();
        pin_mut!(chores);
        loop {
            // Begins to sleep only if the chores do not end at once.
            let renewal = async { self.ports.clock.sleep(RENEW_EVERY).await }.fuse();
            pin_mut!(renewal);
            select_biased! {
                done = chores => return Ok(done),
                // An error changes nothing until the lease has run out.
                () = renewal => if let Ok(false) = self.lease_house().await {
                    return Ok(true);
                },
            }
        }
    }

    async fn lease_house(&self) -> Result<bool, EngineError> {
        // Before the call, whose reply may get lost.
        self.house.is_kept.store(true, Ordering::Relaxed);
        let kept = self.ports.catalog.keep_house(&self.worker, LEASE).await?;
        self.house.is_kept.store(kept, Ordering::Relaxed);
        Ok(kept)
    }

    /// Returns whether everything was done.
    async fn chores(&self) -> bool {
        let mut done = self.retain().await.unwrap_or_else(|error| {
            warn!(name: "house.failed", target: "cdds", "expired sets were not removed: {}", error.report());
            false
        });
        if !self.house.begins_sweep(self.ports.clock.monotonic()) {
            return done;
        }
        // Nothing is forgotten before the store was swept: files of an execution that is not on record belong
        // to nobody, and stay.
        let swept = self.sweep().await;
        if let Err(error) = &swept {
            warn!(name: "house.failed", target: "cdds", "the store was not swept: {}", error.report());
        } else if let Err(error) = self.forget().await {
            warn!(name: "house.failed", target: "cdds", "old rows were not forgotten: {}", error.report());
            done = false;
        }
        // Last: what is to be removed does not wait for words about it.
        if let Err(error) = self.remind().await {
            warn!(name: "house.failed", target: "cdds", "notices of what expires were not stored: {}", error.report());
            done = false;
        }
        done && swept.is_ok()
    }

    /// Forgets the rows that are too old, page by page (rule E14). Nothing is too old while the clock is in
    /// doubt.
    async fn forget(&self) -> Result<(), EngineError> {
        if self.is_clock_in_doubt().await? {
            return Ok(());
        }
        let now = self.ports.catalog.now().await?;
        let settings = &self.settings;
        let mut page = Forget::new(settings.record_retention.cutoffs(settings.retention, now));
        let mut rows = 0;
        loop {
            let swept = self.ports.catalog.forget(&page).await?;
            rows += swept.rows;
            let Some(next) = swept.next else { break };
            page.behind = Some(next);
            self.ports.clock.sleep(PAGE_PAUSE).await;
        }
        self.ports.catalog.forget_workers().await?;
        if rows > 0 {
            info!(name: "record.forgotten", target: "cdds", rows, "old rows of the record were forgotten");
        }
        Ok(())
    }
}
