//! From files to the bytes of parts, on the workers: compress, lay out, seal, digest.
//!
//! Files are compressed side by side; whoever has compressed one also lays out and seals all that are due, in
//! order, so that no file waits for a worker twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use sha2::{Digest, Sha256};

use super::store::internal;
use crate::domain::artifact::Sha256Digest;
use crate::domain::cut::CutFile;
use crate::domain::failure::{Failure, Step};
use crate::engine::calls::call_now;
use crate::ports::packager::{ArchiveWriter, Packager, Packed, PartEvent, PartIndex, PartOrdinal};
use crate::ports::sealer::{Sealer, Sealing};
use crate::ports::workers::{WorkLost, Workers, offload};

const PACKAGER: &str = "packager";
const SEALER: &str = "sealer";

/// What is to be done with the store.
pub(super) enum Move {
    Open(PartOrdinal),
    Write(Bytes),
    Close { bytes: u64, sha256: Sha256Digest },
}

/// Makes parts of files, in the order in which they are given.
pub(super) struct Press {
    workers: Arc<dyn Workers>,
    packager: Arc<dyn Packager>,
    line: Arc<Mutex<Line>>,
    given: u64,
    /// How many more files may be given at the moment.
    room: usize,
    /// One for each file that is compressed: its contents, unless they are to be stored as they are.
    used: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
    used_sender: mpsc::UnboundedSender<Option<Vec<u8>>>,
}

impl Press {
    pub(super) fn new(
        workers: Arc<dyn Workers>,
        packager: Arc<dyn Packager>,
        writer: Box<dyn ArchiveWriter>,
        sealer: Option<Arc<dyn Sealer>>,
    ) -> Self {
        let envelope = Envelope { sealer, sealing: None, hasher: Sha256::new(), bytes: 0 };
        let desk = Some(Desk { writer, envelope });
        let line = Arc::new(Mutex::new(Line { desk, next: 0, waiting: BTreeMap::new() }));
        let (used_sender, used) = mpsc::unbounded();
        // One for each worker, and one that none has to wait for.
        let room = workers.parallelism().saturating_add(1).get();
        Self { workers, packager, line, given: 0, room, used, used_sender }
    }

    /// Waits until a worker is free or soon will be. Calls `give_back` with contents that are compressed by now.
    pub(super) async fn room(&mut self, mut give_back: impl FnMut(Vec<u8>)) {
        while let Some(used) = match self.room {
            // This one's own sender keeps it from ending.
            0 => self.used.next().await,
            _ => self.used.try_recv().ok(),
        } {
            self.room += 1;
            used.into_iter().for_each(&mut give_back);
        }
    }

    /// Takes one file, for which there should be [`room`](Self::room); gives what is to be done with the store once
    /// it is compressed and those before it have been laid out. Starts at once.
    pub(super) fn push(
        &mut self,
        file: CutFile,
    ) -> impl Future<Output = Result<Vec<Move>, Failure>> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let (packager, line, number) = (Arc::clone(&self.packager), Arc::clone(&self.line), self.given);
        let used = self.used_sender.clone();
        self.given += 1;
        self.room = self.room.saturating_sub(1);
        self.workers.submit(Box::new(move || {
            let contents = Bytes::from(file.contents);
            let packed = call_now(Step::Pack, PACKAGER, || packager.pack(&file.path, &contents));
            let packed = packed.and_then(|packed| packed.map_err(|e| Failure::of(Step::Pack, &e)));
            // Fails when nobody reads on.
            let _unwanted = used.unbounded_send(contents.try_into_mut().ok().map(emptied));
            locked(&line).waiting.insert(number, (packed, sender));
            lay_out(&line);
        }));
        async move { receiver.await.map_err(|oneshot::Canceled| WorkLost)? }
    }

    /// The directory and the end of the last part. Every file must have been laid out.
    pub(super) async fn finish(self) -> Result<(PartIndex, Vec<Move>), Failure> {
        let desk = locked(&self.line).desk.take();
        let desk = desk.ok_or_else(|| internal("the archive was used after it failed"))?;
        offload(&*self.workers, move || desk.finish()).await?
    }
}

/// The memory of contents: with them it would be copied onto itself.
fn emptied(mut contents: BytesMut) -> Vec<u8> {
    contents.clear();
    Vec::from(contents)
}

