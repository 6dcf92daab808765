//! Rule N8: sets that expire soon, and that nobody has fetched.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Notice, NoticeKind};
use crate::domain::execution::Execution;
use crate::domain::id::ExecutionId;

/// How long before a set expires its subscribers are told that nobody has fetched it.
pub const EXPIRY_NOTICE: TimeDelta = TimeDelta::days(3);

/// A set that is not removed, as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSet {
    /// The execution that published it.
    pub execution: Execution,
    /// When its last file expires.
    pub expires_at: DateTime<Utc>,
    /// Whether it is on hold, and so does not expire.
    pub is_held: bool,
    /// Whether somebody has it. Any of these is enough, also for a file that was deleted since:
    ///
    /// - One of its files was downloaded to the end and compared (rule C3). A download that broke off does not count,
    ///   nor does one of the manifest: whoever made it has no records.
    /// - A link to one of its files was handed out. What is done with that link is not seen here, so nobody can say
    ///   that the file was not fetched.
    /// - It has arrived at a destination: its records are where the job's owner wants them, and nothing is lost when
    ///   the store's copy expires.
    pub is_fetched: bool,
}

impl KeptSet {
    /// Returns the instant from which its subscribers are told: [three days](EXPIRY_NOTICE) before it expires, or, of
    /// a set that is kept for a short time, when half of that time is over. A set that is kept for a day would
    /// otherwise be called forgotten in the minute in which it is published.
    pub fn notice_at(&self) -> DateTime<Utc> {
        let published_at = self.execution.finished_at.unwrap_or(self.execution.created_at);
        let kept = (self.expires_at - published_at).max(TimeDelta::zero());
        self.expires_at - EXPIRY_NOTICE.min(kept / 2)
    }

    /// Returns the notices that it expires soon, each the same whenever it is asked for; none if that is not so.
    pub fn notices(&self, now: DateTime<Utc>) -> Vec<Notice> {
        let is_soon = self.notice_at() <= now && now < self.expires_at;
        if !is_soon || self.is_held || self.is_fetched {
            return Vec::new();
        }
        Notice::about(&self.execution, NoticeKind::Expiring, None, now)
    }
}

/// The place of a set in the order in which sets expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetPlace {
    /// When its last file expires.
    pub expires_at: DateTime<Utc>,
    /// The execution that published it.
    pub execution: ExecutionId,
}
