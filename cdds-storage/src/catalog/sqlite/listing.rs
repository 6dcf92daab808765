//! Filters, orders and pages as SQL. Every piece of SQL comes from this program; callers' values are bound,
//! never pasted.

use std::borrow::Cow;

use cdds_core::ports::catalog::query::{Between, Cursor, Slice, SortKey};
use chrono::{DateTime, Timelike, Utc};
use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};

use super::super::row::{integer, micros};
use super::fault::Fault;

/// Conditions, and the values bound to their `?`s in order.
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

    /// Adds that a column of instants lies within a span of time; a missing instant does not.
    pub(super) fn and_between(mut self, column: &'static str, between: Between) -> Self {
        for (comparison, bound) in [(">=", between.from), ("<", between.to)] {
            if let Some(bound) = bound {
                self.conditions.push(format!("{column} {comparison} ?").into());
                self.values.push(micros_up(bound).into());
            }
        }
        self
    }

    /// Adds a condition with one `?` if there is a value.
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

    /// Returns the `WHERE` clause.
    fn sql(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        format!("WHERE {}", self.conditions.join(" AND "))
    }

    /// Counts the rows on all pages; needed for the first page. `from` is the `FROM` clause.
    pub(super) fn count(
        &self,
        tx: &Transaction<'_>,
        from: &str,
        slice: &Slice,
    ) -> Result<Option<u64>, Fault> {
        if slice.after.is_some() {
            return Ok(None);
        }
        let sql = format!("SELECT count(*) {from} {}", self.sql());
        let total: i64 = tx.query_row(&sql, params_from_iter(&self.values), |row| row.get(0))?;
        Ok(Some(u64::try_from(total).unwrap_or(0)))
    }

    /// Returns the ids of a page's rows, and where the next page starts. `id` is the column of the ids and
    /// `from` the `FROM` clause. Selecting only ids and keys keeps the sorted data small, and where an index
    /// has the right order, the rows are never read.
    pub(super) fn page_of_ids(
        &self,
        tx: &Transaction<'_>,
        id: &str,
        from: &str,
        order: &Order,
        slice: &Slice,
    ) -> Result<(Vec<String>, Option<Cursor>), Fault> {
        let (sql, values) = self.page_sql(id, from, order, slice);
        let mut statement = tx.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let (mut ids, mut last) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            if ids.len() as u64 == slice.limit {
                return Ok((ids, last));
            }
            ids.push(row.get(0)?);
            last = Some(Cursor { key: sort_key(row.get(1)?)?, id: row.get(2)?, part: row.get(3)? });
        }
        Ok((ids, None))
    }

    /// Returns the SQL that selects a page and one row more: the id, the key, and the tie-breaker.
    pub(super) fn page_sql(
        &self,
        id: &str,
        from: &str,
        order: &Order,
        slice: &Slice,
    ) -> (String, Vec<Value>) {
        let Order { key, ties, .. } = order;
        let mut filter = Self { conditions: self.conditions.clone(), values: key.values.clone() };
        filter.values.extend(self.values.iter().cloned());
        if let Some(after) = &slice.after {
            order.and_after(&mut filter, after);
        }
        filter.values.push(integer(slice.limit.saturating_add(1)).into());
        let (of_id, part) = (ties.id, ties.part.unwrap_or("0"));
        let select = format!("SELECT {id}, {}, {of_id}, {part} {from}", key.expression);
        (format!("{select} {} {} LIMIT ?", filter.sql(), order.sql()), filter.values)
    }
}

/// Converts a selected key.
fn sort_key(value: Value) -> Result<SortKey, Fault> {
    match value {
        Value::Null => Ok(SortKey::Missing),
        Value::Integer(number) => Ok(SortKey::Number(number)),
        Value::Text(text) => Ok(SortKey::Text(text)),
        other => Err(rusqlite::Error::InvalidColumnType(1, "key".to_owned(), other.data_type()).into()),
    }
}

/// Rounds an instant up to a whole microsecond: stored instants are whole microseconds, so the same ones lie
/// before both.
fn micros_up(at: DateTime<Utc>) -> i64 {
    micros(at).saturating_add(i64::from(!at.nanosecond().is_multiple_of(1_000)))
}

/// The sort key of a list.
#[derive(Debug)]
pub(super) struct Key {
    expression: String,
    nullable: bool,
    /// Values bound to the `?`s of the expression.
    values: Vec<Value>,
}

