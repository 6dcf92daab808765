//! Section F: how often a job is due, all in UTC.
//!
//! Slots lie on whole minutes, except the start of a one-time job. Named frequencies are computed from the
//! calendar in a fixed number of steps. Nothing depends on when a job last ran, so nothing drifts.

mod cron;
mod hourly;
mod monthly;
mod time_of_day;
mod weekday;

use std::fmt;
use std::num::NonZeroU32;

use chrono::{DateTime, Datelike, Days, NaiveDate, SecondsFormat, SubsecRound, Utc, Weekday};

use super::timeframe::{Span, Unit};

pub use cron::CronExpression;
pub use hourly::Hourly;
pub use monthly::{MissingDay, Monthly};
pub use time_of_day::TimeOfDay;
pub use weekday::{parse_weekday, weekday_name};

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frequency {
    /// One time only (rule F1).
    Once(Start),
    /// Every so many hours (rule F2).
    Hourly(Hourly),
    /// Every day at this time (rule F3).
    Daily(TimeOfDay),
    /// Every week (rule F4).
    Weekly {
        /// The day of the week.
        day: Weekday,
        /// The time of day.
        at: TimeOfDay,
    },
    /// Every month (rule F5).
    Monthly(Monthly),
    /// Whenever a cron expression matches (rule F6).
    Cron(CronExpression),
}

/// When a one-time job starts (rule F1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As soon as it is submitted.
    Immediately,
    /// At an instant that was in the future when the job was saved.
    At(DateTime<Utc>),
}

/// How often, without the details. Lists of jobs are filtered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrequencyKind {
    /// One time only.
    Once,
    /// Every so many hours.
    Hourly,
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// By a cron expression.
    Cron,
}

impl FrequencyKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Once, Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly, Self::Cron];

    /// Returns the kind as it is typed, stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Cron => "cron",
        }
    }
}

impl Frequency {
    /// Returns the first slot strictly after `after` (rule F7). Returns `None` for a one-time job whose start
    /// has passed or that starts when it is submitted, and at the end of the calendar.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Once(Start::Immediately) => None,
            Self::Once(Start::At(start)) => (*start > after).then_some(*start),
            Self::Hourly(hourly) => hourly.next_after(after),
            Self::Daily(at) => next_in_cycle(after.date_naive(), Days::new(1), *at, after),
            Self::Weekly { day, at } => {
                let today = after.date_naive();
                let ahead = Days::new(u64::from(day.days_since(today.weekday())));
                next_in_cycle(today.checked_add_days(ahead)?, Days::new(7), *at, after)
            }
            Self::Monthly(monthly) => monthly.next_after(after),
            Self::Cron(cron) => cron.next_after(after),
        }
    }

    /// Returns the last slot strictly before `before`. Returns `None` for a one-time job whose start is not
    /// before `before` or that starts when it is submitted, and at the beginning of the calendar.
    pub fn last_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Once(Start::Immediately) => None,
            Self::Once(Start::At(start)) => (*start < before).then_some(*start),
            Self::Hourly(hourly) => hourly.last_before(before),
            Self::Daily(at) => last_in_cycle(before.date_naive(), Days::new(1), *at, before),
            Self::Weekly { day, at } => {
                let today = before.date_naive();
                let back = Days::new(u64::from(today.weekday().days_since(*day)));
                last_in_cycle(today.checked_sub_days(back)?, Days::new(7), *at, before)
            }
            Self::Monthly(monthly) => monthly.last_before(before),
            Self::Cron(cron) => cron.last_before(before),
        }
    }

    /// Returns the nominal time between two slots (rule W3): N hours, a day, a week or a month. Returns
    /// `None` for one-time jobs and cron expressions, which have no period of their own.
    pub fn period(&self) -> Option<Span> {
        let (count, unit) = match self {
            Self::Once(_) | Self::Cron(_) => return None,
            Self::Hourly(hourly) => (hourly.every(), Unit::Hour),
            Self::Daily(_) => (1, Unit::Day),
            Self::Weekly { .. } => (1, Unit::Week),
            Self::Monthly(_) => (1, Unit::Month),
        };
        NonZeroU32::new(count).map(|count| Span { count, unit })
    }

    /// Truncates its instants to whole microseconds, as slots are stored (rule W1).
    #[must_use]
    pub fn in_microseconds(self) -> Self {
        match self {
            Self::Once(Start::At(start)) => Self::Once(Start::At(start.trunc_subsecs(6))),
            other => other,
        }
    }

    /// Whether the job runs only once.
    pub fn is_once(&self) -> bool {
        matches!(self, Self::Once(_))
    }

    /// Returns how often, without the details.
    pub fn kind(&self) -> FrequencyKind {
        match self {
            Self::Once(_) => FrequencyKind::Once,
            Self::Hourly(_) => FrequencyKind::Hourly,
            Self::Daily(_) => FrequencyKind::Daily,
            Self::Weekly { .. } => FrequencyKind::Weekly,
            Self::Monthly(_) => FrequencyKind::Monthly,
            Self::Cron(_) => FrequencyKind::Cron,
        }
    }
}

