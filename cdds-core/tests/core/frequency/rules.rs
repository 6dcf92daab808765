//! Each rule by example, at the edges of the calendar.

use cdds_core::domain::calendar::frequency::{
    CronExpression, Frequency, FrequencyKind, Hourly, MissingDay, Monthly, Start,
};
use cdds_core::domain::violation::Code;
use chrono::{DateTime, Utc, Weekday};

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hourly(every: u32, minute: u32) -> Frequency {
    Frequency::Hourly(Hourly::new(every, minute).unwrap())
}

fn monthly(day: u32, missing: MissingDay) -> Frequency {
    Frequency::Monthly(Monthly::new(day, "02:30".parse().unwrap(), missing).unwrap())
}

fn cron(text: &str) -> Frequency {
    Frequency::Cron(CronExpression::new(text).unwrap())
}

/// Asserts that the slots after an instant are these, in this order, and the same when searched backwards.
#[track_caller]
fn assert_slots(frequency: &Frequency, after: &str, slots: &[&str]) {
    let expected: Vec<DateTime<Utc>> = slots.iter().map(|slot| instant(slot)).collect();
    let forwards: Vec<_> =
        std::iter::successors(frequency.next_after(instant(after)), |slot| frequency.next_after(*slot))
            .take(expected.len())
            .collect();
    assert_eq!(forwards, expected, "{frequency} after {after}");
    let behind = frequency.next_after(expected[expected.len() - 1]).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut backwards: Vec<_> =
        std::iter::successors(frequency.last_before(behind), |slot| frequency.last_before(*slot))
            .take(expected.len())
            .collect();
    backwards.reverse();
    assert_eq!(backwards, expected, "{frequency} back from {behind}");
}

#[test]
fn f1_a_dated_start_is_due_once() {
    let start = instant("2026-03-01T10:00:00.5Z");
    let once = Frequency::Once(Start::At(start));
    assert_slots(&once, "2026-03-01T10:00:00.499999Z", &["2026-03-01T10:00:00.5Z"]);
    assert_eq!((once.next_after(start), once.last_before(start)), (None, None));
    assert_eq!(once.period(), None);
}

#[test]
fn f1_an_immediate_start_is_no_slot() {
    let once = Frequency::Once(Start::Immediately);
    for at in ["1971-01-01T00:00:00Z", "2026-03-01T10:00:00Z"] {
        assert_eq!((once.next_after(instant(at)), once.last_before(instant(at))), (None, None));
    }
}

#[test]
fn f2_hours_are_counted_from_midnight_of_each_day() {
    let slots = ["2026-12-31T20:15:00Z", "2027-01-01T00:15:00Z", "2027-01-01T04:15:00Z"];
    assert_slots(&hourly(4, 15), "2026-12-31T16:15:00Z", &slots);
    // 5 does not divide 24, so 00:15 follows 20:15.
    let slots = [
        "2028-02-28T20:15:00Z",
        "2028-02-29T00:15:00Z",
        "2028-02-29T05:15:00Z",
        "2028-02-29T10:15:00Z",
        "2028-02-29T15:15:00Z",
        "2028-02-29T20:15:00Z",
        "2028-03-01T00:15:00Z",
    ];
    assert_slots(&hourly(5, 15), "2028-02-28T20:14:59.999999Z", &slots);
    // 23 hours, then one hour.
    let slots = ["2026-03-01T00:59:00Z", "2026-03-01T23:59:00Z", "2026-03-02T00:59:00Z"];
    assert_slots(&hourly(23, 59), "2026-02-28T23:59:00Z", &slots);
    assert_slots(&hourly(1, 0), "2026-02-28T23:00:00Z", &["2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"]);
}

#[test]
fn f2_hours_and_minutes_are_bounded() {
    for (every, minute) in [(0, 0), (24, 0), (u32::MAX, 0), (1, 60), (0, u32::MAX)] {
        let refused = Hourly::new(every, minute).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidFrequency, "{every} {minute}");
        assert!(refused.to_string().contains("use 1 to 23") || refused.to_string().contains("use 0 to 59"));
    }
    assert!(Hourly::new(1, 0).is_ok() && Hourly::new(23, 59).is_ok());
}

#[test]
fn f3_daily_crosses_months_and_leap_days() {
    let daily = Frequency::Daily("02:30".parse().unwrap());
    let slots = ["2026-02-28T02:30:00Z", "2026-03-01T02:30:00Z"];
    assert_slots(&daily, "2026-02-28T02:29:59Z", &slots);
    assert_slots(&daily, "2028-02-28T23:00:00Z", &["2028-02-29T02:30:00Z", "2028-03-01T02:30:00Z"]);
    assert_slots(&daily, "2026-12-31T12:00:00Z", &["2027-01-01T02:30:00Z"]);
}

