//! The statements of a read.
//!
//! Whether a row belongs to the read is decided for each row by the
//! [`Selection`](crate::source::selection::Selection) and the filters. The conditions here only spare SQLite rows that cannot,
//! so that an index is of use. They must let through every row that might, however it is stored:
//! SQLite orders numbers before text before blobs, so `< ''` means the numbers and `>= x''` the blobs,
//! and both are ranges that an index serves.
//!
//! A value that is no instant belongs to no range. So that it is not outside of every window unseen, numbers beyond
//! all instants are ranges of their own, and text that sorts between instants is looked for by
//! [`strays`](super::strays).
//!
//! By change (rule W7), rows that name no change are looked for by their event instants, in statements of
//! their own; an empty text is none.
//!
//! Everything is compared as BINARY. A column's own collation may be one that only the database's application has,
//! and an index that is ordered by it is of no use then; SQLite uses those that are ordered as BINARY.
//!
//! The ranges are disjoint and run one after another. One statement with OR would keep the rowids that it
//! has seen in memory.

use cdds_core::domain::instant::InstantFormat;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::window::Window;
use cdds_core::ports::source::{ReadRequest, RecordInstant};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::SqliteType;
use super::equal;
use super::open::{Database, Relation, quoted};
use crate::source::config::TimeConfig;

/// SQL with its bound values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Conditions that all have to hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Condition {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Condition {
    fn and(mut self, sql: String, values: impl IntoIterator<Item = Value>) -> Self {
        self.sql.push(sql);
        self.values.extend(values);
        self
    }

    fn and_all(mut self, other: Self) -> Self {
        self.sql.extend(other.sql);
        self.values.extend(other.values);
        self
    }

    pub(super) fn statement(self, select: &str, from: &str) -> Statement {
        let filter =
            if self.sql.is_empty() { String::new() } else { format!(" WHERE {}", self.sql.join(" AND ")) };
        Statement { sql: format!("SELECT {select} FROM {from}{filter}"), values: self.values }
    }
}

/// The columns that a read looks at, in their order: those that are exported, and those on which it depends.
pub(super) fn columns(data_type: &SqliteType, relation: &Relation, request: &ReadRequest) -> Vec<String> {
    let template = &request.template;
    let is_needed = |column: &&String| {
        (template.fields.includes(column) && data_type.has_field(column))
            || template.filters.iter().any(|filter| filter.field() == **column)
            || data_type.required_columns().any(|required| required.eq_ignore_ascii_case(column))
    };
    relation.columns.iter().filter(is_needed).cloned().collect()
}

/// Of these, the columns that decide whether a row is exported.
pub(super) fn deciding_columns(
    data_type: &SqliteType,
    relation: &Relation,
    request: &ReadRequest,
) -> Vec<String> {
    let is_needed = |column: &&String| {
        request.template.filters.iter().any(|filter| filter.field() == **column)
            || data_type.required_columns().any(|required| required.eq_ignore_ascii_case(column))
    };
    relation.columns.iter().filter(is_needed).cloned().collect()
}

/// The statements which together give each row once that `request` may ask for. If rows have one, the
/// rowid comes first, then `columns`.
pub(super) fn select(
    data_type: &SqliteType,
    relation: &Relation,
    columns: &[String],
    request: &ReadRequest,
) -> Vec<Statement> {
    let select = selected(relation, columns);
    let conditions = conditions(data_type, relation, request).into_iter();
    conditions.map(|condition| condition.statement(&select, &relation.from)).collect()
}

fn selected(relation: &Relation, columns: &[String]) -> String {
    let columns = match columns {
        // Rows count even if nothing in them is asked for.
        [] => vec!["NULL".to_owned()],
        // Also those of queries that have no name to ask for them by.
        all if all == relation.columns => vec!["*".to_owned()],
        some => some.iter().map(|name| quoted(name)).collect(),
    };
    let rowid = relation.rowid.map_or_else(String::new, |rowid| format!("{rowid}, "));
    format!("{rowid}{}", columns.join(", "))
}

pub(super) fn conditions(
    data_type: &SqliteType,
    relation: &Relation,
    request: &ReadRequest,
) -> Vec<Condition> {
    let shared = shared_conditions(data_type, relation, request);
    let ranges = instant_ranges(data_type, relation, request).into_iter();
    ranges.map(|range| range.and_all(shared.clone())).collect()
}

/// What holds for the rows of a read whatever their instants.
fn shared_conditions(data_type: &SqliteType, relation: &Relation, request: &ReadRequest) -> Condition {
    let mut shared = Condition::default();
    if let (Some(category), CategorySelection::Only(values)) = (&data_type.category, &request.categories) {
        let values: Vec<Value> = values.iter().flat_map(|value| spellings(value)).collect();
        let places = vec!["?"; values.len()].join(", ");
        shared = shared.and(format!("{} IN ({places})", compared(&category.column)), values);
    }
    for (sql, values) in request.template.filters.iter().filter_map(|f| equal::condition(f, relation)) {
        shared = shared.and(sql, values);
    }
    shared
}

