//! The zones of the database, one by one.

use chrono::{Days, NaiveDate, TimeDelta};

use super::*;
use crate::domain::calendar::schedule::Schedule;
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::violation::Code;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::new(name).unwrap()
}

#[test]
fn f9_names_are_found_in_any_case_and_spelled_as_the_database_does() {
    for (typed, name) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("AMERICA/ARGENTINA/BUENOS_AIRES", "America/Argentina/Buenos_Aires"),
        ("UTC", "UTC"),
        ("etc/utc", "UTC"),
        ("Zulu", "UTC"),
        ("Etc/GMT-14", "Etc/GMT-14"),
        ("GMT", "GMT"),
    ] {
        assert_eq!(zone(typed).name(), name);
        assert_eq!(zone(typed).is_utc(), name == "UTC");
    }
    for unknown in
        ["", "Berlin", "Europe/Bonn", "+01:00", "CET-1CEST", "Etc/Unknown", "Factory", "../etc/passwd"]
    {
        let refusal = Zone::new(unknown).unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidTimeZone, "{unknown}");
    }
    let names = Zone::names();
    assert!(names.len() > 500 && names.is_sorted() && names.contains(&"Pacific/Apia"));
    assert!(names.iter().all(|name| Zone::new(name).is_ok()));
}

#[test]
fn f9_days_of_every_zone_tile() {
    // The days around each change of the offset, and those on which clocks pass midnight twice or not at all.
    let mut empty = Vec::new();
    let mut looked_at = 0;
    for name in Zone::names() {
        let zone = zone(name);
        let (mut instant, end) = (at("1970-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"));
        while let Some(change) =
            zone.next_change(instant, zone.offset_at(instant)).filter(|change| change.at < end)
        {
            instant = change.at;
            let around = zone.day_of(change.at);
            for day in (around - Days::new(2)).iter_days().take(5) {
                let (start, next) = (zone.start_of(day), zone.start_of(day.succ_opt().unwrap()));
                assert!(start <= next, "{name} {day}");
                looked_at += 1;
                if start == next {
                    empty.push((name, day.to_string()));
                    continue;
                }
                let length = next - start;
                assert!(length <= TimeDelta::hours(31), "{name} {day}: {length}");
                assert_eq!(zone.day_of(start), day, "{name}");
                assert_eq!(zone.day_of(next - TimeDelta::nanoseconds(1)), day, "{name}");
                assert_eq!(zone.day_of(start + length / 2), day, "{name}");
            }
        }
    }
    empty.dedup();
    assert!(looked_at > 100_000, "{looked_at}");
    assert!(empty.contains(&("Pacific/Apia", "2011-12-30".to_owned())), "{empty:?}");
    assert!(empty.contains(&("Pacific/Kwajalein", "1993-08-21".to_owned())), "{empty:?}");
}

#[test]
fn f9_a_day_that_ends_twice_at_midnight_is_one_day() {
    // In Newfoundland clocks fell back at 00:01, so that 23:01 to 24:00 of the day before was shown once more.
    let st_johns = zone("America/St_Johns");
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let change =
        st_johns.next_change(at("2010-10-01T00:00:00Z"), st_johns.offset_at(at("2010-10-01T00:00:00Z")));
    let change = change.unwrap();
    assert_eq!(change.at, at("2010-11-07T02:31:00Z"));
    assert_eq!(st_johns.local(change.at).to_rfc3339(), "2010-11-06T23:01:00-03:30");
    assert_eq!(st_johns.day_of(change.at), day("2010-11-07"));
    assert_eq!(st_johns.start_of(day("2010-11-07")), at("2010-11-07T02:30:00Z"));
    assert_eq!(
        st_johns.start_of(day("2010-11-08")) - st_johns.start_of(day("2010-11-07")),
        TimeDelta::hours(25)
    );
}

#[test]
fn f9_changes_are_the_same_forwards_and_backwards() {
    for name in [
        "Europe/Berlin",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Asia/Tehran",
        "Antarctica/Troll",
        // Its rule does not know its last listed change.
        "America/Ciudad_Juarez",
    ] {
        let zone = zone(name);
        let mut instant = at("1900-01-01T00:00:00Z");
        for _ in 0..150 {
            let Some(change) = zone.next_change(instant, zone.offset_at(instant)) else { break };
            assert!(change.at > instant && change.before != change.after, "{name}");
            let long_after = change.at + TimeDelta::minutes(1);
            for seen_from in [change.at, long_after] {
                assert_eq!(zone.last_change(seen_from), Some(change), "{name}");
            }
            assert_eq!(zone.offset_at(change.at - TimeDelta::nanoseconds(1)), change.before, "{name}");
            instant = change.at;
        }
    }
}

#[test]
fn f9_nothing_ends_in_a_panic_at_the_ends_of_the_calendar() {
    let frequency = crate::domain::calendar::frequency::Frequency::Daily("00:00".parse().unwrap());
    for name in ["Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "UTC"] {
        let clock = WallClock::new(zone(name), Gap::Shift, Fold::First);
        let schedule = Schedule::new(&frequency, &clock);
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at("0001-01-01T00:00:00Z")] {
            clock.zone().local(instant);
            clock.zone().start_of(clock.zone().day_of(instant));
            let (next, last) = (schedule.next_after(instant), schedule.last_before(instant));
            assert!(next.is_none_or(|next| next > instant) && last.is_none_or(|last| last < instant));
        }
        assert!(schedule.next_after(DateTime::<Utc>::MIN_UTC).is_some());
        assert!(schedule.last_before(DateTime::<Utc>::MAX_UTC).is_some());
        assert_eq!(schedule.next_after(DateTime::<Utc>::MAX_UTC), None);
        clock.zone().start_of(NaiveDate::MIN);
        clock.zone().start_of(NaiveDate::MAX);
    }
}
