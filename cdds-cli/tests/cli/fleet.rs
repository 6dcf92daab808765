//! Several worker processes over one catalog in PostgreSQL, through what happens to a fleet: kills, stops that last
//! longer than a lease, clocks that are off, servers that crash or are started anew, and rows that are committed late.

#[cfg(all(feature = "buckets", feature = "delivery"))]
mod calls;
mod scene;
#[cfg(all(feature = "buckets", feature = "delivery"))]
mod story;
mod upgrade;
#[cfg(all(feature = "buckets", feature = "delivery"))]
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::scene::{Worker, catalog_in, wait_for};
use crate::postgres_server::Server;
use crate::support::{Place, string, text};

/// The owners' jobs, each of which runs one execution at a time.
const JOBS: usize = 4;
/// The days that each job exports.
const DAYS: usize = 4;

#[test]
fn a_catalog_in_postgresql_does_what_one_in_a_file_does() {
    let (server, place) = (Server::start(&[]), Place::with_interactions(90));
    catalog_in(&server, &place);
    std::fs::rename(place.path("catalog.password"), place.path("elsewhere")).unwrap();
    let output = place.cdds(&["job", "list"]).output().unwrap();
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("catalog.password cannot be read"), "{said}");
    std::fs::rename(place.path("elsewhere"), place.path("catalog.password")).unwrap();

    let job = place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    let executions = place.json(&["history", "list", "--job", &job]);
    assert_eq!(executions[0]["status"], "finished", "{executions}");
    assert_eq!(executions[0]["records"], 90);
    let files = place.json(&[
        "artifact",
        "download",
        "--execution",
        executions[0]["id"].as_str().unwrap(),
        "--to",
        "got",
    ]);
    assert_eq!(place.records(files[0]["path"].as_str().unwrap()).len(), 90);

    let output = place.cdds(&["doctor", "--output", "json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let catalog = found.as_array().unwrap().iter().find(|finding| finding["check"] == "catalog").unwrap();
    assert_eq!(catalog["status"], "ok", "{found}");
    assert!(catalog["detail"].as_str().unwrap().ends_with("answers"), "{catalog}");

    // As of another instant, everybody goes by that.
    let daily = place
        .job_at("2020-01-01T12:00:00Z", &["--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d"]);
    assert_eq!(daily["next_starts_at"], "2020-01-02T02:00:00Z");
    assert_eq!(place.run_at("2020-01-02T02:00:01Z")["finished"], 1);

    // A token belongs to the machine whose server takes it.
    place.done(&["token", "create", "--role", "viewer"]);
    assert!(place.path("cdds.tokens").exists(), "{:?}", place.files("."));
    assert!(!place.path("cdds.db").exists());
}

#[test]
fn i5_i8_four_workers_lose_and_double_nothing_through_kills_stops_and_a_crash_of_the_server() {
    let mut server = Server::start(&[]);
    let place = Place::with_interactions(u32::try_from(1_440 * DAYS).unwrap());
    catalog_in(&server, &place);
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let title = format!("Calls {number}");
        let job =
            ["job", "create", "--title", &title, "--source", "contact-history", "--type", "interaction"];
        let daily = ["--plaintext", "--run", "daily", "--at", "00:00", "--timeframe", "rolling:1d"];
        let job = string(&place.json(&[&job[..], &daily[..]].concat())["id"]);
        let until = format!("2020-01-{:02}T00:00:00Z", 2 + DAYS);
        place.done(&["job", "backfill", &job, "--from", "2020-01-02T00:00:00Z", "--to", &until]);
        jobs.push(job);
    }

    let all = JOBS * DAYS;
    let mut workers: Vec<Worker> = (0..4).map(|_| Worker::start(&place)).collect();
    wait_for(all / 8, &server);
    // Gone for good.
    drop(workers.remove(0));
    workers.push(Worker::start(&place));
    // Gone for longer than its lease, which the others notice, and back again.
    workers[0].signal("STOP");
    wait_for(all / 3, &server);
    server.crash_and_start();
    wait_for(all / 2, &server);
    workers[0].signal("CONT");
    wait_for(all, &server);
    for worker in workers {
        assert_eq!(worker.ended(), Some(0), "{}", text(&std::fs::read(place.path("log")).unwrap()));
    }
    // What the killed one has left is swept, by a worker to whom the house falls when that one's hold has run out.
    let later = chrono::Utc::now() + chrono::TimeDelta::minutes(10);
    place.done(&["run", "--until-idle", "--now", &later.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)]);

    let mut executed = BTreeSet::new();
    let mut expected = Vec::new();
    for job in &jobs {
        let executions = place.json(&["history", "list", "--job", job]);
        let executions = executions.as_array().unwrap();
        assert_eq!(executions.len(), DAYS, "{executions:?}");
        let mut windows = BTreeMap::new();
        for execution in executions {
            assert_eq!(
                (&execution["status"], &execution["records"]),
                (&json!("finished"), &json!(1_440)),
                "{execution}"
            );
            executed.insert(string(&execution["id"]));
            let window = &execution["window"];
            windows.insert(string(&window["start"]), string(&window["end"]));
        }
        let tiled = windows.values().zip(windows.keys().skip(1)).all(|(end, start)| end == start);
        assert!(tiled && windows.len() == DAYS, "{windows:?}");
    }
    for file in place.json(&["artifact", "list"]).as_array().unwrap() {
        expected.push(string(&file["name"]));
    }
    assert_eq!(expected.len(), all);
    let mut claims = BTreeMap::<(String, String), Vec<String>>::new();
    for path in place.files("artifacts") {
        let [execution, claim, file] = *path.split('/').collect::<Vec<_>>() else { panic!("{path}") };
        claims.entry((execution.to_owned(), claim.to_owned())).or_default().push(file.to_owned());
    }
    // Rule E17: a whole set of a worker that was killed before it was on record stays until its retention is over.
    for files in claims.values() {
        assert_eq!(*files, ["000000", "manifest"], "nothing half-made is left: {claims:?}");
    }
    let stored: BTreeSet<&String> = claims.keys().map(|(execution, _)| execution).collect();
    assert_eq!(stored, executed.iter().collect(), "each execution has a set, and nothing else has one");
}
