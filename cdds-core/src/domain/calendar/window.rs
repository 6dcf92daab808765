//! Rules W1, W4: half-open windows of microseconds.

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A half-open stretch of time `[start, end)`, UTC, in whole microseconds (rule W1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    start: Option<DateTime<Utc>>,
    end: DateTime<Utc>,
}

impl Window {
    /// Creates a window of everything before `end`, including records without an instant (rule W7).
    pub fn until(end: DateTime<Utc>) -> Self {
        Self { start: None, end: end.trunc_subsecs(6) }
    }

    /// Creates a window of everything: until the end of the year 9999, the last that common formats of instants can say,
    /// with records without an instant.
    pub fn everything() -> Self {
        let end = NaiveDate::from_ymd_opt(10_000, 1, 1).map(|day| day.and_time(NaiveTime::MIN).and_utc());
        Self::until(end.unwrap_or(DateTime::<Utc>::MAX_UTC) - TimeDelta::microseconds(1))
    }

    /// Creates the window `[start, end)`. If `start` is after `end`, the window is empty and lies at `end`.
    pub fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let end = end.trunc_subsecs(6);
        Self { start: Some(start.trunc_subsecs(6).min(end)), end }
    }

    /// Creates the window `[watermark, end)` of new records (rule W4), or a window of everything before `end`
    /// if there is no watermark yet. Returns `None` if the watermark has reached `end`, since nothing is left
    /// to export.
    pub fn since(watermark: Option<DateTime<Utc>>, end: DateTime<Utc>) -> Option<Self> {
        let (start, end) = (watermark.map(|watermark| watermark.trunc_subsecs(6)), end.trunc_subsecs(6));
        start.is_none_or(|start| start < end).then_some(Self { start, end })
    }

    /// Returns the start, which is inside the window. `None` means that the window has no lower bound.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.start
    }

    /// Returns the end, which is outside the window.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// Whether a record with this event instant belongs to the window. A record without one belongs only to a
    /// window without a start (rule W7).
    pub fn contains(&self, instant: Option<DateTime<Utc>>) -> bool {
        match (self.start, instant) {
            (start, Some(instant)) => start.is_none_or(|start| start <= instant) && instant < self.end,
            (None, None) => true,
            (Some(_), None) => false,
        }
    }
}

