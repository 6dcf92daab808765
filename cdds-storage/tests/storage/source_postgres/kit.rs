//! The contract of the source (`ports::source`).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::subject::{ErasureRule, IdentifierKind, StoredForm, SubjectField};
use cdds_core::ports::source::{CheckedSource, Source};
use cdds_core::testing::conformance::source::{Clause, Damaged, Row, SourceFixture, check, check_read};
use cdds_core::testing::conformance::{Contract, Report};
use cdds_core::testing::strategies::requests::read;
use cdds_storage::source::{CategoryConfig, OwnerConfig, PostgresSource};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::Type;

use super::scene::{READER, Scene, config, table};

/// How a table stores instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Timestamps,
    Numbers,
    Texts,
}

/// Sources over tables of their own, in one database.
struct Tables {
    scene: Scene,
    made: AtomicU32,
    stored: Stored,
    indexed: bool,
}

impl Tables {
    fn new(stored: Stored, indexed: bool) -> Self {
        Self { scene: Scene::new(""), made: AtomicU32::new(0), stored, indexed }
    }

    /// Writes rows to a table of their own, of which one has an instant that is none.
    fn written(&self, rows: &[Row], damaged: Option<usize>) -> Arc<dyn Source> {
        let name = format!("rows_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let (types, of_micros, format) = match self.stored {
            Stored::Timestamps => (
                ["timestamptz", "timestamp"],
                "timestamp 'epoch' + $ * interval '1 microsecond'",
                InstantFormat::Any,
            ),
            Stored::Numbers => (["int8", "numeric"], "$", InstantFormat::UnixMicros),
            Stored::Texts => (
                ["text", "text"],
                "(timestamp 'epoch' + $ * interval '1 microsecond')::text",
                InstantFormat::Iso,
            ),
        };
        let [time, changed] = types;
        self.scene.run(&format!(
            "CREATE TABLE {name} (id text, at {time}, changed {changed}, media text, owner text, note text, phone text, email text)"
        ));
        let micros = |at: fn(&Row) -> Option<chrono::DateTime<chrono::Utc>>| {
            rows.iter().map(|row| at(row).map(|at| at.timestamp_micros())).collect::<Vec<_>>()
        };
        let texts = |text: fn(&Row) -> Option<String>| rows.iter().map(text).collect::<Vec<_>>();
        let of = |column: &str| of_micros.replace('$', column);
        let insert = format!(
            "INSERT INTO {name} SELECT a, {}, {}, d, e, f, g, h FROM \
             unnest($1::text[], $2::int8[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) \
             AS u(a, b, c, d, e, f, g, h)",
            of("b"),
            of("c"),
        );
        let (ids, owners) =
            (texts(|row| Some(row.id.clone())), texts(|row| Some(row.owner.as_str().to_owned())));
        let (media, notes) = (texts(|row| row.category.clone()), texts(|row| Some(row.note.clone())));
        let (phones, emails) = (texts(|row| row.phone.clone()), texts(|row| row.email.clone()));
        let (times, changes) = (micros(|row| row.event_at), micros(|row| row.changed_at));
        let session = self.scene.session();
        self.scene.server.within(async {
            // The database's own time zone moves an instant without one otherwise.
            session.batch_execute("SET TimeZone = 'UTC'").await.unwrap();
            let inserted = session
                .query_typed(
                    &insert,
                    &[
                        (&ids, Type::TEXT_ARRAY),
                        (&times, Type::INT8_ARRAY),
                        (&changes, Type::INT8_ARRAY),
                        (&media, Type::TEXT_ARRAY),
                        (&owners, Type::TEXT_ARRAY),
                        (&notes, Type::TEXT_ARRAY),
                        (&phones, Type::TEXT_ARRAY),
                        (&emails, Type::TEXT_ARRAY),
                    ],
                )
                .await;
            inserted.unwrap();
        });
        if let Some(number) = damaged {
            let none = match self.stored {
                Stored::Timestamps => "'infinity'",
                Stored::Numbers => "9223372036854775807",
                Stored::Texts => "note",
            };
            // Behind the others, since a row that is changed moves there.
            self.scene.run(&format!("UPDATE {name} SET at = {none} WHERE id = '{}'", rows[number].id));
        }
        if self.indexed {
            self.scene.run(&format!("CREATE INDEX ON {name} (at); CREATE INDEX ON {name} (changed)"));
        }
        self.scene.run(&format!("ANALYZE {name}; GRANT DELETE ON {name} TO {READER}"));
        let named = if self.indexed { StoredForm::Normalised } else { StoredForm::AsWritten };
        let values = vec!["voice".to_owned(), "chat".to_owned()];
        let media = CategoryConfig { name: "media types".to_owned(), column: "media".to_owned(), values };
        let data_type = table(&name)
            .with_time("at", format)
            .with_changed("changed", format)
            .with_category(media)
            .with_owner(OwnerConfig::Field("owner".to_owned()))
            .with_subject(SubjectField::new("phone", IdentifierKind::Phone).with_stored(named))
            .with_subject(SubjectField::new("email", IdentifierKind::Email).with_stored(named))
            .with_erasure(ErasureRule::Delete);
        Arc::new(PostgresSource::new(config(data_type), self.scene.connections.clone()).unwrap())
    }

    /// Runs a check on a runtime, since fixtures wait for the server in the middle of it.
    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }
}

impl SourceFixture for Tables {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        Ok(self.written(rows, None))
    }

    fn damaged(&self, rows: &[Row], number: usize) -> Result<Option<Damaged>, Box<dyn Error>> {
        Ok(Some(Damaged::new(self.written(rows, Some(number)), format!("row {}", rows.len()))))
    }

    fn handles(&self) -> Option<usize> {
        let open = "SELECT pid::text FROM pg_stat_activity WHERE application_name = 'cdds read'";
        Some(self.scene.texts(open).len())
    }
}

/// Checks that a report leaves out these clauses alone. Nobody counts the rows that the server goes through.
fn assert_kept(report: Report<Clause>) {
    for clause in Clause::ALL {
        let is_skipped = report.skipped.iter().any(|skipped| skipped.clause == *clause);
        let expected = [Clause::PollsReturn, Clause::FewBatchesAhead].contains(clause);
        assert_eq!(is_skipped, expected, "{clause:?}: {report}");
    }
    report.assert();
}

#[test]
fn postgres_keeps_the_contract_of_the_source_over_timestamps() {
    assert_kept(Tables::runtime().block_on(check(&Tables::new(Stored::Timestamps, true))));
}

#[test]
fn postgres_keeps_the_contract_of_the_source_over_numbers() {
    assert_kept(Tables::runtime().block_on(check(&Tables::new(Stored::Numbers, false))));
}

/// Puts a check in front of another fixture's source, as a service does that tries it out.
struct Checked<'a>(&'a dyn SourceFixture);

impl SourceFixture for Checked<'_> {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        Ok(Arc::new(CheckedSource::new(self.0.source(rows)?)))
    }
}

#[test]
fn postgres_yields_what_is_asked_for() {
    for stored in [Stored::Timestamps, Stored::Numbers, Stored::Texts] {
        let tables = Tables::new(stored, true);
        let fixture = Checked(&tables);
        let described = fixture.source(&[]).unwrap();
        let data_type = &described.describe().types[0];
        let mut runner = TestRunner::new(Config::with_cases(32));
        let outcome = runner.run(&read(data_type, fixture.step()), |(request, rows)| {
            Tables::runtime().block_on(check_read(&fixture, &request, &rows)).map_err(TestCaseError::fail)
        });
        outcome.unwrap();
    }
}
