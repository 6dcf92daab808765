//! `systemd-analyze calendar` with a zone as an oracle. Its timers skip what a clock leaves out and take the first of
//! what it shows twice.
//!
//! It is not asked where it does not answer: it knows only names that the system's own database has, too; in a gap that
//! does not begin on the hour it gives up ("Resource deadlock avoided"); and of what comes twice within one expression
//! it drops more than one time. Nor is it right where it loses a day ([`LOST`]). All zones that it knows take minutes:
//! `cargo nextest run -p cdds-core --all-features --run-ignored only systemd`.

use std::path::Path;
use std::process::Command;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::*;

const ITERATIONS: usize = 6;

/// What the program loses: times on the day of a gap that does not begin on the hour, between the gap's end and the end
/// of that hour. The clocks show these minutes once, as on any other day.
const LOST: [(&str, &str); 7] = [
    ("America/Goose_Bay", "1996-04-07 01:30"),
    ("America/Goose_Bay", "2007-03-11 01:30"),
    ("America/Moncton", "1996-04-07 01:30"),
    ("Asia/Hong_Kong", "1975-04-20 04:30"),
    ("Asia/Macao", "1975-04-20 04:30"),
    ("Asia/Macau", "1975-04-20 04:30"),
    ("Hongkong", "1975-04-20 04:30"),
];

/// Returns the next slots of a time of day as the program computes them.
fn iterations(zone: &str, time: &str, after: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let output = Command::new("systemd-analyze")
        .env("TZ", "UTC")
        .env("TZDIR", database::folder())
        .env("LC_ALL", "C")
        .arg("calendar")
        .arg(format!("--iterations={ITERATIONS}"))
        .arg(format!("--base-time={}", after.format("%F %T UTC")))
        .arg(format!("*-*-* {time}:00 {zone}"))
        .output()
        .expect("systemd-analyze: .ci/tools installs it");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{zone} {time}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = printed.lines().map(str::trim);
    let lines = lines.filter(|line| line.starts_with("Next elapse: ") || line.starts_with("Iter"));
    let slots = lines.filter_map(|line| line.split_once(": "));
    slots
        .map(|(_, slot)| NaiveDateTime::parse_from_str(slot, "%a %F %T UTC").expect(slot).and_utc())
        .collect()
}

/// Returns the first changes of a clock after an instant: where the sequence of offsets steps.
fn changes(zone: &WallClock, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| *zone.zone().local(at).offset();
    let hours = std::iter::successors(Some(from), |at| Some(*at + TimeDelta::hours(1)));
    let hours = hours.take_while(|at| *at < until);
    hours.filter(|at| offset(*at) != offset(*at + TimeDelta::hours(1))).collect()
}

/// Whether the program gives up over a time of day: one that lies in a gap that does not begin on the hour, after which it
/// looks for the next hour in vain.
fn gives_up(clock: &WallClock, around: DateTime<Utc>, time: NaiveTime) -> bool {
    let offset = |at: DateTime<Utc>| *clock.zone().local(at).offset();
    let hour = TimeDelta::hours(1);
    let minutes = std::iter::successors(Some(around), |at| Some(*at + TimeDelta::minutes(1)));
    let change = minutes.take_while(|at| *at <= around + hour).find(|at| offset(*at) != offset(around));
    let Some(change) = change else { return false };
    let (begins, ends) =
        (change.with_timezone(&offset(around)).naive_local(), clock.zone().local(change).naive_local());
    let is_in = |day: NaiveDate| (begins..ends).contains(&day.and_time(time));
    begins.minute() != 0 && (is_in(begins.date()) || is_in(ends.date()))
}

/// Compares the times around each change of a clock within some years; `lost` takes what the program loses. Returns how
/// many sequences there were.
fn compare(name: &'static str, years: &[u16], lost: &mut Vec<(&'static str, String)>) -> usize {
    let mut compared = 0;
    let clock = clock(name, Gap::Skip, Fold::First);
    for year in years {
        let (from, until) = (format!("{year}-01-01T00:00:00Z"), format!("{}-01-01T00:00:00Z", year + 1));
        for change in changes(&clock, at(&from), at(&until)) {
            let shown = clock.zone().local(change);
            let after = change - TimeDelta::hours(50);
            for minutes in [0, 30, 59, 90, -30] {
                let time = shown.naive_local() + TimeDelta::minutes(minutes);
                if gives_up(&clock, change, time.time()) {
                    continue;
                }
                let time = format!("{:02}:{:02}", time.hour(), time.minute());
                let frequency = daily(&time);
                let schedule = Schedule::new(&frequency, &clock);
                let expected = iterations(name, &time, after);
                let all =
                    std::iter::successors(schedule.next_after(after), |slot| schedule.next_after(*slot));
                let found: Vec<_> = all.clone().take(ITERATIONS).collect();
                compared += 1;
                if found == expected {
                    continue;
                }
                // One is lost, and all others are there.
                let is_missing = |slot: &&DateTime<Utc>| !expected.contains(slot);
                let missing: Vec<_> = found.iter().filter(is_missing).collect();
                let [missing] = missing[..] else {
                    panic!("{schedule} after {after}: {found:?}, {expected:?}")
                };
                let others: Vec<_> = all.filter(|slot| slot != missing).take(ITERATIONS).collect();
                assert_eq!(others, expected, "{schedule} after {after}");
                lost.push((name, clock.zone().local(*missing).format("%F %H:%M").to_string()));
            }
        }
    }
    compared
}

/// Whether the program knows a zone here.
fn knows(name: &str) -> bool {
    Path::new("/usr/share/zoneinfo").join(name).exists()
}

#[test]
fn f9_slots_agree_with_systemd() {
    let (mut compared, mut lost) = (0, Vec::new());
    for name in [
        "America/New_York",
        "Europe/Berlin",
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/Sao_Paulo",
        "Antarctica/Troll",
        "Asia/Tehran",
        "Pacific/Auckland",
    ] {
        assert!(knows(name), "the program does not know {name} here");
        compared += compare(name, &[2018, 2026], &mut lost);
    }
    assert!(compared >= 60 && lost.is_empty(), "{compared}, {lost:?}");
}

#[test]
#[ignore = "asks the program some twenty thousand times, which takes minutes"]
fn f9_slots_agree_with_systemd_in_all_zones() {
    let (mut compared, mut lost) = (0, Vec::new());
    for name in cdds_core::domain::calendar::zone::Zone::names() {
        assert!(knows(name), "the program does not know {name} here");
        compared += compare(name, &[1975, 1985, 1996, 2007, 2018, 2026, 2037], &mut lost);
    }
    let known: Vec<_> = LOST.map(|(name, time)| (name, time.to_owned())).into();
    assert_eq!(lost, known);
    assert!(compared >= 15_000, "{compared}");
}
