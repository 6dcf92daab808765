//! The one pass over raw JSON.

use super::keys::{Keys, Object};
use super::span::Specials;
use super::{JsonError, JsonFault};
use crate::domain::record::template::unescaped;

/// How deeply objects and arrays may be nested; `serde_json` and many other readers refuse 128.
pub const DEPTH_MAX: usize = 127;

/// Walks `input` and copies what stays in runs that are as long as possible: `run` is the start of
/// bytes that are to be kept and not copied yet. What is between `run` and `at` is always part of
/// the result unless a [`Mark`] is restored.
pub(super) struct Scanner<'i, 'o> {
    input: &'i [u8],
    at: usize,
    output: &'o mut Vec<u8>,
    run: usize,
    specials: Specials<'i>,
    keys: &'o mut Keys,
    /// Whether the string that was passed last holds an escape sequence.
    escaped: bool,
    /// Whether an object seems to have a key twice: nothing is remembered any more then.
    repeated: bool,
    error: Option<JsonError>,
}

/// A state to which the result can be taken back, when a member turns out to be empty.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    output_bytes: usize,
    run: usize,
}

/// What was found is in [`Scanner::error`]: results that fit a register make the scan a fifth faster.
pub(super) struct Faulty;

type Scan<T> = Result<T, Faulty>;

/// What a value is worth to rule A2.
pub(super) type IsEmpty = bool;

impl<'i, 'o> Scanner<'i, 'o> {
    pub(super) fn new(input: &'i [u8], output: &'o mut Vec<u8>, keys: &'o mut Keys) -> Self {
        let specials = Specials::new(input);
        Self { input, at: 0, output, run: 0, specials, keys, escaped: false, repeated: false, error: None }
    }

    /// Whether an object seems to have a key twice.
    pub(super) fn repeated(&self) -> bool {
        self.repeated
    }

    /// The members of an object, as they are spelled, whatever their keys.
    pub(super) fn members(&mut self, visit: impl FnMut(&'i [u8], &'i [u8])) -> Scan<IsEmpty> {
        self.repeated = true;
        self.object(1, visit)
    }

