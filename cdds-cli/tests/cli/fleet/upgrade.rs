//! A rolling upgrade: workers of an earlier program and of this one over one catalog. `CDDS_EARLIER` names the earlier
//! program, which must know PostgreSQL for the second test:
//!
//! ```text
//! CDDS_EARLIER=/usr/bin/cdds cargo nextest run -p cdds-cli --all-features --run-ignored only rolling_upgrade
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::scene::{Worker, catalog_in, counted, forget_file};
use crate::postgres_server::Server;
use crate::support::{Place, SOURCES, string, text};

const JOBS: usize = 4;
/// The days that each job exports, of a record a minute.
const DAYS: usize = 60;
const PER_DAY: usize = 1_440;
/// Behind the slot of the last one.
const UNTIL: &str = "2020-03-02T00:00:00Z";

/// Where the catalog is kept.
enum Kept {
    InFile,
    On(Server),
}

/// A place whose catalog an earlier program has made.
struct Upgrade {
    kept: Kept,
    place: Place,
    earlier: PathBuf,
    jobs: Vec<String>,
}

/// Writes the configuration that the earlier program would have: what it does not know, nobody has typed yet.
fn configure(place: &Place, earlier: &Path) {
    let output = place.command(earlier, &["init", "earlier"]).output().unwrap();
    assert!(output.status.success(), "the earlier cdds init: {}", text(&output.stderr));
    let config = std::fs::read_to_string(place.path("earlier/cdds.toml")).unwrap();
    // So that three workers share four jobs, and none of them has to be quick to get one.
    let alone = config.replace("\nconcurrency = 2\n", "\nconcurrency = 1\n");
    assert_ne!(alone, config);
    std::fs::write(place.path("cdds.toml"), alone + SOURCES).unwrap();
    std::fs::remove_dir_all(place.path("earlier")).unwrap();
}

impl Upgrade {
    fn new(kept: Kept) -> Self {
        let Some(earlier) = std::env::var_os("CDDS_EARLIER") else {
            panic!("CDDS_EARLIER names the program to upgrade from")
        };
        let place = Place::with_interactions(u32::try_from(PER_DAY * DAYS).unwrap());
        configure(&place, Path::new(&earlier));
        match &kept {
            Kept::On(server) => catalog_in(server, &place),
            Kept::InFile => forget_file(&place),
        }
        let mut upgrade = Self { kept, place, earlier: earlier.into(), jobs: Vec::new() };
        upgrade.jobs = (0..JOBS).map(|number| upgrade.job(&format!("Calls {number}"))).collect();
        upgrade
    }

    /// Has the earlier program create a job, and queue a run for each day. Returns the job's id.
    fn job(&self, title: &str) -> String {
        let job = ["job", "create", "--title", title, "--source", "contact-history", "--type", "interaction"];
        let daily = ["--plaintext", "--run", "daily", "--at", "00:00", "--timeframe", "rolling:1d"];
        let id = string(&self.earlier(&[&job[..], &daily[..]].concat())["id"]);
        self.earlier(&["job", "backfill", &id, "--from", "2020-01-02T00:00:00Z", "--to", UNTIL]);
        id
    }

