//! The fields of tables, queries and files (rule J4).

use cdds_core::domain::id::Owner;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::subject::{CopyRule, ErasureRule, IdentifierKind, StoredForm, SubjectField};
use cdds_core::ports::source::{Field, Source, SourceErrorKind};
use cdds_storage::source::{
    CategoryConfig, JsonLinesConfig, JsonLinesSource, JsonLinesType, OwnerConfig, SqliteConfig, SqliteRows,
    SqliteSource, SqliteType, TypeConfig,
};
use futures::executor::block_on;
use rusqlite::Connection;

const PEOPLE: &str =
    "CREATE TABLE people (id INTEGER PRIMARY KEY, born TEXT, mail varchar(40) COLLATE NOCASE, phone TEXT,
    fax, team TEXT, code TEXT UNIQUE, media TEXT, len INT AS (length(phone)));
    CREATE INDEX by_born ON people (born, id); CREATE INDEX by_mail ON people (mail);
    CREATE INDEX by_phone ON people (phone) WHERE team = 'a'; CREATE INDEX by_fax ON people (lower(fax));
    CREATE VIEW adults AS SELECT id, born, mail FROM people WHERE born < '2008';";

/// `name: declared type, index, roles`.
fn told(field: &Field) -> String {
    let Field { name, declared, indexed, roles, .. } = field;
    format!("{name}: {}, {indexed:?}, {roles:?}", declared.as_deref().unwrap_or("-"))
}

fn fields(source: &dyn Source) -> Vec<String> {
    let id = source.describe().types[0].id.clone();
    block_on(source.fields(&Owner::default(), &id)).unwrap().unwrap().iter().map(told).collect()
}

fn with_roles<R>(rows: R) -> TypeConfig<R> {
    let media = CategoryConfig { name: "media".to_owned(), column: "media".to_owned(), values: Vec::new() };
    TypeConfig::new("person".parse().unwrap(), rows)
        .with_time("BORN", InstantFormat::Iso)
        .with_category(media)
        .with_owner(OwnerConfig::Field("team".to_owned()))
        .with_subject(SubjectField::new("mail", IdentifierKind::Email).with_stored(StoredForm::Normalised))
        .with_subject(SubjectField::new("phone", IdentifierKind::Phone).with_stored(StoredForm::Normalised))
        .with_subject(SubjectField::new("fax", IdentifierKind::Phone).with_stored(StoredForm::Normalised))
}

fn sqlite(path: &std::path::Path, data_type: SqliteType) -> SqliteSource {
    SqliteSource::new(SqliteConfig::new("people".parse().unwrap(), "People", path).with_type(data_type))
        .unwrap()
}

#[test]
fn j4_d1_columns_are_told_with_what_their_indexes_are_good_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    Connection::open(&path).unwrap().execute_batch(PEOPLE).unwrap();
    let table = |name: &str| SqliteRows::Table(name.to_owned());
    let source = sqlite(&path, with_roles(table("People")));
    assert_eq!(
        fields(&source),
        [
            "id: INTEGER, Fully, [Key]",
            "born: TEXT, Fully, [Time]",
            "mail: varchar(40), Collation, [Subject(Email)]",
            "phone: TEXT, Partly, [Subject(Phone)]",
            "fax: -, Expression, [Subject(Phone)]",
            "team: TEXT, No, [Owner]",
            "code: TEXT, Fully, []",
            "media: TEXT, No, [Category]",
            "len: INT, No, []",
        ]
    );
    // A check says the same.
    let remarks = block_on(source.remarks(&Owner::default())).unwrap().join("; ");
    for said in [
        "begin with the column \"mail\" are in another order",
        "begin with the column \"phone\" have a condition",
        "are of an expression of the column \"fax\"",
    ] {
        assert!(remarks.contains(said), "{remarks}");
    }
    let plain = |rows| SqliteType::new("person".parse().unwrap(), rows);
    assert_eq!(
        fields(&sqlite(&path, plain(table("adults")))),
        ["id: INTEGER, Fully, []", "born: TEXT, Fully, []", "mail: varchar(40), No, []"]
    );
    let query = SqliteRows::Query("SELECT born AS day, mail FROM people".to_owned());
    assert_eq!(fields(&sqlite(&path, plain(query))), ["day: -, Fully, []", "mail: -, No, []"]);
    let some = SqliteType { fields: Some(vec!["mail".to_owned()]), ..plain(table("people")) };
    assert_eq!(fields(&sqlite(&path, some)), ["mail: varchar(40), Collation, []"]);
    let missing = sqlite(&path, plain(table("peoples")));
    let error = block_on(missing.fields(&Owner::default(), &"person".parse().unwrap())).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Missing);
}

