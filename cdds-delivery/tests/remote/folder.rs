//! Folders.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{DestinationErrorKind, Session};
use cdds_core::ports::sink::SinkErrorKind;
use cdds_delivery::folder::FolderDestination;
use futures::executor::block_on;
use tempfile::TempDir;

use super::drill::{Abilities, connect, contents, deliver_a_set, fill_the_disk, path, read, refusal, write};

fn destination(folder: impl Into<PathBuf>) -> FolderDestination {
    FolderDestination::new(DestinationId::new("partner").unwrap(), folder)
}

/// A folder and a session in it, beside which lies the file `outside/secret`.
fn begun() -> (TempDir, PathBuf, Box<dyn Session>) {
    let all = tempfile::tempdir().unwrap();
    fs::create_dir(all.path().join("outside")).unwrap();
    fs::write(all.path().join("outside/secret"), "secret").unwrap();
    let inside = all.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let session = connect(&destination(&inside)).session;
    (all, inside, session)
}

#[test]
fn n1_a_folder_takes_a_set() {
    let folder = tempfile::tempdir().unwrap();
    deliver_a_set(&destination(folder.path()), Abilities { renames: true });
    assert!(folder.path().join("2026/11/manifest.json").exists());
}

#[test]
fn n1_a_folder_that_is_missing_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("mount");
    let (kind, told) = refusal(&destination(&missing));
    assert_eq!(kind, DestinationErrorKind::Unavailable, "{told}");
    assert!(told.contains("create it, mount it") && !missing.exists(), "{told}");
    fs::write(&missing, "").unwrap();
    assert_eq!(refusal(&destination(&missing)).0, DestinationErrorKind::Refused);
    let (kind, told) = refusal(&destination("inbound"));
    assert_eq!(kind, DestinationErrorKind::Refused);
    assert!(told.contains("relative"), "{told}");
}

