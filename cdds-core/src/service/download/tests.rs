use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use futures::executor::block_on;
use futures::{TryStreamExt, stream};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;
use crate::domain::access::Action;
use crate::domain::access::audit::Object;
use crate::domain::id::{ArtifactId, AuditId, Owner};
use crate::ports::catalog::query::AuditQuery;
use crate::ports::sink::{Key, Prefix, Sink, Upload};
use crate::ports::source::Sources;
use crate::testing::{MemoryPorts, administrator};

mod ranges;

/// A store whose only object is read in these chunks; a chunk that is missing is an error.
#[derive(Debug)]
struct Chunks(Vec<Option<&'static [u8]>>);

#[async_trait]
impl Sink for Chunks {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        Err(SinkError::new(SinkErrorKind::Refused, key.as_str()))
    }
    async fn read(&self, _: &Key, _: u64) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let chunk = |chunk: Option<&'static [u8]>| match chunk {
            Some(bytes) => Ok(Bytes::from_static(bytes)),
            None => Err(SinkError::new(SinkErrorKind::Unavailable, "away")),
        };
        Ok(stream::iter(self.0.clone()).map(chunk).boxed())
    }
    async fn delete(&self, _: &Key) -> Result<(), SinkError> {
        Ok(())
    }
    async fn list(&self, _: &Prefix) -> Result<Vec<Key>, SinkError> {
        Ok(Vec::new())
    }
}

/// Ports over a store, and the beginning of a download of `published`.
fn download(published: &[u8], stored: Vec<Option<&'static [u8]>>) -> (Ports, Download) {
    let (ports, download) = download_from(0, published, stored);
    (ports, download.unwrap())
}

fn download_from(
    from: u64,
    published: &[u8],
    stored: Vec<Option<&'static [u8]>>,
) -> (Ports, Result<Download, ServiceError>) {
    let mut ports = MemoryPorts::new(DateTime::UNIX_EPOCH, Sources::new()).ports;
    ports.sink = Arc::new(Chunks(stored));
    let published = Published {
        name: "export.zip".to_owned(),
        key: Key::new("e/1/000001"),
        bytes: published.len() as u64,
        sha256: Sha256Digest(Sha256::digest(published).into()),
    };
    let by = administrator(&Owner::default());
    let entry = AuditRecord::new(AuditId(Uuid::from_u128(1)), DateTime::UNIX_EPOCH, &by, Action::Download)
        .with_object(Object::Artifact(ArtifactId(Uuid::from_u128(2))));
    let download = block_on(Download::begin(&ports, &Arc::default(), entry, published, from));
    (ports, download)
}

/// Returns the outcomes on record.
fn outcomes(ports: &Ports) -> Vec<(&'static str, Option<u64>)> {
    let page = block_on(ports.catalog.audit(&Owner::default(), &AuditQuery::default())).unwrap();
    let bytes = |outcome| if let Outcome::Ended(end) = outcome { Some(end.bytes) } else { None };
    page.items.iter().map(|entry| (entry.outcome.as_str(), bytes(entry.outcome))).collect()
}

