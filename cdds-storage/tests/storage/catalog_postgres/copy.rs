//! The way from a file to a server: all of it or nothing, and never two catalogs that both go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;

use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::catalog::{CatalogErrorKind, JobStore};
use cdds_storage::catalog::{CatalogCopy, PostgresCatalog, SqliteCatalog};
use futures::executor::block_on;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::outcomes::{Line, NEVER_ANSWERED, NEVER_SENT};
use super::scene::{Scene, open};

/// What only one of the two databases has: SQLite's searches and versions, PostgreSQL's locks and receipts.
const OF_THE_FILE: [&str; 2] = ["number", "rowid"];

/// A catalog file with a row in each table and a value in each column. None of the values is one that a table gives by
/// itself, and they contradict what triggers would make of them.
struct Full {
    folder: TempDir,
    /// Tables with their columns, and whether those hold text.
    tables: BTreeMap<String, Vec<(String, bool)>>,
}

impl Full {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("cdds.db");
        drop(SqliteCatalog::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = off").unwrap();
        let tables = tables(&connection);
        for (table, columns) in &tables {
            for row in 1..=2 {
                if columns.iter().any(|(name, _)| name == "only") && row > 1 {
                    continue;
                }
                let values: Vec<String> =
                    columns.iter().map(|(name, is_text)| literal(table, name, *is_text, row)).collect();
                let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                let sql =
                    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
                connection.execute(&sql, []).unwrap();
            }
        }
        // Once more, over what the triggers have made of it.
        connection
            .execute_batch("UPDATE artifact SET downloads = 7; UPDATE execution SET has_files = 0")
            .unwrap();
        Self { folder, tables }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cdds.db")
    }

    /// Returns the rows of a table as JSON, in order of their text.
    fn rows(&self, table: &str) -> Vec<String> {
        let connection = Connection::open(self.path()).unwrap();
        let columns = &self.tables[table];
        let quoted: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let mut statement =
            connection.prepare(&format!("SELECT {} FROM {table}", quoted.join(", "))).unwrap();
        let rows = statement.query_map([], |row| {
            let mut object = Map::new();
            for (index, (name, _)) in columns.iter().enumerate() {
                object.insert(name.clone(), value(table, name, row.get_ref(index)?));
            }
            Ok(Value::Object(object).to_string())
        });
        let mut rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    }
}

/// Returns the tables of a catalog file with their columns, without those that SQLite finds words by.
fn tables(connection: &Connection) -> BTreeMap<String, Vec<(String, bool)>> {
    let names =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_search%' ESCAPE '\\'
                 AND name NOT LIKE 'sqlite%' AND name <> 'reader'";
    let mut statement = connection.prepare(names).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    let mut tables = BTreeMap::new();
    for table in names.map(|name| name.unwrap()).collect::<Vec<String>>() {
        let mut columns =
            connection.prepare("SELECT name, type = 'TEXT' FROM pragma_table_info(?1)").unwrap();
        let columns = columns.query_map([&table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let columns = columns.map(Result::unwrap);
        let columns = columns.filter(|(name, _): &(String, bool)| !OF_THE_FILE.contains(&name.as_str()));
        let columns = columns.collect();
        tables.insert(table, columns);
    }
    assert!(tables.len() > 15, "{tables:?}");
    tables
}

const FLAGS: [&str; 4] = ["hold", "live", "confirmed", "has_files"];

/// Returns what stands in a column of a row.
fn literal(table: &str, column: &str, is_text: bool, row: usize) -> String {
    let number = table.len() * 1_000 + column.len() * 10 + row;
    match column {
        "only" | "hold" | "confirmed" => "1".to_owned(),
        "live" | "has_files" => "0".to_owned(),
        "der" | "sealed" => format!("x'00ff0a5c{row:02x}'"),
        "id" | "job_id" | "execution_id" | "artifact_id" | "request_id" => format!("'id {row}'"),
        "owner" | "name" | "channel" | "target" => format!("'{column} {row}'"),
        "status" => "'finished'".to_owned(),
        "state" if table == "job" => "'active'".to_owned(),
        _ if is_text => format!("'{column} of {table} \"{row}\\ ä\n'"),
        // Beyond what a double can hold exactly.
        _ => format!("90071992547{number:05}"),
    }
}

/// Returns a value of the file as PostgreSQL's JSON has it.
fn value(table: &str, column: &str, found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Null => panic!("{table}.{column} is empty, so the test says nothing of it"),
        ValueRef::Integer(flag) if FLAGS.contains(&column) => json!(flag == 1),
        ValueRef::Integer(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8(text.to_vec()).unwrap()),
        ValueRef::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(format!("\\x{digits}"))
        }
        ValueRef::Real(number) => json!(number),
    }
}

