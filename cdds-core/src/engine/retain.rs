//! What must not stay: sets past their retention, and files that nothing on the record refers to.

use std::collections::HashMap;

use tracing::{info, warn};

use super::export::delete_all;
use super::{EngineError, Shared, keys};
use crate::ports::catalog::{Fence, Standing};
use crate::ports::sink::Prefix;

/// Sets marked as removed in one transaction.
const SETS_PER_ROUND: usize = 100;

impl Shared {
    /// Removes sets past their retention (rule A7): marked first, then deleted, then confirmed, so that
    /// a crash in between repeats the deletion. Gives whether every one of them is gone.
    pub(super) async fn retain(&self) -> Result<bool, EngineError> {
        let now = super::now(&self.ports);
        loop {
            let expired = self.ports.catalog.expire(now, SETS_PER_ROUND).await?;
            if expired.is_empty() {
                return Ok(true);
            }
            let mut all_gone = true;
            for set in expired {
                match delete_all(&*self.ports.sink, &keys::execution(set.execution)).await {
                    Ok(()) => {
                        self.ports.catalog.confirm_removed(set.execution, now).await?;
                        info!(execution_id = %set.execution, "expired set removed");
                    }
                    Err(error) => {
                        all_gone = false;
                        let reason = error.report();
                        warn!(execution_id = %set.execution, "cannot remove an expired set: {reason}");
                    }
                }
            }
            if !all_gone {
                return Ok(false);
            }
        }
    }

    /// Removes every file of a claim that is neither running nor published (invariant I8). Age plays no
    /// part: clocks differ. Files of executions that this catalog does not know are left alone, since an
    /// execution is on the record before its first file is written: they are somebody else's.
    pub(super) async fn sweep(&self) -> Result<(), EngineError> {
        let keys = self.ports.sink.list(&Prefix::new("")).await?;
        let mut standings: HashMap<Fence, Standing> = HashMap::new();
        let mut unknown = 0_u64;
        for key in keys {
            let Some(fence) = keys::writer(&key) else { continue };
            let standing = match standings.get(&fence) {
                Some(standing) => *standing,
                None => {
                    let standing = self.ports.catalog.standing(fence).await?;
                    standings.insert(fence, standing);
                    standing
                }
            };
            match standing {
                Standing::Wanted => {}
                Standing::Unknown => unknown += 1,
                Standing::Unwanted => {
                    self.ports.sink.delete(&key).await?;
                    info!(%key, "orphan removed");
                }
            }
        }
        if unknown > 0 {
            warn!(files = unknown, "the store holds files of executions that this catalog does not know");
        }
        Ok(())
    }
}
