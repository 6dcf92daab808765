//! The next slot of each kind of frequency, beside the `cron` crate's for the same slots; a divan row is the
//! time for [`INSTANTS`] of them.
//!
//! `cargo bench -p cdds-benches --bench frequency`

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use cdds_core::domain::calendar::frequency::{
    CronExpression, Frequency, Hourly, MissingDay, Monthly, TimeOfDay,
};
use cdds_core::domain::calendar::schedule::Schedule as Zoned;
use cdds_core::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use cdds_core::domain::calendar::zone::Zone;
use chrono::{DateTime, Utc, Weekday};
use cron::Schedule;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// How many instants are searched from.
const INSTANTS: usize = 1_000;

/// The name of a row, and the slots as the `cron` crate writes them.
const KINDS: [(&str, &str); 8] = [
    ("hourly, every 5", "0 15 0,5,10,15,20 * * * *"),
    ("daily", "0 30 2 * * * *"),
    ("weekly", "0 30 2 * * Tue *"),
    ("monthly on 31, skip", "0 30 2 31 * * *"),
    ("monthly on 28, last", "0 30 2 28 * * *"),
    ("cron */15 * * * *", "0 */15 * * * * *"),
    ("cron 30 2 * * 1-5", "0 30 2 * * Mon-Fri *"),
    ("cron 0 0 29 2 *", "0 0 0 29 2 * *"),
];

fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name)
}

fn frequency(name: &str) -> Frequency {
    let at = TimeOfDay::new(2, 30).expect("a time of day");
    let monthly = |day, missing| Frequency::Monthly(Monthly::new(day, at, missing).expect("a day"));
    match name {
        "hourly, every 5" => Frequency::Hourly(Hourly::new(5, 15).expect("hours")),
        "daily" => Frequency::Daily(at),
        "weekly" => Frequency::Weekly { day: Weekday::Tue, at },
        "monthly on 31, skip" => monthly(31, MissingDay::Skip),
        "monthly on 28, last" => monthly(28, MissingDay::Last),
        cron => {
            let text = cron.trim_start_matches("cron ");
            Frequency::Cron(CronExpression::new(text).expect("an expression"))
        }
    }
}

fn schedule(name: &str) -> Schedule {
    let (_, text) = KINDS.iter().find(|(known, _)| *known == name).expect("a known name");
    text.parse().expect("an expression")
}

/// Returns instants from 2020 to 2040.
fn instants() -> Vec<DateTime<Utc>> {
    let mut rng = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| rng.i64(1_577_836_800..2_208_988_800))
        .filter_map(|seconds| DateTime::from_timestamp(seconds, 0))
        .take(INSTANTS)
        .collect()
}

/// Checks that both find the same slots; otherwise the comparison means nothing.
fn assert_same(name: &str, instants: &[DateTime<Utc>]) {
    let (ours, theirs) = (frequency(name), schedule(name));
    for instant in instants {
        assert_eq!(ours.next_after(*instant), theirs.after(instant).next(), "{name} after {instant}");
        assert_eq!(ours.last_before(*instant), theirs.after(instant).next_back(), "{name} before {instant}");
    }
}

fn bench(
    bencher: Bencher<'_, '_>,
    name: &str,
    slot: impl Fn(&DateTime<Utc>) -> Option<DateTime<Utc>> + Sync,
) {
    let instants = instants();
    assert_same(name, &instants);
    bencher.counter(ItemsCount::new(INSTANTS)).bench(|| {
        for instant in &instants {
            black_box(slot(black_box(instant)));
        }
    });
}

#[divan::bench(args = names())]
fn next_after(bencher: Bencher<'_, '_>, name: &str) {
    let frequency = frequency(name);
    bench(bencher, name, |instant| frequency.next_after(*instant));
}

#[divan::bench(args = names())]
fn last_before(bencher: Bencher<'_, '_>, name: &str) {
    let frequency = frequency(name);
    bench(bencher, name, |instant| frequency.last_before(*instant));
}

/// By a clock that is put forward and back (rule F9); there is no other program's row beside it.
#[divan::bench(args = names())]
fn next_after_in_berlin(bencher: Bencher<'_, '_>, name: &str) {
    let (frequency, clock) = (frequency(name), berlin());
    let (schedule, instants) = (Zoned::new(&frequency, &clock), instants());
    bencher.counter(ItemsCount::new(INSTANTS)).bench(|| {
        for instant in &instants {
            black_box(schedule.next_after(black_box(*instant)));
        }
    });
}

/// The day of a record, as each one of a job with a zone is placed.
#[divan::bench]
fn day_in_berlin(bencher: Bencher<'_, '_>) {
    let (clock, instants) = (berlin(), instants());
    bencher.counter(ItemsCount::new(INSTANTS)).bench(|| {
        for instant in &instants {
            black_box(clock.zone().day_of(black_box(*instant)));
        }
    });
}

fn berlin() -> WallClock {
    WallClock::new(Zone::new("Europe/Berlin").expect("a zone"), Gap::Shift, Fold::First)
}

#[divan::bench(args = names())]
fn next_by_the_cron_crate(bencher: Bencher<'_, '_>, name: &str) {
    let schedule = schedule(name);
    bench(bencher, name, |instant| schedule.after(instant).next());
}
