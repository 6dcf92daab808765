//! What must be true whatever has happened.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::story::Scene;
use crate::support::string;

#[derive(Deserialize)]
struct Call {
    id: i64,
}

/// Returns the executions of a job that have published a set, or found that there was none to publish. None has failed.
fn finished(scene: &Scene, job: &str) -> Vec<Value> {
    let executions = scene.place.json(&["history", "list", "--job", job]);
    let executions = executions.as_array().unwrap();
    let has_ended_well = |one: &&Value| one["status"] == "finished" || one["status"] == "skipped";
    assert!(executions.iter().all(|one| has_ended_well(&one)), "{executions:?}");
    executions.iter().filter(|one| one["status"] == "finished").cloned().collect()
}

/// Returns the ids of the calls in a set, whose last file this is.
fn calls_in(scene: &Scene, file: &str) -> Vec<i64> {
    let lines = scene.place.program("7zz", &["x", "-so", file], &[]);
    lines.lines().map(|line| serde_json::from_str::<Call>(line).unwrap().id).collect()
}

/// Downloads all sets, which compares them with their digests, and counts the calls in them.
pub(super) fn every_call_is_in_one_set(scene: &Scene) {
    let listed = scene.place.json(&["artifact", "list"]);
    let mut counts = BTreeMap::<String, BTreeMap<i64, u32>>::new();
    let listed = listed.as_array().unwrap();
    for files in listed.chunks(100) {
        let ids: Vec<String> = files.iter().map(|file| string(&file["id"])).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        scene.place.done(&[&["artifact", "download", "--to", "got"][..], &ids].concat());
    }
    for file in listed.iter().filter(|file| file["part"] == file["parts"]) {
        let counts = counts.entry(string(&file["job_id"])).or_default();
        for id in calls_in(scene, &format!("got/{}", string(&file["name"]))) {
            *counts.entry(id).or_default() += 1;
        }
    }
    let (all, days) = scene.calls.ids();
    assert!(all.len() > days.len() + 2, "calls came in: {}", all.len());
    for (jobs, expected) in [(&scene.by_day, &days), (&scene.incoming, &all)] {
        for job in jobs {
            let found = counts.remove(job).unwrap_or_default();
            let doubled: Vec<_> = found.iter().filter(|(_, times)| **times != 1).collect();
            assert!(doubled.is_empty(), "in more than one set: {doubled:?}");
            let found: BTreeSet<i64> = found.into_keys().collect();
            let lost: Vec<_> = expected.difference(&found).collect();
            assert!(lost.is_empty() && found.is_subset(expected), "in no set: {lost:?}");
        }
    }
}

/// Checks that each window of a job begins where the one before it ends.
pub(super) fn windows_tile(scene: &Scene) {
    for job in scene.by_day.iter().chain(&scene.incoming) {
        let end_of = |one: &Value| (string(&one["window"]["end"]), one["window"]["start"].clone());
        let windows: BTreeMap<String, Value> = finished(scene, job).iter().map(end_of).collect();
        assert_eq!(windows.len(), finished(scene, job).len(), "two windows of one end: {windows:?}");
        let joins = windows.values().skip(1).zip(windows.keys()).all(|(start, end)| start == end);
        assert!(joins && windows.len() > 1, "{windows:?}");
    }
}

/// Checks that the bucket holds whole sets of executions that are on record, and nothing else.
pub(super) fn nothing_is_left_in_the_bucket(scene: &Scene) {
    assert_eq!(scene.bucket.unfinished(), Vec::<String>::new(), "unfinished uploads");
    let executed: BTreeSet<String> = (scene.by_day.iter().chain(&scene.incoming))
        .flat_map(|job| finished(scene, job))
        .map(|one| string(&one["id"]))
        .collect();
    let mut claims = BTreeMap::<(String, String), Vec<String>>::new();
    for key in scene.bucket.keys() {
        if key == ".cdds-store" {
            continue;
        }
        let [execution, claim, file] = *key.split('/').collect::<Vec<_>>() else { panic!("{key}") };
        claims.entry((execution.to_owned(), claim.to_owned())).or_default().push(file.to_owned());
    }
    // Rule E17: a whole set of a worker that was killed before it was on record stays until its retention is over.
    for files in claims.values() {
        let whole = (0..files.len() - 1).map(|n| format!("{n:06}")).chain(["manifest".to_owned()]);
        assert_eq!(*files, whole.collect::<Vec<_>>(), "something half-made is left: {claims:?}");
    }
    let stored: BTreeSet<String> = claims.into_keys().map(|(execution, _)| execution).collect();
    assert_eq!(stored, executed, "each execution has a set, and nothing else has one");
}
