//! Archives that are damaged, incomplete or malicious (rule A9).

use std::fs;
use std::path::Path;

use cdds_storage::archive::extract::{ExtractOptions, Limits, Summary, extract, verify};
use cdds_storage::archive::join::join;
use cdds_storage::archive::{ArchiveError, Level, PartSet};

use super::support::{archive, assert_extracted, files, succeed};

/// Creates `x.zip` with Python, whose `zipfile` accepts any name, and extracts it to `out`.
fn extract_made_by_python(folder: &Path, script: &str) -> Result<Summary, ArchiveError> {
    let script =
        format!("import zipfile, sys, stat\nz = zipfile.ZipFile('x.zip', 'w')\n{script}\nz.close()\n");
    succeed(folder, &["python3", "-W", "ignore", "-c", &script]);
    let set = PartSet::find(&folder.join("x.zip"))?;
    extract(&set.parts(), &folder.join("deep/out"), &ExtractOptions::default(), |_| ())
}

#[test]
fn a9_paths_cannot_leave_the_folder() {
    for path in ["../x", "a/../../x", "/tmp/x", "C:/x", "a\\\\..\\\\x", "a//x", "./x", "..", "a/.."] {
        let folder = tempfile::tempdir().unwrap();
        let error =
            extract_made_by_python(folder.path(), &format!("z.writestr('{path}', 'gotcha')")).unwrap_err();
        assert!(matches!(error, ArchiveError::UnsafePath { .. }), "{path}: {error}");
        assert!(!folder.path().join("deep/x").exists() && !folder.path().join("x").exists());
        assert!(!folder.path().join("deep").exists(), "nothing is made of {path}");
    }
}

#[test]
fn a9_links_are_neither_created_nor_followed() {
    let folder = tempfile::tempdir().unwrap();
    let link = "i = zipfile.ZipInfo('link'); i.create_system = 3\n\
                i.external_attr = (stat.S_IFLNK | 0o777) << 16; z.writestr(i, '/etc')";
    extract_made_by_python(folder.path(), link).unwrap();
    let made = fs::symlink_metadata(folder.path().join("deep/out/link")).unwrap();
    assert!(made.is_file(), "the link's target is the contents of a plain file");

    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("deep/out")).unwrap();
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), folder.path().join("deep/out/a")).unwrap();
    let error = extract_made_by_python(folder.path(), "z.writestr('a/x', 'gotcha')").unwrap_err();
    assert!(matches!(error, ArchiveError::UnsafePath { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path().join("elsewhere")).unwrap().count(), 0);
}

#[test]
fn an_entry_given_twice_is_refused_and_folders_are_created() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "z.writestr('d/', ''); z.writestr('d/e/', ''); z.writestr('d/x', '1'); z.writestr('d/x', '2')";
    let error = extract_made_by_python(folder.path(), script).unwrap_err();
    assert!(error.to_string().contains("same path"), "{error}");
    assert!(folder.path().join("deep/out/d/e").is_dir());
    assert_eq!(fs::read(folder.path().join("deep/out/d/x")).unwrap(), b"1");
}

#[test]
fn entries_that_share_their_bytes_are_refused() {
    // One body under two names, and one entry whose body contains the header and body of another. This is how
    // small archives are made to unpack to petabytes.
    let shared = "import copy; z.writestr('a', 'x' * 1000)\n\
                  i = copy.copy(z.filelist[0]); i.filename = 'b'; z.filelist.append(i)";
    let nested = "import io; inner = io.BytesIO(); y = zipfile.ZipFile(inner, 'w')\n\
                  y.writestr('b', 'x' * 1000); y.close()\n\
                  z.writestr('a', inner.getvalue()[:y.start_dir])\n\
                  i = y.filelist[0]; i.header_offset = 31; z.filelist.append(i)";
    for script in [shared, nested] {
        let folder = tempfile::tempdir().unwrap();
        let error = extract_made_by_python(folder.path(), script).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    }
}

