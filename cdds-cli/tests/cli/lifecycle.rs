//! The life of a job: edited, cloned, suspended, deleted.

use serde_json::{Value, json};

use crate::support::{DAILY, NOON, Place, SINCE_LAST, id, string, text};

#[test]
fn j10_an_edit_counts_from_the_next_execution() {
    let place = Place::with_interactions(4_000);
    let job = place.job_at(NOON, &DAILY);
    place.run_at("2020-01-02T02:00:05Z");
    let edit = ["job", "edit", id(&job), "--category", "voice", "--at", "03:00"];
    let edited = place.at("2020-01-02T12:00:00Z", &edit);
    assert_eq!(edited["next_starts_at"], "2020-01-03T03:00:00Z");
    place.run_at("2020-01-03T03:00:05Z");
    let history = place.json(&["history", "list", "--sort", "slot"]);
    assert_eq!((&history[0]["records"], &history[1]["records"]), (&json!(1_440), &json!(480)));
    assert_eq!(
        history[1]["window"],
        json!({ "start": "2020-01-02T03:00:00Z", "end": "2020-01-03T03:00:00Z" })
    );
}

#[test]
fn j1_an_edit_of_something_else_than_was_seen_is_refused() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &DAILY);
    let edit = |version: &'static str| ["job", "edit", id(&job), "--title", "New", "--if-version", version];
    assert_eq!(place.json(&edit("1"))["version"], 2);
    assert_eq!(place.refused(&edit("1")), (3, "version_overtaken".to_owned()));
}

#[test]
fn j11_what_becomes_of_the_watermark_has_to_be_said() {
    let place = Place::with_interactions(4_000);
    let job = place.job_at(NOON, &SINCE_LAST);
    place.run_at("2020-01-02T02:00:05Z");
    let seen = place.json(&["job", "show", id(&job)]);
    assert_eq!(seen["watermark"], json!({ "generation": 1, "at": "2020-01-02T02:00:00Z" }));
    let edit = ["job", "edit", id(&job), "--category", "voice"];
    assert_eq!(place.refused(&edit), (3, "watermark_choice_required".to_owned()));
    assert_eq!(place.json(&["job", "show", id(&job)]), seen, "what is refused changes nothing");

    let now = "2020-01-02T12:00:00Z";
    let continued = place.at(now, &[&edit[..], &["--watermark", "continue"]].concat());
    assert_eq!(continued["watermark"], seen["watermark"]);
    place.run_at("2020-01-03T02:00:05Z");
    let edit = ["job", "edit", id(&job), "--category", "chat", "--watermark", "reset"];
    let reset = place.at("2020-01-03T12:00:00Z", &edit);
    assert_eq!(reset["watermark"], json!({ "generation": 2, "at": null }));
    place.run_at("2020-01-04T02:00:05Z");
    let history = place.json(&["history", "list", "--sort", "slot"]);
    let records: Vec<&Value> =
        history.as_array().unwrap().iter().map(|execution| &execution["records"]).collect();
    // Everything in a day and two hours; a day's `voice`; every `chat` from the beginning.
    assert_eq!(records, [&json!(1_560), &json!(480), &json!(1_333)]);
}

#[test]
fn j10_the_service_may_forbid_edits_of_one_time_jobs() {
    let place = Place::with_interactions(3);
    let job = place.plaintext_job(&["--start", "2999-01-01T00:00:00Z"]);
    let edit = ["job", "edit", &job, "--start", "2998-01-01T00:00:00Z"];
    assert_eq!(place.json(&edit)["run"], "once at 2998-01-01T00:00:00Z");
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let strict = config.replace("one_time_edit = \"until_started\"", "one_time_edit = \"never\"");
    std::fs::write(place.path("cdds.toml"), strict).unwrap();
    assert_eq!(place.refused(&edit), (3, "one_time_cannot_edit".to_owned()));
}

#[test]
fn e4_the_service_says_how_far_back_it_catches_up() {
    let place = Place::with_interactions(10);
    place.job_at(NOON, &DAILY);
    place.job_at(NOON, &[&DAILY[..], &["--catch-up", "36h"]].concat());
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config.replace("limit = \"7d\"", "limit = \"60h\"")).unwrap();
    // Six slots, of which three are within 60 hours and two within 36.
    assert_eq!(place.run_at("2020-01-07T12:00:00Z")["finished"], 5);
    let skipped = place.json(&["history", "list", "--status", "skipped"]);
    assert_eq!(skipped.as_array().unwrap().len(), 2, "one entry for each gap");
    assert!(string(&skipped[0]["skip_reason"]).starts_with("missed: "), "{skipped}");
    assert_eq!(skipped[0]["skip_kind"], "catch_up_limit");
}

