//! The slots of a cron expression: a walk over months, each of which holds its days as bits.
//!
//! The `cron` crate is an oracle of the tests, like `systemd-analyze`, but is not used here. It covers only
//! the years 1970 to 2100, gives wrong answers when it searches backwards from beyond them, panics at the
//! ends of the calendar, and would bring the system clock into the core's dependency tree.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};

/// The values of each field as a set of bits, one per number: minutes and hours from 0, days of the month and
/// months from 1, and days of the week from 0, which is Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: u64,
    pub(super) months: u64,
    pub(super) weekdays: u64,
}

/// 24 hours of 60 minutes.
const MINUTES_A_DAY: u32 = 1_440;

impl Slots {
    /// Whether the expression never matches: no month in the set has a day in the set, even in a leap year.
    /// Days of the week need not be checked. Each month contains all seven, and in some year every date falls
    /// on each of them.
    pub(super) fn is_empty(&self) -> bool {
        const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        !(1_u32..).zip(LENGTHS).any(|(month, days)| has(self.months, month) && self.days & up_to(days) != 0)
    }

    /// Whether every hour of the day has slots.
    pub(super) fn has_every_hour(&self) -> bool {
        self.hours == up_to(23)
    }

    /// Returns the first slot strictly after `after`, or `None` at the end of the calendar.
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = after.date_naive();
        let (mut year, mut month) = (today.year(), today.month());
        let mut days = self.days_in(year, month)?;
        if has(days, today.day())
            && let Some(time) = self.time_from(minute_of_day(after) + 1)
        {
            return Some(today.and_time(time).and_utc());
        }
        // Today has no slot left, so only later days of this month count. Then jump from month to month of
        // the set. The loop ends at the next slot or at the end of the calendar, since a set that is not
        // empty has a slot in some year.
        days &= !up_to(today.day());
        while days == 0 {
            (year, month) = match lowest(self.months & !up_to(month)) {
                Some(later) => (year, later),
                None => (year.checked_add(1)?, lowest(self.months)?),
            };
            days = self.days_in(year, month)?;
        }
        let date = NaiveDate::from_ymd_opt(year, month, lowest(days)?)?;
        Some(date.and_time(self.time_from(0)?).and_utc())
    }

    /// Returns the last slot strictly before `before`, or `None` at the beginning of the calendar.
    pub(super) fn last_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = before.date_naive();
        let (mut year, mut month) = (today.year(), today.month());
        let mut days = self.days_in(year, month)?;
        // If `before` lies inside a minute, a slot at the start of that minute is still before it. Round up
        // so that subtracting one minute lands on it.
        let within_a_minute = u32::from(before.second() > 0 || before.nanosecond() > 0);
        if has(days, today.day())
            && let Some(last) = (minute_of_day(before) + within_a_minute).checked_sub(1)
            && let Some(time) = self.time_until(last)
        {
            return Some(today.and_time(time).and_utc());
        }
        days &= up_to(today.day() - 1);
        while days == 0 {
            (year, month) = match highest(self.months & up_to(month - 1)) {
                Some(earlier) => (year, earlier),
                None => (year.checked_sub(1)?, highest(self.months)?),
            };
            days = self.days_in(year, month)?;
        }
        let date = NaiveDate::from_ymd_opt(year, month, highest(days)?)?;
        Some(date.and_time(self.time_until(MINUTES_A_DAY - 1)?).and_utc())
    }

    /// Returns the days of a month that have slots, or `None` outside the calendar.
    fn days_in(&self, year: i32, month: u32) -> Option<u64> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        if !has(self.months, month) {
            return Some(0);
        }
        // Day 1 falls on the weekday `begin`. Rotate the week so that bit 0 is that weekday, repeat it over
        // five weeks, and shift it by one, since the days of a month start at bit 1.
        let begin = first.weekday().num_days_from_sunday();
        let week = (self.weekdays >> begin | self.weekdays << (7 - begin)) & up_to(6);
        let weeks = week | week << 7 | week << 14 | week << 21 | week << 28;
        Some(self.days & weeks << 1 & up_to(u32::from(first.num_days_in_month())))
    }

    /// Returns the first time at or after a minute of the day, or `None` if no later time of the day is in
    /// the set.
    fn time_from(&self, minute_of_day: u32) -> Option<NaiveTime> {
        let (hour, minute) = (minute_of_day / 60, minute_of_day % 60);
        if has(self.hours, hour)
            && let Some(minute) = lowest(self.minutes & from(minute))
        {
            return NaiveTime::from_hms_opt(hour, minute, 0);
        }
        // This hour has none left: take the first minute of the next hour in the set.
        NaiveTime::from_hms_opt(lowest(self.hours & !up_to(hour))?, lowest(self.minutes)?, 0)
    }

    /// Returns the last time at or before a minute of the day, or `None` if no earlier time of the day is in
    /// the set.
    fn time_until(&self, minute_of_day: u32) -> Option<NaiveTime> {
        let (hour, minute) = (minute_of_day / 60, minute_of_day % 60);
        if has(self.hours, hour)
            && let Some(minute) = highest(self.minutes & up_to(minute))
        {
            return NaiveTime::from_hms_opt(hour, minute, 0);
        }
        // This hour has none so early: take the last minute of the previous hour in the set.
        NaiveTime::from_hms_opt(highest(self.hours & !from(hour))?, highest(self.minutes)?, 0)
    }
}

fn minute_of_day(instant: DateTime<Utc>) -> u32 {
    instant.num_seconds_from_midnight() / 60
}

/// The numbers 0 to `last`, which is below 63. Subtracting one from the bit above `last` sets all bits below
/// it.
const fn up_to(last: u32) -> u64 {
    (2 << last) - 1
}

/// The numbers from `first`, which is below 64.
const fn from(first: u32) -> u64 {
    u64::MAX << first
}

const fn has(set: u64, number: u32) -> bool {
    set >> number & 1 == 1
}

fn lowest(set: u64) -> Option<u32> {
    (set != 0).then(|| set.trailing_zeros())
}

fn highest(set: u64) -> Option<u32> {
    set.checked_ilog2()
}