/// Disjoint ranges with every row that may be asked for by its instants.
fn instant_ranges(data_type: &SqliteType, relation: &Relation, request: &ReadRequest) -> Vec<Condition> {
    let window = request.window;
    match (request.by, &data_type.changed, &data_type.time) {
        (RecordInstant::Change, Some(changed), time) => {
            change_ranges(changed, time.as_ref(), relation, window)
        }
        (_, _, Some(time)) => time_ranges(time, relation, window),
        (_, _, None) => vec![Condition::default()],
    }
}

/// By the changes that rows name, and by the event instants of those that name none.
fn change_ranges(
    changed: &TimeConfig,
    time: Option<&TimeConfig>,
    relation: &Relation,
    window: Window,
) -> Vec<Condition> {
    let column = compared(&changed.column);
    let named = time_ranges(changed, relation, window);
    if named == [Condition::default()] {
        // These are all rows already.
        return named;
    }
    let mut ranges: Vec<Condition> =
        named.into_iter().map(|range| range.and(format!("+{column} <> ''"), [])).collect();
    let unnamed = time.map(|time| time_ranges(time, relation, window)).unwrap_or_default();
    for missing in missing(changed) {
        ranges.extend(unnamed.iter().cloned().map(|range| range.and_all(missing.clone())));
    }
    ranges
}

/// The rows that name no instant in a column.
fn missing(time: &TimeConfig) -> [Condition; 2] {
    let (column, value) = (quoted(&time.column), compared(&time.column));
    [format!("{column} IS NULL"), format!("{value} = ''")].map(|sql| Condition::default().and(sql, []))
}

/// The statements which give each row without an instant that those of [`select`] pass over, for it to be
/// counted (rule W7); `columns` are as there.
pub(super) fn undated(
    data_type: &SqliteType,
    relation: &Relation,
    columns: &[String],
    request: &ReadRequest,
) -> Vec<Statement> {
    let passed_over = |time: &TimeConfig| match is_narrowed(time, relation, request.window) {
        // Of numbers, the empty text is among the texts that are all looked at.
        true if time.format != InstantFormat::Iso => missing(time)[..1].to_vec(),
        true => missing(time).to_vec(),
        false => Vec::new(),
    };
    let ranges = match (request.by, &data_type.changed, &data_type.time) {
        (RecordInstant::Change, Some(changed), time) if is_narrowed(changed, relation, request.window) => {
            let unnamed = time.as_ref().map_or_else(|| vec![Condition::default()], passed_over);
            let ranges = missing(changed).into_iter();
            ranges
                .flat_map(|range| unnamed.iter().map(move |one| range.clone().and_all(one.clone())))
                .collect()
        }
        (RecordInstant::Event, _, Some(time)) | (RecordInstant::Change, None, Some(time)) => {
            passed_over(time)
        }
        _ => Vec::new(),
    };
    let shared = shared_conditions(data_type, relation, request);
    let select = selected(relation, columns);
    let conditions = ranges.into_iter().map(|range| range.and_all(shared.clone()));
    conditions.map(|condition| condition.statement(&select, &relation.from)).collect()
}

