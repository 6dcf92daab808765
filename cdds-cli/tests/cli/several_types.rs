//! Rule J17: a job of several data types, from its options to its records.

use serde_json::json;

use crate::support::{NOON, Place, id, string};

#[test]
fn j17_types_by_their_names_share_the_typed_selections() {
    let place = Place::with_interactions(9);
    let made = place.job_at(NOON, &["--type", "note", "--field", "note", "--run", "once"]);
    assert_eq!(made["type"], "interaction, note");
    assert_eq!(
        made["reads"][1],
        json!({"type": "note", "category": "all", "fields": ["note"], "filters": []})
    );
    place.run_at(NOON);
    let listed = place.at(NOON, &["history", "list", "--type", "note"]);
    assert_eq!((&listed[0]["type"], &listed[0]["records"]), (&json!("interaction, note"), &json!(18)));
    assert_eq!(place.exported(NOON, &listed[0]).len(), 18);
    for list in ["job", "artifact"] {
        assert_eq!(place.at(NOON, &[list, "list", "--type", "interaction"])[0]["type"], "interaction, note");
        assert_eq!(place.at(NOON, &[list, "list", "--type", "event"]), json!([]));
    }
}

#[test]
fn j17_a_type_with_its_own_selection_is_an_object() {
    let place = Place::with_interactions(9);
    let note = r#"{"type": "note", "category": "all", "field": ["note"], "filter": ["note*=A"]}"#;
    let made =
        place.job_at(NOON, &["--category", "voice", "--type", note, "--run", "daily", "--at", "02:00"]);
    let reads = json!([
        {"type": "interaction", "category": ["voice"], "fields": "all", "filters": []},
        {"type": "note", "category": "all", "fields": ["note"], "filters": ["note*=A"]},
    ]);
    assert_eq!(made["reads"], reads);
}

#[test]
fn j17_an_edit_keeps_the_selections_of_the_types_that_stay() {
    let place = Place::with_interactions(9);
    let note = r#"{"type": "note", "filter": ["note*=A"]}"#;
    let made = place.job_at(NOON, &["--type", note, "--run", "daily", "--at", "02:00"]);
    let edit = |options: &[&str]| place.at(NOON, &[&["job", "edit", id(&made)], options].concat());
    assert_eq!(edit(&["--title", "New"])["reads"], made["reads"]);
    let swapped = edit(&["--type", "note,interaction"]);
    assert_eq!(swapped["reads"], json!([made["reads"][1], made["reads"][0]]));
    let one = edit(&["--type", "note"]);
    assert_eq!((string(&one["type"]), &one["filters"]), ("note".to_owned(), &json!(["note*=A"])));
    assert_eq!(one.get("reads"), None);
}

#[test]
fn j4_a_list_may_be_in_a_file_which_is_read_once() {
    let place = Place::with_interactions(9);
    let file = place.path("notes.txt");
    std::fs::write(&file, "\u{FEFF}chat\r\n\r\nvoice\r\n").unwrap();
    let filter = format!("media_type in @{}", file.display());
    let object = format!(r#"{{"type": "note", "filter": ["note in @{}"]}}"#, file.display());
    let made = place.job_at(NOON, &["--filter", &filter, "--type", &object, "--run", "once"]);
    assert_eq!(made["reads"][0]["filters"], json!(["media_type in chat,voice"]));
    assert_eq!(made["reads"][1]["filters"], json!(["note in chat,voice"]));
    std::fs::remove_file(&file).unwrap();
    let job_file = place.done(&["job", "show", id(&made), "--output", "toml"]);
    assert!(job_file.contains(r#"in = ["chat", "voice"]"#), "{job_file}");
    place.run_at(NOON);
    let listed = place.at(NOON, &["history", "list"]);
    assert_eq!(listed[0]["status"], "finished");
}
