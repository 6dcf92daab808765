//! `cdds doctor`: everything that jobs need, first in order and then out of order.

use serde_json::{Value, json};

use crate::support::{DAILY, Place, text};

/// Runs the doctor. Returns its exit code and findings.
fn examine(place: &Place, more: &[&str]) -> (i32, Vec<Value>) {
    let output = place.cdds(&[&["doctor", "--output", "json"], more].concat()).output().unwrap();
    let found: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"));
    (output.status.code().unwrap(), found.as_array().unwrap().clone())
}

/// Returns the finding of one check.
fn finding(place: &Place, more: &[&str], check: &str) -> (String, String, String) {
    let (code, found) = examine(place, more);
    let found = found.into_iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("{check} was not looked at"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(code == 1, found["status"] == "failed", "{found}");
    assert_eq!(found["status"] == "ok", found["way_out"].is_null(), "{found}");
    (text("status"), text("detail"), text("way_out"))
}

/// Creates a place in which everything is in order.
fn healthy() -> Place {
    let place = Place::with_interactions(30);
    std::fs::write(place.path("events-1.jsonl"), "{\"a\":1}\n").unwrap();
    place.recipient("ops");
    place
}

#[test]
fn nothing_is_wrong_and_nothing_is_changed() {
    let place = healthy();
    let before = (place.files("artifacts"), place.json(&["job", "list"]), place.json(&["recipient", "list"]));
    let (code, found) = examine(&place, &[]);
    assert_eq!(code, 0, "{found:?}");
    let checks: Vec<&str> = found.iter().filter_map(|finding| finding["check"].as_str()).collect();
    let expected = [
        "config",
        "catalog",
        "store",
        "disk space for catalog",
        "disk space for store",
        "disk space for temporary files",
        #[cfg(unix)]
        "permissions",
        "source contact-history",
        "source events",
        "source info-mart",
        "signing key",
        "recipient ops",
        "catalog and store",
        "sets",
        "clock",
        "jobs",
        "workers",
        "time zones",
    ];
    assert_eq!(checks, expected);
    for finding in &found {
        assert_eq!(
            finding.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["check", "detail", "status", "way_out"]
        );
        if !finding["check"].as_str().unwrap().starts_with("disk") {
            assert_eq!((&finding["status"], &finding["way_out"]), (&json!("ok"), &json!(null)), "{finding}");
        }
    }
    let after = (place.files("artifacts"), place.json(&["job", "list"]), place.json(&["recipient", "list"]));
    assert_eq!(after, before);
    let table = place.done(&["doctor"]);
    assert_eq!(table.lines().count(), expected.len(), "one line each: {table}");
    assert!(table.starts_with("ok       config: cdds.toml is valid\n"), "{table}");
}

#[test]
fn what_is_missing_or_damaged_is_told_with_the_way_out() {
    let place = healthy();
    let fresh = finding(&place, &["--config", "nowhere/cdds.toml"], "config");
    assert!(fresh.2.contains("`cdds init`"), "{fresh:?}");
    std::fs::write(place.path("typo.toml"), "[enginee]\n").unwrap();
    let typo = finding(&place, &["--config", "typo.toml"], "config");
    assert!(typo.1.contains("line 1: unknown key \"enginee\""), "{typo:?}");

    std::fs::rename(place.path("contacts.db"), place.path("away.db")).unwrap();
    let source = finding(&place, &[], "source contact-history");
    assert!(source.0 == "failed" && source.1.contains("contacts.db"), "{source:?}");
    std::fs::rename(place.path("away.db"), place.path("contacts.db")).unwrap();

    std::fs::rename(place.path("artifacts"), place.path("away")).unwrap();
    let store = finding(&place, &[], "store");
    assert!(store.0 == "failed" && store.2.contains("store.url"), "{store:?}");
    assert!(!place.path("artifacts").exists(), "it is not made anew");
    std::fs::rename(place.path("away"), place.path("artifacts")).unwrap();

    for (contents, told, way_out) in [
        (None, "there is no ", "catalog.url"),
        (
            Some("not a database, but longer than its header would be: ".repeat(9)),
            "not an SQLite database",
            "backup",
        ),
    ] {
        std::fs::rename(place.path("cdds.db"), place.path("away.db")).unwrap();
        if let Some(contents) = contents {
            std::fs::write(place.path("cdds.db"), contents).unwrap();
        }
        let catalog = finding(&place, &[], "catalog");
        assert!(catalog.1.contains(told) && catalog.2.contains(way_out), "{catalog:?}");
        std::fs::rename(place.path("away.db"), place.path("cdds.db")).unwrap();
    }
    place.program("sqlite3", &["cdds.db"], &["pragma user_version = 99; update reader set oldest = 99"]);
    let newer = finding(&place, &[], "catalog");
    assert!(newer.1.contains("schema version 99") && newer.2.contains("newer version"), "{newer:?}");
}

#[test]
fn s3_certificates_that_expire_are_told_with_the_jobs_that_use_them() {
    let place = healthy();
    let in_days = |days: i64| (chrono::Utc::now() + chrono::TimeDelta::days(days)).to_rfc3339();
    let recipient = |days: i64| finding(&place, &["--now", &in_days(days)], "recipient ops");
    assert_eq!(recipient(1).0, "ok");
    let soon = recipient(80);
    assert!(soon.0 == "warning" && soon.1.contains("0 jobs use it"), "{soon:?}");
    let unused = recipient(100);
    assert!(unused.0 == "warning" && unused.2.contains("cdds recipient remove ops"), "{unused:?}");
    let args = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    place.json(&[&args[..], &["--recipient", "ops"], &DAILY].concat());
    let expired = recipient(100);
    assert!(expired.0 == "failed" && expired.1.contains("1 job uses it"), "{expired:?}");
    assert!(expired.2.contains("renewed"), "{expired:?}");
}

#[test]
fn a5_a_key_that_cannot_sign_is_told() {
    let place = healthy();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let with = |key: &str| {
        let signing = format!("[signing]\nkey = \"{key}\"\ncertificate = \"ops.pem\"\n");
        std::fs::write(place.path("cdds.toml"), format!("{signing}{config}")).unwrap();
        finding(&place, &[], "signing key")
    };
    assert_eq!(with("ops.key").0, "ok");
    assert_eq!(with("gone.key").0, "failed");
    assert_eq!(with("ops.pem").0, "failed");
}

#[test]
fn a_clock_that_was_set_back_is_told() {
    let place = healthy();
    place.job_at("2030-01-01T00:00:00Z", &DAILY);
    let clock = finding(&place, &["--now", "2029-01-01T00:00:00Z"], "clock");
    assert!(clock.0 == "warning" && clock.1.contains("2030-01-01T"), "{clock:?}");
    assert_eq!(finding(&place, &["--now", "1999-01-01T00:00:00Z"], "clock").0, "warning");
}

#[test]
fn fields_that_are_to_name_a_data_subject_have_to_exist() {
    let place = healthy();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config.replace("[\"contact_id\"]\n", "[\"customer\"]\n"))
        .unwrap();
    let source = finding(&place, &[], "source contact-history");
    assert!(source.1.contains("type interaction, subject: ") && source.1.contains("customer"), "{source:?}");
    assert_eq!(place.refused(&["source", "check", "contact-history"]), (1, "source_failed".to_owned()));
}

