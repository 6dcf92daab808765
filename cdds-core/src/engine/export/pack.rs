//! From files to the bytes of parts, on the workers: compress, lay out, seal, digest.
//!
//! **Order.** Files are numbered as they are pushed, and compressed in parallel. A worker that has compressed
//! a file puts it into the [`ReorderBuffer`] and then lays out every file that is due, in the order of the
//! numbers. Meanwhile the [`PartAssembler`] is out of the buffer, so other workers leave their files there
//! and go on. Thus no file waits for a worker twice, no worker waits for another, and the bytes of the parts
//! depend on the files alone (rule A6).
//!
//! **Back-pressure.** A permit represents a file that no worker has compressed yet. There is one for each
//! worker, plus one so that no worker waits for the next file. The worker that compresses a file returns its
//! permit, together with the emptied buffer of its contents, which the next file reuses. Compressed files
//! wait for the store in a channel that [`transfer`](super::transfer::transfer) bounds.

mod seal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};

use self::seal::PartSealer;
use super::attempt::Export;
use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::archive::cut::CutFile;
use crate::domain::archive::split_size::{SplitSize, largest_sealable};
use crate::domain::execution::failure::{Failure, Step};
use crate::engine::calls::call_now;
use crate::ports::packager::{ArchiveWriter, Packager, Packed, PartIndex, PartOrdinal, Plan};
use crate::ports::sealer::Sealer;
use crate::ports::workers::{WorkLost, Workers, offload};

const PACKAGER: &str = "packager";
const SEALER: &str = "sealer";

/// A command for the store.
pub(super) enum StoreCommand {
    Open(PartOrdinal),
    Write(Bytes),
    Close { bytes: u64, sha256: Sha256Digest },
}

/// Makes parts of files, in the order in which the files are pushed.
pub(super) struct PackPipeline {
    workers: Arc<dyn Workers>,
    packager: Arc<dyn Packager>,
    buffer: Arc<Mutex<ReorderBuffer>>,
    pushed: u64,
    /// How many more files may be pushed at the moment.
    permits: usize,
    /// One message for each compressed file: the buffer of its contents, or `None` if they are stored as they
    /// are and therefore still in use.
    recycled: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
    recycle: mpsc::UnboundedSender<Option<Vec<u8>>>,
}

impl PackPipeline {
    /// Begins the archive of an export, in parts that `sealer` can seal.
    pub(super) fn begin(export: &Export, sealer: Option<Arc<dyn Sealer>>) -> Result<Self, Failure> {
        let (ports, execution) = (&export.shared.ports, &export.execution);
        let split = execution.settings.split_size;
        let plan = Plan {
            part_bytes_max: call_now(Step::Seal, SEALER, || part_bytes_max(split, sealer.as_deref()))?,
            // Not the present: the same records give the same bytes (rule A6).
            modified_at: execution.window.end(),
        };
        let writer = call_now(Step::Pack, PACKAGER, || ports.packager.begin(plan))?;
        let writer = writer.map_err(|error| Failure::of(Step::Pack, &error))?;
        Ok(Self::new(Arc::clone(&ports.workers), Arc::clone(&ports.packager), writer, sealer))
    }

    fn new(
        workers: Arc<dyn Workers>,
        packager: Arc<dyn Packager>,
        writer: Box<dyn ArchiveWriter>,
        sealer: Option<Arc<dyn Sealer>>,
    ) -> Self {
        let assembler = Some(PartAssembler { writer, sealer: PartSealer::new(sealer) });
        let buffer = Arc::new(Mutex::new(ReorderBuffer { assembler, next: 0, waiting: BTreeMap::new() }));
        let (recycle, recycled) = mpsc::unbounded();
        // One for each worker, plus one so that no worker waits for the next file.
        let permits = workers.parallelism().saturating_add(1).get();
        Self { workers, packager, buffer, pushed: 0, permits, recycled, recycle }
    }

    /// Returns how many files are compressed in parallel.
    pub(super) fn parallelism(&self) -> NonZeroUsize {
        self.workers.parallelism()
    }

    /// Waits until a worker is free or soon will be. Calls `give_back` with the buffers of files compressed
    /// by now.
    pub(super) async fn permit(&mut self, mut give_back: impl FnMut(Vec<u8>)) {
        while let Some(recycled) = match self.permits {
            // This cannot end, since the pipeline holds a sender itself.
            0 => self.recycled.next().await,
            // Take what has come back even if nobody has to wait, so that the next file finds a buffer to
            // reuse.
            _ => self.recycled.try_recv().ok(),
        } {
            self.permits += 1;
            recycled.into_iter().for_each(&mut give_back);
        }
    }