    /// The elements of an array likewise.
    pub(super) fn elements(&mut self, visit: impl FnMut(&'i [u8])) -> Scan<IsEmpty> {
        self.repeated = true;
        self.array(1, visit)
    }

    /// What is wrong, if anything is, and the output.
    pub(super) fn into_parts(self) -> (Option<JsonError>, &'o mut Vec<u8>) {
        (self.error, self.output)
    }

    /// A whole input that is one object.
    pub(super) fn record(&mut self, visit: impl FnMut(&'i [u8], &'i [u8])) -> Scan<()> {
        self.whitespace();
        match self.peek() {
            Some(b'{') => self.object(1, visit)?,
            Some(_) => return Err(self.fault(JsonFault::NotAnObject)),
            None => return Err(self.fault(JsonFault::Truncated)),
        };
        self.end()
    }

    /// A whole input that is one value of any kind, to stand in a record.
    pub(super) fn single(&mut self) -> Scan<IsEmpty> {
        self.whitespace();
        let empty = self.value(1)?;
        self.end()?;
        Ok(empty)
    }

    fn end(&mut self) -> Scan<()> {
        self.whitespace();
        if self.at < self.input.len() {
            return Err(self.fault(JsonFault::Trailing));
        }
        if self.specials.non_ascii()
            && let Err(error) = std::str::from_utf8(self.input)
        {
            return Err(self.fault_at(JsonFault::Utf8, error.valid_up_to()));
        }
        self.keep_until(self.at);
        Ok(())
    }

    /// A value inside `depth` others.
    #[inline]
    fn value(&mut self, depth: usize) -> Scan<IsEmpty> {
        match self.peek() {
            Some(b'"') => self.string().map(|(start, end)| start == end),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.object(depth + 1, |_, _| ()),
            Some(b'[') => self.array(depth + 1, |_| ()),
            Some(b't') => self.literal(b"true").map(|()| false),
            Some(b'f') => self.literal(b"false").map(|()| false),
            Some(b'n') => self.literal(b"null").map(|()| true),
            Some(_) => Err(self.fault(JsonFault::Unexpected)),
            None => Err(self.fault(JsonFault::Truncated)),
        }
    }

    /// An object; `at` is on its brace. What it keeps stands between braces, so that the caller may
    /// leave the whole of it out or not.
    fn object(&mut self, depth: usize, mut visit: impl FnMut(&'i [u8], &'i [u8])) -> Scan<IsEmpty> {
        self.enter(depth)?;
        if self.closes(b'}') {
            return Ok(true);
        }
        let mut empty = true;
        let mut before = self.mark();
        let object = self.keys.begin_object();
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            self.escaped = false;
            let (key_start, key_end) = self.string()?;
            if !self.repeated {
                self.remember(object, key_start, key_end);
            }
            self.whitespace();
            self.expect(b':')?;
            self.whitespace();
            let value_start = self.at;
            // What most values are does not need the call.
            let leave_out = match self.peek() {
                Some(b'"') => self.string().map(|(start, end)| start == end)?,
                _ => self.value(depth)?,
            };
            visit(self.slice(key_start, key_end), self.slice(value_start, self.at));
            if leave_out {
                self.take_back(before);
            } else {
                empty = false;
            }
            self.whitespace();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(empty);
                }
                Some(b',') if empty => {
                    self.skip_comma();
                    before = self.mark();
                }
                Some(b',') => {
                    // The comma belongs to the next member and goes with it.
                    before = self.mark();
                    self.at += 1;
                }
                _ => return Err(self.unexpected()),
            }
            self.whitespace();
        }
    }

    /// An array; elements stay even if they are empty.
    fn array(&mut self, depth: usize, mut visit: impl FnMut(&'i [u8])) -> Scan<IsEmpty> {
        self.enter(depth)?;
        if self.closes(b']') {
            return Ok(true);
        }
        loop {
            let start = self.at;
            self.value(depth)?;
            visit(self.slice(start, self.at));
            self.whitespace();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some(b',') => self.at += 1,
                _ => return Err(self.unexpected()),
            }
            self.whitespace();
        }
    }

    #[inline]
    fn remember(&mut self, object: Object, key_start: usize, key_end: usize) {
        let key = self.slice(key_start, key_end);
        let new = if self.escaped {
            self.keys.is_new(object, &unescaped(key))
        } else {
            self.keys.is_new(object, key)
        };
        self.repeated = !new;
    }

    fn enter(&mut self, depth: usize) -> Scan<()> {
        if depth > DEPTH_MAX {
            return Err(self.fault(JsonFault::TooDeep));
        }
        self.at += 1;
        self.whitespace();
        Ok(())
    }

    fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
        }
        closes
    }

    /// A string; `at` is on its quote. Gives where its text starts and ends between the quotes.
    #[inline(always)]
    fn string(&mut self) -> Scan<(usize, usize)> {
        let start = self.at + 1;
        // All specials so far were passed: this one is the quote itself.
        self.specials.next();
        match self.specials.next() {
            Some(end) if self.input.get(end) == Some(&b'"') && !self.specials.control() => {
                self.at = end + 1;
                Ok((start, end))
            }
            first => self.string_with_escapes(start, first),
        }
    }

    /// The same with all that is rare.
    #[inline(never)]
    fn string_with_escapes(&mut self, start: usize, first: Option<usize>) -> Scan<(usize, usize)> {
        let (mut from, mut found) = (start, first);
        while let Some(end) = found {
            if self.specials.control() {
                self.no_control(from, end)?;
            }
            if self.input.get(end) == Some(&b'"') {
                self.at = end + 1;
                return Ok((start, end));
            }
            from = self.escape(end)?;
            found = self.specials.next();
        }
        self.at = self.input.len();
        Err(self.fault(JsonFault::Truncated))
    }

    #[cold]
    fn no_control(&mut self, from: usize, end: usize) -> Scan<()> {
        let control = self.slice(from, end).iter().position(|byte| *byte < b' ');
        match control {
            Some(offset) => Err(self.fault_at(JsonFault::ControlCharacter, from + offset)),
            None => Ok(()),
        }
    }

    /// An escape sequence whose backslash is at `backslash`; gives where text goes on. A lone
    /// surrogate is legal by the grammar (RFC 8259, 8.2) and passes as it is.
    fn escape(&mut self, backslash: usize) -> Scan<usize> {
        self.at = backslash;
        self.escaped = true;
        match self.input.get(backslash + 1) {
            Some(b'"' | b'\\') => {
                self.specials.next();
                Ok(backslash + 2)
            }
            Some(b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(backslash + 2),
            Some(b'u') => match self.input.get(backslash + 2..backslash + 6) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(backslash + 6),
                _ => Err(self.fault(JsonFault::Escape)),
            },
            _ => Err(self.fault(JsonFault::Escape)),
        }
    }

    /// `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?` (RFC 8259, 6).
    fn number(&mut self) -> Scan<IsEmpty> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        match self.peek() {
            Some(b'0'..=b'9') => Err(self.fault(JsonFault::Number)),
            _ => Ok(false),
        }
    }

    fn digits(&mut self) -> Scan<()> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.fault(JsonFault::Number)) } else { Ok(()) }
    }

    fn literal(&mut self, word: &[u8]) -> Scan<()> {
        if !self.input.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err(self.fault(JsonFault::Unexpected));
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Scan<()> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over insignificant whitespace and leaves it out.
    #[inline]
    fn whitespace(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skip_whitespace();
        }
    }

    #[inline(never)]
    fn skip_whitespace(&mut self) {
        self.keep_until(self.at);
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.run = self.at;
    }

    /// Leaves out a comma before which no member was kept.
    fn skip_comma(&mut self) {
        self.keep_until(self.at);
        self.at += 1;
        self.run = self.at;
    }

    fn mark(&self) -> Mark {
        Mark { at: self.at, output_bytes: self.output.len(), run: self.run }
    }

    /// Leaves out everything since `mark`.
    #[inline]
    fn take_back(&mut self, mark: Mark) {
        self.output.truncate(mark.output_bytes);
        self.run = mark.run;
        self.keep_until(mark.at);
        self.run = self.at;
    }

    /// Copies the pending run as far as `end`.
    #[inline]
    fn keep_until(&mut self, end: usize) {
        if self.run < end {
            self.output.extend_from_slice(self.input.get(self.run..end).unwrap_or_default());
            self.run = end;
        }
    }

    fn slice(&self, start: usize, end: usize) -> &'i [u8] {
        self.input.get(start..end).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn unexpected(&mut self) -> Faulty {
        let fault = if self.at < self.input.len() { JsonFault::Unexpected } else { JsonFault::Truncated };
        self.fault(fault)
    }

    fn fault(&mut self, fault: JsonFault) -> Faulty {
        self.fault_at(fault, self.at)
    }

    #[cold]
    fn fault_at(&mut self, fault: JsonFault, offset: usize) -> Faulty {
        self.error = Some(JsonError { fault, offset });
        Faulty
    }
}
