//! Writing records key by key.

use chrono::{DateTime, Utc};

use super::builder::{OpenLine, RecordBatchBuilder};
use super::json;
use crate::domain::record::prune::{self, JsonError, Object};

/// Writes one record as JSON straight into the batch.
///
/// Keys appear in the order of the calls. If a key comes twice, the last value counts, at the place of the
/// first, and an empty last value removes the key (rule R7). Empty values are left out (rule A2). A record
/// without any other value is written as `{}`, since no record is lost. Dropping the writer without
/// [`finish`](Self::finish) takes the record back.
#[derive(Debug)]
#[must_use = "the record is left out unless it is finished"]
pub struct RecordWriter<'a> {
    line: OpenLine<'a>,
    place: usize,
    has_member: bool,
    object: Object,
    /// Whether a key seems to have come twice.
    repeated: bool,
}

impl<'a> RecordWriter<'a> {
    pub(super) fn begin(builder: &'a mut RecordBatchBuilder, place: usize) -> Self {
        let mut line = OpenLine::begin(builder);
        let (lines, keys) = line.parts();
        lines.push(b'{');
        keys.begin_record();
        let object = keys.begin_object();
        Self { line, place, has_member: false, object, repeated: false }
    }

    /// Writes text. `""` is left out.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            return self.empty(key);
        }
        json::string(self.key(key), value);
        self
    }

    /// Writes a whole number.
    pub fn integer(&mut self, key: &str, value: i64) -> &mut Self {
        json::integer(self.key(key), value);
        self
    }

    /// Writes a whole number without a sign.
    pub fn unsigned(&mut self, key: &str, value: u64) -> &mut Self {
        json::integer(self.key(key), value);
        self
    }

    /// Writes a real number as the shortest text that reads back as the same number. Whole numbers keep their
    /// `.0`. JSON has no numbers for infinities and NaN, so they are written as the strings `"NaN"`,
    /// `"Infinity"` and `"-Infinity"`.
    pub fn float(&mut self, key: &str, value: f64) -> &mut Self {
        json::float(self.key(key), value);
        self
    }

    /// Writes `true` or `false`. Both are values, so neither is left out.
    pub fn boolean(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// Writes bytes as Base64 text (RFC 4648, 4: standard alphabet, padded). An empty slice is left out.
    pub fn bytes_base64(&mut self, key: &str, value: &[u8]) -> &mut Self {
        if value.is_empty() {
            return self.empty(key);
        }
        json::base64(self.key(key), value);
        self
    }

    /// Writes an instant as RFC 3339 text in UTC, with `Z` and as many of 0, 3, 6 or 9 decimals as it needs.
    pub fn instant(&mut self, key: &str, value: DateTime<Utc>) -> &mut Self {
        json::instant(self.key(key), value);
        self
    }

    /// Writes a value that is already JSON, such as a nested object or an array. It is pruned like any other.
    ///
    /// # Errors
    /// [`JsonError`] if `value` is not one JSON value. The key is left out then.
    pub fn raw(&mut self, key: &str, value: &[u8]) -> Result<&mut Self, JsonError> {
        let (start, had_member) = (self.line.lines().len(), self.has_member);
        self.begin_member(key);
        let (lines, keys) = self.line.parts();
        let result = prune::value_with(keys, value, lines);
        if !matches!(result, Ok(false)) {
            lines.truncate(start);
            self.has_member = had_member;
        }
        // Note the key only if its value was written. An empty value removes an earlier one.
        match result {
            Ok(false) => self.note_key(key),
            Ok(true) => {
                self.empty(key);
            }
            Err(_) => {}
        }
        result.map(|_| self)
    }

    /// Adds the record to the batch.
    pub fn finish(self) {
        let mut line = self.line;
        line.lines().push(b'}');
        // The line is always one object, so writing it again cannot fail.
        if !self.repeated || line.prune_again().is_ok() {
            line.commit(self.place);
        }
    }

    /// Writes a key and its colon. The caller writes the value.
    #[inline]
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.note_key(key);
        self.begin_member(key);
        self.line.lines()
    }

    /// Leaves a value out, and removes the value that was written under this key before.
    #[inline]
    fn empty(&mut self, key: &str) -> &mut Self {
        if self.had_key(key) {
            // Write the empty value: when the line is written again, it is the last one and removes the key.
            self.begin_member(key);
            self.line.lines().extend_from_slice(b"null");
            self.repeated = true;
        }
        self
    }

    #[inline]
    fn note_key(&mut self, key: &str) {
        let object = self.object;
        self.repeated |= !self.line.parts().1.is_new(object, key.as_bytes());
    }

    #[inline]
    fn had_key(&mut self, key: &str) -> bool {
        let object = self.object;
        self.line.parts().1.has(object, key.as_bytes())
    }

    #[inline]
    fn begin_member(&mut self, key: &str) {
        let lines = self.line.lines();
        if self.has_member {
            lines.push(b',');
        }
        self.has_member = true;
        json::string(lines, key);
        lines.push(b':');
    }
}
