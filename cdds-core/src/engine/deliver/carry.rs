//! Carries the files of a set to a destination (rules N1, N6): each is whole before it has its final name, and the
//! manifest comes last.

mod mend;

use std::collections::BTreeSet;

use futures::StreamExt;

use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::delivery::destination::Naming;
use crate::domain::delivery::path::{RemotePath, temporary_epoch, temporary_name};
use crate::domain::delivery::plan::{DeliveryPlan, PlannedFile};
use crate::domain::delivery::{DeliveryProgress, Receipt};
use crate::domain::work::Nonce;
use crate::domain::work::row::WorkFailure;
use crate::ports::destination::{DestinationError, DestinationErrorKind};
use crate::ports::error::PortErrorKind;
use crate::ports::sink::{Sink, SinkError, SinkErrorKind};
use crate::remote::{Outgoing, Remote};

/// Asks whether the claim still holds, and stores what has arrived. A worker that was thawed after others took its work
/// over stops here: it asks before each step that creates, removes or renames anything.
#[async_trait::async_trait]
pub(super) trait Guard: Send {
    /// Returns `false` if the claim is lost.
    async fn holds(&mut self, progress: DeliveryProgress) -> Result<bool, WorkFailure>;

    /// Returns whether the claim is known to be lost, without asking.
    fn is_lost(&self) -> bool;
}

/// Why a delivery did not end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The destination could not be reached. The message names nothing but the destination.
    Unreached(WorkFailure),
    /// The attempt failed at one of the files.
    Failed(WorkFailure),
    /// The attempt failed before the destination had a part in it: the store does not give what was published.
    Unreadable(WorkFailure),
    /// Another worker has the delivery, or it was given up: nothing more may be done.
    Lost,
}

impl From<WorkFailure> for Broken {
    fn from(failure: WorkFailure) -> Self {
        Self::Failed(failure)
    }
}

/// One attempt at a delivery.
pub(super) struct Carrier<'a, G> {
    pub(super) remote: Remote,
    pub(super) sink: &'a dyn Sink,
    pub(super) guard: &'a mut G,
    pub(super) naming: Naming,
    pub(super) receipt: Receipt,
    /// The claim, for temporary names.
    pub(super) epoch: u64,
    pub(super) nonce: Nonce,
    /// What earlier attempts have confirmed, and this one so far.
    pub(super) progress: DeliveryProgress,
}