#[test]
fn n1_links_below_the_folder_lead_nowhere() {
    let (all, inside, mut session) = begun();
    symlink(all.path().join("outside"), inside.join("link")).unwrap();
    symlink(all.path().join("outside/secret"), inside.join("file")).unwrap();
    block_on(async {
        for to in ["link/secret", "link/new", "link/deep/new"] {
            let error = session.create(&path(to)).await.unwrap_err();
            assert_eq!(error.kind(), DestinationErrorKind::Refused, "{}", error.report());
            assert!(error.to_string().contains("links are not followed"), "{error}");
            assert!(session.size(&path(to)).await.is_err() && session.remove(&path(to)).await.is_err());
        }
        for from in ["link/secret", "file"] {
            let error = read(session.as_mut(), from).await.unwrap_err();
            assert_eq!(error.kind(), DestinationErrorKind::Refused, "{}", error.report());
        }
        assert!(session.list(&path("link")).await.is_err() && session.size(&path("file")).await.is_err());
        write(session.as_mut(), "a", &contents(10, 1)).await.unwrap();
        assert!(session.rename(&path("a"), &path("link/a")).await.is_err());
        assert_eq!(write(session.as_mut(), "file", &contents(20, 2)).await, Ok(20), "the link is replaced");
    });
    assert_eq!(fs::read(all.path().join("outside/secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(all.path().join("outside")).unwrap().count(), 1);
    assert!(!fs::symlink_metadata(inside.join("file")).unwrap().is_symlink());
}

#[test]
fn n1_a_file_with_another_name_elsewhere_is_replaced_and_not_written_into() {
    let (all, inside, mut session) = begun();
    fs::hard_link(all.path().join("outside/secret"), inside.join("a")).unwrap();
    assert_eq!(block_on(write(session.as_mut(), "a", &contents(20, 1))), Ok(20));
    assert_eq!(fs::read(all.path().join("outside/secret")).unwrap(), b"secret");
    assert_eq!(fs::read(inside.join("a")).unwrap(), contents(20, 1));
}

#[test]
fn n1_what_is_no_file_and_what_is_no_name_is_refused() {
    let (_all, inside, mut session) = begun();
    fs::create_dir(inside.join("folder")).unwrap();
    fs::write(inside.join("file"), "").unwrap();
    assert!(Command::new("mkfifo").arg(inside.join("pipe")).status().unwrap().success());
    let long = "x".repeat(300);
    block_on(async {
        for to in ["folder", "file/a", &long] {
            let error = session.create(&path(to)).await.unwrap_err();
            assert_eq!(error.kind(), DestinationErrorKind::Refused, "{to}: {}", error.report());
        }
        for from in ["folder", "pipe"] {
            let error = read(session.as_mut(), from).await.unwrap_err();
            assert_eq!(error.kind(), DestinationErrorKind::Refused, "{from}: {}", error.report());
            assert!(session.size(&path(from)).await.is_err());
        }
        assert_eq!(write(session.as_mut(), "pipe", &contents(20, 1)).await, Ok(20), "a pipe is replaced");
    });
}

#[test]
fn a_folder_that_is_moved_away_is_still_the_one_that_was_opened() {
    let (all, inside, mut session) = begun();
    fs::rename(&inside, all.path().join("moved")).unwrap();
    symlink(all.path().join("outside"), &inside).unwrap();
    assert_eq!(block_on(write(session.as_mut(), "a", &contents(20, 1))), Ok(20));
    assert!(all.path().join("moved/a").exists() && !all.path().join("outside/a").exists());
}

#[test]
fn an_upload_that_is_aborted_is_gone_and_one_that_failed_takes_no_more() {
    let (_all, inside, mut session) = begun();
    block_on(async {
        let mut upload = session.create(&path("in/a")).await.unwrap();
        upload.write(Bytes::from_static(b"some")).await.unwrap();
        assert_eq!(fs::read(inside.join("in/a")).unwrap(), b"some");
        upload.abort().await.unwrap();
        assert!(!inside.join("in/a").exists());
        let mut upload = session.create(&path("in/a")).await.unwrap();
        // A write that ends before it is looked at is not dropped in the middle.
        while let Some(written) = futures::FutureExt::now_or_never(upload.write(contents(5_000_000, 1))) {
            written.unwrap();
        }
        let error = upload.write(Bytes::from_static(b"more")).await.err();
        let error = error.or(upload.finish().await.err()).unwrap();
        assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{}", error.report());
    });
}

/// A small disk, in a name space of mounts that ends with the value.
struct Disk {
    holder: Child,
    _folder: TempDir,
    path: PathBuf,
}

impl Disk {
    fn mounted() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let script = "mkdir disk && mount -t tmpfs -o size=4m disk disk && mkdir disk/in && echo mounted && exec sleep 1d";
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-ec", script])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut told).unwrap();
        assert_eq!(told, "mounted\n", "these tests mount a disk, and so have to be run by root");
        // The folders as the holder sees them.
        let root = PathBuf::from(format!("/proc/{}/root", holder.id()));
        let path = root.join(folder.path().strip_prefix("/").unwrap()).join("disk");
        Self { holder, _folder: folder, path }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn a_full_disk_is_told() {
    let disk = Disk::mounted();
    fill_the_disk(&destination(disk.path.join("in")), SinkErrorKind::Full);
}

#[test]
fn n3_a_mount_that_is_missing_is_noticed_although_the_folder_is_there() {
    let disk = Disk::mounted();
    drop(connect(&destination(disk.path.join("in")).with_mount(&disk.path)));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    for (inside, mount) in [
        (folder.path().join("in"), folder.path()),
        (folder.path().join("in"), disk.path.as_path()),
        (disk.path.join("in"), folder.path()),
    ] {
        let (kind, told) = refusal(&destination(inside).with_mount(mount));
        assert_eq!(kind, DestinationErrorKind::Unavailable, "{told}");
        assert!(told.contains("mount it"), "{told}");
    }
    let (kind, told) = refusal(&destination(folder.path()).with_mount(Path::new("/nowhere")));
    assert_eq!(kind, DestinationErrorKind::Unavailable, "{told}");
    assert!(told.contains("/nowhere"), "{told}");
}
