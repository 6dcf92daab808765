//! Python's `zoneinfo` as an oracle: another reader of the database, and another way to find the slots.

use std::process::Command;

use cdds_core::domain::calendar::frequency::{MissingDay, Monthly, parse_weekday};

use super::*;

/// Returns the cases that the program prints.
fn cases(size: &str) -> String {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/core/zones/slots.py");
    let mut python = Command::new("python3");
    python.env("PYTHONTZPATH", database::folder()).env("PYTHONNOUSERSITE", "1").arg(program).arg(size);
    let output = python.output().expect("python3, from 3.9 on: .ci/tools asks for it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn frequency(kind: &str, spec: &str) -> Frequency {
    match (kind, spec.split_once(' ')) {
        ("daily", _) => daily(spec),
        ("weekly", Some((day, at))) => {
            Frequency::Weekly { day: parse_weekday(day).unwrap(), at: at.parse().unwrap() }
        }
        ("monthly", Some((day, at))) => {
            let (day, at) = (day.parse().unwrap(), at.parse().unwrap());
            Frequency::Monthly(Monthly::new(day, at, MissingDay::Skip).unwrap())
        }
        _ => cron(spec),
    }
}

fn seconds(text: &str) -> DateTime<Utc> {
    DateTime::from_timestamp(text.parse().unwrap(), 0).unwrap()
}

/// Compares each case forwards and backwards; returns how many cases and slots there were.
#[track_caller]
fn agree(cases: &str) -> (usize, usize) {
    let mut compared = (0, 0);
    for line in cases.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [zone, kind, spec, gap, fold, after, until, expected] = fields[..] else { panic!("{line:?}") };
        let clock = WallClock::new(zone.parse().unwrap(), gap.parse().unwrap(), fold.parse().unwrap());
        let frequency = frequency(kind, spec);
        let schedule = Schedule::new(&frequency, &clock);
        let (after, until) = (seconds(after), seconds(until));
        let expected: Vec<_> = expected.split(',').filter(|text| !text.is_empty()).map(seconds).collect();
        assert_eq!(slots(schedule, after, until), expected, "{line}");
        assert_eq!(slots_backwards(schedule, after, until), expected, "backwards: {line}");
        compared = (compared.0 + 1, compared.1 + expected.len());
    }
    compared
}

#[test]
fn f9_slots_agree_with_zoneinfo() {
    let (cases, slots) = agree(&cases("some"));
    assert!(cases > 1_000 && slots > 4_000, "{cases} cases, {slots} slots");
}

/// All zones and their changes from 1970 to 2100: some minutes.
#[test]
#[ignore = "takes minutes: .ci/release runs it"]
fn f9_slots_agree_with_zoneinfo_in_all_zones() {
    let (cases, slots) = agree(&cases("all"));
    assert!(cases > 100_000 && slots > 500_000, "{cases} cases, {slots} slots");
}
