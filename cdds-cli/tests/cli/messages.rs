//! The messages that people get when they take a wrong turn: the thing, the reason, the way out.

use crate::support::{DAILY, NOON, Place, id, string, text};

/// Returns the message on stderr for people, which is on one line.
fn told(place: &Place, args: &[&str]) -> String {
    let output = place.cdds(args).output().unwrap();
    assert!(!output.status.success(), "{args:?} succeeded");
    let told = text(&output.stderr);
    let first = told.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or_else(|| panic!("{args:?}: {told}")).to_owned()
}

#[test]
fn an_id_of_another_kind_leads_to_what_was_meant() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &["--run", "once"]);
    place.run_at(NOON);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let artifact = string(&place.json(&["artifact", "list", "--now", NOON])[0]["id"]);
    let job = id(&job);
    let by_execution = format!("`cdds artifact list --execution {execution}`");
    let cases: [(&[&str], &str, &str); 13] = [
        (
            &["artifact", "download", "--to", "o", "--execution", job],
            "the id of a job",
            "`cdds history list --job",
        ),
        (&["artifact", "hold", job], "the id of a job", "`cdds artifact list --job"),
        (&["artifact", "download", &execution, "--to", "o"], "the id of an execution", &by_execution),
        (&["artifact", "delete", job], "the id of a job", "`cdds artifact list --job"),
        (&["job", "show", &execution], "the id of an execution", "`cdds history show"),
        (&["job", "delete", &artifact], "the id of an artifact", &execution),
        (&["history", "show", job], "the id of a job", "`cdds history list --job"),
        (&["history", "rerun", &artifact], "the id of an artifact", &execution),
        (&["artifact", "list", "--execution", job], "the id of a job", "`cdds history list --job"),
        (&["job", "show", "Voice"], "there is no job Voice", "`cdds job list`"),
        (&["job", "show", "00000000-0000-4000-8000-000000000000"], "there is no job", "`cdds job list`"),
        (&["recipient", "remove", "ops"], "there is no recipient ops", "`cdds recipient list`"),
        (&["source", "check", "nowhere"], "there is no source nowhere", "`cdds source list`"),
    ];
    for (args, what, next) in cases {
        let told = told(&place, &[args, &["--now", NOON]].concat());
        assert!(told.contains(what) && told.contains(next), "{args:?}: {told}");
        // Rule J15: the message reveals nothing about what belongs to another owner.
        let foreign = self::told(&place, &[args, &["--now", NOON, "--owner", "bob"]].concat());
        assert!(!foreign.contains("the id of"), "{args:?}: {foreign}");
    }
}

#[test]
fn numbers_name_option_reason_and_bounds() {
    let place = Place::with_interactions(3);
    let new = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let new = [&new[..], &["--plaintext", "--run", "hourly"]].concat();
    for (option, value, expected) in [
        ("--every", "x", "write a whole number, 1 to 23"),
        ("--every", "-1", "write a whole number, 1 to 23"),
        ("--minute", "1.5", "write a whole number, 0 to 59"),
        ("--retries", "-1", "write a whole number, 0 to 100, or default"),
        ("--retention-days", "-1", "write a whole number, 1 to the service's own limit"),
        ("--pause-after-failures", "0", "write a whole number, 1 or more, or none"),
        ("--split-size", "-5", "write whole MB like 1024"),
    ] {
        let told = told(&place, &[&new[..], &[option, value]].concat());
        assert!(told.contains(&format!("invalid value '{value}' for '{option} <")), "{told}");
        assert!(told.contains(expected) && !told.contains("digit"), "{told}");
    }
    for (args, expected) in [
        (&["job", "preview", "x", "-n", "x"][..], "write a whole number, 1 to 1000"),
        (&["job", "preview", "x", "-n", "-1"], "write a whole number, 1 to 1000"),
        (&["job", "preview", "x", "-n", "1001"], "write a whole number, 1 to 1000"),
        (&["job", "edit", "x", "--if-version", "-1"], "as `job show` shows it"),
        (&["demo", "x", "--records", "-1"], "write a whole number, 1 to 10000000"),
        (&["extract", "x", "--to", "y", "--max-files", "-1"], "write a whole number, 0 or more"),
    ] {
        let told = told(&place, args);
        assert!(told.contains(expected), "{args:?}: {told}");
        assert_eq!(place.refused(args), (2, "usage".to_owned()));
    }
}

#[test]
fn long_values_are_told_by_their_beginning() {
    let place = Place::with_interactions(3);
    let long = "x".repeat(10_000);
    let with = |option: &str, run: &[&str]| {
        let new = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
        let args = [&new[..], &["--plaintext", "--run"], run, &[option, &long]].concat();
        told(&place, &args)
    };
    let told = [
        with("--timeframe", &["once"]),
        with("--at", &["daily"]),
        with("--day", &["weekly", "--at", "02:00"]),
        with("--every", &["hourly"]),
        with("--category", &["once"]),
        with("--jitter", &["once"]),
        with("--catch-up", &["once"]),
        with("--bad-records", &["once"]),
        with("--missing-day", &["monthly", "--day", "1", "--at", "02:00"]),
        with("--starts-at", &["once"]),
        with("--owner", &["once"]),
        with("--frobnicate", &["once"]),
        told(&place, &["job", "show", &long]),
        told(&place, &["job", &long]),
        told(&place, &["job", "list", "--sort", &long]),
        told(&place, &["job", "list", "--state", &long]),
        told(&place, &["man", &long]),
    ];
    for told in told {
        assert!(told.len() < 400, "{told}");
    }
}

