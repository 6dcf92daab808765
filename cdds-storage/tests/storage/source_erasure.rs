//! Erasures from tables of SQLite (rules D4, D5).

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, TypeId};
use cdds_core::domain::subject::{
    EraseRequest, Erased, ErasureRule, Identifier, IdentifierKind, Kept, ON_HOLD, StoredForm, Subject,
    SubjectField,
};
use cdds_core::ports::source::{ReadRequest, Source, SourceError, SourceErrorKind};
use cdds_core::testing::read_lines;
use cdds_storage::source::{OwnerConfig, SqliteConfig, SqliteRows, SqliteSource, SqliteType};
use futures::executor::block_on;
use rusqlite::Connection;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(schema: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.connection().execute_batch(schema).unwrap();
        place
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("calls.db")
    }

    fn connection(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn source(&self, data_type: SqliteType) -> SqliteSource {
        let config = SqliteConfig::new("calls".parse().unwrap(), "Calls", self.path());
        SqliteSource::new(config.with_type(data_type)).unwrap()
    }

    /// Returns the rows of a query as text.
    fn rows(&self, query: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

fn id() -> TypeId {
    TypeId::new("call").unwrap()
}

fn calls() -> SqliteType {
    let caller = SubjectField::new("caller", IdentifierKind::Phone);
    let callee = SubjectField::new("callee", IdentifierKind::Phone);
    SqliteType::new(id(), SqliteRows::Table("calls".to_owned())).with_subject(caller).with_subject(callee)
}

fn ada() -> Subject {
    Subject::new([Identifier::new(IdentifierKind::Phone, "+49 30 1").unwrap()]).unwrap()
}

fn erase(source: &dyn Source, dry_run: bool) -> Result<Erased, SourceError> {
    block_on(source.erase(EraseRequest::new(Owner::default(), id(), ada()).with_dry_run(dry_run)))
}

fn about_ada(source: &dyn Source) -> String {
    let window = Window::until("9000-01-01T00:00:00Z".parse().unwrap());
    read_lines(source, ReadRequest::new(Owner::default(), id(), window).with_subject(ada())).unwrap()
}

const CALLS: &str = "CREATE TABLE calls (n INTEGER PRIMARY KEY, caller, callee, notes, hold, tenant);
    INSERT INTO calls VALUES (1, '+49 30 1', '+49 40 2', 'one', NULL, 'default'),
      (2, '+49 40 2', '0049 (0)30/1', 'two', 0, 'default'), (3, '+49 40 2', '+49 30 11', 'three', 0, 'default'),
      (4, '+49301', '+49 30 1', 'four', 1, 'default'), (5, NULL, NULL, 'five', 1, 'default'),
      (6, '+49301', NULL, 'six', NULL, 'south');";

#[test]
fn d5_records_are_deleted_but_those_on_hold_and_a_rehearsal_tells() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(&format!("PRAGMA journal_mode = {journal}; {CALLS}"));
        let owner = OwnerConfig::Field("tenant".to_owned());
        let source =
            place.source(calls().with_owner(owner).with_hold("hold").with_erasure(ErasureRule::Delete));
        let expected = Erased { records: 2, kept: vec![Kept { reason: ON_HOLD.to_owned(), records: 1 }] };
        assert_eq!(erase(&source, true).unwrap(), expected);
        assert_eq!(place.rows("SELECT notes FROM calls").len(), 6, "a dry run changes nothing");
        assert_eq!(erase(&source, false).unwrap(), expected);
        assert_eq!(place.rows("SELECT notes FROM calls"), ["three", "four", "five", "six"]);
        // The hold ends, and the erasure goes on.
        assert_eq!(erase(&source, false).unwrap(), Erased { records: 0, ..expected });
        place.connection().execute_batch("UPDATE calls SET hold = 0 WHERE n = 4").unwrap();
        assert_eq!(erase(&source, false).unwrap(), Erased { records: 1, kept: Vec::new() });
        assert_eq!((about_ada(&source).as_str(), erase(&source, false).unwrap()), ("", Erased::default()));
    }
}