/// Columns in which text may stand that is no ISO instant and sorts where no window looks, each with the statements
/// which together give every row once that has the text bound behind their values and that it decides about.
pub(super) fn strays(
    data_type: &SqliteType,
    relation: &Relation,
    columns: &[String],
    request: &ReadRequest,
) -> Vec<(String, Vec<Statement>)> {
    let (shared, select) = (shared_conditions(data_type, relation, request), selected(relation, columns));
    // What sorts among the instants of the window is read as one of them.
    let window = request.window.start().map(|start| iso_bounds(start, request.window.end()));
    let window = window.into_iter().flatten().map(Value::Text).collect::<Vec<_>>();
    let strays = |time: &TimeConfig, conditions: &[Condition]| {
        let iso = time.format == InstantFormat::Iso && is_narrowed(time, relation, request.window);
        let column = compared(&time.column);
        let statements = conditions.iter().map(|condition| {
            let condition =
                condition.clone().and(format!("NOT (+{column} >= ? AND +{column} < ?)"), window.clone());
            condition
                .and_all(shared.clone())
                .and(format!("{column} = ?"), [])
                .statement(&select, &relation.from)
        });
        iso.then(|| (column.clone(), statements.collect::<Vec<_>>()))
    };
    let always = [Condition::default()];
    match (request.by, &data_type.changed, &data_type.time) {
        (RecordInstant::Change, Some(changed), time) if is_narrowed(changed, relation, request.window) => {
            let by_time = time.as_ref().and_then(|time| strays(time, &missing(changed)));
            strays(changed, &always).into_iter().chain(by_time).collect()
        }
        (RecordInstant::Event, _, Some(time)) | (RecordInstant::Change, None, Some(time)) => {
            strays(time, &always).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// A column as it is compared.
pub(super) fn compared(column: &str) -> String {
    format!("{} COLLATE BINARY", quoted(column))
}

/// What a category may be stored as: the text, or the number that is written so.
fn spellings(category: &str) -> impl Iterator<Item = Value> {
    let number = category.parse::<i64>().ok().map(Value::Integer);
    std::iter::once(Value::Text(category.to_owned())).chain(number)
}

/// Whether the rows are narrowed down by this instant. Without a start, undated rows and nearly all others are
/// wanted; without a declared format, each value has to be looked at; without an index, SQLite looks at every row
/// anyway, and for each range once more.
fn is_narrowed(time: &TimeConfig, relation: &Relation, window: Window) -> bool {
    let declared = time.format != InstantFormat::Any;
    window.start().is_some() && declared && relation.has_index_on(&time.column)
}

/// Disjoint ranges with every row whose instant may lie in `window`, and with those whose instant is a number that
/// lies in no window at all.
fn time_ranges(time: &TimeConfig, relation: &Relation, window: Window) -> Vec<Condition> {
    let (start, end) = match window.start() {
        Some(start) if is_narrowed(time, relation, window) => (start, window.end()),
        _ => return vec![Condition::default()],
    };
    let column = &compared(&time.column);
    let Some((bounds, all)) = time.format.numbers_within(start, end).zip(time.format.numbers()) else {
        return iso_ranges(column, start, end);
    };
    let condition = |sql: String, values: &[i64]| {
        Condition::default().and(sql, values.iter().map(|value| Value::Integer(*value)))
    };
    vec![
        // The plus keeps the index to the bounds.
        condition(
            format!("{column} >= ? AND {column} <= ? AND +{column} < ''"),
            &[*bounds.start().max(all.start()), *bounds.end().min(all.end())],
        ),
        // Numbers kept as text, which do not sort by size.
        condition(format!("{column} >= ''"), &[]),
        // No instants at all: they are read in order to be refused.
        condition(format!("{column} < ? AND +{column} < ''"), &[*all.start()]),
        condition(format!("{column} > ? AND +{column} < ''"), &[*all.end()]),
    ]
}

/// Text sorts by its own offset's calendar, which is less than a day away from UTC.
fn iso_bounds(start: DateTime<Utc>, end: DateTime<Utc>) -> [String; 2] {
    [date_text(start, TimeDelta::days(-1)), date_text(end, TimeDelta::days(2))]
}

fn iso_ranges(column: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<Condition> {
    let bounds = iso_bounds(start, end);
    vec![
        Condition::default().and(format!("{column} >= ? AND {column} < ?"), bounds.map(Value::Text)),
        // Not as promised: they are read in order to be refused.
        Condition::default().and(format!("{column} < ''"), []),
        Condition::default().and(format!("{column} >= x''"), []),
    ]
}

/// Text that sorts like the date. Years of other than four digits are before or after all others.
fn date_text(instant: DateTime<Utc>, shift: TimeDelta) -> String {
    let date = instant.date_naive().checked_add_signed(shift).unwrap_or(instant.date_naive());
    match date.year() {
        0..=9999 => date.format("%Y-%m-%d").to_string(),
        ..0 => String::new(),
        _ => ":".to_owned(),
    }
}

/// Whether an index leads to the rows in the order of a column.
pub(super) fn has_index(database: &Database, from: &str, column: &str) -> rusqlite::Result<bool> {
    let column = compared(column);
    let sql = format!("SELECT {column} FROM {from} WHERE {column} > ? ORDER BY {column} LIMIT 1");
    is_indexed(database, &Statement { sql, values: vec![Value::Integer(0)] })
}

/// Whether SQLite answers the statement by searches in indexes only.
pub(super) fn is_indexed(database: &Database, statement: &Statement) -> rusqlite::Result<bool> {
    let plan = plan(database, statement)?;
    Ok(!plan.is_empty() && plan.iter().all(|step| step.starts_with("SEARCH ")))
}

/// What EXPLAIN QUERY PLAN says.
fn plan(database: &Database, statement: &Statement) -> rusqlite::Result<Vec<String>> {
    let mut explain = database.connection().prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql))?;
    explain.query_map(params_from_iter(&statement.values), |row| row.get(3))?.collect()
}

#[cfg(test)]
mod tests;
