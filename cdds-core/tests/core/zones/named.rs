//! The clocks that other schedulers got wrong, one by one.

use cdds_core::domain::calendar::schedule::{Schedule, SlotNote};

use super::*;

const FIRST: Fold = Fold::First;
const SECOND: Fold = Fold::Second;
const BOTH: Fold = Fold::Both;
const SHIFT: Gap = Gap::Shift;
const SKIP: Gap = Gap::Skip;

/// Asserts which slots a frequency has from one instant to another, both ways, with the notes on them.
#[track_caller]
fn assert_slots(
    zone: &str,
    gap: Gap,
    fold: Fold,
    frequency: &Frequency,
    range: (&str, &str),
    expected: &[&str],
) {
    let clock = clock(zone, gap, fold);
    let schedule = Schedule::new(frequency, &clock);
    let (from, until) = (at(range.0), at(range.1));
    let told = |slot: &DateTime<Utc>| {
        let note = schedule.note(*slot).map_or(String::new(), |note| format!(" {}", note.as_str()));
        format!("{}{note}", slot.format("%dT%H:%MZ"))
    };
    let found = slots(schedule, from, until);
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected, "{schedule}");
    assert_eq!(slots_backwards(schedule, from, until), found, "{schedule}");
}

#[test]
fn f9_berlin_leaves_an_hour_out_and_shows_one_twice() {
    let spring = ("2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z");
    let half_past_two = daily("02:30");
    assert_slots(
        "Europe/Berlin",
        SHIFT,
        FIRST,
        &half_past_two,
        spring,
        &["28T01:30Z", "29T01:00Z shifted", "30T00:30Z"],
    );
    assert_slots("Europe/Berlin", SKIP, FIRST, &half_past_two, spring, &["28T01:30Z", "30T00:30Z"]);
    let autumn = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_slots("Europe/Berlin", SHIFT, FIRST, &half_past_two, autumn, &["25T00:30Z", "26T01:30Z"]);
    assert_slots("Europe/Berlin", SHIFT, SECOND, &half_past_two, autumn, &["25T01:30Z second", "26T01:30Z"]);
    assert_slots(
        "Europe/Berlin",
        SHIFT,
        BOTH,
        &half_past_two,
        autumn,
        &["25T00:30Z", "25T01:30Z second", "26T01:30Z"],
    );
    // The edges: 02:00 is left out and comes twice, 03:00 neither.
    let edge = ("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z");
    assert_slots("Europe/Berlin", SHIFT, FIRST, &daily("02:00"), edge, &["29T01:00Z shifted"]);
    assert_slots("Europe/Berlin", SHIFT, FIRST, &daily("03:00"), edge, &["29T01:00Z"]);
    assert_slots("Europe/Berlin", SKIP, FIRST, &daily("03:00"), edge, &["29T01:00Z"]);
    assert_slots("Europe/Berlin", SKIP, FIRST, &daily("01:59"), edge, &["29T00:59Z"]);
    let edge = ("2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z");
    assert_slots("Europe/Berlin", SHIFT, BOTH, &daily("02:00"), edge, &["25T00:00Z", "25T01:00Z second"]);
    assert_slots("Europe/Berlin", SHIFT, BOTH, &daily("03:00"), edge, &["25T02:00Z"]);
}

