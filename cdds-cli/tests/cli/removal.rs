//! Deletion from the history and the store, and the files that a legal hold keeps.

use serde_json::{Value, json};

#[cfg(unix)]
use crate::pty::{Ended, Terminal};
use crate::support::{Place, string};

const NOW: &str = "2026-01-01T00:00:00Z";

/// Creates a place with a set of several parts. Returns the execution and the parts.
fn split_set() -> (Place, String, Vec<String>) {
    let place = Place::with_interactions(9_000);
    place.job_at(NOW, &["--run", "once", "--split-size", "64KiB"]);
    place.run_at(NOW);
    let artifacts = place.at(NOW, &["artifact", "list", "--sort", "part"]);
    let artifacts = artifacts.as_array().unwrap();
    assert!(artifacts.len() > 2, "{artifacts:?}");
    let ids = artifacts.iter().map(|artifact| string(&artifact["id"])).collect();
    (place, string(&artifacts[0]["execution_id"]), ids)
}

fn listed(place: &Place, now: &str) -> usize {
    place.at(now, &["artifact", "list"]).as_array().unwrap().len()
}

#[test]
fn e9_an_execution_leaves_the_history_with_its_artifacts_or_not_at_all() {
    let (place, execution, parts) = split_set();
    let delete = ["history", "delete", &execution];
    assert_eq!(place.refused_at(NOW, &delete), (3, "execution_has_artifacts".to_owned()));
    assert_eq!(listed(&place, NOW), parts.len());
    let deleted = place.at(NOW, &[&delete[..], &["--with-artifacts"]].concat());
    assert_eq!(deleted, json!({ "deleted": "execution", "ids": [execution] }));
    assert_eq!(place.json(&["history", "list"]), json!([]));
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
    assert_eq!(place.refused(&delete), (4, "not_found".to_owned()));
}

#[test]
fn a8_artifacts_are_deleted_all_or_none() {
    let (place, execution, parts) = split_set();
    let delete = |ids: &[&str]| [&["artifact", "delete"], ids].concat().join(" ");
    let refused = |command: &str| place.refused_at(NOW, &command.split(' ').collect::<Vec<_>>());
    let nothing = "00000000-0000-4000-8000-000000000000";
    assert_eq!(refused(&delete(&[&parts[0], nothing])), (4, "not_found".to_owned()));
    assert_eq!(refused(&delete(&[&parts[0], "nonsense"])), (4, "not_found".to_owned()));
    let stored = place.files("artifacts").len();
    assert_eq!((listed(&place, NOW), stored), (parts.len(), parts.len() + 1), "nothing was deleted");

    let deleted = place.at(NOW, &["artifact", "delete", &parts[0], &parts[0], &parts[1]]);
    assert_eq!(deleted, json!({ "deleted": "artifact", "ids": [parts[0], parts[1]] }));
    assert_eq!((listed(&place, NOW), place.files("artifacts").len()), (parts.len() - 2, stored - 2));
    let set = ["artifact", "delete", "--execution", &execution];
    assert_eq!(place.at(NOW, &set)["deleted"], "artifact_set");
    assert_eq!((listed(&place, NOW), place.files("artifacts").len()), (0, 0));
    assert_eq!(place.refused_at(NOW, &set), (4, "not_found".to_owned()));
    let history = place.at(NOW, &["history", "list"]);
    assert_eq!((&history[0]["status"], &history[0]["files"]), (&json!("finished"), &json!([])));
    place.at(NOW, &["history", "delete", &execution]);
}

#[test]
fn a7_a_hold_keeps_the_whole_set_beyond_its_retention() {
    let (place, execution, parts) = split_set();
    let held = place.at(NOW, &["artifact", "hold", &parts[1]]);
    let held = held.as_array().unwrap();
    assert_eq!(held.len(), parts.len());
    assert!(held.iter().all(|artifact| artifact["hold"] == true), "{held:?}");
    assert_eq!(place.at(NOW, &["artifact", "hold", "--execution", &execution]), json!(held), "idempotent");

    let late = "2026-03-01T00:00:00Z";
    place.run_at(late);
    assert_eq!(listed(&place, late), parts.len());
    for refused in [
        &["artifact", "delete", parts[0].as_str()][..],
        &["artifact", "delete", "--execution", &execution],
        &["history", "delete", &execution, "--with-artifacts"],
    ] {
        assert_eq!(place.refused_at(late, refused), (3, "on_hold".to_owned()), "{refused:?}");
    }
    place.at(late, &["artifact", "download", &parts[0], "--to", "out"]);

    let released = place.at(late, &["artifact", "release", &parts[0]]);
    assert_eq!(released, json!([]), "it has expired meanwhile");
    assert_eq!(listed(&place, late), 0);
    place.run_at(late);
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}

