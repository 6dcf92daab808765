//! Job files: the output of `job show --output toml` creates the same job again.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Place, failure, id, text};

const NOW: &str = "2020-01-01T12:00:00Z";

/// Removes the fields in which two jobs with the same settings may differ.
fn settings(job: &Value) -> Value {
    let mut settings = job.clone();
    for own in ["id", "created_at", "updated_at", "version", "latest_status", "state"] {
        settings.as_object_mut().unwrap().remove(own);
    }
    settings
}

#[test]
fn j1_j5_a_job_file_makes_the_same_job() {
    let place = Place::with_interactions(3);
    place.recipient("ops");
    let cases: [&[&str]; 11] = [
        &["--run", "once"],
        &[
            "--run",
            "once",
            "--type",
            r#"{"type": "note", "field": ["note"], "filter": ["note*=A", "note!=B"]}"#,
        ],
        &["--run", "once", "--start", "2030-01-01T00:00:00.5Z", "--description", "two\nlines \"quoted\""],
        &[
            "--run",
            "hourly",
            "--every",
            "5",
            "--minute",
            "59",
            "--timeframe",
            "previous:5h",
            "--split-size",
            "65537B",
        ],
        &[
            "--run",
            "daily",
            "--at",
            "02:00",
            "--category",
            "voice,chat",
            "--field",
            "a\\,b,all",
            "--overlap",
            "coalesce",
        ],
        &[
            "--run",
            "weekly",
            "--day",
            "sun",
            "--at",
            "23:59",
            "--timeframe",
            "rolling:1w",
            "--split-size",
            "1024",
        ],
        &[
            "--run",
            "monthly",
            "--day",
            "31",
            "--at",
            "00:00",
            "--missing-day",
            "last",
            "--retention-days",
            "7",
        ],
        &[
            "--run",
            "daily",
            "--at",
            "02:30",
            "--time-zone",
            "America/St_Johns",
            "--gap",
            "skip",
            "--fold",
            "both",
        ],
        &["--run", "cron", "--cron", "0 2 * * mon-fri", "--timeframe", "since-last:2020-01-01T00:00:00Z"],
        &[
            "--run",
            "daily",
            "--at",
            "02:00",
            "--starts-at",
            "2030-01-01T00:00:00Z",
            "--ends-at",
            "2031-01-01T00:00:00Z",
        ],
        &[
            "--run",
            "daily",
            "--at",
            "02:00",
            "--filter",
            "a=1",
            "--filter",
            "{\"field\":\"a=b\",\"operator\":\"<\",\"value\":\"=\"}",
            "--catch-up",
            "coalesce:36h",
            "--retries",
            "0",
            "--jitter",
            "10m",
            "--pause-after-failures",
            "3",
            "--bad-records",
            "skip:5",
        ],
    ];
    for (number, options) in cases.into_iter().enumerate() {
        let protection: &[&str] = if number % 2 == 0 { &["--plaintext"] } else { &["--recipient", "ops"] };
        let now = if number % 2 == 0 { NOW } else { "2026-11-30T00:00:00Z" };
        let create =
            ["job", "create", "--title", "T ü", "--source", "contact-history", "--type", "interaction"];
        // Some of the fields are made up, for their names.
        let create = [&create[..], &["--allow-unknown-fields"], options, protection].concat();
        let made = if protection.len() == 1 { place.at(now, &create) } else { place.json(&create) };
        let file = place.done(&["job", "show", id(&made), "--output", "toml"]);
        std::fs::write(place.path("job.toml"), &file).unwrap();
        let from_file = ["job", "create", "--file", "job.toml", "--allow-unknown-fields"];
        let again = if protection.len() == 1 { place.at(now, &from_file) } else { place.json(&from_file) };
        assert_eq!(settings(&again), settings(&made), "{file}");
        assert_eq!(place.done(&["job", "show", id(&again), "--output", "toml"]), file);
    }
}

#[test]
fn job_files_come_from_stdin_and_in_json_too() {
    let place = Place::with_interactions(3);
    let json = r#"{"title": "J", "source": "contact-history", "type": "interaction", "run": "once", "plaintext": true}"#;
    std::fs::write(place.path("job.json"), json).unwrap();
    assert_eq!(place.json(&["job", "create", "--file", "job.json"])["title"], "J");
    let piped = |contents: &str| {
        let mut command = place.cdds(&["job", "create", "--file", "-", "--output", "json"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(contents.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    for contents in [
        json,
        "title = 'J'\nsource = 'contact-history'\ntype = 'interaction'\nrun = 'once'\nplaintext = true",
    ] {
        let output = piped(contents);
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(made["title"], "J");
    }
    let output = piped("title = 'J'\nrum = 'once'");
    assert_eq!(failure(&output), (2, "usage".to_owned()));
    assert!(
        text(&output.stderr).contains("the job file on stdin: line 2: unknown key"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_a_file_leaves_out_can_be_typed_beside_it() {
    let place = Place::with_interactions(3);
    std::fs::write(place.path("half.toml"), "source = 'contact-history'\ntimeframe = 'rolling:1d'\n")
        .unwrap();
    let typed = ["--title", "T", "--type", "interaction", "--run", "daily", "--at", "02:00", "--plaintext"];
    let made = place.json(&[&["job", "create", "--file", "half.toml"], &typed[..]].concat());
    assert_eq!((&made["run"], &made["timeframe"]), (&json!("daily at 02:00"), &json!("rolling:1d")));
}

#[test]
fn toml_is_refused_where_nothing_is_a_job_file() {
    let place = Place::with_interactions(3);
    for args in [&["job", "list"][..], &["history", "list"], &["source", "list"], &["run", "--until-idle"]] {
        let output = place.cdds(&[args, &["--output", "toml"]].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).starts_with("error: only `job show` prints toml"), "{args:?}");
    }
}

#[test]
fn job_files_and_configurations_come_from_editors_of_every_kind() {
    let place = Place::with_interactions(3);
    let toml = "title = \"T\"\nsource = \"contact-history\"\ntype = \"interaction\"\nrun = \"once\"\nplaintext = true\n";
    let json = r#"{"title": "T", "source": "contact-history", "type": "interaction", "run": "once", "plaintext": true}"#;
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let marked = |text: &str| format!("\u{FEFF}{text}");
    let utf16 = |text: &str| marked(text).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let forms = |text: &str| [marked(text).into(), marked(&text.replace('\n', "\r\n")).into(), utf16(text)];
    for (name, text) in [("job.toml", toml), ("job.json", json)] {
        for file in forms(text) {
            std::fs::write(place.path(name), &file).unwrap();
            assert_eq!(place.json(&["job", "create", "--file", name])["title"], "T", "{name}");
            let mut command = place.cdds(&["job", "create", "--file", "-", "--dry-run"]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(&file).unwrap();
            assert!(child.wait().unwrap().success(), "{name} on stdin");
        }
    }
    for file in forms(&config) {
        std::fs::write(place.path("cdds.toml"), file).unwrap();
        assert_eq!(place.json(&["job", "list"]).as_array().unwrap().len(), 6);
    }
    std::fs::write(place.path("job.toml"), b"title = \"gr\xFCn\"").unwrap();
    let output = place.cdds(&["job", "create", "--file", "job.toml"]).output().unwrap();
    assert!(text(&output.stderr).contains("job.toml is neither UTF-8 nor UTF-16"), "{output:?}");
    assert_eq!(output.status.code(), Some(2));
}
