//! Laws that slots obey in every zone.

use cdds_core::testing::strategies::{instant, recurring_frequency, wall_clock, zone};
use chrono::{FixedOffset, NaiveDateTime, TimeDelta};
use proptest::prelude::*;

use super::*;

const NANOSECOND: TimeDelta = TimeDelta::nanoseconds(1);

/// What the clock shows.
fn shown(clock: &WallClock, slot: DateTime<Utc>) -> NaiveDateTime {
    clock.zone().local(slot).naive_local()
}

/// Whether a frequency has a time, as if it were UTC.
fn has(frequency: &Frequency, wall: NaiveDateTime) -> bool {
    frequency.next_after(wall.and_utc() - NANOSECOND) == Some(wall.and_utc())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8 * ProptestConfig::default().cases))]

    #[test]
    fn f9_f7_slots_strictly_increase_and_none_lies_between(
        frequency in recurring_frequency(), clock in wall_clock(), after in instant(),
    ) {
        let schedule = Schedule::new(&frequency, &clock);
        let next = schedule.next_after(after).unwrap();
        prop_assert!(next > after);
        prop_assert_eq!(schedule.next_after(next - NANOSECOND), Some(next));
        prop_assert_eq!(schedule.last_before(next + NANOSECOND), Some(next));
        // The last one before either is the same.
        prop_assert_eq!(schedule.last_before(next), schedule.last_before(after + NANOSECOND));
        let further = schedule.next_after(next).unwrap();
        prop_assert_eq!(schedule.last_before(further), Some(next));
    }

    #[test]
    fn f9_f7_the_clock_shows_a_time_of_the_frequency_or_has_just_left_one_out(
        frequency in recurring_frequency(), clock in wall_clock(), after in instant(),
    ) {
        let schedule = Schedule::new(&frequency, &clock);
        if !schedule.goes_by_clock() {
            return Ok(());
        }
        let slot = schedule.next_after(after).unwrap();
        let wall = shown(&clock, slot);
        if !has(&frequency, wall) {
            prop_assert_eq!(clock.gap(), Gap::Shift);
            let before = shown(&clock, slot - TimeDelta::seconds(1)) + TimeDelta::seconds(1);
            let left_out = frequency.next_after(before.and_utc() - NANOSECOND).unwrap();
            prop_assert!(before < wall && left_out < wall.and_utc(), "{} at {}", schedule, slot);
        }
    }

    #[test]
    fn f9_in_utc_and_at_fixed_offsets_nothing_but_the_offset_differs(
        frequency in recurring_frequency(), after in instant(), hours in -12_i32..=14,
    ) {
        let name = format!("Etc/GMT{:+}", -hours);
        let fixed = clock(if hours == 0 { "GMT" } else { &name }, Gap::Skip, Fold::Both);
        let schedule = Schedule::new(&frequency, &fixed);
        prop_assert_eq!(Schedule::from(&frequency).next_after(after), frequency.next_after(after));
        if schedule.goes_by_clock() {
            let offset = TimeDelta::hours(hours.into());
            let expected = frequency.next_after(after + offset).map(|wall| wall - offset);
            prop_assert_eq!(schedule.next_after(after), expected);
            prop_assert_eq!(clock("UTC", Gap::Skip, Fold::Both), WallClock::UTC);
            let local = fixed.zone().local(after);
            prop_assert_eq!(*local.offset(), FixedOffset::east_opt(hours * 3_600).unwrap());
        }
    }

    #[test]
    fn a1_f9_every_instant_lies_in_one_day(zone in zone(), instant in instant()) {
        let day = zone.day_of(instant);
        let (start, next) = (zone.start_of(day), zone.start_of(day.succ_opt().unwrap()));
        prop_assert!(start <= instant && instant < next, "{} in {}: {} to {}", instant, zone, start, next);
        // A clock that was put back at midnight shows the day before once more.
        let shown = zone.local(instant).date_naive();
        prop_assert!(shown == day || shown.succ_opt() == Some(day), "{} in {}", instant, zone);
    }
}
