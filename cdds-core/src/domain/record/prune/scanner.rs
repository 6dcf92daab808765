//! The single pass over raw JSON.

use super::keys::{Keys, Object};
use super::span::Specials;
use super::{JsonError, JsonFault};
use crate::domain::record::template::unescaped;

/// How deeply objects and arrays may be nested. `serde_json` and many other readers refuse 128 levels.
pub const DEPTH_MAX: usize = 127;

/// Walks through `input` and copies the kept bytes to `output`, in runs as long as possible. `run` is the
/// start of bytes that are to be kept but are not copied yet: everything between `run` and `at` belongs to
/// the result unless a [`Mark`] is restored.
pub(super) struct Scanner<'i, 'o> {
    input: &'i [u8],
    at: usize,
    output: &'o mut Vec<u8>,
    run: usize,
    specials: Specials<'i>,
    keys: &'o mut Keys,
    /// Whether the string that was scanned last holds an escape sequence.
    escaped: bool,
    /// Whether an object seems to have a key twice. From then on keys are no longer remembered, since the
    /// input is written again anyway.
    repeated: bool,
    error: Option<JsonError>,
}

/// A state to which the result can be taken back if a member turns out to be empty.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    output_bytes: usize,
    run: usize,
}

/// A fault was found. It is stored in [`Scanner::error`]: results that fit into a register make the scan a
/// fifth faster.
pub(super) struct Faulty;

type Scan<T> = Result<T, Faulty>;

/// Whether a value is empty by rule A2.
pub(super) type IsEmpty = bool;

impl<'i, 'o> Scanner<'i, 'o> {
    pub(super) fn new(input: &'i [u8], output: &'o mut Vec<u8>, keys: &'o mut Keys) -> Self {
        let specials = Specials::new(input);
        Self { input, at: 0, output, run: 0, specials, keys, escaped: false, repeated: false, error: None }
    }

    /// Whether an object seems to have a key twice. Two keys of the same digest look alike, so this may be
    /// wrong.
    pub(super) fn repeated(&self) -> bool {
        self.repeated
    }

    /// Visits the members of an object as they are spelled. Repeated keys are not looked for.
    pub(super) fn members(&mut self, visit: impl FnMut(&'i [u8], &'i [u8])) -> Scan<IsEmpty> {
        self.repeated = true;
        self.object(1, visit)
    }

