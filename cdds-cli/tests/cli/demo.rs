//! `cdds demo`: the whole tour in a fresh folder.

use crate::support::Place;

#[test]
fn the_demo_tells_the_whole_story_and_its_next_commands_work() {
    let place = Place::new();
    let story = place.json(&["demo", "there", "--records", "800"]);
    assert_eq!(story["records"], story["verified_records"]);
    assert!(story["records"].as_u64().unwrap() > 500, "{story}");
    let next = story["next"].as_array().unwrap();
    assert_eq!(next.len(), 3);
    for command in next {
        let words: Vec<&str> = command.as_str().unwrap().split(' ').collect();
        assert_eq!(words[0], env!("CARGO_BIN_EXE_cdds"), "it is not installed here");
        place.done(&words[1..]);
    }
    let extracted = place.program("sh", &["-c", "cat $(find there/records -type f) | wc -l"], &[]);
    assert_eq!(extracted.trim(), story["records"].to_string());
    let mode = place.program("stat", &["-c", "%a"], &["there/key.pem"]);
    assert_eq!(mode.trim(), "600");
    assert_eq!(place.refused(&["demo", "there"]), (3, "folder_not_empty".to_owned()));
}

#[test]
fn the_same_day_gives_the_same_sample() {
    let place = Place::new();
    for folder in ["one", "two"] {
        place.json(&["demo", folder, "--records", "200", "--now", "2026-03-02T09:00:00Z"]);
    }
    let dump = |folder: &str| {
        place.program("sqlite3", &[&format!("{folder}/contact-centre.db")], &["select * from interactions"])
    };
    assert_eq!(dump("one"), dump("two"));
}
