//! Every refusal with its exit code (2 usage, 3 refused by a rule, 4 not found) and its stable error code.

use crate::support::{Place, failure, text};

const JOB: [&str; 8] =
    ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];

fn create<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    JOB.iter().copied().chain(extra.iter().copied()).collect()
}

#[test]
fn jobs_that_rules_refuse() {
    let place = Place::with_interactions(3);
    let once = ["--run", "once", "--plaintext"];
    let with = |extra: &[&'static str]| create(&[&once[..], extra].concat());
    for (args, code) in [
        (create(&["--run", "once"]), "recipient_required"),
        (create(&["--run", "once", "--recipient", "nobody"]), "unknown_recipient"),
        (create(&["--run", "daily", "--at", "25:00", "--plaintext"]), "invalid_time_of_day"),
        (with(&["--start", "2020-01-01T00:00:00Z"]), "start_in_past"),
        (with(&["--category", "fax"]), "unknown_category"),
        (with(&["--category", ""]), "empty_categories"),
        (with(&["--timeframe", "ever"]), "invalid_timeframe"),
        (with(&["--timeframe", "fixed:2026-01-01T00:00:00Z..2999-01-01T00:00:00Z"]), "invalid_timeframe"),
        (with(&["--split-size", "63KiB"]), "invalid_split_size"),
        (with(&["--split-size", "4096"]), "invalid_split_size"),
        (with(&["--retention-days", "31"]), "invalid_retention"),
        (with(&["--owner", "a/b"]), "invalid_name"),
    ] {
        assert_eq!(place.refused(&args), (3, code.to_owned()), "{args:?}");
    }
    for (title, source, data_type, code) in [
        (" ", "contact-history", "interaction", "invalid_title"),
        ("T", "nowhere", "interaction", "unknown_source"),
        ("T", "info-mart", "interaction", "unsupported_source"),
        ("T", "contact-history", "agent", "unknown_type"),
    ] {
        let args = ["job", "create", "--title", title, "--source", source, "--type", data_type];
        let args = [&args[..], &once[..]].concat();
        assert_eq!(place.refused(&args), (3, code.to_owned()), "{args:?}");
    }
    let undated = ["job", "create", "--title", "T", "--source", "events", "--type", "event"];
    let undated = [&undated[..], &once[..], &["--timeframe", "rolling:1d"]].concat();
    assert_eq!(place.refused(&undated), (3, "timeframe_needs_instant".to_owned()));
    assert_eq!(place.json(&["job", "list"]), serde_json::json!([]), "a refused job is not stored");
}

#[test]
fn a4_split_sizes_that_recipients_could_not_decrypt() {
    let place = Place::with_interactions(3);
    place.recipient("ops");
    let args = create(&["--run", "once", "--recipient", "ops", "--split-size", "1431"]);
    assert_eq!(place.refused(&args), (3, "split_size_too_large_to_seal".to_owned()));
}

#[test]
fn command_lines_that_cannot_be_read() {
    let place = Place::with_interactions(3);
    for args in [
        &["job", "create"][..],
        &["frobnicate"],
        &["job", "list", "--sort", "colour"],
        &["job", "list", "--sort", "title:up"],
        &["history", "list", "--status", "done"],
        &["artifact", "download", "--to", "out"],
        &["job", "list", "--now", "yesterday"],
        &["job", "list", "-q", "-v"],
        &create(&["--run", "once", "--recipient", "ops", "--plaintext"]),
        &create(&["--run", "once", "--plaintext", "--split-size", "1.5"]),
        &create(&["--run", "once", "--plaintext", "--at", "02:00"]),
        &create(&["--run", "daily", "--plaintext"]),
        &create(&["--run", "sometimes", "--plaintext"]),
        &create(&["--run", "weekly", "--at", "02:00", "--plaintext"]),
        &create(&["--run", "once", "--plaintext", "--pause-after-failures", "0"]),
        &create(&["--run", "once", "--plaintext", "--retention-days", "x"]),
        &["job", "list", "--latest-status", "skipped"],
        &["job", "preview", "x", "-n", "0"],
        &["job", "backfill", "x", "--from", "2020-01-01T00:00:00Z"],
        &["artifact", "delete"],
        &["artifact", "hold"],
        &["artifact", "list", "--size-min", "big"],
        &create(&["--run", "daily", "--plaintext", "--at", "02:00", "--start", "2999-01-01T00:00:00Z"]),
    ] {
        assert_eq!(place.refused(args), (2, "usage".to_owned()), "{args:?}");
    }
    let table = place.cdds(&["frobnicate"]).output().unwrap();
    assert_eq!(table.status.code(), Some(2));
    assert!(text(&table.stderr).starts_with("error: "), "{}", text(&table.stderr));
    let environment = place.cdds(&["frobnicate"]).env("CDDS_OUTPUT", "json").output().unwrap();
    assert_eq!(failure(&environment), (2, "usage".to_owned()));
}

#[test]
fn things_that_are_not_there() {
    let place = Place::with_interactions(3);
    let id = "00000000-0000-4000-8000-000000000000";
    for missing in [id, "nonsense"] {
        for args in [
            &["job", "show", missing][..],
            &["job", "suspend", missing],
            &["job", "resume", missing],
            &["history", "show", missing],
            &["history", "list", "--job", missing],
            &["artifact", "list", "--job", missing],
            &["artifact", "list", "--execution", missing],
            &["artifact", "download", missing, "--to", "out"],
            &["artifact", "download", "--execution", missing, "--to", "out"],
            &["source", "check", missing],
            &["job", "edit", missing, "--title", "T"],
            &["job", "clone", missing],
            &["job", "delete", missing],
            &["job", "run", missing],
            &["job", "preview", missing],
            &["job", "backfill", missing, "--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"],
            &["history", "clone", missing],
            &["history", "rerun", missing],
            &["history", "cancel", missing],
            &["history", "delete", missing],
            &["artifact", "delete", missing],
            &["artifact", "delete", "--execution", missing],
            &["artifact", "hold", missing],
            &["artifact", "hold", "--execution", missing],
            &["artifact", "release", missing],
            &["recipient", "remove", missing],
        ] {
            assert_eq!(place.refused(args), (4, "not_found".to_owned()), "{args:?}");
        }
    }
    assert_eq!(place.refused(&["recipient", "add", "ops", "no.pem"]), (4, "not_found".to_owned()));
    assert!(!place.path("out").exists(), "what is refused changes nothing");
}

#[test]
fn j15_another_owners_things_are_not_there() {
    let place = Place::with_interactions(3);
    place.share_interactions();
    let job = place.plaintext_job(&["--owner", "alice"]);
    place.json(&["job", "show", &job, "--owner", "alice"]);
    for command in ["show", "suspend", "run", "delete", "clone"] {
        let refused = place.refused(&["job", command, &job, "--owner", "bob"]);
        assert_eq!(refused, (4, "not_found".to_owned()), "{command}");
    }
    let execution = place.json(&["history", "list", "--owner", "alice"])[0]["id"].clone();
    for command in ["show", "cancel", "rerun", "delete", "clone"] {
        let refused = place.refused(&["history", command, execution.as_str().unwrap(), "--owner", "bob"]);
        assert_eq!(refused, (4, "not_found".to_owned()), "{command}");
    }
    assert_eq!(place.json(&["job", "list", "--owner", "bob"]), serde_json::json!([]));
}

#[test]
fn a8_more_than_a_hundred_files() {
    let place = Place::new();
    let ids: Vec<String> = (0..101).map(|n| format!("00000000-0000-4000-8000-{n:012}")).collect();
    let mut args = vec!["artifact", "download", "--to", "out"];
    args.extend(ids.iter().map(String::as_str));
    assert_eq!(place.refused(&args), (3, "too_many_files".to_owned()));
}

#[test]
fn s2_certificates_that_cannot_be_used() {
    let place = Place::new();
    std::fs::write(place.path("bad.pem"), "not a certificate").unwrap();
    assert_eq!(place.refused(&["recipient", "add", "ops", "bad.pem"]), (3, "invalid_certificate".to_owned()));
    place.recipient("ops");
    assert_eq!(place.refused(&["recipient", "add", "ops", "ops.pem"]), (3, "recipient_exists".to_owned()));
    let expired = ["recipient", "add", "late", "ops.pem", "--now", "2999-01-01T00:00:00Z"];
    assert_eq!(place.refused(&expired), (3, "invalid_certificate".to_owned()));
}

#[test]
fn sources_that_cannot_be_read() {
    let place = Place::new();
    assert_eq!(place.refused(&["source", "check", "info-mart"]), (3, "unsupported_source".to_owned()));
    assert_eq!(place.refused(&["source", "check", "contact-history"]), (1, "source_failed".to_owned()));
}

#[test]
fn configurations_that_cannot_be_used() {
    let place = Place::new();
    assert_eq!(place.refused(&["init"]), (3, "config_exists".to_owned()));
    assert_eq!(place.refused(&["job", "list", "--config", "other.toml"]), (2, "config_not_found".to_owned()));
    std::fs::write(place.path("typo.toml"), "[engine]\nconcurency = 3\n").unwrap();
    let output = place.cdds(&["job", "list", "--config", "typo.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: typo.toml: line 2: unknown key \"concurency\", did you mean \"concurrency\"?\n"
    );
    for (url, told) in [("mysql://u:secret@h/d", "sqlite:PATH"), ("postgres://u:secret@h/d", "catalog.url")] {
        std::fs::write(place.path("big.toml"), format!("[catalog]\nurl = \"{url}\"\n")).unwrap();
        let output = place.cdds(&["job", "list", "--config", "big.toml"]).output().unwrap();
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(told) && !said.contains("secret"), "{said}");
    }
}
