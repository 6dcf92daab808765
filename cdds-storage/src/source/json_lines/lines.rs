//! The lines of a file up to a given length, through a buffer that holds one of them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cdds_core::ports::source::{SourceError, SourceErrorKind};

use super::name::told;

/// Bytes per read.
const READ_BYTES: usize = 256 * 1024;

/// How many bytes of a file are sampled for the mean line length.
const SAMPLE_BYTES: u64 = 64 * 1024;

/// How long to wait for the rest of an unfinished line: most writers are in the middle of writing it.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The next item in a file.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A line without its newline; the last line may have none. Lines are counted from 1.
    Line { json: &'a [u8], number: u64, ends: bool },
    /// A line that exceeds the maximum length: its beginning, up to that length, and the number of bytes
    /// skipped so far.
    TooLong { beginning: &'a [u8], bytes: u64, number: u64 },
    /// Skipped bytes of its rest, in pieces, so that a reader can stop in between.
    Skipped { bytes: u64 },
}

/// The lines of a file that begin within its first `bytes`. A line that continues beyond them is returned
/// whole, as far as it is there. `buffer[start..end]` has been read but not returned yet, and contains no
/// newline in its first `searched` bytes.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    searched: usize,
    number: u64,
    line_bytes_max: usize,
    /// Whether the position is inside a line that is too long.
    skips: bool,
    at_end: bool,
    /// Number of bytes still to be read.
    bytes_left: u64,
    /// Whether the pending line began within the requested bytes and continues beyond them.
    beyond: bool,
    /// Length of the last returned line, if it may be taken back.
    last: Option<usize>,
}

impl Lines {
    /// Returns the lines that begin in the first `bytes` of the file.
    pub(super) fn of(file: File, path: &Path, bytes: u64, line_bytes_max: usize) -> Self {
        Self {
            path: path.to_owned(),
            file,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            searched: 0,
            number: 0,
            line_bytes_max,
            skips: false,
            at_end: false,
            bytes_left: bytes,
            beyond: false,
            last: None,
        }
    }

