//! Jobs over files that other programs write meanwhile.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::{Place, text};

const LOG: &str = r#"
[[source]]
id = "log"
kind = "json-lines"
url = "log/*.jsonl"
[[source.type]]
id = "line"
time = "at"
"#;

fn place() -> Place {
    let place = Place::new();
    let config = fs::read_to_string(place.path("cdds.toml")).unwrap();
    fs::write(place.path("cdds.toml"), config + LOG).unwrap();
    fs::create_dir(place.path("log")).unwrap();
    place
}

fn append(place: &Place, text: &str) {
    let path = place.path("log/a.jsonl");
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn r5_w4_e10_a_line_of_which_half_is_there_is_exported_by_the_next_run() {
    let place = place();
    let job = ["job", "create", "--title", "T", "--source", "log", "--type", "line", "--plaintext"];
    let hourly = ["--run", "hourly", "--timeframe", "since-last", "--bad-records", "skip:10"];
    append(
        &place,
        "{\"id\":1,\"at\":\"2026-01-01T00:10:00Z\"}\n{\"id\":2,\"at\":\"2026-01-01T00:20:00Z\",\"no",
    );
    place.at("2026-01-01T00:00:00Z", &[&job[..], &hourly].concat());
    let first = place.refused_at("2026-01-01T01:00:10Z", &["run", "--until-idle"]);
    assert_eq!(first, (1, "execution_failed".to_owned()));
    append(
        &place,
        "te\":\"x\"}\n{\"id\":3,\"at\":\"2026-01-01T01:20:00Z\"}\n{\"id\":4,\"at\":\"2026-01-01T02:00:05Z\",\"",
    );
    let now = "2026-01-01T02:00:10Z";
    assert_eq!(place.run_at(now)["finished"], 1, "the half line is of the next window");
    let history = place.at(now, &["history", "list"]);
    let executions = history.as_array().unwrap();
    let told = |execution: &Value| execution["status"].as_str().unwrap().to_owned();
    assert_eq!(executions.iter().map(told).collect::<Vec<_>>(), ["finished", "failed"]);
    assert!(executions[1]["error"].to_string().contains("left for the next run"), "{}", executions[1]);
    let ids: Vec<Value> =
        place.exported(now, &executions[0]).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn a_link_that_leads_nowhere_is_told_before_any_export() {
    let place = place();
    append(&place, "{\"id\":1,\"at\":\"2026-01-01T00:10:00Z\"}\n");
    place.done(&["source", "check", "log"]);
    symlink("/nonexistent/volume/b.jsonl", place.path("log/b.jsonl")).unwrap();
    let output = place.cdds(&["source", "check", "log"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("log/b.jsonl is a link whose target does not exist"));
    let doctor = place.cdds(&["doctor"]).output().unwrap();
    assert!(text(&doctor.stdout).contains("log/b.jsonl is a link"), "{}", text(&doctor.stdout));
}
