//! The readers over arbitrary bytes (rule A9), with the `zip` crate as an oracle.
//!
//! The first byte determines the number of parts, from one to four. Two bytes follow for the length of each
//! part but the last, and then the parts.

use bytes::Bytes;
use cdds_storage::archive::ArchiveError;
use cdds_storage::archive::extract::{ExtractOptions, Limits, extract, verify};
use cdds_storage::archive::join::join;

use crate::memory::{count_files, parts, read_by_others, read_by_us};

/// The largest contents that are worth the time.
const BYTES_MAX: u64 = 4 << 20;

/// Checks one input.
///
/// # Panics
/// If a reader panics, if two readers disagree about the contents, or if extraction exceeds its limits or
/// leaves files behind that it did not report.
pub fn check(input: &[u8]) {
    let split = split(input);
    let parts = parts(&split);
    let folder = tempfile::tempdir().expect("a folder");
    let (inner, joined) = (folder.path().join("deep/inner"), folder.path().join("joined.zip"));

    let limits = Limits { entries_max: 1_000, bytes_max: BYTES_MAX, ..Limits::default() };
    let mut told = 0;
    let extracted = extract(&parts, &inner, &ExtractOptions { force: false, limits }, |path| {
        told += u64::from(!path.ends_with('/'));
    });
    assert_eq!(count_files(&inner), told, "files and what was told of them");
    assert_eq!(count_files(folder.path()), told, "nothing lies outside");
    let Ok(extracted) = extracted else { return };
    assert!(extracted.bytes <= BYTES_MAX);
    assert_eq!(verify(&parts, |_| ()).expect("what was extracted is right"), extracted);
    let mut ours = match read_by_us(&parts) {
        // libdeflate, which unpacks whole entries, accepts two length codes that RFC 1951 3.2.6 forbids and
        // zlib refuses. The CRC has shown the contents to be right.
        Err(ArchiveError::Damaged { reason, .. }) if reason == "its compressed data is not valid" => return,
        ours => ours.expect("both readers agree"),
    };
    assert_eq!(ours.len() as u64, extracted.entries);

    join(&parts, &joined, false).expect("what is right can be joined");
    let joined = std::fs::read(joined).expect("it was joined");
    let mut theirs = read_by_others(&joined).expect("the zip crate reads what was joined");
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

fn split(input: &[u8]) -> Vec<Bytes> {
    let (count, mut rest) = input.split_first().map_or((0, input), |(first, rest)| (first % 4, rest));
    let mut lengths = Vec::new();
    for _ in 0..count {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { break };
        lengths.push(usize::from(u16::from_le_bytes(*length)));
        rest = after;
    }
    let mut parts = Vec::new();
    for length in lengths {
        let (part, after) = rest.split_at(length.min(rest.len()));
        parts.push(Bytes::copy_from_slice(part));
        rest = after;
    }
    parts.push(Bytes::copy_from_slice(rest));
    parts
}
