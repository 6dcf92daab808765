//! Laws of windows, and comparisons with calendars computed by hand.

use cdds_core::domain::calendar::frequency::{Frequency, Hourly, MissingDay, Monthly};
use cdds_core::domain::calendar::timeframe::{Span, Timeframe, Unit};
use cdds_core::testing::strategies::{
    frequency, instant, named_frequency, recurring_frequency, span, timeframe,
};
use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use proptest::prelude::*;

/// Asserts that windows as long as the frequency's period join without gap or overlap.
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
        let from: DateTime<Utc> = from.parse().unwrap();
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

/// The number of days from 1970-01-01 to the first of a month, counted month by month (from 1970 on).
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

/// The previous whole units before a slot, in microseconds since 1970, by plain arithmetic.
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

/// The start of a rolling window, in microseconds since 1970, by plain arithmetic.
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
    #![proptest_config(ProptestConfig::with_cases(8 * ProptestConfig::default().cases))]

    #[test]
    fn w3_windows_of_the_own_period_tile(frequency in named_frequency(), from in instant()) {
        assert_tiles(&frequency, from, 20);
    }

    #[test]
    fn w2_other_windows_are_by_the_calendar(frequency in frequency(), span in span(), slot in instant()) {
        prop_assume!(frequency.period() != Some(span));
        // The arithmetic by hand does not reach back before 1970.
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
        frequency in recurring_frequency(), span in span(), slot in instant(),
    ) {
        // This includes slots that are no occurrence, as when a job is run by hand.
        let window = Timeframe::Previous(span).window(&frequency, slot).unwrap();
        prop_assert!(window.start().unwrap() < window.end() && window.end() <= slot);
        let whole = Timeframe::Previous(span).window(&frequency, window.end()).unwrap();
        prop_assert_eq!(whole.end(), window.end());
    }

    #[test]
    fn w1_the_window_of_an_occurrence_is_in_microseconds(
        frequency in frequency(), frame in timeframe(), slot in instant(), nanos in 0_i64..1_000,
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
    fn w2_every_timeframe_reads_back(frame in timeframe(), span in span()) {
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
