//! The checks at the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::moment::Phase;
use super::{World, told};
use crate::support::{id, string};

impl World {
    /// Returns the history of a job, by the end of the window.
    fn history(&self, job: &str) -> Vec<Value> {
        let listed = self.at_the_end(&["history", "list", "--job", job]);
        let mut history = listed.as_array().unwrap().clone();
        history.sort_by_key(|execution| string(&execution["window"]["end"]));
        history
    }

    fn finished(&self, job: &str) -> Vec<Value> {
        let history = self.history(job).into_iter();
        history.filter(|execution| execution["status"] == "finished").collect()
    }

    fn at_the_end(&self, args: &[&str]) -> Value {
        self.place.at(&told(self.time.now()), args)
    }

    /// Downloads and extracts a set. Returns its rows.
    fn rows_of(&self, execution: &Value) -> Vec<usize> {
        let (set, records) = (id(execution), format!("{}-records", id(execution)));
        let files = self.at_the_end(&["artifact", "download", "--execution", set, "--to", set]);
        self.place.done(&["extract", &string(&files[0]["path"]), "--to", &records]);
        let files = self.place.files(&records).into_iter();
        let lines = files.map(|file| std::fs::read_to_string(self.place.path(&records).join(file)).unwrap());
        let row = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            usize::try_from(record["seconds"].as_u64().unwrap()).unwrap()
        };
        lines.flat_map(|lines| lines.lines().map(row).collect::<Vec<_>>()).collect()
    }
}

/// Checks invariant I4 for all rows.
pub(super) fn every_row_is_in_one_set(world: &World, inserted: u64) {
    let mut sets_of_row = vec![0_u32; usize::try_from(inserted).unwrap()];
    for execution in world.finished(&world.kept) {
        let rows = world.rows_of(&execution);
        assert_eq!(execution["records"], rows.len(), "{execution}");
        rows.into_iter().for_each(|row| sets_of_row[row] += 1);
    }
    let not_once = |(row, sets): (usize, &u32)| (*sets != 1).then(|| format!("row {row} is in {sets} sets"));
    assert_eq!(sets_of_row.iter().enumerate().find_map(not_once), None);
    // The sets of the other job are gone, but the record still holds the number of their rows.
    let records: u64 = world.finished(&world.fleeting).iter().filter_map(|one| one["records"].as_u64()).sum();
    assert_eq!(records, inserted);
}

/// Checks invariants I1 and I3, from before the first row to the watermark.
pub(super) fn windows_tile(world: &World, job: &str) {
    let mut watermark = json!(null);
    for execution in world.finished(job) {
        assert_eq!(execution["window"]["start"], watermark, "{execution}");
        watermark = execution["window"]["end"].clone();
    }
    assert_eq!(world.place.json(&["job", "show", job])["watermark"]["at"], watermark);
}

/// Checks invariants I8 and I12: the store holds the files that the catalog names, and of all others only
/// complete sets that were not committed. The catalog is intact.
pub(super) fn nothing_is_left_over(world: &World) {
    let place = &world.place;
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for artifact in world.at_the_end(&["artifact", "list"]).as_array().unwrap() {
        // The manifest comes with the first part.
        let files = if artifact["part"] == 1 { 2 } else { 1 };
        *wanted.entry(string(&artifact["execution_id"])).or_default() += files;
    }
    let mut stored: BTreeMap<String, BTreeMap<u64, BTreeSet<String>>> = BTreeMap::new();
    for file in place.files("artifacts") {
        let [execution, claim, name] = file.split('/').collect::<Vec<_>>()[..] else { panic!("{file}") };
        let epoch = claim.split('-').next().unwrap().parse().unwrap();
        stored.entry(execution.to_owned()).or_default().entry(epoch).or_default().insert(name.to_owned());
        assert!(!file.contains('#'), "an unfinished upload: {file}");
    }
    let mut published: BTreeMap<String, u64> = BTreeMap::new();
    for (execution, mut claims) in stored {
        if wanted.contains_key(&execution) {
            let (_, files) = claims.pop_last().unwrap();
            published.insert(execution.clone(), files.len() as u64);
        }
        // A worker that was killed between its last file and its commit leaves a complete set. It stays, as
        // the record cannot know whether it is of a time that a restore has lost (rule E17).
        for (epoch, files) in claims {
            assert!(files.contains("manifest"), "left of {execution} by claim {epoch}: {files:?}");
            assert!(world.broken_off.contains(&(execution.clone(), epoch)), "{execution} {epoch}");
        }
    }
    assert_eq!(published, wanted, "files by their executions");
    for check in ["integrity_check", "foreign_key_check"] {
        let told = place.program("sqlite3", &["cdds.db"], &[&format!("pragma {check}")]);
        assert!(matches!(told.trim(), "" | "ok"), "{check}: {told}");
    }
    assert_eq!(place.files("cdds.db.workers"), ["folder"], "the locks of workers that are gone");
}

/// Checks rules E1 and E5: every attempt that a kill broke off is recorded as such, and nothing else went
/// wrong.
pub(super) fn the_history_tells(world: &World) {
    let mut broken_off = BTreeSet::new();
    for execution in [&world.kept, &world.fleeting].into_iter().flat_map(|job| world.history(job)) {
        match execution["status"].as_str().unwrap() {
            "finished" => {}
            "failed" => assert_eq!(execution["error"]["kind"], "crashed", "{execution}"),
            "skipped" => assert!(execution["skip_reason"].is_string(), "{execution}"),
            _ => panic!("has not ended: {execution}"),
        }
        let details = world.at_the_end(&["history", "show", id(&execution)]);
        for attempt in details["attempt_log"].as_array().unwrap() {
            match &attempt["error"] {
                Value::Null => assert_eq!(execution["status"], "finished", "{details}"),
                error => {
                    assert_eq!(error["kind"], "crashed", "{details}");
                    broken_off.insert((string(&execution["id"]), attempt["number"].as_u64().unwrap()));
                }
            }
        }
    }
    assert_eq!(broken_off, world.broken_off);
}

/// Checks that workers were killed in every phase: otherwise the test would show less than it claims.
pub(super) fn every_phase_was_hit(world: &World) {
    for phase in Phase::ALL {
        assert!(
            world.phases.contains_key(&phase),
            "no worker was killed while {phase:?}: {:?}",
            world.phases
        );
    }
}