    /// Runs a command of the earlier program, which must succeed. Returns its answer.
    fn earlier(&self, args: &[&str]) -> Value {
        let mut command = self.place.command(&self.earlier, args);
        let output = command.args(["--output", "json"]).output().unwrap();
        assert!(output.status.success(), "the earlier cdds {args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn earlier_worker(&self) -> Worker {
        Worker::of(&self.place, self.place.command(&self.earlier, &["run", "--no-progress"]))
    }

    /// Returns a number of the record. `S.` stands for the schema.
    fn counted(&self, statement: &str) -> i64 {
        match &self.kept {
            Kept::On(server) => counted(server, &statement.replace("S.", "cdds.")),
            Kept::InFile => {
                let waits = ["-cmd", ".timeout 10000", "cdds.db"];
                self.place.program("sqlite3", &waits, &[&statement.replace("S.", "")]).trim().parse().unwrap()
            }
        }
    }

    fn schema(&self) -> i64 {
        match self.kept {
            Kept::On(_) => self.counted("SELECT max(number) FROM S.migration"),
            Kept::InFile => self.counted("SELECT user_version FROM pragma_user_version"),
        }
    }

    fn ended(&self) -> usize {
        let ended = self.counted("SELECT count(*) FROM S.execution WHERE status = 'finished'");
        usize::try_from(ended).unwrap()
    }

    fn wait_for(&self, ended: usize) {
        while self.ended() < ended {
            std::thread::yield_now();
        }
    }

    /// Waits until each of the workers has been seen with an execution.
    fn wait_for_all(&self, workers: &[&Worker]) {
        for worker in workers {
            let running = format!(
                "SELECT count(*) FROM S.execution AS e JOIN S.worker AS w ON w.id = e.worker \
                 WHERE e.status = 'in_progress' AND w.process = {}",
                worker.process()
            );
            while self.counted(&running) == 0 {
                assert!(self.ended() < JOBS * DAYS, "one of the workers has done nothing");
            }
        }
    }

    /// Checks that each day is in one set of each job.
    fn each_day_is_in_one_set(&self) {
        for job in &self.jobs {
            let executions = self.place.json(&["history", "list", "--job", job]);
            let executions = executions.as_array().unwrap();
            let mut windows = BTreeMap::new();
            for execution in executions {
                assert_eq!(execution["records"], PER_DAY, "{execution}");
                let window = &execution["window"];
                windows.insert(string(&window["start"]), string(&window["end"]));
                assert_eq!(self.place.exported(crate::support::NOON, execution).len(), PER_DAY);
            }
            let tiled = windows.values().zip(windows.keys().skip(1)).all(|(end, start)| end == start);
            assert!(tiled && windows.len() == DAYS && executions.len() == DAYS, "{windows:?}");
        }
    }

    fn run(self) {
        let all = JOBS * DAYS;
        let mut old = vec![self.earlier_worker(), self.earlier_worker(), self.earlier_worker()];
        self.wait_for(4);
        let before = self.schema();
        // The first machine gets the new program, which migrates the catalog below the feet of the others.
        assert_eq!(old.remove(0).ended(), Some(0), "{}", self.log());
        let first = Worker::start(&self.place);
        self.wait_for_all(&[&first, &old[0], &old[1]]);
        assert!(self.schema() >= before);
        let listed = self.earlier(&["history", "list"]);
        assert_eq!(listed.as_array().unwrap().len(), all);
        // The second dies, and the new program takes over what it held.
        self.wait_for(all / 4);
        self.wait_for_all(&[&old[0]]);
        drop(old.remove(0));
        let second = Worker::start(&self.place);
        self.wait_for(all / 2);
        // One goes back to the earlier program, which takes over from a new one that dies.
        self.wait_for_all(&[&first]);
        drop(first);
        let back = self.earlier_worker();
        self.wait_for_all(&[&back]);
        self.wait_for(all);
        for worker in [back, old.remove(0), second] {
            assert_eq!(worker.ended(), Some(0), "{}", self.log());
        }
        self.each_day_is_in_one_set();
    }

    fn log(&self) -> String {
        text(&std::fs::read(self.place.path("log")).unwrap())
    }
}

#[test]
#[ignore = "needs an earlier program"]
fn i5_i8_a_rolling_upgrade_of_workers_over_a_file_loses_and_doubles_nothing() {
    Upgrade::new(Kept::InFile).run();
}

#[test]
#[ignore = "needs an earlier program"]
fn i5_i8_a_rolling_upgrade_of_workers_over_postgresql_loses_and_doubles_nothing() {
    Upgrade::new(Kept::On(Server::start(&[]))).run();
}
