//! A catalog and its store know each other, so that an empty one is not mistaken for the real one.

use std::fs;

use crate::support::{Place, text};

const MISMATCH: &str = "store_mismatch";

/// Creates a place whose store holds a set.
fn published() -> Place {
    let place = Place::with_interactions(30);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    place
}

fn mark(place: &Place) -> String {
    fs::read_to_string(place.path("artifacts/.cdds-store")).unwrap()
}

/// Puts an empty folder in place of the store, as if its disk were not mounted.
fn unmount(place: &Place) {
    fs::rename(place.path("artifacts"), place.path("disk")).unwrap();
    fs::create_dir(place.path("artifacts")).unwrap();
}

fn mount(place: &Place) {
    fs::remove_dir_all(place.path("artifacts")).unwrap();
    fs::rename(place.path("disk"), place.path("artifacts")).unwrap();
}

fn refused(place: &Place, args: &[&str]) {
    assert_eq!(place.refused(args), (1, MISMATCH.to_owned()), "{args:?}");
}

#[test]
fn a11_an_empty_folder_in_the_place_of_the_store_is_not_used() {
    let place = published();
    let execution = place.json(&["history", "list"])[0]["id"].as_str().unwrap().to_owned();
    let artifact = place.json(&["artifact", "list"])[0]["id"].as_str().unwrap().to_owned();
    unmount(&place);
    place.plaintext_job(&["--title", "Second"]);
    refused(&place, &["run", "--until-idle"]);
    refused(&place, &["artifact", "download", "--execution", &execution, "--to", "out"]);
    refused(&place, &["artifact", "delete", &artifact]);
    let expired = place.refused_at("2099-01-01T00:00:00Z", &["run", "--until-idle"]);
    assert_eq!(expired, (1, MISMATCH.to_owned()), "nothing is confirmed as removed");
    let left = place.program("find", &["artifacts"], &["-type", "f"]);
    assert_eq!(left, "", "nothing is written where the disk will be mounted");
    let output = place.cdds(&["run", "--until-idle"]).output().unwrap();
    let message = text(&output.stderr);
    assert!(message.contains("artifacts") && message.contains("mount it"), "{message}");
    assert!(message.contains("cdds doctor --adopt-store"), "{message}");
    assert_eq!(place.json(&["artifact", "list"]).as_array().unwrap().len(), 1, "lists need no store");

    mount(&place);
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
}

#[test]
fn a11_an_empty_catalog_in_the_place_of_a_full_one_is_not_used() {
    let (place, other) = (published(), Place::new());
    let copy = |from: &Place, to: &Place| {
        from.program("sqlite3", &["cdds.db"], &[&format!("vacuum into '{}'", to.path("new.db").display())]);
        for file in ["cdds.db-wal", "cdds.db-shm"] {
            let _gone = fs::remove_file(to.path(file));
        }
        fs::rename(to.path("new.db"), to.path("cdds.db")).unwrap();
    };
    place.program("cp", &["cdds.db"], &["kept.db"]);
    // The catalog of another store, and one that holds nothing.
    copy(&other, &place);
    refused(&place, &["run", "--until-idle"]);
    let doctor = text(&place.cdds(&["doctor"]).output().unwrap().stdout);
    assert!(doctor.contains("failed   catalog and store: "), "{doctor}");
    fs::write(place.path("cdds.db"), "").unwrap();
    for args in [&["run", "--until-idle"][..], &["job", "list"]] {
        assert_eq!(place.refused(args), (1, "catalog_missing".to_owned()), "{args:?}");
    }
    let doctor = text(&place.cdds(&["doctor"]).output().unwrap().stdout);
    assert!(doctor.contains("failed   catalog: there is nothing in"), "{doctor}");

    fs::rename(place.path("kept.db"), place.path("cdds.db")).unwrap();
    place.json(&["run", "--until-idle"]);
}

#[test]
fn an_installation_from_before_the_mark_and_a_copy_without_it_are_taken_over() {
    let place = published();
    let first = mark(&place);
    fs::remove_file(place.path("artifacts/.cdds-store")).unwrap();
    place.json(&["run", "--until-idle"]);
    assert_eq!(mark(&place), first, "the copy is the same store");

    fs::remove_file(place.path("artifacts/.cdds-store")).unwrap();
    place.program("sqlite3", &["cdds.db"], &["delete from store"]);
    place.json(&["run", "--until-idle"]);
    assert_ne!(mark(&place), first, "what has never met gets a new mark");

    // A store from before marks existed, which is not mounted at the first start of a program that uses them.
    fs::remove_file(place.path("artifacts/.cdds-store")).unwrap();
    place.program("sqlite3", &["cdds.db"], &["delete from store"]);
    unmount(&place);
    refused(&place, &["run", "--until-idle"]);
}

#[test]
fn a_first_use_that_was_interrupted_between_catalog_and_store_is_completed() {
    let place = Place::with_interactions(3);
    let first = mark(&place);
    fs::remove_file(place.path("artifacts/.cdds-store")).unwrap();
    refused(&place, &["run", "--until-idle"]);
    place.program("sqlite3", &["cdds.db"], &["update store set confirmed = 0"]);
    place.json(&["run", "--until-idle"]);
    assert_eq!(mark(&place), first);
    unmount(&place);
    refused(&place, &["run", "--until-idle"]);
}

#[test]
fn a_store_that_was_emptied_on_purpose_is_adopted_when_asked() {
    let place = published();
    let first = mark(&place);
    unmount(&place);
    place.plaintext_job(&["--title", "Second"]);
    place.cdds(&["doctor", "--adopt-store"]).output().unwrap();
    assert_eq!(mark(&place), first);
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
}