    /// Takes one file, for which the caller should have a [`permit`](Self::permit), and starts at once. The
    /// future returns the commands for the store once the file is compressed and every earlier file has been
    /// laid out.
    pub(super) fn push(
        &mut self,
        file: CutFile,
    ) -> impl Future<Output = Result<Vec<StoreCommand>, Failure>> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let (packager, buffer, number) = (Arc::clone(&self.packager), Arc::clone(&self.buffer), self.pushed);
        let recycled = self.recycle.clone();
        self.pushed += 1;
        self.permits = self.permits.saturating_sub(1);
        self.workers.submit(Box::new(move || {
            let contents = Bytes::from(file.contents);
            let packed = call_now(Step::Pack, PACKAGER, || packager.pack(&file.path, &contents));
            let packed = packed.and_then(|packed| packed.map_err(|e| Failure::of(Step::Pack, &e)));
            // Fails if nobody reads any further: then nobody needs the buffer.
            let _unwanted = recycled.unbounded_send(contents.try_into_mut().ok().map(recovered));
            // A failure takes its turn too. Otherwise which one is reported would depend on the threads.
            locked(&buffer).waiting.insert(number, (packed, sender));
            lay_out(&buffer);
        }));
        async move { receiver.await.map_err(|oneshot::Canceled| WorkLost)? }
    }

    /// Writes the directory and ends the last part. Every file must have been laid out.
    pub(super) async fn finish(self) -> Result<(PartIndex, Vec<StoreCommand>), Failure> {
        let assembler = locked(&self.buffer).assembler.take();
        let assembler =
            assembler.ok_or_else(|| Failure::internal(Step::Pack, "the archive was used after it failed"))?;
        offload(&*self.workers, move || assembler.finish()).await?
    }
}

/// Rule A4: limits parts to the split size, and sealed parts also to the size that recipients can decrypt.
fn part_bytes_max(split: Option<SplitSize>, sealer: Option<&dyn Sealer>) -> Option<u64> {
    let split = split.map(SplitSize::bytes);
    match sealer {
        None => split,
        Some(sealer) => {
            let largest = largest_sealable(|plain| sealer.sealed_bytes(plain));
            Some(split.map_or(largest, |split| split.min(largest)))
        }
    }
}

/// Recovers the buffer. Clear it first, or the conversion copies the contents.
fn recovered(mut contents: BytesMut) -> Vec<u8> {
    contents.clear();
    Vec::from(contents)
}

/// Compressed files that wait for their turn.
struct ReorderBuffer {
    /// `None` while a worker lays out files.
    assembler: Option<PartAssembler>,
    /// The number of the next file to lay out.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

type Waiting = (Result<Packed, Failure>, oneshot::Sender<Result<Vec<StoreCommand>, Failure>>);

/// Locks the buffer. Nothing that can panic runs under the lock, so poisoning can be ignored.
fn locked(buffer: &Mutex<ReorderBuffer>) -> MutexGuard<'_, ReorderBuffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lays out every file that is due, unless another worker is doing so. That worker looks again after each
/// file that it has laid out, so a file left in the buffer meanwhile is not forgotten. Layout itself runs
/// outside the lock.
fn lay_out(buffer: &Mutex<ReorderBuffer>) {
    loop {
        let (mut assembler, (packed, sender)) = {
            let mut buffer = locked(buffer);
            let next = buffer.next;
            if buffer.assembler.is_none() || !buffer.waiting.contains_key(&next) {
                return;
            }
            buffer.next += 1;
            // Always both, as was just checked under the same lock.
            let (Some(assembler), Some(waiting)) = (buffer.assembler.take(), buffer.waiting.remove(&next))
            else {
                return;
            };
            (assembler, waiting)
        };
        let commands = packed.and_then(|file| assembler.push(file));
        locked(buffer).assembler = Some(assembler);
        // The execution may have been cancelled: nobody wants the commands then.
        let _unwanted = sender.send(commands);
    }
}

/// The state that only one worker at a time may use.
struct PartAssembler {
    writer: Box<dyn ArchiveWriter>,
    sealer: PartSealer,
}

impl PartAssembler {
    fn push(&mut self, file: Packed) -> Result<Vec<StoreCommand>, Failure> {
        let mut events = Vec::new();
        let pushed = call_now(Step::Pack, PACKAGER, || self.writer.push(file, &mut events))?;
        pushed.map_err(|error| Failure::of(Step::Pack, &error))?;
        self.sealer.seal(events)
    }

    fn finish(mut self) -> Result<(PartIndex, Vec<StoreCommand>), Failure> {
        let mut events = Vec::new();
        let index = call_now(Step::Pack, PACKAGER, || self.writer.finish(&mut events))?;
        let index = index.map_err(|error| Failure::of(Step::Pack, &error))?;
        Ok((index, self.sealer.seal(events)?))
    }
}
