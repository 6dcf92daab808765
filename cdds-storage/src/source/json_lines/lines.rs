//! Lines of a file, through a buffer that holds one of them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cdds_core::ports::source::{SourceError, SourceErrorKind};

/// How much is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// How much of a file tells its mean length of lines.
const SAMPLE_BYTES: u64 = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One line without its newline.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) json: &'a [u8],
    /// Counted from 1.
    pub(super) number: u64,
}

/// The lines of a file. `buffer[start..end]` is what was read and not given yet, and no newline is in
/// its first `searched` bytes.
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
    at_end: bool,
}

impl Lines {
    pub(super) fn open(path: &Path, line_bytes_max: usize) -> Result<Self, SourceError> {
        let file = File::open(path).map_err(|error| cannot_open(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            searched: 0,
            number: 0,
            line_bytes_max,
            at_end: false,
        })
    }

    /// The next line; the last one may lack its newline.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>, SourceError> {
        let length = loop {
            let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
            let unsearched = pending.get(self.searched..).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unsearched) {
                break self.searched + found;
            }
            self.searched = pending.len();
            if self.searched > self.line_bytes_max {
                break self.searched;
            }
            if self.at_end {
                if pending.is_empty() {
                    return Ok(None);
                }
                break self.searched;
            }
            self.fill()?;
        };
        self.number += 1;
        if length > self.line_bytes_max {
            return Err(self.too_long());
        }
        let start = self.start;
        self.start = (start + length + 1).min(self.end);
        self.searched = 0;
        let json = self.buffer.get(start..start + length).unwrap_or_default();
        let json = match self.number {
            1 => json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json),
            _ => json,
        };
        Ok(Some(Line { json, number: self.number }))
    }

    /// Reads more behind what is pending, which moves to the front.
    fn fill(&mut self) -> Result<(), SourceError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + READ_BYTES {
            // Doubled, so that a long line is not moved again for each piece of it.
            self.buffer.resize(self.end * 2 + READ_BYTES, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.file.read(room) {
                Ok(read) => {
                    self.end += read;
                    self.at_end = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(cannot_read(&self.path, error)),
            }
        }
    }

    fn too_long(&self) -> SourceError {
        SourceError::new(
            SourceErrorKind::BadRecord,
            format!(
                "line {} of {} is longer than {} bytes, the longest that is accepted: split the record",
                self.number,
                self.path.display(),
                self.line_bytes_max
            ),
        )
    }
}

/// The start of a file.
pub(super) fn sample(path: &Path) -> Result<Vec<u8>, SourceError> {
    let file = File::open(path).map_err(|error| cannot_open(path, error))?;
    let mut sample = Vec::new();
    file.take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(|error| cannot_read(path, error))?;
    Ok(sample)
}

fn cannot_open(path: &Path, error: io::Error) -> SourceError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => SourceErrorKind::Missing,
        _ => SourceErrorKind::Unavailable,
    };
    SourceError::with_source(kind, format!("cannot open {}", path.display()), error)
}

pub(super) fn cannot_read(path: &Path, error: io::Error) -> SourceError {
    SourceError::with_source(SourceErrorKind::Interrupted, format!("cannot read {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines_of(bytes: &[u8], line_bytes_max: usize) -> Result<Vec<Vec<u8>>, SourceError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut lines = Lines::open(file.path(), line_bytes_max)?;
        let mut all = Vec::new();
        while let Some(line) = lines.next_line()? {
            all.push(line.json.to_vec());
            assert_eq!(line.number, all.len() as u64);
        }
        Ok(all)
    }

    #[test]
    fn lines_longer_than_the_buffer_are_whole() {
        let mut text = Vec::new();
        let lengths = [0, READ_BYTES - 1, READ_BYTES, 1, READ_BYTES + 1, 3 * READ_BYTES, 0, 5];
        for length in lengths {
            text.extend(std::iter::repeat_n(b'x', length));
            text.push(b'\n');
        }
        let found: Vec<usize> = lines_of(&text, 1 << 20).unwrap().iter().map(Vec::len).collect();
        assert_eq!(found, lengths);
    }

    #[test]
    fn the_limit_is_exact_and_names_the_line() {
        assert_eq!(lines_of(b"a\nbbbb\nc", 4).unwrap().len(), 3);
        for text in ["a\nbbbbb\nc", "a\nbbbbb"] {
            let error = lines_of(text.as_bytes(), 4).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::BadRecord);
            assert!(error.to_string().starts_with("line 2 of "), "{error}");
        }
        let endless = vec![b'x'; 4 * READ_BYTES];
        assert!(lines_of(&endless, READ_BYTES).is_err());
    }

    proptest! {
        #[test]
        fn lines_are_what_stands_between_newlines(text in prop::collection::vec(
            prop_oneof![3 => Just(b'x'), 1 => Just(b'\n'), 1 => Just(b'\r')], 0..200)) {
            let mut expected: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            prop_assert_eq!(lines_of(&text, 1000).unwrap(), expected);
        }
    }
}
