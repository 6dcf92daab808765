//! The options of a job: every frequency by its preview, edits of one option at a time, job files.

use serde_json::{Value, json};

use crate::support::{Place, string};

/// A Friday.
const NOW: &str = "2026-01-30T12:34:56Z";

/// Returns the slots and windows of the next occurrences.
fn preview(place: &Place, job: &Value, count: &str) -> Vec<(String, Value)> {
    let previewed = place.at(NOW, &["job", "preview", job["id"].as_str().unwrap(), "-n", count]);
    let rows = previewed.as_array().unwrap();
    rows.iter().map(|row| (string(&row["slot"]), row["window"].clone())).collect()
}

fn slots(place: &Place, job: &Value, count: &str) -> Vec<String> {
    preview(place, job, count).into_iter().map(|(slot, _)| slot).collect()
}

#[test]
fn f1_f6_every_frequency_by_its_next_occurrences() {
    let place = Place::with_interactions(3);
    let cases: [(&[&str], &[&str]); 10] = [
        (&["once"], &[]),
        (&["once", "--start", "2026-02-01T01:00:00+01:00"], &["2026-02-01T00:00:00Z"]),
        (&["hourly"], &["2026-01-30T13:00:00Z", "2026-01-30T14:00:00Z"]),
        (
            &["hourly", "--every", "5", "--minute", "15"],
            &["2026-01-30T15:15:00Z", "2026-01-30T20:15:00Z", "2026-01-31T00:15:00Z", "2026-01-31T05:15:00Z"],
        ),
        (&["daily", "--at", "02:00"], &["2026-01-31T02:00:00Z", "2026-02-01T02:00:00Z"]),
        (&["weekly", "--day", "mon", "--at", "08:30"], &["2026-02-02T08:30:00Z", "2026-02-09T08:30:00Z"]),
        (
            &["monthly", "--day", "31", "--at", "00:00"],
            &["2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"],
        ),
        (
            &["monthly", "--day", "31", "--at", "00:00", "--missing-day", "last"],
            &["2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"],
        ),
        (&["cron", "--cron", "0 2 * * 1-5"], &["2026-02-02T02:00:00Z", "2026-02-03T02:00:00Z"]),
        (
            // Rule J14: nothing before the start, and nothing from the end on.
            &[
                "daily",
                "--at",
                "02:00",
                "--starts-at",
                "2026-02-10T02:00:00Z",
                "--ends-at",
                "2026-02-12T02:00:00Z",
            ],
            &["2026-02-10T02:00:00Z", "2026-02-11T02:00:00Z"],
        ),
    ];
    for (run, expected) in cases {
        let job = place.job_at(NOW, &[&["--run"], run].concat());
        if run == ["once"] {
            // It waits for a worker, and its only slot is its submission.
            let submitted = [string(&job["created_at"])];
            assert_eq!(slots(&place, &job, "9"), submitted);
            continue;
        }
        // One-time jobs and those with an end have no further slots.
        let ends = run[0] == "once" || run.contains(&"--ends-at");
        let count = if ends { "9".to_owned() } else { expected.len().to_string() };
        assert_eq!(slots(&place, &job, &count), expected, "{run:?}");
    }
}

