//! Slots, windows and expiry as the rules define them, computed by plain arithmetic. The engine's results are
//! compared with these, so nothing here uses the engine's code.

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};

use super::wall;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::calendar::timeframe::{Span, Timeframe, Unit};
use crate::domain::calendar::wall_clock::WallClock;
use crate::domain::job::JobSettings;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The slots in `(after, until]`, oldest first (rules F1–F7, J14).
pub(super) fn slots(
    settings: &JobSettings,
    after: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let within = |slot: &DateTime<Utc>| {
        let began = settings.starts_at.is_none_or(|start| start <= *slot);
        let goes_on = settings.ends_at.is_none_or(|end| *slot < end);
        after < *slot && *slot <= until && began && goes_on
    };
    if let Some(clock) = zoned(settings) {
        let slots = wall::slots(&settings.frequency, clock, after, until).into_iter();
        return slots.filter(within).collect();
    }
    let Some(minute) = minute(&settings.frequency) else {
        return match &settings.frequency {
            Frequency::Once(Start::At(start)) => Some(*start).into_iter().filter(within).collect(),
            Frequency::Once(Start::Immediately) => Vec::new(),
            // Monthly and cron frequencies need a calendar; they have oracles in tests of their own.
            _ => {
                let other = settings.schedule();
                let slots = std::iter::successors(other.next_after(after), |slot| other.next_after(*slot));
                slots.take_while(|slot| *slot <= until).filter(within).collect()
            }
        };
    };
    let hours = after.timestamp().div_euclid(HOUR)..=until.timestamp().div_euclid(HOUR);
    let due = hours.filter(|hour| is_due(&settings.frequency, *hour));
    due.filter_map(|hour| DateTime::from_timestamp(hour * HOUR + 60 * minute, 0)).filter(within).collect()
}

/// Whether `at` is a slot.
pub(super) fn is_slot(settings: &JobSettings, at: DateTime<Utc>) -> bool {
    !slots(settings, at - TimeDelta::microseconds(1), at).is_empty()
}

/// Returns the clock by which a daily or weekly job is due, unless that is UTC.
fn zoned(settings: &JobSettings) -> Option<&WallClock> {
    let by_day = matches!(settings.frequency, Frequency::Daily(_) | Frequency::Weekly { .. });
    (by_day && !settings.clock.is_utc()).then_some(&settings.clock)
}

/// The last slot before `before`, ignoring the job's period. `None` for frequencies that need a calendar.
pub(super) fn last_slot(settings: &JobSettings, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let frequency = &settings.frequency;
    if let Some(clock) = zoned(settings) {
        // A slot that is skipped makes it two weeks at most.
        let (from, until) = (before - TimeDelta::days(15), before - TimeDelta::microseconds(1));
        return wall::slots(frequency, clock, from, until).pop();
    }
    let minute = minute(frequency)?;
    let now = before.timestamp().div_euclid(HOUR);
    let due = (now - 7 * 24..=now).rev().filter(|hour| is_due(frequency, *hour));
    let slots = due.filter_map(|hour| DateTime::from_timestamp(hour * HOUR + 60 * minute, 0));
    slots.into_iter().find(|slot| *slot < before)
}

/// The minute of the hour at which a frequency is due. `None` if plain arithmetic cannot tell.
fn minute(frequency: &Frequency) -> Option<i64> {
    match frequency {
        Frequency::Hourly(hourly) => Some(i64::from(hourly.minute())),
        Frequency::Daily(at) | Frequency::Weekly { at, .. } => Some(i64::from(at.minute())),
        Frequency::Once(_) | Frequency::Monthly(_) | Frequency::Cron(_) => None,
    }
}

/// Whether a frequency is due in this hour. Hours count from 1970-01-01, a Thursday.
fn is_due(frequency: &Frequency, hour: i64) -> bool {
    let (of_day, day) = (hour.rem_euclid(24), hour.div_euclid(24));
    match frequency {
        Frequency::Hourly(hourly) => of_day % i64::from(hourly.every()) == 0,
        Frequency::Daily(at) => of_day == i64::from(at.hour()),
        Frequency::Weekly { day: weekday, at } => {
            let monday_is_0 = (day + 3).rem_euclid(7);
            of_day == i64::from(at.hour()) && monday_is_0 == i64::from(weekday.num_days_from_monday())
        }
        Frequency::Once(_) | Frequency::Monthly(_) | Frequency::Cron(_) => false,
    }
}

/// The window of an occurrence as far as its slot determines it (rules W2–W4): its start and its end. The
/// outer `None` means that the slot does not determine the start, the inner one that the window has none.
pub(super) type Bounds = (Option<Option<DateTime<Utc>>>, DateTime<Utc>);

/// The bounds of the window at `slot`. `alone` says that it does not continue another window. `None` where
/// the calendar decides.
pub(super) fn bounds(
    settings: &JobSettings,
    slot: DateTime<Utc>,
    alone: bool,
    lag: TimeDelta,
    grain: TimeDelta,
) -> Option<Bounds> {
    let tiles = settings.tiles();
    let start = |span: &Span, end: DateTime<Utc>| match (tiles, alone) {
        (true, false) => Some(None),
        (true, true) => last_slot(settings, end).map(|last| Some(Some(last))),
        // Days go back by the clock.
        (false, _) if !settings.clock.is_utc() && span.unit != Unit::Hour => Some(None),
        (false, _) => length(span).map(|length| Some(Some(end - length))),
    };
    match &settings.timeframe {
        Timeframe::All => Some((Some(None), slot)),
        Timeframe::Fixed(range) => Some((Some(Some(range.start())), range.end())),
        Timeframe::Rolling(span) => Some((start(span, slot)?, slot)),
        Timeframe::Previous(span) if !tiles => {
            let end = floor(span.unit, slot, &settings.clock)?;
            Some((start(span, end)?, end))
        }
        Timeframe::Previous(span) => Some((None, floor(span.unit, slot, &settings.clock)?)),
        Timeframe::SinceLastExport { .. } => Some((Some(None), settled(slot - lag, grain))),
    }
}