/// Returns the rows of a table on the server, as the file's are returned.
fn there(scene: &Scene, schema: &str, table: &str) -> Vec<String> {
    scene.server.within(async {
        let client = scene.server.client("postgres").await;
        let sql = format!("SELECT (to_jsonb(t) - 'rowid')::text FROM {schema}.{table} t");
        let rows = client.query_typed(&sql, &[]).await.unwrap();
        let rows = rows.iter().map(|row| serde_json::from_str::<Value>(row.get(0)).unwrap().to_string());
        let mut rows: Vec<String> = rows.collect();
        rows.sort();
        rows
    })
}

fn copy(catalog: &PostgresCatalog, from: &Path) -> Result<CatalogCopy, (CatalogErrorKind, String)> {
    let copied = thread::scope(|scope| scope.spawn(|| block_on(catalog.copy_from(from))).join().unwrap());
    copied.map_err(|error| (error.kind(), error.to_string()))
}

/// Returns why a file cannot be opened.
fn refusal(path: &Path) -> (CatalogErrorKind, String) {
    let error = SqliteCatalog::open(path).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn each_row_and_each_column_of_a_file_is_copied_and_the_file_is_left() {
    let (scene, full) = (Scene::new(), Full::new());
    let before: BTreeMap<&String, Vec<String>> =
        full.tables.keys().map(|table| (table, full.rows(table))).collect();
    let catalog = scene.open("copied");
    let copied = copy(&catalog, &full.path()).unwrap();
    assert_eq!((copied.jobs, copied.executions, copied.artifacts, copied.audit), (2, 2, 2, 2));
    assert_eq!(copied.rows, before.values().map(|rows| rows.len() as u64).sum::<u64>());
    assert!(!copied.was_there);
    for (table, rows) in &before {
        assert_eq!(*rows, there(&scene, "copied", table), "{table}");
    }
    // Counted by a trigger again from now on.
    scene.server.run("postgres", "INSERT INTO copied.download VALUES ('id 1', 1)");
    let files = there(&scene, "copied", "artifact");
    assert!(files.iter().any(|file| file.contains("\"downloads\":8")), "{files:?}");

    let (kind, why) = refusal(&full.path());
    assert_eq!(kind, CatalogErrorKind::NewerSchema);
    assert!(why.contains("was copied to PostgreSQL") && why.contains("catalog.url"), "{why}");
    // A program that does not know of copies refuses it as newer than itself.
    let file = Connection::open(full.path()).unwrap();
    let oldest: i64 = file.query_row("SELECT oldest FROM reader", [], |row| row.get(0)).unwrap();
    let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert!(oldest > 1_000 && version > 1_000, "{oldest} {version}");
    drop(file);

    let again = copy(&catalog, &full.path()).unwrap();
    assert!(again.was_there && again.jobs == 2, "{again:?}");
    let elsewhere = copy(&scene.open("elsewhere"), &full.path()).unwrap();
    assert_eq!(elsewhere, copied, "nothing of it is there, so it is copied again");
}

#[test]
fn a_file_that_is_in_use_is_not_copied_and_stays_in_use() {
    let (scene, full) = (Scene::new(), Full::new());
    let user = SqliteCatalog::open(full.path()).unwrap();
    let (kind, why) = copy(&scene.open("copied"), &full.path()).unwrap_err();
    assert_eq!(kind, CatalogErrorKind::Unavailable);
    assert!(why.contains("another process uses") && why.contains("cdds.db"), "{why}");
    assert!(there(&scene, "copied", "execution").is_empty());
    assert!(block_on(user.has_other_owners()).unwrap());
    drop(user);
    copy(&scene.open("copied"), &full.path()).unwrap();
}

#[test]
fn a_catalog_that_is_not_empty_is_refused_and_the_file_goes_on() {
    let (scene, full) = (Scene::new(), Full::new());
    let catalog = scene.open("taken");
    scene.server.run("postgres", "INSERT INTO taken.turn VALUES (1, 'acme')");
    let (kind, why) = copy(&catalog, &full.path()).unwrap_err();
    assert_eq!(kind, CatalogErrorKind::Conflict);
    assert!(why.contains("not empty") && why.contains("catalog.schema"), "{why}");
    drop(SqliteCatalog::open(full.path()).unwrap());
}

#[test]
fn text_that_postgresql_cannot_store_is_named_and_the_file_goes_on() {
    let (scene, full) = (Scene::new(), Full::new());
    let file = Connection::open(full.path()).unwrap();
    file.execute("UPDATE health SET failure = 'a' || char(0) WHERE target = 'target 2'", []).unwrap();
    drop(file);
    let (kind, why) = copy(&scene.open("copied"), &full.path()).unwrap_err();
    assert_eq!(kind, CatalogErrorKind::Corrupt);
    assert!(why.contains("health.failure") && why.contains("NUL"), "{why}");
    assert!(there(&scene, "copied", "job").is_empty());
    drop(SqliteCatalog::open(full.path()).unwrap());
}

#[test]
fn what_is_no_catalog_is_not_touched() {
    let (scene, folder) = (Scene::new(), TempDir::new().unwrap());
    let (missing, other) = (folder.path().join("missing.db"), folder.path().join("other.db"));
    assert_eq!(copy(&scene.open("copied"), &missing).unwrap_err().0, CatalogErrorKind::Unavailable);
    assert!(!missing.exists());
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE shop (id INTEGER)").unwrap();
    let before = std::fs::read(&other).unwrap();
    let (kind, why) = copy(&scene.open("copied"), &other).unwrap_err();
    assert_eq!(kind, CatalogErrorKind::Corrupt);
    assert!(why.contains("another program"), "{why}");
    assert_eq!(std::fs::read(&other).unwrap(), before);
}

#[test]
fn a_copy_whose_commit_or_answer_is_lost_is_stored_once() {
    let scene = Scene::new();
    let line = Line::to(&scene.server);
    for (schema, lost) in [("unsent", NEVER_SENT), ("unanswered", NEVER_ANSWERED)] {
        let full = Full::new();
        let catalog = open(&line.connections(), schema).unwrap();
        line.next.store(lost, Ordering::SeqCst);
        let copied = copy(&catalog, &full.path()).unwrap();
        assert_eq!(copied.jobs, 2, "{schema}");
        assert_eq!(there(&scene, schema, "audit").len(), 2, "{schema}");
        assert_eq!(refusal(&full.path()).0, CatalogErrorKind::NewerSchema, "{schema}");
    }
}

/// The instants at which the process may end: before it leaves the file, between that and the commit, behind both.
#[test]
fn a_copy_that_was_interrupted_is_finished_by_the_next() {
    let (scene, full) = (Scene::new(), Full::new());
    let file = Connection::open(full.path()).unwrap();
    let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    file.execute_batch("UPDATE reader SET oldest = oldest + 1000000").unwrap();
    file.pragma_update(None, "user_version", version + 1_000_000).unwrap();
    drop(file);
    assert_eq!(refusal(&full.path()).0, CatalogErrorKind::NewerSchema);
    let catalog = scene.open("copied");
    let copied = copy(&catalog, &full.path()).unwrap();
    assert!(!copied.was_there && copied.jobs == 2, "{copied:?}");
    assert_eq!(refusal(&full.path()).0, CatalogErrorKind::NewerSchema);
    assert!(copy(&catalog, &full.path()).unwrap().was_there);
    assert_eq!(block_on(catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap().items.len(), 0);
}
