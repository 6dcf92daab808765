//! What must not stay: sets past their retention, and files that nothing on the record refers to.

use tracing::{info, warn};

use super::export::delete_all;
use super::{EngineError, Shared, keys};
use crate::ports::Ports;
use crate::ports::catalog::{CatalogError, Removal, Standing};
use crate::ports::sink::{Prefix, SinkError};

/// Sets marked as removed in one transaction.
const SETS_PER_ROUND: usize = 100;

/// Removals carried out in one pass: those that fail hold up none of the others.
const REMOVALS_PER_PASS: usize = 10_000;

/// Deletes the files of everything that is marked as removed: marked first, then deleted, then confirmed, so
/// that a crash in between repeats the deletion (rule A7). Gives whether all of them are gone.
async fn carry_out_removals(ports: &Ports) -> Result<bool, CatalogError> {
    let removals = ports.catalog.removals(REMOVALS_PER_PASS).await?;
    let mut all_gone = removals.len() < REMOVALS_PER_PASS;
    for removal in removals {
        match delete_files(ports, &removal).await {
            Ok(()) => {
                ports.catalog.confirm_removed(&removal, super::now(ports)).await?;
                info!(?removal, "files removed");
            }
            Err(error) => {
                all_gone = false;
                warn!(?removal, "cannot remove files: {}", error.report());
            }
        }
    }
    Ok(all_gone)
}

async fn delete_files(ports: &Ports, removal: &Removal) -> Result<(), SinkError> {
    match removal {
        Removal::Set { execution } => delete_all(&*ports.sink, &keys::execution(*execution)).await,
        Removal::File { key, .. } => ports.sink.delete(key).await,
    }
}

/// Deletes what a person has just marked as removed. What fails is left to the next housekeeping.
pub(crate) async fn remove_marked(ports: &Ports) {
    if let Err(error) = carry_out_removals(ports).await {
        warn!("files that are marked as removed are left to the next housekeeping: {}", error.report());
    }
}

impl Shared {
    /// Removes sets past their retention, and whatever else is marked as removed (rule A7). Gives whether
    /// all of it is gone.
    pub(super) async fn retain(&self) -> Result<bool, EngineError> {
        let now = super::now(&self.ports);
        while self.ports.catalog.expire(now, SETS_PER_ROUND).await? == SETS_PER_ROUND {}
        Ok(carry_out_removals(&self.ports).await?)
    }

    /// Removes every file of a claim that is neither running nor published (invariant I8). Age plays no
    /// part: clocks differ. Files of executions that this catalog does not know are left alone, since an
    /// execution is on the record before its first file is written: they are somebody else's.
    pub(super) async fn sweep(&self) -> Result<(), EngineError> {
        let mut keys = self.ports.sink.list(&Prefix::new("")).await?;
        // The files of a claim lie in one folder, so that the catalog is asked for each claim once.
        keys.sort_unstable();
        let mut unknown = 0_u64;
        for files in keys.chunk_by(|one, other| one.folder() == other.folder()) {
            let Some(fence) = files.first().and_then(keys::writer) else { continue };
            match self.ports.catalog.standing(fence).await? {
                Standing::Wanted => {}
                Standing::Unknown => unknown += files.len() as u64,
                Standing::Unwanted => {
                    for key in files {
                        self.ports.sink.delete(key).await?;
                        info!(%key, "orphan removed");
                    }
                }
            }
        }
        if unknown > 0 {
            warn!(files = unknown, "the store holds files of executions that this catalog does not know");
        }
        Ok(())
    }
}