/// Returns what is at fault in the first type of a source.
pub(super) fn faults(source: &dyn Source) -> Vec<String> {
    let id = source.describe().types[0].id.clone();
    block_on(source.faults(&Owner::default(), &id)).unwrap()
}

#[test]
fn j4_columns_that_a_type_declares_and_that_there_are_not_are_named_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    Connection::open(&path).unwrap().execute_batch(PEOPLE).unwrap();
    let rows = || SqliteRows::Table("people".to_owned());
    assert_eq!(faults(&sqlite(&path, with_roles(rows()))), [""; 0], "names are compared without their case");
    let misspelt = TypeConfig::new("person".parse().unwrap(), rows())
        .with_time("borm", InstantFormat::Iso)
        .with_changed("altered", InstantFormat::Iso)
        .with_category(CategoryConfig {
            name: "m".to_owned(),
            column: "medium".to_owned(),
            values: Vec::new(),
        })
        .with_owner(OwnerConfig::Field("teem".to_owned()))
        .with_subject(SubjectField::new("Mail", IdentifierKind::Email))
        .with_erasure(ErasureRule::Empty { fields: vec!["Mail".to_owned(), "phones".to_owned()] })
        .with_hold("kept")
        .with_copy(CopyRule::Without { fields: vec!["/codes/1".to_owned()] });
    let found = faults(&sqlite(&path, misspelt));
    for (found, told) in found.iter().zip([
        "time: there is no column \"borm\", did you mean \"born\"? Choose from id, born,",
        "changed: there is no column \"altered\": choose from id, born,",
        "category.column: there is no column \"medium\"",
        "owner: there is no column \"teem\", did you mean \"team\"?",
        "hold: there is no column \"kept\"",
        "subject: there is no column \"Mail\", did you mean \"mail\"?",
        "copy.without: there is no column \"codes\", did you mean \"code\"?",
        "erase.empty: there is no column \"Mail\"",
        "erase.empty: there is no column \"phones\", did you mean \"phone\"?",
    ]) {
        assert!(found.starts_with(told), "{found}");
    }
    assert_eq!(found.len(), 9, "{found:?}");
    let declared = TypeConfig::new("person".parse().unwrap(), rows());
    let declared = SqliteType { fields: Some(vec!["mail".to_owned(), "Mail".to_owned()]), ..declared };
    let [field] = &faults(&sqlite(&path, declared))[..] else { panic!("one field") };
    assert!(field.starts_with("fields: there is no column \"Mail\", did you mean \"mail\"?"), "{field}");
    let nowhere =
        sqlite(&path, TypeConfig::new("person".parse().unwrap(), SqliteRows::Table("x".to_owned())));
    assert!(block_on(nowhere.faults(&Owner::default(), &"person".parse().unwrap())).is_err());
}

#[test]
fn j4_files_name_the_fields_that_their_type_names() {
    let rows = None::<String>;
    let source = |data_type: JsonLinesType| {
        let config = JsonLinesConfig::new("people".parse().unwrap(), "People", "nowhere/*.jsonl");
        JsonLinesSource::new(config.with_type(data_type)).unwrap()
    };
    let pointed = SubjectField::new("/contact/phone", IdentifierKind::Phone);
    let owned = OwnerConfig::Field("/of/team".to_owned());
    assert_eq!(
        fields(&source(with_roles(rows.clone()).with_subject(pointed).with_owner(owned))),
        [
            "BORN: -, No, [Time]",
            "media: -, No, [Category]",
            "of: -, No, [Owner]",
            "mail: -, No, [Subject(Email)]",
            "phone: -, No, [Subject(Phone)]",
            "fax: -, No, [Subject(Phone)]",
            "contact: -, No, [Subject(Phone)]",
        ]
    );
    let names = ["id", "mail", "phone", "fax"].map(str::to_owned).to_vec();
    let declared = JsonLinesType { fields: Some(names), ..with_roles(rows) };
    assert_eq!(fields(&source(declared))[..2], ["id: -, No, []", "mail: -, No, [Subject(Email)]"]);
}
