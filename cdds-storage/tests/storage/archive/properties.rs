//! Random archives, written and read back.

use std::io::{self, Read as _};

use bytes::Bytes;
use cdds_core::ports::packager::{Packager as _, PackagerErrorKind};
use cdds_storage::archive::join::join;
use cdds_storage::archive::stream::ArchiveStream;
use cdds_storage::archive::{Level, ZipPackager};
use proptest::prelude::*;

use super::support::{Archive, File, Random, archive, files, plan};

/// Lengths, many of them close to the bounds that matter.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..200usize,
        0..400_000usize,
        (0..8usize, 0..200usize).prop_map(|(pieces, less)| (pieces * 16_384).saturating_sub(less)),
        (0..4usize, 0..300usize).prop_map(|(parts, less)| (parts * 65_536).saturating_sub(less)),
    ]
}

fn any_files() -> impl Strategy<Value = Vec<File>> {
    prop::collection::vec((size(), any::<bool>(), any::<u64>()), 0..10).prop_map(|files| {
        let file = |(index, (size, noise, seed)): (usize, (usize, bool, u64))| {
            let mut random = Random(seed | 1);
            let contents = if noise { random.noise(size) } else { random.records(size) };
            (format!("Typ/é{}/{index}.json", seed % 3), contents)
        };
        files.into_iter().enumerate().map(file).collect()
    })
}

fn read_stream(archive: &Archive) -> Vec<(String, Vec<u8>)> {
    let parts = archive.parts();
    let mut stream = ArchiveStream::open(&parts).unwrap();
    let mut found = Vec::new();
    while let Some(mut entry) = stream.next_entry().unwrap() {
        let path = entry.path().to_owned();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        found.push((path, contents));
    }
    found
}

/// Asserts on the bytes alone that no part triggers the bug of `zip -s 0`; see `PartCursor`.
fn assert_no_part_ends_on_a_buffer_of_info_zip(archive: &Archive) {
    let joined: Vec<Bytes> = archive.parts.iter().map(|part| part.concat().into()).collect();
    let mut data_left = 0usize;
    for part in &joined[..joined.len() - 1] {
        let mut at = if part.starts_with(b"PK\x07\x08") { 4 } else { 0 };
        let mut in_this_part = data_left.min(part.len());
        at += if at == 0 { in_this_part } else { 0 };
        data_left -= in_this_part;
        while at < part.len() {
            assert_eq!(&part[at..at + 4], b"PK\x03\x04");
            let number =
                |from: usize| u32::from_le_bytes(part[at + from..at + from + 4].try_into().unwrap()) as usize;
            let (compressed, name) =
                (number(18), usize::from(u16::from_le_bytes([part[at + 26], part[at + 27]])));
            at += 30 + name;
            in_this_part = compressed.min(part.len() - at);
            data_left = compressed - in_this_part;
            at += in_this_part;
        }
        assert!(data_left == 0 || in_this_part % 16_384 != 0, "{in_this_part} bytes, {data_left} to come");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        files in any_files(),
        bound in prop::option::of(prop_oneof![Just(65_536u64), 65_536..200_000u64]),
        level in prop::sample::select(vec![Level::Store, Level::Default]),
    ) {
        let written = archive(level, bound, &files);
        prop_assert_eq!(written.entries, files.len() as u64);
        assert_no_part_ends_on_a_buffer_of_info_zip(&written);
        // 8.5.3: a split archive begins with the marker, and no other archive has one.
        let marked = written.parts[0].concat().starts_with(b"PK\x07\x08");
        prop_assert_eq!(marked, written.parts.len() > 1);

        let mut found = read_stream(&written);
        found.sort();
        let mut expected: Vec<_> = files.iter().map(|(path, contents)| (path.clone(), contents.to_vec())).collect();
        expected.sort();
        prop_assert!(found == expected);

        let folder = tempfile::tempdir().unwrap();
        let joined = folder.path().join("j.zip");
        join(&written.parts(), &joined, false).unwrap();
        let mut reader = zip::ZipArchive::new(std::fs::File::open(&joined).unwrap()).unwrap();
        prop_assert_eq!(reader.len(), files.len());
        for (path, contents) in &files {
            let mut found = Vec::new();
            reader.by_name(path).unwrap().read_to_end(&mut found).unwrap();
            prop_assert!(found == *contents, "{}", path);
        }
    }

    #[test]
    fn a_damaged_byte_never_panics_and_never_passes_for_other_contents(
        at in any::<prop::sample::Index>(), with in 1..=255u8, split: bool,
    ) {
        let files = files(9, &[40_000, 30, 150_000]);
        let mut written = archive(Level::Default, split.then_some(65_536), &files);
        let total: usize = written.parts.iter().map(|part| part.iter().map(Bytes::len).sum::<usize>()).sum();
        let mut position = at.index(total);
        for part in &mut written.parts {
            let mut bytes = part.concat();
            if position < bytes.len() {
                bytes[position] ^= with;
                *part = vec![bytes.into()];
                break;
            }
            position -= bytes.len();
        }
        let parts = written.parts();
        let Ok(mut stream) = ArchiveStream::open(&parts) else { return Ok(()) };
        let mut found = Vec::new();
        let complete = loop {
            match stream.next_entry() {
                Ok(None) => break true,
                Err(_) => break false,
                Ok(Some(mut entry)) => {
                    let path = entry.path().to_owned();
                    let mut contents = Vec::new();
                    if entry.read_to_end(&mut contents).is_err() {
                        break false;
                    }
                    found.push((path, contents));
                }
            }
        };
        if complete {
            found.sort();
            prop_assert!(found == files.iter().map(|(path, contents)| (path.clone(), contents.to_vec())).collect::<Vec<_>>());
        }
    }
}