#[test]
fn d5_emptied_records_name_the_others_still() {
    let place = Place::new(CALLS);
    let fields = ["caller", "callee", "notes"].map(str::to_owned).to_vec();
    let source = place.source(calls().with_erasure(ErasureRule::Empty { fields }));
    assert_eq!(erase(&source, true).unwrap().records, 4);
    assert_eq!(erase(&source, false).unwrap().records, 4);
    let left = "SELECT format('%d %s %s %s', n, caller, callee, notes) FROM calls ORDER BY n";
    let expected = ["1  +49 40 2 ", "2 +49 40 2  ", "3 +49 40 2 +49 30 11 three", "4   ", "5   five", "6   "];
    assert_eq!(place.rows(left), expected);
    assert_eq!((about_ada(&source).as_str(), erase(&source, false).unwrap()), ("", Erased::default()));
}

#[test]
fn d1_a_check_says_where_a_read_by_subject_goes_through_all_rows() {
    let place = Place::new(&format!("{CALLS} CREATE INDEX by_callee ON calls (callee)"));
    let remarks =
        |data_type| block_on(place.source(data_type).remarks(&Owner::default())).unwrap().join("; ");
    let normalised =
        |name: &str| SubjectField::new(name, IdentifierKind::Phone).with_stored(StoredForm::Normalised);
    let as_written = remarks(calls());
    assert!(as_written.contains("\"caller\" holds what people wrote"), "{as_written}");
    let typed = SqliteType::new(id(), SqliteRows::Table("calls".to_owned()));
    let found = remarks(typed.with_subject(normalised("caller")).with_subject(normalised("callee")));
    assert!(
        found.contains("no index begins with the column \"caller\"") && !found.contains("callee"),
        "{found}"
    );
}

#[test]
fn d5_a_kept_record_stays_and_is_counted() {
    let place = Place::new(CALLS);
    let reason = "kept for ten years by law".to_owned();
    let source = place.source(calls().with_erasure(ErasureRule::Keep { reason: reason.clone() }));
    for dry_run in [true, false] {
        let kept = vec![Kept { reason: reason.clone(), records: 4 }];
        assert_eq!(erase(&source, dry_run).unwrap(), Erased { records: 0, kept });
    }
    assert_eq!(about_ada(&source).lines().count(), 4);
}

#[test]
fn d5_what_objects_leaves_everything_as_it_was_and_is_told_without_values() {
    for (schema, told) in [
        ("CREATE TABLE bills (call REFERENCES calls (n)); INSERT INTO bills VALUES (2)", "foreign key"),
        (
            "CREATE TABLE bills (call REFERENCES calls (n) DEFERRABLE INITIALLY DEFERRED); INSERT INTO bills VALUES (2)",
            "foreign key",
        ),
        (
            "CREATE TRIGGER stays BEFORE DELETE ON calls WHEN old.n = 2 BEGIN SELECT RAISE(ABORT, 'secret'); END",
            "trigger of the database forbids",
        ),
        (
            "CREATE TRIGGER stays BEFORE DELETE ON calls WHEN old.n = 2 BEGIN SELECT RAISE(IGNORE); END",
            "trigger of the database keeps",
        ),
    ] {
        let place = Place::new(&format!("{CALLS} {schema}"));
        let source = place.source(calls().with_erasure(ErasureRule::Delete));
        for dry_run in [true, false] {
            // Deferred keys are heard at the commit alone.
            if dry_run && schema.contains("DEFERRED") {
                continue;
            }
            let error = erase(&source, dry_run).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::Refused, "{}", error.report());
            let report = error.report();
            assert!(report.contains(told) && !report.contains("secret"), "{report}");
            assert_eq!(place.rows("SELECT notes FROM calls").len(), 6, "{told}");
        }
    }
    let cascade =
        "CREATE TABLE bills (call REFERENCES calls (n) ON DELETE CASCADE); INSERT INTO bills VALUES (2), (3)";
    let place = Place::new(&format!("{CALLS} {cascade}"));
    assert_eq!(erase(&place.source(calls().with_erasure(ErasureRule::Delete)), false).unwrap().records, 4);
    assert_eq!(place.rows("SELECT CAST(call AS TEXT) FROM bills"), ["3"]);
}

