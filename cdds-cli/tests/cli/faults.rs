//! Runs that lack something they need. Each reports clearly what is missing and leaves nothing half made, and
//! the next run continues by itself.

use std::process::{Child, Output, Stdio};
use std::time::Duration;

use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use futures::executor::block_on;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{DAILY, NOON, Place, SINCE_LAST, failure, id, string, text};

/// Returns the only entry of the history.
fn only(place: &Place) -> Value {
    let history = place.json(&["history", "list"]);
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    history[0].clone()
}

fn message(execution: &Value) -> String {
    string(&execution["error"]["message"])
}

/// Returns the message of a failed command, for people.
fn told(output: &Output) -> String {
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    string(&error["error"]["message"])
}

/// Asserts that nothing of a failed execution is visible or stored.
fn nothing_is_half_made(place: &Place) {
    assert_eq!(place.json(&["artifact", "list"]), json!([]));
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}

#[test]
fn e5_a_source_that_has_vanished_fails_the_run_and_the_next_one_covers_it() {
    let vanish = |place: &Place| std::fs::rename(place.path("contacts.db"), place.path("away.db")).unwrap();
    let come_back =
        |place: &Place| std::fs::rename(place.path("away.db"), place.path("contacts.db")).unwrap();
    let drop_table = |place: &Place| drop(place.sqlite("alter table interactions rename to gone"));
    let restore_table = |place: &Place| drop(place.sqlite("alter table gone rename to interactions"));
    let no_database =
        |place: &Place| std::fs::write(place.path("contacts.db"), "not a database at all").unwrap();
    type Fault<'a> = (&'a dyn Fn(&Place), &'a [&'a str], &'a dyn Fn(&Place));
    let faults: [Fault<'_>; 3] = [
        (&vanish, &["missing", "contacts.db", "correct its path"], &come_back),
        (&drop_table, &["missing", "\"interactions\"", "choose from: gone"], &restore_table),
        (
            &|place| {
                vanish(place);
                no_database(place);
            },
            &["invalid", "contacts.db", "not a database"],
            &come_back,
        ),
    ];
    for (fault, told, end) in faults {
        let place = Place::with_interactions(3_000);
        let job = place.job_at(NOON, &SINCE_LAST);
        fault(&place);
        let failed = place.refused_at("2020-01-02T02:00:01Z", &["run", "--until-idle"]);
        assert_eq!(failed, (1, "execution_failed".to_owned()));
        let execution = only(&place);
        assert_eq!((&execution["status"], &execution["error"]["kind"]), (&json!("failed"), &json!(told[0])));
        told[1..].iter().for_each(|word| assert!(message(&execution).contains(word), "{execution}"));
        nothing_is_half_made(&place);
        // Submitting a job does not need the data. A check of the source reports what the run would.
        let other = place.job_at(NOON, &["--run", "daily", "--at", "03:00"]);
        let checked =
            place.cdds(&["source", "check", "contact-history", "--output", "json"]).output().unwrap();
        assert_eq!(failure(&checked), (1, "source_failed".to_owned()));

        end(&place);
        place.at(NOON, &["job", "suspend", id(&other)]);
        assert_eq!(place.run_at("2020-01-03T02:00:01Z")["finished"], 1, "{told:?}");
        let finished = place.json(&["history", "list", "--job", id(&job), "--status", "finished"]);
        assert_eq!((&finished[0]["window"]["start"], &finished[0]["records"]), (&json!(null), &json!(3_000)));
    }
}

#[test]
fn w5_what_a_vanished_source_failed_can_be_run_again() {
    let place = Place::with_interactions(3_000);
    place.job_at(NOON, &DAILY);
    place.sqlite("alter table interactions rename to gone");
    place.refused_at("2020-01-02T02:00:01Z", &["run", "--until-idle"]);
    place.sqlite("alter table gone rename to interactions");
    let now = "2020-01-02T03:00:00Z";
    let again = place.at(now, &["history", "rerun", id(&only(&place))]);
    assert_eq!(place.run_at(now)["finished"], 1);
    assert_eq!(place.json(&["history", "show", id(&again)])["records"], 1_440);
}

/// Another program that locks a database. Of the catalog, which keeps a log, the rest can be read meanwhile but not
/// written; of a source, nothing can be read.
struct Holder(Connection);

impl Holder {
    fn of(place: &Place) -> Self {
        Self::of_file(place, "cdds.db")
    }

    fn of_file(place: &Place, name: &str) -> Self {
        let connection = Connection::open(place.path(name)).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
        Self(connection)
    }