#[test]
fn a_catalog_that_was_lost_is_not_replaced_where_there_are_artifacts() {
    let place = healthy();
    place.plaintext_job(&[]);
    place.done(&["run", "--until-idle"]);
    for file in ["cdds.db", "cdds.db-wal", "cdds.db-shm"] {
        let _gone = std::fs::remove_file(place.path(file));
    }
    for args in [&["job", "list"][..], &["run", "--until-idle"], &["source", "list"]] {
        assert_eq!(place.refused(args), (1, "catalog_missing".to_owned()), "{args:?}");
    }
    assert!(!place.path("cdds.db").exists());
    std::fs::remove_dir_all(place.path("artifacts")).unwrap();
    assert_eq!(place.json(&["job", "list"]), json!([]));
}

#[test]
fn what_failed_is_named_on_stderr() {
    let place = healthy();
    std::fs::remove_file(place.path("contacts.db")).unwrap();
    let output = place.cdds(&["doctor"]).output().unwrap();
    assert_eq!(text(&output.stderr), "error: these checks failed: source contact-history\n");
    assert_eq!(place.refused(&["doctor"]), (1, "doctor_failed".to_owned()));
}

/// A database of two owners, and a type whose declaration of them is `more`.
fn of_two_owners(more: &str) -> Place {
    let place = healthy();
    place.sqlite("create table tickets(n integer, tenant text); insert into tickets values (1, 'north'), (2, 'south'), (3, 'south')");
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let tickets = "\n[[source]]\nid = \"tickets\"\nkind = \"sqlite\"\nurl = \"contacts.db\"\nowners = [\"north\", \"south\"]\n\
                   [[source.type]]\nid = \"ticket\"\ntable = \"tickets\"\n";
    std::fs::write(place.path("cdds.toml"), format!("{config}{tickets}{more}\n")).unwrap();
    place
}

