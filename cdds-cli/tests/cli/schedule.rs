//! The passage of time, set by `--now`: schedules, windows and retention.

use serde_json::{Value, json};

use crate::support::{Place, string};

fn daily(place: &Place) -> String {
    let args = ["job", "create", "--title", "Daily", "--source", "contact-history", "--type", "interaction"];
    let run = ["--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d", "--plaintext"];
    string(&place.json(&[&args[..], &run[..], &["--now", "2020-01-01T12:00:00Z"]].concat())["id"])
}

fn run_at(place: &Place, now: &str) -> Value {
    place.json(&["run", "--until-idle", "--now", now])["finished"].clone()
}

#[test]
fn f3_w3_a_daily_job_runs_every_day_and_its_windows_tile() {
    let place = Place::with_interactions(4_000);
    let job = daily(&place);
    assert_eq!(run_at(&place, "2020-01-02T01:59:00Z"), 0);
    assert_eq!(run_at(&place, "2020-01-02T02:00:05Z"), 1);
    assert_eq!(run_at(&place, "2020-01-02T20:00:00Z"), 0, "one a day");
    assert_eq!(run_at(&place, "2020-01-03T02:00:05Z"), 1);
    let history = place.json(&["history", "list", "--job", &job, "--sort", "slot"]);
    let windows: Vec<(&Value, &Value)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|execution| (&execution["window"]["start"], &execution["window"]["end"]))
        .collect();
    let (first, second, third) =
        (json!("2020-01-01T02:00:00Z"), json!("2020-01-02T02:00:00Z"), json!("2020-01-03T02:00:00Z"));
    assert_eq!(windows, [(&first, &second), (&second, &third)]);
    // There is one interaction a minute, and each window covers a day.
    assert_eq!((&history[0]["records"], &history[1]["records"]), (&json!(1_440), &json!(1_440)));
    assert_eq!(place.json(&["job", "show", &job])["next_starts_at"], "2020-01-04T02:00:00Z");
}

#[test]
fn j7_a_suspended_job_misses_its_day() {
    let place = Place::with_interactions(10);
    let job = daily(&place);
    place.json(&["job", "suspend", &job, "--now", "2020-01-01T13:00:00Z"]);
    assert_eq!(run_at(&place, "2020-01-03T12:00:00Z"), 0);
    place.json(&["job", "resume", &job, "--now", "2020-01-03T12:00:00Z"]);
    assert_eq!(run_at(&place, "2020-01-04T02:00:01Z"), 1);
    let history = place.json(&["history", "list", "--sort", "slot"]);
    assert_eq!((&history[0]["status"], &history[1]["status"]), (&json!("skipped"), &json!("finished")));
    let reason = history[0]["skip_reason"].as_str().unwrap();
    assert!(reason.starts_with("suspended: 2 occurrence(s) from 2020-01-02T02:00:00Z"), "{reason}");
}

#[test]
fn f1_a_later_start_is_kept() {
    let place = Place::with_interactions(10);
    let job = place.plaintext_job(&["--start", "2999-01-01T00:00:00Z"]);
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 0);
    assert_eq!(run_at(&place, "2999-01-01T00:00:00Z"), 1);
    let job = place.json(&["job", "show", &job]);
    assert_eq!((&job["state"], &job["run"]), (&json!("completed"), &json!("once at 2999-01-01T00:00:00Z")));
}

#[test]
fn a7_artifacts_age_and_expire() {
    let place = Place::with_interactions(10);
    daily(&place);
    run_at(&place, "2020-01-02T02:00:05Z");
    let left = |now: &str| -> Vec<i64> {
        let artifacts = place.json(&["artifact", "list", "--now", now]);
        artifacts
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|artifact| artifact["remaining_days"].as_i64())
            .collect()
    };
    assert_eq!(left("2020-01-02T03:00:00Z"), [30]);
    assert_eq!(left("2020-01-31T03:00:00Z"), [1]);
    let stored = place.files("artifacts").len();
    assert_eq!(stored, 2, "an archive and its manifest");
    place.json(&["job", "suspend", &string(&place.json(&["job", "list"])[0]["id"])]);
    run_at(&place, "2020-02-01T03:00:00Z");
    assert_eq!(left("2020-02-01T03:00:00Z"), Vec::<i64>::new());
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
    assert_eq!(place.json(&["history", "list"])[0]["files"], json!([]), "the record stays");
}
