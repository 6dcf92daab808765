//! Commands for several jobs at once, by their ids or by what they have in common.

use serde_json::{Value, json};

use crate::pty::Terminal;
use crate::support::{DAILY, NOON, Place, string, text};

fn states(place: &Place) -> Vec<(String, String)> {
    let jobs = place.at(NOON, &["job", "list", "--sort", "title"]);
    let of = |job: &Value| (string(&job["title"]), string(&job["state"]));
    jobs.as_array().unwrap().iter().map(of).collect()
}

/// Three jobs of one source and one of another. Returns their ids.
fn jobs(place: &Place) -> Vec<String> {
    let job = |title: &str, source: [&str; 4]| {
        let args = [&["job", "create", "--plaintext", "--title", title][..], &source, &DAILY];
        string(&place.at(NOON, &args.concat())["id"])
    };
    let calls = ["--source", "contact-history", "--type", "interaction"];
    let mut ids: Vec<String> = ["A", "B", "C"].map(|title| job(title, calls)).to_vec();
    let events = ["--source", "events", "--type", "event", "--run", "daily", "--at", "02:00"];
    let events = [&events[..], &["--timeframe", "all"]].concat();
    ids.push(string(
        &place.at(NOON, &[&["job", "create", "--plaintext", "--title", "E"][..], &events].concat())["id"],
    ));
    ids
}

#[test]
fn everything_of_a_source_is_stopped_and_started_again() {
    let place = Place::with_interactions(1);
    let ids = jobs(&place);
    let of_source = ["--source", "contact-history", "--all"];
    let stop = [&["job", "suspend"][..], &of_source].concat();

    let rehearsed = place.cdds(&[&stop[..], &["--dry-run", "--now", NOON]].concat()).output().unwrap();
    assert!(text(&rehearsed.stderr).starts_with("nothing was changed"), "{}", text(&rehearsed.stderr));
    assert_eq!(text(&rehearsed.stdout).lines().count(), 4);
    assert!(states(&place).iter().all(|(_, state)| state == "active"));

    let stopped = place.at(NOON, &stop);
    assert_eq!(stopped.as_array().unwrap().len(), 3);
    assert!(stopped.as_array().unwrap().iter().all(|job| job["state"] == "suspended"), "{stopped}");
    let expected = [("A", "suspended"), ("B", "suspended"), ("C", "suspended"), ("E", "active")];
    assert_eq!(states(&place), expected.map(|(title, state)| (title.to_owned(), state.to_owned())));
    // Those that are stopped already are not among all that can be.
    assert_eq!(place.at(NOON, &stop), json!([]));
    assert_eq!(place.at(NOON, &[&["job", "resume"][..], &of_source].concat()).as_array().unwrap().len(), 3);
    assert_eq!(place.at(NOON, &[&["job", "run"][..], &of_source].concat()).as_array().unwrap().len(), 3);

    // By their ids, of which one cannot be: the others are, and the exit code says so.
    let once = string(&place.job_at(NOON, &["--run", "once", "--timeframe", "all"])["id"]);
    let run = ["job", "run", &ids[0], &once, "B", &ids[1], "--output", "json", "--now", NOON];
    let output = place.cdds(&run).output().unwrap();
    let (done, error): (Value, Value) =
        (serde_json::from_slice(&output.stdout).unwrap(), serde_json::from_slice(&output.stderr).unwrap());
    assert_eq!((output.status.code(), done.as_array().unwrap().len()), (Some(1), 2));
    assert_eq!(error["error"]["code"], "some_failed");
    let told = string(&error["error"]["message"]);
    assert!(told.starts_with("1 of 3 jobs could not be queued:") && told.contains(&once), "{told}");

    assert_eq!(place.refused_at(NOON, &["job", "suspend", "A", "--search", "x"]), (2, "usage".to_owned()));
    assert_eq!(place.refused_at(NOON, &["job", "suspend"]).0, 2);
    assert_eq!(place.refused_at(NOON, &["job", "delete", "A", "--all"]).0, 2);

    let deleted = place.at(NOON, &["job", "delete", "--all", "--search", "e"]);
    assert_eq!(deleted, json!({"deleted": "job", "ids": [ids[3]]}));
    assert_eq!(states(&place).len(), 4);
}