impl Key {
    /// A column without nulls; an index may serve its order.
    pub(super) fn of(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: false, values: Vec::new() }
    }

    /// A column that may be null.
    pub(super) fn nullable(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: true, values: Vec::new() }
    }

    /// An expression with one `?` that may be null.
    pub(super) fn bound(expression: String, value: impl Into<Value>) -> Self {
        Self { expression, nullable: true, values: vec![value.into()] }
    }

    /// The position of a name in a list of names, in the order in which an enum declares them.
    pub(super) fn ranked(column: &str, names: impl IntoIterator<Item = &'static str>) -> Self {
        let cases: String =
            names.into_iter().enumerate().map(|(rank, name)| format!(" WHEN '{name}' THEN {rank}")).collect();
        Self { expression: format!("CASE {column}{cases} END"), nullable: true, values: Vec::new() }
    }

    /// Sorts in this direction; breaks ties by `ties`.
    pub(super) fn order(self, descending: bool, ties: Ties) -> Order {
        Order { key: self, descending, ties }
    }
}

/// The columns that break ties.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ties {
    pub(super) id: &'static str,
    /// For tables in which several rows have the same id.
    pub(super) part: Option<&'static str>,
}

/// The order of a list's rows.
#[derive(Debug)]
pub(super) struct Order {
    key: Key,
    descending: bool,
    ties: Ties,
}

impl Order {
    /// Returns the `ORDER BY` clause over the columns of [`Filter::page_sql`]; missing values come last in
    /// either direction.
    fn sql(&self) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let last = if self.key.nullable { " NULLS LAST" } else { "" };
        let part = if self.ties.part.is_some() { ", 4" } else { "" };
        format!("ORDER BY 2 {direction}{last}, 3{part}")
    }

    /// Adds that a row comes after a cursor in this order.
    fn and_after(&self, filter: &mut Filter, after: &Cursor) {
        let Self { key: Key { expression, nullable, values }, descending, ties } = self;
        let (tied, tie_values) = match ties.part {
            Some(part) => {
                (format!("({}, {part}) > (?, ?)", ties.id), vec![after.id.clone().into(), after.part.into()])
            }
            None => (format!("{} > ?", ties.id), vec![Value::from(after.id.clone())]),
        };
        let at: Value = match &after.key {
            SortKey::Missing => {
                filter.conditions.push(format!("{expression} IS NULL AND {tied}").into());
                filter.values.extend(values.iter().cloned().chain(tie_values));
                return;
            }
            SortKey::Number(number) => (*number).into(),
            SortKey::Text(text) => text.clone().into(),
        };
        let beyond = if *descending { '<' } else { '>' };
        let key = || values.iter().cloned();
        // The second condition implies the first, which allows an index to seek.
        let (seek, missing) = if *nullable {
            (String::new(), format!(" OR {expression} IS NULL"))
        } else {
            filter.values.extend(key().chain([at.clone()]));
            (format!("{expression} {beyond}= ? AND "), String::new())
        };
        let later = format!("{expression} {beyond} ? OR ({expression} = ? AND {tied}){missing}");
        filter.conditions.push(format!("{seek}({later})").into());
        filter.values.extend(key().chain([at.clone()]).chain(key()).chain([at]).chain(tie_values));
        if *nullable {
            filter.values.extend(key());
        }
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
        assert_eq!(Filter::default().sql(), "");
        let order = Key::bound("f(?)".to_owned(), 7_i64).order(false, Ties { id: "id", part: None });
        let (first, values) = filter.page_sql("id", "FROM t", &order, &Slice::first(u64::MAX));
        let sql = "SELECT id, f(?), id, 0 FROM t WHERE owner = ? ORDER BY 2 ASC NULLS LAST, 3 LIMIT ?";
        assert_eq!(first, sql);
        assert_eq!(values, [Value::from(7_i64), Value::from("a'b".to_owned()), Value::from(i64::MAX)]);
        let after = |key| Some(Cursor { key, id: "x".to_owned(), part: 3 });
        for key in [SortKey::Missing, SortKey::Number(1), SortKey::Text("t".to_owned())] {
            let (sql, values) =
                filter.page_sql("id", "FROM t", &order, &Slice { after: after(key), limit: 5 });
            assert_eq!(sql.matches('?').count(), values.len(), "{sql}");
            assert_eq!((values.first(), values.last()), (Some(&7_i64.into()), Some(&6_i64.into())));
        }
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
        let (id, of_part) = (Ties { id: "id", part: None }, Ties { id: "id", part: Some("part") });
        assert_eq!(Key::of("slot").order(true, id).sql(), "ORDER BY 2 DESC, 3");
        assert_eq!(Key::of("slot").order(true, of_part).sql(), "ORDER BY 2 DESC, 3, 4");
        assert_eq!(Key::nullable("started_at").order(false, id).sql(), "ORDER BY 2 ASC NULLS LAST, 3");
        let ranked = Key::ranked("status", ["queued", "failed"]);
        assert_eq!(ranked.expression, "CASE status WHEN 'queued' THEN 0 WHEN 'failed' THEN 1 END");
        assert_eq!(ranked.order(true, id).sql(), "ORDER BY 2 DESC NULLS LAST, 3");
    }
}
