//! What administrators do with the console, in a real browser over a server that runs exports.

use std::path::Path;
use std::process::Command;

use chrono::{SubsecRound as _, TimeDelta, Utc};

use super::running::Running;
use super::{hash, user};
use crate::support::{Place, text};

/// A file whose second line has no instant.
const TORN: &str = "{\"at\":\"2026-11-01T00:00:00Z\",\"id\":1}\n{\"at\":\"nonsense\",\"id\":2}\n";

const TICKETS: &str = r#"
[[source]]
id = "tickets"
kind = "json-lines"
url = "tickets.jsonl"

[[source.type]]
id = "ticket"
time = "at"
subject = [{ field = "id", kind = "customer-id" }]

[subjects]
key_file = "subjects.keys"
"#;

/// Returns a place with five days behind it: a job that ran, was suspended, missed its starts and goes on, and one over
/// a source that cannot be read.
fn with_a_past() -> Place {
    let place = Place::new();
    let began = Utc::now().trunc_subsecs(0) - TimeDelta::days(5);
    let cdds = |args: &[&str]| place.done(&[&["--config", "demo/cdds.toml"], args].concat());
    place.done(&["demo", "demo", "--records", "2000", "--now", &began.to_rfc3339()]);
    let jobs = cdds(&["job", "list", "--output", "json"]);
    let jobs: serde_json::Value = serde_json::from_str(&jobs).unwrap();
    let job = jobs["items"].as_array().or(jobs.as_array()).unwrap()[0]["id"].as_str().unwrap().to_owned();
    cdds(&["job", "suspend", &job, "--now", &(began + TimeDelta::hours(1)).to_rfc3339()]);
    cdds(&["run", "--until-idle"]);
    cdds(&["job", "resume", &job]);
    let config = std::fs::read_to_string(place.path("demo/cdds.toml")).unwrap();
    let user = user("ada", "administrator", &hash(&place));
    std::fs::write(place.path("demo/cdds.toml"), config + TICKETS + &user).unwrap();
    std::fs::write(place.path("demo/tickets.jsonl"), TORN).unwrap();
    cdds(&["subject", "key", "2026"]);
    let weekly = ["--run", "weekly", "--day", "mon", "--at", "04:00", "--timeframe", "all", "--plaintext"];
    cdds(
        &[&["job", "create", "--title", "Tickets", "--source", "tickets", "--type", "ticket"], &weekly[..]]
            .concat(),
    );
    cdds(&["run", "--until-idle"]);
    place.program(
        "openssl",
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=renewed"],
        &["-keyout", "demo/renewed.key", "-out", "demo/renewed.pem"],
    );
    place
}

#[test]
fn administrators_do_their_work_in_every_way_of_working() {
    let place = with_a_past();
    let server = Running::start(&place, &["--config", "demo/cdds.toml"]);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = tests.join("../target/tools/browser");
    let output = Command::new("node")
        .arg(tests.join("tests/browser/journeys.mjs"))
        .arg(&modules)
        .args([&server.address, &place.path("demo").display().to_string()])
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && said.contains("no findings in"), "{said}");
    // The picture of the README is one of these.
    let pictures = modules.join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    std::fs::copy(place.path("demo/console.png"), pictures.join("console.png")).unwrap();
}
