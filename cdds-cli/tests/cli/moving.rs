//! `cdds catalog copy`: what a file has on record is on record in PostgreSQL, and work goes on there.

use serde_json::{Value, json};
use tokio_postgres::config::Host;

use crate::postgres_server::Server;
use crate::support::{Place, string, text};

/// Writes a configuration like that of the place, with its catalog on a server. Returns its name.
fn fleet(server: &Server, place: &Place) -> &'static str {
    let config = server.config("postgres");
    let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{config:?}") };
    let folder = folder.display().to_string().replace('/', "%2F");
    let typed = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let url = format!("url = \"postgres://postgres@{folder}/postgres\"");
    let moved = typed.replace("url = \"sqlite:cdds.db\"", &url);
    assert_ne!(typed, moved);
    std::fs::write(place.path("fleet.toml"), moved).unwrap();
    "fleet.toml"
}

/// Returns all that lists show.
fn shown(place: &Place, config: &str) -> Vec<Value> {
    let commands: [&[&str]; 4] = [&["job", "list"], &["history", "list"], &["artifact", "list"], &["audit"]];
    commands
        .iter()
        .map(|command| {
            place.json(&[*command, &["--config", config, "--now", "2020-01-02T03:00:00Z"]].concat())
        })
        .collect()
}

#[test]
fn what_a_file_has_on_record_goes_on_in_postgresql() {
    let (server, place) = (Server::start(&[]), Place::with_interactions(90));
    let daily = ["--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d"];
    let job = string(&place.job_at("2020-01-01T12:00:00Z", &daily)["id"]);
    place.job_at("2020-01-01T12:00:00Z", &["--run", "once", "--timeframe", "all"]);
    assert_eq!(place.run_at("2020-01-02T02:00:01Z")["finished"], 2);
    place.done(&["token", "create", "--role", "viewer", "--name", "reports"]);
    let config = fleet(&server, &place);
    let before = shown(&place, "cdds.toml");
    assert!(before.iter().all(|list| !list.as_array().unwrap().is_empty()), "{before:?}");

    let copied = place.json(&["catalog", "copy", "cdds.db", "--config", config]);
    assert_eq!(
        (&copied["jobs"], &copied["executions"], &copied["tokens"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!((&copied["was_there"], &copied["from"]), (&json!(false), &json!("cdds.db")));
    assert_eq!(shown(&place, config), before);

    // The store belongs to it, and the schedule goes on where it was.
    let run = ["run", "--until-idle", "--config", config, "--now", "2020-01-03T02:00:01Z"];
    assert_eq!(place.json(&run)["finished"], 1);
    let windows = place.json(&["history", "list", "--job", &job, "--config", config]);
    assert_eq!(windows[0]["window"]["start"], windows[1]["window"]["end"], "{windows}");

    // The file is used no more, whoever asks, and the same command again changes nothing.
    for command in [&["job", "list"][..], &["run", "--until-idle"], &["doctor", "--output", "json"]] {
        let refused = place.cdds(command).output().unwrap();
        let said = [refused.stdout, refused.stderr].concat();
        assert!(!refused.status.success() && text(&said).contains("was copied to PostgreSQL"), "{command:?}");
    }
    let output = place.cdds(&["catalog", "copy", "cdds.db", "--config", config]).output().unwrap();
    let said = text(&output.stdout);
    assert!(
        output.status.success() && said.contains("was copied before") && said.contains("2 jobs"),
        "{said}"
    );
    let tokens = std::fs::read_to_string(place.path("cdds.tokens")).unwrap();
    assert_eq!(tokens.matches("\"reports\"").count(), 1, "{tokens}");

    let other = Place::with_interactions(1);
    other.plaintext_job(&[]);
    let db = other.path("cdds.db");
    let output = place.cdds(&["catalog", "copy", db.to_str().unwrap(), "--config", config]).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("not empty: name another schema"), "{said}");
    other.done(&["job", "list"]);

    let output = place.cdds(&["catalog", "copy", "cdds.db"]).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("name the catalog in PostgreSQL"), "{said}");
}

#[test]
fn a_file_that_a_worker_uses_is_not_copied() {
    let (server, place) = (Server::start(&[]), Place::with_interactions(9));
    let config = fleet(&server, &place);
    place.plaintext_job(&["--timeframe", "all"]);
    let mut worker = place.cdds(&["run", "--no-progress"]).spawn().unwrap();
    while place.json(&["workers"]).as_array().unwrap().is_empty() {
        std::thread::yield_now();
    }
    let output = place.cdds(&["catalog", "copy", "cdds.db", "--config", config]).output().unwrap();
    worker.kill().unwrap();
    worker.wait().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("another process uses the catalog"), "{said}");
    assert_eq!(place.json(&["catalog", "copy", "cdds.db", "--config", config])["jobs"], 1);
}
