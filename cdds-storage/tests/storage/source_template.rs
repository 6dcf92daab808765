//! Rule J4: a SQLite database that applies a template itself returns the same records as the engine does for
//! JSON lines. The tests beside `Template::apply` show that this is right, by comparison with a tree.
#![cfg(feature = "sqlite")]

use std::path::Path;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::RecordBatch;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};
use cdds_core::ports::source::{ReadRequest, Source, SourceErrorKind};
use cdds_core::testing::records;
use cdds_storage::source::{
    JsonLinesConfig, JsonLinesSource, JsonLinesType, SqliteConfig, SqliteRows, SqliteSource, SqliteType,
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Declared column types, each with its own conversions and collation.
const TYPES: &[&str] =
    &["", "INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM"];

/// The tables, views and queries that the rows are read from.
const ROWS: &[&str] = &["one", "seen", "strict", "SELECT * FROM two"];

fn stored() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        2 => select(&[0, 1, -1, 9_007_199_254_740_993, i64::MAX, i64::MIN][..]).prop_map(Value::Integer),
        1 => any::<i64>().prop_map(Value::Integer),
        2 => select(&[0.0, -0.0, 0.1, 1.0, 9_007_199_254_740_992.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324][..])
            .prop_map(Value::Real),
        1 => any::<f64>().prop_map(Value::Real),
        5 => records::field_text().prop_map(Value::Text),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Blob),
        1 => Just(Value::Blob(b"a".to_vec())),
    ]
}

type Row = Vec<Value>;

/// Returns the exported text of a stored value, as somebody would search for it.
fn asked_for(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::Blob(_) => None,
    }
}

