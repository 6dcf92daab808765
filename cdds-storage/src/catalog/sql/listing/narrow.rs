//! The conditions that narrow a list down.

use std::borrow::Cow;

use cdds_core::domain::id::TypeId;
use cdds_core::ports::catalog::query::{Between, IdBeginning};

use super::super::driver::{OptionalExtension, Value, params};
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::Filter;
use super::condition::{Comparison, Condition, EQUALS, Index, bounds, compare};

/// The most different values of a column of one owner that are compared one by one.
const VALUES_MAX: usize = 1_000;

/// The most rows that a search looks up by their ids. If more are found, the list is walked instead, since then
/// many of its rows are found.
const FOUND_MAX: usize = 2_000;

impl Filter {
    fn add(
        mut self,
        column: impl Into<Cow<'static, str>>,
        comparisons: Vec<Comparison>,
        index: Index,
    ) -> Self {
        if !comparisons.is_empty() {
            self.conditions.push(Condition { column: column.into(), comparisons, index });
        }
        self
    }

    /// Adds a condition with one `?` for which each row is looked at.
    pub(super) fn and_each(self, condition: &'static str, value: impl Into<Value>) -> Self {
        self.add("", vec![compare(condition, value)], Index::Missing)
    }

    /// Adds a condition with one `?` that nearly every row meets, if there is a value.
    pub(in super::super) fn and_mostly(
        self,
        condition: &'static str,
        value: Option<impl Into<Value>>,
    ) -> Self {
        let comparisons = value.map(|value| compare(condition, value)).into_iter().collect();
        self.add("", comparisons, Index::Unneeded)
    }

    /// Adds that a column, which stands behind the owner in an index, has this value, if there is one.
    pub(in super::super) fn and_indexed(
        self,
        column: impl Into<Cow<'static, str>>,
        value: Option<impl Into<Value>>,
    ) -> Self {
        let comparisons = value.map(|value| compare(EQUALS, value)).into_iter().collect();
        self.add(column, comparisons, Index::OfOwner)
    }

    /// Adds that a column, which stands behind the owner in an index that covers the list, has this value, if there
    /// is one.
    pub(in super::super) fn and_covered(
        self,
        column: impl Into<Cow<'static, str>>,
        value: Option<impl Into<Value>>,
    ) -> Self {
        let comparisons = value.map(|value| compare(EQUALS, value)).into_iter().collect();
        self.add(column, comparisons, Index::Covering)
    }

    /// Adds that a column, which stands behind the owner in an index that covers the list, has one of these values.
    pub(in super::super) fn and_covered_among(self, column: &'static str, values: Vec<String>) -> Self {
        self.and_one_of(column, values, Index::Covering)
    }

    /// Adds that a column, which stands first in an index, has this value, if there is one.
    pub(in super::super) fn and_identified(
        self,
        column: &'static str,
        value: Option<impl Into<Value>>,
    ) -> Self {
        let comparisons = value.map(|value| compare(EQUALS, value)).into_iter().collect();
        self.add(column, comparisons, Index::OfAll)
    }

    /// Adds that a column of instants, which stands behind the owner in an index, lies within a span of time. A
    /// missing instant does not.
    pub(in super::super) fn and_indexed_between(self, column: &'static str, between: Between) -> Self {
        self.add(column, bounds(between), Index::OfOwner)
    }

    /// Adds that a column of numbers, which stands behind the owner in an index, lies between two bounds, both
    /// of them included.
    pub(in super::super) fn and_indexed_range(
        self,
        column: &'static str,
        (min, max): (Option<i64>, Option<i64>),
    ) -> Self {
        let bound = |comparison, at: Option<i64>| at.map(|at| compare(comparison, at));
        let bounds = [bound(" >= ?", min), bound(" <= ?", max)];
        self.add(column, bounds.into_iter().flatten().collect(), Index::OfOwner)
    }

    /// Adds that a column, which stands behind the owner in an index, begins with this text.
    pub(super) fn and_indexed_beginning(self, column: &'static str, text: &str) -> Self {
        let bounds = vec![compare(" >= ?", text.to_owned()), compare(" < ?", format!("{text}\u{10ffff}"))];
        self.add(column, bounds, Index::OfOwner)
    }

    /// Adds that a column, which stands behind the owner in an index, has no value.
    pub(in super::super) fn and_indexed_missing(self, column: impl Into<Cow<'static, str>>) -> Self {
        self.add(column, vec![(" IS NULL".into(), Vec::new())], Index::OfOwner)
    }

    /// Adds that a column with such an index has one of these values. None of the rows may have no value.
    pub(super) fn and_one_of(self, column: &'static str, values: Vec<String>, index: Index) -> Self {
        let comparison = match values.as_slice() {
            [] => (" IS NULL".into(), Vec::new()),
            [one] => compare(EQUALS, one.clone()),
            [..] => {
                let marks = vec!["?"; values.len()].join(", ");
                (format!(" IN ({marks})").into(), values.into_iter().map(Value::from).collect())
            }
        };
        self.add(column, vec![comparison], index)
    }

