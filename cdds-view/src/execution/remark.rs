//! The remark that completes the status of an execution.

use std::fmt;

/// A remark on an execution; its [`Display`](fmt::Display) form is for people and may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark<'a> {
    /// It failed, or waits for a retry, with this message.
    Error(&'a str),
    /// It was skipped for this reason.
    Skipped(&'a str),
    /// It counts as running, but its worker is gone: another one takes it over.
    WorkerGone,
    /// Its files, and the number of bad records that were set aside.
    Files {
        /// The names of the files that are still available.
        files: &'a [String],
        /// The number of bad records.
        rejected: u64,
    },
}

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) | Self::Skipped(text) => f.write_str(text),
            Self::WorkerGone => f.write_str("its worker is gone"),
            Self::Files { files, rejected } => {
                if *rejected > 0 {
                    write!(f, "{rejected} bad record(s) set aside; ")?;
                }
                summary(files, f)
            }
        }
    }
}

/// Summarises the files: a set may have hundreds of parts, and the list of artifacts names them all.
fn summary(files: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match files {
        [] => Ok(()),
        [only] => f.write_str(only),
        [first, others @ ..] => write!(f, "{first} and {} more", others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_summarised() {
        let files = ["a.z01", "a.z02", "a.zip"].map(str::to_owned);
        let said = |count: usize, rejected| Remark::Files { files: &files[..count], rejected }.to_string();
        assert_eq!(said(0, 0), "");
        assert_eq!(said(1, 0), "a.z01");
        assert_eq!(said(3, 0), "a.z01 and 2 more");
        assert_eq!(said(1, 2), "2 bad record(s) set aside; a.z01");
    }
}
