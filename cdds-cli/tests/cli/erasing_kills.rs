//! Workers that are killed in the steps of an erasure.

use std::process::Stdio;
use std::time::Duration;

use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::executor::block_on;

use crate::support::{Place, text};

/// How long a worker may live without reaching its moment.
const LIFE_MAX: Duration = Duration::from_secs(10);

/// An erasure whose workers are killed.
pub(crate) struct Killed<'a> {
    place: &'a Place,
    request: &'a str,
    now: DateTime<Utc>,
    /// How often a worker was killed between its count and its report.
    erasing: u32,
}

impl<'a> Killed<'a> {
    pub(crate) fn new(place: &'a Place, request: &'a str) -> Self {
        Self { place, request, now: SystemClock::new().now(), erasing: 0 }
    }

    /// Lets the waits pass of what a killed worker has left, and returns the instant.
    fn later(&mut self) -> String {
        self.now += TimeDelta::hours(2);
        self.now.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    fn count(&self, condition: &str) -> u32 {
        let sql = format!("select count(*) from subject_task where {condition}");
        self.place.program("sqlite3", &["-readonly", "cdds.db"], &[&sql]).trim().parse().unwrap()
    }

    /// Starts a worker and kills it: when it is born, once it has claimed, or once it is about to erase, some
    /// milliseconds later each time.
    pub(crate) fn kill(&mut self, number: u64) {
        let now = self.later();
        let args = ["run", "--no-progress", "-q", "--now", &now];
        let mut worker = self.place.cdds(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let condition = match number {
            0 => "true",
            1 => "state = 'held'",
            _ => "state = 'held' and looked > 0",
        };
        let (clock, sleeper) = (SystemClock::new(), SystemClock::new());
        let wait = |millis| block_on(sleeper.sleep(Duration::from_millis(millis)));
        while clock.monotonic() < LIFE_MAX && self.count(condition) == 0 && self.count("state <> 'done'") > 0
        {
            wait(2);
        }
        wait(number * 40);
        worker.kill().unwrap();
        worker.wait().unwrap();
        self.erasing += u32::from(self.count("state = 'held' and looked > 0") > 0);
    }

    /// Lets undisturbed workers go on. Returns what they have logged.
    pub(crate) fn end(&mut self) -> String {
        let mut log = String::new();
        for _ in 0..4 {
            let now = self.later();
            let run = self
                .place
                .cdds(&["run", "--until-idle", "--no-progress", "-v", "--now", &now])
                .output()
                .unwrap();
            assert!(run.status.success(), "{}", text(&run.stderr));
            log += &text(&run.stderr);
        }
        assert_eq!(self.count("state <> 'done'"), 0, "request {}: {log}", self.request);
        assert!(self.erasing > 0, "no worker was killed while it erased");
        log
    }
}
