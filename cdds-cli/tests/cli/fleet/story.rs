//! Four workers over a catalog, a source and a bucket of real servers, to which happens what may happen in a year.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tokio_postgres::Client;

use super::calls::Calls;
use super::scene::{Worker, catalog_in, counted, ended, wait_for};
use super::verdict;
use crate::buckets::{Bucket, Make};
use crate::postgres_server::Server;
use crate::support::{Place, string, text};

/// How large the story is.
pub(super) struct Story {
    /// The days that each job by day exports.
    days: usize,
    /// The jobs by day; there are two more that follow what comes in.
    by_day: usize,
    /// How long the late transaction and the snapshot are open at least, and how long a worker stands still.
    open_for: Duration,
    still_for: Duration,
}

pub(super) struct Scene {
    pub(super) catalog: Server,
    pub(super) calls: Calls,
    pub(super) bucket: Bucket,
    pub(super) place: Place,
    pub(super) by_day: Vec<String>,
    pub(super) incoming: Vec<String>,
    began: DateTime<Utc>,
}

impl Scene {
    fn new(story: &Story) -> Self {
        let (catalog, calls, bucket) =
            (Server::start(&[]), Calls::start(story.days), Bucket::start(Make::S3));
        let place = Place::new();
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        std::fs::write(place.path("cdds.toml"), config.replace("level = \"default\"", "level = \"store\""))
            .unwrap();
        catalog_in(&catalog, &place);
        bucket.keep_for(&place);
        calls.declare(&place);
        let job = |title: &str, timeframe: &str| {
            let job =
                ["job", "create", "--plaintext", "--title", title, "--source", "telephony", "--type", "call"];
            let daily =
                ["--run", "daily", "--at", "00:00", "--timeframe", timeframe, "--split-size", "10MiB"];
            string(&place.json(&[&job[..], &daily[..]].concat())["id"])
        };
        let by_day: Vec<String> = (0..story.by_day).map(|n| job(&format!("Day {n}"), "rolling:1d")).collect();
        let incoming = (0..2).map(|n| job(&format!("Incoming {n}"), "since-last")).collect();
        let until = format!("2020-01-{:02}T00:00:00Z", 2 + story.days);
        for job in &by_day {
            place.done(&["job", "backfill", job, "--from", "2020-01-02T00:00:00Z", "--to", &until]);
        }
        let began = now(&catalog);
        Self { catalog, calls, bucket, place, by_day, incoming, began }
    }

    /// Has what came in exported.
    fn export_incoming(&self) {
        for job in &self.incoming {
            self.place.done(&["job", "run", job]);
        }
    }

    /// Waits until a worker has stored a file of a set and parts of the next one are on their way, as long as there is
    /// anything to export.
    fn wait_for_parts_of(&self, worker: &Worker, all: usize) {
        let is_at_work = || {
            let (running, unfinished) = (worker.running(&self.catalog), self.bucket.unfinished());
            let is_second = |key: &String| !key.ends_with("/000000");
            unfinished
                .iter()
                .filter(|key| is_second(key))
                .any(|key| running.iter().any(|id| key.contains(id)))
        };
        while !is_at_work() && ended(&self.catalog) < all {
            std::thread::yield_now();
        }
    }

    /// Waits until so much time has passed since the workers were started.
    fn wait_until(&self, since_begin: Duration) {
        let left = self.began + since_begin - now(&self.catalog);
        if let Ok(left) = left.to_std() {
            self.catalog.run("postgres", &format!("SELECT pg_sleep({})", left.as_secs_f64()));
        }
    }

    fn waiting(&self) -> i64 {
        counted(
            &self.catalog,
            "SELECT count(*) FROM cdds.execution WHERE status IN ('queued', 'in_progress')",
        )
    }
}

fn now(server: &Server) -> DateTime<Utc> {
    let micros = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    DateTime::from_timestamp_micros(counted(server, micros)).unwrap()
}

/// Holds a snapshot of the catalog's database.
fn snapshot(server: &Server) -> Client {
    server.within(async {
        let client = server.client("postgres").await;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT count(*) FROM cdds.execution";
        client.batch_execute(begin).await.unwrap();
        client
    })
}

impl Story {
    fn run(&self) {
        let mut scene = Scene::new(self);
        let all = self.days * self.by_day;
        let taking = scene.calls.take_calls();
        let late = scene.calls.begin_late();
        // The first export ends where the transaction began, and the second, below, waits for its end.
        scene.export_incoming();
        let mut workers = vec![Worker::start(&scene.place), Worker::start(&scene.place)];
        workers.extend(["+1h", "-1h"].map(|by| Worker::start_off(&scene.place, by)));
        // Gone for good, in the middle of parts.
        scene.wait_for_parts_of(&workers[0], all);
        drop(workers.remove(0));
        workers.push(Worker::start(&scene.place));
        // Gone for longer than its lease, and back again.
        scene.wait_for_parts_of(&workers[0], all);
        workers[0].signal("STOP");
        let stopped = now(&scene.catalog) - scene.began;
        scene.export_incoming();
        scene.bucket = scene.bucket.again();
        wait_for((ended(&scene.catalog) + 1).min(all), &scene.catalog);
        scene.catalog.restart("fast");
        wait_for((ended(&scene.catalog) + 1).min(all), &scene.catalog);
        scene.catalog.restart("immediate");
        let held = snapshot(&scene.catalog);
        scene.wait_until(stopped.to_std().unwrap() + self.still_for);
        workers[0].signal("CONT");
        scene.wait_until(self.open_for);
        late.commit();
        drop(taking);
        // A window ends a second before its slot.
        scene.wait_until(self.open_for + Duration::from_secs(2));
        scene.export_incoming();
        while scene.waiting() > 0 {
            scene.catalog.run("postgres", "SELECT pg_sleep(0.1)");
        }
        drop(held);
        for worker in workers {
            assert_eq!(worker.ended(), Some(0), "{}", text(&std::fs::read(scene.place.path("log")).unwrap()));
        }
        // What is left is swept by a worker to whom the house falls when the hold of the dead one has run out.
        let later = now(&scene.catalog) + TimeDelta::minutes(10);
        let later = later.to_rfc3339_opts(SecondsFormat::Secs, true);
        scene.place.done(&["run", "--until-idle", "--now", &later]);
        verdict::every_call_is_in_one_set(&scene);
        verdict::windows_tile(&scene);
        verdict::nothing_is_left_in_the_bucket(&scene);
    }
}

#[test]
fn i4_i5_w3b_four_workers_lose_and_double_no_row_through_all_that_happens_in_a_minute() {
    let (open_for, still_for) = (Duration::from_secs(20), Duration::from_secs(8));
    Story { days: 2, by_day: 3, open_for, still_for }.run();
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn i4_i5_w3b_four_workers_lose_and_double_no_row_though_a_transaction_is_open_for_ten_minutes() {
    let (open_for, still_for) = (Duration::from_secs(600), Duration::from_secs(120));
    Story { days: 10, by_day: 4, open_for, still_for }.run();
}
