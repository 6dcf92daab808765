//! The contract of the source (`ports::source`), kept by the sources of this crate.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::subject::{IdentifierKind, StoredForm, SubjectField};
use cdds_core::ports::source::{CheckedSource, Source};
use cdds_core::testing::conformance::source::{Clause, Damaged, Row, SourceFixture, check, check_read};
use cdds_core::testing::conformance::{Contract, Report};
use cdds_core::testing::strategies::requests::read;
use cdds_storage::source::{
    CategoryConfig, JsonLinesConfig, JsonLinesSource, JsonLinesType, OwnerConfig, TypeConfig,
};
use futures::executor::block_on;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

/// Sources over files of their own, numbered within one folder.
struct Files {
    folder: tempfile::TempDir,
    made: AtomicU32,
    whole: bool,
    /// How the fields that name people are stored.
    stored: StoredForm,
    /// The bytes of a row of the file that was written last.
    row_bytes: AtomicU64,
}

impl Files {
    /// Creates a fixture whose type declares everything, or nothing at all.
    fn new(whole: bool) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            made: AtomicU32::new(0),
            whole,
            stored: StoredForm::default(),
            row_bytes: AtomicU64::new(1),
        }
    }

    fn next(&self) -> std::path::PathBuf {
        self.folder.path().join(self.made.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Returns for each file of the folder that is open how many bytes of it were read. `None` where the system
    /// does not tell.
    fn open(&self) -> Option<Vec<u64>> {
        let mut read = Vec::new();
        for entry in std::fs::read_dir("/proc/self/fd").ok()? {
            let handle = entry.ok()?;
            if std::fs::read_link(handle.path()).is_ok_and(|file| file.starts_with(self.folder.path())) {
                let told = std::path::Path::new("/proc/self/fdinfo").join(handle.file_name());
                // It may be closed by now.
                let told = std::fs::read_to_string(told).unwrap_or_default();
                let position = told.lines().find_map(|line| line.strip_prefix("pos:"));
                read.push(position.and_then(|position| position.trim().parse().ok()).unwrap_or(0));
            }
        }
        Some(read)
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
            .with_subject(SubjectField::new("phone", IdentifierKind::Phone).with_stored(self.stored))
            .with_subject(SubjectField::new("email", IdentifierKind::Email).with_stored(self.stored))
    }
}

struct Lines(Files);

impl Lines {
    fn line(row: &Row) -> Value {
        let [at, changed] = [row.event_at, row.changed_at].map(|at| at.map(|at| at.timestamp_micros()));
        let (id, note, media, owner) = (&row.id, &row.note, &row.category, row.owner.as_str());
        json!({"id": id, "at": at, "changed": changed, "media": media, "owner": owner, "note": note,
            "phone": row.phone, "email": row.email})
    }

    fn written(&self, lines: &[String]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        let (path, text) = (self.0.next(), lines.concat());
        std::fs::write(&path, &text)?;
        let bytes = text.len() / lines.len().max(1);
        self.0.row_bytes.store(u64::try_from(bytes)?.max(1), Ordering::Relaxed);
        let path = path.to_str().ok_or("the folder's name is not UTF-8")?;
        let data_type: JsonLinesType = self.0.typed(None);
        let config = JsonLinesConfig::new("lines".parse()?, "Lines", path).with_type(data_type);
        Ok(Arc::new(JsonLinesSource::new(config)?))
    }
}

impl SourceFixture for Lines {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        let lines: Vec<String> = rows.iter().map(|row| format!("{}\n", Self::line(row))).collect();
        self.written(&lines)
    }

    /// With a time, the row's is none; without, its line has no end.
    fn damaged(&self, rows: &[Row], number: usize) -> Result<Option<Damaged>, Box<dyn Error>> {
        let line = |(index, row): (usize, &Row)| {
            let mut line = Self::line(row);
            if index == number && self.0.whole {
                line["at"] = json!(row.note);
            }
            let line = line.to_string();
            let kept = if index == number && !self.0.whole { line.len() - 1 } else { line.len() };
            format!("{}\n", &line[..kept])
        };
        let lines: Vec<String> = rows.iter().enumerate().map(line).collect();
        Ok(Some(Damaged::new(self.written(&lines)?, format!("line {}", number + 1))))
    }

    fn handles(&self) -> Option<usize> {
        self.0.open().map(|open| open.len())
    }

    fn rows_read(&self) -> Option<u64> {
        let bytes: u64 = self.0.open()?.iter().sum();
        Some(bytes / self.0.row_bytes.load(Ordering::Relaxed))
    }
}