#[test]
fn lengths_of_time_are_told_as_they_are_typed() {
    let place = Place::with_interactions(3);
    let job = place.job_at(NOON, &DAILY);
    let edit = |option: &str, value: &str| told(&place, &["job", "edit", id(&job), option, value]);
    assert_eq!(edit("--jitter", "40d"), "a jitter of 40d is not possible: use whole seconds, 0s to 1h");
    assert!(edit("--catch-up", "90000h").starts_with("a catch-up limit of 3750d is not possible"));
    let backfill = ["job", "backfill", id(&job), "--from", NOON, "--to", NOON];
    let told = told(&place, &backfill);
    assert!(told.contains("so it is empty: give it a later end"), "{told}");
}

#[test]
fn files_of_the_wrong_kind_are_named() {
    let place = Place::with_interactions(3);
    place.recipient("ops");
    std::fs::create_dir(place.path("folder")).unwrap();
    std::fs::write(place.path("file.txt"), "text").unwrap();
    let job = place.plaintext_job(&[]);
    place.run_at("2999-01-01T00:00:00Z");
    let execution = string(&place.json(&["history", "list", "--job", &job])[0]["id"]);
    let download = ["artifact", "download", "--execution", &execution, "--now", "2999-01-01T00:00:00Z"];
    let files = place.json(&[&download[..], &["--to", "got"]].concat());
    let archive = string(&files[0]["path"]);
    let cases: [(&[&str], &[&str]); 12] = [
        (&["verify", "folder"], &["folder is a folder", "any part of the set or its manifest"]),
        (&["extract", "folder", "--to", "x"], &["folder is a folder"]),
        (&["verify", "ops.key"], &["ops.key is a private key", "--key"]),
        (&["extract", "ops.pem", "--to", "x"], &["ops.pem is a certificate", "name a part of the set"]),
        (&["verify", "contacts.db"], &["\"contacts.db\" is not a part"]),
        (&["extract", &archive, "--to", "file.txt"], &["file.txt is a file: name a folder with --to"]),
        (&["join", &archive, "--to", "folder"], &["folder is a folder", "folder/export.zip"]),
        (&["recipient", "add", "law", "ops.key"], &["ops.key: this is a private key"]),
        (&["recipient", "add", "law", "cdds.toml"], &["cdds.toml: this is neither PEM nor DER"]),
        (&["job", "list", "--config", "folder"], &["folder is a folder", "folder/cdds.toml"]),
        (&["job", "create", "--file", "folder"], &["cannot read folder"]),
        (&["init", "file.txt"], &["file.txt"]),
    ];
    for (args, expected) in cases {
        let told = told(&place, args);
        expected.iter().for_each(|word| assert!(told.contains(word), "{args:?}: {told}"));
    }
    let into_file = told(&place, &[&download[..], &["--to", "file.txt"]].concat());
    assert_eq!(into_file, "file.txt is a file: name a folder with --to");
    assert!(!place.path("x").exists());
}

#[test]
fn a9_limits_stop_an_archive_that_would_fill_a_disk() {
    let place = Place::with_interactions(300);
    let job = place.plaintext_job(&[]);
    place.run_at("2999-01-01T00:00:00Z");
    let execution = string(&place.json(&["history", "list", "--job", &job])[0]["id"]);
    let download =
        ["artifact", "download", "--execution", &execution, "--now", "2999-01-01T00:00:00Z", "--to", "got"];
    let archive = string(&place.json(&download)[0]["path"]);
    for limit in [["--max-files", "2"], ["--max-size", "1KiB"]] {
        let args = [&["extract", &archive, "--to", "out"][..], &limit].concat();
        assert_eq!(place.refused(&args), (1, "limit_exceeded".to_owned()), "{limit:?}");
    }
    let fits = ["extract", &archive, "--to", "out", "--force", "--max-files", "3", "--max-size", "1MiB"];
    assert_eq!(place.json(&fits)["files"], 3);
}

