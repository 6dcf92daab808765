//! Archives beyond the limits of the plain format: APPNOTE's zip64 (4.3.14, 4.5.3).

use std::fs;
use std::io::Write as _;

use bytes::Bytes;
use cdds_core::ports::packager::{Method, Packed};
use cdds_storage::archive::extract::verify;
use cdds_storage::archive::join::join;
use cdds_storage::archive::{Level, PartSet};

use super::support::{archive, archive_packed, succeed};

const PYTHON_COUNT: &str =
    "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); sys.exit(len(z.namelist()) != int(sys.argv[2]))";

/// Entries of zeros that share one buffer, so that gigabytes take no memory.
fn zeros(count: usize, bytes: usize) -> impl Iterator<Item = Packed> {
    let data = Bytes::from(vec![0; bytes]);
    let crc32 = crc32fast::hash(&data);
    (0..count).map(move |index| Packed {
        path: format!("zeros/{index:03}.bin"),
        method: Method::Stored,
        crc32,
        uncompressed_bytes: bytes as u64,
        data: data.clone(),
    })
}

#[test]
fn seventy_thousand_entries_are_read_by_all() {
    let files: Vec<_> = (0..70_000u32)
        .map(|index| (format!("d{}/{index:05}.json", index % 100), Bytes::from(index.to_string())))
        .collect();
    for bound in [None, Some(1 << 20)] {
        let archive = archive(Level::Default, bound, &files);
        assert_eq!(archive.parts.len() > 1, bound.is_some());
        let folder = tempfile::tempdir().unwrap();
        let saved = archive.save(folder.path(), "x");
        succeed(folder.path(), &["7zz", "t", "x.zip"]);
        let set = PartSet::find(&saved[0]).unwrap();
        assert_eq!(verify(&set.parts(), |_| ()).unwrap().entries, 70_000);
        join(&set.parts(), &folder.path().join("j.zip"), false).unwrap();
        if bound.is_some() {
            succeed(folder.path(), &["zip", "-q", "-s", "0", "x.zip", "--out", "info.zip"]);
            succeed(folder.path(), &["unzip", "-tqq", "info.zip"]);
        }
        succeed(folder.path(), &["unzip", "-tqq", "j.zip"]);
        succeed(folder.path(), &["python3", "-c", PYTHON_COUNT, "j.zip", "70000"]);
        let reader = zip::ZipArchive::new(fs::File::open(folder.path().join("j.zip")).unwrap()).unwrap();
        assert_eq!(reader.len(), 70_000);
    }
}

#[test]
fn the_count_of_entries_moves_to_zip64_at_65535() {
    for count in [65_534u32, 65_535, 65_536] {
        let files: Vec<_> = (0..count).map(|index| (format!("{index}"), Bytes::new())).collect();
        let archive = archive(Level::Store, None, &files);
        assert_eq!(verify(&archive.parts(), |_| ()).unwrap().entries, u64::from(count));
        let end = archive.parts[0].concat();
        let locator = end.windows(4).rev().take(100).any(|window| window == b"PK\x06\x07");
        assert_eq!(locator, count >= 65_535, "{count}");
    }
}

#[test]
fn offsets_and_disks_beyond_the_plain_format_are_read_back() {
    let archive = archive_packed(None, zeros(70, 64 << 20));
    assert_eq!(archive.parts.len(), 1);
    assert_eq!(verify(&archive.parts(), |_| ()).unwrap().bytes, 70 * (64 << 20));

    // More than 65,535 parts of 64 KiB.
    let archive = archive_packed(Some(65_536), zeros(70, 64 << 20));
    assert!(archive.parts.len() > 65_536, "{}", archive.parts.len());
    assert_eq!(verify(&archive.parts(), |_| ()).unwrap().entries, 70);
}

#[test]
fn an_entry_above_4_gib_is_read_back() {
    let bytes = (1usize << 32) + 5;
    for bound in [None, Some(1 << 30)] {
        let archive = archive_packed(bound, zeros(1, bytes));
        assert_eq!(verify(&archive.parts(), |_| ()).unwrap().bytes, bytes as u64);
    }
}

#[test]
#[ignore = "writes 18 GB; run it after a change of the zip64 code"]
fn other_programs_read_beyond_4_gib() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_packed(None, zeros(70, 64 << 20));
    let mut file = fs::File::create(folder.path().join("x.zip")).unwrap();
    for piece in &archive.parts[0] {
        file.write_all(piece).unwrap();
    }
    for command in [
        &["7zz", "t", "x.zip"][..],
        &["unzip", "-tqq", "x.zip"],
        &["python3", "-c", PYTHON_COUNT, "x.zip", "70"],
    ] {
        succeed(folder.path(), command);
    }
    drop(folder);

    for entries in [zeros(70, 64 << 20).collect::<Vec<_>>(), zeros(1, (1 << 32) + 5).collect()] {
        let folder = tempfile::tempdir().unwrap();
        let count = entries.len().to_string();
        let archive = archive_packed(Some(1 << 30), entries);
        let saved = archive.save(folder.path(), "s");
        succeed(folder.path(), &["7zz", "t", "s.zip"]);
        join(&PartSet::find(&saved[0]).unwrap().parts(), &folder.path().join("j.zip"), false).unwrap();
        for command in [
            &["7zz", "t", "j.zip"][..],
            &["unzip", "-tqq", "j.zip"],
            &["python3", "-c", PYTHON_COUNT, "j.zip", &count],
        ] {
            succeed(folder.path(), command);
        }
    }
}
