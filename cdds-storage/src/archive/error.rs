//! Errors from reading an archive.

use std::io;
use std::path::PathBuf;

/// The reason why an archive cannot be found, read, joined or extracted.
///
/// `Display` names the part and the entry; it does not repeat the `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// A file could not be read or written.
    #[error("{context}")]
    Io {
        /// The attempted operation, with the name of the file.
        context: String,
        /// The reason given by the system or by the supplied reader, such as a failed decryption.
        source: io::Error,
    },
    /// The path does not name a part.
    #[error(
        "{path:?} is not a part of an archive: its name must end in .zip or .zNN, with .smime if it is sealed"
    )]
    NotAPart {
        /// The path as given.
        path: PathBuf,
    },
    /// Parts of the set are missing.
    #[error("{} missing from {folder:?}: fetch the whole set", name_missing(.parts))]
    MissingParts {
        /// File names of the missing parts in reading order, at most the first thousand.
        parts: Vec<String>,
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// The bytes violate the format or contradict each other.
    #[error("{part} is damaged{}: {reason}", in_entry(.entry))]
    Damaged {
        /// File name of the part.
        part: String,
        /// Path of the entry, if one was being read.
        entry: Option<String>,
        /// The fault.
        reason: String,
    },
    /// The archive is valid but uses a feature that this reader does not support.
    #[error("{part} cannot be read here{}: {reason}", in_entry(.entry))]
    Unsupported {
        /// File name of the part.
        part: String,
        /// Path of the entry, if one was being read.
        entry: Option<String>,
        /// The unsupported feature, and what to do.
        reason: String,
    },
    /// An entry's path could lead outside the target folder, or is the same as another entry's.
    #[error("entry {entry:?} is refused: {reason}")]
    UnsafePath {
        /// The path as in the archive.
        entry: String,
        /// The reason for refusing it.
        reason: String,
    },
    /// The archive exceeds the caller's limits.
    #[error("reading stopped at entry {entry:?}: {limit}; raise the limit if the archive can be trusted")]
    LimitExceeded {
        /// Path of the entry that would cross the limit.
        entry: String,
        /// The limit.
        limit: String,
    },
    /// A file of this name already exists.
    #[error("{path:?} already exists: remove it, choose another place, or force overwriting")]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

impl ArchiveError {
    pub(super) fn io(context: impl Into<String>, source: io::Error) -> Self {
        Self::Io { context: context.into(), source }
    }

    /// Converts an error from [`Entry`](crate::archive::read::stream::Entry)'s `Read` back into the original
    /// error.
    pub(super) fn from_read(error: io::Error, context: impl FnOnce() -> String) -> Self {
        error.downcast::<Self>().unwrap_or_else(|source| Self::Io { context: context(), source })
    }
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Lists at most this many missing parts: a damaged set could claim to have billions.
pub(super) const MISSING_PARTS_MAX: usize = 1_000;

/// Spells out at most this many names.
const NAMES_MAX: usize = 5;

fn name_missing(parts: &[String]) -> String {
    let named = parts.get(..NAMES_MAX.min(parts.len())).unwrap_or_default().join(", ");
    match parts.len() {
        // Where the name of the given file does not show those of the others.
        0 => "parts are".to_owned(),
        1 => format!("part {named} is"),
        count if count <= NAMES_MAX => format!("parts {named} are"),
        count => format!("parts {named} and {} more are", count - NAMES_MAX),
    }
}

fn in_entry(entry: &Option<String>) -> String {
    entry.as_ref().map(|path| format!(" (entry {path:?})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_parts_are_named_up_to_a_handful() {
        let text = |count: usize| {
            let parts = (1..=count).map(|number| format!("e.z{number:02}")).collect();
            ArchiveError::MissingParts { parts, folder: "d".into() }.to_string()
        };
        assert_eq!(text(0), "parts are missing from \"d\": fetch the whole set");
        assert_eq!(text(1), "part e.z01 is missing from \"d\": fetch the whole set");
        assert_eq!(text(2), "parts e.z01, e.z02 are missing from \"d\": fetch the whole set");
        assert!(text(7).contains("e.z05 and 2 more are missing"), "{}", text(7));
    }

    #[test]
    fn a_typed_error_survives_the_way_through_read() {
        let error = io::Error::from(ArchiveError::NotAPart { path: "x".into() });
        assert!(matches!(ArchiveError::from_read(error, String::new), ArchiveError::NotAPart { .. }));
        let error = io::Error::other("disk");
        assert_eq!(ArchiveError::from_read(error, || "reading".to_owned()).to_string(), "reading");
    }
}
