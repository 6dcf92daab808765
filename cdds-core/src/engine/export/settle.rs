//! How an attempt ends on the record: committed, failed, cancelled or given back; and what it stored is
//! removed where nobody wants it.

use std::time::Duration;

use futures::future::{Either, select};
use tracing::{info, warn};

use super::attempt::Export;
use crate::cleanup::{has_manifest, unwanted_of};
use crate::domain::execution::Execution;
use crate::domain::execution::failure::{Failure, Step};
use crate::engine::EngineError;
use crate::engine::calls::{Panicked, contained_async};
use crate::engine::worker::Shared;
use crate::examination::ExaminationError;
use crate::keys;
use crate::ports::catalog::{CatalogErrorKind, Fence, Publication, Settlement, Standing, Writer};
use crate::ports::sink::SinkError;

/// How often a commit whose outcome is unknown is looked at again before the lease is left to run out.
pub(super) const COMMIT_TRIES: u32 = 5;

/// How long the store may take to remove what an attempt has left.
const DISCARD_MAX: Duration = Duration::from_secs(600);

impl Export {
    /// Commits. An error leaves the outcome unknown, so the commit is tried again: a second one is fenced
    /// off by the first. What is stored is deleted only when the catalog says that it is not wanted.
    pub(super) async fn commit(&self, publication: &Publication) -> Option<Execution> {
        let catalog = &self.shared.ports.catalog;
        for attempt in 1..=COMMIT_TRIES {
            match catalog.publish(self.fence, publication).await {
                Ok(()) => return Some(self.published(publication)),
                Err(error) if error.kind() == CatalogErrorKind::Fenced => {
                    // Another worker has the execution, or a lost reply hid our own success.
                    match catalog.standing(self.writer).await {
                        Ok(Standing::Wanted) => return Some(self.published(publication)),
                        Ok(Standing::Unwanted) => return self.fenced().await,
                        // A catalog that has lost the commit may say so, after others have seen the set.
                        Ok(Standing::Unknown | Standing::GivenUp { .. }) => return None,
                        Err(error) => warn!(attempt, "cannot look up the commit: {}", error.report()),
                    }
                }
                // Whoever asked for that was told that it stops, before the commit came (rule E8).
                Err(error) if error.kind() == CatalogErrorKind::Cancelled => {
                    info!("asked to stop: {}", error.report());
                    return self.settle(Settlement::Cancelled).await;
                }
                // Publishing would lose or double records: nothing may be shown, and trying again is no help.
                Err(error) if error.kind() == CatalogErrorKind::Conflict => {
                    let failure = Failure::internal(Step::Publish, error.report());
                    warn!("refused by the catalog: {}", failure.message);
                    let retry = self.shared.settings.retry;
                    return self.settle(Settlement::Failed { failure, retry }).await;
                }
                Err(error) => warn!(attempt, "cannot commit: {}", error.report()),
            }
            self.pause(attempt).await;
        }
        // Still unknown. What is stored may be published, so it stays, and the lease decides who looks next.
        None
    }

    /// The execution as the catalog has it after the commit.
    fn published(&self, publication: &Publication) -> Execution {
        self.execution.clone().succeeded(publication.progress, publication.published_at)
    }

    /// Puts the end on the record and removes what was stored. If the first fails the lease runs out and
    /// another worker takes over.
    pub(super) async fn settle(&self, settlement: Settlement) -> Option<Execution> {
        let ports = &self.shared.ports;
        for attempt in 1..=COMMIT_TRIES {
            match ports.catalog.settle(self.fence, &settlement).await {
                Ok(execution) => {
                    self.let_go(true).await;
                    return Some(execution);
                }
                Err(error) if error.kind() == CatalogErrorKind::Fenced => return self.fenced().await,
                Err(error) => warn!(attempt, "cannot record the end: {}", error.report()),
            }
            self.pause(attempt).await;
        }
        // The catalog has not said that the files are unwanted. Leave them to the sweep, which asks it.
        self.let_go(false).await;
        None
    }

