//! Removes sets past their retention, and files that the catalog does not refer to.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::EngineError;
use super::worker::Shared;
use crate::cleanup::{carry_out_removals, has_manifest, unwanted_of};
use crate::examination::examine;
use crate::keys;
use crate::ports::catalog::Standing;
use crate::ports::sink::Prefix;

/// The number of sets marked as removed in one transaction.
const SETS_PER_ROUND: usize = 100;

/// How often a trusted clock is examined again; setting the clock while the engine runs is rare.
const EXAMINE_EVERY: Duration = Duration::from_secs(3600);

impl Shared {
    /// Removes sets past their retention, and everything else that is marked as removed (rule A7). Returns
    /// whether all of it is gone.
    pub(super) async fn retain(&self) -> Result<bool, EngineError> {
        if !self.is_clock_in_doubt().await? {
            let now = self.ports.catalog.now().await?;
            while self.ports.catalog.expire(now, SETS_PER_ROUND).await? == SETS_PER_ROUND {}
        }
        Ok(carry_out_removals(&self.ports).await?)
    }

    /// Returns whether catalog and store both disagree with the clock. While they do, nothing expires; the
    /// round in which one of them agrees again removes everything that has expired meanwhile. Examines the
    /// clock at the start and once an hour, or every time while it is in doubt.
    pub(super) async fn is_clock_in_doubt(&self) -> Result<bool, EngineError> {
        if !self.settings.doubt_clock {
            return Ok(false);
        }
        let monotonic = self.ports.clock.monotonic();
        let known = *self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some_and(|(at, doubt)| !doubt && monotonic < at + EXAMINE_EVERY) {
            return Ok(false);
        }
        let report = examine(&self.ports).await?;
        let doubt = report.verdict.expiry_waits();
        if doubt && known.is_none_or(|(_, doubted)| !doubted) {
            warn!(
                name: "clock.doubted",
                target: "cdds",
                verdict = ?report.verdict,
                "the clock shows {}, but the record and the store both disagree: nothing expires until it is \
                 corrected",
                report.now
            );
        }
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some((monotonic, doubt));
        Ok(doubt)
    }

    /// Removes every file of a claim that is neither running nor published (invariant I8). The age of a file
    /// does not matter: that would be judged by the store's clock. Leaves files of claims that this catalog does
    /// not know: a claim is recorded before its first file is written, so they belong to another catalog, or to
    /// a time that this one has lost (rule E16). Keeps for the retention what a claim without an end may have
    /// published in such a time (rule E17).
    pub(super) async fn sweep(&self) -> Result<(), EngineError> {
        // Nothing is over by a clock in doubt.
        let now = match self.is_clock_in_doubt().await? {
            true => DateTime::<Utc>::MIN_UTC,
            false => self.ports.catalog.now().await?,
        };
        let retention = self.settings.retention;
        let mut keys = self.ports.sink.list(&Prefix::new("")).await?;
        // The files of a claim share one folder, so the catalog is asked once per claim.
        keys.sort_unstable();
        let mut unknown = 0_u64;
        for files in keys.chunk_by(|one, other| one.folder() == other.folder()) {
            let Some(writer) = files.first().and_then(keys::writer) else { continue };
            let standing = self.ports.catalog.standing(writer).await?;
            if standing == Standing::Unknown {
                unknown += files.len() as u64;
            }
            let given_up = matches!(standing, Standing::GivenUp { .. });
            let complete = given_up && has_manifest(&*self.ports.sink, writer).await?;
            if standing.may_go(complete, retention, now) {
                for key in unwanted_of(&self.ports, writer, files).await? {
                    self.ports.sink.delete(key).await?;
                    info!(name: "file.orphaned", target: "cdds", %key, "orphan removed");
                }
            }
        }
        if unknown > 0 {
            warn!(
                name: "files.unknown",
                target: "cdds",
                files = unknown,
                "the store holds files that this catalog does not know: `cdds doctor` says more"
            );
        }
        Ok(())
    }
}