/// Checks that a report leaves out these clauses alone. Open files are counted on Linux.
fn assert_kept(report: Report<Clause>, but: &[&[Clause]]) {
    let counted = [Clause::DropFrees, Clause::PollsReturn, Clause::FewBatchesAhead];
    for clause in Clause::ALL {
        let is_skipped = report.skipped.iter().any(|skipped| skipped.clause == *clause);
        let expected = but.concat().contains(clause);
        let cannot_tell = !cfg!(target_os = "linux") && counted.contains(clause);
        assert!(is_skipped == expected || cannot_tell, "{clause:?}: {report}");
    }
    report.assert();
}

/// The clauses that need a declaration which types without any do not have.
const DECLARED: [Clause; 9] = [
    Clause::WindowBounds,
    Clause::BeforeEpoch,
    Clause::Tiling,
    Clause::ByChange,
    Clause::Categories,
    Clause::Owners,
    Clause::Subjects,
    Clause::DryRun,
    Clause::Erasure,
];

#[test]
fn json_lines_keep_the_contract_of_the_source() {
    let templated = &[Clause::PushDown, Clause::UnknownField];
    let erasing = &[Clause::DryRun, Clause::Erasure];
    assert_kept(block_on(check(&Lines(Files::new(true)))), &[templated, erasing]);
    assert_kept(block_on(check(&Lines(Files::new(false)))), &[&DECLARED, templated]);
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

    impl Tables {
        /// Indexed values that name people are stored normalised, so that the index serves.
        fn new(whole: bool, indexed: bool) -> Self {
            let stored = if indexed { StoredForm::Normalised } else { StoredForm::AsWritten };
            Self { files: Files { stored, ..Files::new(whole) }, indexed }
        }

        /// Writes the rows to a database of their own. The instant of the damaged one is its note, or its note
        /// is no text.
        fn written(&self, rows: &[Row], damaged: Option<usize>) -> Result<Arc<dyn Source>, Box<dyn Error>> {
            let path = self.files.next();
            let mut connection = Connection::open(&path)?;
            connection.execute_batch(
                "CREATE TABLE rows (id TEXT, at INTEGER, changed INTEGER, media TEXT, owner TEXT, note TEXT, phone, email)",
            )?;
            let inserting = connection.transaction()?;
            for row in rows {
                let [at, changed] =
                    [row.event_at, row.changed_at].map(|at| at.map(|at| at.timestamp_micros()));
                inserting.prepare_cached("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
                    params![
                        row.id,
                        at,
                        changed,
                        row.category,
                        row.owner.as_str(),
                        row.note,
                        row.phone,
                        row.email,
                    ],
                )?;
            }
            if let Some(number) = damaged {
                let damage =
                    if self.files.whole { "at = note" } else { "note = CAST(note || x'ff' AS TEXT)" };
                inserting.execute(&format!("UPDATE rows SET {damage} WHERE id = ?"), [&rows[number].id])?;
            }
            inserting.commit()?;
            if self.indexed {
                connection.execute_batch(
                    "CREATE INDEX by_at ON rows (at); CREATE INDEX by_id ON rows (id);
                     CREATE INDEX by_phone ON rows (phone); CREATE INDEX by_email ON rows (email)",
                )?;
            }
            let mut data_type = self.files.typed(SqliteRows::Table("rows".to_owned()));
            data_type.erasure = self.files.whole.then_some(cdds_core::domain::subject::ErasureRule::Delete);
            let config = SqliteConfig::new("tables".parse()?, "Tables", path).with_type(data_type);
            Ok(Arc::new(SqliteSource::new(config)?))
        }
    }

    impl SourceFixture for Tables {
        fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
            self.written(rows, None)
        }

        fn damaged(&self, rows: &[Row], number: usize) -> Result<Option<Damaged>, Box<dyn Error>> {
            Ok(Some(Damaged::new(self.written(rows, Some(number))?, format!("rowid {}", number + 1))))
        }

        fn handles(&self) -> Option<usize> {
            self.files.open().map(|open| open.len())
        }
    }

    #[test]
    fn tables_keep_the_contract_of_the_source() {
        for (whole, indexed) in [(true, false), (true, true), (false, false)] {
            let report = block_on(check(&Tables::new(whole, indexed)));
            let undeclared = if whole { &[] } else { &DECLARED[..] };
            assert_kept(report, &[undeclared, &[Clause::PollsReturn, Clause::FewBatchesAhead]]);
        }
    }

    #[test]
    fn tables_yield_what_is_asked_for() {
        for (whole, indexed) in [(true, false), (true, true), (false, false)] {
            reads_are_kept(&Tables::new(whole, indexed));
        }
    }
}
