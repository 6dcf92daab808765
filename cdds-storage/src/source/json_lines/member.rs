//! The members of a record that decide whether and where it is exported.

use std::borrow::Cow;

use cdds_core::domain::instant::UnreadableInstant;
use cdds_core::domain::record::RecordError;
use chrono::{DateTime, Utc};

use super::JsonLinesType;
use crate::source::config::TimeConfig;

/// Which members to look at.
#[derive(Debug)]
pub(super) struct Members {
    time: Option<TimeConfig>,
    category: Option<String>,
}

/// What was found in one record, as it is spelled there. Of two members with the same key the last one
/// counts, as with most readers of JSON.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    time: Option<&'a [u8]>,
    category: Option<&'a [u8]>,
}

/// Why a line cannot be exported.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error(transparent)]
    Record(RecordError),
    #[error("member {column:?}: {cause}")]
    Time { column: String, cause: UnreadableInstant },
}

impl Members {
    pub(super) fn new(data_type: &JsonLinesType) -> Self {
        let category = data_type.category.as_ref().map(|category| category.column.clone());
        Self { time: data_type.time.clone(), category }
    }

    /// Takes note of a member of the outermost object.
    #[inline]
    pub(super) fn visit<'a>(&self, found: &mut Found<'a>, key: &'a [u8], value: &'a [u8]) {
        if self.time.as_ref().is_some_and(|time| spells(key, &time.column)) {
            found.time = Some(value);
        }
        if self.category.as_ref().is_some_and(|category| spells(key, category)) {
            found.category = Some(value);
        }
    }

    /// The event instant; none if it is missing or empty (rule W7).
    pub(super) fn event_at(&self, found: &Found<'_>) -> Result<Option<DateTime<Utc>>, LineError> {
        let (Some(time), Some(value)) = (&self.time, found.time) else {
            return Ok(None);
        };
        let read = match value {
            b"null" | b"\"\"" => return Ok(None),
            [b'"', ..] => match text(value) {
                Some(text) => time.format.read_text(text.as_bytes()),
                None => Err(UnreadableInstant),
            },
            _ => time.format.read_text(value),
        };
        read.map(Some).map_err(|cause| LineError::Time { column: time.column.clone(), cause })
    }

    /// The category: text, or a number, `true` or `false` as it is spelled.
    pub(super) fn category<'a>(&self, found: &Found<'a>) -> Option<Cow<'a, str>> {
        let value = found.category?;
        match value {
            b"null" | [b'{' | b'[', ..] => None,
            [b'"', ..] => text(value),
            _ => std::str::from_utf8(value).ok().map(Cow::Borrowed),
        }
    }
}

/// Whether the raw `key` means `name`.
fn spells(key: &[u8], name: &str) -> bool {
    if !key.contains(&b'\\') {
        return key == name.as_bytes();
    }
    let quoted = [b"\"", key, b"\""].concat();
    text(&quoted).is_some_and(|key| key == name)
}

/// The text that a JSON string means; none if it holds half a surrogate pair.
fn text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    let plain = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !plain.contains(&b'\\') {
        return std::str::from_utf8(plain).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice::<String>(quoted).ok().map(Cow::Owned)
}
