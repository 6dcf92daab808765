//! Artifact stores in buckets of real servers, by the commands that people type.

mod bucket;
#[cfg(feature = "serve")]
mod links;

use std::process::Stdio;

use serde_json::{Value, json};

pub(crate) use self::bucket::{Bucket, Make};
use crate::support::{Place, string, text};

/// A place whose sets are large enough for an upload in parts.
fn with_large_notes() -> Place {
    let place = Place::with_interactions(90);
    place.sqlite("update interactions set note = hex(randomblob(150000))");
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config.replace("level = \"default\"", "level = \"store\""))
        .unwrap();
    place
}

/// Returns what the doctor says of the store, check by check.
fn examined(place: &Place) -> Vec<(String, String, String)> {
    let output = place.cdds(&["doctor", "--output", "json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = ["store", "unfinished uploads", "catalog and store", "sets"];
    let of = |one: &Value| (string(&one["check"]), string(&one["status"]), string(&one["detail"]));
    let found = found.as_array().unwrap().iter().map(of);
    found.filter(|(check, ..)| checks.contains(&check.as_str())).collect()
}

/// Exports, downloads, verifies and deletes a set that is kept in a bucket.
fn export_to(make: Make) {
    let (bucket, place) = (Bucket::start(make), with_large_notes());
    bucket.keep_for(&place);
    place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    let executions = place.json(&["history", "list"]);
    let execution = &executions[0];
    assert_eq!(
        (&execution["status"], &execution["records"]),
        (&json!("finished"), &json!(90)),
        "{execution}"
    );
    let id = string(&execution["id"]);
    let keys = bucket.keys();
    assert!(keys.contains(&".cdds-store".to_owned()), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.starts_with(&id)).count(), 2, "{keys:?}");
    assert!(!place.path("artifacts").exists(), "nothing is kept on this machine");

    let files = place.json(&["artifact", "download", "--execution", &id, "--to", "got"]);
    let path = string(&files[0]["path"]);
    assert_eq!(place.records(&path).len(), 90);
    place.done(&["verify", &path]);
    for (check, status, detail) in examined(&place) {
        assert_eq!(status, "ok", "{check}: {detail}");
    }
    let listed = place.json(&["artifact", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    place.done(&["artifact", "delete", "--execution", &id, "--yes"]);
    assert_eq!(bucket.keys(), [".cdds-store"]);
}

#[test]
fn s3_keeps_the_sets() {
    export_to(Make::S3);
}

#[test]
fn google_keeps_the_sets() {
    export_to(Make::Google);
}

#[test]
fn azure_keeps_the_sets() {
    export_to(Make::Azure);
}

#[test]
fn a7_parts_of_a_killed_worker_are_ended_by_the_next_one() {
    let (bucket, place) = (Bucket::start(Make::S3), with_large_notes());
    bucket.keep_for(&place);
    place.plaintext_job(&["--timeframe", "all"]);
    let mut worker = place.cdds(&["run", "--no-progress"]);
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while bucket.unfinished().is_empty() {
        assert_eq!(worker.try_wait().unwrap(), None, "it ended before it was killed");
        std::thread::yield_now();
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(bucket.unfinished().len(), 1);
    let found = examined(&place);
    let uploads = found.iter().find(|(check, ..)| check == "unfinished uploads").unwrap();
    assert!(uploads.1 == "ok" && uploads.2.starts_with("1 under way or left"), "{uploads:?}");

    place.done(&["run", "--until-idle"]);
    assert_eq!(place.json(&["history", "list"])[0]["status"], "finished");
    assert_eq!(bucket.unfinished(), Vec::<String>::new());
    assert_eq!(bucket.keys().len(), 3, "{:?}", bucket.keys());
}

#[test]
fn a_bucket_of_another_catalog_is_refused_and_so_is_one_that_is_missing() {
    let (bucket, place, other) =
        (Bucket::start(Make::S3), Place::with_interactions(3), Place::with_interactions(3));
    for place in [&place, &other] {
        bucket.keep_for(place);
    }
    place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    other.plaintext_job(&["--timeframe", "all"]);
    let (code, error) = other.refused(&["run", "--until-idle"]);
    assert_eq!((code, &*error), (1, "store_mismatch"));

    let config = std::fs::read_to_string(other.path("cdds.toml")).unwrap();
    std::fs::write(other.path("cdds.toml"), config.replace("s3://exports/", "s3://elsewhere/")).unwrap();
    let found = examined(&other);
    let store = found.iter().find(|(check, ..)| check == "store").unwrap();
    assert!(store.1 == "failed" && store.2.contains("create the bucket"), "{store:?}");
}

#[test]
fn keys_are_read_from_a_file_and_shown_nowhere() {
    let bucket = Bucket::start(Make::S3ThatChecks);
    let place = Place::with_interactions(3);
    bucket.keep_for(&place);
    place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    std::fs::write(place.path("store.key"), "wr0ngsecret\n").unwrap();
    let output = place.cdds(&["-v", "run", "--until-idle"]).output().unwrap();
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("check the keys"), "{said}");
    assert!(!said.contains("wr0ngsecret"), "{said}");
    std::fs::remove_file(place.path("store.key")).unwrap();
    let said = text(&place.cdds(&["run", "--until-idle"]).output().unwrap().stderr);
    assert!(said.contains("store.key"), "{said}");
}
