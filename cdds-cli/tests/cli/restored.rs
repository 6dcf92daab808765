//! A catalog that is restored from a backup: what `doctor` says, and `artifact adopt` (rules E17, E18).

use std::fs;

use serde_json::Value;

use crate::support::{NOON, Place, SINCE_LAST, string};

const FIRST: &str = "2020-01-02T03:00:00Z";
const SECOND: &str = "2020-01-03T03:00:00Z";

/// A job that follows its watermark has run on two days. The catalog is that of the first, and the store has
/// both sets. Returns the execution that the catalog has lost, too.
fn restored() -> (Place, Value) {
    let place = Place::with_interactions(4_000);
    fs::write(place.path("events-1.jsonl"), "{\"a\":1}\n").unwrap();
    place.job_at(NOON, &SINCE_LAST);
    place.run_at(FIRST);
    place.program("sqlite3", &["cdds.db"], &["vacuum into 'backup.db'"]);
    place.run_at(SECOND);
    let lost = place.at(SECOND, &["history", "list"])[0].clone();
    for file in ["cdds.db-wal", "cdds.db-shm"] {
        let _absent = fs::remove_file(place.path(file));
    }
    fs::copy(place.path("backup.db"), place.path("cdds.db")).unwrap();
    (place, lost)
}

fn sets(place: &Place) -> (String, String) {
    // Its job is overdue again, so that the doctor fails.
    let output = place.cdds(&["doctor", "--output", "json", "--now", SECOND]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = found.as_array().unwrap().iter().find(|finding| finding["check"] == "sets").unwrap();
    (string(&found["status"]), string(&found["detail"]))
}

#[test]
fn e18_the_sets_that_a_restored_catalog_does_not_list_are_counted_and_adopted() {
    let (place, lost) = restored();
    let (status, detail) = sets(&place);
    assert_eq!(status, "warning");
    assert!(
        detail.starts_with("1 set in the store is not in the catalog; the newest was made at 2020-01-03T03"),
        "{detail}"
    );

    let before = place.files("artifacts");
    let adopted = place.at(SECOND, &["artifact", "adopt", "--all"]);
    assert_eq!((&adopted[0]["execution"], &adopted[0]["adopted"]), (&lost["id"], &Value::Bool(true)));
    assert_eq!((&adopted[0]["watermark"], &adopted[0]["reason"]), (&Value::from("moves"), &Value::Null));
    assert_eq!(sets(&place).0, "ok");
    let id = string(&lost["id"]);
    assert_eq!(
        place.at(SECOND, &["artifact", "adopt", &id]),
        Value::Array(Vec::new()),
        "nothing is left to do"
    );

    place.run_at(SECOND);
    assert_eq!(place.files("artifacts"), before, "nothing is exported again, and nothing is deleted");
    let listed = place.at(SECOND, &["history", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(place.exported(SECOND, &listed[0]).len(), 1_440);
}

#[test]
fn e17_without_adopting_the_records_are_exported_again_beside_the_set_of_before() {
    let (place, lost) = restored();
    let before = place.files("artifacts");
    place.run_at(SECOND);
    let after = place.files("artifacts");
    assert_eq!((before.len(), after.len()), (4, 6));
    assert!(before.iter().all(|file| after.contains(file)), "{after:?}");
    let again = place.at(SECOND, &["history", "list"])[0].clone();
    assert_eq!((&again["id"], &again["records"]), (&lost["id"], &lost["records"]));
    // The execution has its own set by now, and the other one stays where it is.
    let id = string(&lost["id"]);
    assert_eq!(place.refused_at(SECOND, &["artifact", "adopt", &id]).1, "sets_left");
    assert_eq!(place.files("artifacts"), after);
    let unknown = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    assert_eq!(place.refused_at(SECOND, &["artifact", "adopt", unknown]), (4, "not_found".to_owned()));
}