    /// Visits the elements of an array in the same way.
    pub(super) fn elements(&mut self, visit: impl FnMut(&'i [u8])) -> Scan<IsEmpty> {
        self.repeated = true;
        self.array(1, visit)
    }

    /// Returns the fault, if there is one, and the output.
    pub(super) fn into_parts(self) -> (Option<JsonError>, &'o mut Vec<u8>) {
        (self.error, self.output)
    }

    /// Scans a whole input that must be one object.
    pub(super) fn record(&mut self, visit: impl FnMut(&'i [u8], &'i [u8])) -> Scan<()> {
        self.whitespace();
        match self.peek() {
            Some(b'{') => self.object(1, visit)?,
            Some(_) => return Err(self.fault(JsonFault::NotAnObject)),
            None => return Err(self.fault(JsonFault::Truncated)),
        };
        self.end()
    }

    /// Scans a whole input that must be one value of any kind. It starts at depth 1, since it will be a
    /// member of a record.
    pub(super) fn single(&mut self) -> Scan<IsEmpty> {
        self.whitespace();
        let empty = self.value(1)?;
        self.end()?;
        Ok(empty)
    }

    /// Checks that nothing but whitespace follows, and copies the last run.
    fn end(&mut self) -> Scan<()> {
        self.whitespace();
        if self.at < self.input.len() {
            return Err(self.fault(JsonFault::Trailing));
        }
        // One check for the whole input is cheaper than one per string. Blocks after the last quote were not
        // looked at, but outside strings only ASCII is accepted.
        if self.specials.non_ascii()
            && let Err(error) = std::str::from_utf8(self.input)
        {
            return Err(self.fault_at(JsonFault::Utf8, error.valid_up_to()));
        }
        self.keep_until(self.at);
        Ok(())
    }

    /// Scans a value that is nested inside `depth` others.
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

    /// Scans an object; `at` is on its opening brace. The braces are part of the kept bytes, so the caller
    /// can leave the whole object out or not.
    fn object(&mut self, depth: usize, mut visit: impl FnMut(&'i [u8], &'i [u8])) -> Scan<IsEmpty> {
        self.enter(depth)?;
        if self.closes(b'}') {
            return Ok(true);
        }
        let mut empty = true;
        // `before` is the state before the next member and, once a member was kept, before its comma. Taking
        // an empty member back to it leaves valid JSON.
        let mut before = self.mark();
        let object = self.keys.begin_object();
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            self.escaped = false;
            let (key_start, key_end) = self.string()?;
            // `escaped` still describes the key here, since the value is not scanned yet.
            if !self.repeated {
                self.remember(object, key_start, key_end);
            }
            self.whitespace();
            self.expect(b':')?;
            self.whitespace();
            let value_start = self.at;
            // Most values are strings, and this saves them the call.
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
                // No member was kept so far, so the comma would come first in the object.
                Some(b',') if empty => {
                    self.skip_comma();
                    before = self.mark();
                }
                Some(b',') => {
                    // The comma belongs to the next member and is taken back with it.
                    before = self.mark();
                    self.at += 1;
                }
                _ => return Err(self.unexpected()),
            }
            self.whitespace();
        }
    }

    /// Scans an array. Elements stay even if they are empty.
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

    /// Notes a key of the object, and whether the object seems to have it already. Keys are compared as they
    /// are meant, without escapes.
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

    /// Passes the opening bracket and the whitespace after it.
    fn enter(&mut self, depth: usize) -> Scan<()> {
        if depth > DEPTH_MAX {
            return Err(self.fault(JsonFault::TooDeep));
        }
        self.at += 1;
        self.whitespace();
        Ok(())
    }

    /// Passes the closing bracket if it comes next, and returns whether it did.
    fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
        }
        closes
    }

    /// Scans a string; `at` is on its opening quote. Returns the bounds of its text between the quotes.
    #[inline(always)]
    fn string(&mut self) -> Scan<(usize, usize)> {
        let start = self.at + 1;
        // Earlier strings were passed completely, and a special between strings would have been a fault. So
        // the next special is this opening quote, and in a plain string the one after it is the closing
        // quote.
        self.specials.next();
        match self.specials.next() {
            Some(end) if self.input.get(end) == Some(&b'"') && !self.specials.control() => {
                self.at = end + 1;
                Ok((start, end))
            }
            first => self.string_with_escapes(start, first),
        }
    }

    /// Scans the rest of a string that holds escapes or may hold control characters, or that does not end.
    /// `first` is the first special after the opening quote.
    #[inline(never)]
    fn string_with_escapes(&mut self, start: usize, first: Option<usize>) -> Scan<(usize, usize)> {
        let (mut from, mut found) = (start, first);
        while let Some(end) = found {
            // The flag covers all input so far, and whitespace sets it, too. Hence look at the bytes.
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

    /// Checks that there is no control character between `from` and `end`.
    #[cold]
    fn no_control(&mut self, from: usize, end: usize) -> Scan<()> {
        let control = self.slice(from, end).iter().position(|byte| *byte < b' ');
        match control {
            Some(offset) => Err(self.fault_at(JsonFault::ControlCharacter, from + offset)),
            None => Ok(()),
        }
    }

    /// Scans an escape sequence whose backslash is at `backslash`. Returns where the text continues. A lone
    /// surrogate is legal by the grammar (RFC 8259, 8.2) and is kept as it is.
    fn escape(&mut self, backslash: usize) -> Scan<usize> {
        self.at = backslash;
        self.escaped = true;
        match self.input.get(backslash + 1) {
            // The escaped character is a special itself: pass it, so that it is not taken for the end of the
            // string.
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

    /// Scans a number: `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?` (RFC 8259, 6).
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
            // This digit can only follow a leading zero.
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

    /// Passes insignificant whitespace and leaves it out. The comparison lets most calls end at once.
    #[inline]
    fn whitespace(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skip_whitespace();
        }
    }

    /// Ends the current run before the whitespace and begins a new one after it. Other bytes up to the space
    /// stop the loop, and are a fault for the caller.
    #[inline(never)]
    fn skip_whitespace(&mut self) {
        self.keep_until(self.at);
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.run = self.at;
    }

    /// Leaves out a comma that no kept member precedes.
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
        // The output may already hold a part of the member, because whitespace in it has ended a run. Restore
        // the run as of the mark, copy it up to there, and begin the next one at the present position.
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
