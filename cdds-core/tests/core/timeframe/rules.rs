//! Each rule by example, at the edges of the calendar.

use cdds_core::domain::calendar::frequency::{CronExpression, Frequency, Hourly, MissingDay, Monthly, Start};
use cdds_core::domain::calendar::timeframe::{Span, Timeframe};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::violation::Code;
use chrono::{DateTime, Utc};

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn timeframe(text: &str) -> Timeframe {
    text.parse().unwrap()
}

fn daily() -> Frequency {
    Frequency::Daily("02:00".parse().unwrap())
}

/// A frequency without a period of its own, so that windows follow the calendar.
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
    // A number of hours other than the period is taken literally.
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
    // Two months are not the period, and are taken literally as well.
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
    // The window is yesterday, although today's occurrence has already passed.
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
