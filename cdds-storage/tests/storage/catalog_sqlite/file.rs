//! The catalog's file: its schema, its stored forms, and contents that this version does not understand.

use std::path::Path;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::JobChange;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::catalog::{CatalogErrorKind, ExecutionStore, JobStore};
use cdds_storage::catalog::SqliteCatalog;
use futures::executor::block_on;
use rusqlite::types::Value;

use crate::catalog_sqlite::world::*;

/// Returns the rows of a query as text.
fn rows(world: &World, sql: &str) -> Vec<Vec<String>> {
    let raw = world.raw();
    let mut statement = raw.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>()
    });
    let text = |value: Value| match value {
        Value::Null => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    rows.unwrap().map(|row| row.unwrap().into_iter().map(text).collect()).collect()
}

#[test]
fn a_catalog_is_opened_again_as_it_was() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let World { folder, catalog } = world;
    drop(catalog);
    let world = World { catalog: Timed::open(folder.path().join("cdds.db")).unwrap(), folder };
    assert_eq!(world.job(job.id), job);
    let pragma = |name: &str| rows(&world, &format!("PRAGMA {name}")).remove(0).remove(0);
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("user_version"), "21");
    assert_eq!(pragma("integrity_check"), "ok");
    // Those of the full-text search are SQLite's own.
    let loose = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0
         AND type <> 'view' AND name NOT LIKE '%\\_search%' ESCAPE '\\'";
    let loose = rows(&world, loose);
    assert_eq!(loose, [["sqlite_schema"]]);
}

#[test]
fn a_catalog_is_opened_and_read_while_another_process_writes() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let other = world.raw();
    other.execute_batch("BEGIN EXCLUSIVE; UPDATE job SET title_folded = 'other'").unwrap();
    let World { folder, catalog } = world;
    drop(catalog);
    let world = World { catalog: Timed::open(folder.path().join("cdds.db")).unwrap(), folder };
    assert_eq!(world.job(job.id), job);
}

#[test]
fn processes_may_create_a_catalog_at_the_same_time() {
    for _round in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cdds.db");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| SqliteCatalog::open(&path).unwrap());
            }
        });
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let world = World::new();
    world.raw().execute_batch("PRAGMA user_version = 22; UPDATE reader SET oldest = 22").unwrap();
    let error = SqliteCatalog::open(world.catalog.path()).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::NewerSchema);
    let text = error.to_string();
    assert!(text.contains("version 22") && text.contains("up to 21"), "{text}");
}

#[test]
fn a_newer_schema_that_only_adds_is_used_and_left_at_its_version() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    world.raw().execute_batch("PRAGMA user_version = 22; ALTER TABLE job ADD COLUMN colour TEXT").unwrap();
    let World { folder, catalog } = world;
    drop(catalog);
    let world = World { catalog: Timed::open(folder.path().join("cdds.db")).unwrap(), folder };
    assert_eq!(world.job(job.id), job);
    let other = world.submit("Twice", immediately(), at(1));
    assert_eq!(world.job(other.id), other);
    assert_eq!(rows(&world, "PRAGMA user_version"), [["22"]]);
}

fn refused(path: &Path) -> String {
    let error = SqliteCatalog::open(path).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Corrupt, "{}", error.report());
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    text
}

#[test]
fn other_files_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no database at all".repeat(100)).unwrap();
    assert!(refused(&text).contains("is not an SQLite database"));
    assert!(std::fs::read(&text).unwrap().starts_with(b"no database"));

    let foreign = folder.path().join("contacts.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE contact (id)").unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(refused(&foreign).contains("another program"));
    assert!(std::fs::read(&foreign).unwrap() == before);

    let error = SqliteCatalog::open(folder.path().join("missing/cdds.db")).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Unavailable);
    assert!(error.to_string().contains("its folder exists"), "{error}");
}

#[test]
fn a_row_that_is_not_understood_is_named() {
    for sql in [
        "UPDATE execution SET progress = '{\"v\":2}'",
        "UPDATE execution SET progress = 'x'",
        "UPDATE execution SET status = 'dreaming'",
        "UPDATE execution SET status = 'failed', detail = NULL",
        "UPDATE execution SET epoch = -1",
        "UPDATE job SET settings = replace(settings, '\"v\":\"1\"', '\"v\":\"9\"')",
        "UPDATE job SET state = 'lost'",
        "UPDATE job SET created_at = 9223372036854775807",
    ] {
        let world = World::new();
        let job = world.submit("Once", immediately(), at(0));
        let execution = claim(&world.catalog, "w", at(0), 1).remove(0);
        assert_eq!(world.raw().execute(sql, []).unwrap(), 1, "{sql}");
        let (error, id) = if sql.contains("UPDATE job") {
            (block_on(world.catalog.job(&Owner::default(), job.id)).unwrap_err(), job.id.to_string())
        } else {
            let query = ExecutionQuery::default();
            let history = block_on(world.catalog.executions(&Owner::default(), &query, at(0)));
            (history.unwrap_err(), execution.id.to_string())
        };
        assert_eq!(error.kind(), CatalogErrorKind::Corrupt, "{sql}");
        assert!(error.to_string().contains(&id), "{sql}: {error}");
    }
}

