//! `kind = "postgres"`: records from a real server, as docs/POSTGRESQL.md has it.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::config::Host;

use crate::completing::{in_bash, in_zsh};
use crate::postgres_server::Server;
use crate::support::{Place, text};

const PAGE: &str = include_str!("../../../docs/POSTGRESQL.md");

/// A database of calls whose reader needs a password.
struct Shop {
    server: Server,
    _policy: TempDir,
}

impl Shop {
    fn start() -> Self {
        // Whoever runs the server reads it.
        let policy = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        std::fs::set_permissions(policy.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = policy.path().join("hba");
        std::fs::write(&file, "local all postgres trust\nlocal all all scram-sha-256\n").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        let server = Server::start(&[&format!("hba_file={}", file.display())]);
        server.run("postgres", "CREATE DATABASE shop");
        server.run(
            "shop",
            "CREATE SCHEMA telephony; \
             CREATE TABLE telephony.calls (id int8 PRIMARY KEY, started_at timestamptz, updated_at timestamptz, \
             media text, price numeric(12, 4), note text, tags text[]); \
             INSERT INTO telephony.calls SELECT i, '2020-01-01T00:00:00Z'::timestamptz + i * interval '1 minute', NULL, \
             CASE i % 2 WHEN 0 THEN 'voice' ELSE 'chat' END, i / 8.0, CASE i % 3 WHEN 0 THEN '' ELSE 'n' || i END, \
             ARRAY['a', i::text] FROM generate_series(1, 90) AS i",
        );
        server.run("shop", block("sql"));
        Self { server, _policy: policy }
    }

    /// Declares the database as the page does, with the server of this test in place of the example's.
    fn declared_in(&self, place: &Place, more: &str) {
        let config = self.server.config("shop");
        let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{config:?}") };
        let here = format!("url = \"host={} user=reader dbname=shop\"", folder.display());
        let declared = block("toml").replace("url = \"postgres://reader@db.example/shop\"", &here);
        assert!(declared.contains(&here), "{declared}");
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        std::fs::write(place.path("cdds.toml"), format!("{config}\n{declared}\n{more}")).unwrap();
    }

    /// Returns the rows as the server itself makes JSON of them, without the keys whose values are empty.
    fn rows(&self, table: &str) -> Vec<Value> {
        let statement =
            format!("SET TimeZone = 'UTC'; SELECT row_to_json(t)::text FROM {table} t ORDER BY id");
        let rows = self.server.within(async {
            let client = self.server.client("shop").await;
            client.simple_query(&statement).await.unwrap()
        });
        let rows = rows.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap().to_owned()),
            _ => None,
        });
        let filled = |text: String| {
            let mut row: Value = serde_json::from_str(&text).unwrap();
            row.as_object_mut().unwrap().retain(|_, value| !value.is_null() && *value != json!(""));
            row
        };
        rows.map(filled).collect()
    }
}

/// Returns the block of the page in this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    rest.split("```").next().unwrap()
}

/// Exports all calls of an owner, and returns the records, sorted by their number.
fn exported(place: &Place, owner: &str) -> Vec<Value> {
    let job = ["job", "create", "--title", "Calls", "--source", "telephony", "--type", "call", "--plaintext"];
    let once = ["--run", "once", "--timeframe", "all"];
    let owner = ["--owner", owner];
    place.done(&[&job[..], &once[..], &owner[..]].concat());
    place.done(&["run", "--until-idle"]);
    let listed = place.json(&[&["artifact", "list"][..], &owner[..]].concat());
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let execution = listed[0]["execution_id"].as_str().unwrap();
    let download = ["artifact", "download", "--execution", execution, "--to", "got"];
    place.done(&[&download[..], &owner[..]].concat());
    let mut records = place.records(&format!("got/{}", listed[0]["name"].as_str().unwrap()));
    records.sort_by_key(|record| record["id"].as_i64());
    records
}

/// Returns the words of a command that creates a job over the calls.
fn typed<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["cdds", "job", "create", "--source", "telephony", "--type"], words].concat()
}

