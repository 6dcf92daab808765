//! Rule C3: how a download ended.

use chrono::{DateTime, Utc};

/// The end of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadEnd {
    /// When it ended; whole microseconds.
    pub at: DateTime<Utc>,
    /// The number of bytes that were given.
    pub bytes: u64,
    /// How it ended.
    pub outcome: DownloadOutcome,
}

/// How a download ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DownloadOutcome {
    /// All bytes were given, and they are the published ones. They were compared before the last was given.
    Verified,
    /// The reader stopped, or the store failed, before the last byte.
    BrokenOff,
    /// The stored bytes are not the published ones. The reader did not get as many as were published.
    Corrupt,
}

impl DownloadOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Verified, Self::BrokenOff, Self::Corrupt];

    /// Returns the stable name: `broken_off`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::BrokenOff => "broken_off",
            Self::Corrupt => "corrupt",
        }
    }

    /// Reads a stable name; `None` if there is no such outcome.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}
