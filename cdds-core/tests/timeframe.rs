//! Section W: windows from slots, beside calendars that are computed by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use cdds_core::domain::frequency::{CronExpression, Frequency, Hourly, MissingDay, Monthly, Start};
use cdds_core::domain::timeframe::{Span, Timeframe, Unit};
use cdds_core::domain::violation::Code;
use cdds_core::domain::window::Window;
use cdds_core::testing::strategies::{
    frequency, instant as any_instant, named_frequency, recurring_frequency, span, timeframe as any_timeframe,
};
use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use proptest::prelude::*;

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn timeframe(text: &str) -> Timeframe {
    text.parse().unwrap()
}

fn daily() -> Frequency {
    Frequency::Daily("02:00".parse().unwrap())
}

/// A frequency that has no period of its own, so that windows are by the calendar.
fn no_period() -> Frequency {
    Frequency::Cron(CronExpression::new("0 2 * * *").unwrap())
}

#[track_caller]
fn assert_window(frequency: &Frequency, frame: &str, slot: &str, (start, end): (&str, &str)) {
    let found = timeframe(frame).window(frequency, instant(slot)).unwrap();
    assert_eq!(found, Window::between(instant(start), instant(end)), "{frame}, {frequency}, {slot}");
}

#[test]
fn w2_windows_of_each_timeframe() {
    let slot = "2026-03-31T02:10:00Z";
    for (frame, window) in [
        ("rolling:4h", ("2026-03-30T22:10:00Z", slot)),
        ("rolling:1d", ("2026-03-30T02:10:00Z", slot)),
        ("rolling:2w", ("2026-03-17T02:10:00Z", slot)),
        // Clamped to the last day of February.
        ("rolling:1mo", ("2026-02-28T02:10:00Z", slot)),
        ("previous:4h", ("2026-03-30T22:00:00Z", "2026-03-31T02:00:00Z")),
        ("previous:1d", ("2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z")),
        // The 30th is a Monday.
        ("previous:2w", ("2026-03-16T00:00:00Z", "2026-03-30T00:00:00Z")),
        ("previous:1mo", ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")),
        ("previous:14mo", ("2025-01-01T00:00:00Z", "2026-03-01T00:00:00Z")),
        (
            "fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00Z",
            ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ),
    ] {
        assert_window(&no_period(), frame, slot, window);
    }
    let slot = instant(slot);
    assert_eq!(Timeframe::All.window(&daily(), slot), Some(Window::until(slot)));
    assert_eq!(timeframe("since-last").window(&daily(), slot), None);
}

#[test]
fn w2_a_slot_on_the_edge_of_a_unit_begins_the_next() {
    for (frame, window) in [
        ("previous:1h", ("2026-05-31T23:00:00Z", "2026-06-01T00:00:00Z")),
        ("previous:1d", ("2026-05-31T00:00:00Z", "2026-06-01T00:00:00Z")),
        ("previous:1w", ("2026-05-25T00:00:00Z", "2026-06-01T00:00:00Z")), // a Monday
        ("previous:1mo", ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")),
    ] {
        assert_window(&no_period(), frame, "2026-06-01T00:00:00Z", window);
    }
    assert_window(
        &no_period(),
        "previous:1w",
        "2026-05-31T23:59:59.999999Z",
        ("2026-05-18T00:00:00Z", "2026-05-25T00:00:00Z"),
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
fn w2_a_timeframe_reaches_back_a_hundred_years_at_most() {
    let now = instant("2026-02-01T00:00:00Z");
    for name in ["rolling", "previous"] {
        for (good, bad) in
            [("876600h", "876601h"), ("36525d", "36526d"), ("5217w", "5218w"), ("1200mo", "1201mo")]
        {
            assert!(timeframe(&format!("{name}:{good}")).check(now).is_ok());
            let refused = timeframe(&format!("{name}:{bad}")).check(now).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidTimeframe);
            assert!(refused.to_string().contains(good), "{refused}");
        }
    }
}

#[test]
fn w2_nonsense_is_refused_with_a_way_out() {
    for (bad, way_out) in [
        ("", "since-last"),
        ("ever", "rolling:1w"),
        ("all:1d", "rolling:1w"),
        ("rolling", "rolling:1w"),
        ("Rolling:1d", "rolling:1w"),
        ("rolling:", "like 1w"),
        ("rolling:0d", "like 1w"),
        ("rolling:1y", "like 1w"),
        ("previous:-1d", "like 1w"),
        ("previous:1 d", "like 1w"),
        ("previous:99999999999d", "like 1w"),
        ("since-last:", "2026-01-31T00:00:00Z"),
        ("since-last:yesterday", "2026-01-31T00:00:00Z"),
        ("fixed:a..b", "2026-01-31T00:00:00Z"),
        ("fixed:2026-01-01T00:00:00Z", "START..END"),
    ] {
        let refused = bad.parse::<Timeframe>().expect_err(bad);
        assert_eq!(refused.code(), Code::InvalidTimeframe, "{bad:?}");
        assert!(refused.to_string().contains(way_out), "{refused}");
    }
    assert_eq!("1y".parse::<Span>().unwrap_err().code(), Code::InvalidTimeframe);
}

#[test]
fn w3_twenty_hundred_to_midnight_is_one_window() {
    let hourly = Frequency::Hourly(Hourly::new(5, 15).unwrap());
    assert_window(
        &hourly,
        "rolling:5h",
        "2027-01-01T00:15:00Z",
        ("2026-12-31T20:15:00Z", "2027-01-01T00:15:00Z"),
    );
    assert_window(
        &hourly,
        "previous:5h",
        "2027-01-01T00:15:00Z",
        ("2026-12-31T20:00:00Z", "2027-01-01T00:00:00Z"),
    );
    // Any other number of hours is that number of hours.
    assert_window(
        &hourly,
        "rolling:4h",
        "2027-01-01T00:15:00Z",
        ("2026-12-31T20:15:00Z", "2027-01-01T00:15:00Z"),
    );
    assert_window(
        &hourly,
        "rolling:10h",
        "2027-01-01T00:15:00Z",
        ("2026-12-31T14:15:00Z", "2027-01-01T00:15:00Z"),
    );
}

#[test]
fn w3_a_skipped_month_belongs_to_the_next_window() {
    let monthly = |missing| Frequency::Monthly(Monthly::new(31, "02:00".parse().unwrap(), missing).unwrap());
    let (skip, last, slot) = (monthly(MissingDay::Skip), monthly(MissingDay::Last), "2027-03-31T02:00:00Z");
    assert_window(&skip, "rolling:1mo", slot, ("2027-01-31T02:00:00Z", slot));
    assert_window(&skip, "previous:1mo", slot, ("2027-01-01T00:00:00Z", "2027-03-01T00:00:00Z"));
    assert_window(&last, "rolling:1mo", slot, ("2027-02-28T02:00:00Z", slot));
    assert_window(&last, "previous:1mo", slot, ("2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"));
    // Two months are two months.
    assert_window(&skip, "rolling:2mo", slot, ("2027-01-31T02:00:00Z", slot));
    assert_window(&skip, "previous:2mo", slot, ("2027-01-01T00:00:00Z", "2027-03-01T00:00:00Z"));
}

#[test]
fn w3_a_run_by_hand_begins_at_the_previous_occurrence() {
    assert_window(
        &daily(),
        "rolling:1d",
        "2026-03-10T15:00:00Z",
        ("2026-03-10T02:00:00Z", "2026-03-10T15:00:00Z"),
    );
    // Yesterday, although today's occurrence has been.
    assert_window(
        &daily(),
        "previous:1d",
        "2026-03-10T15:00:00Z",
        ("2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"),
    );
    let hourly = Frequency::Hourly(Hourly::new(5, 15).unwrap());
    assert_window(
        &hourly,
        "previous:5h",
        "2026-03-10T17:30:00Z",
        ("2026-03-10T15:00:00Z", "2026-03-10T17:00:00Z"),
    );
    let once = Frequency::Once(Start::Immediately);
    assert_window(
        &once,
        "rolling:1d",
        "2026-03-10T15:00:00Z",
        ("2026-03-09T15:00:00Z", "2026-03-10T15:00:00Z"),
    );
}

/// Windows of a timeframe as long as the frequency's period follow each other without gap or overlap.
#[track_caller]
fn assert_tiles(frequency: &Frequency, from: DateTime<Utc>, slots: usize) {
    let period = frequency.period().unwrap();
    let slots: Vec<_> = std::iter::successors(frequency.next_after(from), |slot| frequency.next_after(*slot))
        .take(slots)
        .collect();
    for frame in [Timeframe::Rolling(period), Timeframe::Previous(period)] {
        let windows: Vec<_> = slots.iter().map(|slot| frame.window(frequency, *slot).unwrap()).collect();
        for pair in windows.windows(2) {
            assert_eq!(pair[1].start(), Some(pair[0].end()), "{frame}, {frequency}: {pair:?}");
            assert!(pair[1].start() < Some(pair[1].end()), "{frame}, {frequency}: {pair:?}");
        }
        for (window, slot) in windows.iter().zip(&slots) {
            match frame {
                Timeframe::Rolling(_) => assert_eq!(window.end(), *slot),
                _ => assert!(window.end() <= *slot && *slot - window.end() < TimeDelta::days(31)),
            }
        }
    }
}

#[test]
fn w3_windows_tile_over_year_ends_leap_days_and_short_months() {
    for from in
        ["2026-12-30T00:00:00Z", "2028-02-27T00:00:00Z", "2027-02-27T00:00:00Z", "2100-02-27T00:00:00Z"]
    {
        let from = instant(from);
        for every in 1..=23 {
            for minute in [0, 1, 59] {
                assert_tiles(&Frequency::Hourly(Hourly::new(every, minute).unwrap()), from, 100);
            }
        }
        for at in ["00:00", "00:01", "12:00", "23:59"].map(|at| at.parse().unwrap()) {
            assert_tiles(&Frequency::Daily(at), from, 10);
            for day in 0..7_u8 {
                assert_tiles(&Frequency::Weekly { day: Weekday::try_from(day).unwrap(), at }, from, 10);
            }
            for day in 1..=31 {
                for missing in [MissingDay::Skip, MissingDay::Last] {
                    assert_tiles(&Frequency::Monthly(Monthly::new(day, at, missing).unwrap()), from, 50);
                }
            }
        }
    }
}

/// Days since 1970-01-01 of the first of a month, counted month by month (from 1970 on).
fn days_before(months_since_1970: i64) -> i64 {
    (0..months_since_1970).map(days_in).sum()
}

fn days_in(months_since_1970: i64) -> i64 {
    let (year, month) = (1970 + months_since_1970 / 12, months_since_1970 % 12);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 if leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

const DAY: i64 = 86_400_000_000;

/// The previous whole units before a slot, in microseconds since 1970, by arithmetic.
fn previous_by_hand(slot: DateTime<Utc>, span: Span) -> (i64, i64) {
    let (micros, count) = (slot.timestamp_micros(), i64::from(span.count.get()));
    match span.unit {
        Unit::Hour => {
            (micros / (DAY / 24) * (DAY / 24) - count * (DAY / 24), micros / (DAY / 24) * (DAY / 24))
        }
        Unit::Day => (micros / DAY * DAY - count * DAY, micros / DAY * DAY),
        Unit::Week => {
            // 1970-01-05 was a Monday.
            let monday = (micros - 4 * DAY).div_euclid(7 * DAY) * 7 * DAY + 4 * DAY;
            (monday - count * 7 * DAY, monday)
        }
        Unit::Month => {
            let month = i64::from(slot.year() - 1970) * 12 + i64::from(slot.month0());
            (days_before(month - count) * DAY, days_before(month) * DAY)
        }
    }
}

/// The start of a rolling window, in microseconds since 1970, by arithmetic.
fn rolling_by_hand(slot: DateTime<Utc>, span: Span) -> i64 {
    let (micros, count) = (slot.timestamp_micros(), i64::from(span.count.get()));
    match span.unit {
        Unit::Hour => micros - count * (DAY / 24),
        Unit::Day => micros - count * DAY,
        Unit::Week => micros - count * 7 * DAY,
        Unit::Month => {
            let month = i64::from(slot.year() - 1970) * 12 + i64::from(slot.month0()) - count;
            let day = i64::from(slot.day0()).min(days_in(month) - 1);
            (days_before(month) + day) * DAY + micros % DAY
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn w3_windows_of_the_own_period_tile(frequency in named_frequency(), from in any_instant()) {
        assert_tiles(&frequency, from, 20);
    }

    #[test]
    fn w2_other_windows_are_by_the_calendar(frequency in frequency(), span in span(), slot in any_instant()) {
        prop_assume!(frequency.period() != Some(span));
        // By hand there is nothing before 1970.
        prop_assume!(span.unit != Unit::Month || i64::from(span.count.get()) <= i64::from(slot.year() - 1970) * 12);
        let rolling = Timeframe::Rolling(span).window(&frequency, slot).unwrap();
        prop_assert_eq!(rolling.start().unwrap().timestamp_micros(), rolling_by_hand(slot, span));
        prop_assert_eq!(rolling.end(), slot);
        let previous = Timeframe::Previous(span).window(&frequency, slot).unwrap();
        let found = (previous.start().unwrap().timestamp_micros(), previous.end().timestamp_micros());
        prop_assert_eq!(found, previous_by_hand(slot, span));
    }

    #[test]
    fn w2_previous_units_are_whole_and_never_empty(
        frequency in recurring_frequency(), span in span(), slot in any_instant(),
    ) {
        // Also where the slot is no occurrence, as when a job is run by hand.
        let window = Timeframe::Previous(span).window(&frequency, slot).unwrap();
        prop_assert!(window.start().unwrap() < window.end() && window.end() <= slot);
        let whole = Timeframe::Previous(span).window(&frequency, window.end()).unwrap();
        prop_assert_eq!(whole.end(), window.end());
    }

    #[test]
    fn w1_the_window_of_an_occurrence_is_in_microseconds(
        frequency in frequency(), frame in any_timeframe(), slot in any_instant(), nanos in 0_i64..1_000,
    ) {
        let fine = slot + TimeDelta::nanoseconds(nanos);
        if let Some(window) = frame.window(&frequency, fine) {
            for edge in window.start().into_iter().chain([window.end()]) {
                prop_assert_eq!(edge.timestamp_subsec_nanos() % 1_000, 0);
            }
        }
        prop_assert_eq!(frame.window(&frequency, fine).is_none(), frame.is_incremental());
    }

    #[test]
    fn w2_every_timeframe_reads_back(frame in any_timeframe(), span in span()) {
        prop_assert_eq!(frame.to_string().parse(), Ok(frame));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn w2_every_window_is_total_and_ordered(
        frequency in frequency(), count in 1_u32.., seconds in any::<i64>(), end in any::<bool>(),
    ) {
        let anywhere = DateTime::from_timestamp(seconds % 8_200_000_000_000, 0).unwrap();
        let edge = if end { DateTime::<Utc>::MAX_UTC } else { DateTime::<Utc>::MIN_UTC };
        for slot in [anywhere, edge] {
            for unit in Unit::ALL {
                let span = Span { count: count.try_into().unwrap(), unit: *unit };
                for frame in [Timeframe::Rolling(span), Timeframe::Previous(span)] {
                    let window = frame.window(&frequency, slot).unwrap();
                    prop_assert!(window.start().unwrap() <= window.end() && window.end() <= slot);
                }
            }
            if let Some(period) = frequency.period() {
                for frame in [Timeframe::Rolling(period), Timeframe::Previous(period)] {
                    let window = frame.window(&frequency, slot).unwrap();
                    prop_assert!(window.start().unwrap() <= window.end() && window.end() <= slot);
                }
            }
        }
    }
}