/// Returns the instant before which the rows of a source are complete at `slot` (rule W4): `settle_lag`
/// before the slot, rounded down to a multiple of `granularity` since 1970.
///
/// A negative lag counts as zero, and a granularity below a microsecond as one microsecond. A result before
/// the beginning of the calendar is replaced by that beginning.
pub fn settled_end(slot: DateTime<Utc>, settle_lag: TimeDelta, granularity: TimeDelta) -> DateTime<Utc> {
    slot.checked_sub_signed(settle_lag.max(TimeDelta::zero()))
        .map(|settled| settled.timestamp_micros())
        .and_then(|micros| micros.checked_sub(micros.rem_euclid(grain(granularity))))
        .and_then(DateTime::from_timestamp_micros)
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Returns when every row with an instant before `end` is visible (rule W4).
///
/// A source rounds instants down to multiples of `granularity`, so a row may be reported under an earlier
/// instant than its own. `end` is therefore rounded up to the next multiple before `settle_lag` is added. Lag
/// and granularity are bounded as in [`settled_end`]. Returns `end` if the result would lie beyond the
/// calendar.
pub fn settled_at(end: DateTime<Utc>, settle_lag: TimeDelta, granularity: TimeDelta) -> DateTime<Utc> {
    let (micros, grain) = (end.timestamp_micros(), grain(granularity));
    let rest = micros.rem_euclid(grain);
    let told_later = if rest == 0 { Some(micros) } else { micros.checked_add(grain - rest) };
    told_later
        .and_then(DateTime::from_timestamp_micros)
        .and_then(|told_later| told_later.checked_add_signed(settle_lag.max(TimeDelta::zero())))
        .unwrap_or(end)
}

/// Returns the granularity in microseconds, at least 1. A granularity too long to count in microseconds
/// becomes the longest that can be counted.
fn grain(granularity: TimeDelta) -> i64 {
    granularity.max(TimeDelta::zero()).num_microseconds().unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn w1_the_start_is_in_and_the_end_is_out() {
        let window = Window::between(at(10), at(20));
        assert!(!window.contains(Some(at(10) - TimeDelta::microseconds(1))));
        assert!(window.contains(Some(at(10))));
        assert!(window.contains(Some(at(20) - TimeDelta::microseconds(1))));
        assert!(!window.contains(Some(at(20))));
        assert!(!window.contains(None));
    }

    #[test]
    fn d9_the_window_of_everything_ends_with_the_year_9999() {
        let all = Window::everything();
        assert_eq!(all.end().to_rfc3339(), "9999-12-31T23:59:59.999999+00:00");
        assert!(
            all.contains(None) && all.contains(Some(at(-1_000_000))) && all.contains(Some(at(9_000_000_000)))
        );
    }

    #[test]
    fn w7_undated_records_belong_to_unbounded_windows_only() {
        assert!(Window::until(at(0)).contains(None));
        assert!(!Window::until(at(0)).contains(Some(at(0))));
        assert!(Window::until(at(0)).contains(Some(at(-1))));
    }

    #[test]
    fn w1_windows_are_whole_microseconds() {
        let window = Window::until(at(1) + TimeDelta::nanoseconds(1_999));
        assert_eq!(window.end(), at(1) + TimeDelta::microseconds(1));
    }

    #[test]
    fn w4_a_window_since_a_watermark_ends_where_there_is_nothing_new() {
        assert_eq!(Window::since(Some(at(10)), at(20)), Some(Window::between(at(10), at(20))));
        assert_eq!(Window::since(None, at(20)), Some(Window::until(at(20))));
        let microsecond = TimeDelta::microseconds(1);
        assert!(Window::since(Some(at(20) - microsecond), at(20)).is_some());
        for watermark in [at(20), at(20) + microsecond, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(Window::since(Some(watermark), at(20)), None);
        }
        // Both are truncated to microseconds first.
        assert_eq!(Window::since(Some(at(20)), at(20) + TimeDelta::nanoseconds(999)), None);
    }

    #[test]
    fn w4_the_settled_end_is_the_slot_less_the_lag_in_whole_grains() {
        let (second, slot) = (TimeDelta::seconds(1), at(100) + TimeDelta::milliseconds(300));
        assert_eq!(settled_end(slot, second, second), at(99));
        assert_eq!(settled_end(slot, TimeDelta::zero(), second), at(100));
        assert_eq!(settled_end(slot, TimeDelta::milliseconds(301), second), at(99));
        assert_eq!(settled_end(slot, TimeDelta::zero(), TimeDelta::minutes(1)), at(60));
        assert_eq!(
            settled_end(slot, TimeDelta::milliseconds(100), TimeDelta::microseconds(1)),
            slot - TimeDelta::milliseconds(100)
        );
        // Before 1970 it is rounded towards the past, too.
        assert_eq!(settled_end(at(-1), TimeDelta::zero(), TimeDelta::minutes(1)), at(-60));
        assert_eq!(settled_end(at(-60), TimeDelta::zero(), TimeDelta::minutes(1)), at(-60));
        // The granularity is at least a microsecond, and a negative lag counts as zero.
        for granularity in [TimeDelta::zero(), TimeDelta::nanoseconds(1), TimeDelta::MIN, -second] {
            let fine = slot + TimeDelta::nanoseconds(1_999);
            assert_eq!(settled_end(fine, -second, granularity), slot + TimeDelta::microseconds(1));
        }
    }

    #[test]
    fn w4_rows_are_settled_a_lag_after_what_is_told_as_earlier() {
        let (lag, minute) = (TimeDelta::seconds(5), TimeDelta::minutes(1));
        // A row of 0:59 is reported as 0:00, which lies in a window that ends at 0:01.
        for (end, settled) in [(0, 5), (1, 65), (59, 65), (60, 65), (61, 125)] {
            assert_eq!(settled_at(at(end), lag, minute), at(settled), "{end}");
        }
        assert_eq!(settled_at(at(7), lag, TimeDelta::zero()), at(12));
        assert_eq!(settled_at(at(7), -lag, TimeDelta::seconds(1)), at(7));
        let end = DateTime::<Utc>::MAX_UTC;
        assert_eq!(settled_at(end, lag, TimeDelta::MAX), end);
    }

    #[test]
    fn w4_the_settled_end_is_total() {
        let (least, most) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        for slot in [least, at(-1), at(0), at(1), most] {
            for lag in [TimeDelta::MIN, TimeDelta::zero(), TimeDelta::days(400_000_000), TimeDelta::MAX] {
                for granularity in [TimeDelta::MIN, TimeDelta::days(30), TimeDelta::MAX] {
                    assert!(settled_end(slot, lag, granularity) <= slot);
                }
            }
        }
        assert_eq!(settled_end(least, TimeDelta::seconds(1), TimeDelta::seconds(1)), least);
        assert_eq!(settled_end(at(1), TimeDelta::zero(), TimeDelta::MAX), at(0));
    }
}
