//! A clock that was ahead, or a mistyped instant: it is reported, and can be undone.

use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use chrono::TimeDelta;
use serde_json::Value;

use crate::support::{Place, SINCE_LAST, id, text};

/// Creates a place with files whose records are written day by day.
fn place() -> Place {
    let place = Place::new();
    let config = "[[source]]\nid = \"j\"\nkind = \"json-lines\"\nurl = \"x.jsonl\"\n[[source.type]]\nid = \"t\"\n\
                  time = \"at\"\n[retention]\ndays = 3650\n";
    let written = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let (before, after) = written.split_once("[retention]\n").unwrap();
    let written = format!("{before}{}", after.split_once("\n\n").unwrap().1);
    std::fs::write(place.path("cdds.toml"), format!("{written}\n{config}")).unwrap();
    place
}

fn write(place: &Place, rows: &[u32]) {
    let lines: String =
        rows.iter().map(|day| format!("{{\"id\":{day},\"at\":\"2026-01-{day:02}T12:00:00Z\"}}\n")).collect();
    std::fs::write(place.path("x.jsonl"), lines).unwrap();
}

fn job(place: &Place, timeframe: &str) -> Value {
    let options = ["--source", "j", "--type", "t", "--run", "daily", "--at", "00:00", "--plaintext"];
    let create = [&["job", "create", "--title", "T", "--timeframe", timeframe], &options[..]].concat();
    place.at("2026-01-01T00:00:00Z", &create)
}

/// Runs what is due. Returns the text on stderr.
fn run(place: &Place, now: &str) -> String {
    let output = place.cdds(&["--now", now, "run", "--until-idle"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stderr)
}

/// Returns every id in the sets, sorted, and as often as it was exported.
fn exported(place: &Place, now: &str) -> Vec<u64> {
    let finished = place.at(now, &["history", "list", "--status", "finished"]);
    let sets = finished.as_array().unwrap().iter();
    let filled = sets.filter(|set| set["records"].as_u64().unwrap_or(0) > 0);
    let records = filled.flat_map(|set| {
        let to = format!("{}-{now}", id(set));
        let files = place.at(now, &["artifact", "download", "--execution", id(set), "--to", &to]);
        place.records(files[0]["path"].as_str().unwrap())
    });
    let mut ids: Vec<u64> = records.map(|record| record["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn t3_w4_a_since_last_job_that_a_clock_left_in_the_future_is_named_and_brought_back_without_a_loss() {
    let place = place();
    write(&place, &[1]);
    let job = job(&place, "since-last");
    run(&place, "2026-01-02T00:00:05Z");
    // With a clock that is a year ahead.
    run(&place, "2027-01-02T00:00:05Z");
    write(&place, &[1, 2, 3]);
    let said = run(&place, "2026-01-04T00:00:05Z");
    let way_out = format!("cdds job bring-back {}", id(&job));
    assert!(said.contains("lies ahead of the clock, up to 2027-01-0") && said.contains(&way_out), "{said}");
    let examined = text(&place.cdds(&["--now", "2026-01-04T00:01:00Z", "doctor"]).output().unwrap().stdout);
    assert!(examined.contains("clock: job T") && examined.contains(&way_out), "{examined}");
    assert_eq!(exported(&place, "2026-01-04T00:01:00Z"), [1], "covered, as it seems");

    let back = place.at("2026-01-04T00:02:00Z", &["job", "bring-back", id(&job)]);
    assert_eq!(back["watermark"]["generation"], 2, "{back}");
    assert_eq!(back["next_starts_at"], "2026-01-03T00:00:00Z");
    let said = run(&place, "2026-01-04T00:03:00Z");
    assert!(!said.contains("lies ahead"), "{said}");
    write(&place, &[1, 2, 3, 4]);
    run(&place, "2026-01-05T00:00:05Z");
    assert_eq!(exported(&place, "2026-01-05T00:01:00Z"), [1, 2, 3, 4]);
    // The second time there is nothing to bring back.
    let again = place.at("2026-01-05T00:02:00Z", &["job", "bring-back", id(&job)]);
    assert_eq!(again["version"], back["version"]);
}

#[test]
fn w3_a_slot_that_ran_from_ahead_runs_again_when_it_comes() {
    let place = place();
    write(&place, &[1]);
    let job = job(&place, "rolling:1d");
    run(&place, "2026-01-02T00:00:05Z");
    // With a clock that is some days ahead: a future slot is on the record, and its window holds no record.
    run(&place, "2026-01-05T00:00:05Z");
    write(&place, &[1, 2, 3, 4]);
    let said = run(&place, "2026-01-03T00:00:05Z");
    assert!(said.contains("lies ahead of the clock"), "{said}");
    place.at("2026-01-03T00:00:30Z", &["job", "bring-back", id(&job)]);
    for now in ["2026-01-03T00:01:00Z", "2026-01-04T00:00:05Z", "2026-01-05T00:00:10Z"] {
        run(&place, now);
    }
    assert_eq!(exported(&place, "2026-01-05T00:01:00Z"), [1, 2, 3, 4]);
}

#[test]
fn t1_an_asked_instant_is_told_where_it_changes_something_and_lies_far_away() {
    let place = place();
    write(&place, &[1]);
    job(&place, "since-last");
    let told = |args: &[&str]| text(&place.cdds(args).output().unwrap().stderr).contains("warning: --now");
    assert!(told(&["--now", "2026-01-02T00:00:05Z", "run", "--until-idle"]));
    assert!(!told(&["--now", "2026-01-02T00:00:05Z", "job", "list"]), "it changes nothing");
    assert!(!told(&["run", "--until-idle", "-q", "--now", "2026-01-02T00:00:05Z"]), "nobody wants to know");
    let soon = SystemClock::new().now().to_rfc3339();
    assert!(!told(&["--now", &soon, "run", "--until-idle"]), "it is now");
}

#[test]
fn t2_a7_nothing_expires_while_record_and_store_both_disagree_with_the_clock() {
    let place = Place::with_interactions(3);
    let from_now = |days| (SystemClock::new().now() + TimeDelta::days(days)).to_rfc3339();
    // An expired set, and a job that a wrong clock has left in the future.
    place.job_at(&from_now(-60), &["--run", "once"]);
    assert_eq!(place.run_at(&from_now(-60))["finished"], 1);
    let job = place.job_at(&from_now(300), &SINCE_LAST);
    let stamp = |at: String| {
        let files: Vec<String> = place.files("artifacts");
        let paths: Vec<String> = files.iter().map(|file| format!("artifacts/{file}")).collect();
        place.program("touch", &["-d", &at], &paths.iter().map(String::as_str).collect::<Vec<_>>());
    };
    let files = place.files("artifacts").len();
    assert!(files > 0);
    stamp(from_now(200));
    let run = || text(&place.cdds(&["run", "--until-idle"]).output().unwrap().stderr);
    let said = run();
    assert!(said.contains("the record and the store are both ahead of it"), "{said}");
    assert_eq!(place.files("artifacts").len(), files, "nothing expires");
    let examined = text(&place.cdds(&["doctor"]).output().unwrap().stdout);
    assert!(examined.contains("until they agree, nothing expires"), "{examined}");

    // A person confirms that the clock is right.
    place.json(&["job", "bring-back", id(&job)]);
    let said = run();
    assert!(!said.contains("the clock shows") && !said.contains("lies ahead"), "{said}");
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}