#[test]
fn j6_a_clone_is_a_new_job_with_the_same_settings() {
    let place = Place::with_interactions(3);
    let done = place.plaintext_job(&["--description", "D", "--split-size", "64KiB"]);
    place.done(&["run", "--until-idle", "-q"]);
    let clone = place.json(&["job", "clone", &done]);
    assert_ne!(id(&clone), done);
    assert_eq!((&clone["title"], &clone["description"]), (&json!("T"), &json!("D")));
    assert_eq!((&clone["state"], &clone["latest_status"]), (&json!("suspended"), &json!("queued")));
    assert_eq!((&clone["version"], &clone["split_size"]), (&json!(1), &json!(65_536)));
    let other = place.json(&["job", "clone", &done, "--title", "Other", "--run", "daily", "--at", "02:00"]);
    assert_eq!((&other["title"], &other["run"]), (&json!("Other"), &json!("daily at 02:00")));
    assert_eq!(other["state"], "active");
    assert_eq!(place.json(&["job", "show", &done])["state"], "completed", "the original is as it was");
}

#[test]
fn j6_a_clone_of_an_execution_has_the_settings_as_they_were() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &DAILY);
    place.run_at("2020-01-02T02:00:05Z");
    place.at("2020-01-02T12:00:00Z", &["job", "edit", id(&job), "--title", "Later", "--at", "05:00"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let clone = place.json(&["history", "clone", &execution, "--description", "again"]);
    assert_eq!((&clone["title"], &clone["run"]), (&json!("T"), &json!("daily at 02:00")));
    assert_eq!(clone["description"], "again");
}

#[test]
fn j12_a_deleted_job_leaves_its_history_and_artifacts() {
    let place = Place::with_interactions(3);
    let job = place.plaintext_job(&[]);
    assert_eq!(place.refused(&["job", "delete", &job]), (3, "job_busy".to_owned()));
    place.done(&["run", "--until-idle", "-q"]);
    assert_eq!(place.json(&["job", "delete", &job]), json!({ "deleted": "job", "ids": [job] }));
    assert_eq!(place.refused(&["job", "show", &job]), (4, "not_found".to_owned()));
    assert_eq!(place.refused(&["job", "delete", &job]), (4, "not_found".to_owned()));
    assert_eq!(place.json(&["job", "list"]), json!([]));
    let history = place.json(&["history", "list", "--job", &job]);
    assert_eq!((&history[0]["status"], &history[0]["job_deleted"]), (&json!("finished"), &json!(true)));
    let artifacts = place.json(&["artifact", "list", "--job", &job]);
    assert_eq!(artifacts[0]["job_deleted"], true);
    let execution = string(&history[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    assert!(place.done(&["history", "show", &execution]).contains(", deleted)"));
    let clone = place.json(&["history", "clone", &execution]);
    assert_eq!(clone["latest_status"], "queued");
}

#[test]
fn j12_what_waits_for_later_goes_with_its_job() {
    let place = Place::with_interactions(3);
    let job = place.plaintext_job(&["--start", "2999-01-01T00:00:00Z"]);
    let output = place.cdds(&["job", "delete", &job]).output().unwrap();
    assert_eq!(text(&output.stdout), format!("deleted job {job}\n"));
    assert_eq!(place.run_at("2999-01-01T00:00:00Z")["finished"], 0);
}

#[test]
fn j14_a_job_past_its_end_is_completed() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &[&DAILY[..], &["--ends-at", "2020-01-04T00:00:00Z"]].concat());
    assert_eq!(place.run_at("2020-01-09T00:00:00Z")["finished"], 2);
    let ended = place.json(&["job", "show", id(&job)]);
    assert_eq!((&ended["state"], &ended["next_starts_at"]), (&json!("completed"), &json!(null)));
    let longer = place.at("2020-01-09T00:00:00Z", &["job", "edit", id(&job), "--ends-at", "none"]);
    assert_eq!(
        (&longer["state"], &longer["next_starts_at"]),
        (&json!("active"), &json!("2020-01-09T02:00:00Z"))
    );
}

#[test]
fn e5_failures_in_a_row_suspend_a_job_that_asks_for_it() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &[&DAILY[..], &["--pause-after-failures", "2", "--retries", "0"]].concat());
    place.fail_at("2020-01-02T03:00:00Z");
    let once = place.json(&["job", "show", id(&job)]);
    assert_eq!((&once["state"], &once["failures_in_row"]), (&json!("active"), &json!(1)));
    place.fail_at("2020-01-03T03:00:00Z");
    let twice = place.json(&["job", "show", id(&job)]);
    assert_eq!((&twice["state"], &twice["failures_in_row"]), (&json!("suspended"), &json!(2)));
}
