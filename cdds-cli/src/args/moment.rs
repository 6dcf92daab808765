//! Instants as people type them: exactly, by their day, or by how far away they are.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

/// An instant, perhaps seen from the present of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This instant.
    At(DateTime<Utc>),
    /// So far after the present.
    In(TimeDelta),
    /// So far before the present.
    Ago(TimeDelta),
    /// The beginning of the day (UTC) that is so many days after today.
    Day(i8),
}

/// To which side of the present a length of time leads that has no sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Parses an instant of the past: `7d` is seven days ago.
pub(crate) fn past(text: &str) -> Result<Moment, String> {
    parse(text, Side::Before).ok_or_else(|| forms("7d ago, written 7d"))
}

/// Parses an instant to come: `7d` is in seven days.
pub(crate) fn coming(text: &str) -> Result<Moment, String> {
    parse(text, Side::After).ok_or_else(|| forms("in 7 days, written 7d"))
}

fn forms(relative: &str) -> String {
    format!(
        "write an instant like 2026-01-31T02:00:00Z, a day like 2026-01-31, today or yesterday, or {relative} (m, h, d, w)"
    )
}

fn parse(text: &str, side: Side) -> Option<Moment> {
    match text {
        "now" => return Some(Moment::In(TimeDelta::zero())),
        "yesterday" => return Some(Moment::Day(-1)),
        "today" => return Some(Moment::Day(0)),
        "tomorrow" => return Some(Moment::Day(1)),
        _ => {}
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(Moment::At(instant.to_utc()));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Moment::At(day.and_time(NaiveTime::MIN).and_utc()));
    }
    let (side, length) = match text.strip_prefix('+') {
        Some(length) => (Side::After, length),
        None => (side, text),
    };
    let unit = length.chars().last()?;
    let count: i64 = length.strip_suffix(unit)?.parse().ok().filter(|count| *count >= 0)?;
    let length = match unit {
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }?;
    Some(match side {
        Side::Before => Moment::Ago(length),
        Side::After => Moment::In(length),
    })
}

impl Moment {
    /// Returns the instant, seen from this present. Beyond the calendar it is the calendar's end.
    pub(crate) fn at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let day = |days: i8| {
            let by = Days::new(days.unsigned_abs().into());
            if days < 0 { midnight.checked_sub_days(by) } else { midnight.checked_add_days(by) }
        };
        match self {
            Self::At(instant) => instant,
            Self::In(length) => now.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC),
            Self::Ago(length) => now.checked_sub_signed(length).unwrap_or(DateTime::<Utc>::MIN_UTC),
            Self::Day(days) => day(days).unwrap_or(midnight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(moment: Result<Moment, String>) -> String {
        let now = "2026-03-01T10:30:15Z".parse().unwrap();
        moment.map_or_else(
            |why| why,
            |moment| moment.at(now).to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        )
    }

    #[test]
    fn instants_are_typed_in_many_ways() {
        for (typed, before, after) in [
            ("2026-01-31T02:00:00+01:00", "2026-01-31T01:00:00Z", "2026-01-31T01:00:00Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
            ("yesterday", "2026-02-28T00:00:00Z", "2026-02-28T00:00:00Z"),
            ("today", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("tomorrow", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
            ("now", "2026-03-01T10:30:15Z", "2026-03-01T10:30:15Z"),
            ("90m", "2026-03-01T09:00:15Z", "2026-03-01T12:00:15Z"),
            ("24h", "2026-02-28T10:30:15Z", "2026-03-02T10:30:15Z"),
            ("7d", "2026-02-22T10:30:15Z", "2026-03-08T10:30:15Z"),
            ("2w", "2026-02-15T10:30:15Z", "2026-03-15T10:30:15Z"),
            ("+1d", "2026-03-02T10:30:15Z", "2026-03-02T10:30:15Z"),
        ] {
            assert_eq!(
                (seen(past(typed)).as_str(), seen(coming(typed)).as_str()),
                (before, after),
                "{typed}"
            );
        }
        for typed in ["", "d", "7", "7y", "-7d", "2026-02-30", "99999999999999999d", "7 d", "last week"] {
            assert!(seen(past(typed)).contains("yesterday"), "{typed}");
        }
        assert!(past("99999999w").unwrap().at(DateTime::UNIX_EPOCH) < DateTime::UNIX_EPOCH);
    }
}
