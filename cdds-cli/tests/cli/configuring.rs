//! `cdds config …`: what holds, whether it is right, and what could be written.

use serde_json::{Value, json};

use crate::pty::Terminal;
use crate::support::{Place, string, text};

fn of<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let found = shown.as_array().unwrap().iter().find(|row| row["key"] == key);
    found.unwrap_or_else(|| panic!("{key} is not in {shown}"))
}

#[test]
fn what_holds_is_shown_without_secrets() {
    let place = Place::new();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config = config.replace("lease = \"60s\"", "").replace("days = 30", "days = 10");
    let secrets = "[[webhook]]\nid = \"ops\"\nurl = \"https://hooks.example/s3cret-path\"\nsecret_file = \"hook.secret\"\n\
                   [[user]]\nname = \"ada\"\nhash = \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"\nrole = \"viewer\"\n";
    std::fs::write(place.path("cdds.toml"), config + secrets).unwrap();
    std::fs::write(place.path("hook.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let shown = place.json(&["config", "show"]);
    assert_eq!(of(&shown, "retention.days")["value"], "10");
    assert!(of(&shown, "retention.days")["line"].as_u64() > Some(1));
    assert_eq!(of(&shown, "engine.lease"), &json!({"key": "engine.lease", "value": "\"60s\"", "line": null}));
    assert_eq!(of(&shown, "source[contact-history].type[interaction].time")["value"], "\"started_at\"");
    assert_eq!(of(&shown, "webhook[ops].url")["value"], "(hidden)");
    assert_eq!(of(&shown, "user[ada].hash")["value"], "(hidden)");
    assert_eq!(of(&shown, "webhook[ops].secret_file")["value"], "\"hook.secret\"");
    let all = shown.to_string();
    for secret in ["s3cret", "argon2id", "whsec"] {
        assert!(!all.contains(secret), "{secret}");
    }
    let checked = place.json(&["config", "check"]);
    assert_eq!((&checked["sources"], &checked["unreadable"]), (&json!(3), &json!([])));
}

#[test]
fn faults_are_found_without_opening_anything() {
    let place = Place::new();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::remove_dir_all(place.path("artifacts")).unwrap();
    std::fs::remove_file(place.path("cdds.db")).unwrap();
    place.json(&["config", "check"]);
    assert!(!place.path("artifacts").exists() && !place.path("cdds.db").exists());

    let missing =
        "[[webhook]]\nid = \"ops\"\nurl = \"https://hooks.example/x\"\nsecret_file = \"gone.secret\"\n";
    std::fs::write(place.path("cdds.toml"), format!("{config}{missing}")).unwrap();
    let output = place.cdds(&["config", "check"]).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("webhook[ops].secret_file") && told.contains("gone.secret cannot be read"),
        "{told}"
    );

    std::fs::write(place.path("cdds.toml"), format!("{config}\n[engin]\nlease = \"5s\"\n")).unwrap();
    for command in ["check", "show"] {
        assert_eq!(place.refused(&["config", command]), (2, "invalid_config".to_owned()));
    }
}

#[test]
fn every_key_is_explained() {
    let place = Place::new();
    let all = place.json(&["config", "reference"]);
    let keys: Vec<String> = all.as_array().unwrap().iter().map(|row| string(&row["key"])).collect();
    assert!(keys.len() > 100, "{keys:?}");
    let types = place.json(&["config", "reference", "source.type"]);
    assert!(types.as_array().unwrap().iter().all(|row| string(&row["key"]).starts_with("source.type.")));
    let lease = place.json(&["config", "reference", "engine.lease"]);
    assert_eq!((&lease["type"], &lease["default"]), (&json!("length of time"), &json!("\"60s\"")));
    let output = place.cdds(&["config", "reference", "engine.leese"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean engine.lease?"), "{}", text(&output.stderr));
    // Read by a person, what a single key means is shown whole.
    let ended = Terminal::start(&place, &["config", "reference", "source.type.subject"], 60, &[]).end();
    let words = ended.screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let meaning = place.json(&["config", "reference", "source.type.subject"]);
    assert!(words.contains(&string(&meaning["meaning"])), "{}", ended.screen);
}
