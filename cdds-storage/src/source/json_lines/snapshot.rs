//! The files of a read in their state when it began.
//!
//! Files change while they are read: they grow, are rotated, truncated or replaced. So a read notes the
//! identity, the length and both ends of each file, reads no further than that length, and compares at the
//! end. If anything differs, the file was not read in its noted state, and the read ends as interrupted, to
//! be retried as a whole. Bytes appended meanwhile belong to the next read.
//!
//! Files are not held open from the note to the comparison, since a pattern may match more of them than a
//! process may have open.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use cdds_core::ports::source::{SourceError, SourceErrorKind};

use super::identity::Identity;
use super::lines::cannot_open;
use super::name::told;
use super::pattern::{self, Found};

/// How often files are noted anew if they are renamed during the search, and how long to wait in between.
/// During a rotation a file briefly has no name.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// How many bytes of a file are compared at its beginning and at its end.
const END_BYTES: u64 = 512;

/// A file in its state when the read began.
#[derive(Debug)]
pub(super) struct NotedFile {
    pub(super) path: PathBuf,
    /// Names it among the others, without revealing its place on this machine.
    pub(super) name: String,
    pub(super) bytes: u64,
    identity: Identity,
    /// Digest of the two ends: a file that is truncated and rewritten may by now be longer than before.
    ends: u64,
}

/// Notes every file that `path` names, in the order of their names.
///
/// # Errors
/// Those of [`pattern::find`], and of files that cannot be opened.
pub(super) fn note_all(source: &str, path: &str) -> Result<Vec<NotedFile>, SourceError> {
    let mut tries = 1;
    loop {
        match noted(source, path) {
            Err(error) if tries < TRIES && may_pass(&error) => {
                tries += 1;
                thread::park_timeout(PAUSE);
            }
            Ok(mut files) => {
                name_all(&mut files);
                return Ok(files);
            }
            Err(error) => return Err(error),
        }
    }
}

fn may_pass(error: &SourceError) -> bool {
    // Missing too: during a rotation the only file may have no name for a moment.
    matches!(error.kind(), SourceErrorKind::Interrupted | SourceErrorKind::Missing)
}

fn noted(source: &str, path: &str) -> Result<Vec<NotedFile>, SourceError> {
    let found = pattern::find(source, path)?;
    let mut files = found.iter().map(|file| note(source, file)).collect::<Result<Vec<_>, _>>()?;
    // A file that is renamed while its folder is listed may appear in no list, or in two.
    let again = pattern::find(source, path)?;
    let mut later = again.iter().peekable();
    for file in &found {
        // Both lists are sorted. New files are noted too, since one of them may be missing from the first
        // list.
        while let Some(new) = later.next_if(|new| new.path < file.path) {
            files.push(note(source, new)?);
        }
        later.next_if(|same| same.path == file.path && same.identity == file.identity).ok_or_else(|| {
            let message =
                format!("{source}: {} was replaced while the files were being listed", told(&file.path));
            SourceError::new(SourceErrorKind::Interrupted, message)
        })?;
    }
    for new in later {
        files.push(note(source, new)?);
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn note(source: &str, found: &Found) -> Result<NotedFile, SourceError> {
    let path = &found.path;
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(changed(source, path, "vanished"));
        }
        file => file.map_err(|error| cannot_open(path, error))?,
    };
    let noted = (|| {
        let metadata = file.metadata()?;
        // Length and ends come from the open file: the path may lead to another one by now.
        let (identity, bytes) = (Identity::of(path, &metadata)?, metadata.len());
        let ends = ends(&mut file, bytes)?;
        Ok(NotedFile { path: path.clone(), name: String::new(), bytes, identity, ends })
    })();
    let noted = noted.map_err(|error| cannot_compare(source, path, error))?;
    match noted.identity == found.identity {
        true => Ok(noted),
        false => Err(changed(source, path, "was replaced")),
    }
}

impl NotedFile {
    /// Opens the file, if it is still the same one.
    pub(super) fn open(&self, source: &str) -> Result<File, SourceError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(changed(source, &self.path, "vanished"));
            }
            file => file.map_err(|error| cannot_open(&self.path, error))?,
        };
        let metadata = file.metadata();
        let metadata = metadata.map_err(|error| cannot_compare(source, &self.path, error))?;
        self.compare(source, &metadata)?;
        Ok(file)
    }

    /// Compares the file with its noted state after reading; `file` is the file that was read.
    ///
    /// # Errors
    /// [`SourceErrorKind::Interrupted`] if the file is shorter, gone or replaced, or if its ends differ.
    pub(super) fn check_unchanged(&self, source: &str, file: &mut File) -> Result<(), SourceError> {
        let path = &self.path;
        // The path, since `file` stays the same one however often it is replaced there.
        let now = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(changed(source, path, "vanished"));
            }
            now => now.map_err(|error| cannot_compare(source, path, error))?,
        };
        self.compare(source, &now)?;
        // The ends of the noted length: what was appended behind it is no change.
        let ends = ends(file, self.bytes).map_err(|error| cannot_compare(source, path, error))?;
        match ends == self.ends {
            true => Ok(()),
            false => Err(changed(source, path, "was rewritten")),
        }
    }

    /// Whether nobody has written to the file for this long, as far as its file system shows.
    pub(super) fn is_at_rest(&self, at_least: Duration) -> bool {
        let modified = fs::metadata(&self.path).and_then(|metadata| metadata.modified());
        #[expect(clippy::disallowed_methods, reason = "the times of files are told by the system's clock")]
        let now = SystemTime::now();
        modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|since| since >= at_least))
    }

    fn compare(&self, source: &str, now: &fs::Metadata) -> Result<(), SourceError> {
        let identity =
            Identity::of(&self.path, now).map_err(|error| cannot_compare(source, &self.path, error))?;
        if identity != self.identity {
            return Err(changed(source, &self.path, "was replaced"));
        }
        if now.len() < self.bytes {
            return Err(changed(source, &self.path, "was cut short"));
        }
        Ok(())
    }
}

/// Returns a digest of the bytes at the beginning of a file and of those before byte `bytes`.
fn ends(file: &mut File, bytes: u64) -> io::Result<u64> {
    let mut digest = DefaultHasher::new();
    let mut text = Vec::new();
    for start in [0, bytes.saturating_sub(END_BYTES)] {
        text.clear();
        file.seek(SeekFrom::Start(start))?;
        file.take(END_BYTES.min(bytes)).read_to_end(&mut text)?;
        digest.write(&text);
    }
    Ok(digest.finish())
}

fn changed(source: &str, path: &Path, what: &str) -> SourceError {
    SourceError::new(
        SourceErrorKind::Interrupted,
        format!("{source}: {} {what} after the read began: the whole read will be tried again", told(path)),
    )
}

fn cannot_compare(source: &str, path: &Path, error: io::Error) -> SourceError {
    let message = format!("{source}: cannot tell whether {} is unchanged", told(path));
    SourceError::with_source(SourceErrorKind::Interrupted, message, error)
}

/// Names files by the parts of their paths that differ.
fn name_all(files: &mut [NotedFile]) {
    let mut common = files.first().and_then(|file| file.path.parent()).unwrap_or(Path::new(""));
    for file in &*files {
        while !file.path.starts_with(common) {
            common = common.parent().unwrap_or(Path::new(""));
        }
    }
    let common = common.to_owned();
    for file in files {
        file.name = told(file.path.strip_prefix(&common).unwrap_or(&file.path));
    }
}