impl<G: Guard> Carrier<'_, G> {
    /// Carries the files that were not confirmed yet. Returns what has arrived, which is everything.
    pub(super) async fn carry(&mut self, plan: &DeliveryPlan) -> Result<DeliveryProgress, Broken> {
        let done = usize::try_from(self.progress.files).unwrap_or(usize::MAX).min(plan.files.len());
        let rest = &plan.files[done..];
        if !rest.is_empty() {
            self.tidy(plan, done).await?;
        }
        for (index, file) in (done..).zip(rest) {
            if index + 1 == plan.files.len() {
                self.mend(plan).await?;
            }
            self.one(file).await?;
            self.progress.files = self.progress.files.saturating_add(1);
            self.hold().await?;
        }
        Ok(self.progress)
    }

    /// Removes what would mislead: the manifest of a set whose files have yet to be written in place, and the
    /// temporary files of earlier attempts.
    async fn tidy(&mut self, plan: &DeliveryPlan, done: usize) -> Result<(), Broken> {
        if self.naming == Naming::Direct
            && let Some(manifest) = plan.files.last()
        {
            self.hold().await?;
            self.remote.remove(&manifest.path).await.map_err(|error| failed("removing", manifest, &error))?;
        }
        if self.naming != Naming::Rename || self.epoch <= 1 {
            return Ok(());
        }
        let folders: BTreeSet<RemotePath> =
            plan.files[done..].iter().map(|file| file.path.folder()).collect();
        for folder in folders {
            // What cannot be listed stays, and is no more than a file that bears another name.
            let Ok(Some(names)) = self.remote.list(&folder).await else { continue };
            let is_left = |name: &&String| {
                let epoch = plan.files.iter().find_map(|file| temporary_epoch(name, file.path.name()));
                epoch.is_some_and(|epoch| epoch < self.epoch)
            };
            let left: Vec<RemotePath> = names.iter().filter(is_left).map(|name| folder.join(name)).collect();
            for path in left {
                self.hold().await?;
                let _ = self.remote.remove(&path).await;
            }
        }
        Ok(())
    }

    async fn one(&mut self, file: &PlannedFile) -> Result<(), Broken> {
        match self.naming {
            Naming::Direct => self.written_in_place(file).await,
            Naming::Whole => {
                if self.is_there(file).await? {
                    return Ok(());
                }
                self.written_in_place(file).await
            }
            Naming::Rename => self.renamed(file).await,
        }
    }

    /// Writes under a temporary name, checks, and renames.
    async fn renamed(&mut self, file: &PlannedFile) -> Result<(), Broken> {
        // The reply to an earlier rename may have been lost.
        if self.is_there(file).await? {
            return Ok(());
        }
        let name = temporary_name(file.path.name(), self.epoch, self.nonce);
        let temporary = file.path.folder().join(&name);
        // If the claim is lost in here, nothing is left of it.
        self.written(file, &temporary).await?;
        let renamed = self.checked_and_renamed(file, &temporary).await;
        if renamed == Err(Broken::Lost) {
            // Nobody else removes it: whoever has the claim now may have looked before it was written.
            let _ = self.remote.remove(&temporary).await;
        }
        renamed
    }

    async fn checked_and_renamed(
        &mut self,
        file: &PlannedFile,
        temporary: &RemotePath,
    ) -> Result<(), Broken> {
        self.checked(file, temporary).await?;
        match self.found(file).await? {
            None => {}
            Some(true) => {
                // Another claim has finished it while this worker stood still: what it has confirmed must stay.
                let _ = self.remote.remove(temporary).await;
                return Ok(());
            }
            // Some servers refuse to overwrite.
            Some(false) => {
                self.hold().await?;
                self.remote.remove(&file.path).await.map_err(|error| failed("replacing", file, &error))?;
            }
        }
        self.hold().await?;
        if let Err(error) = self.remote.rename(temporary, &file.path).await {
            let arrived = error.kind() != DestinationErrorKind::CannotRename
                && matches!(self.remote.size(&file.path).await, Ok(Some(bytes)) if bytes == file.bytes);
            if !arrived {
                return Err(failed("renaming", file, &error).into());
            }
        }
        self.sized(file, &file.path).await
    }

    /// Writes under the final name.
    async fn written_in_place(&mut self, file: &PlannedFile) -> Result<(), Broken> {
        self.written(file, &file.path).await?;
        self.checked(file, &file.path).await
    }

    /// Returns whether the whole file is there under its final name, so that it need not be sent.
    async fn is_there(&mut self, file: &PlannedFile) -> Result<bool, Broken> {
        let is_whole = self.found(file).await? == Some(true);
        if is_whole {
            self.progress.bytes = self.progress.bytes.saturating_add(file.bytes);
        }
        Ok(is_whole)
    }

    /// Returns whether what is there under the final name is whole; `None` if nothing is.
    async fn found(&mut self, file: &PlannedFile) -> Result<Option<bool>, Broken> {
        let asked = self.remote.size(&file.path).await;
        let Some(bytes) = asked.map_err(|error| failed("looking for", file, &error))? else {
            return Ok(None);
        };
        let is_whole = bytes == file.bytes
            && match self.receipt {
                Receipt::Size => true,
                Receipt::Digest => self.read_back(file, &file.path).await? == (file.bytes, file.sha256),
            };
        Ok(Some(is_whole))
    }

    /// Copies a file from the store. Nothing becomes final if what the store gives is not what was published.
    async fn written(&mut self, file: &PlannedFile, path: &RemotePath) -> Result<(), Broken> {
        let mut chunks =
            self.sink.read(&file.key, 0).await.map_err(|error| Broken::Unreadable(unread(file, &error)))?;
        // Nothing comes between this question and the call: without renames, creating cuts what is there.
        self.hold().await?;
        let created = self.remote.create(path).await;
        let mut outgoing = created.map_err(|error| failed("writing", file, &error))?;
        let before = self.progress.bytes;
        let copied = loop {
            let chunk = match chunks.next().await {
                None => break Ok(()),
                Some(Err(error)) => break Err(Broken::Unreadable(unread(file, &error))),
                // What is written in place goes on: should it have cut a file of another claim, it mends that file,
                // since both write the same bytes.
                Some(Ok(_)) if self.naming != Naming::Direct && self.guard.is_lost() => {
                    break Err(Broken::Lost);
                }
                Some(Ok(chunk)) => chunk,
            };
            let count = chunk.len() as u64;
            if let Err(error) = outgoing.write(chunk).await {
                break Err(failed("writing", file, &error).into());
            }
            self.progress.bytes = self.progress.bytes.saturating_add(count);
        };
        let copied = copied.and_then(|()| is_published(file, &outgoing));
        if let Err(broken) = copied {
            self.progress.bytes = before;
            // In place, what is there may be another claim's by now.
            if self.naming == Naming::Direct {
                self.hold().await?;
            }
            outgoing.abort().await;
            return Err(broken);
        }
        if self.naming == Naming::Whole
            && let Err(broken) = self.hold().await
        {
            // Finishing would make it final.
            outgoing.abort().await;
            return Err(broken);
        }
        let stored = outgoing.finish().await;
        let stored = stored.map_err(|error| failed("finishing", file, &error));
        match stored {
            Ok(stored) if stored.bytes == file.bytes => Ok(()),
            Ok(stored) => {
                self.progress.bytes = before;
                self.discard(file, path).await?;
                Err(differs(file, stored.bytes).into())
            }
            Err(failure) => {
                self.progress.bytes = before;
                Err(failure.into())
            }
        }
    }

    /// Checks what has arrived, by the receipt that the job asks for (rule N6). What is not whole is removed.
    async fn checked(&mut self, file: &PlannedFile, path: &RemotePath) -> Result<(), Broken> {
        self.sized(file, path).await?;
        if self.receipt == Receipt::Digest && self.read_back(file, path).await? != (file.bytes, file.sha256) {
            self.discard(file, path).await?;
            let told = format!("{} was read back from the destination with another digest", file.path);
            return Err(WorkFailure::new(DestinationErrorKind::Corrupt.into(), told, true).into());
        }
        Ok(())
    }

    async fn sized(&mut self, file: &PlannedFile, path: &RemotePath) -> Result<(), Broken> {
        match self.remote.size(path).await.map_err(|error| failed("checking", file, &error))? {
            Some(bytes) if bytes == file.bytes => Ok(()),
            Some(bytes) => {
                self.discard(file, path).await?;
                Err(differs(file, bytes).into())
            }
            None => Err(WorkFailure::new(
                DestinationErrorKind::NotFound.into(),
                format!("{} was sent, but the destination does not have it", file.path),
                true,
            )
            .into()),
        }
    }

    async fn read_back(
        &mut self,
        file: &PlannedFile,
        path: &RemotePath,
    ) -> Result<(u64, Sha256Digest), WorkFailure> {
        self.remote.digest(path).await.map_err(|error| failed("reading back", file, &error))
    }

    /// Removes what is not whole. Under a final name it may be another claim's by now, so this one must still hold.
    async fn discard(&mut self, file: &PlannedFile, path: &RemotePath) -> Result<(), Broken> {
        if *path == file.path {
            self.hold().await?;
        }
        let _ = self.remote.remove(path).await;
        Ok(())
    }

    async fn hold(&mut self) -> Result<(), Broken> {
        if self.guard.holds(self.progress).await? { Ok(()) } else { Err(Broken::Lost) }
    }
}

