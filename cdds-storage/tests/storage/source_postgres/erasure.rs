//! Reads by subject and erasures (rules D1, D5).

use cdds_core::domain::id::Owner;
use cdds_core::domain::subject::{
    EraseRequest, Erased, ErasureRule, Identifier, IdentifierKind, Kept, ON_HOLD, StoredForm, Subject,
    SubjectField,
};
use cdds_core::ports::source::{Source, SourceError, SourceErrorKind};
use cdds_storage::source::PostgresType;
use futures::executor::block_on;

use super::scene::{READER, Scene, everything, lines, table};

fn phone(name: &str) -> SubjectField {
    SubjectField::new(name, IdentifierKind::Phone)
}

fn calls() -> PostgresType {
    table("calls").with_subject(phone("caller")).with_subject(phone("callee"))
}

fn ada() -> Subject {
    let customer = Identifier::new("customer".parse().unwrap(), "7").unwrap();
    Subject::new([Identifier::new(IdentifierKind::Phone, "+49 30 1").unwrap(), customer]).unwrap()
}

fn erase(source: &dyn Source, dry_run: bool) -> Result<Erased, SourceError> {
    let request = EraseRequest::new(Owner::default(), "row".parse().unwrap(), ada());
    block_on(source.erase(request.with_dry_run(dry_run)))
}

fn about_ada(source: &dyn Source) -> Vec<String> {
    lines(source, everything().with_subject(ada()))
}

const CALLS: &str = "CREATE TABLE calls (n int PRIMARY KEY, caller text, callee text, notes text, hold bool);
    INSERT INTO calls VALUES (1, '+49 30 1', '+49 40 2', 'one', NULL), (2, '+49 40 2', '0049 (0)30/1', 'two', false),
      (3, '+49 40 2', '+49 30 11', 'three', false), (4, '+49301', '+49 30 1', 'four', true), (5, NULL, NULL, 'five', true);
    GRANT DELETE, UPDATE ON calls TO reader;";

const NOTES: &str = "SELECT notes FROM calls ORDER BY n";

#[test]
fn d1_people_are_found_in_columns_of_many_types() {
    let scene = Scene::new(
        "CREATE TABLE t (n int, list text[], doc jsonb, customer int8, exact numeric, short char(12));
         INSERT INTO t VALUES (1, '{\"+49 40 2\",\"0049 30 1\"}', NULL, NULL, NULL, NULL),
           (2, NULL, '{\"parties\":[{\"phone\":\"+49301\"}]}', NULL, NULL, NULL), (3, NULL, NULL, 7, NULL, NULL),
           (4, NULL, NULL, NULL, 7.00, NULL), (5, NULL, NULL, NULL, NULL, '+49 30 1'), (6, '{}', '{}', 8, 7.5, '+49 30 12')",
    );
    let customer = |name: &str| SubjectField::new(name, "customer".parse().unwrap());
    let stored = customer("customer").with_stored(StoredForm::Normalised);
    for (field, expected) in [
        (phone("list"), "{\"n\":1"),
        (phone("/doc/parties/phone"), "{\"n\":2"),
        (stored, "{\"n\":3"),
        (customer("exact"), "{\"n\":4"),
        (phone("short").with_stored(StoredForm::Normalised), "{\"n\":5"),
    ] {
        let found = about_ada(&scene.source(table("t").with_subject(field.clone())));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{field:?}: {found:?}");
    }
    let misspelt = scene.source(table("t").with_subject(phone("lists")));
    let error = super::scene::read(&misspelt, everything().with_subject(ada())).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Missing);
}

#[test]
fn d5_records_are_deleted_emptied_or_kept_and_a_rehearsal_tells() {
    let scene = Scene::new(CALLS);
    let source = scene.source(calls().with_hold("hold").with_erasure(ErasureRule::Delete));
    let reason = "kept by law".to_owned();
    let keeping = scene.source(calls().with_erasure(ErasureRule::Keep { reason: reason.clone() }));
    assert_eq!(
        erase(&keeping, false).unwrap(),
        Erased { records: 0, kept: vec![Kept { reason, records: 3 }] }
    );
    let expected = Erased { records: 2, kept: vec![Kept { reason: ON_HOLD.to_owned(), records: 1 }] };
    assert_eq!(erase(&source, true).unwrap(), expected);
    assert_eq!(scene.texts(NOTES).len(), 5, "a dry run changes nothing");
    assert_eq!(erase(&source, false).unwrap(), expected);
    assert_eq!(scene.texts(NOTES), ["three", "four", "five"]);
    let fields = ["caller", "callee", "notes"].map(str::to_owned).to_vec();
    let emptying = scene.source(calls().with_erasure(ErasureRule::Empty { fields }));
    scene.run("UPDATE calls SET callee = '+49 40 2' WHERE n = 4");
    assert_eq!(erase(&emptying, false).unwrap().records, 1);
    let left = "SELECT concat_ws('|', n, coalesce(caller, '-'), coalesce(callee, '-'), coalesce(notes, '-')) FROM calls ORDER BY n";
    assert_eq!(scene.texts(left), ["3|+49 40 2|+49 30 11|three", "4|-|+49 40 2|-", "5|-|-|five"]);
    assert_eq!((about_ada(&source).len(), erase(&source, false).unwrap()), (0, Erased::default()));
}

