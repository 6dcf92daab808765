//! Section W: which stretch of time an occurrence exports.

use std::fmt;
use std::num::NonZeroU32;

use chrono::{DateTime, Days, Months, SecondsFormat, SubsecRound, TimeDelta, Utc};

use super::violation::{Code, RuleViolation};
use super::window::Window;

/// Which records an occurrence exports, by event instant (rule W2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timeframe {
    /// Everything up to the slot, undated records included.
    All,
    /// The same stretch at every occurrence.
    Fixed(FixedRange),
    /// The last `count` units before the slot.
    Rolling {
        /// How many units.
        count: NonZeroU32,
        /// Of which length.
        unit: Unit,
    },
}

/// Start and end of a fixed timeframe; the start is before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedRange {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl FixedRange {
    /// `[start, end)`, cut to whole microseconds (rule W1).
    ///
    /// # Errors
    /// [`Code::InvalidTimeframe`] unless `start < end`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, RuleViolation> {
        let (start, end) = (start.trunc_subsecs(6), end.trunc_subsecs(6));
        if start >= end {
            return Err(RuleViolation::new(
                Code::InvalidTimeframe,
                format!(
                    "the fixed timeframe starts at {} but ends at {}: the start must be before the end",
                    rfc3339(start),
                    rfc3339(end)
                ),
            ));
        }
        Ok(Self { start, end })
    }

    /// The first instant inside.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant after.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }
}

/// A calendar unit of a rolling timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 60 minutes.
    Hour,
    /// 24 hours; UTC has no other days.
    Day,
    /// Seven days.
    Week,
    /// To the same day of an earlier month, or its last one.
    Month,
}

impl Timeframe {
    /// The window of the occurrence at `slot`, computed from the slot alone (rules W1, W2).
    pub fn window(&self, slot: DateTime<Utc>) -> Window {
        match self {
            Self::All => Window::until(slot),
            Self::Fixed(range) => Window::between(range.start, range.end),
            Self::Rolling { count, unit } => Window::between(unit.before(slot, *count), slot),
        }
    }

    /// Checks what is asked for: a fixed range must not end in the future (rule W2), a rolling one not reach
    /// back more than a hundred years.
    ///
    /// # Errors
    /// [`Code::InvalidTimeframe`].
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), RuleViolation> {
        match self {
            Self::Rolling { count, unit } if count.get() > unit.count_max() => Err(RuleViolation::new(
                Code::InvalidTimeframe,
                format!(
                    "{self} reaches back more than a hundred years: use {}{} or less, or all",
                    unit.count_max(),
                    unit.suffix()
                ),
            )),
            Self::Fixed(range) if range.end > now => Err(RuleViolation::new(
                Code::InvalidTimeframe,
                format!(
                    "the fixed timeframe ends at {}, which is in the future: end it at {} or before",
                    rfc3339(range.end),
                    rfc3339(now)
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the timeframe asks for records by their event instant (rule W7).
    pub fn needs_event_instant(&self) -> bool {
        !matches!(self, Self::All)
    }
}

impl Unit {
    /// `count` units before `slot`, months clamped to their last day; the beginning of the calendar
    /// where it would be left.
    fn before(self, slot: DateTime<Utc>, count: NonZeroU32) -> DateTime<Utc> {
        let count = count.get();
        match self {
            Self::Hour => slot.checked_sub_signed(TimeDelta::hours(i64::from(count))),
            Self::Day => slot.checked_sub_days(Days::new(u64::from(count))),
            Self::Week => slot.checked_sub_days(Days::new(7 * u64::from(count))),
            Self::Month => slot.checked_sub_months(Months::new(count)),
        }
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// A hundred years.
    fn count_max(self) -> u32 {
        match self {
            Self::Hour => 876_600,
            Self::Day => 36_525,
            Self::Week => 5_217,
            Self::Month => 1_200,
        }
    }

    /// The short form people type: `h`, `d`, `w`, `mo`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mo",
        }
    }
}

impl fmt::Display for Timeframe {
    /// The form people type: `all`, `rolling:1w`, `fixed:START..END`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Fixed(range) => write!(f, "fixed:{}..{}", rfc3339(range.start), rfc3339(range.end)),
            Self::Rolling { count, unit } => write!(f, "rolling:{count}{}", unit.suffix()),
        }
    }
}

fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl std::str::FromStr for Timeframe {
    type Err = RuleViolation;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(length) = text.strip_prefix("rolling:") {
            return rolling(length).ok_or_else(|| {
                RuleViolation::new(
                    Code::InvalidTimeframe,
                    format!(
                        "{length:?} is not a length of time: write a number from 1 and h, d, w or mo, like 1w"
                    ),
                )
            });
        }
        if let Some((start, end)) = text.strip_prefix("fixed:").and_then(|range| range.split_once("..")) {
            return FixedRange::new(fixed_bound(start)?, fixed_bound(end)?).map(Self::Fixed);
        }
        Err(RuleViolation::new(
            Code::InvalidTimeframe,
            format!("{text:?} is not a timeframe: write all, rolling:1w or fixed:START..END"),
        ))
    }
}

