use super::*;
use crate::source::SqliteRows;
use crate::source::config::CategoryConfig;
use crate::source::sqlite::estimate::estimate;
use cdds_core::domain::id::{Owner, TypeId};
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use rusqlite::Connection;
use std::collections::BTreeSet;
use tempfile::TempDir;

fn database(schema: &str) -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    Connection::open(&path).unwrap().execute_batch(schema).unwrap();
    let database = Database::open(&path, "test").unwrap();
    (folder, database)
}

fn contacts(rows: SqliteRows, format: InstantFormat) -> SqliteType {
    SqliteType::new(TypeId::new("contact").unwrap(), rows).with_time("at", format).with_category(
        CategoryConfig {
            name: "media types".to_owned(),
            column: "media".to_owned(),
            values: vec!["voice".to_owned(), "1".to_owned()],
        },
    )
}

fn request(window: Window, categories: &[&str]) -> ReadRequest {
    let values: BTreeSet<String> = categories.iter().map(|value| (*value).to_owned()).collect();
    let categories = if values.is_empty() { CategorySelection::All } else { CategorySelection::Only(values) };
    ReadRequest::new(Owner::default(), TypeId::new("contact").unwrap(), window).with_categories(categories)
}

fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 / 86_400 * 86_400 + number * 86_400, 0).unwrap()
}

fn plans(database: &Database, data_type: &SqliteType, request: &ReadRequest) -> Vec<String> {
    let relation = database.relation(data_type).unwrap();
    let statements = select(data_type, &relation, &relation.columns, request);
    statements.iter().flat_map(|statement| plan(database, statement).unwrap()).collect()
}

const INDEXED: &str = "CREATE TABLE contacts (at, media, note); CREATE INDEX by_at ON contacts (at);";

#[test]
fn declared_formats_use_the_index_in_every_statement() {
    let (_folder, database) = database(INDEXED);
    let window = Window::between(day(0), day(1));
    let query = "SELECT at, media, note FROM contacts -- all of them\n;";
    for rows in [SqliteRows::Table("contacts".into()), SqliteRows::Query(query.into())] {
        for format in
            [InstantFormat::Iso, InstantFormat::Unix, InstantFormat::UnixMillis, InstantFormat::UnixMicros]
        {
            for categories in [&[][..], &["voice", "1"]] {
                let plans = plans(&database, &contacts(rows.clone(), format), &request(window, categories));
                assert!(
                    plans[0].starts_with("SEARCH contacts USING INDEX by_at (at>? AND at<?)"),
                    "{format:?}: {plans:?}"
                );
                let rest = &plans[1..];
                assert!(
                    rest.iter().all(|step| step.starts_with("SEARCH contacts USING INDEX by_at (at")),
                    "{plans:?}"
                );
            }
        }
    }
}

#[test]
fn w7_changes_are_looked_for_by_index_in_every_statement() {
    let (_folder, database) = database(
        "CREATE TABLE contacts (at, media, note, changed); CREATE INDEX by_at ON contacts (at);
         CREATE INDEX by_change ON contacts (changed);",
    );
    for format in [InstantFormat::Iso, InstantFormat::Unix] {
        let data_type =
            contacts(SqliteRows::Table("contacts".into()), format).with_changed("changed", format);
        let request = request(Window::between(day(0), day(1)), &["voice"]).with_by(RecordInstant::Change);
        let plans = plans(&database, &data_type, &request);
        assert!(
            plans[0].starts_with("SEARCH contacts USING INDEX by_change (changed>? AND changed<?)"),
            "{plans:?}"
        );
        assert!(plans.iter().all(|step| step.starts_with("SEARCH contacts USING INDEX by_")), "{plans:?}");
        let whole = request.with_window(Window::until(day(1)));
        let relation = database.relation(&data_type).unwrap();
        assert_eq!(select(&data_type, &relation, &relation.columns, &whole).len(), 1);
    }
}

#[test]
fn j4_equality_uses_its_index() {
    let schema = "CREATE TABLE contacts (at, media, note); CREATE INDEX by_note ON contacts (note);";
    let (_folder, database) = database(schema);
    let data_type = contacts(SqliteRows::Table("contacts".into()), InstantFormat::Any);
    let filtered = |filter: &str| {
        request(Window::until(day(1)), &[])
            .with_template(Template::default().with_filters(vec![filter.parse().unwrap()]))
    };
    let by_index = ["SEARCH contacts USING INDEX by_note (note=?)"];
    assert_eq!(plans(&database, &data_type, &filtered("note=open")), by_index);
    // A field that is not a column does not become a string either.
    for other in ["note!=open", "note>open", "notes=open", "NOTE=open"] {
        assert_eq!(plans(&database, &data_type, &filtered(other)), ["SCAN contacts"], "{other}");
    }
}