/// Compressed files that wait for their turn.
struct Line {
    /// `None` while a worker is at it.
    desk: Option<Desk>,
    /// The number of the file that is due.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

type Waiting = (Result<Packed, Failure>, oneshot::Sender<Result<Vec<Move>, Failure>>);

/// Nothing that can panic is done under the lock.
fn locked(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lays out what is due, unless somebody is at it: who is looks again after each file.
fn lay_out(line: &Mutex<Line>) {
    loop {
        let (mut desk, (packed, sender)) = {
            let mut line = locked(line);
            let next = line.next;
            if line.desk.is_none() || !line.waiting.contains_key(&next) {
                return;
            }
            line.next += 1;
            let (Some(desk), Some(waiting)) = (line.desk.take(), line.waiting.remove(&next)) else { return };
            (desk, waiting)
        };
        let moves = packed.and_then(|file| desk.push(file));
        locked(line).desk = Some(desk);
        // The execution may have been cancelled: the moves are then not wanted.
        let _unwanted = sender.send(moves);
    }
}

/// What only one worker at a time can do.
struct Desk {
    writer: Box<dyn ArchiveWriter>,
    envelope: Envelope,
}

impl Desk {
    fn push(&mut self, file: Packed) -> Result<Vec<Move>, Failure> {
        let mut events = Vec::new();
        let pushed = call_now(Step::Pack, PACKAGER, || self.writer.push(file, &mut events))?;
        pushed.map_err(|error| Failure::of(Step::Pack, &error))?;
        self.envelope.seal(events)
    }

    fn finish(mut self) -> Result<(PartIndex, Vec<Move>), Failure> {
        let mut events = Vec::new();
        let index = call_now(Step::Pack, PACKAGER, || self.writer.finish(&mut events))?;
        let index = index.map_err(|error| Failure::of(Step::Pack, &error))?;
        Ok((index, self.envelope.seal(events)?))
    }
}

/// Buffers of one size leave no holes in the memory of the process; half of the cache of a core.
const SEALED_AT_ONCE_BYTES: usize = 256 << 10;

/// Seals and digests the open part.
struct Envelope {
    sealer: Option<Arc<dyn Sealer>>,
    sealing: Option<Box<dyn Sealing>>,
    hasher: Sha256,
    bytes: u64,
}

impl Envelope {
    fn seal(&mut self, events: Vec<PartEvent>) -> Result<Vec<Move>, Failure> {
        let mut moves = Vec::with_capacity(events.len());
        for event in events {
            match event {
                PartEvent::Opened(ordinal) => {
                    moves.push(Move::Open(ordinal));
                    (self.hasher, self.bytes) = (Sha256::new(), 0);
                    if let Some(sealer) = &self.sealer {
                        let mut out = BytesMut::new();
                        let sealing = call_now(Step::Seal, SEALER, || sealer.begin(&mut out))?;
                        self.sealing = Some(sealing.map_err(|e| Failure::of(Step::Seal, &e))?);
                        self.emit(out.freeze(), &mut moves);
                    }
                }
                PartEvent::Data(plain) => self.seal_data(plain, &mut moves)?,
                PartEvent::Closed(_) => {
                    if let Some(sealing) = self.sealing.take() {
                        let mut out = BytesMut::new();
                        let finished = call_now(Step::Seal, SEALER, || sealing.finish(&mut out))?;
                        finished.map_err(|e| Failure::of(Step::Seal, &e))?;
                        self.emit(out.freeze(), &mut moves);
                    }
                    let sha256 = Sha256Digest(self.hasher.finalize_reset().into());
                    moves.push(Move::Close { bytes: self.bytes, sha256 });
                }
            }
        }
        Ok(moves)
    }

    fn seal_data(&mut self, plain: Bytes, moves: &mut Vec<Move>) -> Result<(), Failure> {
        let Some(mut sealing) = self.sealing.take() else {
            self.emit(plain, moves);
            return Ok(());
        };
        for piece in plain.chunks(SEALED_AT_ONCE_BYTES) {
            let mut out = BytesMut::with_capacity(SEALED_AT_ONCE_BYTES + 1024);
            let sealed = call_now(Step::Seal, SEALER, || sealing.update(piece, &mut out))?;
            sealed.map_err(|e| Failure::of(Step::Seal, &e))?;
            self.emit(out.freeze(), moves);
        }
        self.sealing = Some(sealing);
        Ok(())
    }

    fn emit(&mut self, bytes: Bytes, moves: &mut Vec<Move>) {
        if !bytes.is_empty() {
            self.hasher.update(&bytes);
            self.bytes += bytes.len() as u64;
            moves.push(Move::Write(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::num::NonZeroUsize;
    use std::sync::Condvar;
    use std::thread;

    use futures::FutureExt;
    use futures::executor::block_on;

    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::ports::packager::{PackagerError, Plan};
    use crate::testing::PlainPackager;

    #[derive(Debug)]
    struct Threads;

    impl Workers for Threads {
        fn parallelism(&self) -> NonZeroUsize {
            NonZeroUsize::MAX
        }

        fn submit(&self, work: Box<dyn FnOnce() + Send>) {
            thread::spawn(work);
        }
    }

    /// Compresses the file of each path only after those of the paths behind it.
    #[derive(Debug, Default)]
    struct Backwards {
        packed: Mutex<Vec<String>>,
        changed: Condvar,
    }

    impl Packager for Backwards {
        fn compressor(&self) -> &str {
            "none"
        }

        fn pack(&self, path: &str, contents: &Bytes) -> Result<Packed, PackagerError> {
            assert_ne!(path, "panic", "planned");
            let before = contents.len();
            let packed = self.packed.lock().unwrap();
            let mut packed = self.changed.wait_while(packed, |packed| packed.len() < before).unwrap();
            packed.push(path.to_owned());
            self.changed.notify_all();
            PlainPackager.pack(path, contents)
        }

        fn begin(&self, plan: Plan) -> Result<Box<dyn ArchiveWriter>, PackagerError> {
            PlainPackager.begin(plan)
        }
    }

    fn press(packager: &Arc<Backwards>) -> Press {
        let plan = Plan { part_bytes_max: None, modified_at: Default::default() };
        let writer = packager.begin(plan).unwrap();
        Press::new(Arc::new(Threads), Arc::clone(packager) as Arc<dyn Packager>, writer, None)
    }

    /// A file that is compressed once `others` are.
    fn file(path: &str, others: usize) -> CutFile {
        CutFile { path: path.to_owned(), contents: vec![b'x'; others] }
    }

    fn written(moves: Vec<Move>) -> String {
        let bytes = |one| match one {
            Move::Write(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            // Only the file that was laid out first opens the part.
            Move::Open(_) => "open ".to_owned(),
            Move::Close { .. } => "close ".to_owned(),
        };
        moves.into_iter().map(bytes).collect()
    }

    #[test]
    fn a6_files_are_laid_out_as_they_were_given_whoever_is_ready_first() {
        let packager = Arc::new(Backwards::default());
        let mut press = press(&packager);
        let pushed: Vec<_> = [file("a", 2), file("b", 1), file("c", 0)].map(|file| press.push(file)).into();
        let written: Vec<String> =
            pushed.into_iter().map(|moves| written(block_on(moves).unwrap())).collect();
        assert_eq!(written, ["open 2 a\nxx", "1 b\nx", "0 c\n"]);
        assert_eq!(*packager.packed.lock().unwrap(), ["c", "b", "a"]);
        let (index, _) = block_on(press.finish()).unwrap();
        assert_eq!(index.entries, 3);
    }

    #[test]
    fn a_worker_that_panics_is_a_failure_and_no_hang() {
        let packager = Arc::new(Backwards::default());
        let mut press = press(&packager);
        let (lost, _behind_it) = (press.push(file("panic", 0)), press.push(file("b", 0)));
        assert_eq!(block_on(lost).map(written).unwrap_err().kind, FailureKind::Internal);
    }

    /// Works when it is told to.
    #[derive(Debug, Default)]
    struct Held(Mutex<VecDeque<HeldWork>>);

    struct HeldWork(Box<dyn FnOnce() + Send>);

    impl std::fmt::Debug for HeldWork {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("work")
        }
    }

    impl Workers for Held {
        fn parallelism(&self) -> NonZeroUsize {
            NonZeroUsize::MIN
        }

        fn submit(&self, work: Box<dyn FnOnce() + Send>) {
            self.0.lock().unwrap().push_back(HeldWork(work));
        }
    }

    /// Keeps nothing of the contents, as one that compresses them.
    #[derive(Debug)]
    struct Copying;

    impl Packager for Copying {
        fn compressor(&self) -> &str {
            "none"
        }

        fn pack(&self, path: &str, contents: &Bytes) -> Result<Packed, PackagerError> {
            PlainPackager.pack(path, &Bytes::copy_from_slice(contents))
        }

        fn begin(&self, plan: Plan) -> Result<Box<dyn ArchiveWriter>, PackagerError> {
            PlainPackager.begin(plan)
        }
    }

    #[test]
    fn there_is_room_for_one_file_more_than_workers_and_memory_comes_back() {
        let plan = Plan { part_bytes_max: None, modified_at: Default::default() };
        let (workers, packager) = (Arc::new(Held::default()), Arc::new(Copying));
        let writer = packager.begin(plan).unwrap();
        let mut press = Press::new(Arc::clone(&workers) as Arc<dyn Workers>, packager, writer, None);
        let mut given_back = Vec::new();
        for path in ["a", "b"] {
            assert_eq!(press.room(|contents| given_back.push(contents)).now_or_never(), Some(()));
            let _unwanted = press.push(file(path, 9));
        }
        assert_eq!(press.room(|contents| given_back.push(contents)).now_or_never(), None);
        let HeldWork(work) = workers.0.lock().unwrap().pop_front().unwrap();
        work();
        assert_eq!(press.room(|contents| given_back.push(contents)).now_or_never(), Some(()));
        let [contents] = &given_back[..] else { panic!("{} came back", given_back.len()) };
        assert!(contents.is_empty() && contents.capacity() == 9);
        assert_eq!(press.room, 1);
    }
}
