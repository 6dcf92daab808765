//! Filters, orders and pages as SQL. Every piece of SQL comes from this program; callers' values are bound,
//! never pasted.
//!
//! A page must cost about as much as its rows, however many the owner has. Each sort column has an index of its
//! own behind the owner, which goes on with the age and the id, and so has each usual filter. SQLite cannot know
//! which of them is better for a page, so it is told, by unary pluses before the other columns:
//! - A page of one filter that the filter's index has in its order walks that index: by the same column, or by
//!   age if the filter leaves one value of its column.
//! - Otherwise, the rows that each filter leaves are counted, up to [`Index::gathered_max`]. If that is not
//!   reached, the few rows are gathered by the filter's index and sorted. Of two filters, the rows of one are looked
//!   up only if they are among those of the other, by the row ids in its index.
//! - Otherwise, a page by age of the rows with one value walks the index of that value's column.
//! - Otherwise, the page walks its own order until it is full: the filter leaves many rows.
//!
//! A database that counts its rows for its plans chooses for itself.

mod condition;
mod names;
mod narrow;
mod titles;

use std::fmt::Write as _;

use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::{COUNTED_MAX, Cursor, Slice, SortKey, Total};

use self::condition::{Condition, Index};
use super::super::row::integer;
use super::driver::{DriverError, Value, params_from_iter};
use super::fault::Fault;
use super::order::{Order, Stretch};
use super::transaction::Transaction;

/// The rows of a list.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// The `FROM` clause.
    from: &'static str,
    /// The column of the ids that a page returns: one that every index has.
    id: &'static str,
    owner: (&'static str, Value),
    /// A condition that all rows of the list have, as the partial indexes have it.
    always: &'static str,
    conditions: Vec<Condition>,
}

/// Which rows are read, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// All rows of one condition, to be sorted.
    Gathered(usize),
    /// All rows of one condition that are among those of another, to be sorted. The others are known by their row
    /// ids, which every index has, so that a row that only one of the conditions leaves is not looked up.
    Intersected(usize, usize),
    /// The rows of one condition by age, until the page is full.
    WalkedWithin(usize),
    /// Rows in their order, until the page is full.
    Walked,
}