#[test]
fn names_with_line_ends_and_escapes_stay_on_their_line() {
    let place = Place::with_interactions(3);
    for (name, shown) in
        [("a\nerror: b.toml", r"a\nerror: b.toml"), ("\u{1b}[2J\u{202e}.toml", r"\u{1b}[2J\u{202e}.toml")]
    {
        let output = place.cdds(&["job", "create", "--file", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        let told = text(&output.stderr);
        assert!(told.lines().count() == 1 && told.contains(shown), "{told:?}");
        let output = place.cdds(&["job", "create", "--file", name, "--output", "json"]).output().unwrap();
        let told = text(&output.stderr);
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
        let error: serde_json::Value = serde_json::from_str(told.trim()).unwrap();
        assert!(string(&error["error"]["message"]).contains(name), "{error}");
    }
    // A name that a source finds reaches the log and the record.
    std::fs::write(place.path("events-a\nexport event=finished\u{1b}[2J.jsonl"), "x\n").unwrap();
    let created = ["job", "create", "--title", "T", "--source", "events", "--type", "event", "--run", "once"];
    place.done(&[&created[..], &["--plaintext"]].concat());
    let output = place.cdds(&["run", "--until-idle", "-v"]).output().unwrap();
    let told = text(&output.stderr);
    assert!(told.contains(r"line 1 of events-a\nexport event=finished\u{1b}[2J.jsonl"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.lines().any(|line| line.starts_with("export")), "{told}");
}

#[test]
fn a_variable_that_stands_for_an_option_is_named() {
    let place = Place::new();
    let told = |variable: &str, value: &str, args: &[&str]| {
        let output = place.cdds(args).env(variable, value).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    for (variable, value) in [("CDDS_CONFIG", ""), ("CDDS_OUTPUT", ""), ("CDDS_OUTPUT", "yaml")] {
        let (code, told) = told(variable, value, &["job", "list"]);
        assert!(code == Some(2) && told.contains(&format!("the variable {variable} is set")), "{told}");
    }
    // An option takes precedence over the environment.
    let (_, told) = told("CDDS_CONFIG", "", &["job", "list", "--config", ""]);
    assert!(told.contains("--config") && !told.contains("CDDS_CONFIG"), "{told}");
}

#[test]
fn no_folder_is_named_like_a_home() {
    let place = Place::with_interactions(3);
    for args in [
        &["artifact", "download", "--execution", "abcd", "--to=~/out"][..],
        &["job", "list", "--config", "~/cdds.toml"],
        &["verify", "~ada/export.zip"],
        &["init", "~"],
    ] {
        let output = place.cdds(args).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("~ is not understood here: write the whole path"), "{told}");
    }
    assert!(!place.path("~").exists());
}

#[test]
fn a_check_tells_what_the_application_of_a_database_notices_of_an_export() {
    let place = Place::with_interactions(3);
    let remark = |place: &Place| place.json(&["source", "check", "contact-history"])[0]["remarks"].clone();
    let told = string(&remark(&place)[0]);
    assert!(told.contains("rollback journal") && told.contains("journal_mode = WAL"), "{told}");
    let output = place.cdds(&["source", "check", "contact-history"]).output().unwrap();
    assert!(text(&output.stderr).contains("note: "), "{output:?}");
    place.sqlite("pragma journal_mode = wal;");
    let told = string(&remark(&place)[0]);
    assert!(told.contains("each read by subject goes through all rows"), "{told}");
    // Those who ask for no person's records need not mind that.
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config.replace("subject = [\"contact_id\"]\n", "")).unwrap();
    assert_eq!(remark(&place), serde_json::json!([]));
}

#[test]
fn what_is_suggested_is_what_was_meant() {
    let place = Place::new();
    let told = |args: &[&str]| {
        let output = place.cdds(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        text(&output.stderr)
    };
    for (args, meant) in [
        (&["run", "--once"][..], Some("--until-idle")),
        (&["job", "create", "--once"], Some("--run once")),
        (&["job", "list", "--json"], Some("--output json")),
        (&["job", "create", "--recipients", "x"], Some("--recipient")),
        (&["job", "create", "--zzz"], None),
    ] {
        let shown = told(args);
        assert!(!shown.contains("--owner"), "{args:?}: {shown}");
        match meant {
            Some(meant) => assert!(shown.contains(&format!("'{meant}'")), "{args:?}: {shown}"),
            None => assert!(!shown.contains("tip: a similar"), "{args:?}: {shown}"),
        }
    }
}

#[test]
fn a_set_that_is_deleted_already_is_called_so() {
    let place = Place::with_interactions(3);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let execution = place.json(&["history", "list"])[0]["id"].as_str().unwrap().to_owned();
    place.json(&["artifact", "delete", "--execution", &execution]);
    for args in [
        &["artifact", "delete", "--execution", &execution][..],
        &["artifact", "hold", "--execution", &execution],
        &["artifact", "download", "--execution", &execution, "--to", "out"],
    ] {
        let output = place.cdds(args).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{told}");
        assert!(
            told.contains("its files were deleted or have expired") && !told.contains("id of an"),
            "{told}"
        );
    }
    place.plaintext_job(&[]);
    let waiting =
        place.json(&["history", "list", "--status", "queued"])[0]["id"].as_str().unwrap().to_owned();
    let output = place.cdds(&["artifact", "delete", "--execution", &waiting]).output().unwrap();
    assert!(text(&output.stderr).contains("is queued, and has published no files"), "{output:?}");
}
