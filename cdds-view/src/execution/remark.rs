//! The remark that completes the status of an execution.

use std::fmt;

use crate::{Instant, words};

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
    /// It waits for its source to be complete (rule W3b).
    Waiting {
        /// Since when.
        since: Instant,
        /// The instant up to which the source is complete.
        until: Option<Instant>,
    },
    /// Its files, and the number of bad records that were set aside.
    Files {
        /// The names of the files that are still available.
        files: &'a [String],
        /// The number of bad records.
        rejected: u64,
        /// The instant from which records may be missing (rule W3b).
        incomplete_from: Option<Instant>,
    },
}

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) | Self::Skipped(text) => f.write_str(text),
            Self::WorkerGone => f.write_str("its worker is gone"),
            Self::Waiting { since, until } => {
                write!(f, "waits for its source since {since}")?;
                until.map_or(Ok(()), |until| write!(f, ", which is complete until {until}"))
            }
            Self::Files { files, rejected, incomplete_from } => {
                if let Some(from) = incomplete_from {
                    write!(f, "the source was not complete from {from} on; ")?;
                }
                if *rejected > 0 {
                    write!(f, "{} set aside; ", words::counted(*rejected, "bad record"))?;
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
        let said = |count: usize, rejected| {
            Remark::Files { files: &files[..count], rejected, incomplete_from: None }.to_string()
        };
        assert_eq!(said(0, 0), "");
        assert_eq!(said(1, 0), "a.z01");
        assert_eq!(said(3, 0), "a.z01 and 2 more");
        assert_eq!(said(1, 2), "2 bad records set aside; a.z01");
    }

    #[test]
    fn w3b_a_wait_and_what_was_not_waited_for_are_told() {
        let at = |text: &str| Instant(text.parse().unwrap());
        let (since, until) = (at("2026-03-01T10:00:00Z"), at("2026-03-01T09:58:00Z"));
        assert_eq!(
            Remark::Waiting { since, until: Some(until) }.to_string(),
            "waits for its source since 2026-03-01T10:00:00Z, which is complete until 2026-03-01T09:58:00Z"
        );
        let files = ["a.zip".to_owned()];
        assert_eq!(
            Remark::Files { files: &files, rejected: 0, incomplete_from: Some(until) }.to_string(),
            "the source was not complete from 2026-03-01T09:58:00Z on; a.zip"
        );
    }
}