#[test]
fn j4_only_the_columns_that_are_needed_are_read() {
    let (_folder, database) = database(INDEXED);
    let data_type = contacts(SqliteRows::Table("contacts".into()), InstantFormat::Any);
    let relation = database.relation(&data_type).unwrap();
    let sql = |data_type: &SqliteType, fields: &[&str], filter: &str| {
        let names = FieldNames::new(fields.iter().map(|name| (*name).to_owned()));
        let template = Template {
            fields: names.map_or(FieldSelection::All, FieldSelection::Only),
            filters: filter.parse().into_iter().collect(),
        };
        let request = request(Window::until(day(1)), &[]).with_template(template);
        let columns = columns(data_type, &relation, &request);
        select(data_type, &relation, &columns, &request).remove(0).sql
    };
    assert_eq!(sql(&data_type, &[], ""), "SELECT _rowid_, * FROM `contacts`");
    assert_eq!(sql(&data_type, &["media"], ""), "SELECT _rowid_, `at`, `media` FROM `contacts`");
    assert_eq!(sql(&data_type, &["media"], "note>a"), "SELECT _rowid_, * FROM `contacts`");
    let plain = SqliteType::new(TypeId::new("contact").unwrap(), data_type.rows.clone());
    assert_eq!(sql(&plain, &["nothing"], ""), "SELECT _rowid_, NULL FROM `contacts`");
}

#[test]
fn the_rows_looked_at_are_few() {
    let series = "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 9999)";
    let (_folder, database) = database(&format!(
        "{INDEXED} {series} INSERT INTO contacts SELECT 1699920000 + n * 8640, 'voice', n FROM s"
    ));
    let data_type = contacts(SqliteRows::Table("contacts".into()), InstantFormat::Unix);
    let relation = database.relation(&data_type).unwrap();
    let mut steps = 0;
    for statement in
        select(&data_type, &relation, &relation.columns, &request(Window::between(day(500), day(501)), &[]))
    {
        let mut prepared = database.connection().prepare(&statement.sql).unwrap();
        let mut rows = prepared.query(params_from_iter(&statement.values)).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        steps += prepared.get_status(rusqlite::StatementStatus::VmStep);
    }
    assert!(steps < 500, "{steps}");
}

#[test]
fn nothing_is_ever_sorted_or_kept_aside() {
    let (_folder, database) = database(INDEXED);
    for window in [Window::until(day(1)), Window::between(day(0), day(1))] {
        for format in [InstantFormat::Any, InstantFormat::Iso, InstantFormat::Unix] {
            let data_type = contacts(SqliteRows::Table("contacts".into()), format);
            for step in plans(&database, &data_type, &request(window, &["voice"])) {
                assert!(!step.contains("TEMP B-TREE") && !step.contains("MULTI-INDEX"), "{step}");
            }
        }
    }
}

#[test]
fn categories_use_their_index() {
    let (_folder, database) =
        database("CREATE TABLE contacts (at, media); CREATE INDEX by_media ON contacts (media);");
    let data_type = contacts(SqliteRows::Table("contacts".into()), InstantFormat::Any);
    let plans = plans(&database, &data_type, &request(Window::until(day(1)), &["voice"]));
    assert_eq!(plans, ["SEARCH contacts USING INDEX by_media (media=?)"]);
}

