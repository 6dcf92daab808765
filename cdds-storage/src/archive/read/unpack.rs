//! Reads entries in order and unpacks them on several threads.

use std::io::Read;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use super::parts::Parts;
use super::stream::whole::{PackedEntry, Unpacker};
use super::stream::{ArchiveStream, Entry};
use crate::archive::error::ArchiveError;

/// One reader cannot keep more threads busy; it also bounds the memory.
const THREADS_MOST: usize = 8;

/// Calls `admit` for each entry in archive order, and then, on any thread and in any order, `store` with the
/// result of `admit`, the entry's path and its contents. Size and CRC are checked when `store` reads the
/// contents to their end.
///
/// The first error ends the work; `Ok` means that the whole archive was read and is valid.
pub(in crate::archive) fn unpack<T: Send>(
    parts: &Parts<'_>,
    admit: impl FnMut(&Entry<'_, '_>) -> Result<T, ArchiveError>,
    store: impl Fn(T, &str, &mut dyn Read) -> Result<(), ArchiveError> + Sync,
) -> Result<(), ArchiveError> {
    let stream = ArchiveStream::open(parts)?;
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(THREADS_MOST);
    let (sender, receiver) = mpsc::sync_channel(threads);
    // Owned by the threads alone, so that sending cannot block for ever if all of them panic.
    let receiver = Arc::new(Mutex::new(receiver));
    let failure = OnceLock::new();
    let read = thread::scope(|scope| {
        let spawn = |_| {
            let receiver = Arc::clone(&receiver);
            let (failure, store) = (&failure, &store);
            scope.spawn(move || work(&receiver, failure, store))
        };
        let workers: Vec<_> = (0..threads).map(spawn).collect();
        drop(receiver);
        let read = hand_out(stream, &sender, &failure, admit, &store);
        drop(sender);
        // The scope alone waits for the work, but not until the threads are gone.
        for worker in workers {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        read
    });
    // A thread's error concerns an earlier entry than the reader's.
    failure.into_inner().map_or(read, Err)
}

/// Reads to the end or to the first failure. Small entries are handed to the threads.
fn hand_out<T>(
    mut stream: ArchiveStream<'_>,
    sender: &SyncSender<(T, PackedEntry)>,
    failure: &OnceLock<ArchiveError>,
    mut admit: impl FnMut(&Entry<'_, '_>) -> Result<T, ArchiveError>,
    store: &impl Fn(T, &str, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    while let Some(mut entry) = stream.next_entry()? {
        let place = admit(&entry)?;
        if entry.is_small() {
            let packed = entry.take_packed()?;
            // The threads receive until the sender is gone; a send can fail only if all of them panicked.
            let _taken = sender.send((place, packed));
        } else {
            let path = entry.path().to_owned();
            store(place, &path, &mut entry)?;
        }
        if failure.get().is_some() {
            break;
        }
    }
    Ok(())
}

/// Unpacks entries until the channel closes; after a failure it only receives and drops them, so that the
/// sender never blocks.
fn work<T>(
    receiver: &Mutex<Receiver<(T, PackedEntry)>>,
    failure: &OnceLock<ArchiveError>,
    store: &(impl Fn(T, &str, &mut dyn Read) -> Result<(), ArchiveError> + Sync),
) {
    let mut unpacker = Unpacker::default();
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, entry)) = next else { return };
        if failure.get().is_some() {
            continue;
        }
        let stored =
            unpacker.unpack(&entry).and_then(|mut contents| store(place, &entry.path, &mut contents));
        if let Err(error) = stored {
            // Another thread may have failed first; one error is enough.
            let _first = failure.set(error);
        }
    }
}
