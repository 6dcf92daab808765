//! `systemd-analyze calendar` with a zone as an oracle. Its timers skip what a clock leaves out and take the first of
//! what it shows twice.
//!
//! It is not asked where it does not answer: it knows only names that the system's own database has, too; in a gap that
//! does not begin on the hour it gives up ("Resource deadlock avoided"); and of what comes twice within one expression
//! it drops more than one time.

use std::path::Path;
use std::process::Command;

use chrono::{NaiveDateTime, TimeDelta, Timelike};

use super::*;

const ITERATIONS: usize = 6;

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

#[test]
fn f9_slots_agree_with_systemd() {
    let mut compared = 0;
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
        assert!(
            Path::new("/usr/share/zoneinfo").join(name).exists(),
            "the program does not know {name} here"
        );
        let clock = clock(name, Gap::Skip, Fold::First);
        for (from, until) in [
            ("2018-01-01T00:00:00Z", "2019-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            for change in changes(&clock, at(from), at(until)) {
                let shown = clock.zone().local(change);
                let after = change - TimeDelta::hours(50);
                for minutes in [0, 30, 59, 90, -30] {
                    let time = shown.naive_local() + TimeDelta::minutes(minutes);
                    let time = format!("{:02}:{:02}", time.hour(), time.minute());
                    let frequency = daily(&time);
                    let schedule = Schedule::new(&frequency, &clock);
                    let expected = iterations(name, &time, after);
                    let found =
                        std::iter::successors(schedule.next_after(after), |slot| schedule.next_after(*slot));
                    let found: Vec<_> = found.take(ITERATIONS).collect();
                    assert_eq!(found, expected, "{schedule} after {after}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared >= 60, "{compared}");
}
