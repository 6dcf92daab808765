//! The passage of time, set by `--now`: schedules, windows and retention.

use serde_json::{Value, json};

use crate::support::{DAILY, NOON, Place, string};

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
    assert!(reason.starts_with("suspended: 2 occurrences from 2020-01-02T02:00:00Z"), "{reason}");
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

#[test]
fn j17_a_first_run_now_is_followed_by_the_schedule() {
    let place = Place::with_interactions(4_000);
    let made = place.job_at(NOON, &[&DAILY[..], &["--first-run-now"]].concat());
    assert_eq!(
        (&made["latest_status"], &made["next_starts_at"]),
        (&json!("queued"), &json!("2020-01-02T02:00:00Z"))
    );
    assert_eq!(run_at(&place, "2020-01-01T12:00:05Z"), 1);
    assert_eq!(run_at(&place, "2020-01-02T02:00:05Z"), 1);
    let history = place.json(&["history", "list", "--sort", "slot"]);
    let window = |number: usize| [&history[number]["window"]["start"], &history[number]["window"]["end"]];
    assert_eq!(window(0)[0], "2020-01-01T02:00:00Z");
    assert!(string(window(0)[1]).starts_with("2020-01-01T12:00:00"), "{history}");
    assert_eq!(window(1), [window(0)[1], &json!("2020-01-02T02:00:00Z")]);
    assert_eq!((&history[0]["trigger"], &history[1]["trigger"]), (&json!("scheduled"), &json!("scheduled")));
}

#[test]
fn j17_a_first_run_is_asked_for_in_a_job_file_or_of_a_clone_and_of_no_edit() {
    let place = Place::with_interactions(9);
    let file = "title = 'T'\nsource = 'contact-history'\ntype = 'interaction'\nrun = 'daily'\nat = '02:00'\n\
                plaintext = true\nfirst-run-now = true\n";
    std::fs::write(place.path("job.toml"), file).unwrap();
    let create = ["job", "create", "--file", "job.toml"];
    let dry = place.at(NOON, &[&create[..], &["--dry-run"]].concat());
    assert!(string(&dry["occurrences"][0]["slot"]).starts_with("2020-01-01T12:00:00"), "{dry}");
    assert_eq!(dry["occurrences"][1]["slot"], "2020-01-02T02:00:00Z");
    let made = place.at(NOON, &create);
    assert_eq!(made["latest_status"], "queued");
    let id = string(&made["id"]);
    assert!(!place.done(&["job", "show", &id, "--output", "toml"]).contains("first-run"));
    assert_eq!(place.at(NOON, &["job", "clone", &id])["latest_status"], "yet_to_run");
    assert_eq!(place.at(NOON, &["job", "clone", &id, "--first-run-now"])["latest_status"], "queued");
    let edit = place.refused_at(NOON, &["job", "edit", &id, "--first-run-now"]);
    assert_eq!(edit, (2, "usage".to_owned()));
}