#[test]
fn a_person_is_asked_before_several_jobs_are_changed_and_before_time_is_moved() {
    let place = Place::with_interactions(1);
    jobs(&place);
    let answered = |args: &[&str], answer: &str| {
        let terminal = Terminal::start(&place, args, 200, &[]);
        terminal.type_line(answer);
        terminal.end()
    };
    let refused = answered(&["job", "suspend", "--all"], "n");
    assert!(refused.screen.contains("Suspend 4 jobs ("), "{}", refused.screen);
    assert_eq!(refused.code, 3);
    assert!(states(&place).iter().all(|(_, state)| state == "active"));
    assert_eq!(answered(&["job", "suspend", "A"], "").code, 0, "one that can be resumed is no question");
    assert_eq!(answered(&["job", "suspend", "--all"], "y").code, 0);
    assert!(states(&place).iter().all(|(_, state)| state == "suspended"));

    let far = ["job", "resume", "A", "--now", "2099-01-01T00:00:00Z"];
    let refused = answered(&far, "n");
    assert!(
        refused.screen.contains("ahead of this machine's clock: changes made now are dated by it. Go on?")
    );
    assert_eq!((refused.code, &*states(&place)[0].1), (3, "suspended"), "{}", refused.screen);
    assert_eq!(answered(&[&far[..], &["-y"]].concat(), "").code, 0);
    assert_eq!(states(&place)[0].1, "active");
    // What only shows asks nothing.
    assert_eq!(
        Terminal::start(&place, &["job", "list", "--now", "2099-01-01T00:00:00Z"], 200, &[]).end().code,
        0
    );
}

#[test]
fn j11_a_file_says_what_a_job_becomes() {
    let place = Place::with_interactions(1);
    let ids = jobs(&place);
    let file = place.done(&["job", "show", &ids[0], "--output", "toml"]);
    let changed = file.replace("02:00", "04:30") + "description = \"moved\"\n";
    std::fs::write(place.path("job.toml"), &changed).unwrap();
    let edit = ["job", "edit", &ids[0], "--file", "job.toml"];
    assert_eq!(place.at(NOON, &[&edit[..], &["--dry-run"]].concat())["run"], "daily at 04:30");
    assert_eq!(place.at(NOON, &["job", "show", &ids[0]])["run"], "daily at 02:00");
    let edited = place.at(NOON, &[&edit[..], &["--title", "Moved"]].concat());
    assert_eq!((&edited["title"], &edited["run"]), (&json!("Moved"), &json!("daily at 04:30")));
    // What the file leaves out gets its default.
    std::fs::write(place.path("job.toml"), changed.replace("description = \"moved\"\n", "")).unwrap();
    assert_eq!(place.at(NOON, &edit)["description"], "");
    std::fs::write(place.path("job.toml"), "titel = \"T\"\n").unwrap();
    assert_eq!(place.refused_at(NOON, &edit), (2, "usage".to_owned()));
}

#[test]
fn what_goes_when_and_what_would_be_removed() {
    let place = Place::with_interactions(90);
    place.job_at(NOON, &DAILY);
    assert_eq!(place.run_at("2020-01-02T02:00:01Z")["finished"], 1);
    assert_eq!(place.run_at("2020-01-03T02:00:01Z")["finished"], 1);
    let now = "2020-01-31T12:00:00Z";
    let executions = place.at(now, &["history", "list", "--sort", "slot"]);
    let id = |number: usize| string(&executions[number]["id"]);
    place.at(now, &["artifact", "hold", "--execution", &id(1)]);

    let going = place.at(now, &["retention", "preview"]);
    assert_eq!(going.as_array().unwrap().len(), 2, "{going}");
    assert_eq!((&going[0]["execution_id"], &going[0]["hold"]), (&executions[0]["id"], &json!(false)));
    assert_eq!((&going[1]["execution_id"], &going[1]["hold"]), (&executions[1]["id"], &json!(true)));
    assert!(string(&going[0]["expires_at"]).starts_with("2020-02-01T02:00:01"), "{going}");
    assert_eq!(place.at(now, &["retention", "preview", "--until", "tomorrow"]), json!([]));
    let told = place.cdds(&["retention", "preview", "--now", now]).output().unwrap();
    let told = text(&told.stderr);
    assert!(told.contains("going: 1 set, ") && told.contains("; on hold, and kept: 1 set, "), "{told}");

    let before = (place.at(now, &["artifact", "list"]), place.at(now, &["history", "list"]));
    let (artifact, execution) = (string(&before.0[0]["id"]), id(0));
    for args in [
        &["artifact", "delete", &artifact][..],
        &["artifact", "delete", "--execution", &execution],
        &["history", "delete", &execution, "--with-artifacts"],
    ] {
        let output = place.cdds(&[args, &["--dry-run", "--now", now]].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert!(output.status.success() && said.starts_with("nothing was "), "{args:?}: {said}");
        assert!(!output.stdout.is_empty());
    }
    assert_eq!((place.at(now, &["artifact", "list"]), place.at(now, &["history", "list"])), before);
}
