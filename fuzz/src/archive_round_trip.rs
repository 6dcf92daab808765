//! The writer over arbitrary entries and part sizes. Its archives are read back by us and, once joined, by
//! the `zip` crate.
//!
//! The first byte is the level, the next two are the part size. Entries follow: one byte for the kind of
//! contents, three for their length, one for the length of the name, and the name.

use bytes::Bytes;
use cdds_core::ports::packager::{Packager as _, PartEvent, PartIndex, Plan};
use cdds_storage::archive::extract::verify;
use cdds_storage::archive::join::join;
use cdds_storage::archive::{Level, ZipPackager};
use chrono::DateTime;

use crate::memory::{File, parts, read_by_others, read_by_us};

/// The smallest part size (APPNOTE 8.5.1).
const PART_BYTES_LEAST: u64 = 65_536;
/// The maximum length of an entry. All entries together are at most eight times as long.
const CONTENTS_MAX: usize = 300_000;

/// Checks one input.
///
/// # Panics
/// If a part exceeds its bound, if the writer breaks the contract of its port, or if a reader finds anything
/// other than what was written.
pub fn check(input: &[u8]) {
    let Some((&[level, low, high], rest)) = input.split_first_chunk::<3>() else { return };
    let bound = u64::from(u16::from_le_bytes([low, high]));
    let bound = (bound > 0).then_some(PART_BYTES_LEAST + bound - 1);
    let levels = [Level::Store, Level::Fast, Level::Default, Level::Best];
    let packager = ZipPackager::new(levels[usize::from(level) % levels.len()]);
    let mut files = files(rest);
    let written = write(&packager, bound, &files);

    let total = written.len();
    for part in written.iter().take(total - 1) {
        assert!(part.len() as u64 <= bound.expect("one part without a bound"), "a data part is too large");
    }
    let parts = parts(&written);
    assert_eq!(verify(&parts, |_| ()).expect("it can be verified").entries, files.len() as u64);
    // If everything fits in one part, the first entry comes last.
    files.sort();
    let sorted = |mut found: Vec<File>| {
        found.sort();
        found
    };
    assert!(sorted(read_by_us(&parts).expect("it can be read")) == files, "our reader");
    let folder = tempfile::tempdir().expect("a folder");
    let joined = folder.path().join("joined.zip");
    join(&parts, &joined, false).expect("it can be joined");
    let joined = std::fs::read(joined).expect("it was joined");
    assert!(sorted(read_by_others(&joined).expect("others read it")) == files, "the zip crate");
    if total == 1 {
        assert_eq!(joined, written[0], "one part is a plain archive");
    }
}

/// Writes an archive. Returns its parts in reading order.
fn write(packager: &ZipPackager, part_bytes_max: Option<u64>, files: &[File]) -> Vec<Bytes> {
    let plan = Plan { part_bytes_max, modified_at: DateTime::UNIX_EPOCH };
    let mut writer = packager.begin(plan).expect("the part size is legal");
    let mut events = Vec::new();
    for (path, contents) in files {
        let packed = packager.pack(path, &Bytes::copy_from_slice(contents)).expect("the path is legal");
        writer.push(packed, &mut events).expect("there is room for any file");
    }
    let PartIndex { reading_order, entries } = writer.finish(&mut events).expect("it can be finished");
    assert_eq!(entries, files.len() as u64);
    let (mut parts, mut open): (Vec<Vec<u8>>, bool) = (Vec::new(), false);
    for event in events {
        match event {
            PartEvent::Opened(ordinal) => {
                assert!(!open && ordinal.0 as usize == parts.len());
                parts.push(Vec::new());
                open = true;
            }
            PartEvent::Data(bytes) => {
                assert!(open && !bytes.is_empty());
                parts.last_mut().expect("a part is open").extend_from_slice(&bytes);
            }
            PartEvent::Closed(ordinal) => {
                assert_eq!(ordinal.0 as usize + 1, parts.len());
                open = false;
            }
        }
    }
    assert!(!open && reading_order.len() == parts.len());
    reading_order.iter().map(|ordinal| std::mem::take(&mut parts[ordinal.0 as usize]).into()).collect()
}

fn files(mut input: &[u8]) -> Vec<File> {
    let mut files = Vec::new();
    let mut room = 8 * CONTENTS_MAX;
    while let Some((&[kind, a, b, c, name_bytes], rest)) = input.split_first_chunk::<5>() {
        let length = (u32::from_le_bytes([a, b, c, 0]) as usize % (CONTENTS_MAX + 1)).min(room);
        room -= length;
        let (name, rest) = rest.split_at(usize::from(name_bytes).min(rest.len()));
        // A unique name of any characters that paths may have.
        let name: String = String::from_utf8_lossy(name)
            .chars()
            .filter(|letter| !letter.is_control() && !"/\\:".contains(*letter))
            .collect();
        files.push((format!("{name}-{}/f{name}", files.len()), contents(kind, length, rest)));
        input = rest;
    }
    files
}

/// Returns spaces, repeated input, or noise. Lengths are often multiples of 16,384.
fn contents(kind: u8, length: usize, seed: &[u8]) -> Vec<u8> {
    let length = if kind & 8 == 0 { length } else { length / 16_384 * 16_384 };
    let mut state = u64::from(kind) + 1;
    match kind % 3 {
        0 => vec![b' '; length],
        1 if !seed.is_empty() => seed.iter().copied().cycle().take(length).collect(),
        _ => std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(length)
        .collect(),
    }
}
