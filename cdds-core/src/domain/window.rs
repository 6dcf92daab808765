//! Rules W1, W4: half-open windows of microseconds.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A half-open stretch of time `[start, end)`, UTC, in whole microseconds (rule W1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    start: Option<DateTime<Utc>>,
    end: DateTime<Utc>,
}

impl Window {
    /// Everything before `end`, records without an instant included (rule W7).
    pub fn until(end: DateTime<Utc>) -> Self {
        Self { start: None, end: end.trunc_subsecs(6) }
    }

    /// `[start, end)`. A start after the end gives the empty window at `end`.
    pub fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let end = end.trunc_subsecs(6);
        Self { start: Some(start.trunc_subsecs(6).min(end)), end }
    }

    /// What is new since a watermark, `[watermark, end)`; everything before `end` if there is no watermark
    /// yet. `None` if there is nothing to do: the watermark has reached `end` (rule W4).
    pub fn since(watermark: Option<DateTime<Utc>>, end: DateTime<Utc>) -> Option<Self> {
        let (start, end) = (watermark.map(|watermark| watermark.trunc_subsecs(6)), end.trunc_subsecs(6));
        start.is_none_or(|start| start < end).then_some(Self { start, end })
    }

    /// The first instant inside; `None` for no bound.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.start
    }

    /// The first instant after.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// Whether a record with this event instant belongs to the window. Records without one belong to
    /// windows without a start only (rule W7).
    pub fn contains(&self, instant: Option<DateTime<Utc>>) -> bool {
        match (self.start, instant) {
            (start, Some(instant)) => start.is_none_or(|start| start <= instant) && instant < self.end,
            (None, None) => true,
            (Some(_), None) => false,
        }
    }
}

/// Up to where the rows of a source are complete at `slot` (rule W4): `settle_lag` earlier, cut to a multiple
/// of `granularity` since 1970. A negative lag counts as none, a granularity below a microsecond as one; the
/// beginning of the calendar where it would be left.
pub fn settled_end(slot: DateTime<Utc>, settle_lag: TimeDelta, granularity: TimeDelta) -> DateTime<Utc> {
    let granularity = granularity.num_microseconds().unwrap_or(i64::MAX).max(1);
    slot.checked_sub_signed(settle_lag.max(TimeDelta::zero()))
        .map(|settled| settled.timestamp_micros())
        .and_then(|micros| micros.checked_sub(micros.rem_euclid(granularity)))
        .and_then(DateTime::from_timestamp_micros)
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
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
}
