use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Condvar;
use std::thread;

use futures::FutureExt;
use futures::executor::block_on;

use super::*;
use crate::domain::execution::failure::FailureKind;
use crate::ports::packager::PackagerError;
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

/// Compresses the file of each path only after those pushed behind it.
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

fn pipeline(packager: &Arc<Backwards>) -> PackPipeline {
    let plan = Plan { part_bytes_max: None, modified_at: Default::default() };
    let writer = packager.begin(plan).unwrap();
    PackPipeline::new(Arc::new(Threads), Arc::clone(packager) as Arc<dyn Packager>, writer, None)
}

/// A file that is compressed once `others` other files are.
fn file(path: &str, others: usize) -> CutFile {
    CutFile { path: path.to_owned(), contents: vec![b'x'; others] }
}

fn written(commands: Vec<StoreCommand>) -> String {
    let bytes = |one| match one {
        StoreCommand::Write(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        // Only the file that is laid out first opens the part.
        StoreCommand::Open(_) => "open ".to_owned(),
        StoreCommand::Close { .. } => "close ".to_owned(),
    };
    commands.into_iter().map(bytes).collect()
}

#[test]
fn a6_files_are_laid_out_as_they_were_given_whoever_is_ready_first() {
    let packager = Arc::new(Backwards::default());
    let mut pipeline = pipeline(&packager);
    let pushed: Vec<_> = [file("a", 2), file("b", 1), file("c", 0)].map(|file| pipeline.push(file)).into();
    let written: Vec<String> =
        pushed.into_iter().map(|commands| written(block_on(commands).unwrap())).collect();
    assert_eq!(written, ["open 2 a\nxx", "1 b\nx", "0 c\n"]);
    assert_eq!(*packager.packed.lock().unwrap(), ["c", "b", "a"]);
    let (index, _) = block_on(pipeline.finish()).unwrap();
    assert_eq!(index.entries, 3);
}

#[test]
fn a_worker_that_panics_is_a_failure_and_no_hang() {
    let packager = Arc::new(Backwards::default());
    let mut pipeline = pipeline(&packager);
    let (lost, _behind_it) = (pipeline.push(file("panic", 0)), pipeline.push(file("b", 0)));
    assert_eq!(block_on(lost).map(written).unwrap_err().kind, FailureKind::Internal);
}

/// Runs submitted work only on request.
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

/// Keeps no reference to the contents, like a packager that compresses them.
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
    let mut pipeline = PackPipeline::new(Arc::clone(&workers) as Arc<dyn Workers>, packager, writer, None);
    let mut given_back = Vec::new();
    for path in ["a", "b"] {
        assert_eq!(pipeline.permit(|contents| given_back.push(contents)).now_or_never(), Some(()));
        let _unwanted = pipeline.push(file(path, 9));
    }
    assert_eq!(pipeline.permit(|contents| given_back.push(contents)).now_or_never(), None);
    let HeldWork(work) = workers.0.lock().unwrap().pop_front().unwrap();
    work();
    assert_eq!(pipeline.permit(|contents| given_back.push(contents)).now_or_never(), Some(()));
    let [contents] = &given_back[..] else { panic!("{} came back", given_back.len()) };
    assert!(contents.is_empty() && contents.capacity() == 9);
    assert_eq!(pipeline.permits, 1);
}