/// Every stored form of an instant in every declared column type: the statements must return the same rows as
/// a scan of all rows.
#[test]
fn w1_conditions_let_through_every_row_of_the_window() {
    const VALUES: &[&str] = &[
        "NULL",
        "''",
        "0",
        "-1",
        "1699920000",
        "1699920000.5",
        "'1699920000'",
        "'1699920000.25'",
        "1700006400",
        "1700006399",
        "1700006399.999999",
        "'1700006400'",
        "1699920000000",
        "1700006399999",
        "'1699920000000'",
        "1699920000000000",
        "'1700006399999999'",
        "1e300",
        "'99999'",
        "-1e18",
        "'2023-11-14'",
        "'2023-11-14 00:00:00'",
        "'2023-11-13T23:59:59.999999Z'",
        "'2023-11-15'",
        "'2023-11-14T23:59:59.999999Z'",
        "'2023-11-15T23:58:59+23:59'",
        "'2023-11-13T00:01:00-23:59'",
        "'2023-11-13T23:59:60Z'",
        "'2023/11/14'",
        "'0000-01-01T00:00:00+10:00'",
        "'9999-12-31T23:59:59-10:00'",
    ];
    for column_type in ["", "INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE"] {
        let inserts: Vec<String> = VALUES.iter().map(|value| format!("({value}, 'voice')")).collect();
        let (_folder, database) = database(&format!(
            "CREATE TABLE contacts (at {column_type}, media); CREATE INDEX by_at ON contacts (at);
             INSERT INTO contacts VALUES {}",
            inserts.join(", ")
        ));
        for format in [
            InstantFormat::Any,
            InstantFormat::Iso,
            InstantFormat::Unix,
            InstantFormat::UnixMillis,
            InstantFormat::UnixMicros,
        ] {
            let data_type = contacts(SqliteRows::Table("contacts".into()), format);
            for window in [
                Window::between(day(0), day(1)),
                Window::until(day(1)),
                Window::between(day(-800_000), day(4_000_000)),
            ] {
                let all = request(Window::until(DateTime::<Utc>::MAX_UTC), &[]);
                let expected = inside(&database, &data_type, &all, window);
                let found = inside(&database, &data_type, &request(window, &[]), window);
                assert_eq!(found, expected, "{column_type} {format:?} {window:?}");
                assert!(!expected.is_empty());
            }
        }
    }
}

/// Returns the rowids of those rows from the statements whose instant lies in the window.
fn inside(database: &Database, data_type: &SqliteType, request: &ReadRequest, window: Window) -> Vec<i64> {
    use rusqlite::types::ValueRef;
    let format = data_type.time.as_ref().unwrap().format;
    let relation = database.relation(data_type).unwrap();
    let mut rowids = Vec::new();
    for statement in select(data_type, &relation, &relation.columns, request) {
        let mut prepared = database.connection().prepare(&statement.sql).unwrap();
        let mut rows = prepared.query(params_from_iter(&statement.values)).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let read = match row.get_ref(1).unwrap() {
                ValueRef::Null | ValueRef::Text(b"") => Ok(None),
                ValueRef::Integer(value) => format.read_integer(value).map(Some),
                ValueRef::Real(value) => format.read_real(value).map(Some),
                ValueRef::Text(value) => format.read_text(value).map(Some),
                ValueRef::Blob(_) => continue,
            };
            if read.is_ok_and(|instant| window.contains(instant)) {
                rowids.push(row.get(0).unwrap());
            }
        }
    }
    let count = rowids.len();
    rowids.sort_unstable();
    rowids.dedup();
    assert_eq!(rowids.len(), count, "no row comes twice");
    rowids
}

#[test]
fn estimates_are_given_only_when_they_are_cheap() {
    let rows = "INSERT INTO contacts SELECT 1699920000 + value * 3600, 'voice', '' FROM generate_series";
    let series = "WITH RECURSIVE generate_series(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM generate_series WHERE value < 99)";
    let (_folder, database) =
        database(&format!("{INDEXED} {series} {rows}; CREATE VIEW seen AS SELECT * FROM contacts"));
    let estimate_of = |rows: &SqliteRows, format, request| {
        let data_type = contacts(rows.clone(), format);
        let relation = database.relation(&data_type).unwrap();
        estimate(&database, &data_type, &relation, &request).unwrap().and_then(cdds_core::Estimate::records)
    };
    let table = SqliteRows::Table("contacts".into());
    let first_day = Window::between(day(0), day(1));
    assert_eq!(estimate_of(&table, InstantFormat::Any, request(Window::until(day(9)), &[])), Some(100));
    assert_eq!(estimate_of(&table, InstantFormat::Any, request(first_day, &[])), None);
    assert_eq!(estimate_of(&table, InstantFormat::Unix, request(first_day, &[])), Some(25));
    assert_eq!(
        estimate_of(
            &SqliteRows::Table("seen".into()),
            InstantFormat::Any,
            request(Window::until(day(9)), &[])
        ),
        None
    );
}