fn write(path: &Path, types: &[&str], rows: &[Row]) {
    let connection = Connection::open(path).unwrap();
    let columns = |types: &[&str]| {
        let names = records::FIELDS.iter().zip(types);
        let columns = names.map(|(name, declared)| format!("{name} {declared}"));
        // The last field is missing in all rows.
        columns.chain(["missing ANY".to_owned()]).collect::<Vec<_>>().join(", ")
    };
    let turned: Vec<&str> = types.iter().rev().copied().collect();
    let schema = format!(
        "PRAGMA synchronous = OFF; BEGIN; CREATE TABLE one ({}); CREATE INDEX one_a ON one (a); CREATE INDEX one_b ON one (b COLLATE BINARY);
         CREATE TABLE two ({}); CREATE INDEX two_a ON two (a); CREATE TABLE strict ({}) STRICT;
         CREATE INDEX strict_a ON strict (a); CREATE VIEW seen AS SELECT * FROM one UNION ALL SELECT * FROM two",
        columns(types),
        columns(&turned),
        columns(&["ANY"; 4])
    );
    connection.execute_batch(&schema).unwrap();
    for (table, row) in
        ["one", "two", "strict"].iter().flat_map(|table| rows.iter().map(move |row| (table, row)))
    {
        let places = vec!["?"; row.len()].join(", ");
        let insert = format!("INSERT INTO {table} VALUES ({places}, NULL)");
        connection.execute(&insert, params_from_iter(row)).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

/// Whether SQLite itself returns a number of the view in two ways: a column that is REAL in the view's first table
/// and holds an integer beyond 2^53 in the second comes out as the integer or as the nearest double, by the columns
/// that are selected.
fn is_ambiguous(types: &[&str], rows: &[Row]) -> bool {
    let is_large = |value: &Value| matches!(value, Value::Integer(number) if number.unsigned_abs() > 1 << 53);
    let mixed = |column: usize| types[column] == "REAL" && types[types.len() - 1 - column] != "REAL";
    rows.iter().any(|row| row.iter().enumerate().any(|(column, value)| mixed(column) && is_large(value)))
}

fn request(template: &Template) -> ReadRequest {
    let window = Window::until(DateTime::<Utc>::MAX_UTC);
    ReadRequest::new(Owner::default(), TypeId::new("t").unwrap(), window).with_template(template.clone())
}

fn read(source: &dyn Source, template: &Template) -> Vec<RecordBatch> {
    block_on(async { source.read(request(template)).await?.try_collect().await }).unwrap()
}

fn sqlite(path: &Path, rows: &str) -> SqliteSource {
    let rows = match rows {
        query if query.starts_with("SELECT") => SqliteRows::Query(query.to_owned()),
        table => SqliteRows::Table(table.to_owned()),
    };
    SqliteSource::new(
        SqliteConfig::new(SourceId::new("s").unwrap(), "S", path)
            .with_type(SqliteType::new(TypeId::new("t").unwrap(), rows)),
    )
    .unwrap()
}

fn json_lines(path: &Path) -> JsonLinesSource {
    JsonLinesSource::new(
        JsonLinesConfig::new(SourceId::new("s").unwrap(), "S", path.to_str().unwrap())
            .with_type(JsonLinesType::new(TypeId::new("t").unwrap(), None)),
    )
    .unwrap()
}

/// Sorts the records, since an index may return the rows in another order.
fn sorted<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> Vec<String> {
    let lines = batches.into_iter().flat_map(RecordBatch::iter);
    let mut lines: Vec<String> =
        lines.map(|record| String::from_utf8(record.line.to_vec()).unwrap()).collect();
    lines.sort_unstable();
    lines
}

fn both_ways(path: &Path, rows: &str, template: &Template) -> [Vec<String>; 2] {
    let database = sqlite(path, rows);
    assert!(database.describe().types[0].pushes_down);
    let whole: Vec<u8> =
        read(&database, &Template::default()).iter().flat_map(|batch| batch.lines().to_vec()).collect();
    let lines = path.with_extension("jsonl");
    std::fs::write(&lines, whole).unwrap();
    let files = json_lines(&lines);
    assert!(!files.describe().types[0].pushes_down);
    let applied: Vec<RecordBatch> =
        read(&files, template).iter().map(|batch| template.apply(batch)).collect();
    [sorted(&read(&database, template)), sorted(&applied)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn j4_pushing_down_gives_what_the_engine_gives(
        types in prop::collection::vec(select(TYPES), 4),
        rows in prop::collection::vec(prop::collection::vec(stored(), 4), 1..12),
        template in records::template(),
        looked_for in (any::<prop::sample::Index>(), 0_usize..4),
        others in prop::collection::vec(records::field_text(), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        write(&path, &types, &rows);
        // Random conditions rarely hold for any row, so one is made to match a row.
        let (row, column) = (looked_for.0.get(&rows), looked_for.1);
        let (field, value) = (records::FIELDS[column], asked_for(&row[column]));
        let equal = value.clone().and_then(|value| Filter::new(field, Operator::Equal, value).ok());
        let listed = others.into_iter().chain(value).filter(|value| !value.is_empty());
        let listed = Filter::one_of(field, listed).ok();
        let [made, listed] = [equal, listed]
            .map(|filter| Template { fields: template.fields.clone(), filters: filter.into_iter().collect() });
        for rows in ROWS.iter().filter(|from| **from != "seen" || !is_ambiguous(&types, &rows)) {
            for template in [&template, &made, &listed] {
                let [pushed, applied] = both_ways(&path, rows, template);
                prop_assert_eq!(pushed, applied, "{} {:?}", rows, template);
            }
        }
    }
}

#[test]
fn j4_equal_is_equal_however_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    for (number, declared) in TYPES.iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let text = |text: &str| Value::Text(text.to_owned());
        let values = [
            Value::Integer(5),
            Value::Real(5.0),
            text("5"),
            text("5.0"),
            text("5 "),
            text("open"),
            text("OPEN"),
            Value::Blob(b"5".to_vec()),
            Value::Blob(vec![0xa2, 0x97, 0xa7]),
            Value::Real(f64::INFINITY),
            text("Infinity"),
            Value::Integer(9_007_199_254_740_993),
            Value::Real(9_007_199_254_740_992.0),
            Value::Null,
        ];
        let rows: Vec<Row> = (0..)
            .zip(values)
            .map(|(n, value)| vec![value, Value::Integer(n), Value::Null, Value::Null])
            .collect();
        write(&path, &[declared, "", "", ""], &rows);
        for asked in [
            "5",
            "5.0",
            "50e-1",
            "5 ",
            "open",
            "Open",
            "NQ==",
            "Infinity",
            "9007199254740993",
            "9007199254740993.0",
            "9007199254740992",
            "",
        ] {
            let filter = Filter::new("a", Operator::Equal, asked).unwrap();
            let template = Template::new(FieldSelection::All, vec![filter]).unwrap();
            for rows in ROWS {
                let [pushed, applied] = both_ways(&path, rows, &template);
                assert_eq!(pushed, applied, "{declared:?} {rows} {asked:?}");
            }
        }
        let list = ["50e-1", "open", "NQ==", "opeX", "Infinity", "9007199254740993.0", "nul\0", "x"];
        let list = Filter::one_of("a", list.map(str::to_owned)).unwrap();
        let template = Template::new(FieldSelection::All, vec![list]).unwrap();
        for rows in ROWS {
            let [pushed, applied] = both_ways(&path, rows, &template);
            assert_eq!(pushed, applied, "{declared:?} {rows} in a list");
        }
        let five: Template = Template::new(FieldSelection::All, vec!["a=5".parse().unwrap()]).unwrap();
        assert!(!both_ways(&path, "one", &five)[0].is_empty(), "{declared:?}");
    }
}

/// More values than a statement may have parameters in some builds of SQLite.
#[test]
fn j4_the_longest_list_is_pushed_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.db");
    let row =
        |n: i64| vec![Value::Integer(n), Value::Text(n.to_string()), Value::Real(n as f64), Value::Null];
    write(&path, &["INTEGER", "TEXT", "REAL", ""], &(0..30).map(row).collect::<Vec<_>>());
    for field in ["a", "b", "c"] {
        let list = (0..10_000).map(|number| (number * 2).to_string());
        let list = Filter::one_of(field, list).unwrap();
        let template = Template::new(FieldSelection::All, vec![list]).unwrap();
        let [pushed, applied] = both_ways(&path, "one", &template);
        assert_eq!((pushed.len(), &pushed), (15, &applied), "{field}");
    }
}

#[test]
fn j4_a_field_that_is_no_column_ends_the_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.db");
    write(&path, &["TEXT"; 4], &[]);
    let source = sqlite(&path, "one");
    let filtered = |filter: &str| Template::new(FieldSelection::All, vec![filter.parse().unwrap()]).unwrap();
    let selected = FieldNames::new(["a".to_owned(), "B".to_owned()]).unwrap();
    let selected = Template::new(FieldSelection::Only(selected), Vec::new()).unwrap();
    for (template, field) in [(filtered("aa=secret"), "aa"), (filtered("A!=secret"), "A"), (selected, "B")] {
        let error = block_on(source.read(request(&template))).err().unwrap();
        assert_eq!(error.kind(), SourceErrorKind::Missing);
        let told = error.report();
        assert!(told.contains(&format!("there is no column {field:?}")), "{told}");
        assert!(told.contains("hoose from a, b, c, d, missing") && !told.contains("secret"), "{told}");
    }
    assert!(block_on(source.read(request(&filtered("missing=x")))).is_ok());
}
