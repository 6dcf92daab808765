//! Archives of other programs, read by us.

use std::fs;
use std::path::Path;

use cdds_storage::archive::extract::{ExtractOptions, extract, verify};
use cdds_storage::archive::join::join;
use cdds_storage::archive::{ArchiveError, PartSet};

use super::java::{Java, LIBRARIES};
use super::support::{File, assert_extracted, files, succeed};

/// Creates a folder `in` with files of all kinds: noise and records, small, empty, nested, and over several
/// parts.
fn originals(folder: &Path) -> Vec<File> {
    let mut files = files(6, &[50_000, 300_000, 7, 120_000, 0]);
    files.push(("empty".to_owned(), bytes::Bytes::new()));
    files.push(("naïve/日本.json".to_owned(), files[1].1.slice(..70_000)));
    for (path, contents) in &files {
        let path = folder.join("in").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    files
}

/// Verifies, extracts and joins the archive whose last part is `name`, and has other programs read the joined
/// one.
fn assert_read(folder: &Path, name: &str, files: &[File], parts_least: usize) {
    let set = PartSet::find(&folder.join(name)).unwrap();
    assert!(set.names().len() >= parts_least, "{:?}", set.names());
    let (out, joined) = (format!("{name}-out"), format!("{name}-joined.zip"));
    assert!(verify(&set.parts(), |_| ()).unwrap().entries >= files.len() as u64, "{name}");
    extract(&set.parts(), &folder.join(&out), &ExtractOptions::default(), |_| ()).unwrap();
    assert_extracted(&folder.join(&out), files);
    join(&set.parts(), &folder.join(&joined), false).unwrap();
    succeed(folder, &["unzip", "-tqq", &joined]);
    succeed(folder, &["7zz", "t", &joined]);
}

#[test]
fn splits_made_by_info_zip_are_read_and_joined() {
    let folder = tempfile::tempdir().unwrap();
    let files = originals(folder.path());
    for (level, name) in [("-0", "stored.zip"), ("-6", "deflated.zip")] {
        let to = format!("../{name}");
        succeed(&folder.path().join("in"), &["zip", "-q", "-r", level, "-s", "64k", &to, "."]);
        assert_read(folder.path(), name, &files, 3);
    }
    succeed(&folder.path().join("in"), &["zip", "-q", "-r", "../plain.zip", "."]);
    assert_read(folder.path(), "plain.zip", &files, 1);
}

#[test]
fn splits_made_by_java_libraries_are_read_and_joined() {
    let (folder, java) = (tempfile::tempdir().unwrap(), Java::compile());
    let files = originals(folder.path());
    for library in LIBRARIES {
        for method in ["stored", "deflated"] {
            let name = format!("{library}-{method}.zip");
            java.run(folder.path(), library, &["make", &name, "in", "65536", method]);
            assert_read(folder.path(), &name, &files, 3);
        }
    }
}

/// Has Python write an archive to a target that cannot seek, so that CRC and sizes follow the data.
fn stream_by_python(folder: &Path, method: &str, zip64: bool) {
    let script = format!(
        "import zipfile, os
class Pipe:
  def __init__(self, file): self.file = file
  def write(self, data): return self.file.write(data)
  def flush(self): pass
zip = zipfile.ZipFile(Pipe(open('{method}-{zip64}.zip', 'wb')), 'w', zipfile.ZIP_{method})
for folder, _, names in sorted(os.walk('in')):
  for name in sorted(names):
    path = os.path.join(folder, name)
    with zip.open(os.path.relpath(path, 'in'), 'w', force_zip64={}) as entry: entry.write(open(path, 'rb').read())
zip.close()
",
        if zip64 { "True" } else { "False" }
    );
    succeed(folder, &["python3", "-c", &script]);
}

#[test]
fn sizes_behind_the_data_are_taken_from_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let files = originals(folder.path());
    for method in ["STORED", "DEFLATED"] {
        for zip64 in [false, true] {
            stream_by_python(folder.path(), method, zip64);
            let name = format!("{method}-{zip64}.zip");
            assert_read(folder.path(), &name, &files, 1);

            let whole = fs::read(folder.path().join(&name)).unwrap();
            let descriptor = whole.windows(4).position(|window| window == b"PK\x07\x08").unwrap();
            let record = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
            // Change the CRC, first behind the data and then in the directory.
            for at in [descriptor + 4, record + 16] {
                let mut altered = whole.clone();
                altered[at] ^= 1;
                fs::write(folder.path().join("altered.zip"), altered).unwrap();
                let set = PartSet::find(&folder.path().join("altered.zip")).unwrap();
                let error = verify(&set.parts(), |_| ()).unwrap_err();
                assert!(matches!(error, ArchiveError::Damaged { entry: Some(_), .. }), "{error}");
                assert!(error.to_string().contains("do not agree"), "{error}");
            }
        }
    }
}

#[test]
fn a_descriptor_without_its_signature_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/one"), "contents").unwrap();
    stream_by_python(folder.path(), "DEFLATED", false);
    let mut bytes = fs::read(folder.path().join("DEFLATED-false.zip")).unwrap();
    let descriptor = bytes.windows(4).position(|window| window == b"PK\x07\x08").unwrap();
    bytes.drain(descriptor..descriptor + 4);
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let offset = bytes.len() - 6;
    bytes[offset..offset + 4].copy_from_slice(&(directory as u32).to_le_bytes());
    fs::write(folder.path().join("x.zip"), bytes).unwrap();
    let files = [("one".to_owned(), bytes::Bytes::from_static(b"contents"))];
    assert_read(folder.path(), "x.zip", &files, 1);
}

