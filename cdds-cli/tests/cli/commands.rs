//! The ordinary use of each command.

use serde_json::json;

use crate::support::{Place, string, text};

#[test]
fn init_makes_a_folder_to_work_in() {
    let place = Place::new();
    place.done(&["init", "deep/inside"]);
    for made in ["deep/inside/cdds.toml", "deep/inside/cdds.db", "deep/inside/artifacts"] {
        assert!(place.path(made).exists(), "{made}");
    }
    assert_eq!(place.json(&["--config", "deep/inside/cdds.toml", "job", "list"]), json!([]));
    let mut by_environment = place.cdds(&["source", "list"]);
    let output = by_environment.env("CDDS_CONFIG", "deep/inside/cdds.toml").output().unwrap();
    assert_eq!((text(&output.stdout), output.status.code()), (String::new(), Some(0)));
}

#[test]
fn the_configuration_is_found_from_the_folders_below_it() {
    let place = Place::with_interactions(9);
    place.plaintext_job(&[]);
    let below = place.path("deep/inside");
    std::fs::create_dir_all(&below).unwrap();
    let output = place.cdds(&["job", "ls", "-v"]).current_dir(&below).output().unwrap();
    let (table, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && table.contains("contact-history"), "{table}{told}");
    assert!(told.contains("using the configuration /") && told.contains("cdds.toml"), "{told}");
    let output = place.cdds(&["job", "ls"]).current_dir(&below).output().unwrap();
    assert!(output.stderr.is_empty(), "only with -v: {}", text(&output.stderr));
    // The nearest one counts, and a named one most of all.
    place.done(&["init", "deep"]);
    let listed = |command: &mut std::process::Command| {
        let output = command.args(["--output", "json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap().as_array().unwrap().len()
    };
    assert_eq!(listed(place.cdds(&["job", "list"]).current_dir(&below)), 0);
    assert_eq!(listed(place.cdds(&["job", "list", "--config", "../../cdds.toml"]).current_dir(&below)), 1);
}

#[test]
fn init_writes_the_configuration_that_is_named_and_is_silent_if_asked() {
    let place = Place::new();
    let output = place.cdds(&["init", "exports", "--config", "nightly.toml", "-q"]).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    assert!(place.path("exports/nightly.toml").exists() && !place.path("exports/cdds.toml").exists());
    place.done(&["job", "list", "--config", "exports/nightly.toml"]);
}

#[test]
fn the_id_of_a_new_job_alone_is_printed_if_asked() {
    let place = Place::with_interactions(9);
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let daily = ["--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d", "--plaintext", "-q"];
    let made = place.done(&[&job[..], &daily].concat());
    let id = made.strip_suffix('\n').unwrap();
    assert_eq!(place.json(&["job", "show", id])["title"], "T");
    let cloned = place.done(&["job", "clone", id, "--title", "U", "-q"]);
    assert_eq!(place.json(&["job", "show", cloned.trim_end()])["title"], "U");
    place.done(&["job", "rm", id]);
}

#[test]
fn a_configuration_without_init_is_a_fresh_start() {
    let place = Place::new();
    std::fs::write(
        place.path("own.toml"),
        "[catalog]\nurl = \"sqlite:own/c.db\"\n[store]\nurl = \"file:own/a\"\n",
    )
    .unwrap();
    assert_eq!(place.json(&["--config", "own.toml", "job", "list"]), json!([]));
    // A store that has vanished is not replaced by an empty one. What only reads the record does without it.
    std::fs::remove_dir(place.path("own/a")).unwrap();
    let run = ["--config", "own.toml", "run", "--until-idle"];
    assert_eq!(place.refused(&run), (1, "store_failed".to_owned()));
    assert_eq!(place.json(&["--config", "own.toml", "job", "list"]), json!([]));
    assert!(!place.path("own/a").exists());
}

#[test]
fn sources_are_listed_and_checked() {
    let place = Place::with_interactions(5);
    let listed = place.json(&["source", "list"]);
    let ids: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|source| source["id"].as_str()).collect();
    assert_eq!(ids, ["contact-history", "events", "info-mart"]);
    assert_eq!(listed[0]["types"][0]["category"]["values"], json!(["voice", "chat", "email"]));
    assert_eq!(listed[2]["reason"], "Info Mart exports are not supported");
    let checked = place.json(&["source", "check", "contact-history"]);
    assert_eq!((&checked[0]["type"], &checked[0]["records_read"]), (&json!("interaction"), &json!(5)));
}

#[test]
fn the_fields_of_one_type_are_listed_and_a_source_that_fails_is_told_with_each_type() {
    let place = Place::with_interactions(5);
    let fields = ["source", "fields", "contact-history"];
    let note = place.json(&[&fields[..], &["note"]].concat());
    let told = |field: &serde_json::Value| format!("{} {}", string(&field["type"]), string(&field["name"]));
    let names: Vec<String> = note.as_array().unwrap().iter().map(told).collect();
    assert_eq!(names, ["note contact_id", "note note"]);
    let all = place.json(&fields);
    assert!(all.as_array().unwrap().iter().map(told).any(|name| name == "interaction seconds"), "{all}");
    assert_eq!(place.refused(&[&fields[..], &["nothing"]].concat()), (4, "not_found".to_owned()));
    std::fs::rename(place.path("contacts.db"), place.path("away.db")).unwrap();
    let output = place.cdds(&fields).output().unwrap();
    let said = text(&output.stderr);
    assert!(
        output.status.code() == Some(1)
            && said.contains("type interaction: ")
            && said.contains("type note: "),
        "{said}"
    );
}

#[test]
fn jobs_are_listed_searched_filtered_and_sorted() {
    let place = Place::with_interactions(3);
    let create = |title: &str, run: &[&str]| {
        let args = ["job", "create", "--title", title, "--source", "contact-history", "--type"];
        let args = [&args[..], &["interaction", "--plaintext", "--run"], run].concat();
        string(&place.json(&args)["id"])
    };
    let daily = create("Beta voice", &["daily", "--at", "02:00"]);
    create("Alpha", &["once"]);
    create("Gamma", &["once", "--start", "2999-01-01T00:00:00Z"]);
    let titles = |args: &[&str]| -> Vec<String> {
        let listed = place.json(&[&["job", "list"], args].concat());
        listed.as_array().unwrap().iter().map(|job| string(&job["title"])).collect()
    };
    assert_eq!(titles(&["--sort", "title"]), ["Alpha", "Beta voice", "Gamma"]);
    assert_eq!(titles(&["--sort", "title:desc"]), ["Gamma", "Beta voice", "Alpha"]);
    assert_eq!(titles(&["--search", "VOICE"]), ["Beta voice"]);
    assert_eq!(titles(&["--frequency", "daily"]), ["Beta voice"]);
    assert_eq!(titles(&["--state", "suspended"]), ["Alpha"]);
    assert_eq!(titles(&["--state", "all", "--frequency", "once", "--sort", "title"]), ["Alpha", "Gamma"]);

    assert_eq!(place.json(&["job", "suspend", &daily])["state"], "suspended");
    assert_eq!(place.json(&["job", "suspend", &daily])["version"], 2, "idempotent");
    let resumed = place.json(&["job", "resume", &daily]);
    assert_eq!(resumed["state"], "active");
    assert!(string(&resumed["next_starts_at"]).ends_with("T02:00:00Z"));
    assert_eq!(place.json(&["job", "show", &daily]), resumed);
}

#[test]
fn tables_are_for_reading_one_row_a_line() {
    let place = Place::with_interactions(3);
    place.plaintext_job(&["--description", "a\u{1b}[2Jb"]);
    let listed = place.done(&["job", "list"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.starts_with("ID ") && listed.contains(" queued "), "{listed}");
    assert!(!listed.contains('\u{1b}'));
    let id = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(!place.done(&["job", "show", id]).contains('\u{1b}'), "control characters do not get through");
}

#[test]
fn quiet_runs_say_nothing_and_others_a_line_per_event() {
    let place = Place::with_interactions(3);
    place.plaintext_job(&[]);
    let output = place.cdds(&["run", "--until-idle"]).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains(" event=started ") && told.contains(" event=finished "), "{told}");
    place.plaintext_job(&[]);
    let output = place.cdds(&["run", "--until-idle", "-q"]).output().unwrap();
    assert_eq!(
        (text(&output.stderr), text(&output.stdout)),
        (String::new(), "1 finished, 0 failed, 0 other\n".into())
    );
}

#[test]
fn a_failed_execution_fails_the_run_and_tells_why() {
    let place = Place::with_interactions(3);
    let job = place.plaintext_job(&[]);
    place.sqlite("alter table interactions rename column started_at to gone");
    assert_eq!(place.refused(&["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    let failed = place.json(&["history", "list", "--job", &job, "--status", "failed"]);
    assert_eq!(failed[0]["error"]["step"], "read");
    assert!(string(&failed[0]["error"]["message"]).contains("started_at"));
    assert_eq!(place.json(&["job", "show", &job])["latest_status"], "failed");
}

#[test]
fn a_running_engine_stops_in_good_order() {
    let place = Place::with_interactions(3);
    let job = place.plaintext_job(&[]);
    let mut engine = place.cdds(&["run", "-q"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    while place.json(&["job", "show", &job])["latest_status"] != "finished" {}
    place.program("kill", &["-TERM"], &[&engine.id().to_string()]);
    assert_eq!(engine.wait().unwrap().code(), Some(0));
}

#[test]
fn completions_and_manual_are_printed() {
    let place = Place::new();
    assert!(place.done(&["completions", "bash"]).contains("_cdds"));
    assert!(place.done(&["man"]).contains(".TH cdds"));
}
