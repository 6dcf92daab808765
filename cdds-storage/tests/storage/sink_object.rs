//! The contract of the sink (`ports::sink`), kept by `ObjectSink` on a local folder and on a store in memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cdds_core::ports::sink::{Key, ObjectVersion, Prefix, Sink, SinkError, SinkErrorKind};
use cdds_core::testing::conformance::{self, sink::Clause};
use cdds_storage::sink::ObjectSink;
use futures::TryStreamExt;
use futures::executor::block_on;
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;

fn local() -> (TempDir, ObjectSink) {
    let folder = tempfile::tempdir().unwrap();
    let sink = ObjectSink::local(folder.path()).unwrap();
    (folder, sink)
}

#[test]
fn each_store_keeps_the_contract_of_the_sink() {
    let (_folder, folder) = local();
    block_on(conformance::sink::check(|| Arc::new(folder.clone()))).assert();
    let memory = ObjectSink::new(Arc::new(object_store::memory::InMemory::new()));
    let report = block_on(conformance::sink::check(|| Arc::new(memory.clone())));
    // `object_store` cannot find the unfinished uploads of a key.
    let broken: Vec<_> = report.broken.iter().map(|broken| broken.clause).collect();
    assert_eq!(broken, [Clause::DeleteEndsUploads], "{report}");
}

/// Returns bytes that differ from place to place, so that misplaced parts are noticed.
fn content(bytes: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes + 8);
    let mut word = 1_u64;
    while content.len() < bytes {
        word = word.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (word >> 29);
        content.extend_from_slice(&word.to_le_bytes());
    }
    content.truncate(bytes);
    content
}

fn put(sink: &ObjectSink, key: &Key, chunks: &[&[u8]]) -> Result<u64, SinkError> {
    block_on(async {
        let mut upload = sink.begin(key).await?;
        for chunk in chunks {
            upload.write(Bytes::copy_from_slice(chunk)).await?;
        }
        Ok(upload.finish().await?.bytes)
    })
}

fn list(sink: &ObjectSink, prefix: &str) -> Vec<String> {
    let keys = block_on(sink.list(&Prefix::new(prefix))).unwrap();
    let mut keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    keys.sort();
    keys
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

async fn get_kind(sink: &ObjectSink, key: &Key) -> SinkErrorKind {
    sink.read(key, 0).await.err().expect("the object is readable").kind()
}

#[test]
fn what_a_crash_leaves_is_listed_and_deleted() {
    let (folder, sink) = local();
    let key = Key::new("e/1/000002");
    put(&sink, &Key::new("e/1/000001"), &[b"whole"]).unwrap();
    for _crash in 0..2 {
        block_on(async {
            let mut upload = sink.begin(&key).await.unwrap();
            upload.write(Bytes::from(content(9 * MIB))).await.unwrap();
            // Forgotten, as after a crash: nothing cleans up.
            std::mem::forget(upload);
        });
    }
    assert!(folder.path().join("e/1/000002#2").exists(), "the store names unfinished uploads otherwise");
    assert_eq!(block_on(get_kind(&sink, &key)), SinkErrorKind::NotFound);
    assert_eq!(list(&sink, "e/1"), ["e/1/000001", "e/1/000002"]);

    block_on(sink.delete(&key)).unwrap();
    assert_eq!(list(&sink, ""), ["e/1/000001"]);
    block_on(sink.delete(&Key::new("e/1/000001"))).unwrap();
    block_on(sink.delete(&key)).unwrap();
    assert_eq!(files(folder.path()), 0, "empty folders are removed with the last file");
}

#[test]
fn an_upload_that_was_swept_cannot_become_visible() {
    let (_folder, sink) = local();
    let key = Key::new("e/1/000001");
    let error = block_on(async {
        let mut upload = sink.begin(&key).await.unwrap();
        upload.write(Bytes::from(content(9 * MIB))).await.unwrap();
        sink.delete(&key).await.unwrap();
        upload.finish().await.unwrap_err()
    });
    assert_eq!(error.kind(), SinkErrorKind::Unavailable);
    assert_eq!(block_on(get_kind(&sink, &key)), SinkErrorKind::NotFound);
}

#[test]
fn keys_cannot_leave_the_folder() {
    let (folder, sink) = local();
    let outside = folder.path().with_extension("outside");
    std::fs::write(&outside, "secret").unwrap();
    let name = outside.file_name().unwrap().to_str().unwrap();
    for key in ["", "/", "..", &format!("../{name}"), &format!("e/../../{name}"), "a//b", "a#1"] {
        let key = Key::new(key);
        assert_eq!(block_on(get_kind(&sink, &key)), SinkErrorKind::Refused, "{key:?}");
        assert_eq!(block_on(sink.delete(&key)).unwrap_err().kind(), SinkErrorKind::Refused, "{key:?}");
        assert_eq!(put(&sink, &key, &[b"x"]).unwrap_err().kind(), SinkErrorKind::Refused, "{key:?}");
    }
    assert_eq!(std::fs::read(&outside).unwrap(), b"secret");
    std::fs::remove_file(&outside).unwrap();
}

#[test]
fn a_folder_must_exist_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let missing = ObjectSink::local(folder.path().join("missing")).unwrap_err();
    assert_eq!(missing.kind(), SinkErrorKind::NotFound);
    assert!(missing.to_string().contains("missing"), "{missing}");
    std::fs::write(folder.path().join("file"), "").unwrap();
    let file = ObjectSink::local(folder.path().join("file")).unwrap_err();
    assert_eq!(file.kind(), SinkErrorKind::Refused);

    // A store whose folder is gone is not mistaken for an empty one.
    let sink = ObjectSink::local(folder.path()).unwrap();
    drop(folder);
    assert!(block_on(sink.list(&Prefix::new(""))).is_err());
    assert!(block_on(sink.delete(&Key::new("e/1/000001"))).is_err());
}