/// Returns the bytes that a reader gets of `published` when the store holds `stored`, and whether the download
/// ended well.
fn read(published: &[u8], stored: &[&'static [u8]]) -> (Vec<u8>, Result<(), &'static str>) {
    let (_, mut download) = download(published, stored.iter().copied().map(Some).collect());
    let mut got = Vec::new();
    loop {
        match block_on(download.next()) {
            Ok(Some(chunk)) => {
                assert!(!chunk.is_empty());
                got.extend_from_slice(&chunk);
            }
            Ok(None) => return (got, Ok(())),
            Err(ServiceError::Sink(error)) if error.kind() == SinkErrorKind::Corrupt => {
                assert!(matches!(block_on(download.next()), Ok(None)), "ended");
                return (got, Err("corrupt"));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_was_published_is_read_in_whatever_chunks() {
    for (published, stored) in [
        (&b"abcdef"[..], &[&b"abcdef"[..]][..]),
        (b"abcdef", &[b"ab", b"cd", b"ef"]),
        (b"abcdef", &[b"", b"abc", b"", b"def", b""]),
        (b"", &[]),
        (b"", &[b"", b""]),
    ] {
        assert_eq!(read(published, stored), (published.to_vec(), Ok(())), "{stored:?}");
    }
}

#[test]
fn a12_a_reader_never_gets_as_many_bytes_as_were_published_of_a_corrupt_file() {
    let altered: &[&[&'static [u8]]] = &[
        &[b"abcdeX"],
        &[b"Xbcdef"],
        &[b"Xb", b"cd", b"ef"],
        &[b"ab", b"cd", b"eX", b""],
        &[b"ab", b"cd"],
        &[b"abcde"],
        &[],
        &[b""],
        &[b"abcdefg"],
        &[b"abcdef", b"g"],
        &[b"ab", b"cd", b"ef", b"", b"g"],
        &[b"abcd", b"efgh"],
    ];
    for stored in altered {
        let (got, outcome) = read(b"abcdef", stored);
        assert_eq!(outcome, Err("corrupt"), "{stored:?}");
        assert!(got.len() < 6, "{stored:?} gave {got:?}");
    }
    assert_eq!(read(b"", &[b"x"]), (Vec::new(), Err("corrupt")));
}

#[test]
fn c3_a_download_is_on_record_from_its_first_byte_and_verified_before_its_last() {
    let (ports, mut download) = download(b"abcdef", vec![Some(b"ab"), Some(b"cd"), Some(b"ef")]);
    assert_eq!(outcomes(&ports), [], "nothing was given");
    for (chunk, on_record) in
        [("ab", ("begun", None)), ("cd", ("begun", None)), ("ef", ("verified", Some(6)))]
    {
        assert_eq!(block_on(download.next()).unwrap().unwrap(), chunk.as_bytes());
        assert_eq!(outcomes(&ports), [on_record], "after {chunk}");
    }
    assert_eq!(block_on(download.next()).unwrap(), None);
    block_on(download.stop()).unwrap();
    assert_eq!(outcomes(&ports), [("verified", Some(6))], "a verified end stays");
}

#[test]
fn c3_a_download_that_ends_early_says_how() {
    let (ports, mut stopped) = download(b"abcd", vec![Some(b"ab"), Some(b"cd")]);
    block_on(stopped.next()).unwrap();
    block_on(stopped.stop()).unwrap();
    assert_eq!(outcomes(&ports), [("broken_off", Some(2))]);

    let (ports, mut failed) = download(b"abcd", vec![Some(b"ab"), None]);
    block_on(failed.next()).unwrap();
    assert!(block_on(failed.next()).is_err());
    assert_eq!(outcomes(&ports), [("broken_off", Some(2))]);

    let (ports, mut altered) = download(b"abcd", vec![Some(b"ab"), Some(b"cX")]);
    block_on(altered.next()).unwrap();
    assert!(block_on(altered.next()).is_err());
    assert_eq!(outcomes(&ports), [("corrupt", Some(2))]);

    let (ports, left) = download(b"abcd", vec![Some(b"ab"), Some(b"cd")]);
    let mut left = left.into_stream();
    block_on(left.try_next()).unwrap();
    drop(left);
    assert_eq!(outcomes(&ports), [("begun", None)], "nobody could record the end");
}

#[test]
fn c3_a_download_that_gave_nothing_is_recorded_only_if_it_found_something() {
    let (ports, mut away) = download(b"abcd", vec![None]);
    assert!(block_on(away.next()).is_err());
    assert_eq!(outcomes(&ports), []);
    let (ports, unread) = download(b"abcd", vec![Some(b"abcd")]);
    block_on(unread.stop()).unwrap();
    assert_eq!(outcomes(&ports), []);
    let (ports, mut altered) = download(b"abcd", vec![Some(b"abcX")]);
    assert!(block_on(altered.next()).is_err());
    assert_eq!(outcomes(&ports), [("corrupt", Some(0))]);
}

proptest! {
    /// However the store cuts its chunks, a download gives the bytes of its range and no more.
    #[test]
    fn c3_a_download_begins_and_ends_at_any_byte(
        from in 0_u64..=6,
        end in 0_u64..=8,
        cuts in prop::collection::vec(0_usize..=6, 0..4),
    ) {
        let mut cuts = [cuts, vec![0, 6]].concat();
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| Some(&b"abcdef"[cut[0]..cut[1]])).collect();
        let (ports, download) = download_from(from, b"abcdef", chunks);
        let download = download.unwrap();
        prop_assert_eq!((download.name(), download.bytes()), ("export.zip", 6));
        let expected: Vec<u8> = (from..end.min(6)).map(|at| b"abcdef"[usize::try_from(at).unwrap()]).collect();
        // By its beginning alone, if it ends where the file does.
        let download = if end == 6 { download } else { download.within(from..end) };
        let given = expected.len() as u64;
        prop_assert_eq!(block_on(download.collect()).unwrap(), expected);
        prop_assert_eq!(outcomes(&ports), [("verified", Some(given))]);
    }
}

#[test]
fn c3_a_range_is_not_completed_if_what_follows_is_not_the_published_file() {
    let (ports, download) = download(b"abcdef", vec![Some(b"ab"), Some(b"cd"), Some(b"eX")]);
    let mut download = download.within(1..4);
    assert_eq!(block_on(download.next()).unwrap(), Some(Bytes::from_static(b"b")));
    assert!(block_on(download.next()).is_err());
    assert_eq!(outcomes(&ports), [("corrupt", Some(1))]);
}

#[test]
fn c3_a_rest_is_not_completed_if_what_was_given_before_is_not_the_published_file() {
    let (ports, download) = download_from(4, b"abcdef", vec![Some(b"aXc"), Some(b"de"), Some(b"f")]);
    let mut download = download.unwrap();
    assert_eq!(block_on(download.next()).unwrap(), Some(Bytes::from_static(b"e")));
    assert!(block_on(download.next()).is_err());
    assert_eq!(outcomes(&ports), [("corrupt", Some(1))]);
}

#[test]
fn c3_a_download_cannot_begin_behind_the_end() {
    let (ports, download) = download_from(7, b"abcdef", vec![Some(b"abcdef")]);
    let error = download.unwrap_err();
    assert_eq!((error.code(), error.http_status(), error.is_retryable()), ("behind_end", 416, false));
    assert_eq!(outcomes(&ports), []);
}
