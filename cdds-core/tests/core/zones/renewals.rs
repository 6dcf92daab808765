//! Rules F9, W3 over the life of a job: whatever its zone, its edits, its policies and the database of time zones, no time
//! of the clock is lost or comes twice, and each record is in exactly one set.

use std::collections::BTreeMap;

use cdds_core::domain::calendar::wall_clock::WallClock;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::calendar::zone::database::Database;
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::{Execution, ExecutionState};
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, edit};
use cdds_core::domain::job::policy::Policies;
use cdds_core::domain::job::renewal::renewed;
use cdds_core::domain::job::{Job, JobChange, JobSettings};
use cdds_core::testing::strategies::wall_clock;
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::rules::support::{settings, submit_settings, terms};

/// A job and its record.
struct Life {
    job: Job,
    record: BTreeMap<ExecutionId, Execution>,
    database: Database,
    now: DateTime<Utc>,
}

impl Life {
    fn begun(settings: JobSettings, now: DateTime<Utc>) -> Self {
        let job = submit_settings(settings, now).job;
        Self { job, record: BTreeMap::new(), database: Database::bundled(), now }
    }

    fn store(&mut self, change: JobChange) {
        let JobChange { job, entries, superseded, edited } = change;
        self.job = job;
        // As catalogs do: an occurrence that is on the record already stays as it is.
        for entry in entries {
            self.record.entry(entry.id).or_insert(entry);
        }
        for changed in superseded.into_iter().chain(edited) {
            self.record.insert(changed.id, changed);
        }
    }

    fn waiting(&self) -> Vec<Execution> {
        let mut waiting: Vec<_> = self.record.values().filter(|one| one.is_waiting()).cloned().collect();
        waiting.sort_by_key(Execution::place);
        waiting
    }

    /// Does what engines do, as long as anything is due.
    fn works(&mut self) {
        loop {
            let waiting = self.waiting();
            let Some(change) = materialise(&self.job, &waiting, terms(), self.now) else { break };
            self.store(change);
        }
    }

    /// Lets workers end the oldest executions that wait.
    fn runs(&mut self, count: usize) {
        for done in self.waiting().into_iter().take(count) {
            self.record.insert(done.id, Execution { state: ExecutionState::Succeeded, epoch: 1, ..done });
        }
    }

    fn edits(&mut self, settings: JobSettings) {
        let asked = Edit { settings, watermark: None, one_time: OneTimeEdit::UntilStarted };
        let change = edit(&self.job, self.waiting(), asked, terms(), self.now).unwrap();
        self.store(change);
    }

    fn renews(&mut self, database: &Database) {
        self.database = database.clone();
        if let Some(change) = renewed(&self.job, database, self.now) {
            self.store(change);
        }
        self.works();
    }