    fn let_go(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

fn pause(seconds: u64) {
    block_on(SystemClock::new().sleep(Duration::from_secs(seconds)));
}

fn start(place: &Place, args: &[&str]) -> Child {
    let mut command = place.cdds(&[args, &["--output", "json"]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_catalog_that_is_held_for_a_moment_is_waited_for() {
    let place = Place::with_interactions(10);
    place.plaintext_job(&[]);
    let holder = Holder::of(&place);
    let submit = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let commands = [
        start(&place, &[&submit[..], &["--run", "once", "--plaintext"]].concat()),
        start(&place, &["run", "--until-idle"]),
    ];
    pause(3);
    holder.let_go();
    for command in commands {
        let output = command.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
    }
    place.run_at("2999-01-01T00:00:00Z");
    let history = place.json(&["history", "list"]);
    let attempts: Vec<_> =
        history.as_array().unwrap().iter().map(|one| (&one["status"], &one["attempts"])).collect();
    assert_eq!(attempts, [(&json!("finished"), &json!(1)); 2]);
}

#[test]
fn a_catalog_that_is_held_for_long_is_named_and_the_next_run_goes_on() {
    let place = Place::with_interactions(10);
    place.plaintext_job(&[]);
    let holder = Holder::of(&place);
    let commands = [
        start(&place, &["run", "--until-idle"]),
        start(&place, &["job", "suspend", id(&place.json(&["job", "list"])[0])]),
    ];
    for command in commands {
        let output = command.wait_with_output().unwrap();
        assert_eq!(failure(&output), (1, "catalog_failed".to_owned()));
        for word in ["cdds.db", "another process has held the database", "try again, or stop that process"] {
            assert!(told(&output).contains(word), "{}", told(&output));
        }
    }
    // The record can be read meanwhile.
    assert_eq!(only(&place)["status"], "queued");
    nothing_is_half_made(&place);
    holder.let_go();
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    assert_eq!(only(&place)["attempts"], 1);
}

#[test]
fn i3_a_catalog_that_is_held_while_an_export_ends_gets_its_end_later() {
    let place = Place::with_interactions(10_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    // The export waits for its source, however quick the machine is, until the catalog is held.
    let source = Holder::of_file(&place, "contacts.db");
    let run = start(&place, &["run", "--until-idle"]);
    while only(&place)["status"] != "in_progress" {}
    // The run also keeps house when it begins, which is over by then.
    pause(1);
    let holder = Holder::of(&place);
    source.let_go();
    // This is longer than a statement waits for the lock.
    pause(14);
    assert_eq!(only(&place)["status"], "in_progress");
    assert_eq!(place.json(&["artifact", "list"]), json!([]));
    holder.let_go();
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let execution = only(&place);
    let ended = (&execution["status"], &execution["attempts"], &execution["records"]);
    assert_eq!(ended, (&json!("finished"), &json!(1), &json!(10_000)));
    let artifacts = place.json(&["artifact", "list"]).as_array().unwrap().len();
    assert_eq!(place.files("artifacts").len(), artifacts + 1);
}

#[test]
fn e2_i5_three_workers_share_a_catalog_and_run_nothing_twice() {
    let place = Place::with_interactions(2_000);
    for hour in 0..36 {
        let start = format!("2020-01-03T{:02}:{:02}:00Z", hour / 3, hour % 3);
        place.job_at(NOON, &["--run", "once", "--start", &start]);
    }
    let run = ["run", "--until-idle", "--no-progress", "--now", "2020-01-04T00:00:00Z"];
    let workers: Vec<Child> = (0..3)
        .map(|_| {
            let mut worker = place.cdds(&run);
            worker.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        let log = text(&output.stderr);
        assert!(output.status.success(), "{log}");
        assert!(!log.contains("WARN") && !log.contains("holds the database"), "{log}");
    }
    let history = place.json(&["history", "list"]);
    let history = history.as_array().unwrap();
    assert_eq!(history.len(), 36);
    let mut workers = std::collections::BTreeMap::new();
    for execution in history {
        assert_eq!((&execution["status"], &execution["records"]), (&json!("finished"), &json!(2_000)));
        let details = place.json(&["history", "show", id(execution)]);
        let [attempt] = &details["attempt_log"].as_array().unwrap()[..] else { panic!("{details}") };
        *workers.entry(string(&attempt["worker"])).or_insert(0) += 1;
    }
    assert_eq!(workers.len(), 3, "each took its share: {workers:?}");
    assert_eq!(place.files("artifacts").len(), 2 * 36, "an archive and a manifest each");
    assert_eq!(place.files("cdds.db.workers"), ["folder"]);
}
