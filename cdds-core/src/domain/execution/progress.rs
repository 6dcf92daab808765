//! Rule E7: the progress of an execution.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::source::Estimate;

/// How much an execution has done so far, and an estimate of the rest if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Records exported.
    pub records: u64,
    /// Records that could not be read and were skipped (rule E10).
    #[serde(default)]
    pub rejected: u64,
    /// Records without an instant (rule W7): those that a window left out for that reason, and those that an
    /// export of everything put into the folder `undated`. They are counted as they are read, before the
    /// engine applies filters.
    #[serde(default)]
    pub undated: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Bytes written to the store.
    pub bytes_written: u64,
    /// Parts completed.
    pub parts: u32,
    /// The share done in percent, 0 to 100, but never 100 before the end. `None` if the size of the read is
    /// unknown.
    pub percent: Option<u8>,
    /// The estimated seconds to the end. `None` if the size of the read is unknown or nothing of it was done
    /// yet.
    pub remaining_seconds: Option<u64>,
}

impl Progress {
    /// Fills in the share and the remaining time from the expected size (the source's estimate, or the count of
    /// the job's last execution) and the time spent on this attempt.
    #[must_use]
    pub fn expecting(mut self, expected: Option<Estimate>, elapsed: Duration) -> Self {
        let (expected, done) = match expected {
            Some(Estimate::Records(expected)) if expected > 0 => (expected, self.records.min(expected)),
            Some(Estimate::Bytes(expected)) if expected > 0 => (expected, self.bytes_read.min(expected)),
            _ => return self,
        };
        let percent = u128::from(done) * 100 / u128::from(expected);
        self.percent = Some(u8::try_from(percent).map_or(99, |percent| percent.min(99)));
        if done > 0 {
            let left = elapsed.as_millis() * u128::from(expected - done) / u128::from(done);
            self.remaining_seconds = u64::try_from(left.div_ceil(1000)).ok();
        }
        self
    }

    /// Removes the remaining time, because nobody works on the execution any more, or not yet again.
    #[must_use]
    pub fn stopped(mut self) -> Self {
        self.remaining_seconds = None;
        self
    }

    /// Returns the progress of an execution that reached its end.
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
        let progress = after(250).expecting(Some(Estimate::Records(1_000)), Duration::from_secs(5));
        assert_eq!((progress.percent, progress.remaining_seconds), (Some(25), Some(15)));
    }

    #[test]
    fn e7_a_size_in_bytes_is_compared_with_the_bytes_that_were_read() {
        let progress = Progress { bytes_read: 300, ..after(7) };
        let progress = progress.expecting(Some(Estimate::Bytes(400)), Duration::from_secs(6));
        assert_eq!((progress.percent, progress.remaining_seconds), (Some(75), Some(2)));
        assert_eq!(Estimate::Bytes(1).plus(Estimate::Bytes(2)), Some(Estimate::Bytes(3)));
        assert_eq!(Estimate::Bytes(1).plus(Estimate::Records(2)), None);
    }

    #[test]
    fn e7_without_an_expectation_nothing_is_claimed() {
        for expected in [None, Some(Estimate::Records(0)), Some(Estimate::Bytes(0))] {
            let progress = after(250).expecting(expected, Duration::from_secs(5));
            assert_eq!((progress.percent, progress.remaining_seconds), (None, None));
        }
        assert_eq!(after(0).expecting(Some(Estimate::Records(9)), Duration::ZERO).remaining_seconds, None);
    }

    #[test]
    fn e7_only_the_end_is_a_hundred() {
        let over = after(5_000).expecting(Some(Estimate::Records(1_000)), Duration::from_secs(5));
        assert_eq!((over.percent, over.remaining_seconds), (Some(99), Some(0)));
        assert_eq!(over.complete().percent, Some(100));
        assert_eq!(
            after(u64::MAX)
                .expecting(Some(Estimate::Records(u64::MAX)), Duration::from_secs(u64::MAX))
                .percent,
            Some(99)
        );
    }
}
