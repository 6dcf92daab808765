//! Filters, orders and pages as SQL. Every text of SQL comes from this program; what callers give is
//! bound, never pasted.

use std::borrow::Cow;

use cdds_core::ports::catalog::query::{Between, Slice};
use chrono::{DateTime, Timelike, Utc};
use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};

use super::super::row::{integer, micros};
use super::fault::Fault;

/// Conditions and the values bound to their `?`s, in order.
#[derive(Debug, Default)]
pub(super) struct Filter {
    conditions: Vec<Cow<'static, str>>,
    values: Vec<Value>,
}

impl Filter {
    /// Adds a condition with one `?`.
    pub(super) fn and(mut self, condition: &'static str, value: impl Into<Value>) -> Self {
        self.conditions.push(condition.into());
        self.values.push(value.into());
        self
    }

    /// Adds that a column of instants lies in a stretch of time; one that is missing does not.
    pub(super) fn and_between(mut self, column: &'static str, between: Between) -> Self {
        for (comparison, bound) in [(">=", between.from), ("<", between.to)] {
            if let Some(bound) = bound {
                self.conditions.push(format!("{column} {comparison} ?").into());
                self.values.push(micros_up(bound).into());
            }
        }
        self
    }

    /// Adds a condition with one `?` if there is something to compare with.
    pub(super) fn and_if(self, condition: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.and(condition, value),
            None => self,
        }
    }

    /// Adds a condition without values.
    pub(super) fn and_always(mut self, condition: &'static str) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// The `WHERE` clause.
    fn sql(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        format!("WHERE {}", self.conditions.join(" AND "))
    }

    /// How many rows there are on all pages; `from` is the `FROM` clause.
    pub(super) fn count(&self, tx: &Transaction<'_>, from: &str) -> Result<u64, Fault> {
        let sql = format!("SELECT count(*) {from} {}", self.sql());
        let total: i64 = tx.query_row(&sql, params_from_iter(&self.values), |row| row.get(0))?;
        Ok(u64::try_from(total).unwrap_or(0))
    }

    /// The ids of the rows of a page, in order. Only they are selected: what is sorted and passed over is then
    /// no larger than its key, and where the order is that of an index, its rows are never read.
    pub(super) fn ids_of_page(
        &self,
        tx: &Transaction<'_>,
        select: &str,
        order: &Order,
        slice: Slice,
    ) -> Result<Vec<String>, Fault> {
        let mut statement = tx.prepare(&self.page_sql(select, order))?;
        let ids = statement
            .query_map(params_from_iter(self.values_of_page(&order.key, slice)), |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// What selects a page.
    pub(super) fn page_sql(&self, select: &str, order: &Order) -> String {
        format!("{select} {} {} {PAGE}", self.sql(), order.sql())
    }

    /// The values of the conditions, of the order and of [`PAGE`].
    fn values_of_page(&self, key: &Key, slice: Slice) -> Vec<Value> {
        let page = [Value::from(integer(slice.limit)), Value::from(integer(slice.offset))];
        self.values.iter().chain(&key.values).cloned().chain(page).collect()
    }
}

/// The first whole microsecond at or after an instant: of instants that are stored in whole microseconds,
/// the same lie before both.
fn micros_up(at: DateTime<Utc>) -> i64 {
    micros(at).saturating_add(i64::from(!at.nanosecond().is_multiple_of(1_000)))
}

/// The rows of a page.
const PAGE: &str = "LIMIT ? OFFSET ?";

/// What a list is sorted by.
#[derive(Debug)]
pub(super) struct Key {
    expression: String,
    nullable: bool,
    /// Bound to the `?`s of the expression.
    values: Vec<Value>,
}

impl Key {
    /// A column that always has a value; an index may serve its order.
    pub(super) fn of(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: false, values: Vec::new() }
    }

    /// A column that may be missing.
    pub(super) fn nullable(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: true, values: Vec::new() }
    }

    /// An expression with one `?` that may give nothing.
    pub(super) fn bound(expression: String, value: impl Into<Value>) -> Self {
        Self { expression, nullable: true, values: vec![value.into()] }
    }

    /// The place of a name in a list of names, the order in which an enum declares them.
    pub(super) fn ranked(column: &str, names: impl IntoIterator<Item = &'static str>) -> Self {
        let cases: String =
            names.into_iter().enumerate().map(|(rank, name)| format!(" WHEN '{name}' THEN {rank}")).collect();
        Self { expression: format!("CASE {column}{cases} END"), nullable: true, values: Vec::new() }
    }

    /// In this direction; what is equal by `ties`.
    pub(super) fn order(self, descending: bool, ties: &'static str) -> Order {
        Order { key: self, descending, ties }
    }
}

/// In which order the rows of a list come.
#[derive(Debug)]
pub(super) struct Order {
    key: Key,
    descending: bool,
    ties: &'static str,
}

impl Order {
    /// The `ORDER BY` clause: missing values last either way.
    fn sql(&self) -> String {
        let Self { key: Key { expression, nullable, .. }, descending, ties } = self;
        let direction = if *descending { "DESC" } else { "ASC" };
        let last = if *nullable { " NULLS LAST" } else { "" };
        format!("ORDER BY {expression} {direction}{last}, {ties}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_come_with_their_values() {
        let filter =
            Filter::default().and("owner = ?", "a'b".to_owned()).and_if("job_id = ?", None::<String>);
        assert_eq!(filter.sql(), "WHERE owner = ?");
        let key = Key::bound("f(?)".to_owned(), 7_i64);
        let values = filter.values_of_page(&key, Slice { offset: u64::MAX, limit: 5 });
        let page = [Value::from(7_i64), Value::from(5_i64), Value::from(i64::MAX)];
        assert_eq!(values, [[Value::from("a'b".to_owned())].as_slice(), &page].concat());
        assert_eq!(Filter::default().sql(), "");
    }

    #[test]
    fn stretches_of_time_are_half_open_whatever_they_are_told_in() {
        let at = |nanos| Some(DateTime::from_timestamp_nanos(nanos));
        for (from, to, inside) in [(1_000, 3_000, [1, 2]), (1, 2_001, [1, 2]), (1_001, 4_000, [2, 3])] {
            let filter = Filter::default().and_between("slot", Between { from: at(from), to: at(to) });
            assert_eq!(filter.sql(), "WHERE slot >= ? AND slot < ?");
            let [Value::Integer(from), Value::Integer(to)] = &filter.values[..] else {
                panic!("two integers")
            };
            assert_eq!((*from..*to).collect::<Vec<_>>(), inside);
        }
        let open = Filter::default().and_between("slot", Between { from: None, to: at(0) });
        assert_eq!(open.sql(), "WHERE slot < ?");
        assert_eq!(Filter::default().and_between("slot", Between::default()).sql(), "");
    }

    #[test]
    fn orders_put_missing_values_last() {
        assert_eq!(Key::of("slot").order(true, "id").sql(), "ORDER BY slot DESC, id");
        assert_eq!(
            Key::nullable("started_at").order(false, "id").sql(),
            "ORDER BY started_at ASC NULLS LAST, id"
        );
        assert_eq!(
            Key::ranked("status", ["queued", "failed"]).order(true, "id").sql(),
            "ORDER BY CASE status WHEN 'queued' THEN 0 WHEN 'failed' THEN 1 END DESC NULLS LAST, id"
        );
    }
}
