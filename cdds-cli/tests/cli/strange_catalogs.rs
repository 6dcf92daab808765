//! Catalogs that are something else: each gets advice, and is left as it is.

use std::fs;

use rusqlite::Connection;

use crate::support::{Place, string, text};

/// A place with a set in its store, so that an empty catalog would forget it.
fn place() -> Place {
    let place = Place::with_interactions(30);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    place
}

/// Asserts that commands fail with this advice, without a word of SQL.
fn advises(place: &Place, what: &str, advice: &[&str]) {
    for args in [&["job", "list"][..], &["run", "--until-idle"], &["recipient", "list"], &["doctor"]] {
        let output = place.cdds(&[args, &["--output", "json"]].concat()).output().unwrap();
        assert!(!output.status.success(), "{what}: {args:?}");
        let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
        for sql in ["SELECT", "PRAGMA", "sqlite_schema", "no such table", "os error 21"] {
            assert!(!told.contains(sql), "{what}: {args:?} tells {sql}: {told}");
        }
        if args != ["doctor"] {
            let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
            let message = string(&error["error"]["message"]);
            assert!(message.contains("cdds.db"), "{what}: {message}");
            advice.iter().for_each(|word| assert!(message.contains(word), "{what}: {args:?}: {message}"));
        }
    }
}

#[test]
fn what_is_no_catalog_gets_advice_and_stays_as_it_is() {
    let place = place();
    let catalog = place.path("cdds.db");
    let whole = fs::read(&catalog).unwrap();
    let other = place.path("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE job(id); INSERT INTO job VALUES (1)")
        .unwrap();
    for (what, contents, advice) in [
        (
            "another program's",
            fs::read(&other).unwrap(),
            ["a database of another program", "name another file"],
        ),
        (
            "no database",
            b"id,title\n1,Voice\n".to_vec(),
            ["not an SQLite database", "restore it from a backup"],
        ),
        ("empty", Vec::new(), ["there is nothing in the catalog", "restore or mount it"]),
        ("cut off", whole[..20_000].to_vec(), ["damaged", "restore it from a backup"]),
        ("cut off in its header", whole[..60].to_vec(), ["damaged", "restore it from a backup"]),
    ] {
        fs::write(&catalog, &contents).unwrap();
        advises(&place, what, &advice);
        assert!(fs::read(&catalog).unwrap() == contents, "{what} was changed");
    }
    fs::remove_file(&catalog).unwrap();
    fs::create_dir(&catalog).unwrap();
    advises(&place, "a folder", &["is a folder", "name a file in it"]);
    fs::remove_dir(&catalog).unwrap();
    advises(&place, "missing", &["there is no catalog", "restore or mount it"]);
    fs::write(&catalog, &whole).unwrap();
    assert_eq!(place.json(&["job", "list"]).as_array().unwrap().len(), 1);

    let newer = Connection::open(&catalog).unwrap();
    newer.execute_batch("UPDATE reader SET oldest = 900; PRAGMA user_version = 999").unwrap();
    drop(newer);
    advises(&place, "newer", &["schema version 999", "use a newer version of the program"]);
}