    /// Another worker has the execution: what this one stored can never be published.
    pub(super) async fn fenced(&self) -> Option<Execution> {
        warn!(name: "claim.lost", target: "cdds", "the claim was lost");
        let unwanted = match self.shared.ports.catalog.standing(self.writer).await {
            // No set was published: only the commit itself could have done that.
            Ok(standing) => matches!(standing, Standing::Unwanted | Standing::GivenUp { .. }),
            Err(error) => {
                warn!("the sweep will remove its stored files: {}", error.report());
                false
            }
        };
        self.let_go(unwanted).await;
        None
    }

    /// Waits until nothing is under way with the store: it would land behind the back of the sweep, which may
    /// have been there already. Then removes what was stored if the catalog has said that it is `unwanted`. A
    /// store that takes too long leaves the rest to the sweep.
    async fn let_go(&self, unwanted: bool) {
        let remove = async {
            self.underway.wind_down().await;
            if unwanted {
                discard(&self.shared, self.writer).await;
            }
        };
        let remove = std::pin::pin!(contained_async(remove));
        let too_long = std::pin::pin!(async { self.shared.ports.clock.sleep(DISCARD_MAX).await });
        match select(remove, too_long).await {
            Either::Left((Ok(()), _)) => {}
            Either::Left((Err(Panicked), _)) => warn!("the store panicked: the sweep will remove the rest"),
            Either::Right(_) => warn!("the store takes too long: the sweep will remove the rest"),
        }
    }

    /// Removes what earlier claims have left before this one stores anything: those that the record lists,
    /// since others are of a time that a restored catalog does not know (rule E16), and that cannot have
    /// published a set in such a time (rule E17).
    pub(super) async fn discard_earlier_claims(&self) -> Result<(), SinkError> {
        // Nothing can be earlier, which spares most attempts a listing of the store.
        if self.fence.epoch == 1 {
            return Ok(());
        }
        let sink = &self.shared.ports.sink;
        let mut keys = sink.list(&keys::execution(self.fence.id)).await?;
        keys.sort_unstable();
        for files in keys.chunk_by(|one, other| one.folder() == other.folder()) {
            let Some(writer) = files.first().and_then(keys::writer) else { continue };
            if writer == self.writer || !self.execution.lists(&writer) {
                continue;
            }
            let given_up = self.execution.given_up_at(&writer).is_some();
            if given_up && has_manifest(&**sink, writer).await? {
                continue;
            }
            for key in files {
                sink.delete(key).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn pause(&self, attempt: u32) {
        self.shared.ports.clock.sleep(Duration::from_millis(100 << attempt.min(6))).await;
    }
}

/// Gives back an execution whose attempt was dropped: it is queued again without counting the attempt,
/// and then what it stored is removed. A commit that was under way may have won: its set stays.
pub(in crate::engine) async fn release(shared: &Shared, fence: Fence) {
    let ports = &shared.ports;
    match ports.catalog.settle(fence, &Settlement::Released).await {
        Ok(queued) => discard(shared, queued.writer()).await,
        Err(error) if error.kind() == CatalogErrorKind::Fenced => {}
        Err(error) => {
            warn!(execution_id = %fence.id, "cannot give back the claim: {}", error.report());
        }
    }
}

/// Removes what a claim stored, once the catalog has said that nobody wants it.
async fn discard(shared: &Shared, writer: Writer) {
    let ports = &shared.ports;
    let removed = async {
        let files = ports.sink.list(&keys::claim(writer)).await?;
        for key in unwanted_of(ports, writer, &files).await? {
            ports.sink.delete(key).await?;
        }
        Ok::<(), ExaminationError>(())
    };
    if let Err(error) = removed.await {
        warn!("cannot remove the stored files; the sweep will: {}", EngineError::from(error).report());
    }
}