/// Returns the slot on `date`, the first day of the cycle that can follow `after`, or the slot one cycle
/// later.
fn next_in_cycle(date: NaiveDate, cycle: Days, at: TimeOfDay, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let slot = at.on(date);
    if slot > after { Some(slot) } else { Some(at.on(date.checked_add_days(cycle)?)) }
}

/// Returns the slot on `date`, the last day of the cycle that can precede `before`, or the slot one cycle
/// earlier.
fn last_in_cycle(
    date: NaiveDate,
    cycle: Days,
    at: TimeOfDay,
    before: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let slot = at.on(date);
    if slot < before { Some(slot) } else { Some(at.on(date.checked_sub_days(cycle)?)) }
}

impl fmt::Display for FrequencyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Frequency {
    /// Writes the frequency for people: `every 4 hours at :15`, `weekly on tue at 02:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(Start::Immediately) => f.write_str("once"),
            Self::Once(Start::At(start)) => {
                write!(f, "once at {}", start.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Self::Hourly(hourly) => hourly.fmt(f),
            Self::Daily(at) => write!(f, "daily at {at}"),
            Self::Weekly { day, at } => write!(f, "weekly on {} at {at}", weekday_name(*day)),
            Self::Monthly(monthly) => monthly.fmt(f),
            Self::Cron(cron) => write!(f, "cron {}", cron.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_printed_for_people() {
        let at = TimeOfDay::new(2, 0).unwrap();
        for (frequency, words) in [
            (Frequency::Once(Start::Immediately), "once"),
            (Frequency::Once(Start::At(DateTime::UNIX_EPOCH)), "once at 1970-01-01T00:00:00Z"),
            (Frequency::Hourly(Hourly::new(1, 5).unwrap()), "hourly at :05"),
            (Frequency::Hourly(Hourly::new(4, 15).unwrap()), "every 4 hours at :15"),
            (Frequency::Daily(at), "daily at 02:00"),
            (Frequency::Weekly { day: Weekday::Tue, at }, "weekly on tue at 02:00"),
            (Frequency::Monthly(Monthly::new(31, at, MissingDay::Skip).unwrap()), "monthly on 31 at 02:00"),
            (
                Frequency::Monthly(Monthly::new(31, at, MissingDay::Last).unwrap()),
                "monthly on 31 at 02:00 (last day if missing)",
            ),
            (Frequency::Cron(CronExpression::new(" 0 2 * *  1-5").unwrap()), "cron 0 2 * * 1-5"),
        ] {
            assert_eq!(frequency.to_string(), words);
            assert!(words.contains(frequency.kind().as_str()) || words.starts_with("every"), "{words}");
        }
    }
}
