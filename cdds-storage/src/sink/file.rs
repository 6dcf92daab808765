//! Reads a file of a local folder, and tells which version of it that is.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cdds_core::ports::sink::ObjectVersion;

/// Maximum number of bytes that a read returns at once.
const CHUNK_BYTES_MAX: u64 = 64 * 1024;

/// How old the last change of a file must be before its times tell versions apart: two changes in one step of the file
/// system's clock have the same time. The largest step is the two seconds of FAT.
const OLD: Duration = Duration::from_secs(2);

/// A range of a file that is being read.
#[derive(Debug)]
pub(super) struct FileRange {
    file: File,
    /// The number of bytes that are still to be read.
    left: u64,
    /// The version of the open file, whose changes end the reading.
    watched: Option<ObjectVersion>,
}

impl FileRange {
    /// Opens a range of a file; returns its version, too. Blocks.
    #[expect(clippy::disallowed_methods, reason = "the times of files are those of the system's clock")]
    pub(super) fn open(path: &Path, range: &Range<u64>) -> io::Result<(Option<ObjectVersion>, Self)> {
        let mut file = File::open(path)?;
        let found = file.metadata()?;
        if found.is_dir() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let version = version(&found, SystemTime::now());
        // File systems refuse to seek beyond the largest size that they support.
        file.seek(SeekFrom::Start(range.start.min(found.len())))?;
        let left = range.end.saturating_sub(range.start);
        // Who reads to the end compares the digest, and a backup that makes a link to the file must not end that.
        let watched = if range.end < u64::MAX { version.clone() } else { None };
        Ok((version, Self { file, left, watched }))
    }

    /// Reads the next chunk; `None` at the end. Blocks.
    pub(super) fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let bytes = self.left.min(CHUNK_BYTES_MAX);
        let mut chunk = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        Read::by_ref(&mut self.file).take(bytes).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return self.unchanged().map(|()| None);
        }
        self.left -= chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), self)))
    }

    /// Checks that the file still is what it was when it was opened.
    fn unchanged(&self) -> io::Result<()> {
        if self.watched.is_some() && self.watched != Some(stamp(&self.file.metadata()?)) {
            return Err(io::Error::other("the file was changed while it was read: read it again"));
        }
        Ok(())
    }
}

/// Returns the version of a file; `None` if it was changed so lately that its times may not tell the next change.
fn version(found: &Metadata, now: SystemTime) -> Option<ObjectVersion> {
    let age = now.duration_since(changed(found)?).ok()?;
    (age > OLD).then(|| stamp(found))
}

/// Returns the time of the last change of a file, its contents or its times, which nobody can set.
#[cfg(unix)]
fn changed(found: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let (seconds, nanos) = (u64::try_from(found.ctime()).ok()?, u32::try_from(found.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

/// Returns the place of a file on its disk, its size, and its times.
#[cfg(unix)]
fn stamp(found: &Metadata) -> ObjectVersion {
    use std::os::unix::fs::MetadataExt;
    let place = format!("{}-{}-{}", found.dev(), found.ino(), found.size());
    let written = format!("{}.{:09}", found.mtime(), found.mtime_nsec());
    ObjectVersion::new(format!("{place}-{written}-{}.{:09}", found.ctime(), found.ctime_nsec()))
}

/// Elsewhere files have no time that nobody can set.
#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<SystemTime> {
    None
}

#[cfg(not(unix))]
fn stamp(found: &Metadata) -> ObjectVersion {
    ObjectVersion::new(found.len().to_string())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// Returns the version of a file to a reader whose clock is ahead.
    #[expect(clippy::disallowed_methods, reason = "the times of files are those of the system's clock")]
    fn read_at(path: &Path, later: Duration) -> Option<ObjectVersion> {
        version(&fs::metadata(path).ok()?, SystemTime::now() + later)
    }

    const LATER: Duration = Duration::from_secs(60);

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the times of files are those of the system's clock")]
    fn a12_a_file_that_was_just_written_has_no_version_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001");
        fs::write(&path, "abc").unwrap();
        assert_eq!(read_at(&path, Duration::ZERO), None);
        assert!(read_at(&path, LATER).is_some());
        assert_eq!(read_at(&path, LATER), read_at(&path, 2 * LATER));
        let before = SystemTime::now() - LATER;
        assert_eq!(version(&fs::metadata(&path).unwrap(), before), None, "a clock that was set back");
    }

    #[test]
    fn a12_a_file_that_is_written_to_has_another_version_even_if_its_time_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001");
        fs::write(&path, "abc").unwrap();
        let (before, written) =
            (read_at(&path, LATER).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
        let file = File::options().write(true).open(&path).unwrap();
        // Its next change, in whatever step of the file system's clock.
        loop {
            file.write_all_at(b"X", 1).unwrap();
            file.set_modified(written).unwrap();
            let after = read_at(&path, LATER).unwrap();
            if changed(&fs::metadata(&path).unwrap()) != changed_in(&before) {
                assert_ne!(after, before);
                break;
            }
        }
    }

    /// Returns the time of the last change that a version names.
    fn changed_in(version: &ObjectVersion) -> Option<SystemTime> {
        let (seconds, nanos) = version.as_str().rsplit_once('-')?.1.split_once('.')?;
        let since = Duration::new(seconds.parse().ok()?, nanos.parse().ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }

    #[test]
    fn a12_another_file_in_its_place_has_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("000001"), folder.path().join("other"));
        fs::write(&path, "abc").unwrap();
        let before = read_at(&path, LATER);
        fs::write(&other, "abX").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(read_at(&path, LATER), before);
    }

    #[test]
    fn a12_a_range_ends_with_an_error_if_the_file_is_changed_meanwhile_and_a_whole_read_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001");
        for (until, fails) in [(4, true), (u64::MAX, false)] {
            fs::write(&path, "abcdef").unwrap();
            let (_, mut range) = FileRange::open(&path, &(1..until)).unwrap();
            // As if it had been opened a while ago.
            range.watched = (until < u64::MAX).then(|| stamp(&fs::metadata(&path).unwrap()));
            let (chunk, rest) = range.next().unwrap().unwrap();
            assert_eq!(chunk, if fails { "bcd" } else { "bcdef" });
            fs::write(&path, "abcdefg").unwrap();
            let end = rest.next();
            assert_eq!(end.is_err(), fails, "{end:?}");
        }
    }
}