#[test]
fn rows_are_stored_like_this() {
    let world = World::new();
    let job = world.submit("Weekly VOICE", daily(), at(0));
    world.materialise(day(1));
    let reason = SkipReason::Suspended { first: day(8), last: day(9), count: 2 };
    let skipped = Execution::skipped(&job, day(9), reason, terms().source, day(9));
    let current = world.job(job.id);
    let change = JobChange { entries: vec![skipped.clone()], ..JobChange::of(current.clone()) };
    world.change(&current, &change).unwrap();
    assert_eq!(world.execution(&skipped), skipped);
    assert_eq!(skipped.state, ExecutionState::Skipped(reason));
    let claimed = claim(&world.catalog, "w", day(1), 1).remove(0);
    let settings = concat!(
        r#"{"v":"1","title":"Weekly VOICE","source":"contact-history","data_type":"interaction","#,
        r#""categories":"all","frequency":{"daily":{"at":"00:00"}},"timeframe":"all","protection":"plaintext"}"#
    );
    let jobs = rows(&world, "SELECT * FROM job");
    assert_eq!(
        jobs,
        [[
            &job.id.to_string(),
            "default",
            "1",
            "active",
            settings,
            "weekly voice",
            "contact-history",
            "interaction",
            "daily",
            "1767225600000000",
            "1767225600000000",
            "1767398400000000",
            // The revision after recording, skipping and claiming executions.
            "4",
            "null",
            "null",
            // It was never suspended, tiles nothing, never failed, was never brought back, and has nothing to
            // settle.
            "null",
            "null",
            "0",
            "0",
            "null",
            // Its latest execution.
            "in_progress",
            "1767312000000000",
            // The number by which searches find it.
            "1",
            // It has no time zone.
            "null",
            "null",
        ]]
    );
    let common = [settings, "weekly voice", "contact-history", "interaction"];
    let executions = rows(&world, "SELECT * FROM execution ORDER BY slot");
    let none = r#"{"v":1,"records":0,"bytes_read":0,"bytes_written":0,"parts":0}"#;
    let slot = "1767312000000000";
    let running = [&claimed.id.to_string(), &job.id.to_string(), "default", "scheduled", slot, "null", slot];
    let attempts = format!(
        r#"{{"v":1,"attempts":[{{"epoch":1,"nonce":"{}","worker":"w","started_at":"2026-01-02T00:00:00Z"}}]}}"#,
        claimed.writer().nonce.unwrap()
    );
    let state = [
        "in_progress",
        "null",
        "1",
        &attempts,
        slot,
        slot,
        slot,
        "null",
        none,
        "0",
        "w",
        slot,
        "1767312060000000",
        "null",
        slot,
        "null",
        "null",
        "null",
        // Its window is not frozen yet, and it has not waited for its source.
        "null",
        "null",
        "null",
        // It has no files.
        "0",
    ];
    assert_eq!(executions[0], [running.as_slice(), &common, &state].concat());
    let slot = "1768003200000000";
    let skip = concat!(
        r#"{"v":1,"reason":"suspended","first":"2026-01-09T00:00:00Z","#,
        r#""last":"2026-01-10T00:00:00Z","count":2}"#
    );
    let attempts = r#"{"v":1,"attempts":[]}"#;
    let state = ["skipped", skip, "0", attempts, slot, slot, "null", slot, none, "0", "null", "null", "null"];
    let later = ["null", slot, "null", "null", "null", "null", "null", "null", "0"];
    assert_eq!(executions[1][11..], [state.as_slice(), &later].concat());
}

#[test]
fn triggers_are_stored_like_this() {
    let world = World::new();
    let job = world.submit_daily("since-last", at(0));
    let of = Execution::scheduled(&job, day(1), terms().source, at(0));
    let back = Execution::backfill(&job, day(0), Window::between(day(-1), day(0)), terms().source, at(1));
    let entries = vec![
        of.clone(),
        back.clone(),
        Execution::manual(&job, terms().source, at(2)),
        Execution::rerun(&job, &of, of.window, Some(1), terms().source, at(3)),
        Execution::rerun(&job, &back, back.window, None, terms().source, at(4)),
    ];
    let change = JobChange { entries: entries.clone(), ..JobChange::of(job.clone()) };
    world.change(&job, &change).unwrap();
    for entry in &entries {
        assert_eq!(world.execution(entry), *entry);
    }
    let (of, back) = (of.id.to_string(), back.id.to_string());
    let stored =
        rows(&world, "SELECT \"trigger\", coalesce(rerun_of, ''), generation FROM execution ORDER BY rowid");
    let expected = [
        ["scheduled", "", "1"],
        ["backfill", "", "null"],
        ["manual", "", "1"],
        ["rerun", &of, "1"],
        ["backfill_rerun", &back, "null"],
    ];
    assert_eq!(stored, expected);
    let watermark = "SELECT watermark_generation, watermark_at, failures_in_row FROM job";
    assert_eq!(rows(&world, watermark), [["1", "null", "0"]]);
}

#[test]
#[cfg(unix)]
fn a10_others_cannot_read_a_new_catalog_and_an_old_one_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;

    rustix::process::umask(rustix::fs::Mode::empty());
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    let path = folder.path().join("cdds.db");
    let catalog = SqliteCatalog::open(&path).unwrap();
    assert_eq!(["cdds.db", "cdds.db-wal", "cdds.db-shm"].map(mode), [0o600; 3]);
    drop(catalog);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let _catalog = SqliteCatalog::open(&path).unwrap();
    assert_eq!(["cdds.db", "cdds.db-wal", "cdds.db-shm"].map(mode), [0o640; 3]);
}
