//! The conditions of a read, as SQL.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{Condition, Filter, Operator};
use cdds_core::domain::source::{ReadRequest, RecordInstant};
use cdds_core::domain::subject::{StoredForm, Subject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PostgresType;
use super::bound::{Bound, DAY_MICROS, EPOCH_MICROS, Zoned};
use super::column::{Column, ColumnKind};
use super::relation::Relation;
use crate::source::config::TimeConfig;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Conditions {
    sql: Vec<String>,
    pub(super) values: Vec<Bound>,
    /// Holds for a row without an instant, which comes to be counted only.
    pub(super) undated: Option<String>,
}

impl Conditions {
    /// Binds a value and returns its place in the statement.
    fn bind(&mut self, value: Bound) -> String {
        let sql_type = value.sql_type();
        self.values.push(value);
        // The cast keeps the server from taking the value for anything else.
        format!("${}::pg_catalog.{}", self.values.len(), sql_name(&sql_type))
    }

    /// Returns the SQL from WHERE on.
    pub(super) fn filter(&self) -> String {
        match self.sql.as_slice() {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        }
    }
}

/// Returns the conditions of a request.
pub(super) fn of(data_type: &PostgresType, relation: &Relation, request: &ReadRequest) -> Conditions {
    let mut all = Conditions::default();
    if let Some(column) = data_type.owner.field().and_then(|field| relation.column(field)) {
        owned(&mut all, column, &request.owner);
    }
    if let (Some(category), CategorySelection::Only(values)) = (&data_type.category, &request.categories)
        && let Some(column) = relation.column(&category.column)
    {
        let place = all.bind(Bound::Texts(values.iter().cloned().collect()));
        let value = if column.kind == ColumnKind::Text { column.sql() } else { column.text_sql() };
        all.sql.push(format!("{value} = ANY ({place})"));
    }
    if let Some(subject) = &request.subject {
        about(&mut all, data_type, relation, subject);
    }
    for filter in &request.template.filters {
        if let Some(column) = relation.column(filter.field()) {
            equal(&mut all, column, filter);
        }
    }
    instants(&mut all, data_type, relation, request);
    all
}

/// Selects exactly the rows whose column names the owner (rule J16): counts of rows go by this condition alone. The
/// first comparison lets an index find them; the second excludes what the column's type or collation takes for the
/// same.
fn owned(all: &mut Conditions, column: &Column, owner: &Owner) {
    let name = owner.as_str();
    let place = match column.kind {
        ColumnKind::Text => Some(all.bind(Bound::Text(name.to_owned()))),
        ColumnKind::Integer => match name.parse::<i64>() {
            Ok(number) => Some(all.bind(Bound::Integer(number))),
            // No number is this owner's.
            Err(_) => return all.sql.push("false".to_owned()),
        },
        ColumnKind::Uuid if is_uuid(name) => {
            Some(format!("{}::pg_catalog.uuid", all.bind(Bound::Text(name.to_owned()))))
        }
        _ => None,
    };
    if let Some(place) = place {
        all.sql.push(format!("{} = {place}", column.sql()));
    }
    let exact = all.bind(Bound::Text(name.to_owned()));
    all.sql.push(format!("{} COLLATE pg_catalog.\"C\" = {exact}", column.text_sql()));
}

/// Adds what is known of the rows about a person (rule D1), unless values may be spelt in other ways than as they are
/// compared, so that the reader has to look at every row.
fn about(all: &mut Conditions, data_type: &PostgresType, relation: &Relation, subject: &Subject) {
    let named = data_type.subjects.iter().filter(|field| subject.of_kind(&field.kind).next().is_some());
    let mut found = Vec::new();
    for field in named {
        let is_stored_as_compared = field.stored == StoredForm::Normalised;
        let Some(column) = relation.column(&field.name).filter(|_| is_stored_as_compared) else { return };
        let values = subject.of_kind(&field.kind);
        let value = match column.kind {
            ColumnKind::Text => Bound::Texts(values.map(str::to_owned).collect()),
            ColumnKind::Integer => Bound::Integers(values.filter_map(|value| value.parse().ok()).collect()),
            ColumnKind::Uuid => {
                Bound::Texts(values.filter(|value| is_uuid(value)).map(str::to_owned).collect())
            }
            _ => return,
        };
        found.push((column, value));
    }
    let any: Vec<String> = found
        .into_iter()
        .map(|(column, value)| {
            let cast = if column.kind == ColumnKind::Uuid { "::pg_catalog.uuid[]" } else { "" };
            format!("{} = ANY ({}{cast})", column.sql(), all.bind(value))
        })
        .collect();
    // Without a field of any of the person's kinds, nothing is about the person.
    all.sql.push(if any.is_empty() { "false".to_owned() } else { format!("({})", any.join(" OR ")) });
}

/// Adds what a filter for equality says about its column, if an index may find that.
fn equal(all: &mut Conditions, column: &Column, filter: &Filter) {
    if !matches!(filter.condition(), Condition::Compare(Operator::Equal, _) | Condition::OneOf(_)) {
        return;
    }
    let place = match column.kind {
        ColumnKind::Text => all.bind(Bound::Texts(filter.values().to_vec())),
        ColumnKind::Integer => {
            let numbers = filter.equalities().filter_map(|equal| equal.integer()).collect();
            all.bind(Bound::Integers(numbers))
        }
        ColumnKind::Uuid => {
            let known = filter.values().iter().filter(|value| is_uuid(value)).cloned().collect();
            format!("{}::pg_catalog.uuid[]", all.bind(Bound::Texts(known)))
        }
        _ => return,
    };
    all.sql.push(format!("{} = ANY ({place})", column.sql()));
}

/// Whether this is the text of a UUID as PostgreSQL writes it.
fn is_uuid(text: &str) -> bool {
    Uuid::parse_str(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text)
}

fn instants(all: &mut Conditions, data_type: &PostgresType, relation: &Relation, request: &ReadRequest) {
    let found = |config: &Option<TimeConfig>| {
        let config = config.as_ref()?;
        Some((relation.column(&config.column)?, config.clone()))
    };
    let (time, changed) = (found(&data_type.time), found(&data_type.changed));
    // What a window without a start leaves out is only what is later than its end.
    let Some(start) = request.window.start() else { return };
    let window = Window::between(start, request.window.end());
    match (request.by, changed, time) {
        (RecordInstant::Change, Some((changed, config)), time) => {
            let Some(range) = range(all, changed, &config, window) else { return };
            let missing = format!("{} IS NULL", changed.sql());
            let (unnamed, undated) = match time {
                Some((time, config)) => {
                    let undated = format!("{missing} AND {} IS NULL", time.sql());
                    match self::range(all, time, &config, window) {
                        Some(range) => {
                            (format!("{missing} AND ({range} OR {} IS NULL)", time.sql()), undated)
                        }
                        // Empty text is no instant either: the reader tells.
                        None => (missing, undated),
                    }
                }
                None => (missing.clone(), missing),
            };
            all.sql.push(format!("({range} OR ({unnamed}))"));
            all.undated = Some(undated);
        }
        (_, _, Some((time, config))) => {
            let Some(range) = range(all, time, &config, window) else { return };
            all.sql.push(format!("({range} OR {} IS NULL)", time.sql()));
            all.undated = Some(format!("{} IS NULL", time.sql()));
        }
        (_, _, None) => {}
    }
}

/// Returns a condition that holds for every row of a window, and for every one whose instant cannot be read; `None`
/// if nothing can be said about such a column.
fn range(all: &mut Conditions, column: &Column, time: &TimeConfig, window: Window) -> Option<String> {
    if !column.kind.is_narrowed(time.format) {
        return None;
    }
    let value = column.sql();
    let start = window.start()?;
    let number = |number: i64| match column.kind {
        ColumnKind::Numeric => Bound::Text(number.to_string()),
        _ => Bound::Integer(number),
    };
    let cast = if column.kind == ColumnKind::Numeric { "::pg_catalog.numeric" } else { "" };
    let (from, until, least, beyond) = match column.kind {
        ColumnKind::Integer | ColumnKind::Numeric => {
            let within = time.format.numbers_within(start, window.end())?;
            let known = time.format.numbers()?;
            let [from, to, least, most] = [*within.start(), *within.end(), *known.start(), *known.end()]
                .map(|one| all.bind(number(one)));
            return Some(format!(
                "({value} >= {from}{cast} AND {value} <= {to}{cast} OR {value} < {least}{cast} OR \
                 {value} > {most}{cast})"
            ));
        }
        ColumnKind::Date => (
            Bound::Days(days(start)),
            Bound::Days(days(window.end())),
            Bound::Days(i32::MIN),
            Bound::Days(days(DateTime::<Utc>::MAX_UTC)),
        ),
        ColumnKind::Timestamp | ColumnKind::TimestampTz => {
            let zoned = if column.kind == ColumnKind::TimestampTz { Zoned::Yes } else { Zoned::No };
            let bound = |micros| Bound::Micros(micros, zoned);
            (
                bound(micros(start)),
                bound(micros(window.end())),
                bound(i64::MIN),
                bound(micros(DateTime::<Utc>::MAX_UTC)),
            )
        }
        ColumnKind::Text | ColumnKind::Uuid | ColumnKind::Other => return None,
    };
    let [from, until, least, beyond] = [from, until, least, beyond].map(|one| all.bind(one));
    // The infinities, and instants that nothing here can name.
    Some(format!("({value} >= {from} AND {value} < {until} OR {value} = {least} OR {value} >= {beyond})"))
}

/// The first instant of PostgreSQL, 4713-11-24 BC.
const FIRST_MICROS: i64 = -211_813_488_000_000_000;

/// Returns an instant as PostgreSQL counts it.
fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros().saturating_sub(EPOCH_MICROS).max(FIRST_MICROS)
}

