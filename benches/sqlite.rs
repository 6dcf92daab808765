//! An export from SQLite beside its lower bound: stepping over the rows, and compressing the resulting lines,
//! on as many threads.
//!
//! `cargo bench -p cdds-benches --bench sqlite`

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cdds_benches::{Contacts, export};
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::ports::source::Source;
use cdds_storage::source::{SqliteConfig, SqliteRows, SqliteSource, SqliteType};
use divan::{Bencher, black_box};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

fn main() {
    divan::main();
}

const ROWS: usize = 240_000;
/// The default size of a file in the archive.
const FILE_BYTES: usize = 4 << 20;

/// Contacts in a table: their texts and numbers in columns, their objects as JSON.
fn database(path: &Path) {
    let mut contacts = Contacts::new();
    let mut connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "create table contact(conversation_id text, started_at text, ended_at text, media_type text,
             direction text, external_tag text, division text, participants text, notes text, language text,
             talk_ms integer, hold_ms integer, sentiment real, transferred_to text)",
        )
        .expect("a table");
    let transaction = connection.transaction().expect("a transaction");
    {
        let insert = "insert into contact values(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
        let mut insert = transaction.prepare(insert).expect("a statement");
        for _ in 0..ROWS {
            let record: Value = serde_json::from_str(contacts.next_line()).expect("a record");
            let text = |name: &str| record[name].as_str().map(str::to_owned);
            let row = (
                (text("conversation_id"), text("started_at"), text("ended_at"), text("media_type")),
                (
                    text("direction"),
                    text("external_tag"),
                    text("division"),
                    record["participants"].to_string(),
                ),
                (text("notes"), text("language"), record["talk_ms"].as_i64(), record["hold_ms"].as_i64()),
            );
            let ((a, b, c, d), (e, f, g, h), (i, j, k, l)) = row;
            let last: Option<String> = None;
            let values =
                rusqlite::params![a, b, c, d, e, f, g, h, i, j, k, l, record["sentiment"].as_f64(), last];
            insert.execute(values).expect("a row");
        }
    }
    transaction.commit().expect("the rows");
}

fn source(path: &Path) -> Arc<dyn Source> {
    let contact =
        SqliteType::new(TypeId::new("contact").expect("a name"), SqliteRows::Table("contact".to_owned()));
    let config = SqliteConfig::new(SourceId::new("contacts").expect("a name"), "Contacts", path)
        .with_type(contact.with_time("started_at", InstantFormat::Iso));
    Arc::new(SqliteSource::new(config).expect("a source"))
}

/// The whole export: rows to sealed parts.
#[divan::bench(sample_count = 5)]
fn exported(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("contacts.db");
    database(&path);
    bencher.with_inputs(|| tempfile::tempdir().expect("a folder")).bench_refs(|folder| {
        let report = export(folder.path(), source(&path)).expect("an export");
        assert_eq!(report.finished, 1);
    });
}

/// Stepping and compressing, and nothing else.
#[divan::bench(sample_count = 5)]
fn bare(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("contacts.db");
    database(&path);
    let lines = lines(&path);
    let files: Vec<&[u8]> = lines.chunks(FILE_BYTES).collect();
    bencher.bench(|| {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                black_box(step(&path));
                compress(&files, &next);
            });
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (1..cores).for_each(|_| drop(scope.spawn(|| compress(&files, &next))));
        });
    });
}

fn step(path: &Path) -> usize {
    let connection = Connection::open(path).expect("the database");
    let mut statement = connection.prepare("select * from contact").expect("a statement");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("the rows");
    let mut bytes = 0;
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..columns {
            bytes += match row.get_ref(column).expect("a value") {
                ValueRef::Text(text) => text.len(),
                _ => 8,
            };
        }
    }
    bytes
}

fn compress(files: &[&[u8]], next: &AtomicUsize) {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(5).expect("a level"));
    let mut out = vec![0; FILE_BYTES + FILE_BYTES / 8];
    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        black_box(compressor.deflate_compress(file, &mut out).expect("room"));
    }
}

/// Returns the lines that an export makes of the rows.
fn lines(path: &Path) -> Vec<u8> {
    let connection = Connection::open(path).expect("the database");
    let mut statement = connection.prepare("select * from contact").expect("a statement");
    let name = |index| statement.column_name(index).expect("a column").to_owned();
    let names: Vec<String> = (0..statement.column_count()).map(name).collect();
    let mut rows = statement.query([]).expect("the rows");
    let (mut builder, place) = (RecordBatchBuilder::new(), Place::of(None, None));
    while let Some(row) = rows.next().expect("a row") {
        let mut record = builder.record(&place);
        for (index, name) in names.iter().enumerate() {
            match row.get_ref(index).expect("a value") {
                ValueRef::Text(text) => record.text(name, std::str::from_utf8(text).expect("text")),
                ValueRef::Integer(number) => record.integer(name, number),
                ValueRef::Real(number) => record.float(name, number),
                _ => continue,
            };
        }
        record.finish();
    }
    builder.take().lines().to_vec()
}