#[test]
fn limits_stop_an_extraction() {
    let files = files(1, &[500, 500, 2_000_000]);
    let written = archive(Level::Default, None, &files);
    let defaults = Limits::default();
    let cases = [
        (Limits { entries_max: 2, ..defaults }, "2 entries"),
        (Limits { bytes_max: 2_000_999, ..defaults }, "2000999 bytes"),
        (Limits { ratio_max: 0, ..defaults }, "one part in 0"),
    ];
    for (limits, named) in cases {
        let folder = tempfile::tempdir().unwrap();
        let options = ExtractOptions { limits, ..ExtractOptions::default() };
        let error = extract(&written.parts(), folder.path(), &options, |_| ()).unwrap_err();
        assert!(matches!(&error, ArchiveError::LimitExceeded { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { entries_max: 3, bytes_max: 2_001_000, ..defaults };
    let options = ExtractOptions { limits, ..ExtractOptions::default() };
    extract(&written.parts(), folder.path(), &options, |_| ()).unwrap();
}

#[test]
fn existing_files_stay_unless_forced() {
    let files = files(1, &[500, 90_000]);
    let written = archive(Level::Default, Some(65_536), &files);
    let folder = tempfile::tempdir().unwrap();
    let (at, joined) = (folder.path().join("out"), folder.path().join("j.zip"));
    let standing = at.join(&files[1].0);
    fs::create_dir_all(standing.parent().unwrap()).unwrap();
    for path in [&standing, &joined] {
        fs::write(path, "precious").unwrap();
    }
    let mut options = ExtractOptions::default();
    let error = extract(&written.parts(), &at, &options, |_| ()).unwrap_err();
    assert!(matches!(&error, ArchiveError::Exists { path } if *path == standing), "{error}");
    assert!(matches!(join(&written.parts(), &joined, false), Err(ArchiveError::Exists { .. })));
    for path in [&standing, &joined] {
        assert_eq!(fs::read(path).unwrap(), b"precious");
    }
    options.force = true;
    extract(&written.parts(), &at, &options, |_| ()).unwrap();
    assert_extracted(&at, &files);
    join(&written.parts(), &joined, true).unwrap();
    succeed(folder.path(), &["unzip", "-tqq", "j.zip"]);
}

#[test]
fn a_damaged_entry_gets_no_file_and_is_named_with_its_part() {
    let files = files(1, &[500, 200_000, 9]);
    let mut written = archive(Level::Store, Some(65_536), &files);
    let mut part = written.parts[2].concat();
    part[1_000] ^= 1;
    written.parts[2] = vec![part.into()];
    let folder = tempfile::tempdir().unwrap();
    let error = extract(&written.parts(), folder.path(), &ExtractOptions::default(), |_| ()).unwrap_err();
    assert!(error.to_string().contains(&files[1].0) && error.to_string().contains("CRC"), "{error}");
    assert!(!folder.path().join(&files[1].0).exists());
}

#[test]
fn parts_exchanged_repeated_or_of_another_set_are_found() {
    let files = files(1, &[500, 200_000, 9]);
    let change = |change: fn(&mut Vec<Vec<bytes::Bytes>>)| {
        let mut written = archive(Level::Store, Some(65_536), &files);
        change(&mut written.parts);
        verify(&written.parts(), |_| ()).unwrap_err().to_string()
    };
    let exchanged = change(|parts| parts.swap(1, 2));
    assert!(exchanged.contains("damaged"), "{exchanged}");
    let extra = change(|parts| parts.insert(1, parts[1].clone()));
    assert!(extra.contains("another set"), "{extra}");
    let cut = change(|parts| {
        let last = parts.len() - 1;
        let bytes = parts[last].concat();
        parts[last] = vec![bytes[..bytes.len() - 3].to_vec().into()];
    });
    assert!(cut.contains("memory.zip is damaged: it does not end as an archive does"), "{cut}");
    let appended = change(|parts| parts.last_mut().unwrap().push(bytes::Bytes::from_static(b"x")));
    assert!(appended.contains("and 1 bytes follow: something was added"), "{appended}");
}

#[test]
fn a_directory_that_leaves_an_entry_out_is_found() {
    let files = files(1, &[500, 100, 300]);
    let mut written = archive(Level::Store, None, &files[..2]);
    // Insert another entry before the directory, which does not list it. The offsets are adjusted to agree.
    let other = archive(Level::Store, None, &files[2..]).parts[0].concat();
    let mut bytes = written.parts[0].concat();
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let entry = other.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let end = bytes.len() - 6;
    let moved = (directory + entry) as u32;
    bytes[end..end + 4].copy_from_slice(&moved.to_le_bytes());
    bytes.splice(directory..directory, other[..entry].iter().copied());
    written.parts[0] = vec![bytes.into()];
    let error = verify(&written.parts(), |_| ()).unwrap_err().to_string();
    assert!(error.contains("does not list the entry"), "{error}");
}

#[test]
fn a_directory_that_says_something_else_than_the_headers_is_found() {
    let files = files(1, &[500, 100]);
    for (offset, named) in
        [(16, "do not agree"), (24, "do not agree"), (42, "where there is no entry"), (46, "do not agree")]
    {
        let mut written = archive(Level::Store, None, &files);
        let mut bytes = written.parts[0].concat();
        let record = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        bytes[record + offset] ^= 1;
        written.parts[0] = vec![bytes.into()];
        let error = verify(&written.parts(), |_| ()).unwrap_err().to_string();
        assert!(error.contains(named), "{offset}: {error}");
    }
    let mut written = archive(Level::Store, None, &files);
    let mut bytes = written.parts[0].concat();
    let end = bytes.len() - 22;
    bytes[end + 12] ^= 1;
    written.parts[0] = vec![bytes.into()];
    let error = verify(&written.parts(), |_| ()).unwrap_err().to_string();
    assert!(error.contains("its end does not agree"), "{error}");
}

#[test]
fn an_entry_that_inflates_to_more_than_it_says_is_cut_short() {
    let files = files(1, &[10, 100_000]);
    let mut written = archive(Level::Default, None, &files);
    let mut bytes = written.parts[0].concat();
    let header = bytes.windows(4).rposition(|window| window == b"PK\x03\x04").unwrap();
    bytes[header + 22..header + 26].copy_from_slice(&50_000u32.to_le_bytes());
    written.parts[0] = vec![bytes.into()];
    let folder = tempfile::tempdir().unwrap();
    let error = extract(&written.parts(), folder.path(), &ExtractOptions::default(), |_| ()).unwrap_err();
    assert!(error.to_string().contains("longer than its header says"), "{error}");
    assert!(!folder.path().join(&files[1].0).exists());
}

#[test]
fn a_reader_that_fails_is_quoted() {
    let files = files(1, &[500, 100_000]);
    let folder = tempfile::tempdir().unwrap();
    let saved = archive(Level::Store, Some(65_536), &files).save(folder.path(), "x");
    let set = PartSet::find(&saved[0]).unwrap();
    let parts = set.parts_with(|_| Err(std::io::Error::other("wrong key")));
    let error = verify(&parts, |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "cannot open part x.zip");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "wrong key");
}
