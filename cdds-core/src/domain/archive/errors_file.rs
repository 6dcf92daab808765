//! Rule E10: `errors.jsonl`, the file inside the archive that lists the bad records.
//!
//! It is the archive's last entry, at its root, and exists only if there are bad records. Each line is one
//! JSON object ([`RejectedRecord::write_line`]), in the order in which the source found the records. Like
//! every other file, it depends only on the sequence of records.

use std::fmt;

use super::cut::CutFile;
use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::domain::job::policy::BadRecords;
use crate::domain::record::RejectedRecord;

/// The path inside the archive. [`layout`](super::layout) gives no other file or folder this path.
pub const PATH: &str = "errors.jsonl";

/// The largest size of the file in bytes. The file is held in memory until the end.
pub const BYTES_MAX: usize = 16 << 20;

/// Collects bad records as long as the job's policy allows.
#[derive(Debug)]
pub struct ErrorsFile {
    records_max: u32,
    records: u32,
    lines: Vec<u8>,
    first: Option<First>,
}

/// The first bad record, which failures name.
#[derive(Debug)]
struct First {
    position: String,
    reason: String,
}

impl fmt::Display for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.reason)
    }
}

impl ErrorsFile {
    /// Creates an empty file under this policy.
    pub fn new(policy: BadRecords) -> Self {
        let records_max = match policy {
            BadRecords::Fail => 0,
            BadRecords::Skip { max } => max.get(),
        };
        Self { records_max, records: 0, lines: Vec::new(), first: None }
    }

    /// Adds a bad record.
    ///
    /// # Errors
    /// [`FailureKind::BadRecord`], not retryable, if the policy allows no further record or the file would
    /// exceed 16 MiB. The message names the first bad record.
    pub fn push(&mut self, rejected: &RejectedRecord) -> Result<(), Failure> {
        let first = self.first.get_or_insert_with(|| First {
            position: rejected.position().to_owned(),
            reason: rejected.reason().to_owned(),
        });
        if self.records == self.records_max {
            return Err(too_many(match self.records_max {
                0 => format!("{first}: correct the record, or let the job skip bad ones"),
                max => format!(
                    "more than {max} records cannot be read (the first: {first}): correct them, or let the \
                     job skip more"
                ),
            }));
        }
        rejected.write_line(&mut self.lines);
        if self.lines.len() > BYTES_MAX {
            return Err(too_many(format!(
                "the records that cannot be read take more than {} MiB (the first: {first}): correct them",
                BYTES_MAX >> 20
            )));
        }
        self.records += 1;
        Ok(())
    }

    /// Returns the file if it has any lines. Further calls return `None`.
    pub fn take(&mut self) -> Option<CutFile> {
        let contents = std::mem::take(&mut self.lines);
        (!contents.is_empty()).then(|| CutFile { path: PATH.to_owned(), contents })
    }
}

fn too_many(message: String) -> Failure {
    Failure { step: Step::Read, kind: FailureKind::BadRecord, message, retryable: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn skip(max: u32) -> ErrorsFile {
        ErrorsFile::new(BadRecords::Skip { max: NonZeroU32::new(max).unwrap() })
    }

    fn bad(number: u32) -> RejectedRecord {
        RejectedRecord::new(format_args!("line {number}"), "not valid JSON", b"{\"secret\":4711")
    }

    #[test]
    fn e10_bad_records_are_told_in_their_order() {
        let mut file = skip(2);
        file.push(&bad(1)).unwrap();
        file.push(&RejectedRecord::new("line 2", "no instant", b" {\"a\" : 1,\r\n\"b\":null} ")).unwrap();
        let file = file.take().unwrap();
        assert_eq!(file.path, "errors.jsonl");
        assert_eq!(
            std::str::from_utf8(&file.contents).unwrap(),
            concat!(
                r#"{"position":"line 1","reason":"not valid JSON","record":"{\"secret\":4711"}"#,
                "\n",
                r#"{"position":"line 2","reason":"no instant","record":{"a" : 1,  "b":null}}"#,
                "\n"
            )
        );
        assert!(skip(2).take().is_none());
    }

    #[test]
    fn e10_one_more_than_allowed_fails_for_good_and_names_the_first() {
        let mut file = skip(2);
        file.push(&bad(5)).unwrap();
        file.push(&bad(6)).unwrap();
        let failure = file.push(&bad(7)).unwrap_err();
        assert_eq!((failure.kind, failure.retryable), (FailureKind::BadRecord, false));
        assert_eq!(
            failure.message,
            "more than 2 records cannot be read (the first: line 5: not valid JSON): correct them, or let the job \
             skip more"
        );
        let failure = ErrorsFile::new(BadRecords::Fail).push(&bad(5)).unwrap_err();
        assert!(failure.message.starts_with("line 5: not valid JSON: correct"), "{}", failure.message);
    }

    #[test]
    fn e10_the_file_is_bounded() {
        let mut file = skip(BadRecords::SKIP_MAX);
        let large = vec![b'x'; 1 << 20];
        let fitting = (1..1_000)
            .take_while(|number| file.push(&RejectedRecord::new(number, "not valid JSON", &large)).is_ok());
        // 64 KiB of each record are kept.
        assert_eq!(fitting.count(), 255);
    }

    #[test]
    fn e10_the_file_may_be_just_as_large_as_its_bound() {
        let bad = |size| RejectedRecord::new("n", "not valid JSON", &vec![b'x'; size]);
        let line_bytes = |size| {
            let mut file = skip(1);
            file.push(&bad(size)).unwrap();
            file.take().unwrap().contents.len()
        };
        let (full, around) = (line_bytes(64 << 10), line_bytes(1) - 1);
        let last = BYTES_MAX - 255 * full - around;
        for (size, fits) in [(last, true), (last + 1, false)] {
            let mut file = skip(BadRecords::SKIP_MAX);
            (0..255).for_each(|_| file.push(&bad(64 << 10)).unwrap());
            assert_eq!(file.push(&bad(size)).is_ok(), fits);
        }
    }
}
