//! The statement of a read.
//!
//! [`Selection`](crate::source::selection::Selection) and the filters decide for each row whether it belongs to the
//! read. The conditions here only spare the server rows that cannot, so that an index is of use. They must let through
//! every row that might.
//!
//! An instant that no window holds belongs to no range, so every window would silently miss it. To prevent that, the
//! infinities and numbers beyond all instants are asked for as well, and the reader rejects them. Rows without an
//! instant come without their contents, and are counted (rule W7).
//!
//! There is one statement, and no ORDER BY: sorting costs a temporary file, and the server finds rows in the same order
//! again as long as they are unchanged ([`PINS`](super::pins::PINS)).

use cdds_core::domain::record::template::Filter;
use cdds_core::domain::source::ReadRequest;
use cdds_core::domain::subject::SubjectField;

use super::PostgresType;
use super::bound::Bound;
use super::column::{Column, quoted};
use super::conditions::{self, Conditions};
use super::relation::Relation;

/// SQL with its bound values, and what its columns are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Bound>,
    pub(super) layout: Layout,
}

/// The columns of the statement's rows. The first is the record, or NULL for a row without an instant.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layout {
    pub(super) time: Option<usize>,
    pub(super) changed: Option<usize>,
    pub(super) category: Option<usize>,
    pub(super) owner: Option<usize>,
    /// The columns that name people, as JSON, by the number of their field (rule D1). Empty unless a person is asked
    /// for.
    pub(super) subjects: Vec<Option<usize>>,
    /// The fields that filters compare, as JSON.
    pub(super) compared: Vec<Compared>,
}

/// A field that filters compare.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) index: usize,
    pub(super) field: String,
    /// Whether the record has it as well.
    pub(super) is_exported: bool,
    pub(super) filters: Vec<Filter>,
}

/// Returns the statement that returns each row that `request` may ask for, once.
pub(super) fn select(data_type: &PostgresType, relation: &Relation, request: &ReadRequest) -> Statement {
    let exported = exported(data_type, relation, request);
    let conditions = conditions::of(data_type, relation, request);
    let mut columns = vec![record(&exported, conditions.undated.as_deref())];
    let mut push = |sql: String| {
        columns.push(sql);
        columns.len() - 1
    };
    let mut layout = Layout::default();
    let column = |name: &str| relation.column(name);
    let instant = |name: &str| {
        column(name).map(|column| format!("{}::pg_catalog.{}", column.sql(), column.kind.instant_type()))
    };
    layout.time = data_type.time.as_ref().and_then(|time| instant(&time.column)).map(&mut push);
    layout.changed = data_type.changed.as_ref().and_then(|time| instant(&time.column)).map(&mut push);
    let text = |name: &str| column(name).map(Column::text_sql);
    layout.category = data_type.category.as_ref().and_then(|category| text(&category.column)).map(&mut push);
    layout.owner = data_type.owner.field().and_then(text).map(&mut push);
    if request.subject.is_some() {
        let json = |field: &SubjectField| column(&field.key()).map(json);
        layout.subjects = data_type.subjects.iter().map(|field| json(field).map(&mut push)).collect();
    }
    for filter in &request.template.filters {
        if let Some(known) = layout.compared.iter_mut().find(|known| known.field == filter.field()) {
            known.filters.push(filter.clone());
        } else if let Some(found) = column(filter.field()) {
            layout.compared.push(Compared {
                index: push(json(found)),
                field: filter.field().to_owned(),
                is_exported: exported.iter().any(|(name, _)| *name == filter.field()),
                filters: vec![filter.clone()],
            });
        }
    }
    let lateral: Vec<String> =
        exported.iter().map(|(name, sql)| format!("{sql} AS {}", quoted(name))).collect();
    let sql = format!(
        "SELECT {} FROM {} CROSS JOIN LATERAL (SELECT {}) AS t{}",
        columns.join(", "),
        relation.from,
        lateral.join(", "),
        conditions.filter(),
    );
    Statement { sql, values: conditions.values, layout }
}

/// Returns the SQL of a column's value as JSON.
pub(super) fn json(column: &Column) -> String {
    format!("pg_catalog.to_json({})::pg_catalog.text", column.sql())
}

/// Returns a statement that only counts such rows, up to a limit.
pub(super) fn count(
    data_type: &PostgresType,
    relation: &Relation,
    request: &ReadRequest,
    rows_max: u32,
) -> (String, Vec<Bound>) {
    let conditions: Conditions = conditions::of(data_type, relation, request);
    let rows = format!("SELECT 1 FROM {}{} LIMIT {rows_max}", relation.from, conditions.filter());
    (format!("SELECT pg_catalog.count(*) FROM ({rows}) AS counted"), conditions.values)
}

/// Returns the exported columns, in the order of the relation, and their SQL.
fn exported<'a>(
    data_type: &PostgresType,
    relation: &'a Relation,
    request: &ReadRequest,
) -> Vec<(&'a str, String)> {
    let is_exported = |name: &str| request.template.fields.includes(name) && data_type.has_field(name);
    let columns = relation.columns.iter().filter(|column| is_exported(&column.name));
    columns.map(|column| (column.name.as_str(), column.sql())).collect()
}

/// Returns the SQL of a row's record.
fn record(exported: &[(&str, String)], undated: Option<&str>) -> String {
    let record = match exported {
        // A record of which nothing is asked for is a record all the same.
        [] => "'{}'".to_owned(),
        _ => "pg_catalog.row_to_json(t)::pg_catalog.text".to_owned(),
    };
    match undated {
        Some(undated) => format!("CASE WHEN {undated} THEN NULL ELSE {record} END"),
        None => record,
    }
}
