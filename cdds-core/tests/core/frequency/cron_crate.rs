//! The `cron` crate as an oracle, within the years that it knows (1970–2100). Its expressions also have
//! fields for seconds and years, and number the days of the week from 1, Sunday.

use std::str::FromStr;

use cdds_core::domain::calendar::frequency::{CronExpression, Frequency, MissingDay, Monthly};
use cdds_core::testing::strategies::{cron_expression, instant, named_frequency};
use chrono::{DateTime, Datelike, Utc};
use cron::Schedule;
use proptest::prelude::*;

/// Schedules that together yield the slots of a frequency.
pub(crate) struct Oracle(Vec<Schedule>);

impl Oracle {
    pub(crate) fn of(frequency: &Frequency) -> Self {
        let schedule = |text: String| Schedule::from_str(&text).expect(&text);
        let schedules = match frequency {
            Frequency::Once(_) => Vec::new(),
            Frequency::Hourly(hourly) => {
                // To the crate `0/5` means `0-23/5`. A list of hours does not depend on how it reads steps.
                let hours: Vec<String> =
                    (0..24).filter(|hour| hour % hourly.every() == 0).map(|hour| hour.to_string()).collect();
                vec![schedule(format!("0 {} {} * * * *", hourly.minute(), hours.join(",")))]
            }
            Frequency::Daily(at) => vec![schedule(format!("0 {} {} * * * *", at.minute(), at.hour()))],
            Frequency::Weekly { day, at } => {
                vec![schedule(format!("0 {} {} * * {day} *", at.minute(), at.hour()))]
            }
            Frequency::Monthly(monthly) => monthly_schedules(*monthly).into_iter().map(schedule).collect(),
            Frequency::Cron(cron) => vec![schedule(seven_fields(cron))],
        };
        Self(schedules)
    }

    fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.iter().filter_map(|schedule| schedule.after(&after).next()).min()
    }

    fn last_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.iter().filter_map(|schedule| schedule.after(&before).next_back()).max()
    }

    /// The only schedule of a frequency that is not a union of several.
    pub(crate) fn schedule(&self) -> &Schedule {
        &self.0[0]
    }
}

/// Writes the schedules of a monthly frequency: the last day depends on the month, and in February on the
/// year.
fn monthly_schedules(monthly: Monthly) -> Vec<String> {
    let (day, at) = (monthly.day(), monthly.at());
    let on = |day: u32, months: &str, years: &str| {
        format!("0 {} {} {day} {months} * {years}", at.minute(), at.hour())
    };
    match monthly.missing() {
        MissingDay::Skip => vec![on(day, "*", "*")],
        MissingDay::Last => {
            let years = |leap: bool| {
                let is_leap = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let years = (1970..=2100).filter(|year| is_leap(*year) == leap);
                years.map(|year| year.to_string()).collect::<Vec<_>>().join(",")
            };
            vec![
                on(day, "1,3,5,7,8,10,12", "*"),
                on(day.min(30), "4,6,9,11", "*"),
                on(day.min(29), "2", &years(true)),
                on(day.min(28), "2", &years(false)),
            ]
        }
    }
}

/// Converts five fields to seven. The crate itself reads all of them except the day of the week, and months
/// are written as numbers, since it refuses ranges from a number to a name.
fn seven_fields(cron: &CronExpression) -> String {
    let fields: Vec<&str> = cron.as_str().split(' ').collect();
    let days: Vec<&str> = (0..7)
        .filter(|day| fields[4].split(',').any(|item| names_day(item, *day)))
        .map(|day| NAMES[day])
        .collect();
    let months = (1..)
        .zip(MONTHS)
        .fold(fields[3].to_lowercase(), |months, (number, name)| months.replace(name, &number.to_string()));
    format!("0 {} {} {} {months} {} *", fields[0], fields[1], fields[2], days.join(","))
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Whether an item of the field names the day, counted from Sunday as 0, which is 7 as well.
fn names_day(item: &str, day: usize) -> bool {
    let number = |text: &str| {
        let text = text.to_lowercase();
        NAMES.iter().position(|name| *name == text).unwrap_or_else(|| text.parse().unwrap())
    };
    let (range, step) = item.split_once('/').unwrap_or((item, "1"));
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (0, 6),
        Some((first, last)) => {
            let (from, to) = (number(first), number(last));
            (from, if to == 0 && from > 0 { 7 } else { to })
        }
        None => (number(range), number(range)),
    };
    let named: Vec<usize> = (first..=last).step_by(step.parse().unwrap()).collect();
    named.contains(&day) || day == 0 && named.contains(&7)
}

/// Drops a slot outside the years that the crate knows.
fn known(slot: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    slot.filter(|slot| (1970..=2100).contains(&slot.year()))
}

/// Checks that several next and last slots in a row are the oracle's.
fn agree(frequency: &Frequency, instant: DateTime<Utc>) -> Result<(), TestCaseError> {
    let oracle = Oracle::of(frequency);
    let mut forwards = instant;
    for _ in 0..4 {
        let next = known(frequency.next_after(forwards));
        prop_assert_eq!(next, oracle.next_after(forwards), "{} after {}", frequency, forwards);
        let Some(next) = next else { break };
        forwards = next;
    }
    let mut backwards = instant;
    for _ in 0..4 {
        let last = known(frequency.last_before(backwards));
        prop_assert_eq!(last, oracle.last_before(backwards), "{} before {}", frequency, backwards);
        let Some(last) = last else { break };
        backwards = last;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32 * ProptestConfig::default().cases))]

    #[test]
    fn f2_f3_f4_f5_f7_named_frequencies_agree(frequency in named_frequency(), instant in instant()) {
        agree(&frequency, instant)?;
    }

    #[test]
    fn f6_f7_cron_expressions_agree(cron in cron_expression(), instant in instant()) {
        agree(&Frequency::Cron(cron), instant)?;
    }
}