#[test]
fn a_failed_upload_stays_failed() {
    let (folder, sink) = local();
    // A file in the place of the folder.
    std::fs::write(folder.path().join("e"), "").unwrap();
    block_on(async {
        let mut upload = sink.begin(&Key::new("e/1/000001")).await.unwrap();
        upload.write(Bytes::from(content(9 * MIB))).await.unwrap_err();
        std::fs::remove_file(folder.path().join("e")).unwrap();
        upload.write(Bytes::from_static(b"more")).await.unwrap_err();
        let error = upload.finish().await.unwrap_err();
        assert!(error.to_string().contains("an earlier part of it failed"), "{error}");
    });
    assert!(list(&sink, "").is_empty());
}

#[test]
#[cfg(unix)]
fn a10_others_are_kept_out_of_a_folder_that_they_may_enter() {
    use std::os::unix::fs::PermissionsExt;

    rustix::process::umask(rustix::fs::Mode::empty());
    let (folder, sink) = local();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    for (key, bytes) in [("e/1/000001", 10), ("f/1/000001", 8 * MIB)] {
        let (contents, key) = (content(bytes), Key::new(key));
        let mut upload = block_on(sink.begin(&key)).unwrap();
        block_on(upload.write(Bytes::from(contents))).unwrap();
        let claim = key.folder();
        assert_eq!(mode(claim), 0o700, "before anything can be read in it");
        block_on(upload.finish()).unwrap();
        assert_eq!([mode(claim), mode(key.as_str())], [0o700, 0o600]);
    }
    assert_eq!([mode("e"), mode("f")], [0o700; 2]);
    assert_eq!(mode(""), 0o755, "somebody has chosen it");
}

/// Returns the version of an object as soon as the store tells one.
fn version(sink: &ObjectSink, key: &Key) -> ObjectVersion {
    loop {
        match block_on(sink.read_range(key, 0..0)).unwrap().version {
            Some(version) => return version,
            None => pause(Duration::from_millis(100)),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the file system has a clock of its own")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[test]
fn a12_files_of_a_folder_have_a_version_once_they_are_a_while_old() {
    let (folder, sink) = local();
    let key = Key::new("e/1/000001");
    put(&sink, &key, &[b"abcdef"]).unwrap();
    let first = version(&sink, &key);
    let read = block_on(sink.read_range(&key, 2..4)).unwrap();
    assert_eq!(read.version.as_ref(), Some(&first));
    let chunks: Vec<Bytes> = block_on(read.chunks.try_collect()).unwrap();
    assert_eq!(chunks.concat(), b"cd");

    let file = folder.path().join("e/1/000001");
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    std::fs::write(&file, "abXdef").unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
    let young = block_on(sink.read_range(&key, 0..0)).unwrap().version;
    assert_eq!(young, None, "it may be changed again in the same step of the clock");
    assert_ne!(version(&sink, &key), first);
}

#[test]
fn a12_objects_of_a_bucket_have_the_version_of_their_entity_tag() {
    let sink = ObjectSink::new(Arc::new(object_store::memory::InMemory::new()));
    let key = Key::new("e/1/000001");
    put(&sink, &key, &[b"abcdef"]).unwrap();
    let read = block_on(sink.read_range(&key, 2..4)).unwrap();
    assert_eq!(read.version, Some(version(&sink, &key)));
    put(&sink, &key, &[b"abXdef"]).unwrap();
    assert_ne!(read.version, Some(version(&sink, &key)));
}