#[test]
fn d4_what_a_trigger_has_the_database_say_is_not_told() {
    let place = Place::new(&format!(
        "{CALLS} CREATE VIRTUAL TABLE found USING fts5(words);
         CREATE TRIGGER forgets BEFORE DELETE ON calls BEGIN DELETE FROM found WHERE found MATCH old.notes || '-secret:'; END"
    ));
    let error = erase(&place.source(calls().with_erasure(ErasureRule::Delete)), false).unwrap_err();
    let report = error.report();
    assert!(report.contains("does not carry out the erasure") && !report.contains("secret"), "{report}");
    assert_eq!(place.rows("SELECT notes FROM calls").len(), 6);
}

#[test]
fn d5_a_zero_of_any_kind_is_no_hold() {
    let table = "CREATE TABLE calls (n, caller, callee, notes, hold REAL);
        INSERT INTO calls VALUES (1, '+49 30 1', NULL, '', 0), (2, '+49 30 1', NULL, '', -0.0),
          (3, '+49 30 1', NULL, '', 0.5), (4, '+49 30 1', NULL, '', NULL)";
    let place = Place::new(table);
    let source = place.source(calls().with_hold("hold").with_erasure(ErasureRule::Delete));
    assert_eq!(erase(&source, false).unwrap().records, 3);
    assert_eq!(place.rows("SELECT CAST(n AS TEXT) FROM calls"), ["3"]);
}

#[test]
fn d5_tables_without_rowids_are_erased_from_and_nothing_of_a_record_stays_in_the_file() {
    let place = Place::new(
        "CREATE TABLE calls (caller TEXT PRIMARY KEY, callee, notes) WITHOUT ROWID;
         INSERT INTO calls VALUES ('+49 30 1', NULL, 'unspeakable-4711'), ('+49 30 2', NULL, 'speakable-4712')",
    );
    let source = place.source(calls().with_erasure(ErasureRule::Delete));
    assert_eq!(erase(&source, false).unwrap().records, 1);
    let file = std::fs::read(place.path()).unwrap();
    let holds = |text: &str| memchr::memmem::find(&file, text.as_bytes()).is_some();
    assert!(holds("speakable-4712") && !holds("unspeakable-4711"));
}

#[test]
fn d5_an_application_that_writes_is_waited_for_and_then_it_is_tried_again() {
    let place = Place::new(CALLS);
    let source = place.source(calls().with_erasure(ErasureRule::Delete));
    let application = place.connection();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(erase(&source, false).unwrap_err().kind(), SourceErrorKind::Unavailable);
    application.execute_batch("COMMIT").unwrap();
    assert_eq!(erase(&source, false).unwrap().records, 4);
}

#[test]
fn d5_a_rule_that_cannot_be_kept_is_refused_at_once() {
    let place = Place::new(CALLS);
    let source = |data_type| {
        let config = SqliteConfig::new("calls".parse().unwrap(), "Calls", place.path());
        SqliteSource::new(config.with_type(data_type)).map_err(|error| error.report())
    };
    let empty = ErasureRule::Empty { fields: vec!["caller".to_owned()] };
    assert!(source(calls().with_erasure(empty)).unwrap_err().contains("\"callee\""));
    assert!(source(calls().with_hold("hold")).unwrap_err().contains("hold"));
    let mut query = calls().with_erasure(ErasureRule::Delete);
    query.rows = SqliteRows::Query("SELECT * FROM calls".to_owned());
    assert!(source(query).unwrap_err().contains("query"));
    let error = erase(&place.source(calls()), false).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unsupported);
    let misspelt = calls().with_hold("holt").with_erasure(ErasureRule::Delete);
    assert_eq!(erase(&place.source(misspelt), false).unwrap_err().kind(), SourceErrorKind::Missing);
}