fn rolling(length: &str) -> Option<Timeframe> {
    let digits = length.len() - length.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = length.split_at(digits);
    let unit =
        [Unit::Hour, Unit::Day, Unit::Week, Unit::Month].into_iter().find(|known| known.suffix() == unit)?;
    Some(Timeframe::Rolling { count: count.parse().ok()?, unit })
}

fn fixed_bound(text: &str) -> Result<DateTime<Utc>, RuleViolation> {
    DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc()).map_err(|_| {
        RuleViolation::new(
            Code::InvalidTimeframe,
            format!("{text:?} is not an instant: write it like 2026-01-31T00:00:00Z"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn timeframe(text: &str) -> Timeframe {
        text.parse().unwrap()
    }

    #[test]
    fn w2_windows_of_each_timeframe() {
        let slot = instant("2026-03-31T02:00:00Z");
        assert_eq!(Timeframe::All.window(slot), Window::until(slot));
        for (frame, start) in [
            ("rolling:4h", "2026-03-30T22:00:00Z"),
            ("rolling:1d", "2026-03-30T02:00:00Z"),
            ("rolling:2w", "2026-03-17T02:00:00Z"),
            ("rolling:1mo", "2026-02-28T02:00:00Z"),
        ] {
            assert_eq!(timeframe(frame).window(slot), Window::between(instant(start), slot), "{frame}");
        }
        let fixed = timeframe("fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00Z");
        assert_eq!(
            fixed.window(slot),
            Window::between(instant("2026-01-01T00:00:00Z"), instant("2026-02-01T00:00:00Z"))
        );
    }

    #[test]
    fn w2_a_fixed_range_is_ordered_and_past() {
        let refused = |text: &str| text.parse::<Timeframe>().unwrap_err().code();
        assert_eq!(refused("fixed:2026-01-01T00:00:00Z..2026-01-01T00:00:00Z"), Code::InvalidTimeframe);
        let fixed = timeframe("fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00Z");
        assert!(fixed.check(instant("2026-02-01T00:00:00Z")).is_ok());
        assert_eq!(fixed.check(instant("2026-01-31T23:59:59Z")).unwrap_err().code(), Code::InvalidTimeframe);
    }

    #[test]
    fn w2_a_rolling_timeframe_reaches_back_a_hundred_years_at_most() {
        let now = instant("2026-02-01T00:00:00Z");
        assert!(timeframe("rolling:1200mo").check(now).is_ok());
        assert_eq!(timeframe("rolling:1201mo").check(now).unwrap_err().code(), Code::InvalidTimeframe);
    }

    #[test]
    fn w2_nonsense_is_refused_with_a_way_out() {
        for bad in
            ["", "rolling", "rolling:", "rolling:0d", "rolling:1y", "rolling:-1d", "fixed:a..b", "ever"]
        {
            assert_eq!(bad.parse::<Timeframe>().unwrap_err().code(), Code::InvalidTimeframe, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn w3_daily_windows_of_one_day_tile(seconds in 0_i64..4_102_444_800) {
            let slot = DateTime::from_timestamp(seconds, 0).unwrap();
            let frame = timeframe("rolling:1d");
            let next = slot.checked_add_days(Days::new(1)).unwrap();
            prop_assert_eq!(frame.window(next).start(), Some(frame.window(slot).end()));
        }

        #[test]
        fn w2_every_window_is_total_and_ordered(seconds in -8_000_000_000_000_i64..8_000_000_000_000, count in 1_u32..) {
            let slot = DateTime::from_timestamp(seconds, 0).unwrap();
            for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
                let frame = Timeframe::Rolling { count: NonZeroU32::new(count).unwrap(), unit };
                prop_assert!(frame.window(slot).start().unwrap() < slot);
                prop_assert_eq!(&frame.to_string().parse::<Timeframe>().unwrap(), &frame);
            }
        }
    }
}
