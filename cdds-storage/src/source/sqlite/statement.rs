//! The statements of a read.
//!
//! The [`Selection`](crate::source::selection::Selection) and the filters decide for each row whether it
//! belongs to the read. The conditions here only spare SQLite rows that cannot, so that an index is of use.
//! They must let through every row that might, however it is stored: SQLite orders numbers before text before
//! blobs, so `< ''` means the numbers and `>= x''` the blobs, and an index serves both ranges.
//!
//! A value that is not an instant belongs to no range, so every window would silently miss it. To prevent
//! that, numbers beyond all instants are ranges of their own, and [`strays`](super::strays) looks for text
//! that sorts between instants.
//!
//! By change (rule W7), rows without a change instant are looked up by their event instants, in statements of
//! their own; an empty text counts as missing.
//!
//! Everything is compared as BINARY. A column's own collation may exist only in the database's application,
//! and an index ordered by it is of no use then; SQLite uses indexes ordered as BINARY.
//!
//! The ranges are disjoint and run one after another. A single statement with OR would keep the rowids it has
//! already seen in memory.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::subject::{StoredForm, Subject, SubjectField};
use cdds_core::ports::source::{ReadRequest, RecordInstant};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::SqliteType;
use super::equal::{self, Bound};
use super::open::{Database, Relation, quoted};
use crate::source::config::TimeConfig;

/// SQL with its bound values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Bound>,
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Condition {
    sql: Vec<String>,
    values: Vec<Bound>,
}

impl Condition {
    fn and(mut self, sql: String, values: impl IntoIterator<Item = Value>) -> Self {
        self.sql.push(sql);
        self.values.extend(values.into_iter().map(Bound::One));
        self
    }

    pub(super) fn and_all(mut self, other: Self) -> Self {
        self.sql.extend(other.sql);
        self.values.extend(other.values);
        self
    }

    /// Adds SQL without values.
    pub(super) fn and_sql(self, sql: String) -> Self {
        self.and(sql, [])
    }

    /// Returns a statement that begins like this and goes on with the conditions.
    pub(super) fn after(self, beginning: &str) -> Statement {
        let filter =
            if self.sql.is_empty() { String::new() } else { format!(" WHERE {}", self.sql.join(" AND ")) };
        Statement { sql: format!("{beginning}{filter}"), values: self.values }
    }

    pub(super) fn statement(self, select: &str, from: &str) -> Statement {
        self.after(&format!("SELECT {select} FROM {from}"))
    }
}

/// Returns the columns that a read looks at, in order: the exported ones, and those that it depends on.
pub(super) fn columns(data_type: &SqliteType, relation: &Relation, request: &ReadRequest) -> Vec<String> {
    let template = &request.template;
    let is_needed = |column: &&String| {
        (template.fields.includes(column) && data_type.has_field(column))
            || template.filters.iter().any(|filter| filter.field() == **column)
            || data_type.required_columns().any(|required| required.eq_ignore_ascii_case(column))
            || names_people(data_type, request, column)
    };
    relation.columns.iter().filter(is_needed).cloned().collect()
}

/// Returns those of them that decide whether a row is exported.
pub(super) fn deciding_columns(
    data_type: &SqliteType,
    relation: &Relation,
    request: &ReadRequest,
) -> Vec<String> {
    let is_needed = |column: &&String| {
        request.template.filters.iter().any(|filter| filter.field() == **column)
            || data_type.required_columns().any(|required| required.eq_ignore_ascii_case(column))
            || names_people(data_type, request, column)
    };
    relation.columns.iter().filter(is_needed).cloned().collect()
}

/// Whether a read by subject looks at a column.
fn names_people(data_type: &SqliteType, request: &ReadRequest, column: &str) -> bool {
    request.subject.is_some() && data_type.subjects.iter().any(|field| field.name == column)
}

/// Returns the statements that together return each row that `request` may ask for, once. If rows have a
/// rowid, it comes first, then `columns`.
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
        // Rows count even if none of their columns is requested.
        [] => vec!["NULL".to_owned()],
        // Includes a query's columns that cannot be requested by name.
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

