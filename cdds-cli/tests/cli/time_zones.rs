//! Rule F9 through the binary: a job by the clock of a zone, its previews, windows and folders.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Place, id, string};

const DAILY: [&str; 4] = ["--run", "daily", "--at", "02:30"];

fn preview(place: &Place, job: &Value, now: &str) -> Vec<Value> {
    let ahead = place.at(now, &["job", "preview", id(job), "-n", "2"]);
    let told = |one: &Value| {
        json!([one["slot"], one["local"], one["note"], one["window"]["start"], one["window"]["end"]])
    };
    ahead.as_array().unwrap().iter().map(told).collect()
}

#[test]
fn f9_a_job_goes_by_the_clock_of_its_zone() {
    let place = Place::with_interactions(3);
    let zone = ["--time-zone", "europe/berlin", "--fold", "both", "--timeframe", "previous:1d"];
    let job = place.job_at("2026-03-28T12:00:00Z", &[&DAILY[..], &zone[..]].concat());
    assert_eq!(job["run"], "daily at 02:30, Europe/Berlin, fold both");
    assert_eq!(job["time_zone"], "Europe/Berlin");
    assert_eq!(job["next_starts_at"], "2026-03-29T01:00:00Z");
    assert_eq!(
        preview(&place, &job, "2026-03-28T12:00:00Z"),
        [
            json!([
                "2026-03-29T01:00:00Z",
                "2026-03-29T03:00:00+02:00",
                "shifted",
                "2026-03-27T23:00:00Z",
                "2026-03-28T23:00:00Z"
            ]),
            json!([
                "2026-03-30T00:30:00Z",
                "2026-03-30T02:30:00+02:00",
                null,
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z"
            ]),
        ]
    );
    let printed = place.done(&["job", "preview", id(&job), "-n", "1", "--now", "2026-03-28T12:00:00Z"]);
    assert!(printed.contains("2026-03-29T01:00:00Z (2026-03-29T03:00:00+02:00, shifted)"), "{printed}");
    assert_eq!(job["next_reading"], json!({"local": "2026-03-29T03:00:00+02:00", "note": "shifted"}));
    let shown = place.done(&["job", "show", id(&job)]);
    assert!(shown.contains("2026-03-29T03:00:00+02:00, shifted"), "{shown}");
    let listed = place.done(&["job", "list"]);
    assert!(listed.contains("2026-03-29T03:00:00+02:00, shifted"), "{listed}");
    // Options that are left out stay; UTC takes the others away.
    let edit = |options: &[&str]| {
        place.at("2026-03-28T12:30:00Z", &[&["job", "edit", id(&job)], options].concat())["run"].clone()
    };
    assert_eq!(edit(&["--at", "03:30"]), "daily at 03:30, Europe/Berlin, fold both");
    assert_eq!(
        edit(&["--gap", "skip", "--fold", "second"]),
        "daily at 03:30, Europe/Berlin, gap skip, fold second"
    );
    assert_eq!(edit(&["--time-zone", "UTC"]), "daily at 03:30");
    let cloned = place.at("2026-03-28T12:40:00Z", &["job", "clone", id(&job), "--time-zone", "Africa/Cairo"]);
    assert_eq!(cloned["run"], "daily at 03:30, Africa/Cairo");
    for options in [["--time-zone", "Europe/Bonn"], ["--gap", "skip"], ["--fold", "both"]] {
        let refused = place.refused(&[&["job", "edit", id(&job)], &options[..]].concat());
        assert_eq!(refused, (3, "invalid_time_zone".to_owned()), "{options:?}");
    }
    let utc = place.at("2026-03-28T12:45:00Z", &["job", "preview", id(&job), "-n", "1"]);
    assert_eq!((&utc[0]["local"], &utc[0]["note"]), (&Value::Null, &Value::Null));
    assert_eq!(place.json(&["job", "show", id(&job)])["next_reading"], Value::Null);
}