/// Compares what was copied with what was published.
fn is_published(file: &PlannedFile, outgoing: &Outgoing) -> Result<(), Broken> {
    if outgoing.written() == (file.bytes, file.sha256) {
        return Ok(());
    }
    let told = format!("the store's {} is not what was published: look at the store", file.path.name());
    // The store does not mend itself, and the next attempt would send the same.
    Err(Broken::Unreadable(WorkFailure::new(SinkErrorKind::Corrupt.into(), told, false)))
}

fn differs(file: &PlannedFile, bytes: u64) -> WorkFailure {
    let told = format!("{} arrived with {bytes} bytes instead of {}", file.path, file.bytes);
    WorkFailure::new(DestinationErrorKind::Corrupt.into(), told, true)
}

pub(super) fn failed(doing: &str, file: &PlannedFile, error: &DestinationError) -> WorkFailure {
    let told = format!("{doing} {} failed: {}", file.path, error.report());
    WorkFailure::new(error.kind().into(), told, error.is_retryable())
}

fn unread(file: &PlannedFile, error: &SinkError) -> WorkFailure {
    let told = format!("{} could not be read from the store: {}", file.path.name(), error.report());
    // A file that is gone does not come back; the delivery of a removed set is given up elsewhere.
    let retryable = error.kind().is_retryable();
    WorkFailure::new(error.kind().into(), told, retryable)
}

#[cfg(test)]
mod tests;