#[test]
fn f8_a_preview_tells_what_each_occurrence_would_export() {
    let place = Place::with_interactions(3);
    let window = |start: &str, end: &str| json!({ "start": start, "end": end });
    let monthly = ["--run", "monthly", "--day", "31", "--at", "00:00", "--timeframe", "rolling:1mo"];
    let job = place.job_at(NOW, &monthly);
    let tiled = preview(&place, &job, "2");
    assert_eq!(tiled[1].1, window("2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"), "February is not lost");
    let daily = ["--run", "daily", "--at", "02:00", "--timeframe"];
    for (timeframe, first) in [
        ("all", json!({ "start": null, "end": "2026-01-31T02:00:00Z" })),
        ("rolling:1d", window("2026-01-30T02:00:00Z", "2026-01-31T02:00:00Z")),
        ("rolling:36h", window("2026-01-29T14:00:00Z", "2026-01-31T02:00:00Z")),
        ("previous:1d", window("2026-01-30T00:00:00Z", "2026-01-31T00:00:00Z")),
        ("previous:1w", window("2026-01-19T00:00:00Z", "2026-01-26T00:00:00Z")),
        ("since-last", json!({ "start": null, "end": "2026-01-31T02:00:00Z" })),
        (
            "fixed:2026-01-01T00:00:00Z..2026-01-02T00:00:00Z",
            window("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        ),
        ("fixed:2026-01-01..2026-01-08", window("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")),
    ] {
        let job = place.job_at(NOW, &[&daily[..], &[timeframe]].concat());
        let previewed = preview(&place, &job, "2");
        assert_eq!(previewed[0].1, first, "{timeframe}");
        if timeframe == "since-last" {
            assert_eq!(previewed[1].1, window("2026-01-31T02:00:00Z", "2026-02-01T02:00:00Z"));
        }
    }
    let shown = place.done(&["job", "preview", job["id"].as_str().unwrap(), "--now", NOW]);
    assert!(shown.starts_with("SLOT ") && shown.lines().count() == 6, "{shown}");
}

#[test]
fn an_edit_changes_what_is_named_and_nothing_else() {
    let place = Place::with_interactions(3);
    let options = ["--run", "weekly", "--day", "tue", "--at", "02:00", "--timeframe", "rolling:1w"];
    let job = place.job_at(NOW, &options);
    let id = string(&job["id"]);
    let mut before = job;
    for (args, field, value) in [
        (&["--title", "New"][..], "title", json!("New")),
        (&["--at", "03:00"], "run", json!("weekly on tue at 03:00")),
        (&["--day", "fri"], "run", json!("weekly on fri at 03:00")),
        (&["--run", "daily"], "run", json!("daily at 03:00")),
        (&["--run", "hourly", "--every", "4"], "run", json!("every 4 hours at :00")),
        (&["--minute", "30"], "run", json!("every 4 hours at :30")),
        (&["--category", "voice,chat"], "category", json!(["chat", "voice"])),
        (&["--category", "all"], "category", json!("all")),
        (&["--field", "contact_id"], "fields", json!(["contact_id"])),
        (&["--field", "all"], "fields", json!("all")),
        (&["--filter", "note=1", "--filter", "seconds*=x"], "filters", json!(["note=1", "seconds*=x"])),
        (&["--filter", "none"], "filters", json!([])),
        (&["--split-size", "64KiB"], "split_size", json!(65_536)),
        (&["--split-size", "none"], "split_size", json!(null)),
        (&["--ends-at", "2027-01-01T00:00:00Z"], "ends_at", json!("2027-01-01T00:00:00Z")),
        (&["--ends-at", "none"], "ends_at", json!(null)),
        (&["--overlap", "coalesce"], "overlap", json!("coalesce")),
        (&["--overlap", "default"], "overlap", json!(null)),
        (&["--retention-days", "3"], "retention_days", json!(3)),
        (&["--retention-days", "default"], "retention_days", json!(null)),
    ] {
        let after = place.at(NOW, &[&["job", "edit", &id], args].concat());
        assert_eq!(after[field], value, "{args:?}");
        let schedule = ["next_starts_at"];
        for (name, value) in after.as_object().unwrap() {
            let follows = ["updated_at", "version"].contains(&name.as_str())
                || name == field
                || (field == "run" && schedule.contains(&name.as_str()));
            assert!(follows || *value == before[name], "{args:?} changed {name} to {value}");
        }
        assert_eq!(after["version"].as_u64(), before["version"].as_u64().map(|version| version + 1));
        before = after;
    }
    assert_eq!(place.refused(&["job", "edit", &id]), (2, "usage".to_owned()), "nothing is named");
    assert_eq!(place.refused(&["job", "edit", &id, "--day", "tue"]), (2, "usage".to_owned()));
}

#[test]
fn options_can_come_from_a_file() {
    let place = Place::with_interactions(3);
    let file = "title = \"Filed\"\nsource = \"contact-history\"\ntype = \"interaction\"\nplaintext = true\n\
                run = \"hourly\"\nevery = 4\ncategory = [\"voice\", \"chat\"]\n\
                ends-at = 2030-01-01T00:00:00Z\n";
    std::fs::write(place.path("job.toml"), file).unwrap();
    let job = place.json(&["job", "create", "--file", "job.toml", "--minute", "5"]);
    assert_eq!(job["title"], "Filed");
    assert_eq!(job["run"], "every 4 hours at :05", "what is given beside it counts");
    assert_eq!(job["category"], json!(["chat", "voice"]));
    assert_eq!(job["ends_at"], "2030-01-01T00:00:00Z");
    std::fs::write(place.path("half.toml"), "title = \"Half\"\n").unwrap();
    let output = place.cdds(&["job", "create", "--file", "half.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(crate::support::text(&output.stderr), "error: a new job needs a source\n");
    std::fs::write(place.path("typo.toml"), "titel = \"T\"\n").unwrap();
    let output = place.cdds(&["job", "create", "--file", "typo.toml"]).output().unwrap();
    assert_eq!(
        crate::support::text(&output.stderr),
        "error: typo.toml: line 1: unknown key \"titel\", did you mean \"title\"?\n"
    );
    assert_eq!(place.refused(&["job", "create", "--file", "no.toml"]), (4, "not_found".to_owned()));
}
