//! Filters, orders and pages as SQL. Every text of SQL comes from this program; what callers give is
//! bound, never pasted.

use cdds_core::ports::catalog::query::Slice;
use rusqlite::types::Value;

use super::super::row::integer;

/// Conditions and the values bound to their `?`s, in order.
#[derive(Debug, Default)]
pub(super) struct Filter {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Filter {
    /// Adds a condition with one `?`.
    pub(super) fn and(mut self, condition: &'static str, value: impl Into<Value>) -> Self {
        self.conditions.push(condition);
        self.values.push(value.into());
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
        self.conditions.push(condition);
        self
    }

    /// The `WHERE` clause.
    pub(super) fn sql(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        format!("WHERE {}", self.conditions.join(" AND "))
    }

    /// The values of the conditions, for a count.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values of the conditions and those of [`PAGE`].
    pub(super) fn values_of_page(&self, slice: Slice) -> Vec<Value> {
        let page = [Value::from(integer(slice.limit)), Value::from(integer(slice.offset))];
        self.values.iter().cloned().chain(page).collect()
    }
}

/// The rows of a page.
pub(super) const PAGE: &str = "LIMIT ? OFFSET ?";

/// What a list is sorted by.
#[derive(Debug)]
pub(super) struct Key {
    expression: String,
    nullable: bool,
}

impl Key {
    /// A column that always has a value; an index may serve its order.
    pub(super) fn of(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: false }
    }

    /// A column that may be missing.
    pub(super) fn nullable(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: true }
    }

    /// The place of a name in a list of names, the order in which an enum declares them.
    pub(super) fn ranked(column: &str, names: impl IntoIterator<Item = &'static str>) -> Self {
        let cases: String =
            names.into_iter().enumerate().map(|(rank, name)| format!(" WHEN '{name}' THEN {rank}")).collect();
        Self { expression: format!("CASE {column}{cases} END"), nullable: true }
    }

    /// The `ORDER BY` clause: missing values last either way, then `ties`.
    pub(super) fn order(&self, descending: bool, ties: &str) -> String {
        let direction = if descending { "DESC" } else { "ASC" };
        let last = if self.nullable { " NULLS LAST" } else { "" };
        format!("ORDER BY {} {direction}{last}, {ties}", self.expression)
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
        let values = filter.values_of_page(Slice { offset: u64::MAX, limit: 5 });
        assert_eq!(values, [Value::from("a'b".to_owned()), Value::from(5_i64), Value::from(i64::MAX)]);
        assert_eq!(Filter::default().sql(), "");
    }

    #[test]
    fn orders_put_missing_values_last() {
        assert_eq!(Key::of("slot").order(true, "id"), "ORDER BY slot DESC, id");
        assert_eq!(Key::nullable("started_at").order(false, "id"), "ORDER BY started_at ASC NULLS LAST, id");
        assert_eq!(
            Key::ranked("status", ["queued", "failed"]).order(true, "id"),
            "ORDER BY CASE status WHEN 'queued' THEN 0 WHEN 'failed' THEN 1 END DESC NULLS LAST, id"
        );
    }
}