/// Returns the first day that begins at this instant or later, as PostgreSQL counts it.
fn days(at: DateTime<Utc>) -> i32 {
    let micros = micros(at);
    let days = micros.div_euclid(DAY_MICROS) + i64::from(micros.rem_euclid(DAY_MICROS) != 0);
    i32::try_from(days).unwrap_or(i32::MAX - 1)
}

fn sql_name(sql_type: &tokio_postgres::types::Type) -> String {
    match sql_type.name().strip_prefix('_') {
        Some(element) => format!("{element}[]"),
        None => sql_type.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w1_a_day_belongs_to_the_window_that_holds_its_midnight() {
        for (at, expected) in [
            ("2000-01-01T00:00:00Z", 0),
            ("2000-01-01T00:00:00.000001Z", 1),
            ("1999-12-31T00:00:00Z", -1),
            ("1999-12-31T23:59:59Z", 0),
        ] {
            assert_eq!(days(at.parse().unwrap()), expected, "{at}");
        }
    }

    #[test]
    fn the_first_instants_fit_what_the_server_takes() {
        assert_eq!(micros(DateTime::<Utc>::MIN_UTC), FIRST_MICROS);
        assert_eq!(micros("2000-01-01T00:00:00.000001Z".parse().unwrap()), 1);
    }

    #[test]
    fn only_the_servers_own_spelling_of_a_uuid_is_one() {
        assert!(is_uuid("67e55044-10b1-426f-9247-bb680e5fe0c8"));
        for other in ["67E55044-10B1-426F-9247-BB680E5FE0C8", "67e5504410b1426f9247bb680e5fe0c8", "x", ""] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
