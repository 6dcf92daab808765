//! `systemd-analyze calendar` as an oracle: another program, in another language, with another notation.

use std::process::Command;

use cdds_core::domain::calendar::frequency::{Frequency, MissingDay};
use cdds_core::testing::strategies::{cron_expression, instant, named_frequency};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use cron::TimeUnitSpec;
use proptest::prelude::*;

use super::cron_crate::Oracle;

const SLOTS: usize = 400;
/// The last year that the program knows.
const YEAR_MAX: i32 = 2199;

/// Calendar events that together yield the slots of a frequency.
fn events(frequency: &Frequency) -> Vec<String> {
    match frequency {
        Frequency::Once(_) => Vec::new(),
        Frequency::Hourly(hourly) => {
            // The program does not anchor `00/5` at midnight, so the hours are listed.
            let hours = (0..24).filter(|hour| hour % hourly.every() == 0);
            vec![format!("*-*-* {}:{}:00", list(hours, 24), hourly.minute())]
        }
        Frequency::Daily(at) => vec![format!("*-*-* {at}:00")],
        Frequency::Weekly { day, at } => vec![format!("{day} *-*-* {at}:00")],
        Frequency::Monthly(monthly) => {
            let (day, at) = (monthly.day(), monthly.at());
            match (monthly.missing(), day) {
                (MissingDay::Skip, _) | (_, ..=28) => vec![format!("*-*-{day} {at}:00")],
                // `~1` means the last day of a month.
                (MissingDay::Last, 31) => vec![format!("*-*~1 {at}:00")],
                (MissingDay::Last, _) => {
                    vec![format!("*-1,3,4,5,6,7,8,9,10,11,12-{day} {at}:00"), format!("*-2~1 {at}:00")]
                }
            }
        }
        Frequency::Cron(_) => {
            let oracle = Oracle::of(frequency);
            let schedule = oracle.schedule();
            let weekdays: Vec<&str> = schedule
                .days_of_week()
                .iter()
                .map(|day| ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][day as usize - 1])
                .collect();
            vec![format!(
                "{} *-{}-{} {}:{}:00",
                weekdays.join(","),
                list(schedule.months().iter(), 12),
                list(schedule.days_of_month().iter(), 31),
                list(schedule.hours().iter(), 24),
                list(schedule.minutes().iter(), 60),
            )]
        }
    }
}

/// Writes a list of values, or `*` if it holds all of them.
fn list(values: impl Iterator<Item = u32>, all: usize) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    if values.len() == all { "*".to_owned() } else { values.join(",") }
}

/// Returns the slots after an instant as the program computes them.
fn slots(event: &str, after: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let output = Command::new("systemd-analyze")
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .arg("calendar")
        .arg(format!("--iterations={SLOTS}"))
        .arg(format!("--base-time={}", after.format("%F %T%.6f UTC")))
        .arg(event)
        .output()
        .expect("systemd-analyze: .ci/tools installs it");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{event:?} after {after}: {}", String::from_utf8_lossy(&output.stderr));
    printed
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("Next elapse: ") || line.starts_with("Iter"))
        .filter_map(|line| line.split_once(": "))
        .filter(|(_, slot)| *slot != "never")
        .map(|(_, slot)| NaiveDateTime::parse_from_str(slot, "%a %F %T UTC").expect(slot).and_utc())
        .collect()
}

fn agree(frequency: &Frequency, after: DateTime<Utc>) -> Result<(), TestCaseError> {
    let events = events(frequency);
    let mut expected: Vec<_> = events.iter().flat_map(|event| slots(event, after)).collect();
    expected.sort_unstable();
    if events.len() == 1 && expected.len() < SLOTS {
        let last = expected.last().copied().unwrap_or(after);
        let beyond = frequency.next_after(last).unwrap();
        prop_assert!(beyond.year() > YEAR_MAX, "{frequency} after {last}: {beyond}");
    }
    // The program returned the first slots of each event. The rarer event reaches further, so only the first
    // ones of their union are complete.
    let common = expected.len().min(SLOTS);
    let found: Vec<_> =
        std::iter::successors(frequency.next_after(after), |slot| frequency.next_after(*slot))
            .take(common)
            .collect();
    prop_assert!(common > 0, "{frequency}: {events:?} gave nothing after {after}");
    prop_assert_eq!(found, &expected[..common], "{} after {}: {:?}", frequency, after, events);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 2))]

    #[test]
    fn f2_f3_f4_f5_f7_named_frequencies_agree_with_systemd(frequency in named_frequency(), after in instant()) {
        agree(&frequency, after)?;
    }

    #[test]
    fn f6_f7_cron_expressions_agree_with_systemd(cron in cron_expression(), after in instant()) {
        agree(&Frequency::Cron(cron), after)?;
    }
}