/// The instant up to which everything is certainly visible at `at`: rounded down to the granularity of
/// instants.
fn settled(at: DateTime<Utc>, grain: TimeDelta) -> DateTime<Utc> {
    let grain = grain.num_microseconds().unwrap_or(1).max(1);
    let micros = at.timestamp_micros().div_euclid(grain) * grain;
    DateTime::from_timestamp_micros(micros).unwrap_or(at)
}

fn length(span: &Span) -> Option<TimeDelta> {
    let count = i64::from(span.count.get());
    match span.unit {
        Unit::Hour => Some(TimeDelta::seconds(count * HOUR)),
        Unit::Day => Some(TimeDelta::seconds(count * DAY)),
        Unit::Week => Some(TimeDelta::seconds(count * 7 * DAY)),
        Unit::Month => None,
    }
}

fn floor(unit: Unit, at: DateTime<Utc>, clock: &WallClock) -> Option<DateTime<Utc>> {
    if !clock.is_utc() && matches!(unit, Unit::Day | Unit::Week) {
        let mut first = wall::midnight(clock, at);
        while unit == Unit::Week && clock.zone().local(first).weekday() != Weekday::Mon {
            first = wall::midnight(clock, first - TimeDelta::minutes(1));
        }
        return Some(first);
    }
    let seconds = at.timestamp();
    let monday = (seconds.div_euclid(DAY) + 3).div_euclid(7) * 7 - 3;
    match unit {
        Unit::Hour => DateTime::from_timestamp(seconds.div_euclid(HOUR) * HOUR, 0),
        Unit::Day => DateTime::from_timestamp(seconds.div_euclid(DAY) * DAY, 0),
        Unit::Week => DateTime::from_timestamp(monday * DAY, 0),
        Unit::Month => None,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::domain::calendar::frequency::{Hourly, TimeOfDay};
    use crate::domain::id::{SourceId, TypeId};
    use crate::domain::job::{Protection, Title};

    fn settings(frequency: Frequency, timeframe: Timeframe) -> JobSettings {
        let (title, source) = (Title::new("Calls").unwrap(), SourceId::new("calls").unwrap());
        let plain = Protection::Plaintext;
        let settings = JobSettings::new(title, source, TypeId::new("call").unwrap(), frequency, plain);
        JobSettings { timeframe, ..settings }
    }

    #[test]
    fn f2_f3_slots_by_arithmetic_are_those_of_the_domain() {
        let from: DateTime<Utc> = "2026-02-27T22:30:00Z".parse().unwrap();
        let until = from + TimeDelta::days(9);
        let daily = Frequency::Daily(TimeOfDay::new(22, 30).unwrap());
        let weekly = Frequency::Weekly { day: chrono::Weekday::Sat, at: TimeOfDay::new(0, 7).unwrap() };
        let hourly = [1, 3, 5, 7, 23].map(|every| Frequency::Hourly(Hourly::new(every, 30).unwrap()));
        for frequency in hourly.into_iter().chain([daily, weekly]) {
            let settings = settings(frequency, Timeframe::All);
            let domain = std::iter::successors(settings.next_slot(from), |slot| settings.next_slot(*slot));
            let domain: Vec<_> = domain.take_while(|slot| *slot <= until).collect();
            assert_eq!(slots(&settings, from, until), domain, "{}", settings.frequency);
            assert!(domain.iter().all(|slot| is_slot(&settings, *slot)));
            assert!(!is_slot(&settings, from + TimeDelta::seconds(1)));
        }
    }

    #[test]
    fn w2_w3_windows_by_arithmetic_are_those_of_the_domain() {
        let slot: DateTime<Utc> = "2026-03-01T05:30:00Z".parse().unwrap();
        let span = |count, unit| Span { count: NonZeroU32::new(count).unwrap(), unit };
        let frequency = Frequency::Hourly(Hourly::new(5, 30).unwrap());
        for timeframe in [
            Timeframe::Rolling(span(5, Unit::Hour)),
            Timeframe::Rolling(span(2, Unit::Week)),
            Timeframe::Previous(span(1, Unit::Day)),
            Timeframe::Previous(span(1, Unit::Week)),
            Timeframe::All,
        ] {
            let settings = settings(frequency.clone(), timeframe.clone());
            let (start, end) =
                bounds(&settings, slot, true, TimeDelta::seconds(5), TimeDelta::seconds(60)).unwrap();
            let window = timeframe.window(&frequency, slot).unwrap();
            assert_eq!((start, end), (Some(window.start()), window.end()), "{timeframe}");
        }
        let incremental = settings(frequency, Timeframe::SinceLastExport { origin: None });
        let bounds = bounds(&incremental, slot, true, TimeDelta::seconds(5), TimeDelta::seconds(60)).unwrap();
        assert_eq!(bounds, (Some(None), "2026-03-01T05:29:00Z".parse().unwrap()));
    }
}
