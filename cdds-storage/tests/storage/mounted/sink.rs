//! A full file system, and one that is read-only.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, SinkErrorKind};
use cdds_storage::sink::ObjectSink;
use futures::executor::block_on;
use tempfile::TempDir;

/// A file system in memory, which is unmounted at the end.
struct Mounted(TempDir);

impl Mounted {
    fn new(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"], folder.path());
        Self(folder)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &[], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let status = Command::new(program).args(arguments).arg(path).status().unwrap();
    assert!(status.success(), "{program} failed");
}

/// Writes in pieces, and aborts after a failure, as the engine does.
fn put(sink: &ObjectSink, bytes: usize) -> Result<(), SinkError> {
    block_on(async {
        let mut upload = sink.begin(&Key::new("e/1/000001")).await?;
        for _ in 0..bytes / 65_536 {
            if let Err(error) = upload.write(Bytes::from(vec![7; 65_536])).await {
                upload.abort().await?;
                return Err(error);
            }
        }
        upload.finish().await.map(drop)
    })
}

#[test]
#[ignore = "mounts file systems, which takes root"]
fn a_full_store_says_so_and_keeps_nothing_half_made() {
    let mounted = Mounted::new("size=4m");
    let sink = ObjectSink::local(mounted.0.path()).unwrap();
    for bytes in [4_500_000, 5_600_000, 24 << 20] {
        let error = put(&sink, bytes).unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Full, "{}", error.report());
        assert!(block_on(sink.list(&Prefix::new(""))).unwrap().is_empty(), "{bytes} bytes");
    }
    put(&sink, 1 << 20).unwrap();
}

#[test]
#[ignore = "mounts file systems, which takes root"]
fn a_store_that_may_not_be_written_refuses() {
    let mounted = Mounted::new("size=4m,ro");
    let sink = ObjectSink::local(mounted.0.path()).unwrap();
    for bytes in [65_536, 24 << 20] {
        let error = put(&sink, bytes).unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Refused, "{}", error.report());
    }
}