#[test]
fn only_the_first_entry_is_held_back() {
    let files = files(2, &[20_000, 200_000, 50]);
    let packager = ZipPackager::default();
    let mut writer = packager.begin(plan(Some(65_536))).unwrap();
    let mut sizes = Vec::new();
    for (path, contents) in &files {
        let mut events = Vec::new();
        writer.push(packager.pack(path, contents).unwrap(), &mut events).unwrap();
        let data = events.iter().map(|event| match event {
            cdds_core::ports::packager::PartEvent::Data(bytes) => bytes.len(),
            _ => 0,
        });
        sizes.push(data.sum::<usize>());
    }
    assert_eq!(sizes[0], 0);
    assert!(sizes[1] > 30_000 && sizes[2] > 50, "{sizes:?}");
}

#[test]
fn a_first_entry_around_the_part_size_is_held_or_split() {
    for less in 0..12 {
        let mut files = files(2, &[65_536, 70_000]);
        let header = 30 + files[0].0.len();
        files[0].1 = files[0].1.slice(..65_536 + 3 - less - header);
        let written = archive(Level::Store, Some(65_536), &files);
        assert_eq!(read_stream(&written).len(), 2, "{less}");
        // If `less` is 7, marker and entry together fill the part.
        let first = super::support::part_bytes(&written.parts[0]) as usize;
        assert_eq!(first, if less < 7 { 65_536 } else { 65_536 + 7 - less }, "{less}");
    }
}

#[test]
fn a4_part_sizes_and_paths_out_of_bounds_are_refused() {
    let packager = ZipPackager::default();
    for bytes in [0, 65_535, 4_294_967_296] {
        let error = packager.begin(plan(Some(bytes))).unwrap_err();
        assert_eq!(error.kind(), PackagerErrorKind::Invalid);
        assert!(error.to_string().contains(&bytes.to_string()), "{error}");
    }
    for bytes in [65_536, 4_294_967_295] {
        packager.begin(plan(Some(bytes))).unwrap();
    }
    let error = packager.pack("../x", &Bytes::new()).unwrap_err();
    assert_eq!(error.kind(), PackagerErrorKind::Invalid);
}

#[test]
fn what_is_left_unread_is_checked_all_the_same() {
    let files = files(3, &[300_000, 5, 100_000]);
    let written = archive(Level::Default, Some(65_536), &files);
    let parts = written.parts();
    let mut stream = ArchiveStream::open(&parts).unwrap();
    let mut count = 0;
    while let Some(mut entry) = stream.next_entry().unwrap() {
        io::copy(&mut entry.by_ref().take(3), &mut io::sink()).unwrap();
        count += 1;
    }
    assert_eq!(count, 3);
}