/// Returns the conditions on the rows of a read that do not depend on instants.
fn shared_conditions(data_type: &SqliteType, relation: &Relation, request: &ReadRequest) -> Condition {
    let mut shared = Condition::default();
    if let Some(column) = data_type.owner.field() {
        shared = shared.and_all(of_owner(column, &request.owner));
    }
    if let Some(condition) = request.subject.as_ref().and_then(|subject| about(&data_type.subjects, subject))
    {
        shared = shared.and_all(condition);
    }
    if let (Some(category), CategorySelection::Only(values)) = (&data_type.category, &request.categories) {
        let values: Vec<Value> = values.iter().flat_map(|value| spellings(value)).collect();
        let places = vec!["?"; values.len()].join(", ");
        shared = shared.and(format!("{} IN ({places})", compared(&category.column)), values);
    }
    for (sql, values) in request.template.filters.iter().filter_map(|f| equal::condition(f, relation)) {
        shared.sql.push(sql);
        shared.values.extend(values);
    }
    shared
}

/// Selects exactly the rows whose column names the owner as text or as an integer (rule J16): counts of rows
/// go by this condition alone. The list lets an index find them. The comparison as text excludes what the
/// column's affinity takes for the same, such as 7 and `007`.
pub(super) fn of_owner(column: &str, owner: &Owner) -> Condition {
    let (value, text) = (compared(column), Value::Text(owner.as_str().to_owned()));
    let number = owner.as_str().parse::<i64>().ok().map(Value::Integer);
    let values: Vec<Value> = std::iter::once(text.clone()).chain(number).collect();
    let places = vec!["?"; values.len()].join(", ");
    let named = Condition::default().and(format!("{value} IN ({places})"), values);
    let exact = format!("CAST({} AS TEXT) COLLATE BINARY = ?", quoted(column));
    named.and(exact, [text]).and(format!("typeof({}) IN ('text', 'integer')", quoted(column)), [])
}

/// Returns a condition that holds for every row that may be about a person (rule D1); `None` if values may be spelt in
/// other ways than as they are compared, so that every row has to be looked at.
pub(super) fn about(fields: &[SubjectField], subject: &Subject) -> Option<Condition> {
    let mut any = Vec::new();
    let mut bound = Vec::new();
    for field in fields {
        // What is stored as a number is found by it, too.
        let values: Vec<Value> = subject.of_kind(&field.kind).flat_map(spellings).collect();
        match field.stored {
            _ if values.is_empty() => {}
            StoredForm::AsWritten => return None,
            StoredForm::Normalised => {
                let places = vec!["?"; values.len()].join(", ");
                any.push(format!("{} IN ({places})", compared(&field.name)));
                bound.extend(values);
            }
        }
    }
    // Without a field of any of the person's kinds, nothing is about the person.
    let sql = if any.is_empty() { "0".to_owned() } else { format!("({})", any.join(" OR ")) };
    Some(Condition::default().and(sql, bound))
}

/// Returns disjoint ranges that contain every row that may be asked for by its instants.
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

/// By change instant, and by event instant for rows without a change instant.
fn change_ranges(
    changed: &TimeConfig,
    time: Option<&TimeConfig>,
    relation: &Relation,
    window: Window,
) -> Vec<Condition> {
    let column = compared(&changed.column);
    let named = time_ranges(changed, relation, window);
    if named == [Condition::default()] {
        // These are already all rows.
        return named;
    }
    // An empty text counts as missing, so it is left to the statements below. The plus leaves the index to
    // the range.
    let mut ranges: Vec<Condition> =
        named.into_iter().map(|range| range.and(format!("+{column} <> ''"), [])).collect();
    // Without a column of event instants, rows without a change instant belong to `All` alone (rule W7).
    let unnamed = time.map(|time| time_ranges(time, relation, window)).unwrap_or_default();
    for missing in missing(changed) {
        ranges.extend(unnamed.iter().cloned().map(|range| range.and_all(missing.clone())));
    }
    ranges
}

/// Selects the rows without an instant in a column.
fn missing(time: &TimeConfig) -> [Condition; 2] {
    let (column, value) = (quoted(&time.column), compared(&time.column));
    [format!("{column} IS NULL"), format!("{value} = ''")].map(|sql| Condition::default().and(sql, []))
}