#[test]
fn f9_a1_a_run_exports_the_days_of_the_zone_into_their_folders() {
    // One interaction a minute from 00:00 UTC on 1 January 2020: two days and some hours.
    let place = Place::with_interactions(3_000);
    let zone = ["--time-zone", "Asia/Tokyo", "--timeframe", "previous:1d"];
    let job = place.job_at("2020-01-02T12:00:00Z", &[&DAILY[..], &zone[..]].concat());
    assert_eq!(job["next_starts_at"], "2020-01-02T17:30:00Z");
    place.run_at("2020-01-02T18:00:00Z");
    let execution = place.at("2020-01-02T18:01:00Z", &["history", "list", "--job", id(&job)])[0].clone();
    assert_eq!(execution["window"], json!({"start": "2020-01-01T15:00:00Z", "end": "2020-01-02T15:00:00Z"}));
    assert_eq!(execution["records"], 24 * 60);
    assert_eq!(execution["slot_reading"], json!({"local": "2020-01-03T02:30:00+09:00", "note": null}));
    for command in [&["history", "show", id(&execution)][..], &["history", "list", "--wide"]] {
        let printed = place.done(command);
        assert!(printed.contains("2020-01-03T02:30:00+09:00"), "{printed}");
    }
    let to = ["artifact", "download", "--execution", id(&execution), "--to", "out"];
    place.at("2020-01-02T18:01:00Z", &to);
    let files = place.files("out");
    let archive = files.iter().find(|file| file.ends_with(".zip")).unwrap();
    let listed = place.program("unzip", &["-Z1"], &[&format!("out/{archive}")]);
    let days: BTreeSet<&str> = listed.lines().filter_map(|name| name.split('/').nth(2)).collect();
    assert_eq!(days, BTreeSet::from(["2020-01-02"]), "{listed}");
    let manifest = files.iter().find(|file| file.ends_with(".manifest.json")).unwrap();
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.path("out").join(manifest)).unwrap()).unwrap();
    let clock = &manifest["clock"];
    assert_eq!([&clock["time_zone"], &clock["gap"], &clock["fold"]], ["Asia/Tokyo", "shift", "first"]);
    assert!(string(&clock["database"]).starts_with("20"), "{clock}");
    place.done(&["verify", &format!("out/{archive}")]);
}

#[test]
fn f9_an_older_program_leaves_jobs_with_a_zone_until_it_is_accepted() {
    let place = Place::with_interactions(3);
    std::fs::write(place.path("events-1.jsonl"), "{}\n").unwrap();
    let (zoned, utc) = (["--time-zone", "Europe/Berlin"], ["--timeframe", "all"]);
    let zoned = place.job_at("2026-03-01T12:00:00Z", &[&DAILY[..], &zoned].concat());
    let utc = place.job_at("2026-03-01T12:00:00Z", &[&DAILY[..], &utc].concat());
    // As a program with a newer database leaves it.
    let newer = "INSERT INTO zone_database VALUES (99, '9999a', 0, 0, 0);
         UPDATE job SET settings = replace(settings, '\"database\":\"2', '\"database\":\"9')";
    place.program("sqlite3", &["cdds.db"], &[newer]);
    let ran = |job: &Value| {
        let list = place.json(&["history", "list"]);
        list.as_array().unwrap().iter().filter(|one| one["job_id"] == job["id"]).count()
    };
    assert_eq!(place.run_at("2026-03-02T12:00:00Z")["finished"], 1);
    assert_eq!((ran(&zoned), ran(&utc)), (0, 1));

    // The job is overdue, too, so that the doctor fails.
    let doctor = place.cdds(&["doctor", "--output", "json"]).output().unwrap();
    let doctor: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let finding = doctor.as_array().unwrap().iter().find(|finding| finding["check"] == "time zones").unwrap();
    assert_eq!(finding["status"], "warning", "{finding}");
    assert!(string(&finding["detail"]).starts_with("jobs are computed by 9999a since"), "{finding}");
    assert!(string(&finding["way_out"]).contains("cdds run --accept-older-zones"), "{finding}");

    let mut running = place.cdds(&["run"]).spawn().unwrap();
    let said = loop {
        assert_eq!(running.try_wait().unwrap(), None, "it runs");
        let output = place.cdds(&["workers"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.contains("leaves jobs") {
            break said;
        }
    };
    assert!(said.contains("they are computed by 9999a"), "{said}");
    running.kill().unwrap();
    running.wait().unwrap();

    place.at("2026-03-02T12:00:00Z", &["run", "--until-idle", "--accept-older-zones"]);
    assert_eq!(ran(&zoned), 1);
    let doctor = place.at("2026-03-02T12:00:01Z", &["doctor"]);
    let finding = doctor.as_array().unwrap().iter().find(|finding| finding["check"] == "time zones").unwrap();
    assert_eq!(finding["status"], "ok", "{finding}");
}
