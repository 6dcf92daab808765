//! Rules E5, N5: whether failed work is tried again, and how long to wait between attempts.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::row::WorkAttempts;

/// For how long work is tried, and how long to wait between the attempts (rule N5). Executions, which are
/// tried a number of times, have a
/// [`RetryPolicy`](crate::domain::execution::retry::RetryPolicy) instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkRetry {
    /// For how long it is tried, counted from the beginning of the first attempt. The last attempt is made
    /// when this time is over.
    pub period: TimeDelta,
    /// The wait after the first failure. It doubles with each further one.
    pub delay_first: TimeDelta,
    /// The longest wait, before it is spread by a fifth to either side.
    pub delay_max: TimeDelta,
    /// The shortest wait, if the other side has asked for one.
    pub delay_min: TimeDelta,
}

impl Default for WorkRetry {
    /// 72 hours, 30 seconds doubling to an hour.
    fn default() -> Self {
        Self {
            period: TimeDelta::hours(72),
            delay_first: TimeDelta::seconds(30),
            delay_max: TimeDelta::hours(1),
            delay_min: TimeDelta::zero(),
        }
    }
}

impl WorkRetry {
    /// Returns when work is tried again after an attempt that failed at `now`, or `None` if it is given up.
    pub fn next(&self, work: Uuid, attempts: &WorkAttempts, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let first = attempts.first_at.unwrap_or(now);
        let end = first.checked_add_signed(self.period).unwrap_or(DateTime::<Utc>::MAX_UTC);
        if now >= end {
            return None;
        }
        let delay = backoff(work, attempts.count, self.delay_first, self.delay_max).max(self.delay_min);
        Some(now.checked_add_signed(delay).map_or(end, |next| next.min(end)))
    }
}

/// Returns the wait after so many failures in a row: `first` after the first, doubled with each further one,
/// at most `max`, and then spread by a fifth to either side.
pub(in crate::domain) fn backoff(work: Uuid, failures: u32, first: TimeDelta, max: TimeDelta) -> TimeDelta {
    // 2 to the power of the number of earlier failures. A shift that overflows or reaches the sign bit
    // means the longest wait.
    let doubled = 1_i32.checked_shl(failures.saturating_sub(1)).filter(|factor| *factor > 0);
    let delay = doubled.and_then(|factor| first.checked_mul(factor)).map_or(max, |delay| delay.min(max));
    delay * spread_percent(work, failures) / 100
}

/// Returns 80 to 120 percent, derived from the work and the attempt. Work that failed together is thus not
/// tried again together, and deciding twice gives the same wait.
fn spread_percent(work: Uuid, attempt: u32) -> i32 {
    let seed = work.as_u128() ^ u128::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // 41 is tiny compared with the seed, so the remainders are evenly spread. They are below 41 and always
    // fit.
    80 + i32::try_from(seed % 41).unwrap_or(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n5_work_is_tried_for_its_period_and_once_at_its_end() {
        let at = |seconds| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let retry = WorkRetry::default();
        let attempts = |count| WorkAttempts { count, first_at: Some(at(0)), ..WorkAttempts::default() };
        let id = Uuid::from_u128(7);
        let wait = |count| retry.next(id, &attempts(count), at(0)).unwrap() - at(0);
        assert_eq!([wait(1), wait(2)].map(|wait| wait.num_milliseconds()), [29_100, 49_200]);
        assert!(wait(20) <= TimeDelta::minutes(72) && wait(20) >= TimeDelta::minutes(48));
        let hours = |hours: i64| hours * 3_600;
        assert_eq!(retry.next(id, &attempts(80), at(hours(72) - 60)), Some(at(hours(72))));
        assert_eq!(retry.next(id, &attempts(81), at(hours(72))), None);
    }

    #[test]
    fn e5_delays_are_spread_evenly_and_the_same_for_whoever_decides() {
        let mut counts = std::collections::BTreeMap::new();
        for id in 0..4_100 {
            *counts.entry(spread_percent(Uuid::from_u128(id), 1)).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), (80..=120).collect::<Vec<_>>());
        assert!(counts.values().all(|count| (80..=120).contains(count)), "{counts:?}");
        // The values are fixed, so engines of other versions decide the same.
        let of = |attempt| spread_percent(Uuid::from_u128(7), attempt);
        assert_eq!([of(1), of(2), of(3), of(4)], [97, 82, 92, 118]);
    }
}
