//! Rule E10: input that a source could not read as a record.

use std::fmt;

use bytes::Bytes;

use super::json;
use crate::domain::record::prune;

/// A record that cannot be read: its position, the reason, and its content.
///
/// It is written to `errors.jsonl` inside the archive. Position and reason also go into the history, so they
/// never contain a part of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRecord {
    position: String,
    reason: String,
    content: RejectedContent,
    truncated: bool,
}

/// The content of a record that cannot be read.
#[derive(Clone, PartialEq, Eq)]
pub enum RejectedContent {
    /// One JSON value on one line.
    Json(Bytes),
    /// Text that is not JSON.
    Text(String),
    /// Bytes that are not UTF-8 text.
    Bytes(Bytes),
    /// Withheld. The job exports only some records or fields, and whether this content belongs to them cannot
    /// be known.
    Withheld,
}

impl RejectedRecord {
    /// The most bytes of a record that are kept.
    pub const CONTENT_BYTES_MAX: usize = 64 << 10;

    /// Creates a bad record at `position` ("calls.jsonl line 17", "row 5 (rowid 9)"). `reason` must not
    /// repeat any of its content. `record` is kept as JSON if it is valid, otherwise as text, otherwise as
    /// bytes. Content of more than 64 KiB is truncated.
    pub fn new(position: impl fmt::Display, reason: impl fmt::Display, record: &[u8]) -> Self {
        if record.len() > Self::CONTENT_BYTES_MAX {
            return Self::beginning(position, reason, record);
        }
        Self { position: words(position), reason: words(reason), content: whole(record), truncated: false }
    }

    /// Like [`new`](Self::new), for a record of which only the beginning is available. The content is kept as
    /// text or as bytes, and counts as truncated.
    pub fn beginning(position: impl fmt::Display, reason: impl fmt::Display, record: &[u8]) -> Self {
        let kept = record.get(..Self::CONTENT_BYTES_MAX).unwrap_or(record);
        Self { position: words(position), reason: words(reason), content: cut(kept), truncated: true }
    }

    /// Returns where the record is.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// Returns why it cannot be read.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns its content.
    pub fn content(&self) -> &RejectedContent {
        &self.content
    }

    /// Whether the content is truncated.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Replaces the content with one that is complete.
    #[must_use]
    pub(in crate::domain) fn with_content(self, content: RejectedContent) -> Self {
        Self { content, truncated: false, ..self }
    }

    /// Returns the memory that it holds, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let content = match &self.content {
            RejectedContent::Json(bytes) | RejectedContent::Bytes(bytes) => bytes.len(),
            RejectedContent::Text(text) => text.len(),
            RejectedContent::Withheld => 0,
        };
        size_of::<Self>() + self.position.len() + self.reason.len() + content
    }

    /// Appends one JSON object and a newline: `position`, `reason`, then either `record` (the JSON itself, or
    /// a string), `record_base64` or `"withheld":true`, and finally `"truncated":true` if the content is
    /// truncated.
    pub fn write_line(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(b"{\"position\":");
        json::string(output, &self.position);
        output.extend_from_slice(b",\"reason\":");
        json::string(output, &self.reason);
        match &self.content {
            RejectedContent::Json(value) => {
                output.extend_from_slice(b",\"record\":");
                output.extend_from_slice(value);
            }
            RejectedContent::Text(text) => {
                output.extend_from_slice(b",\"record\":");
                json::string(output, text);
            }
            RejectedContent::Bytes(bytes) => {
                output.extend_from_slice(b",\"record_base64\":");
                json::base64(output, bytes);
            }
            RejectedContent::Withheld => output.extend_from_slice(b",\"withheld\":true"),
        }
        if self.truncated {
            output.extend_from_slice(b",\"truncated\":true");
        }
        output.extend_from_slice(b"}\n");
    }
}

impl fmt::Debug for RejectedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(value) => write!(f, "Json({} bytes)", value.len()),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Withheld => f.write_str("Withheld"),
        }
    }
}

/// The longest position or reason, in characters.
const WORDS_CHARS_MAX: usize = 1_024;

fn words(words: impl fmt::Display) -> String {
    words.to_string().chars().take(WORDS_CHARS_MAX).collect()
}

fn whole(record: &[u8]) -> RejectedContent {
    if prune::value(record, &mut Vec::new()).is_ok() {
        // In valid JSON, line breaks occur only between tokens, so replacing them changes no value.
        let on_one_line = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
        return RejectedContent::Json(record.trim_ascii().iter().map(on_one_line).collect());
    }
    match std::str::from_utf8(record) {
        Ok(text) => RejectedContent::Text(text.to_owned()),
        Err(_) => RejectedContent::Bytes(Bytes::copy_from_slice(record)),
    }
}

/// Returns the beginning of a record as text or bytes. A character that is cut in two is left out.
fn cut(beginning: &[u8]) -> RejectedContent {
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            beginning.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    };
    match text {
        Some(text) => RejectedContent::Text(text.to_owned()),
        None => RejectedContent::Bytes(Bytes::copy_from_slice(beginning)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e10_what_was_cut_says_so_unless_other_content_is_told() {
        let whole = RejectedRecord::new("line 1", "no", &[b'x'; RejectedRecord::CONTENT_BYTES_MAX]);
        let cut = RejectedRecord::new("line 1", "no", &[b'x'; RejectedRecord::CONTENT_BYTES_MAX + 1]);
        assert!(!whole.is_truncated() && cut.is_truncated());
        assert_eq!(cut.content(), whole.content());
        assert!(!cut.with_content(RejectedContent::Withheld).is_truncated());
    }

    #[test]
    fn what_is_held_is_counted() {
        let empty = RejectedRecord::new("", "", b"").held_bytes();
        assert_eq!(empty, size_of::<RejectedRecord>());
        for (record, content) in [("{\"a\":1}", 7), ("text", 4)] {
            let rejected = RejectedRecord::new("line 12", "because", record.as_bytes());
            assert_eq!(rejected.held_bytes(), empty + 7 + 7 + content);
        }
        assert_eq!(RejectedRecord::new("", "", b"\xff\xff").held_bytes(), empty + 2);
    }

    #[test]
    fn content_is_not_printed() {
        let printed = |record: &[u8]| format!("{:?}", RejectedRecord::new("line 1", "no", record).content());
        assert_eq!(printed(b"{\"a\":1}"), "Json(7 bytes)");
        assert_eq!(printed(b"secret"), "Text(6 bytes)");
        assert_eq!(printed(b"\xff"), "Bytes(1 bytes)");
        assert_eq!(format!("{:?}", RejectedContent::Withheld), "Withheld");
    }
}