/// Rewrites an archive that Python streamed with room for large sizes into the form that Java writes: the
/// header of the only entry does not mention zip64, and yet the sizes behind the data have eight bytes.
fn as_java_streams(folder: &Path, name: &str) {
    let mut bytes = fs::read(folder.join(name)).unwrap();
    let name_bytes = usize::from(u16::from_le_bytes([bytes[26], bytes[27]]));
    assert_eq!(&bytes[28..30], &[20, 0], "the zip64 field alone");
    bytes.drain(30 + name_bytes..50 + name_bytes);
    bytes[18..26].fill(0);
    bytes[28] = 0;
    let offset = bytes.len() - 6;
    let directory = u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap());
    bytes[offset..offset + 4].copy_from_slice(&(directory - 20).to_le_bytes());
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn sizes_behind_the_data_have_eight_bytes_whatever_the_header_says() {
    for contents in ["", "contents"] {
        for method in ["STORED", "DEFLATED"] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("in")).unwrap();
            fs::write(folder.path().join("in/one"), contents).unwrap();
            let name = format!("{method}-true.zip");
            stream_by_python(folder.path(), method, true);
            as_java_streams(folder.path(), &name);
            let files = [("one".to_owned(), bytes::Bytes::from_static(contents.as_bytes()))];
            assert_read(folder.path(), &name, &files, 1);
        }
    }
}

#[test]
#[ignore = "deflates and inflates 13 GB; run it after a change of the zip64 code"]
fn entries_above_4_gib_that_were_streamed_are_read() {
    const BYTES: u64 = (4 << 30) + 5;
    let folder = tempfile::tempdir().unwrap();
    let python = "import zipfile, sys
zip = zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_DEFLATED, compresslevel=1)
with zip.open('zeros', 'w', force_zip64=True) as entry:
  for _ in range(4096): entry.write(bytes(1 << 20))
  entry.write(bytes(5))
zip.close()
";
    fs::write(folder.path().join("stream.py"), python).unwrap();
    succeed(folder.path(), &["bash", "-c", "python3 stream.py | cat > python.zip"]);
    fs::copy(folder.path().join("python.zip"), folder.path().join("java.zip")).unwrap();
    as_java_streams(folder.path(), "java.zip");
    let info_zip = format!("head -c {BYTES} /dev/zero | zip -q -1 - - | cat > info.zip");
    succeed(folder.path(), &["bash", "-c", &info_zip]);
    for name in ["python.zip", "java.zip", "info.zip"] {
        let set = PartSet::find(&folder.path().join(name)).unwrap();
        let summary = verify(&set.parts(), |_| ()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((summary.entries, summary.bytes), (1, BYTES), "{name}");
    }
}

#[test]
fn what_stands_around_an_archive_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let files = originals(folder.path());
    succeed(&folder.path().join("in"), &["zip", "-q", "-r", "../plain.zip", "."]);
    let plain = fs::read(folder.path().join("plain.zip")).unwrap();
    let written = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        let set = PartSet::find(&folder.path().join(name)).unwrap();
        let error = verify(&set.parts(), |_| ()).unwrap_err();
        let joined = join(&set.parts(), &folder.path().join("j.zip"), false);
        (error.to_string(), joined.map_err(|error| error.to_string()))
    };
    for behind in [&b"x"[..], &[0; 512], &[b'y'; 200_000]] {
        let (why, _) = written("behind.zip", &[&plain, behind].concat());
        let end = plain.len();
        assert!(why.contains(&format!("ends at byte {end}, and {} bytes follow", behind.len())), "{why}");
        succeed(folder.path(), &["truncate", "-s", &end.to_string(), "behind.zip"]);
        assert_read(folder.path(), "behind.zip", &files, 1);
        fs::remove_file(folder.path().join("behind.zip-joined.zip")).unwrap();
        fs::remove_dir_all(folder.path().join("behind.zip-out")).unwrap();
    }
    for (front, kind) in [
        (&b"MZ and so on"[..], "a program"),
        (b"#!/bin/sh\nexit\n", "a script"),
        (b"\0\0\0\0\0", "something else"),
    ] {
        let (why, joined) = written("front.zip", &[front, &plain].concat());
        assert!(why.contains(&format!("begins only at byte {}", front.len())) && why.contains(kind), "{why}");
        assert!(joined.is_err(), "it would be passed on unseen");
        succeed(folder.path(), &["zip", "-q", "-A", "front.zip"]);
        let set = PartSet::find(&folder.path().join("front.zip")).unwrap();
        assert_eq!(
            verify(&set.parts(), |_| ()).unwrap_err().to_string(),
            why,
            "with places that were mended"
        );
        succeed(folder.path(), &["zip", "-q", "-J", "front.zip"]);
        assert_read(folder.path(), "front.zip", &files, 1);
        fs::remove_file(folder.path().join("front.zip-joined.zip")).unwrap();
        fs::remove_dir_all(folder.path().join("front.zip-out")).unwrap();
    }
    for (other, kind) in
        [(&b"<!DOCTYPE html><title>Log in"[..], "a web page"), (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive")]
    {
        let (why, _) = written("other.zip", other);
        assert!(why.contains(&format!("it is {kind}, not a ZIP archive")), "{why}");
    }
}
