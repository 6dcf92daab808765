//! Records without an instant, and values that could be mistaken for another instant, are reported (rules W1,
//! W7).

use serde_json::json;

use crate::support::{Place, failure, text};

const NOON: &str = "2026-01-01T12:00:00Z";

/// Creates a source `lines` with one type, `line`, with these keys and records.
fn lines(keys: &str, records: &[&str]) -> Place {
    let place = Place::new();
    let source = "[[source]]\nid = \"lines\"\nkind = \"json-lines\"\nurl = \"lines.jsonl\"\n";
    let data_type = format!("[[source.type]]\nid = \"line\"\n{keys}\n");
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), format!("{config}\n{source}{data_type}")).unwrap();
    std::fs::write(place.path("lines.jsonl"), records.join("\n")).unwrap();
    place
}

fn submit(place: &Place, timeframe: &str) {
    let job = ["job", "create", "--title", "T", "--source", "lines", "--type", "line", "--plaintext"];
    place.at(NOON, &[&job[..], &["--run", "daily", "--at", "00:00", "--timeframe", timeframe]].concat());
}

#[test]
fn w7_a_time_that_no_record_has_is_told() {
    let records =
        ["{\"id\":1,\"started_at\":\"2026-01-01T01:00:00Z\"}", "{\"id\":2,\"started_at\":\"2026-01-01\"}"];
    let place = lines("time = \"Started_At\"", &records);
    submit(&place, "rolling:1d");
    let checked =
        place.cdds(&["source", "check", "lines", "--now", NOON, "--output", "json"]).output().unwrap();
    assert_eq!(failure(&checked), (1, "source_failed".to_owned()));
    assert!(text(&checked.stderr).contains("Started_At"), "{}", text(&checked.stderr));
    let view: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&view[0]["records_read"], &view[0]["without_event_instant"]), (&json!(2), &json!(2)));
    let doctor = place.cdds(&["doctor", "--now", NOON]).output().unwrap();
    assert!(text(&doctor.stdout).contains("Started_At"), "{}", text(&doctor.stdout));

    let run = place.cdds(&["run", "--until-idle", "--now", "2026-01-02T00:00:05Z"]).output().unwrap();
    assert!(run.status.success());
    assert!(text(&run.stderr).contains("undated=2"), "{}", text(&run.stderr));
    let history = place.json(&["history", "list"]);
    assert_eq!((&history[0]["records"], &history[0]["undated"]), (&json!(0), &json!(2)));
}

#[test]
fn w7_an_export_of_everything_tells_what_it_puts_into_undated() {
    let place =
        lines("time = \"at\"", &["{\"id\":1,\"at\":\"2026-01-01\"}", "{\"id\":2}", "{\"at\":null,\"id\":3}"]);
    submit(&place, "all");
    place.run_at("2026-01-02T00:00:05Z");
    let history = place.json(&["history", "list"]);
    assert_eq!((&history[0]["records"], &history[0]["undated"]), (&json!(3), &json!(2)));
}

#[test]
fn r6_w1_dates_as_digits_are_bad_records_until_their_form_is_declared() {
    for (value, format) in
        [("20260102", "yyyymmdd"), ("20260102153000", "yyyymmddhhmmss"), ("2461043.1458", "julian-day")]
    {
        for value in [value.to_owned(), format!("\"{value}\"")] {
            let record = format!("{{\"id\":1,\"at\":{value}}}");
            let place = lines("time = \"at\"", &[&record]);
            submit(&place, "all");
            let checked = place.cdds(&["source", "check", "lines", "--now", NOON]).output().unwrap();
            let told = text(&checked.stderr);
            assert!(told.contains("lines.jsonl line 1") && told.contains("time_format"), "{told}");
            assert!(!told.contains(&value), "{told}");
            let refused = place.refused_at("2026-01-03T00:00:05Z", &["run", "--until-idle"]);
            assert_eq!(refused, (1, "execution_failed".to_owned()));
            let failed = place.json(&["history", "list"]);
            assert_eq!(failed[0]["error"]["kind"], json!("bad_record"));

            let place = lines(&format!("time = \"at\"\ntime_format = \"{format}\""), &[&record]);
            submit(&place, "all");
            place.run_at("2026-01-03T00:00:05Z");
            let execution = &place.json(&["history", "list"])[0];
            let id = execution["id"].as_str().unwrap();
            place.done(&[
                "artifact",
                "download",
                "--execution",
                id,
                "--to",
                "out",
                "--now",
                "2026-01-03T00:01:00Z",
            ]);
            let archive = place.files("out").into_iter().find(|file| file.ends_with(".zip")).unwrap();
            let listed = place.program("unzip", &["-l"], &[&format!("out/{archive}")]);
            assert!(listed.contains("line/all/2026-01-02/line-00001.json"), "{value} {format}: {listed}");
        }
    }
}

#[test]
fn source_check_counts_what_records_lack() {
    let keys = "time = \"at\"\nchanged = \"updated\"\nsubject = [\"customer\"]\n\
                category = { name = \"media\", column = \"media\", values = [\"voice\"] }";
    let records = [
        "{\"at\":\"2026-01-01\",\"media\":\"voice\"}",
        "{\"at\":\"2026-01-01\",\"media\":\"fax\"}",
        "{\"media\":\"voice\"}",
    ];
    let place = lines(keys, &records);
    let view = &place.json(&["source", "check", "lines", "--now", NOON])[0];
    let counts = ["records_read", "without_event_instant", "without_change_instant", "undeclared_categories"];
    assert_eq!(counts.map(|name| view[name].as_u64().unwrap()), [3, 1, 3, 1]);
    assert_eq!(view["bad_records"], json!(0));
    let told = view["warnings"].to_string();
    for word in ["updated", "customer", "fax", "1 of the 3"] {
        assert!(told.contains(word), "{told}");
    }
    let shown = place.cdds(&["source", "check", "lines", "--now", NOON]).output().unwrap();
    assert!(shown.status.success() && text(&shown.stderr).contains("updated"), "{}", text(&shown.stderr));
}

#[test]
fn j4_a_field_that_its_type_does_not_declare_ends_the_export() {
    let place = lines("fields = [\"id\"]", &["{\"id\":1}"]);
    submit(&place, "all");
    place.run_at("2026-01-02T00:00:05Z");
    std::fs::write(place.path("lines.jsonl"), "{\"id\":1,\"secret\":2}\n").unwrap();
    let refused = place.refused_at("2026-01-03T00:00:05Z", &["run", "--until-idle"]);
    assert_eq!(refused, (1, "execution_failed".to_owned()));
    let failed = &place.json(&["history", "list", "--status", "failed"])[0]["error"];
    assert_eq!(
        (&failed["step"], &failed["kind"], &failed["retryable"]),
        (&json!("read"), &json!("invalid"), &json!(false))
    );
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("source lines, type line") && !message.contains("secret"), "{message}");
}
