//! Rule F9: slots and windows by the wall clock of a zone, compared with two programs that compute them
//! independently from the same database, and with laws that they obey.

mod database;
mod jobs;
mod laws;
mod named;
mod renewals;
mod systemd;
mod windows;
mod zoneinfo;

use cdds_core::domain::calendar::frequency::{CronExpression, Frequency};
use cdds_core::domain::calendar::schedule::Schedule;
use cdds_core::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use chrono::{DateTime, Utc};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn clock(zone: &str, gap: Gap, fold: Fold) -> WallClock {
    WallClock::new(zone.parse().unwrap(), gap, fold)
}

fn daily(time: &str) -> Frequency {
    Frequency::Daily(time.parse().unwrap())
}

fn cron(expression: &str) -> Frequency {
    Frequency::Cron(CronExpression::new(expression).unwrap())
}

/// Returns the slots after `from` up to and with `until`.
fn slots(schedule: Schedule<'_>, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let slots = std::iter::successors(schedule.next_after(from), |slot| schedule.next_after(*slot));
    slots.take_while(|slot| *slot <= until).collect()
}

/// Returns the same, searched backwards.
fn slots_backwards(schedule: Schedule<'_>, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let behind = until + chrono::TimeDelta::nanoseconds(1);
    let slots = std::iter::successors(schedule.last_before(behind), |slot| schedule.last_before(*slot));
    let mut found: Vec<_> = slots.take_while(|slot| *slot > from).collect();
    found.reverse();
    found
}
