//! The fields of tables, views and queries (rule J4).

use cdds_core::domain::id::Owner;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::subject::{IdentifierKind, StoredForm, SubjectField};
use cdds_core::ports::source::{Field, Source};
use cdds_storage::source::PostgresSource;
use futures::executor::block_on;

use super::scene::{Scene, query, table};

const PEOPLE: &str = "CREATE DOMAIN mail AS varchar(40);
    CREATE TABLE people (id bigint, part int, born timestamptz(3), \"E Mail\" mail, phone text, fax text, name text, tag text[],
        PRIMARY KEY (id, part));
    CREATE INDEX ON people (born); CREATE INDEX ON people (lower(\"E Mail\")); CREATE INDEX ON people (phone) WHERE part > 1;
    CREATE INDEX ON people (fax COLLATE \"C\"); CREATE INDEX ON people (part); CREATE INDEX ON people (part) WHERE id > 1;
    CREATE VIEW adults AS SELECT id, born FROM people;";

fn told(field: &Field) -> String {
    let Field { name, declared, indexed, roles, .. } = field;
    format!("{name}: {}, {indexed:?}, {roles:?}", declared.as_deref().unwrap_or("-"))
}

fn fields(source: &PostgresSource) -> Vec<String> {
    let id = source.describe().types[0].id.clone();
    block_on(source.fields(&Owner::default(), &id)).unwrap().unwrap().iter().map(told).collect()
}

#[test]
fn j4_d1_columns_are_told_with_what_their_indexes_are_good_for() {
    let scene = Scene::new(PEOPLE);
    let normalised = |name: &str, kind| SubjectField::new(name, kind).with_stored(StoredForm::Normalised);
    let people = table("people")
        .with_time("born", InstantFormat::Any)
        .with_subject(normalised("E Mail", IdentifierKind::Email))
        .with_subject(normalised("phone", IdentifierKind::Phone))
        .with_subject(normalised("fax", IdentifierKind::Phone));
    let source = scene.source(people);
    assert_eq!(
        fields(&source),
        [
            "id: bigint, Fully, [Key]",
            "part: integer, Fully, [Key]",
            "born: timestamp(3) with time zone, Fully, [Time]",
            "E Mail: mail, Expression, [Subject(Email)]",
            "phone: text, Partly, [Subject(Phone)]",
            "fax: text, Collation, [Subject(Phone)]",
            "name: text, No, []",
            "tag: text[], No, []",
        ]
    );
    // A check says the same.
    let remarks = block_on(source.remarks(&Owner::default())).unwrap().join("; ");
    for said in [
        "are of an expression of the column \"E Mail\"",
        "begin with the column \"phone\" have a condition",
        "begin with the column \"fax\" are in another order",
    ] {
        assert!(remarks.contains(said), "{remarks}");
    }
    assert_eq!(
        fields(&scene.source(table("adults"))),
        ["id: bigint, Unknown, []", "born: timestamp(3) with time zone, Unknown, []"]
    );
    let named = query("SELECT id + 1 AS next, born::date FROM people");
    assert_eq!(fields(&scene.source(named)), ["next: bigint, Unknown, []", "born: date, Unknown, []"]);
    scene.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_born_idx'::regclass");
    assert!(fields(&source).contains(&"born: timestamp(3) with time zone, No, [Time]".to_owned()));
}

#[test]
fn j4_columns_that_a_type_declares_and_that_there_are_not_are_named_all_at_once() {
    let scene = Scene::new(PEOPLE);
    let faults = |source: &PostgresSource| {
        let id = source.describe().types[0].id.clone();
        block_on(source.faults(&Owner::default(), &id)).unwrap()
    };
    let well = table("people").with_time("born", InstantFormat::Any);
    assert_eq!(faults(&scene.source(well)), [""; 0]);
    let misspelt = query("SELECT id, born, phone FROM people")
        .with_time("borm", InstantFormat::Any)
        .with_changed("Born", InstantFormat::Any)
        .with_subject(SubjectField::new("/phones/first", IdentifierKind::Phone));
    let found = faults(&scene.source(misspelt));
    for (found, told) in found.iter().zip([
        "time: there is no column \"borm\", did you mean \"born\"? Choose from id, born, phone",
        "changed: there is no column \"Born\", did you mean \"born\"?",
        "subject: there is no column \"phones\", did you mean \"phone\"?",
    ]) {
        assert!(found.starts_with(told), "{found}");
    }
    assert_eq!(found.len(), 3, "{found:?}");
    let nowhere = scene.source(table("x"));
    assert!(block_on(nowhere.faults(&Owner::default(), &nowhere.describe().types[0].id)).is_err());
}
