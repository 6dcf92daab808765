//! Rule A2: keys with empty values are left out.
//!
//! One pass over raw JSON checks it against RFC 8259 and copies the kept bytes unchanged: numbers, escapes
//! and text keep their spelling. Members whose value is `null`, `""`, `[]`, `{}` or an object that this rule
//! empties are left out, at any depth. So is whitespace between tokens, so that a record is always one line.
//! Elements of arrays always stay.
//!
//! If members have the same key, at any depth and in any spelling, the last value counts, at the place of the
//! first (rule R7). Pruning follows from that, and so do the members that a template or a source sees.

mod keys;
mod repeated;
mod scanner;
mod span;

use std::fmt;

pub(in crate::domain) use keys::{Keys, Object};
pub use scanner::DEPTH_MAX;
use scanner::{Faulty, IsEmpty, Scanner};
pub(in crate::domain) use span::Classes;

/// Appends the JSON object in `input` to `output`, without the members that rule A2 leaves out.
///
/// `visit` is called with each member of the outermost object, in order and before pruning, including members
/// whose key comes again. It gets the key as spelled between its quotes, and the value as spelled. An object
/// that is left empty is written as `{}`, so that no record is lost. No newline is written.
///
/// # Errors
/// [`JsonError`] if `input` is not exactly one object, in UTF-8, between optional whitespace. `output` is
/// unchanged then, though `visit` may have been called.
pub fn object<'i>(
    input: &'i [u8],
    output: &mut Vec<u8>,
    visit: impl FnMut(&'i [u8], &'i [u8]),
) -> Result<(), JsonError> {
    object_with(&mut Keys::default(), input, output, visit)
}

/// Like [`object`], but reuses the memory of `keys`.
pub(in crate::domain) fn object_with<'i>(
    keys: &mut Keys,
    input: &'i [u8],
    output: &mut Vec<u8>,
    visit: impl FnMut(&'i [u8], &'i [u8]),
) -> Result<(), JsonError> {
    keys.begin_record();
    whole(keys, input, output, |scanner| scanner.record(visit).map(|()| false)).map(|_| ())
}

/// Appends any JSON value to `output`, pruned like a member of a record. Returns whether the value is empty,
/// so that a member with it must be left out. Nothing is appended then.
///
/// # Errors
/// [`JsonError`] if `input` is not exactly one value, in UTF-8, between optional whitespace. `output` is
/// unchanged then.
pub fn value(input: &[u8], output: &mut Vec<u8>) -> Result<bool, JsonError> {
    let mut keys = Keys::default();
    keys.begin_record();
    value_with(&mut keys, input, output)
}

/// Like [`value`], for a value of the current record, whose keys are in `keys`.
pub(in crate::domain) fn value_with(
    keys: &mut Keys,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<bool, JsonError> {
    let start = output.len();
    let empty = whole(keys, input, output, Scanner::single)?;
    if empty {
        output.truncate(start);
    }
    Ok(empty)
}

/// Passes the elements of an array that is known to be valid, as they are spelled.
pub(in crate::domain) fn elements<'i>(json: &'i [u8], visit: impl FnMut(&'i [u8])) {
    repeated::elements(json, visit);
}

/// Scans the input and, if a key seems to be repeated, writes it again. Returns whether the value is empty.
fn whole<'i, 'o>(
    keys: &'o mut Keys,
    input: &'i [u8],
    output: &'o mut Vec<u8>,
    scan: impl FnOnce(&mut Scanner<'i, 'o>) -> Result<IsEmpty, Faulty>,
) -> Result<IsEmpty, JsonError> {
    let start = output.len();
    let mut scanner = Scanner::new(input, output, keys);
    let (result, repeated) = (scan(&mut scanner), scanner.repeated());
    match (result, scanner.into_parts()) {
        (Ok(_), (None, output)) if repeated => {
            output.truncate(start);
            Ok(repeated::rewrite(input.trim_ascii(), output))
        }
        (Ok(empty), (None, _)) => Ok(empty),
        (_, (error, output)) => {
            output.truncate(start);
            // A failed scan always leaves an error, so the default is never used.
            Err(error.unwrap_or(JsonError { fault: JsonFault::Unexpected, offset: 0 }))
        }
    }
}

/// Why the input is not the expected JSON, and where. It never holds a part of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON: {fault} at byte {}", offset + 1)]
pub struct JsonError {
    fault: JsonFault,
    offset: usize,
}

impl JsonError {
    /// Returns the kind of fault.
    pub fn fault(&self) -> JsonFault {
        self.fault
    }

    /// Returns how many bytes precede the fault.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether `input`, in which this fault was found, is only the beginning of valid JSON: more text after
    /// it could make it complete.
    pub fn breaks_off(&self, input: &[u8]) -> bool {
        let rest = input.get(self.offset..).unwrap_or_default();
        match self.fault {
            JsonFault::Truncated => true,
            JsonFault::Number => rest.is_empty(),
            JsonFault::Unexpected => {
                let words: [&[u8]; 3] = [b"true", b"false", b"null"];
                !rest.is_empty() && words.iter().any(|word| word.starts_with(rest))
            }
            JsonFault::Escape => match rest {
                [b'\\'] => true,
                [b'\\', b'u', digits @ ..] => digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit),
                _ => false,
            },
            JsonFault::NotAnObject
            | JsonFault::ControlCharacter
            | JsonFault::TooDeep
            | JsonFault::Trailing
            | JsonFault::Utf8 => false,
        }
    }
}

/// A kind of fault in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonFault {
    /// The outermost value is not an object.
    NotAnObject,
    /// The input ends too early.
    Truncated,
    /// A byte that is not allowed at this place (RFC 8259, 2).
    Unexpected,
    /// Not a number by the grammar of RFC 8259, 6.
    Number,
    /// An escape sequence that RFC 8259, 7 does not define.
    Escape,
    /// A control character inside a string (RFC 8259, 7).
    ControlCharacter,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Something after the value.
    Trailing,
    /// Not UTF-8 (RFC 8259, 8.1).
    Utf8,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("an object is expected"),
            Self::Truncated => f.write_str("the text ends too early"),
            Self::Unexpected => f.write_str("unexpected character"),
            Self::Number => f.write_str("malformed number"),
            Self::Escape => f.write_str("malformed escape sequence"),
            Self::ControlCharacter => f.write_str("control character in a string"),
            Self::TooDeep => write!(f, "nested deeper than {DEPTH_MAX} levels"),
            Self::Trailing => f.write_str("more text after the end of the value"),
            Self::Utf8 => f.write_str("text that is not UTF-8"),
        }
    }
}

#[cfg(test)]
mod tests;
