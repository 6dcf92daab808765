//! Workers that are killed again and again, in every step of their work, over a table that grows all the
//! while. No row is lost and none is exported twice, nothing is left over, and the history says what
//! happened.
//!
//! The moments come from a seed, which is printed. `CDDS_SEED=<seed>` aims at the same moments again.

mod growth;
mod moment;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::Value;

use self::growth::{Growth, Time};
use self::moment::{Moment, Phase, Stored};
use crate::support::{Place, id, string};

/// The number of kills.
const KILLS: u32 = 120;
/// How late a row may become visible. A busy machine may delay its insertion.
const SETTLE_LAG: &str = "settle_lag = \"20s\"";

/// A catalog with two jobs whose windows follow their watermarks, and the known facts about workers that
/// died.
struct World {
    place: Place,
    time: Arc<Time>,
    /// The job whose sets stay.
    kept: String,
    /// The job whose sets expire after a day.
    fleeting: String,
    /// Attempts that were running when their worker was killed: execution and number.
    broken_off: BTreeSet<(String, u64)>,
    phases: BTreeMap<Phase, u32>,
}

impl World {
    fn new() -> Self {
        let place = Place::with_interactions(0);
        place.sqlite("delete from interactions; pragma journal_mode = wal;");
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        let config = config.replace("settle_lag = \"0s\"", SETTLE_LAG);
        assert!(config.contains(SETTLE_LAG));
        std::fs::write(place.path("cdds.toml"), config).unwrap();
        let time = Arc::new(Time::starting_at(DateTime::from_timestamp(1_600_000_000, 0).unwrap()));
        let every_minute = ["--run", "cron", "--cron", "* * * * *", "--timeframe", "since-last"];
        let job = |more: &[&str]| {
            let options = [&every_minute[..], &["--split-size", "64KiB"], more].concat();
            id(&place.job_at(&told(time.now()), &options)).to_owned()
        };
        let (kept, fleeting) = (job(&[]), job(&["--retention-days", "1"]));
        Self { place, time, kept, fleeting, broken_off: BTreeSet::new(), phases: BTreeMap::new() }
    }

    /// Lets time pass, mostly about a minute, sometimes a day, after which sets have expired. Then starts a
    /// worker, kills it and notes the attempts that it left.
    fn kill_a_worker(&mut self, rng: &mut Rng) {
        let is_next_day = rng.u8(0..10) == 0;
        self.time.leap(TimeDelta::days(is_next_day.into()) + TimeDelta::seconds(rng.i64(10..120)));
        if rng.u8(0..4) == 0 {
            let job = if rng.bool() { &self.kept } else { &self.fleeting };
            self.place.at(&told(self.time.now()), &["job", "run", job]);
        }
        let before = Stored::found(&self.place);
        let moment = if is_next_day { Moment::Removed } else { Moment::any(rng) };
        let now = told(self.time.now());
        let killed =
            moment.kill(self.place.cdds(&["run", "-v", "--no-progress", "--now", &now]), &before, rng);
        let running = self.place.json(&["history", "list", "--status", "in_progress"]);
        let attempt = |one: &Value| (string(&one["id"]), one["attempts"].as_u64().unwrap());
        let broken_off: BTreeSet<_> = running.as_array().unwrap().iter().map(attempt).collect();
        // The attempts of an earlier worker may still be there.
        let its_own = broken_off.difference(&self.broken_off).map(|(id, _)| id.clone()).collect();
        for phase in killed.phases(&self.place, &its_own) {
            *self.phases.entry(phase).or_default() += 1;
        }
        self.broken_off.extend(broken_off);
    }

    /// Completes two undisturbed runs. The first may find that an execution's workers have died too often.
    fn settle(&self) {
        for _ in 0..2 {
            self.time.leap(TimeDelta::minutes(2));
            let now = told(self.time.now());
            let run = self.place.cdds(&["run", "--until-idle", "-q", "--now", &now]).output().unwrap();
            assert!(matches!(run.status.code(), Some(0 | 1)), "{run:?}");
        }
        self.time.leap(TimeDelta::minutes(2));
        assert_eq!(self.place.run_at(&told(self.time.now()))["failed"], 0);
    }
}

fn told(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[test]
fn i1_i3_i4_i8_workers_may_be_killed_at_any_moment() {
    let seed = std::env::var("CDDS_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("CDDS_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new();
    let growth = Growth::start(&world.place, &world.time, rng.fork());
    for _ in 0..KILLS {
        world.kill_a_worker(&mut rng);
    }
    let inserted = growth.stop();
    world.settle();
    println!("{} kills over {inserted} rows: {:?}", KILLS, world.phases);
    verdict::every_row_is_in_one_set(&world, inserted);
    verdict::windows_tile(&world, &world.kept);
    verdict::windows_tile(&world, &world.fleeting);
    verdict::nothing_is_left_over(&world);
    verdict::the_history_tells(&world);
    verdict::every_phase_was_hit(&world);
}
