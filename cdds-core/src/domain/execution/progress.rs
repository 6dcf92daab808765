//! Rule E7: how far an execution is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an execution has done so far, and what remains as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Records exported.
    pub records: u64,
    /// Records that could not be read and were skipped (rule E10).
    #[serde(default)]
    pub rejected: u64,
    /// Records without an instant (rule W7): those that a window left out for that, and those that an export of
    /// everything put into `undated`. Counted as they are read, before the engine applies filters.
    #[serde(default)]
    pub undated: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Bytes written to the store.
    pub bytes_written: u64,
    /// Parts completed.
    pub parts: u32,
    /// Share done, 0 to 100; never 100 before the end. `None` without an expectation.
    pub percent: Option<u8>,
    /// Estimated seconds to the end. `None` without an expectation.
    pub remaining_seconds: Option<u64>,
}

impl Progress {
    /// Fills in share and remaining time from the number of records expected (the source's estimate,
    /// or what the job's last execution had) and the time spent on this attempt.
    #[must_use]
    pub fn expecting(mut self, records: Option<u64>, elapsed: Duration) -> Self {
        let Some(expected) = records.filter(|expected| *expected > 0) else {
            return self;
        };
        let done = self.records.min(expected);
        let percent = u128::from(done) * 100 / u128::from(expected);
        self.percent = Some(u8::try_from(percent).map_or(99, |percent| percent.min(99)));
        if done > 0 {
            let left = elapsed.as_millis() * u128::from(expected - done) / u128::from(done);
            self.remaining_seconds = u64::try_from(left.div_ceil(1000)).ok();
        }
        self
    }

    /// The same without a remaining time: nobody works on it any more, or not yet again.
    #[must_use]
    pub fn stopped(mut self) -> Self {
        self.remaining_seconds = None;
        self
    }

    /// The progress of an execution that reached its end.
    #[must_use]
    pub fn complete(mut self) -> Self {
        self.percent = Some(100);
        self.remaining_seconds = Some(0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(records: u64) -> Progress {
        Progress { records, ..Progress::default() }
    }

    #[test]
    fn e7_share_and_remaining_time_follow_the_records() {
        let progress = after(250).expecting(Some(1_000), Duration::from_secs(5));
        assert_eq!((progress.percent, progress.remaining_seconds), (Some(25), Some(15)));
    }

    #[test]
    fn e7_without_an_expectation_nothing_is_claimed() {
        for expected in [None, Some(0)] {
            let progress = after(250).expecting(expected, Duration::from_secs(5));
            assert_eq!((progress.percent, progress.remaining_seconds), (None, None));
        }
        assert_eq!(after(0).expecting(Some(9), Duration::ZERO).remaining_seconds, None);
    }

    #[test]
    fn e7_only_the_end_is_a_hundred() {
        let over = after(5_000).expecting(Some(1_000), Duration::from_secs(5));
        assert_eq!((over.percent, over.remaining_seconds), (Some(99), Some(0)));
        assert_eq!(over.complete().percent, Some(100));
        assert_eq!(
            after(u64::MAX).expecting(Some(u64::MAX), Duration::from_secs(u64::MAX)).percent,
            Some(99)
        );
    }
}
