//! The audit: who did what, under the name of the account that runs the program (rules C1 to C3).

use serde_json::{Value, json};

use crate::pty::Terminal;
use crate::support::{NOON, Place, id, string};

/// When the set is downloaded.
const LATER: &str = "2020-01-01T12:01:00Z";

/// Returns the name of the account that runs the tests.
fn account(place: &Place) -> String {
    place.program("id", &["-un"], &[]).trim().to_owned()
}

/// Returns action, kind of object and outcome of the entries, newest first.
fn told(entries: &Value) -> Vec<(String, String, String)> {
    let entries = entries.as_array().unwrap().iter();
    let told = |entry: &Value| {
        let kind = entry["object"]["kind"].as_str().unwrap_or_default().to_owned();
        (string(&entry["action"]), kind, string(&entry["outcome"]))
    };
    entries.map(told).collect()
}

fn entry(action: &str, kind: &str, outcome: &str) -> (String, String, String) {
    (action.to_owned(), kind.to_owned(), outcome.to_owned())
}

/// Creates a place with a set, downloaded once, and returns it with the job and the execution.
fn downloaded() -> (Place, String, String) {
    let place = Place::with_interactions(3);
    let job = string(&place.job_at(NOON, &["--run", "once"])["id"]);
    place.run_at("2020-01-01T12:00:05Z");
    let execution = string(&place.at(LATER, &["history", "list"])[0]["id"]);
    place.at(LATER, &["artifact", "download", "--execution", &execution, "--to", "out"]);
    (place, job, execution)
}

#[test]
fn c1_c2_c3_changes_and_downloads_are_on_record_by_account() {
    let (place, job, execution) = downloaded();
    let account = account(&place);
    let all = place.json(&["audit"]);
    assert_eq!(
        told(&all),
        [
            entry("download", "manifest", "verified"),
            entry("download", "artifact", "verified"),
            entry("create_job", "job", "done"),
        ]
    );
    let file = place.at(LATER, &["artifact", "list"])[0].clone();
    let download = &all[1];
    assert_eq!(download["object"]["id"], file["id"]);
    assert_eq!(download["bytes"], file["size"]);
    assert!(string(&download["ended_at"]) >= string(&download["at"]), "{download}");
    assert!(all.as_array().unwrap().iter().all(|entry| entry["principal"] == json!(account)));

    // Another name in the environment changes nothing.
    let mut edit = place.cdds(&["job", "run", &job, "--output", "json"]);
    let refused = edit.env("USER", "somebody").env("LOGNAME", "somebody").output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "it is a one-time job, which leaves no entry");
    let mut hold =
        place.cdds(&["artifact", "hold", "--execution", &execution, "--now", "2020-01-02T00:00:00Z"]);
    assert!(hold.env("USER", "somebody").env("LOGNAME", "somebody").output().unwrap().status.success());
    let newest = place.json(&["audit"])[0].clone();
    assert_eq!(newest["principal"], json!(account));
    assert_eq!(newest["object"], json!({ "kind": "artifact_set", "id": execution }));
}

#[test]
fn c2_the_audit_is_filtered_and_sorted() {
    let (place, job, _) = downloaded();
    let file = string(&place.at(LATER, &["artifact", "list"])[0]["id"]);
    let tells = |args: &[&str]| told(&place.json(&[&["audit"], args].concat()));
    assert_eq!(tells(&["--object", &job.to_uppercase()]), [entry("create_job", "job", "done")]);
    assert_eq!(tells(&["--object", &job[..8]]), [entry("create_job", "job", "done")]);
    assert_eq!(tells(&["--object", "T"]), [entry("create_job", "job", "done")]);
    assert_eq!(tells(&["--object", &file[..8], "--now", LATER]), [entry("download", "artifact", "verified")]);
    assert_eq!(tells(&["--object", &file]), [entry("download", "artifact", "verified")]);
    assert_eq!(tells(&["--action", "create_job"]).len(), 1);
    assert_eq!(tells(&["--principal", &account(&place)]).len(), 3);
    assert_eq!(tells(&["--principal", "nobody else"]).len(), 0);
    assert_eq!(tells(&["--since", "2020-01-01T12:00:30Z"]).len(), 2);
    assert_eq!(tells(&["--until", "2020-01-01T12:00:30Z"]).len(), 1);
    assert_eq!(tells(&["--sort", "action"])[0].0, "create_job");
    assert_eq!(tells(&["--owner", "other"]).len(), 0);
    assert_eq!(place.refused(&["audit", "--action", "delete"]), (2, "usage".to_owned()));
}

#[test]
fn c3_a_corrupt_file_is_on_record_as_such() {
    let (place, _, execution) = downloaded();
    let stored = place.files("artifacts");
    let archive = stored.iter().find(|name| !name.ends_with("json")).unwrap();
    let path = place.path("artifacts").join(archive);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let again = ["artifact", "download", "--execution", &execution, "--to", "again"];
    let (code, _) = place.refused_at("2020-01-01T13:00:00Z", &again);
    assert_eq!(code, 1);
    let newest = place.json(&["audit"])[0].clone();
    assert_eq!((&newest["outcome"], &newest["bytes"]), (&json!("corrupt"), &json!(0)));
    assert_eq!(place.at(LATER, &["artifact", "list"])[0]["downloads"], 1, "only verified ones count");
}

#[test]
fn an_edit_names_its_settings_and_versions() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &["--run", "daily", "--at", "02:00"]);
    place.at(NOON, &["job", "edit", id(&job), "--title", "Secret", "--at", "03:00"]);
    let edit = place.json(&["audit", "--action", "edit_job"])[0].clone();
    assert_eq!(edit["settings"], json!(["title", "frequency"]));
    assert_eq!((&edit["version_before"], &edit["version_after"]), (&json!(1), &json!(2)));
    let mut entries = place.json(&["audit"]);
    for entry in entries.as_array_mut().unwrap() {
        // The title that the job has now is looked up beside the entry.
        assert_eq!(entry.as_object_mut().unwrap().remove("title"), Some(json!("Secret")));
    }
    assert!(!entries.to_string().contains("Secret"), "names of settings, not values");
    let table = place.done(&["audit", "--action", "edit_job"]);
    assert!(table.contains("version 1 to 2: title, frequency"), "{table}");
}

#[test]
fn the_table_fits_a_narrow_terminal() {
    let (place, job, _) = downloaded();
    let screen = |columns| {
        let args = ["audit", "--now", "2020-01-01T13:00:00Z"];
        let ended = Terminal::start(&place, &args, columns, &[]).end();
        assert_eq!(ended.code, 0, "{}", ended.screen);
        ended.screen
    };
    for columns in [60, 80] {
        let narrow = screen(columns);
        assert!(narrow.lines().all(|line| line.chars().count() <= usize::from(columns)), "{narrow}");
        // Who did what to which object is never left out, and the beginning of an id is enough to go on with.
        assert!(narrow.contains(&format!("job {}", &job[..8])) && narrow.contains("verified"), "{narrow}");
        assert!(narrow.contains("PRINCIPAL") && narrow.contains("ACTION"), "{narrow}");
    }
    let wide = screen(120);
    let created = wide.lines().find(|line| line.contains("create_job")).unwrap();
    assert!(created.ends_with("  T"), "the job's title: {wide}");
}