#[test]
fn the_rows_of_a_server_are_exported_as_it_makes_json_of_them() {
    let (shop, place) = (Shop::start(), Place::new());
    shop.declared_in(&place, "");
    std::fs::write(place.path("reader.password"), "correct horse\n").unwrap();
    let checked = place.json(&["source", "check", "telephony"]);
    assert_eq!(checked[0]["records_read"], 90, "{checked}");
    // No index begins with the instant, and that is worth knowing.
    assert!(checked.to_string().contains("no index begins with the column"), "{checked}");

    // Shells ask the server for what may be typed, and a slip is told before a job is stored.
    assert_eq!(in_bash(&place, &typed(&[""])), ["call"]);
    assert_eq!(in_bash(&place, &typed(&["call", "--field", "id,s"])), ["id,started_at"]);
    assert_eq!(in_bash(&place, &typed(&["call", "--filter", "pr"])), ["price="]);
    assert_eq!(in_zsh(&place, &typed(&["call", "--field", "pri"])), ["price:numeric(12,4)"]);
    let slip =
        [&typed(&["call", "--field", "prize"])[1..], &["--title", "T", "--run", "once", "--plaintext"]]
            .concat();
    let output = place.cdds(&slip).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("did you mean \"price\"?"), "{said}");

    let records = exported(&place, "default");
    let expected = shop.rows("telephony.calls");
    assert_eq!(records.len(), 90);
    assert_eq!(records, expected);
    let file = place.json(&["artifact", "list"])[0]["name"].as_str().unwrap().to_owned();
    let lines = place.program("unzip", &["-p"], &[&format!("got/{file}")]);
    assert!(lines.contains("\"price\":0.1250,"), "numbers keep their digits: {lines}");
}

#[test]
fn a_password_that_is_missing_wrong_or_new_needs_no_restart_and_is_in_no_output() {
    let (shop, place) = (Shop::start(), Place::new());
    shop.declared_in(&place, "");
    // What does not read the source works without it.
    assert_eq!(place.json(&["job", "list"]), json!([]));
    for (password, told) in [
        (None, "reader.password cannot be read"),
        (Some(""), "reader.password is empty"),
        (Some("hunter2"), "correct the role or its password"),
    ] {
        if let Some(password) = password {
            std::fs::write(place.path("reader.password"), password).unwrap();
        }
        let output = place.cdds(&["source", "check", "telephony"]).output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!output.status.success() && said.contains(told), "{password:?}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    std::fs::write(place.path("reader.password"), "correct horse").unwrap();
    place.done(&["source", "check", "telephony"]);
}

#[test]
fn j16_a_role_of_each_owner_sees_its_rows_alone() {
    let (shop, place) = (Shop::start(), Place::new());
    shop.server.run(
        "shop",
        "ALTER TABLE telephony.calls ADD tenant text; UPDATE telephony.calls SET tenant = CASE WHEN id <= 30 THEN 'acme' \
         ELSE 'default' END; \
         CREATE ROLE tenant_acme; CREATE ROLE tenant_default; GRANT tenant_acme, tenant_default TO reader; \
         GRANT USAGE ON SCHEMA telephony TO tenant_acme, tenant_default; \
         GRANT SELECT ON telephony.calls TO tenant_acme, tenant_default; \
         CREATE POLICY own ON telephony.calls USING ('tenant_' || tenant = current_user)",
    );
    shop.declared_in(&place, "");
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config =
        config.replace("password_file = \"reader", "role = \"tenant_{owner}\"\npassword_file = \"reader");
    std::fs::write(place.path("cdds.toml"), config).unwrap();
    std::fs::write(place.path("reader.password"), "correct horse").unwrap();

    let output = place.cdds(&["source", "check", "telephony"]).output().unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!output.status.success() && said.contains("ENABLE ROW LEVEL SECURITY"), "{said}");

    shop.server.run("shop", "ALTER TABLE telephony.calls ENABLE ROW LEVEL SECURITY");
    let records = exported(&place, "acme");
    assert_eq!(records.len(), 30);
    assert!(records.iter().all(|record| record["tenant"] == "acme"), "{records:?}");
}