/// Returns the statements that return each row without an instant that those of [`select`] skip, so that it
/// can be counted (rule W7); `columns` are as there.
pub(super) fn undated(
    data_type: &SqliteType,
    relation: &Relation,
    columns: &[String],
    request: &ReadRequest,
) -> Vec<Statement> {
    let passed_over = |time: &TimeConfig| match is_narrowed(time, relation, request.window) {
        // If the column holds numbers, all texts are looked at, the empty one included.
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

/// Returns the columns that may contain text that is not an ISO instant and that sorts outside every window.
/// Each comes with the statements that together return, once, every row that has the text bound after their
/// values and that the text decides about.
pub(super) fn strays(
    data_type: &SqliteType,
    relation: &Relation,
    columns: &[String],
    request: &ReadRequest,
) -> Vec<(String, Vec<Statement>)> {
    let (shared, select) = (shared_conditions(data_type, relation, request), selected(relation, columns));
    // Text that sorts among the window's instants is read as one of them.
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

/// Returns a column in the form used for comparisons.
pub(super) fn compared(column: &str) -> String {
    format!("{} COLLATE BINARY", quoted(column))
}

/// Returns the stored forms of a category: the text, or the number with this text.
fn spellings(category: &str) -> impl Iterator<Item = Value> {
    // `007` also finds the number 7, which the selection then leaves out: too much is harmless, too little is
    // not.
    let number = category.parse::<i64>().ok().map(Value::Integer);
    std::iter::once(Value::Text(category.to_owned())).chain(number)
}

/// Whether this instant narrows down the rows. Without a start, nearly all rows are wanted, undated ones
/// included; without a declared format, every value has to be looked at; without an index, SQLite looks at
/// every row anyway, once for each range.
fn is_narrowed(time: &TimeConfig, relation: &Relation, window: Window) -> bool {
    let declared = time.format != InstantFormat::Any;
    window.start().is_some() && declared && relation.has_index_on(&time.column)
}

/// Returns disjoint ranges that contain every row whose instant may lie in `window`, and the rows whose
/// instant is a number outside every possible window.
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
        // The plus restricts the index to the bounds.
        condition(
            format!("{column} >= ? AND {column} <= ? AND +{column} < ''"),
            &[*bounds.start().max(all.start()), *bounds.end().min(all.end())],
        ),
        // Numbers stored as text, which do not sort by size.
        condition(format!("{column} >= ''"), &[]),
        // These are not instants at all: they are read in order to be rejected.
        condition(format!("{column} < ? AND +{column} < ''"), &[*all.start()]),
        condition(format!("{column} > ? AND +{column} < ''"), &[*all.end()]),
    ]
}

/// Text sorts by the local date at its own offset, which is less than a day from UTC.
fn iso_bounds(start: DateTime<Utc>, end: DateTime<Utc>) -> [String; 2] {
    // Two days behind the end: one for the offset, and one since text with a time sorts behind its date
    // alone.
    [date_text(start, TimeDelta::days(-1)), date_text(end, TimeDelta::days(2))]
}

fn iso_ranges(column: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<Condition> {
    let bounds = iso_bounds(start, end);
    vec![
        Condition::default().and(format!("{column} >= ? AND {column} < ?"), bounds.map(Value::Text)),
        // Not in the declared format: they are read in order to be rejected.
        Condition::default().and(format!("{column} < ''"), []),
        Condition::default().and(format!("{column} >= x''"), []),
    ]
}

/// Returns text that sorts like the date. Years of other than four digits are clamped to before or after all
/// others.
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
    // The order matters: an index that does not serve it shows as a sort in the plan, which is no SEARCH.
    let sql = format!("SELECT {column} FROM {from} WHERE {column} > ? ORDER BY {column} LIMIT 1");
    is_indexed(database, &Statement { sql, values: vec![Value::Integer(0).into()] })
}

/// Whether SQLite answers the statement purely by index searches.
pub(super) fn is_indexed(database: &Database, statement: &Statement) -> rusqlite::Result<bool> {
    let plan = plan(database, statement)?;
    Ok(!plan.is_empty() && plan.iter().all(|step| step.starts_with("SEARCH ")))
}

/// Returns the output of EXPLAIN QUERY PLAN.
fn plan(database: &Database, statement: &Statement) -> rusqlite::Result<Vec<String>> {
    let mut explain = database.connection().prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql))?;
    explain.query_map(params_from_iter(&statement.values), |row| row.get(3))?.collect()
}

#[cfg(test)]
mod tests;