    /// Adds that a column, which stands first in an index, is one of these ids.
    pub(in super::super) fn and_found(self, column: &'static str, ids: &[String]) -> Self {
        // Ids need no escapes.
        let ids = format!("[\"{}\"]", ids.join("\",\""));
        self.add(column, vec![compare(" IN (SELECT value FROM json_each(?))", ids)], Index::OfAll)
    }

    /// Adds that a column, which stands first in an index, is one of these ids, if there are any to choose from.
    pub(in super::super) fn and_among<Id: ToString>(self, column: &'static str, ids: Option<&[Id]>) -> Self {
        let Some(ids) = ids else { return self };
        self.and_found(column, &ids.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// Adds that an id, which an index of all owners holds, begins so.
    pub(in super::super) fn and_begins(self, column: &'static str, beginning: Option<&IdBeginning>) -> Self {
        let Some(beginning) = beginning else { return self };
        // Behind all digits and the hyphen.
        let end = format!("{beginning}g");
        self.add(column, vec![compare(" >= ?", beginning.to_string()), compare(" < ?", end)], Index::OfAll)
    }

    /// Adds a comparison with one `?` of a column, which an index that covers the list holds first. It holds for this
    /// number of rows at most.
    pub(super) fn and_counted(
        self,
        column: &'static str,
        (comparison, value): (&'static str, String),
        count: u64,
    ) -> Self {
        self.add(column, vec![compare(comparison, value)], Index::Counted(count))
    }

    /// Adds that the row id is one of these.
    pub(super) fn and_rows(self, column: &'static str, rows: &[i64]) -> Self {
        let numbers: Vec<_> = rows.iter().map(i64::to_string).collect();
        let numbers = format!("[{}]", numbers.join(","));
        let among = " IN (SELECT value FROM json_each(?))";
        self.add(column, vec![compare(among, numbers)], Index::Counted(rows.len() as u64))
    }

    /// Adds that a column of types, which stands behind the owner in an index, names this type, if there is one.
    ///
    /// The column lists several types where a set has several. The owner's different lists are few, so they
    /// are read one by one out of the index, and those with the type are compared.
    pub(in super::super) fn and_type(
        self,
        tx: &Transaction<'_>,
        column: &'static str,
        wanted: Option<&TypeId>,
    ) -> Result<Self, Fault> {
        let Some(wanted) = wanted else { return Ok(self) };
        let of_owner = (format!("{} = ?1", self.owner.0), self.owner.1.clone());
        let Some(mut lists) = self.values_of(tx, column, of_owner, "")? else {
            let holds = "instr(', ' || data_type || ',', ', ' || ? || ',') > 0";
            return Ok(self.and_each(holds, wanted.to_string()));
        };
        lists.retain(|list| list.split(", ").any(|one| one == wanted.as_str()));
        Ok(self.and_one_of(column, lists, Index::OfOwner))
    }

    /// Returns the different texts of a column after `first`, in the rows that a condition with `?1` holds for;
    /// `None` if there are more than [`VALUES_MAX`]. An index holds the column behind that of the condition, and it
    /// always has a value.
    pub(super) fn values_of(
        &self,
        tx: &Transaction<'_>,
        column: &str,
        (condition, value): (String, Value),
        first: &str,
    ) -> Result<Option<Vec<String>>, Fault> {
        let next = format!(
            "SELECT {column} {} WHERE {condition} AND {} AND {column} > ?2 ORDER BY {column} LIMIT 1",
            self.from, self.always
        );
        let mut statement = tx.prepare(&next)?;
        let mut values: Vec<String> = Vec::new();
        loop {
            let last = values.last().map_or(first, String::as_str);
            match statement.query_row(params![value, last], |row| row.get(0)).optional()? {
                None => return Ok(Some(values)),
                Some(_) if values.len() == VALUES_MAX => return Ok(None),
                Some(next) => values.push(next),
            }
        }
    }

    /// Returns the texts that a statement finds for a value, which is its first `?`; the last is its limit. Returns
    /// `None` if it finds more than [`FOUND_MAX`].
    pub(super) fn searched(
        &self,
        tx: &Transaction<'_>,
        search: &str,
        value: &str,
    ) -> Result<Option<Vec<String>>, Fault> {
        let limit = i64::try_from(FOUND_MAX).unwrap_or(i64::MAX).saturating_add(1);
        let mut statement = tx.prepare(search)?;
        let found = statement.query_map(params![value, limit], |row| row.get::<Option<String>>(0))?;
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok((found.len() <= FOUND_MAX).then(|| found.into_iter().flatten().collect()))
    }
}
