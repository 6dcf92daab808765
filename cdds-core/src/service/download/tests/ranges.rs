//! Ranges of a file that was read whole before (rule A12).

use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::ports::sink::{ObjectVersion, RangeRead};
use crate::testing::{ManualClock, MemorySink};

const FILE: &[u8] = b"abcdefghij";
const ALL: u64 = 10;
const KEY: &str = "e/1/000001";

/// A store that counts the bytes that are asked of it.
#[derive(Debug, Default)]
struct Counting {
    inner: MemorySink,
    /// What somebody does to the store when it is asked for a range that ends, once.
    before_range: Mutex<Option<&'static [u8]>>,
    has_no_versions: bool,
    asked: Mutex<u64>,
}

#[async_trait]
impl Sink for Counting {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        self.inner.begin(key).await
    }
    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.inner.read(key, from).await
    }
    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        let swapped = self.before_range.lock().unwrap().take_if(|_| !range.is_empty());
        if let Some(bytes) = swapped {
            write(&self.inner, bytes).await;
        }
        let size = self.inner.object(key).map_or(0, |object| object.len() as u64);
        *self.asked.lock().unwrap() += range.end.min(size) - range.start.min(size);
        let read = self.inner.read_range(key, range).await?;
        Ok(if self.has_no_versions { RangeRead { version: None, ..read } } else { read })
    }
    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.inner.delete(key).await
    }
    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.inner.list(prefix).await
    }
}

async fn write(sink: &dyn Sink, bytes: &'static [u8]) {
    let mut upload = sink.begin(&Key::new(KEY)).await.unwrap();
    upload.write(Bytes::from_static(bytes)).await.unwrap();
    upload.finish().await.unwrap();
}

fn put(sink: &dyn Sink, bytes: &'static [u8]) {
    block_on(write(sink, bytes));
}

fn published() -> Published {
    Published {
        name: "export.zip".to_owned(),
        key: Key::new(KEY),
        bytes: ALL,
        sha256: Sha256Digest(Sha256::digest(FILE).into()),
    }
}

/// A published file in such a store, and what is known of it.
struct World {
    sink: Arc<Counting>,
    clock: Arc<ManualClock>,
    ports: Ports,
    verified: Arc<Verified>,
}

impl World {
    fn new(sink: Counting) -> Self {
        let memory = MemoryPorts::new(DateTime::UNIX_EPOCH, Sources::new());
        let sink = Arc::new(sink);
        put(&*sink, FILE);
        let ports = memory.ports.clone().with_sink(Arc::clone(&sink) as Arc<dyn Sink>);
        Self { sink, clock: memory.clock, ports, verified: Arc::default() }
    }

    /// Downloads a range; returns it, and how many bytes were asked of the store.
    fn get(&self, range: Range<u64>) -> (Result<Vec<u8>, ServiceError>, u64) {
        *self.sink.asked.lock().unwrap() = 0;
        let by = administrator(&Owner::default());
        let id = AuditId(self.ports.ids.next());
        let entry = AuditRecord::new(id, DateTime::UNIX_EPOCH, &by, Action::Download)
            .with_object(Object::Artifact(ArtifactId(Uuid::from_u128(2))));
        let got = block_on(async {
            let download = Download::begin(&self.ports, &self.verified, entry, published(), 0).await?;
            download.within(range).collect().await
        });
        (got, *self.sink.asked.lock().unwrap())
    }

    /// Downloads a range, which must be right, and compares how many bytes were asked of the store.
    fn gets(&self, range: Range<u64>, asked: u64) {
        let (got, of_store) = self.get(range.clone());
        let expected = &FILE[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert_eq!((got.unwrap().as_slice(), of_store), (expected, asked), "{range:?}");
    }
}

fn kind(got: &Result<Vec<u8>, ServiceError>) -> SinkErrorKind {
    match got {
        Err(ServiceError::Sink(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a12_a_range_of_a_file_that_was_right_is_read_alone() {
    let world = World::new(Counting::default());
    world.gets(2..5, ALL);
    world.gets(2..5, 3);
    world.gets(9..10, 1);
    world.gets(4..4, 0);
    world.gets(0..ALL, ALL);
    assert_eq!(outcomes(&world.ports).iter().filter(|(outcome, _)| *outcome == "verified").count(), 5);
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "a reader may ask for such a range")]
fn a12_a_range_with_nothing_of_the_file_in_it_is_empty_and_no_fault_of_the_file() {
    let world = World::new(Counting::default());
    for pass in ["first", "again"] {
        for range in [4..4, ALL..ALL, ALL..ALL + 5, ALL + 2..ALL + 5, ALL + 5..ALL, 7..3, u64::MAX..u64::MAX]
        {
            let got = world.get(range.clone()).0;
            assert_eq!(got.unwrap(), b"", "{pass}: {range:?}");
        }
    }
    world.gets(2..5, 3);
}

#[test]
fn a12_a_file_that_was_right_an_hour_ago_is_read_again() {
    let world = World::new(Counting::default());
    world.gets(2..5, ALL);
    world.clock.advance(Duration::from_secs(3_599));
    world.gets(2..5, 3);
    world.clock.advance(Duration::from_secs(1));
    world.gets(2..5, ALL);
    world.gets(2..5, 3);
}

#[test]
fn a12_without_versions_each_range_reads_the_whole_file() {
    let world = World::new(Counting { has_no_versions: true, ..Counting::default() });
    world.gets(2..5, ALL);
    world.gets(2..5, ALL);
}

#[test]
fn a12_a_file_that_was_altered_after_it_was_right_is_found_out() {
    for altered in [&b"abXdefghij"[..], b"abcdefghiX", b"abc", b"abcdefghijk", b""] {
        let world = World::new(Counting::default());
        world.gets(2..5, ALL);
        put(&*world.sink, altered);
        assert_eq!(kind(&world.get(2..5).0), SinkErrorKind::Corrupt, "{altered:?}");
        assert_eq!(kind(&world.get(2..5).0), SinkErrorKind::Corrupt, "{altered:?}, once more");
        put(&*world.sink, FILE);
        world.gets(2..5, ALL);
        world.gets(2..5, 3);
    }
}

#[test]
fn a12_a_file_that_is_altered_between_the_look_at_it_and_its_reading_is_found_out() {
    let world = World::new(Counting::default());
    world.gets(2..5, ALL);
    *world.sink.before_range.lock().unwrap() = Some(b"abXdefghij");
    assert_eq!(kind(&world.get(2..5).0), SinkErrorKind::Corrupt);
}

#[test]
fn a12_a_file_that_is_gone_is_missed_although_it_was_right() {
    let world = World::new(Counting::default());
    world.gets(2..5, ALL);
    block_on(world.sink.delete(&Key::new(KEY))).unwrap();
    assert_eq!(kind(&world.get(2..5).0), SinkErrorKind::NotFound);
}

#[test]
fn a12_a_file_that_was_wrong_is_not_remembered() {
    let world = World::new(Counting::default());
    put(&*world.sink, b"abXdefghij");
    for _ in 0..2 {
        assert_eq!(kind(&world.get(2..5).0), SinkErrorKind::Corrupt);
    }
    assert!(!world.verified.holds(&published(), Some(&ObjectVersion::new("2")), Duration::ZERO));
}