    /// Returns the file being read.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Returns the next line, or a piece of one; the last line may lack its newline.
    pub(super) fn next_piece(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        if self.skips
            && let Some(bytes) = self.skip()?
        {
            return Ok(Some(Piece::Skipped { bytes }));
        }
        let (length, ends) = loop {
            let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
            let unsearched = pending.get(self.searched..).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unsearched) {
                break (self.searched + found, true);
            }
            self.searched = pending.len();
            // Before looking for more, so that a file without newlines takes no more memory than the longest
            // line.
            if self.searched > self.line_bytes_max {
                self.skips = true;
                break (self.searched, false);
            }
            if self.at_end {
                if pending.is_empty() {
                    return Ok(None);
                }
                break (self.searched, false);
            }
            self.fill()?;
        };
        self.number += 1;
        let start = self.start;
        let newline = usize::from(ends);
        self.start = start + length + newline;
        self.searched = 0;
        // Only an unfinished line can be taken back, and its bytes are still at the end of the buffer.
        self.last = (!ends && !self.skips).then_some(length);
        if self.beyond && ends {
            // The bytes that follow belong to the next read.
            (self.end, self.at_end) = (self.start, true);
        }
        let json = self.buffer.get(start..start + length).unwrap_or_default();
        let json = match self.number {
            1 => json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json),
            _ => json,
        };
        let number = self.number;
        if length <= self.line_bytes_max {
            return Ok(Some(Piece::Line { json, number, ends }));
        }
        let beginning = json.get(..self.line_bytes_max).unwrap_or(json);
        Ok(Some(Piece::TooLong { beginning, bytes: (length + newline) as u64, number }))
    }

    /// Takes back the last line, which is unfinished, and waits a moment for its rest. Returns whether there
    /// is more of it now; if so, the line is returned again.
    pub(super) fn wait_for_rest(&mut self) -> Result<bool, SourceError> {
        let Some(length) = self.last.take() else { return Ok(false) };
        let mut waited = Duration::ZERO;
        // The end was reached by reading, so the returned line is still the last one in the buffer.
        self.start -= length;
        self.searched = length;
        loop {
            self.fill()?;
            if !self.at_end {
                self.number -= 1;
                return Ok(true);
            }
            if waited >= PATIENCE {
                self.start = self.end;
                return Ok(false);
            }
            thread::park_timeout(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
    }

    /// Skips the pending bytes of a line that is too long; returns `None` once the line is over.
    fn skip(&mut self) -> Result<Option<u64>, SourceError> {
        if self.start == self.end {
            self.fill()?;
        }
        let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
        let newline = memchr::memchr(b'\n', pending);
        let bytes = newline.map_or(pending.len(), |newline| newline + 1);
        self.skips = newline.is_none() && !self.at_end;
        self.start += bytes;
        Ok((bytes > 0).then_some(bytes as u64))
    }

    /// Moves the pending bytes to the front and reads more behind them. If none are pending, reads nothing
    /// beyond the requested bytes.
    fn fill(&mut self) -> Result<(), SourceError> {
        // Every offset into the buffer is relative to `start`, so it stays valid.
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes_left == 0 && (self.end == 0 || self.skips) {
            self.at_end = true;
            return Ok(());
        }
        // A line that began in time is read whole, even if its end was written later.
        self.beyond = self.bytes_left == 0;
        if self.buffer.len() < self.end + READ_BYTES {
            // Double the buffer, so that a long line is not moved again for every piece.
            self.buffer.resize(self.end * 2 + READ_BYTES, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let wanted =
            if self.beyond { READ_BYTES } else { usize::try_from(self.bytes_left).unwrap_or(usize::MAX) };
        let room = room.split_at_mut(wanted.min(room.len())).0;
        loop {
            match self.file.read(room) {
                Ok(read) => {
                    self.end += read;
                    self.at_end = read == 0;
                    self.bytes_left = self.bytes_left.saturating_sub(read as u64);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(cannot_read(&self.path, error)),
            }
        }
    }
}

/// Returns the start of a file.
pub(super) fn sample(path: &Path) -> Result<Vec<u8>, SourceError> {
    let file = File::open(path).map_err(|error| cannot_open(path, error))?;
    let mut sample = Vec::new();
    file.take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(|error| cannot_read(path, error))?;
    Ok(sample)
}

pub(super) fn cannot_open(path: &Path, error: io::Error) -> SourceError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => SourceErrorKind::Missing,
        _ => SourceErrorKind::Unavailable,
    };
    SourceError::with_source(kind, format!("cannot open {}", told(path)), error)
}

pub(super) fn cannot_read(path: &Path, error: io::Error) -> SourceError {
    SourceError::with_source(SourceErrorKind::Interrupted, format!("cannot read {}", told(path)), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the lines; for those that are too long, the beginning and the number of bytes.
    fn lines_of(bytes: &[u8], line_bytes_max: usize) -> Vec<(Vec<u8>, Option<u64>)> {
        first_lines_of(bytes, bytes.len() as u64, line_bytes_max)
    }

    /// Does the same for the lines that begin in the first bytes.
    fn first_lines_of(bytes: &[u8], first: u64, line_bytes_max: usize) -> Vec<(Vec<u8>, Option<u64>)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut lines = Lines::of(file.reopen().unwrap(), file.path(), first, line_bytes_max);
        let mut all: Vec<(Vec<u8>, Option<u64>)> = Vec::new();
        while let Some(piece) = lines.next_piece().unwrap() {
            let (json, number, bytes) = match piece {
                Piece::Line { json, number, .. } => (json, number, None),
                Piece::TooLong { beginning, bytes, number } => (beginning, number, Some(bytes)),
                Piece::Skipped { bytes } => {
                    *all.last_mut().unwrap().1.as_mut().unwrap() += bytes;
                    continue;
                }
            };
            all.push((json.to_vec(), bytes));
            assert_eq!(number, all.len() as u64);
        }
        all
    }

    fn whole(lines: Vec<(Vec<u8>, Option<u64>)>) -> Vec<Vec<u8>> {
        assert!(lines.iter().all(|(_, bytes)| bytes.is_none()));
        lines.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn lines_longer_than_the_buffer_are_whole() {
        let mut text = Vec::new();
        let lengths = [0, READ_BYTES - 1, READ_BYTES, 1, READ_BYTES + 1, 3 * READ_BYTES, 0, 5];
        for length in lengths {
            text.extend(std::iter::repeat_n(b'x', length));
            text.push(b'\n');
        }
        let found: Vec<usize> = whole(lines_of(&text, 1 << 20)).iter().map(Vec::len).collect();
        assert_eq!(found, lengths);
    }

    #[test]
    fn e10_the_limit_is_exact_and_the_rest_of_a_longer_line_is_skipped() {
        assert_eq!(whole(lines_of(b"a\nbbbb\nc", 4)).len(), 3);
        let line = |text: &str| (text.as_bytes().to_vec(), None);
        let long = |bytes| (b"bbbb".to_vec(), Some(bytes));
        assert_eq!(lines_of(b"a\nbbbbb\nc", 4), [line("a"), long(6), line("c")]);
        assert_eq!(lines_of(b"a\nbbbbb", 4), [line("a"), long(5)]);
        let endless = vec![b'x'; 4 * READ_BYTES];
        for (after, rest) in [(&b""[..], vec![]), (b"\n", vec![]), (b"\nc\n\nd", vec!["c", "", "d"])] {
            let found = lines_of(&[&endless, after].concat(), READ_BYTES);
            let bytes = 4 * READ_BYTES + after.len().min(1);
            assert_eq!((found[0].0.len(), found[0].1), (READ_BYTES, Some(bytes as u64)));
            assert_eq!(&found[1..], rest.into_iter().map(line).collect::<Vec<_>>());
        }
    }

    proptest! {
        #[test]
        fn lines_are_what_stands_between_newlines(text in prop::collection::vec(
            prop_oneof![3 => Just(b'x'), 1 => Just(b'\n'), 1 => Just(b'\r')], 0..200)) {
            let mut expected: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            prop_assert_eq!(whole(lines_of(&text, 1000)), expected);
        }

        #[test]
        fn what_begins_behind_the_first_bytes_is_not_read_and_what_began_before_is_whole(
            text in prop::collection::vec(prop_oneof![3 => Just(b'x'), 1 => Just(b'\n')], 0..200),
            first in 0_usize..200,
        ) {
            let first = first.min(text.len());
            let end = match text[..first].last() {
                None | Some(b'\n') => first,
                Some(_) => text[first..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| first + at),
            };
            let found = whole(first_lines_of(&text, first as u64, 1000));
            prop_assert_eq!(found, whole(lines_of(&text[..end], 1000)));
        }
    }
}
