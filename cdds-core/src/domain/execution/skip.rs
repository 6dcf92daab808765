//! Why an occurrence was not run (rules E1, E3, E4).

use chrono::{DateTime, SecondsFormat, Utc};

/// Why an occurrence was not run. One entry may stand for a gap of several slots (rule E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// A later occurrence covers it (rule E3).
    Coalesced {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
        /// The slot that covers them.
        into: DateTime<Utc>,
    },
    /// Missed for longer than the catch-up limit (rule E4).
    CatchUpLimit {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
    },
    /// The job was suspended before they started (rule J7).
    Suspended {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
    },
    /// The job was deleted before they started (rule J12).
    Deleted {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
    },
    /// An edit of the job put another occurrence in its place (rule J10).
    Replaced,
    /// Everything that the occurrence would have exported was exported already (rule W4).
    Covered {
        /// How far the exports had come. `None` if nothing was exported yet.
        watermark: Option<DateTime<Utc>>,
    },
}

impl SkipReason {
    /// Returns the reason as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coalesced { .. } => "coalesced",
            Self::CatchUpLimit { .. } => "catch_up_limit",
            Self::Suspended { .. } => "suspended",
            Self::Deleted { .. } => "deleted",
            Self::Replaced => "replaced",
            Self::Covered { .. } => "covered",
        }
    }
}

/// `1 occurrence at …`, `2 occurrences from … to …`
fn slots(count: u64, first: &str, last: &str) -> String {
    match count {
        1 => format!("1 occurrence at {first}"),
        count => format!("{count} occurrences from {first} to {last}"),
    }
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |instant: &DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match self {
            Self::Coalesced { first, last, count, into } => {
                let (slots, are) =
                    (slots(*count, &at(first), &at(last)), if *count == 1 { "is" } else { "are" });
                write!(f, "coalesced: {slots} {are} covered by the one at {}", at(into))
            }
            Self::CatchUpLimit { first, last, count } => {
                let (slots, lie) =
                    (slots(*count, &at(first), &at(last)), if *count == 1 { "lies" } else { "lie" });
                write!(f, "missed: {slots} {lie} beyond the catch-up limit")
            }
            Self::Suspended { first, last, count } => {
                let slots = slots(*count, &at(first), &at(last));
                write!(f, "suspended: {slots} had not started when the job was suspended")
            }
            Self::Deleted { first, last, count } => {
                let slots = slots(*count, &at(first), &at(last));
                write!(f, "deleted: {slots} had not started when the job was deleted")
            }
            Self::Replaced => f.write_str("replaced: the job was edited before it started"),
            Self::Covered { watermark: Some(watermark) } => {
                write!(f, "covered: everything up to {} was exported before", at(watermark))
            }
            Self::Covered { watermark: None } => f.write_str("covered: there is nothing to export yet"),
        }
    }
}