#[test]
fn j16_types_whose_jobs_would_be_refused_are_named() {
    let asked = |place: &Place, owner: &str| -> Option<String> {
        let (code, found) = examine(place, &["--owner", owner]);
        assert_eq!(code, 0, "{found:?}");
        let finding = found.into_iter().find(|finding| finding["check"] == "owners")?;
        assert_eq!(finding["status"], "warning");
        Some(finding["detail"].as_str().unwrap().to_owned())
    };
    let place = of_two_owners("");
    // There are other owners than the default one, so every type that all see needs an answer, too.
    let told = asked(&place, "north").unwrap();
    assert!(told.contains("ticket of source tickets") && told.contains("interaction of source"), "{told}");
    let told = asked(&place, "east").unwrap();
    assert!(!told.contains("ticket"), "{told}");
    let told = asked(&of_two_owners("owner = \"tenant\""), "north").unwrap();
    assert!(!told.contains("ticket"), "{told}");
    let told = asked(&of_two_owners("shared = true"), "north").unwrap();
    assert!(!told.contains("ticket"), "{told}");

    let told = asked(&place, "default").unwrap();
    assert!(told.contains("every owner but default are refused") && told.contains("interaction"), "{told}");
    assert!(!told.contains("ticket"), "the default owner does not see it: {told}");

    let place = healthy();
    assert_eq!(asked(&place, "default"), None, "there is one owner");
    assert!(asked(&place, "north").is_some());
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let job = [&job[..], &["--run", "daily", "--at", "02:00", "--plaintext", "--owner", "north"]].concat();
    assert_eq!(place.refused(&job), (3, "ownership_unstated".to_owned()));
    assert_eq!(asked(&place, "default"), None, "what is refused is nobody's");
    place.share_interactions();
    place.json(&job);
    let told = asked(&place, "default").unwrap();
    assert!(told.contains("note of source") && !told.contains("interaction of source"), "{told}");
}

#[test]
fn j16_no_check_reads_records_that_may_be_another_owners() {
    let place = of_two_owners("");
    let output = place.cdds(&["source", "check", "tickets", "--owner", "north"]).output().unwrap();
    let told = text(&output.stderr);
    assert!(!output.status.success() && told.contains("does not say whose its records are"), "{told}");
    let (_, found) = examine(&place, &["--owner", "north"]);
    let tickets = found.iter().find(|finding| finding["check"] == "source tickets").unwrap();
    assert_eq!(tickets["detail"], "none of its types can be exported by this owner");
}

#[test]
fn j16_a_check_of_a_source_counts_the_records_of_the_owner() {
    let place = of_two_owners("owner = \"tenant\"");
    for (owner, records) in [("north", 1), ("south", 2)] {
        let checked = place.json(&["source", "check", "tickets", "--owner", owner]);
        assert_eq!(checked[0]["records_read"], json!(records), "{checked}");
    }
    assert_eq!(
        place.refused(&["source", "check", "tickets", "--owner", "east"]),
        (4, "not_found".to_owned())
    );
    let listed = |owner: &str| place.json(&["source", "list", "--owner", owner]);
    let (north, east) = (listed("north"), listed("east"));
    let tickets = north.as_array().unwrap().iter().find(|source| source["id"] == "tickets").unwrap();
    assert_eq!(tickets["types"][0]["ownership"], "per_owner");
    assert!(!east.to_string().contains("tickets"), "{east}");
}
