//! What other programs make of our archives, and we of theirs.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use cdds_storage::archive::extract::{ExtractOptions, extract, verify};
use cdds_storage::archive::join::join;
use cdds_storage::archive::{Level, PartSet};

use super::support::{Archive, File, archive, assert_extracted, files, part_bytes, run, succeed};

const PYTHON_TEST: &str = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)";

/// Reads a single `.zip` with everything that reads plain archives.
fn assert_plain_zip(folder: &Path, name: &str, files: &[File]) {
    if !files.is_empty() {
        // unzip calls an archive without entries an error, by exit code 1.
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
fn assert_readable(archive: &Archive, files: &[File]) {
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

#[test]
fn a3_what_fits_one_part_is_a_plain_zip() {
    for sizes in [&[][..], &[0], &[10], &[60_000, 10, 200_000], &[1, 2, 3, 64_000]] {
        for bound in [None, Some(65_536), Some(1 << 20)] {
            let files = files(1, sizes);
            let archive = archive(Level::Default, bound, &files);
            assert_readable(&archive, &files);
            if bound != Some(65_536) {
                assert_eq!(archive.parts.len(), 1, "{sizes:?}");
            }
        }
    }
}

#[test]
fn every_reader_reads_split_archives_of_every_shape() {
    let shapes: [(u64, &[usize]); 7] = [
        (65_536, &[50_000, 70_000, 3]),                          // leading short part
        (65_536, &[65_450, 1]),                                  // first entry fills its part
        (65_536, &[400_000, 20, 1_000_000, 64_000]),             // first entry needs several parts
        (65_536, &[1_000, 400_000, 600_000, 0, 30_000, 90_000]), // entries over more than three parts
        (100_003, &[5, 300_009, 700_000, 400_004, 0]),           // odd
        (1 << 20, &[3_700_000, 100_000, 4 << 20, 2_000_000]),    // whole MB, over more than three parts
        (1 << 20, &[9, 100_000, 4 << 20, 8_000_000, 2_000_000]),
    ];
    for (seed, (bound, sizes)) in (7..).zip(shapes) {
        let files = files(seed, sizes);
        let stored = archive(Level::Store, Some(bound), &files);
        assert!(stored.parts.len() > 1, "{sizes:?}");
        assert_readable(&stored, &files);
        assert_readable(&archive(Level::Default, Some(bound), &files), &files);
    }
}

#[test]
fn a_header_is_not_left_alone_at_the_end_of_a_part() {
    // The third header would end exactly where the first part of the body does.
    let mut files = files(11, &[10, 0, 100_000]);
    let headers = 2 * 30 + files[1].0.len() + files[2].0.len();
    files[1].1 = files[2].1.slice(..65_536 - headers);
    let archive = archive(Level::Store, Some(65_536), &files);
    assert_readable(&archive, &files);
    assert_eq!(part_bytes(&archive.parts[1]), (65_536 - 30 - files[2].0.len()) as u64);
}

#[test]
fn part_numbers_pass_99_and_100() {
    for parts in [2, 99, 100, 150] {
        // The directory and the leading part are two; the body is one entry of noise.
        let body = if parts == 2 { 0 } else { (parts - 2) * 65_535 - 1_000 };
        let sizes = if parts == 2 { vec![65_400] } else { vec![20, body] };
        let files = files(3, &sizes);
        let archive = archive(Level::Store, Some(65_536), &files);
        assert_eq!(archive.parts.len(), parts);
        assert_readable(&archive, &files);
    }
}

#[test]
fn names_in_any_script_are_kept() {
    let mut files = files(4, &[70_000, 100, 200_000]);
    for ((path, _), name) in
        files.iter_mut().zip(["Überblick/naïve.json", "日本語/電話.json", "emoji/📞 call.json"])
    {
        *path = name.to_owned();
    }
    assert_readable(&archive(Level::Default, None, &files), &files);
    assert_readable(&archive(Level::Default, Some(65_536), &files), &files);
}

#[test]
fn zip_s_0_loses_nothing_in_random_archives() {
    // Without the early end of a part in `PartCursor::fits`, `zip -s 0` drops data from a third of these.
    let mut random = super::support::Random(42);
    for seed in 1..=40 {
        let sizes: Vec<_> = (0..1 + random.below(6))
            .map(|_| match random.below(4) {
                0 => random.below(2_000) as usize,
                1 => (random.below(12) * 16_384) as usize,
                _ => random.below(400_000) as usize,
            })
            .collect();
        let bound = if seed % 2 == 0 { 65_536 } else { 65_536 + random.below(70_000) };
        let files = files(seed, &sizes);
        let archive = archive(Level::Store, Some(bound), &files);
        if archive.parts.len() == 1 {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        archive.save(folder.path(), "x");
        succeed(folder.path(), &["zip", "-q", "-s", "0", "x.zip", "--out", "j.zip"]);
        let tested = run(folder.path(), &["unzip", "-tqq", "j.zip"]);
        assert!(tested.status.success(), "seed {seed}, parts of {bound}, entries {sizes:?}: {tested:?}");
    }
}

#[test]
fn a9_every_missing_part_is_named() {
    let files = files(5, &[50_000, 400_000]);
    let archive = archive(Level::Store, Some(65_536), &files);
    let folder = tempfile::tempdir().unwrap();
    let saved = archive.save(folder.path(), "x");
    for (index, part) in saved.iter().enumerate() {
        let hidden = folder.path().join("hidden");
        fs::rename(part, &hidden).unwrap();
        let name = part.file_name().unwrap().to_str().unwrap();
        let beside = &saved[(index + 1) % saved.len()];
        let error = PartSet::find(beside)
            .and_then(|set| verify(&set.parts(), |_| ()))
            .expect_err("a part is missing")
            .to_string();
        assert!(error.contains(&format!("part {name} is missing from")), "{error}");
        fs::rename(&hidden, part).unwrap();
    }
    let names: Vec<_> = saved.iter().map(|part| part.file_name().unwrap().to_str().unwrap()).collect();
    for name in &names[..names.len() - 1] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let error =
        PartSet::find(&saved[saved.len() - 1]).and_then(|set| verify(&set.parts(), |_| ())).unwrap_err();
    assert!(error.to_string().contains("parts x.z01, x.z02"), "{error}");
    assert_eq!(run(folder.path(), &["7zz", "t", "x.zip"]).status.code(), Some(2));
}

#[test]
fn a9_a_sealed_set_is_read_through_decrypting_readers() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(
        at,
        &[
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout",
            "key.pem", "-out", "cert.pem",
        ],
    );
    let files = files(12, &[50_000, 200_000, 30]);
    for part in archive(Level::Store, Some(65_536), &files).save(at, "x") {
        let plain = part.to_str().unwrap();
        let sealed = format!("{plain}.smime");
        succeed(
            at,
            &[
                "openssl", "cms", "-encrypt", "-binary", "-aes256", "-outform", "DER", "-in", plain, "-out",
                &sealed, "cert.pem",
            ],
        );
        fs::remove_file(part).unwrap();
    }
    let set = PartSet::find(&at.join("x.z02.smime")).unwrap();
    assert!(set.is_sealed());
    let key = at.join("key.pem");
    let decrypt = |file: fs::File| {
        let mut openssl = Command::new("openssl")
            .args(["cms", "-decrypt", "-binary", "-inform", "DER", "-inkey"])
            .arg(&key)
            .stdin(file)
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Box::new(openssl.stdout.take().unwrap()) as Box<dyn Read>)
    };
    extract(&set.parts_with(decrypt), &at.join("out"), &ExtractOptions::default(), |_| ()).unwrap();
    assert_extracted(&at.join("out"), &files);
    join(&set.parts_with(decrypt), &at.join("j.zip"), false).unwrap();
    assert_plain_zip(at, "j.zip", &files);

    fs::remove_file(at.join("x.z03.smime")).unwrap();
    let error = PartSet::find(&at.join("x.zip.smime")).unwrap_err().to_string();
    assert!(error.starts_with("part x.z03.smime is missing from"), "{error}");
}

#[test]
fn splits_made_by_other_programs_are_read_and_joined() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let files = files(6, &[50_000, 300_000, 7, 120_000]);
    for (path, contents) in &files {
        let path = at.join("in").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    // -D: no entries for folders.
    succeed(&at.join("in"), &["zip", "-q", "-r", "-D", "-0", "-s", "64k", "../theirs.zip", "."]);
    let set = PartSet::find(&at.join("theirs.zip")).unwrap();
    assert!(set.names().len() > 3, "{:?}", set.names());
    extract(&set.parts(), &at.join("out"), &ExtractOptions::default(), |_| ()).unwrap();
    assert_extracted(&at.join("out"), &files);
    join(&set.parts(), &at.join("joined.zip"), false).unwrap();
    succeed(at, &["unzip", "-tqq", "joined.zip"]);

    succeed(&at.join("in"), &["zip", "-q", "-r", "../plain.zip", "."]);
    let set = PartSet::find(&at.join("plain.zip")).unwrap();
    extract(&set.parts(), &at.join("out2"), &ExtractOptions::default(), |_| ()).unwrap();
    assert_extracted(&at.join("out2"), &files);
}
