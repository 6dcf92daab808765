//! All programs that read archives, applied to ours.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use cdds_storage::archive::PartSet;
use cdds_storage::archive::extract::{ExtractOptions, extract, verify};
use cdds_storage::archive::join::join;

use super::java::{Java, LIBRARIES};
use super::support::{Archive, File, assert_extracted, succeed};

/// The highest part number that unar looks for.
const UNAR_PARTS_MAX: usize = 99;

const PYTHON_TEST: &str = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)";

/// Reads a single `.zip` with every program that reads plain archives.
pub(super) fn assert_plain_zip(folder: &Path, name: &str, files: &[File]) {
    if !files.is_empty() {
        // unzip reports an archive without entries as an error, with exit code 1.
        succeed(folder, &["unzip", "-tqq", name]);
    }
    succeed(folder, &["7zz", "t", name]);
    succeed(folder, &["python3", "-c", PYTHON_TEST, name]);
    let mut crate_reader = zip::ZipArchive::new(fs::File::open(folder.join(name)).unwrap()).unwrap();
    assert_eq!(crate_reader.len(), files.len());
    for (path, contents) in files {
        let mut found = Vec::new();
        let mut entry = crate_reader.by_name(path).unwrap();
        entry.read_to_end(&mut found).unwrap();
        assert!(found == *contents, "{path} differs");
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        assert_eq!(entry.last_modified().unwrap().to_string(), "2024-06-30 22:30:10");
    }
}

/// Reads an archive with every program, and with our own readers.
pub(super) fn assert_readable(archive: &Archive, files: &[File]) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let saved = archive.save(at, "x");
    for given in [&saved[0], &saved[saved.len() - 1]] {
        let name = given.file_name().unwrap().to_str().unwrap();
        succeed(at, &["7zz", "t", name]);
    }
    succeed(at, &["7zz", "x", "-oseven", "x.zip"]);
    if !files.is_empty() {
        assert_extracted(&at.join("seven"), files);
        let names: Vec<_> = saved.iter().map(|part| part.file_name().unwrap().to_str().unwrap()).collect();
        fs::create_dir(at.join("tar")).unwrap();
        succeed(at, &["sh", "-c", &format!("cat {} | bsdtar -xf - -C tar", names.join(" "))]);
        assert_extracted(&at.join("tar"), files);
        if saved.len() <= UNAR_PARTS_MAX {
            succeed(at, &["unar", "-q", "-D", "-o", "unar", "x.zip"]);
            assert_extracted(&at.join("unar"), files);
        }
    }
    if saved.len() > 1 {
        succeed(at, &["zip", "-q", "-s", "0", "x.zip", "--out", "info.zip"]);
        assert_plain_zip(at, "info.zip", files);
    } else {
        assert_plain_zip(at, "x.zip", files);
    }

    let set = PartSet::find(&saved[0]).unwrap();
    assert_eq!(verify(&set.parts(), |_| ()).unwrap().entries, files.len() as u64);
    extract(&set.parts(), &at.join("own"), &ExtractOptions::default(), |_| ()).unwrap();
    assert_extracted(&at.join("own"), files);
    join(&set.parts(), &at.join("joined/j.zip"), false).unwrap();
    assert_plain_zip(&at.join("joined"), "j.zip", files);
}

/// Reads an archive with the libraries of the Java world.
pub(super) fn assert_readable_by_java(java: &Java, archive: &Archive, files: &[File]) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    archive.save(at, "x");
    for library in LIBRARIES {
        java.run(at, library, &["extract", "x.zip", library]);
        assert_extracted(&at.join(library), files);
    }
}
