//! Slots and days by the wall clock of a zone, found minute by minute: the model's own way (rule F9).

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};

use crate::domain::calendar::frequency::Frequency;
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};

/// The zones of zoned worlds, whose clocks are put forward or back while they last: by an hour, by half an hour, and
/// over midnight. None is put back over midnight, so each of their days is one stretch.
pub(super) const ZONES: [&str; 5] =
    ["Europe/Berlin", "Australia/Lord_Howe", "Australia/Sydney", "Asia/Beirut", "America/New_York"];

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// How far a clock is put back at most.
const BACK: TimeDelta = TimeDelta::hours(1);

fn shown(clock: &WallClock, at: DateTime<Utc>) -> NaiveDateTime {
    clock.zone().local(at).naive_local()
}

/// Whether a frequency is due at a time of the clock.
fn is_due(frequency: &Frequency, wall: NaiveDateTime) -> bool {
    let (at, day) = match frequency {
        Frequency::Daily(at) => (at, None),
        Frequency::Weekly { day, at } => (at, Some(*day)),
        Frequency::Once(_) | Frequency::Hourly(_) | Frequency::Monthly(_) | Frequency::Cron(_) => {
            return false;
        }
    };
    (wall.hour(), wall.minute()) == (at.hour(), at.minute()) && day.is_none_or(|day| day == wall.weekday())
}

/// Returns the slots of a daily or weekly frequency in `(after, until]`, oldest first.
pub(super) fn slots(
    frequency: &Frequency,
    clock: &WallClock,
    after: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let first = DateTime::from_timestamp(after.timestamp().div_euclid(60) * 60, 0).unwrap_or(after);
    let minutes = std::iter::successors(Some(first), |at| Some(*at + MINUTE)).take_while(|at| *at <= until);
    let within = minutes.filter(|at| after < *at);
    within.filter(|at| is_slot(frequency, clock, *at)).collect()
}

/// Whether a daily or weekly frequency is due at a whole minute.
fn is_slot(frequency: &Frequency, clock: &WallClock, at: DateTime<Utc>) -> bool {
    let (wall, before) = (shown(clock, at), shown(clock, at - MINUTE));
    if is_due(frequency, wall) {
        let minutes = || (1..=BACK.num_minutes()).map(TimeDelta::minutes);
        let is_second = minutes().any(|back| shown(clock, at - back) == wall);
        let is_first = minutes().any(|ahead| shown(clock, at + ahead) == wall);
        return match clock.fold() {
            Fold::First => !is_second,
            Fold::Second => !is_first,
            Fold::Both => true,
        };
    }
    let left_out = std::iter::successors(Some(before + MINUTE), |left_out| Some(*left_out + MINUTE));
    let mut left_out = left_out.take_while(|left_out| *left_out < wall);
    clock.gap() == Gap::Shift && left_out.any(|left_out| is_due(frequency, left_out))
}

/// Returns the first instant of the day that the clock shows at `at`.
pub(super) fn midnight(clock: &WallClock, at: DateTime<Utc>) -> DateTime<Utc> {
    let day = shown(clock, at).date();
    let mut first = DateTime::from_timestamp(at.timestamp().div_euclid(60) * 60, 0).unwrap_or(at);
    while shown(clock, first - MINUTE).date() == day {
        first -= MINUTE;
    }
    first
}
