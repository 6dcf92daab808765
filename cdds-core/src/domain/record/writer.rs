//! Records written key by key.

use chrono::{DateTime, Utc};

use super::builder::{OpenLine, RecordBatchBuilder};
use super::json;
use crate::domain::record::prune::{self, JsonError, Object};

/// Writes one record as JSON straight into the batch.
///
/// Keys appear in the order of the calls. Of two values for a key the last one counts, where the first one stood; an
/// empty one takes the key out. Empty values are left out
/// (rule A2); a record without any is written as `{}`, since a record is never lost. Dropping the
/// writer without [`finish`](Self::finish) takes the record back.
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

    /// Text; `""` is left out.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            return self.empty(key);
        }
        json::string(self.key(key), value);
        self
    }

    /// A whole number.
    pub fn integer(&mut self, key: &str, value: i64) -> &mut Self {
        json::integer(self.key(key), value);
        self
    }

    /// A whole number without a sign.
    pub fn unsigned(&mut self, key: &str, value: u64) -> &mut Self {
        json::integer(self.key(key), value);
        self
    }

    /// A real number, as the shortest text that reads back as the same one; whole ones keep their `.0`.
    /// JSON has no other than finite ones: those are written as the strings `"NaN"`, `"Infinity"` and
    /// `"-Infinity"`.
    pub fn float(&mut self, key: &str, value: f64) -> &mut Self {
        json::float(self.key(key), value);
        self
    }

    /// `true` or `false`; both are values.
    pub fn boolean(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// Bytes as text in Base64 (RFC 4648, 4: standard alphabet, padded); none are left out.
    pub fn bytes_base64(&mut self, key: &str, value: &[u8]) -> &mut Self {
        if value.is_empty() {
            return self.empty(key);
        }
        json::base64(self.key(key), value);
        self
    }

    /// An instant as RFC 3339 text in UTC with `Z` and as many of 0, 3, 6 or 9 decimals as it needs.
    pub fn instant(&mut self, key: &str, value: DateTime<Utc>) -> &mut Self {
        json::instant(self.key(key), value);
        self
    }

    /// A value that is JSON already, such as a nested object or an array; pruned like any other.
    ///
    /// # Errors
    /// [`JsonError`] if it is not one JSON value; the key is left out then.
    pub fn raw(&mut self, key: &str, value: &[u8]) -> Result<&mut Self, JsonError> {
        let (start, had_member) = (self.line.lines().len(), self.has_member);
        self.begin_member(key);
        let (lines, keys) = self.line.parts();
        let result = prune::value_with(keys, value, lines);
        if !matches!(result, Ok(false)) {
            lines.truncate(start);
            self.has_member = had_member;
        }
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
        // What this writes is always one object.
        if !self.repeated || line.prune_again().is_ok() {
            line.commit(self.place);
        }
    }

    /// Writes a key and its colon; the value follows.
    #[inline]
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.note_key(key);
        self.begin_member(key);
        self.line.lines()
    }

    /// A value that is left out, and what was written under this key, too.
    #[inline]
    fn empty(&mut self, key: &str) -> &mut Self {
        if self.had_key(key) {
            // Written as it is, for the last of them to count.
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
