//! `cdds status`, and what a run says that has nothing to do.

use serde_json::json;

use crate::pty::Terminal;
use crate::support::{DAILY, NOON, Place, string};

#[test]
fn what_a_person_wants_to_know_first() {
    let place = Place::with_interactions(90);
    let fresh = place.at(NOON, &["status"]);
    assert_eq!((&fresh["next"], &fresh["last_finished"]), (&json!(null), &json!(null)));
    assert_eq!((&fresh["store"]["files"], &fresh["failure_count"]), (&json!(0), &json!(0)));

    let daily = place.job_at(NOON, &DAILY);
    let suspended = place.job_at(NOON, &DAILY);
    place.at(NOON, &["job", "suspend", &string(&suspended["id"])]);
    assert_eq!(place.run_at("2020-01-02T02:00:01Z")["finished"], 1);
    place.job_at("2020-01-02T12:00:00Z", &["--run", "once", "--timeframe", "all", "--retries", "0"]);
    place.fail_at("2020-01-02T12:00:01Z");

    let now = "2020-01-02T13:00:00Z";
    let standing = place.at(now, &["status"]);
    assert_eq!(standing["jobs"], json!({"active": 1, "suspended": 1, "completed": 1}));
    assert_eq!((&standing["queued"], &standing["running_count"]), (&json!(0), &json!(0)));
    assert_eq!(standing["next"]["job_id"], daily["id"]);
    assert_eq!(standing["next"]["at"], "2020-01-03T02:00:00Z");
    assert_eq!(standing["since"], "2020-01-01T00:00:00Z");
    assert_eq!(standing["failure_count"], 1);
    assert!(string(&standing["failures"][0]["error"]).contains("started_at"), "{standing}");
    let files = place.at(now, &["artifact", "list"]);
    let bytes: u64 = files.as_array().unwrap().iter().map(|file| file["size"].as_u64().unwrap()).sum();
    assert_eq!(standing["store"]["bytes"], bytes);
    assert!(standing["store"]["free_bytes"].as_u64() > Some(0), "{standing}");
    assert!(standing["catalog"]["bytes"].as_u64() > Some(100_000), "{standing}");
    // A day later it is no news any more.
    assert_eq!(place.at("2020-01-04T00:00:00Z", &["status"])["failure_count"], 0);

    let ended = Terminal::start(&place, &["status", "--now", now], 60, &[]).end();
    // Lines that are too long are broken between words.
    let shown = ended.screen.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "none is alive: nothing is exported until",
        "1 active, 1 suspended, 1 completed",
        "T at 2020-01-03T02:00:00Z (in 1",
        "1 (`cdds history list --status failed",
        "min ago: contact-history",
    ] {
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
    }
}

#[test]
fn an_execution_whose_worker_is_gone_is_stale() {
    let place = Place::with_interactions(200_000);
    place.plaintext_job(&["--timeframe", "all"]);
    let mut worker = place.cdds(&["run", "--no-progress", "-q"]).spawn().unwrap();
    while place.json(&["status"])["running"][0]["worker_alive"] != true {
        assert!(worker.try_wait().unwrap().is_none());
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    let standing = place.json(&["status"]);
    assert_eq!(
        (&standing["running"][0]["worker_alive"], &standing["running_count"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(standing["workers"], json!({"alive": 0, "draining": 0, "gone": 1}));
    assert!(place.done(&["status"]).contains("T, stale: its worker is gone"), "{standing}");
}

#[test]
fn a_run_that_has_nothing_to_do_says_what_it_waits_for() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, &["run"], 80, &[]);
    terminal.wait_for(&["waiting; no job is due"]);
    // Somebody submits one elsewhere.
    let job =
        ["job", "create", "--title", "Weekly voice", "--source", "contact-history", "--type", "interaction"];
    let weekly =
        ["--run", "weekly", "--day", "tue", "--at", "02:00", "--timeframe", "rolling:1w", "--plaintext"];
    let next = string(&place.json(&[&job[..], &weekly[..]].concat())["next_starts_at"]);
    terminal.wait_for(&[&format!("waiting; next: Weekly voice at {next} (in ")]);
    place.program("kill", &["-INT"], &[&terminal.id()]);
    let ended = terminal.end();
    assert!(ended.code == 0 && !ended.screen.contains("waiting;"), "{}", ended.screen);
}