#[test]
fn f4_weekly_crosses_years() {
    let weekly = Frequency::Weekly { day: Weekday::Tue, at: "23:59".parse().unwrap() };
    let slots = ["2026-12-29T23:59:00Z", "2027-01-05T23:59:00Z"];
    assert_slots(&weekly, "2026-12-29T23:58:59.999999Z", &slots);
    assert_slots(&weekly, "2026-12-29T23:59:00Z", &slots[1..]);
    assert_slots(&weekly, "2028-02-28T00:00:00Z", &["2028-02-29T23:59:00Z"]);
}

#[test]
fn f5_a_month_without_the_day_is_skipped() {
    let slots = [
        "2026-12-31T02:30:00Z",
        "2027-01-31T02:30:00Z",
        "2027-03-31T02:30:00Z",
        "2027-05-31T02:30:00Z",
        "2027-07-31T02:30:00Z",
        "2027-08-31T02:30:00Z",
        "2027-10-31T02:30:00Z",
    ];
    assert_slots(&monthly(31, MissingDay::Skip), "2026-12-01T00:00:00Z", &slots);
    // Months with 30 days have a day 30, so it runs in them.
    let slots = ["2027-01-30T02:30:00Z", "2027-03-30T02:30:00Z", "2027-04-30T02:30:00Z"];
    assert_slots(&monthly(30, MissingDay::Skip), "2027-01-01T00:00:00Z", &slots);
    let slots = ["2028-01-29T02:30:00Z", "2028-02-29T02:30:00Z", "2028-03-29T02:30:00Z"];
    assert_slots(&monthly(29, MissingDay::default()), "2028-01-01T00:00:00Z", &slots);
    // 2100 is not a leap year.
    let slots = ["2100-01-29T02:30:00Z", "2100-03-29T02:30:00Z"];
    assert_slots(&monthly(29, MissingDay::Skip), "2100-01-01T00:00:00Z", &slots);
}

#[test]
fn f5_the_last_day_of_a_month_without_the_day_can_be_used() {
    let slots = [
        "2026-12-31T02:30:00Z",
        "2027-01-31T02:30:00Z",
        "2027-02-28T02:30:00Z",
        "2027-03-31T02:30:00Z",
        "2027-04-30T02:30:00Z",
    ];
    assert_slots(&monthly(31, MissingDay::Last), "2026-12-01T00:00:00Z", &slots);
    let slots = ["2028-01-30T02:30:00Z", "2028-02-29T02:30:00Z", "2028-03-30T02:30:00Z"];
    assert_slots(&monthly(30, MissingDay::Last), "2028-01-01T00:00:00Z", &slots);
    for bad in [0, 32, u32::MAX] {
        let refused = Monthly::new(bad, "00:00".parse().unwrap(), MissingDay::Skip).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidFrequency);
    }
    assert_eq!("last".parse(), Ok(MissingDay::Last));
    assert_eq!("Last".parse::<MissingDay>().unwrap_err().code(), Code::InvalidFrequency);
}

#[test]
fn f6_cron_expressions_have_their_standard_meaning() {
    // 2026-03-01 is a Sunday.
    let slots = ["2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z", "2026-03-06T02:00:00Z"];
    assert_slots(&cron("0 2 * * 1,2,FRI"), "2026-03-01T00:00:00Z", &slots);
    for sunday in ["0", "7", "sun", "Sun", "0-0", "7-7", "sun-sun", "*/7"] {
        let slots = ["2026-03-01T02:00:00Z", "2026-03-08T02:00:00Z"];
        assert_slots(&cron(&format!("0 2 * * {sunday}")), "2026-02-28T00:00:00Z", &slots);
    }
    for weekend in ["fri-sun", "5-7", "5-SUN", "0,5,6"] {
        let slots =
            ["2026-02-27T02:00:00Z", "2026-02-28T02:00:00Z", "2026-03-01T02:00:00Z", "2026-03-06T02:00:00Z"];
        assert_slots(&cron(&format!("0 2 * * {weekend}")), "2026-02-26T03:00:00Z", &slots);
    }
    let slots = ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"];
    assert_slots(&cron("0 0 29 2 *"), "2026-03-01T00:00:00Z", &slots);
    // There is no leap year for eight years.
    assert_slots(&cron("0 0 29 feb *"), "2096-02-29T00:00:00Z", &["2104-02-29T00:00:00Z"]);
    let slots = ["2026-01-31T23:50:00Z", "2026-04-01T00:10:00Z", "2026-04-01T00:30:00Z"];
    assert_slots(&cron("10-59/20 0,23 * jan,APR */1"), "2026-01-31T23:49:59Z", &slots);
}

#[test]
fn kinds_have_distinct_names() {
    let names: std::collections::BTreeSet<_> = FrequencyKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), FrequencyKind::ALL.len());
}
