//! Rules W2, W3: windows by the days, weeks and months of a zone.

use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::calendar::window::Window;
use cdds_core::testing::strategies::{instant, named_frequency, wall_clock};
use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn window(zone: &str, frequency: &Frequency, timeframe: &str, slot: &str) -> Window {
    let clock = clock(zone, Gap::Shift, Fold::First);
    let timeframe: Timeframe = timeframe.parse().unwrap();
    timeframe.window(Schedule::new(frequency, &clock), at(slot)).unwrap()
}

fn between(start: &str, end: &str) -> Window {
    Window::between(at(start), at(end))
}

#[test]
fn f9_w2_previous_days_weeks_and_months_are_those_of_the_zone() {
    let (daily, hourly) = (daily("06:00"), cron("0 * * * *"));
    for (zone, frequency, timeframe, slot, expected) in [
        (
            "Europe/Berlin",
            &daily,
            "previous:1d",
            "2026-03-30T04:00:00Z",
            between("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ),
        (
            "Europe/Berlin",
            &daily,
            "previous:1d",
            "2026-10-26T05:00:00Z",
            between("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ),
        (
            "Australia/Lord_Howe",
            &daily,
            "previous:1d",
            "2026-10-04T19:00:00Z",
            between("2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"),
        ),
        (
            "America/Sao_Paulo",
            &daily,
            "previous:1d",
            "2018-11-05T08:00:00Z",
            between("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
        ),
        (
            "America/New_York",
            &daily,
            "previous:1w",
            "2026-03-11T10:00:00Z",
            between("2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z"),
        ),
        (
            "America/New_York",
            &daily,
            "previous:1mo",
            "2026-04-01T10:00:00Z",
            between("2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        ),
        (
            "Asia/Tokyo",
            &hourly,
            "previous:2d",
            "2026-03-30T16:00:00Z",
            between("2026-03-28T15:00:00Z", "2026-03-30T15:00:00Z"),
        ),
        // Hours are elapsed time, anchored in UTC.
        (
            "Asia/Kathmandu",
            &hourly,
            "previous:1h",
            "2026-03-30T16:15:00Z",
            between("2026-03-30T15:00:00Z", "2026-03-30T16:00:00Z"),
        ),
        // The day that does not exist: 29 December ends when the 31st begins.
        (
            "Pacific/Apia",
            &hourly,
            "previous:1d",
            "2011-12-30T11:00:00Z",
            between("2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
        ),
        (
            "Pacific/Apia",
            &hourly,
            "previous:2d",
            "2011-12-30T11:00:00Z",
            between("2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        ),
    ] {
        assert_eq!(window(zone, frequency, timeframe, slot), expected, "{zone} {timeframe} {slot}");
    }
}

#[test]
fn f9_w2_rolling_days_weeks_and_months_go_back_by_the_clock() {
    let daily = daily("02:30");
    for (timeframe, slot, start) in [
        ("rolling:2d", "2026-03-30T00:30:00Z", "2026-03-28T01:30:00Z"),
        ("rolling:48h", "2026-03-30T00:30:00Z", "2026-03-28T00:30:00Z"),
        // A start in the gap, and one that comes twice.
        ("rolling:1w", "2026-04-05T00:30:00Z", "2026-03-29T01:00:00Z"),
        ("rolling:1w", "2026-11-01T01:30:00Z", "2026-10-25T00:30:00Z"),
        ("rolling:1mo", "2026-03-31T00:30:00Z", "2026-02-28T01:30:00Z"),
        // Its own period: from the previous occurrence.
        ("rolling:1d", "2026-03-30T00:30:00Z", "2026-03-29T01:00:00Z"),
    ] {
        assert_eq!(
            window("Europe/Berlin", &daily, timeframe, slot),
            between(start, slot),
            "{timeframe} {slot}"
        );
    }
}

proptest! {
    #[test]
    fn f9_w3_windows_of_the_own_period_join(
        frequency in named_frequency(), clock in wall_clock(), from in instant(), previous in any::<bool>(),
    ) {
        let schedule = Schedule::new(&frequency, &clock);
        let period = frequency.period().unwrap();
        let frame = if previous { Timeframe::Previous(period) } else { Timeframe::Rolling(period) };
        let mut until = None;
        let mut slot = from;
        for _ in 0..20 {
            slot = schedule.next_after(slot).unwrap();
            let window = frame.window(schedule, slot).unwrap();
            prop_assert!(window.end() <= slot && window.start() <= Some(window.end()));
            // Two slots in one unit have the same window; no other two overlap, and none leaves a gap.
            let joins = until.is_none_or(|until| window.start() == Some(until) || window.end() == until);
            prop_assert!(joins, "{}, {} at {}: {:?} after {:?}", schedule, frame, slot, window, until);
            until = Some(window.end());
        }
    }

    #[test]
    fn f9_w2_previous_windows_are_whole_days_of_the_zone(
        clock in wall_clock(), slot in instant(), count in 1_u8..40,
    ) {
        let frequency = cron("0 * * * *");
        let timeframe: Timeframe = format!("previous:{count}d").parse().unwrap();
        let window = timeframe.window(Schedule::new(&frequency, &clock), slot).unwrap();
        let (first, end) = (clock.zone().day_of(window.start().unwrap()), clock.zone().day_of(window.end()));
        prop_assert_eq!(clock.zone().start_of(end), window.end());
        prop_assert_eq!(clock.zone().start_of(first), window.start().unwrap());
        prop_assert!(window.end() <= slot && slot - window.end() <= TimeDelta::hours(31));
        // A day that the clock leaves out is one of them, and has no place of its own.
        let days = (end - first).num_days();
        prop_assert!((i64::from(count) - 1..=i64::from(count) + 1).contains(&days), "{} days in {}", days, clock);
    }
}