    /// Returns the executions that export something, or will.
    fn exports(&self) -> impl Iterator<Item = &Execution> {
        self.record.values().filter(|one| !matches!(one.state, ExecutionState::Skipped(_)))
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Time passes, in minutes.
    Pass(i64),
    /// Some executions run.
    Run(usize),
    Clock(WallClock),
    /// Another frequency and timeframe, which tile.
    Shape(&'static str, &'static str),
    Policies(&'static str),
    /// Another version of the database, in which the zone has the rules of another one.
    Renew(&'static str),
}

const LIKE: &[&str] = &[
    "America/Los_Angeles",
    "America/Whitehorse",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Europe/Berlin",
];

/// Frequencies, and their own periods.
const SHAPES: &[(&str, &str)] = &[
    ("daily 00:30", "previous:1d"),
    ("daily 02:30", "previous:1d"),
    ("daily 02:30", "rolling:1d"),
    ("daily 23:45", "rolling:1d"),
    ("weekly 01:15", "previous:1w"),
    ("weekly 02:30", "rolling:1w"),
    ("monthly 02:30", "previous:1mo"),
];

fn frequency(text: &str) -> Frequency {
    let (kind, time) = text.split_once(' ').unwrap();
    match kind {
        "daily" => daily(time),
        "weekly" => Frequency::Weekly { day: chrono::Weekday::Sun, at: time.parse().unwrap() },
        _ => Frequency::Monthly(
            cdds_core::domain::calendar::frequency::Monthly::new(
                29,
                time.parse().unwrap(),
                "last".parse().unwrap(),
            )
            .unwrap(),
        ),
    }
}

fn policies(text: &str) -> Policies {
    Policies::default()
        .with_catch_up(format!("{text}:3650d").parse().unwrap())
        .with_overlap(Some(text.parse().unwrap()))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1_i64..60_000).prop_map(Step::Pass),
        2 => (1_usize..6).prop_map(Step::Run),
        2 => wall_clock().prop_map(Step::Clock),
        1 => select(SHAPES).prop_map(|(frequency, timeframe)| Step::Shape(frequency, timeframe)),
        1 => select(&["queue", "coalesce"][..]).prop_map(Step::Policies),
        2 => select(LIKE).prop_map(Step::Renew),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn f9_w3_each_record_is_in_one_set_over_any_zones_edits_policies_and_databases(
        shape in select(SHAPES),
        first in wall_clock(),
        began in 0_i64..1_051_200,
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let began = at("2025-01-01T00:00:00Z") + TimeDelta::minutes(began);
        let (mut number, of) = (1_000_u16, |text: (&str, &str)| settings(frequency(text.0), text.1));
        let mut life = Life::begun(of(shape).with_clock(first).with_policies(policies("queue")), began);
        for step in steps {
            let present = life.job.settings.clone();
            match step {
                Step::Pass(minutes) => {
                    life.now += TimeDelta::minutes(minutes);
                    life.works();
                }
                Step::Run(count) => life.runs(count),
                Step::Clock(clock) => {
                    // As the program that edits has it.
                    let clock = life.database.renewed(&clock);
                    life.edits(present.with_clock(clock));
                }
                Step::Shape(text, timeframe) => life.edits(present.with_frequency(frequency(text)).with_timeframe(timeframe.parse().unwrap())),
                Step::Policies(text) => life.edits(present.with_policies(policies(text))),
                Step::Renew(like) => {
                    number += 1;
                    let version = format!("{number}a").parse().unwrap();
                    let name = life.job.settings.clock.zone().name().to_owned();
                    let database = if name == "UTC" { Database::bundled() } else {
                        Database::bundled().changed(version, &name, Some(like)).unwrap()
                    };
                    life.renews(&database);
                }
            }
        }
        life.now += TimeDelta::days(70);
        life.works();
        let mut windows: Vec<_> = life.exports().map(|one| one.window).filter(|one| one.start() != Some(one.end())).collect();
        windows.sort_by_key(Window::start);
        prop_assert!(!windows.is_empty());
        for pair in windows.windows(2) {
            prop_assert_eq!(Some(pair[0].end()), pair[1].start(), "{:?}", windows);
        }
        // Each record, of which there is one every seven hours.
        let (begin, end) = (windows[0].start().unwrap(), windows[windows.len() - 1].end());
        let records = std::iter::successors(Some(begin), |at| Some(*at + TimeDelta::hours(7)));
        for record in records.take_while(|at| *at < end) {
            let holds = windows.iter().filter(|one| one.start().is_some_and(|start| start <= record) && record < one.end());
            prop_assert_eq!(holds.count(), 1, "{}", record);
        }
    }

    #[test]
    fn f9_no_time_of_the_clock_is_lost_or_comes_twice_over_any_databases(
        zone in select(LIKE),
        time in select(&["00:30", "01:45", "02:00", "02:30", "23:59"][..]),
        fold in select(&[Fold::First, Fold::Second][..]),
        began in 0_i64..525_600,
        steps in prop::collection::vec((1_i64..40_000, select(LIKE)), 1..24),
    ) {
        let began = at("2026-01-01T00:00:00Z") + TimeDelta::minutes(began);
        let settings = settings(daily(time), "all").with_clock(clock(zone, Gap::Shift, fold));
        let mut life = Life::begun(settings.with_policies(policies("queue")), began);
        for (number, (minutes, like)) in (1_000_u16..).zip(steps) {
            life.now += TimeDelta::minutes(minutes);
            life.works();
            let version = format!("{number}a").parse().unwrap();
            life.renews(&Database::bundled().changed(version, zone, Some(like)).unwrap());
        }
        life.now += TimeDelta::days(9);
        life.works();
        // What the clock showed by the database that was in force: one time a day, each day.
        let mut shown: Vec<_> = life.exports().map(|one| one.settings.clock.zone().local(one.slot).naive_local()).collect();
        shown.sort_unstable();
        for pair in shown.windows(2) {
            prop_assert_eq!(pair[0].date().succ_opt(), Some(pair[1].date()), "{:?}", pair);
        }
        prop_assert!(shown.len() >= 8);
    }
}