#[test]
fn f9_clocks_that_change_at_other_hours_and_by_other_steps() {
    let new_york = ("2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
    assert_slots("America/New_York", SHIFT, FIRST, &daily("01:30"), new_york, &["01T05:30Z", "02T06:30Z"]);
    assert_slots(
        "America/New_York",
        SHIFT,
        SECOND,
        &daily("01:30"),
        new_york,
        &["01T06:30Z second", "02T06:30Z"],
    );
    // The gap and the fold of Cairo touch midnight: a whole day could be lost, or run twice.
    let cairo = ("2026-04-22T12:00:00Z", "2026-04-25T12:00:00Z");
    for time in ["00:00", "00:30"] {
        let first = if time == "00:00" { "22T22:00Z" } else { "22T22:30Z" };
        let last = if time == "00:00" { "24T21:00Z" } else { "24T21:30Z" };
        assert_slots("Africa/Cairo", SHIFT, FIRST, &daily(time), cairo, &[first, "23T22:00Z shifted", last]);
    }
    let cairo = ("2026-10-29T12:00:00Z", "2026-10-30T20:00:00Z");
    assert_slots("Africa/Cairo", SHIFT, FIRST, &daily("23:30"), cairo, &["29T20:30Z"]);
    assert_slots("Africa/Cairo", SHIFT, SECOND, &daily("23:30"), cairo, &["29T21:30Z second"]);
    assert_slots("Africa/Cairo", SHIFT, BOTH, &daily("00:00"), cairo, &["29T22:00Z"]);
    // Half an hour: nothing drifts.
    let lord_howe = ("2026-10-02T12:00:00Z", "2026-10-05T12:00:00Z");
    assert_slots(
        "Australia/Lord_Howe",
        SHIFT,
        FIRST,
        &daily("02:15"),
        lord_howe,
        &["02T15:45Z", "03T15:30Z shifted", "04T15:15Z"],
    );
    let lord_howe = ("2026-04-03T20:00:00Z", "2026-04-05T20:00:00Z");
    assert_slots(
        "Australia/Lord_Howe",
        SHIFT,
        BOTH,
        &daily("01:45"),
        lord_howe,
        &["04T14:45Z", "04T15:15Z second", "05T15:15Z"],
    );
    // Two hours.
    let troll = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_slots(
        "Antarctica/Troll",
        SHIFT,
        FIRST,
        &daily("02:30"),
        troll,
        &["29T01:00Z shifted", "30T00:30Z"],
    );
    let troll = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_slots(
        "Antarctica/Troll",
        SHIFT,
        BOTH,
        &daily("02:30"),
        troll,
        &["25T00:30Z", "25T02:30Z second", "26T02:30Z"],
    );
    // The month of fasting: back in February, forward in March.
    let casablanca = ("2026-02-14T12:00:00Z", "2026-02-16T12:00:00Z");
    assert_slots("Africa/Casablanca", SHIFT, FIRST, &daily("02:30"), casablanca, &["15T01:30Z", "16T02:30Z"]);
    let casablanca = ("2026-03-21T12:00:00Z", "2026-03-23T12:00:00Z");
    assert_slots(
        "Africa/Casablanca",
        SHIFT,
        FIRST,
        &daily("02:30"),
        casablanca,
        &["22T02:00Z shifted", "23T01:30Z"],
    );
    let tehran = ("2021-03-20T12:00:00Z", "2021-03-23T12:00:00Z");
    assert_slots(
        "Asia/Tehran",
        SHIFT,
        FIRST,
        &daily("00:30"),
        tehran,
        &["20T21:00Z", "21T20:30Z shifted", "22T20:00Z"],
    );
    let sao_paulo = ("2018-11-03T00:00:00Z", "2018-11-05T12:00:00Z");
    assert_slots(
        "America/Sao_Paulo",
        SHIFT,
        FIRST,
        &daily("00:00"),
        sao_paulo,
        &["03T03:00Z", "04T03:00Z shifted", "05T02:00Z"],
    );
}

#[test]
fn f9_a_day_that_does_not_exist_has_its_slot_when_the_next_one_begins() {
    let apia = ("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z");
    assert_slots(
        "Pacific/Apia",
        SHIFT,
        FIRST,
        &daily("12:00"),
        apia,
        &["29T22:00Z", "30T10:00Z shifted", "30T22:00Z"],
    );
    assert_slots("Pacific/Apia", SKIP, FIRST, &daily("12:00"), apia, &["29T22:00Z", "30T22:00Z"]);
    // The slot of that day and the one of the next are one if they fall on the same instant.
    assert_slots("Pacific/Apia", SHIFT, FIRST, &daily("00:00"), apia, &["30T10:00Z", "31T10:00Z"]);
    let weekly = Frequency::Weekly { day: chrono::Weekday::Fri, at: "09:00".parse().unwrap() };
    let apia = ("2011-12-20T00:00:00Z", "2012-01-07T00:00:00Z");
    assert_slots(
        "Pacific/Apia",
        SHIFT,
        FIRST,
        &weekly,
        apia,
        &["23T19:00Z", "30T10:00Z shifted", "05T19:00Z"],
    );
}

#[test]
fn f9_the_database_is_the_bundled_one() {
    // By older ones, British Columbia would put its clocks back in November 2026.
    let vancouver = ("2026-10-31T12:00:00Z", "2026-11-03T00:00:00Z");
    assert_slots("America/Vancouver", SHIFT, FIRST, &daily("02:30"), vancouver, &["01T09:30Z", "02T09:30Z"]);
}

#[test]
fn f9_cron_with_a_wildcard_follows_the_clock_and_with_hours_counts_as_daily() {
    let day = |schedule: Schedule<'_>, from: &str, to: &str| slots(schedule, at(from), at(to)).len();
    let (spring, autumn) =
        (["2026-03-28T22:59:00Z", "2026-03-29T21:59:00Z"], ["2026-10-24T21:59:00Z", "2026-10-25T22:59:00Z"]);
    for (expression, in_spring, in_autumn) in [
        ("*/20 * * * *", 69, 75),
        ("30 * * * *", 23, 25),
        ("30 0-23 * * *", 23, 25),
        ("30 */2 * * *", 11, 13),
        // As often as on other days.
        ("30 2 * * *", 1, 1),
        ("30 0-22 * * *", 23, 23),
        ("*/20 2 * * *", 1, 3),
        ("*/20 2,3 * * *", 3, 6),
    ] {
        let (frequency, clock) = (cron(expression), clock("Europe/Berlin", SHIFT, FIRST));
        let schedule = Schedule::new(&frequency, &clock);
        assert_eq!(day(schedule, spring[0], spring[1]), in_spring, "{expression} in spring");
        assert_eq!(day(schedule, autumn[0], autumn[1]), in_autumn, "{expression} in autumn");
    }
}

#[test]
fn f9_hours_are_elapsed_time_and_starts_are_instants() {
    use cdds_core::domain::calendar::frequency::{Hourly, Start};
    let once = Frequency::Once(Start::At(at("2026-03-29T00:30:00Z")));
    for frequency in [Frequency::Hourly(Hourly::new(5, 30).unwrap()), once] {
        let kathmandu = clock("Asia/Kathmandu", SKIP, BOTH);
        let schedule = Schedule::new(&frequency, &kathmandu);
        let (from, until) = (at("2026-03-28T00:00:00Z"), at("2026-03-30T00:00:00Z"));
        assert_eq!(slots(schedule, from, until), slots((&frequency).into(), from, until));
        assert!(!schedule.goes_by_clock());
    }
    let hourly = Frequency::Hourly(Hourly::new(1, 30).unwrap());
    let berlin = clock("Europe/Berlin", SHIFT, FIRST);
    assert_eq!(Schedule::new(&hourly, &berlin).note(at("2026-10-25T01:30:00Z")), None);
    assert_eq!(SlotNote::ALL.map(|note| SlotNote::parse(note.as_str())), SlotNote::ALL.map(Some));
}