#[test]
fn d5_a_zero_of_any_kind_is_no_hold() {
    for (kind, held) in
        [("numeric(9, 2)", "0.01"), ("float8", "0.5"), ("int", "10"), ("bool", "true"), ("text", "'no'")]
    {
        let scene = Scene::new(&format!(
            "CREATE TABLE calls (n int, caller text, callee text, hold {kind}); GRANT DELETE ON calls TO reader;
             INSERT INTO calls VALUES (1, '+49 30 1', NULL, '0'), (2, '+49 30 1', NULL, NULL), (3, '+49 30 1', NULL, {held})"
        ));
        let source = scene.source(calls().with_hold("hold").with_erasure(ErasureRule::Delete));
        assert_eq!(erase(&source, false).unwrap().records, 2, "{kind}");
        assert_eq!(scene.texts("SELECT n::text FROM calls"), ["3"], "{kind}");
    }
}

#[test]
fn d5_what_objects_leaves_everything_as_it_was() {
    let scene = Scene::new("");
    let foreign = "CREATE TABLE bills (call int REFERENCES calls (n)); INSERT INTO bills VALUES (2)";
    let refused = SourceErrorKind::Refused;
    for (setup, expected) in [
        (foreign.to_owned(), refused),
        (foreign.replace("(n))", "(n) DEFERRABLE INITIALLY DEFERRED)"), refused),
        (
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''secret %'', OLD.caller; END';
             CREATE TRIGGER stays BEFORE DELETE ON calls FOR EACH ROW EXECUTE FUNCTION stay()"
                .to_owned(),
            refused,
        ),
        (
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.n = 2 THEN RETURN NULL; END IF; RETURN OLD; END';
             CREATE TRIGGER stays BEFORE DELETE ON calls FOR EACH ROW EXECUTE FUNCTION stay()"
                .to_owned(),
            refused,
        ),
        (
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE ''SELECT secret'' || OLD.n; RETURN OLD; END';
             CREATE TRIGGER stays BEFORE DELETE ON calls FOR EACH ROW EXECUTE FUNCTION stay()"
                .to_owned(),
            SourceErrorKind::Missing,
        ),
        (format!("REVOKE DELETE ON calls FROM {READER}"), SourceErrorKind::Invalid),
    ] {
        scene.run(&format!("DROP TABLE IF EXISTS bills, calls; DROP FUNCTION IF EXISTS stay; {CALLS} {setup}"));
        let source = scene.source(calls().with_erasure(ErasureRule::Delete));
        for dry_run in [true, false] {
            let error = erase(&source, dry_run).unwrap_err();
            let report = error.report();
            assert_eq!(error.kind(), expected, "{setup}: {report}");
            assert!(!report.contains("secret") && !report.contains("4930"), "{report}");
            assert_eq!(scene.texts(NOTES).len(), 5, "{setup}");
        }
    }
}

#[test]
fn d5_a_row_in_any_partition_is_erased_and_one_that_is_changed_meanwhile_is_tried_again() {
    let scene = Scene::new(
        "CREATE TABLE calls (n int, caller text, callee text) PARTITION BY LIST (n);
         CREATE TABLE one PARTITION OF calls FOR VALUES IN (1); CREATE TABLE two PARTITION OF calls FOR VALUES IN (2);
         INSERT INTO calls VALUES (1, '+49 30 1', NULL), (2, '+49 30 1', NULL), (1, '+49 30 2', NULL), (2, '+49 30 2', NULL);
         GRANT DELETE ON calls TO reader",
    );
    let source = scene.source(calls().with_erasure(ErasureRule::Delete));
    let application = scene.session();
    scene.in_session(
        &application,
        "BEGIN; UPDATE calls SET callee = '+49 40 2' WHERE n = 1 AND caller = '+49 30 1'",
    );
    let outcome = std::thread::scope(|scope| {
        let erasing = scope.spawn(|| erase(&source, false));
        scene.wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'cdds erase' AND wait_event_type = 'Lock'");
        scene.in_session(&application, "COMMIT");
        erasing.join().unwrap()
    });
    assert_eq!(outcome.unwrap_err().kind(), SourceErrorKind::Interrupted);
    assert_eq!(scene.texts("SELECT caller FROM calls").len(), 4);
    assert_eq!(erase(&source, false).unwrap().records, 2);
    assert_eq!(scene.texts("SELECT caller FROM calls ORDER BY n"), ["+49 30 2", "+49 30 2"]);
}
