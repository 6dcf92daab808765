//! Our archives read by other programs, and theirs read by us.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use cdds_storage::archive::extract::{ExtractOptions, extract, verify};
use cdds_storage::archive::join::join;
use cdds_storage::archive::{Level, PartSet, SteadyReader};

use super::java::Java;
use super::readers::{assert_plain_zip, assert_readable, assert_readable_by_java};
use super::support::{archive, assert_extracted, files, part_bytes, run, succeed};

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
    let java = Java::compile();
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
        assert_readable_by_java(&java, &stored, &files);
        let deflated = archive(Level::Default, Some(bound), &files);
        assert_readable(&deflated, &files);
        assert_readable_by_java(&java, &deflated, &files);
    }
}

#[test]
fn a_header_is_not_left_alone_at_the_end_of_a_part() {
    // The third header would end exactly at the end of the first part.
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
        // The directory and the leading part make two parts; the body is one entry of noise.
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
    // If `PartCursor::fits` did not end a part early, `zip -s 0` would drop data from a third of these.
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
    let decrypt = |file: SteadyReader| {
        let mut openssl = Command::new("openssl")
            .args(["cms", "-decrypt", "-binary", "-inform", "DER", "-inkey"])
            .arg(&key)
            .stdin(file.into_file())
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
