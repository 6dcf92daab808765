//! The contract of the source (`ports::source`), kept by the sources of this crate.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::source::{CheckedSource, Source};
use cdds_core::testing::conformance::source::{Row, SourceFixture, check, check_read};
use cdds_core::testing::strategies::requests::read;
use cdds_storage::source::{
    CategoryConfig, JsonLinesConfig, JsonLinesSource, JsonLinesType, OwnerConfig, TypeConfig,
};
use futures::executor::block_on;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

/// Sources over files of their own, numbered within one folder.
struct Files {
    folder: tempfile::TempDir,
    made: AtomicU32,
    whole: bool,
}

impl Files {
    /// Creates a fixture whose type declares everything, or nothing at all.
    fn new(whole: bool) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicU32::new(0), whole }
    }

    fn next(&self) -> std::path::PathBuf {
        self.folder.path().join(self.made.fetch_add(1, Ordering::Relaxed).to_string())
    }

    fn typed<R>(&self, rows: R) -> TypeConfig<R> {
        let plain = TypeConfig::new("row".parse().unwrap(), rows);
        if !self.whole {
            return plain;
        }
        let values = vec!["voice".to_owned(), "chat".to_owned()];
        plain
            .with_time("at", InstantFormat::UnixMicros)
            .with_changed("changed", InstantFormat::UnixMicros)
            .with_category(CategoryConfig {
                name: "media types".to_owned(),
                column: "media".to_owned(),
                values,
            })
            .with_owner(OwnerConfig::Field("owner".to_owned()))
    }
}

struct Lines(Files);

impl SourceFixture for Lines {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        let path = self.0.next();
        let line = |row: &Row| {
            let [at, changed] = [row.event_at, row.changed_at].map(|at| at.map(|at| at.timestamp_micros()));
            let (id, note, media, owner) = (&row.id, &row.note, &row.category, row.owner.as_str());
            let line = json!({
                "id": id, "at": at, "changed": changed, "media": media, "owner": owner, "note": note,
            });
            format!("{line}\n")
        };
        let text: String = rows.iter().map(line).collect();
        std::fs::write(&path, text)?;
        let path = path.to_str().ok_or("the folder's name is not UTF-8")?;
        let data_type: JsonLinesType = self.0.typed(None);
        let config = JsonLinesConfig::new("lines".parse()?, "Lines", path).with_type(data_type);
        Ok(Arc::new(JsonLinesSource::new(config)?))
    }
}

#[test]
fn json_lines_keep_the_contract_of_the_source() {
    block_on(check(&Lines(Files::new(true)))).assert();
    block_on(check(&Lines(Files::new(false)))).assert();
}

/// Puts a check in front of another fixture's source, as a service does that tries it out.
struct Checked<'a>(&'a dyn SourceFixture);

impl SourceFixture for Checked<'_> {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        Ok(Arc::new(CheckedSource::new(self.0.source(rows)?)))
    }
}

/// Checks reads of rows at the bounds of their windows.
fn reads_are_kept(fixture: &dyn SourceFixture) {
    let fixture = Checked(fixture);
    let described = fixture.source(&[]).unwrap();
    let data_type = &described.describe().types[0];
    let mut runner = TestRunner::new(Config::with_cases(64));
    let outcome = runner.run(&read(data_type, fixture.step()), |(request, rows)| {
        block_on(check_read(&fixture, &request, &rows)).map_err(TestCaseError::fail)
    });
    outcome.unwrap();
}

#[test]
fn json_lines_yield_what_is_asked_for() {
    reads_are_kept(&Lines(Files::new(true)));
    reads_are_kept(&Lines(Files::new(false)));
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use cdds_storage::source::{SqliteConfig, SqliteRows, SqliteSource};
    use rusqlite::{Connection, params};

    use super::*;

    struct Tables {
        files: Files,
        indexed: bool,
    }

    impl SourceFixture for Tables {
        fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
            let path = self.files.next();
            let mut connection = Connection::open(&path)?;
            connection.execute_batch(
                "CREATE TABLE rows (id TEXT, at INTEGER, changed INTEGER, media TEXT, owner TEXT, note TEXT)",
            )?;
            let inserting = connection.transaction()?;
            for row in rows {
                let [at, changed] =
                    [row.event_at, row.changed_at].map(|at| at.map(|at| at.timestamp_micros()));
                inserting.prepare_cached("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)")?.execute(params![
                    row.id,
                    at,
                    changed,
                    row.category,
                    row.owner.as_str(),
                    row.note,
                ])?;
            }
            inserting.commit()?;
            if self.indexed {
                connection
                    .execute_batch("CREATE INDEX by_at ON rows (at); CREATE INDEX by_id ON rows (id)")?;
            }
            let data_type = self.files.typed(SqliteRows::Table("rows".to_owned()));
            let config = SqliteConfig::new("tables".parse()?, "Tables", path).with_type(data_type);
            Ok(Arc::new(SqliteSource::new(config)?))
        }
    }

    #[test]
    fn tables_keep_the_contract_of_the_source() {
        for (whole, indexed) in [(true, false), (true, true), (false, false)] {
            block_on(check(&Tables { files: Files::new(whole), indexed })).assert();
        }
    }

    #[test]
    fn tables_yield_what_is_asked_for() {
        for (whole, indexed) in [(true, false), (true, true), (false, false)] {
            reads_are_kept(&Tables { files: Files::new(whole), indexed });
        }
    }
}
