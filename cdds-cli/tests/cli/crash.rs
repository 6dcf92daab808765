//! A worker that dies, or is asked to stop, in the middle of an export.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Place, failure, string, text};

fn running_with_parts(place: &Place) -> bool {
    let history = place.json(&["history", "list"]);
    history[0]["status"] == "in_progress" && !place.files("artifacts").is_empty()
}

#[test]
fn i3_i8_a_killed_export_leaves_nothing_half_made_and_is_taken_over_at_once() {
    let place = Place::with_interactions(250_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    let mut engine = place.cdds(&["run", "-q"]).stdout(Stdio::null()).spawn().unwrap();
    while !running_with_parts(&place) {
        assert_eq!(engine.try_wait().unwrap(), None, "the engine ended by itself");
    }
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert_eq!(place.json(&["history", "list"])[0]["status"], "in_progress", "killed in the middle");
    assert_eq!(place.json(&["artifact", "list"]), serde_json::json!([]), "visible means catalogued");

    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    let history = place.json(&["history", "list"]);
    assert_eq!(history.as_array().unwrap().len(), 1);
    assert_eq!((&history[0]["status"], &history[0]["attempts"]), (&"finished".into(), &2.into()));
    assert_eq!(history[0]["records"], 250_000);

    let artifacts = place.json(&["artifact", "list"]);
    let artifacts = artifacts.as_array().unwrap();
    let parts: Vec<u64> = artifacts.iter().filter_map(|artifact: &Value| artifact["part"].as_u64()).collect();
    assert_eq!(parts.len(), artifacts[0]["parts"], "exactly one set");
    assert_eq!(place.files("artifacts").len(), artifacts.len() + 1, "the set, its manifest, nothing astray");
    let execution = string(&history[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
}

#[test]
fn e8_a_dead_worker_is_told_and_what_it_had_can_be_cancelled_at_once() {
    let place = Place::with_interactions(250_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    let mut engine = place.cdds(&["run", "-q"]).stdout(Stdio::null()).spawn().unwrap();
    while !running_with_parts(&place) {
        assert_eq!(engine.try_wait().unwrap(), None, "the engine ended by itself");
    }
    assert_eq!(place.json(&["history", "list"])[0]["worker_alive"], true);
    engine.kill().unwrap();
    engine.wait().unwrap();

    let left = place.json(&["history", "list"])[0].clone();
    assert_eq!((&left["status"], &left["worker_alive"]), (&"in_progress".into(), &false.into()), "{left}");
    assert_eq!(left["progress"]["remaining_seconds"], Value::Null);
    let job = place.json(&["job", "list"])[0].clone();
    assert_eq!((&job["worker_alive"], &job["progress"]["remaining_seconds"]), (&false.into(), &Value::Null));
    for list in [["history", "list"], ["job", "list"]] {
        let shown = place.done(&list);
        assert!(shown.contains("worker gone") && !shown.contains(" left"), "{shown}");
    }
    let execution = string(&left["id"]);
    let examined = text(&place.cdds(&["doctor"]).output().unwrap().stdout);
    assert!(examined.contains(&format!("cdds history cancel {execution}")), "{examined}");

    let cancelled = place.json(&["history", "cancel", &execution]);
    assert_eq!((&cancelled["status"], &cancelled["worker_alive"]), (&"cancelled".into(), &Value::Null));
    // The next engine removes the files that it had stored.
    assert!(!place.files("artifacts").is_empty());
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 0);
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}

#[test]
fn a_terminated_run_finishes_what_it_began_and_says_that_it_was_stopped() {
    let place = Place::with_interactions(250_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    let mut command = place.cdds(&["run", "--until-idle", "--output", "json"]);
    let mut engine = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !running_with_parts(&place) {
        assert_eq!(engine.try_wait().unwrap(), None, "the engine ended by itself");
    }
    place.program("kill", &["-TERM"], &[&engine.id().to_string()]);
    assert_eq!(failure(&engine.wait_with_output().unwrap()), (1, "interrupted".to_owned()));
    assert_eq!(place.json(&["history", "list"])[0]["status"], "finished");
}
