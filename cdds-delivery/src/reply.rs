//! What servers answer, made fit for errors.

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind};
use cdds_core::ports::sink::{SinkError, SinkErrorKind};

/// Returns a server's words on one line, without control characters, and at most 200 characters of them.
#[cfg(any(feature = "object", feature = "sftp", feature = "ftp"))]
pub(crate) fn said(words: &str) -> String {
    let is_between = |c: char| c.is_control() || c.is_whitespace();
    let words: Vec<&str> = words.split(is_between).filter(|word| !word.is_empty()).collect();
    let mut said = words.join(" ");
    if let Some((end, _)) = said.char_indices().nth(200) {
        said.truncate(end);
        said.push('…');
    }
    said
}

/// Returns whether a server's words say that it has no room left: protocols have one code for many failures.
#[cfg(any(feature = "object", feature = "sftp", feature = "ftp"))]
pub(crate) fn tells_of_no_room(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["space", "quota", "disk full", "disc full", "storage allocation"].iter().any(|word| words.contains(word))
}

/// Turns the error of a destination into that of an upload.
pub(crate) fn of_upload(error: &DestinationError) -> SinkError {
    let kind = match error.kind() {
        DestinationErrorKind::Full => SinkErrorKind::Full,
        DestinationErrorKind::Refused => SinkErrorKind::Refused,
        DestinationErrorKind::NotFound => SinkErrorKind::NotFound,
        DestinationErrorKind::Corrupt => SinkErrorKind::Corrupt,
        _ => SinkErrorKind::Unavailable,
    };
    SinkError::new(kind, error.report())
}

#[cfg(all(test, any(feature = "object", feature = "sftp", feature = "ftp")))]
mod tests {
    use super::*;

    #[test]
    fn words_of_servers_are_short_and_plain() {
        assert_eq!(said(" 451-no\r\n451 way\u{7} "), "451-no 451 way");
        assert_eq!(said(&"ä".repeat(500)).chars().count(), 201);
        assert!(tells_of_no_room("No space left on device") && tells_of_no_room("Disk QUOTA exceeded"));
        assert!(!tells_of_no_room("Failure"));
    }
}