#[test]
fn a7_what_is_released_in_time_stays_until_it_expires() {
    let (place, _, parts) = split_set();
    place.at(NOW, &["artifact", "hold", &parts[0]]);
    let released: Value = place.at("2026-01-02T00:00:00Z", &["artifact", "release", &parts[0]]);
    assert!(released.as_array().unwrap().iter().all(|artifact| artifact["hold"] == false));
    assert_eq!(listed(&place, "2026-01-02T00:00:00Z"), parts.len());
    assert_eq!(listed(&place, "2026-03-01T00:00:00Z"), 0);
}

#[test]
fn a8_downloads_are_counted() {
    let (place, execution, parts) = split_set();
    place.at("2026-01-02T00:00:00Z", &["artifact", "download", &parts[0], "--to", "one"]);
    let set = ["artifact", "download", "--execution", &execution, "--to", "all"];
    place.at("2026-01-03T00:00:00Z", &set);
    let artifacts = place.at("2026-01-04T00:00:00Z", &["artifact", "list", "--sort", "downloads:desc"]);
    assert_eq!((&artifacts[0]["id"], &artifacts[0]["downloads"]), (&json!(parts[0]), &json!(2)));
    assert_eq!(artifacts[1]["downloads"], 1);
    assert!(string(&artifacts[0]["last_downloaded_at"]).starts_with("2026-01-03T00:00:0"));
}

#[test]
fn j15_a_recipient_that_a_job_uses_stays() {
    let place = Place::with_interactions(3);
    place.recipient("ops");
    place.recipient("law");
    let args = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let job = place.json(&[&args[..], &["--run", "daily", "--at", "02:00", "--recipient", "ops"]].concat());
    assert_eq!(place.refused(&["recipient", "remove", "ops"]), (3, "recipient_in_use".to_owned()));
    place.json(&["job", "edit", job["id"].as_str().unwrap(), "--recipient", "law"]);
    let removed = place.json(&["recipient", "remove", "ops"]);
    assert_eq!(removed, json!({ "deleted": "recipient", "ids": ["ops"] }));
    assert_eq!(place.refused(&["recipient", "remove", "ops"]), (4, "not_found".to_owned()));
    assert_eq!(place.json(&["recipient", "list"]).as_array().unwrap().len(), 1);
}

/// Runs a command on a terminal, with an answer typed by a person.
#[cfg(unix)]
fn answered(place: &Place, args: &[&str], answer: &str) -> Ended {
    let terminal = Terminal::start(place, args, 200, &[]);
    terminal.type_line(answer);
    terminal.end()
}

#[test]
#[cfg(unix)]
fn a8_a_person_is_asked_before_a_set_is_taken_apart() {
    let (place, execution, parts) = split_set();
    let delete = ["artifact", "delete", &parts[0], "--now", NOW];
    let question = format!("Delete 1 file, without which {} files more cannot be read?", parts.len() - 1);
    for answer in ["n", "", "yesterday", "\u{4}"] {
        let refused = answered(&place, &delete, answer);
        assert!(refused.screen.contains(&question), "{}", refused.screen);
        assert!(refused.screen.contains(&format!("the set of execution {execution}")), "{}", refused.screen);
        assert!(refused.screen.contains("nothing was changed"), "{}", refused.screen);
        assert_eq!((refused.code, listed(&place, NOW)), (3, parts.len()));
    }
    let deleted = answered(&place, &delete, "Y");
    assert_eq!((deleted.code, listed(&place, NOW)), (0, parts.len() - 1), "{}", deleted.screen);
}

#[test]
#[cfg(unix)]
fn everything_that_removes_asks_unless_it_was_answered() {
    let (place, execution, _) = split_set();
    place.recipient("ops");
    let job = string(&place.json(&["job", "list"])[0]["id"]);
    let whole: [(&[&str], &str); 4] = [
        (&["artifact", "delete", "--execution", &execution], "Delete all files of the set of execution"),
        (&["history", "delete", &execution, "--with-artifacts"], "from the history and delete its files"),
        (&["job", "delete", &job], "Delete job"),
        (&["recipient", "remove", "ops"], "Remove the certificate of recipient ops?"),
    ];
    for (args, question) in whole {
        let args = [args, &["--now", NOW]].concat();
        let refused = answered(&place, &args, "no");
        assert!(refused.code == 3 && refused.screen.contains(question), "{}", refused.screen);
        let ended = Terminal::start(&place, &[&args[..], &["-y"]].concat(), 200, &[]).end();
        assert!(ended.code == 0 && !ended.screen.contains('?'), "{}", ended.screen);
    }
}
