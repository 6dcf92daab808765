//! Executions on request, beside the schedule: run now, backfill, rerun, cancel.

use serde_json::{Value, json};

use crate::support::{DAILY, NOON, Place, SINCE_LAST, id, string};

#[test]
fn j13_a_job_is_run_once_more() {
    let place = Place::with_interactions(4_000);
    let job = place.job_at(NOON, &DAILY);
    let queued = place.at("2020-01-02T12:30:00Z", &["job", "run", id(&job)]);
    assert_eq!((&queued["trigger"], &queued["status"]), (&json!("manual"), &json!("queued")));
    assert_eq!(queued["job_id"], job["id"]);
    // The job's own slot and the requested execution.
    assert_eq!(place.run_at("2020-01-02T12:30:05Z")["finished"], 2);
    let ran = place.json(&["history", "show", id(&queued)]);
    // From the occurrence at 02:00 (W3) to 12:30, one record a minute.
    assert_eq!((&ran["status"], &ran["records"]), (&json!("finished"), &json!(631)));
    assert_eq!(place.json(&["job", "show", id(&job)])["next_starts_at"], "2020-01-03T02:00:00Z");
}

#[test]
fn w6_a_range_is_run_again_without_the_watermark() {
    let place = Place::with_interactions(8_000);
    let job = place.job_at(NOON, &SINCE_LAST);
    place.run_at("2020-01-05T12:00:00Z");
    let watermark = place.json(&["job", "show", id(&job)])["watermark"].clone();
    let range = ["--from", "2020-01-02T02:00:00Z", "--to", "2020-01-04T02:00:00Z"];
    let queued = place.at("2020-01-05T13:00:00Z", &[&["job", "backfill", id(&job)], &range[..]].concat());
    let queued = queued.as_array().unwrap();
    let days: Vec<&Value> = queued.iter().map(|execution| &execution["window"]).collect();
    let window = |start: &str, end: &str| json!({ "start": start, "end": end });
    assert_eq!(
        days,
        [
            &window("2020-01-01T02:00:00Z", "2020-01-02T02:00:00Z"),
            &window("2020-01-02T02:00:00Z", "2020-01-03T02:00:00Z")
        ]
    );
    assert_eq!(place.run_at("2020-01-05T13:00:05Z")["finished"], 2);
    for execution in queued {
        let ran = place.json(&["history", "show", id(execution)]);
        assert_eq!((&ran["trigger"], &ran["records"]), (&json!("backfill"), &json!(1_440)));
    }
    assert_eq!(place.json(&["job", "show", id(&job)])["watermark"], watermark);
}

#[test]
fn w5_what_failed_is_tried_again_over_the_same_window() {
    let place = Place::with_interactions(4_000);
    place.job_at(NOON, &DAILY);
    place.fail_at("2020-01-02T02:00:05Z");
    let failed = place.json(&["history", "list"])[0].clone();
    assert_eq!(failed["status"], "failed");
    let rerun = place.at("2020-01-02T15:00:00Z", &["history", "rerun", id(&failed)]);
    assert_eq!((&rerun["trigger"], &rerun["rerun_of"]), (&json!("rerun"), &failed["id"]));
    assert_eq!((&rerun["slot"], &rerun["window"]), (&failed["slot"], &failed["window"]));
    assert_eq!(place.refused(&["history", "rerun", id(&failed)]), (3, "rerun_exists".to_owned()));
    place.run_at("2020-01-02T15:00:05Z");
    assert_eq!(place.json(&["history", "show", id(&rerun)])["records"], 1_440);
    assert_eq!(place.refused(&["history", "rerun", id(&rerun)]), (3, "cannot_rerun".to_owned()));
}

#[test]
fn w5_a_rerun_of_a_since_last_job_begins_at_its_watermark_and_moves_it() {
    let place = Place::with_interactions(5_000);
    let job = place.job_at(NOON, &SINCE_LAST);
    place.run_at("2020-01-02T02:00:05Z");
    place.fail_at("2020-01-03T02:00:05Z");
    let failed = place.json(&["history", "list", "--status", "failed"])[0].clone();
    let rerun = place.at("2020-01-03T15:00:00Z", &["history", "rerun", id(&failed)]);
    assert!(
        place.done(&["history", "show", id(&rerun)]).contains("the end of the last export to 2020-01-03T02")
    );
    place.run_at("2020-01-03T15:00:05Z");
    let ran = place.json(&["history", "show", id(&rerun)]);
    assert_eq!(ran["window"], json!({ "start": "2020-01-02T02:00:00Z", "end": "2020-01-03T02:00:00Z" }));
    assert_eq!(ran["records"], 1_440);
    assert_eq!(place.json(&["job", "show", id(&job)])["watermark"]["at"], "2020-01-03T02:00:00Z");
}

#[test]
fn e8_what_waits_is_cancelled_at_once_and_that_is_no_failure() {
    let place = Place::with_interactions(3);
    let job = place.plaintext_job(&[]);
    let queued = place.json(&["history", "list"])[0].clone();
    let cancelled = place.json(&["history", "cancel", id(&queued)]);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(place.refused(&["history", "cancel", id(&queued)]), (3, "execution_ended".to_owned()));
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 0);
    assert_eq!(place.json(&["job", "show", &job])["latest_status"], "cancelled");
    let rerun = place.json(&["history", "rerun", id(&queued)]);
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    assert_eq!(place.json(&["history", "show", id(&rerun)])["records"], 3);
}

#[test]
fn e8_what_runs_is_stopped_and_leaves_nothing() {
    let place = Place::with_interactions(400_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    let mut command = place.cdds(&["run", "--until-idle", "--output", "json"]);
    let engine = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let running = loop {
        let execution = place.json(&["history", "list"])[0].clone();
        if execution["status"] == "in_progress" && !place.files("artifacts").is_empty() {
            break execution;
        }
    };
    let told = place.json(&["history", "cancel", id(&running)]);
    assert!(told["cancel_requested_at"].is_string(), "{told}");
    let output = engine.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "a cancelled execution is no failure");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["failed"], &report["other"]), (&json!(0), &json!(1)));
    let cancelled = place.json(&["history", "show", id(&running)]);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["progress"]["remaining_seconds"], Value::Null);
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}

#[test]
fn w4_what_is_covered_is_skipped_and_that_is_no_failure() {
    let place = Place::with_interactions(100);
    let job = place.job_at(NOON, &SINCE_LAST);
    let at = "2020-01-01T13:00:00Z";
    // The process that started faster has the earlier instant, but both are in the same second.
    let asked = [(), ()].map(|()| place.at(at, &["job", "run", id(&job)]));
    assert_eq!(place.run_at(at)["finished"], 1);
    let mut ended = asked.map(|execution| place.json(&["history", "show", id(&execution)]));
    ended.sort_by_key(|execution| string(&execution["status"]).to_owned());
    let [done, covered] = &ended;
    assert_eq!((&done["status"], &done["records"]), (&json!("finished"), &json!(100)));
    assert_eq!(covered["status"], "skipped");
    assert!(string(&covered["skip_reason"]).starts_with("covered: "), "{covered}");
    assert_eq!(covered["skip_kind"], "covered");
}