impl Filter {
    /// Selects the owner's rows that `always` holds for.
    pub(super) fn new(
        (from, id): (&'static str, &'static str),
        (column, owner): (&'static str, &Owner),
        always: &'static str,
    ) -> Self {
        Self { from, id, owner: (column, owner.to_string().into()), always, conditions: Vec::new() }
    }

    /// Returns the ids of a page's rows, the number of all rows if this is the first page, and where the next
    /// page starts. Only ids and keys are selected, so that what is sorted is small.
    pub(super) fn page(&self, tx: &Transaction<'_>, order: &Order, slice: &Slice) -> Result<Ids, Fault> {
        let of_one_key = |one: &Condition| one.is_of_one_value() && one.column == order.expression();
        let of_one_key = self.conditions.iter().any(of_one_key).then(|| order.of_one_key());
        let order = of_one_key.as_ref().unwrap_or(order);
        let access = self.access(tx, order)?;
        let mut page = Ids { ids: Vec::new(), total: None, next: None };
        if slice.after.is_none() {
            page.total = self.total(tx, access, order)?;
        }
        let mut last = None;
        for stretch in order.places(slice.after.as_ref()) {
            let wanted = slice.limit.saturating_add(1).saturating_sub(page.ids.len() as u64);
            let (sql, values) = self.page_sql(access, order, &stretch, wanted);
            let mut statement = tx.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            while let Some(row) = &rows.next()? {
                if page.ids.len() as u64 == slice.limit {
                    page.next = last;
                    return Ok(page);
                }
                page.ids.push(row.get(0)?);
                last = Some(Cursor {
                    key: sort_key(row.get(1)?)?,
                    at: row.get(2)?,
                    id: row.get(3)?,
                    part: row.get(4)?,
                });
            }
        }
        Ok(page)
    }

    /// Chooses how to read the rows.
    fn access(&self, tx: &Transaction<'_>, order: &Order) -> Result<Access, Fault> {
        let within = self.conditions.iter().position(Condition::is_of_one_value);
        let walked = within.filter(|_| order.is_by_age()).map_or(Access::Walked, Access::WalkedWithin);
        if tx.plans_itself() {
            return Ok(walked);
        }
        let mut narrowing = self.conditions.iter().filter(|one| one.narrows());
        if let (Some(only), None) = (narrowing.next(), narrowing.next())
            && (walked != Access::Walked || only.column == order.expression())
        {
            return Ok(walked);
        }
        let mut cheapest: Option<(u64, u64, usize)> = None;
        let mut counts = Vec::with_capacity(self.conditions.len());
        for (number, condition) in self.conditions.iter().enumerate() {
            let Some(count) = self.gathered(tx, condition)? else { continue };
            counts.push((count, number));
            let cost = condition.index.cost(count);
            if cheapest.is_none_or(|(least, ..)| cost < least) {
                cheapest = Some((cost, count, number));
            }
        }
        let Some((_, count, number)) = cheapest else { return Ok(walked) };
        let other = self.other(count, number, &counts);
        Ok(other.map_or(Access::Gathered(number), |other| Access::Intersected(number, other)))
    }

    /// Returns the condition with the fewest rows beside the chosen one, if it takes less to read their row ids out
    /// of its index than to look up those of the chosen one in their table.
    fn other(&self, rows: u64, chosen: usize, counts: &[(u64, usize)]) -> Option<usize> {
        let is_of_owner =
            |number: usize| self.conditions.get(number).is_some_and(|one| one.index == Index::OfOwner);
        let is_worth_it = |count: u64| count <= rows.saturating_mul(4);
        let others = counts.iter().filter(|(count, number)| {
            *number != chosen && is_worth_it(*count) && is_of_owner(*number) && is_of_owner(chosen)
        });
        others.min().map(|(_, number)| *number)
    }

    /// Returns the number of rows that the index of a condition leaves, if these are few enough to be gathered.
    fn gathered(&self, tx: &Transaction<'_>, condition: &Condition) -> Result<Option<u64>, Fault> {
        if let Index::Counted(count) = condition.index {
            return Ok(Some(count));
        }
        let Some(max) = condition.index.gathered_max() else { return Ok(None) };
        let mut sql = format!("{} AND {}", self.always, condition.sql(""));
        let mut values = condition.values();
        if condition.index != Index::OfAll {
            // The owner first, as the index has it.
            sql = format!("{} = ? AND {sql}", self.owner.0);
            values.insert(0, self.owner.1.clone());
        }
        let count = self.count(tx, (&sql, values), "", max)?;
        Ok((count <= max).then_some(count))
    }

    /// Counts rows, up to one more than a maximum.
    fn count(
        &self,
        tx: &Transaction<'_>,
        (conditions, mut values): (&str, Vec<Value>),
        order_by: &str,
        max: u64,
    ) -> Result<u64, Fault> {
        let from = self.from;
        let sql =
            format!("SELECT count(*) FROM (SELECT 1 {from} WHERE {conditions} {order_by} LIMIT ?) counted");
        values.push(integer(max + 1).into());
        let count: i64 = tx.query_row(&sql, params_from_iter(values), |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Returns the number of all rows, or `None` if counting them could mean to look at every row of the owner.
    fn total(&self, tx: &Transaction<'_>, access: Access, order: &Order) -> Result<Option<Total>, Fault> {
        let all = self.conditions.iter().enumerate();
        let narrowing: Vec<_> = all.filter(|(_, one)| one.narrows()).collect();
        // What nearly every row meets, the newest meet first of all.
        let order_by = if narrowing.is_empty() { order.newest_first() } else { String::new() };
        let counted = match (access, narrowing.as_slice()) {
            (Access::Gathered(_) | Access::Intersected(..), _) | (_, []) => access,
            (_, [(number, one)]) if one.index != Index::Missing => Access::Gathered(*number),
            (Access::Walked | Access::WalkedWithin(_), _) => {
                let of_owner = format!("{} = ? AND {}", self.owner.0, self.always);
                if self.count(tx, (&of_owner, vec![self.owner.1.clone()]), "", COUNTED_MAX)? > COUNTED_MAX {
                    return Ok(None);
                }
                access
            }
        };
        let (conditions, values) = self.conditions(counted, "");
        Ok(Some(Total::counted(self.count(tx, (&conditions, values), &order_by, COUNTED_MAX)?)))
    }

    /// Returns all conditions of the list, those that must not choose the index behind a plus. `key` is the
    /// expression that the rows are sorted by.
    fn conditions(&self, access: Access, key: &str) -> (String, Vec<Value>) {
        let read_by = match access {
            Access::Gathered(number) | Access::Intersected(number, _) | Access::WalkedWithin(number) => {
                self.conditions.get(number)
            }
            Access::Walked => None,
        };
        let plus = if read_by.is_some_and(|one| one.index.is_of_all()) { "+" } else { "" };
        let mut sql = format!("{plus}{} = ? AND {}", self.owner.0, self.always);
        let mut values = vec![self.owner.1.clone()];
        for (number, condition) in self.conditions.iter().enumerate() {
            if matches!(access, Access::Intersected(_, other) if number == other) {
                let (among, of_rows) = self.among(condition);
                let _infallible = write!(sql, " AND {among}");
                values.extend(of_rows);
                continue;
            }
            let chosen = match access {
                Access::Gathered(chosen) | Access::Intersected(chosen, _) | Access::WalkedWithin(chosen) => {
                    number == chosen
                }
                Access::Walked => condition.column == key,
            };
            // Expressions of several columns have no index.
            let plus = if chosen || condition.column.is_empty() { "" } else { "+" };
            let _infallible = write!(sql, " AND {}", condition.sql(plus));
            values.extend(condition.values());
        }
        (sql, values)
    }

    /// Returns the condition that a row is among those of a condition, as its index has them.
    fn among(&self, condition: &Condition) -> (String, Vec<Value>) {
        let Self { from, owner: (owner, of), always, .. } = self;
        let row = owner.split_once('.').map_or("rowid".to_owned(), |(table, _)| format!("{table}.rowid"));
        let rows = format!("SELECT {row} {from} WHERE {owner} = ? AND {always} AND {}", condition.sql(""));
        // The plus keeps SQLite from looking up these rows one by one.
        (format!("+{row} IN ({rows})"), [vec![of.clone()], condition.values()].concat())
    }

    fn column(&self, number: usize) -> Option<&str> {
        self.conditions.get(number).map(|condition| &*condition.column)
    }

    /// Returns the SQL that selects rows of a page: the id, the key, and the tie-breakers.
    fn page_sql(
        &self,
        access: Access,
        order: &Order,
        stretch: &Stretch<'_>,
        limit: u64,
    ) -> (String, Vec<Value>) {
        let (mut conditions, mut values) = self.conditions(access, order.expression());
        // What is gathered is sorted; an index with the order of the page would be walked instead.
        let plus = match access {
            Access::Gathered(number) | Access::Intersected(number, _)
                if self.column(number) != Some(order.expression()) =>
            {
                "+"
            }
            Access::Gathered(_) | Access::Intersected(..) | Access::WalkedWithin(_) | Access::Walked => "",
        };
        for (condition, value) in stretch.conditions(plus) {
            let _infallible = write!(conditions, " AND {condition}");
            values.extend(value);
        }
        values.push(integer(limit).into());
        let select = format!("SELECT {}, {}", self.id, order.selected());
        (format!("{select} {} WHERE {conditions} {} LIMIT ?", self.from, stretch.order_by(plus)), values)
    }
}

/// A page, as ids.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) ids: Vec<String>,
    pub(super) total: Option<Total>,
    pub(super) next: Option<Cursor>,
}

/// Converts a selected key.
fn sort_key(value: Value) -> Result<SortKey, Fault> {
    match value {
        Value::Null => Ok(SortKey::Missing),
        Value::Integer(number) => Ok(SortKey::Number(number)),
        Value::Text(text) => Ok(SortKey::Text(text)),
        Value::Bool(_) | Value::Blob(_) => Err(DriverError::Column("key".to_owned()).into()),
    }
}

#[cfg(test)]
impl Filter {
    /// Returns the SQL of each stretch of a page that is walked.
    pub(super) fn walked_sql(&self, order: &Order, slice: &Slice) -> Vec<String> {
        self.sql_of(Access::Walked, order, slice)
    }

    /// Returns the SQL of a page by age of the rows that meet the first condition.
    pub(super) fn walked_within_sql(&self, order: &Order, slice: &Slice) -> Vec<String> {
        self.sql_of(Access::WalkedWithin(0), order, slice)
    }

    /// Returns the SQL of each stretch of a page of the rows that meet the first condition, to be sorted.
    pub(super) fn gathered_sql(&self, order: &Order, slice: &Slice) -> Vec<String> {
        self.sql_of(Access::Gathered(0), order, slice)
    }

    /// Returns the SQL of each stretch of a page of the rows that meet the first two conditions, to be sorted.
    pub(super) fn intersected_sql(&self, order: &Order, slice: &Slice) -> Vec<String> {
        self.sql_of(Access::Intersected(0, 1), order, slice)
    }

    fn sql_of(&self, access: Access, order: &Order, slice: &Slice) -> Vec<String> {
        let places = order.places(slice.after.as_ref());
        places.iter().map(|stretch| self.page_sql(access, order, stretch, slice.limit).0).collect()
    }
}
