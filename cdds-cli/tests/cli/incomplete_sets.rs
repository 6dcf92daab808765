//! Sets with missing files, and stored files that differ from what was published (rules A7, A8).

use std::fs;

use serde_json::{Value, json};

use crate::support::{Place, string, text};

/// Creates a place with a set of several parts. Returns the execution and the artifacts in reading order.
fn split_set() -> (Place, String, Vec<Value>) {
    let place = Place::with_interactions(9_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    place.json(&["run", "--until-idle"]);
    let artifacts = place.json(&["artifact", "list", "--sort", "part"]).as_array().unwrap().clone();
    assert!(artifacts.len() > 2, "{artifacts:?}");
    (place, string(&artifacts[0]["execution_id"]), artifacts)
}

/// Runs a command that must fail. Returns exit code, error code and message.
fn failed(place: &Place, args: &[&str]) -> (i32, String, String) {
    let output = place.cdds(&[args, &["--output", "json"]].concat()).output().unwrap();
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    let error = &error["error"];
    (output.status.code().unwrap(), string(&error["code"]), string(&error["message"]))
}

#[test]
fn a12_a_set_without_one_of_its_parts_is_not_fetched() {
    let (place, execution, artifacts) = split_set();
    let (id, name) = (string(&artifacts[1]["id"]), string(&artifacts[1]["name"]));
    place.json(&["artifact", "delete", &id]);
    let (exit, code, message) =
        failed(&place, &["artifact", "download", "--execution", &execution, "--to", "out"]);
    assert_eq!((exit, code.as_str()), (1, "incomplete_set"), "{message}");
    assert!(message.contains(&format!("Deleted: {name};")), "{message}");
    assert!(!place.path("out").exists(), "nothing is fetched");
    place.json(&["artifact", "download", &string(&artifacts[0]["id"]), "--to", "out"]);
}

#[test]
fn a12_a_set_that_the_store_has_lost_a_file_of_is_not_fetched() {
    let (place, execution, _) = split_set();
    let stored = place.files("artifacts");
    for lost in [&stored[1], stored.iter().find(|key| key.ends_with("/manifest")).unwrap()] {
        let (path, away) = (place.path(&format!("artifacts/{lost}")), place.path("away"));
        fs::rename(&path, &away).unwrap();
        let (exit, code, message) =
            failed(&place, &["artifact", "download", "--execution", &execution, "--to", "out"]);
        assert_eq!((exit, code.as_str()), (1, "incomplete_set"), "{message}");
        assert!(message.contains("Missing from the store: export-"), "{message}");
        assert!(!place.path("out").exists(), "nothing is fetched");
        fs::rename(&away, &path).unwrap();
    }
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
}

#[test]
fn a8_deleting_a_part_warns_of_what_becomes_of_its_set() {
    let (place, execution, artifacts) = split_set();
    let ids: Vec<String> = artifacts.iter().map(|artifact| string(&artifact["id"])).collect();
    let delete = |ids: &[String]| {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let output = place.cdds(&[&["artifact", "delete"], &ids[..]].concat()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let warning = delete(&ids[..1]);
    assert!(warning.starts_with("warning: 1 of the files") && warning.contains(&execution), "{warning}");
    assert_eq!(delete(&ids[1..]), "", "nothing is left that could not be read");
}

#[test]
fn a12_a_corrupt_file_is_never_fetched_under_its_name() {
    let (place, execution, artifacts) = split_set();
    let parts: Vec<String> =
        place.files("artifacts").into_iter().filter(|key| !key.contains("manifest")).collect();
    let corrupt = place.path(&format!("artifacts/{}", parts[parts.len() / 2]));
    let mut bytes = fs::read(&corrupt).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&corrupt, bytes).unwrap();
    let (exit, code, message) =
        failed(&place, &["artifact", "download", "--execution", &execution, "--to", "out"]);
    assert_eq!((exit, code.as_str()), (1, "store_failed"), "{message}");
    let fetched = place.files("out");
    assert!(fetched.len() < artifacts.len(), "{fetched:?}");
    assert!(message.contains(&format!("only the first {} of", fetched.len())), "{message}");
    let names: Vec<Value> = artifacts.iter().map(|artifact| artifact["name"].clone()).collect();
    assert_eq!(json!(fetched), json!(names[..fetched.len()]), "whole files only, and no manifest");
}
