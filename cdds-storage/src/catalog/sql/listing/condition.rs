//! Conditions of a list's filter as SQL.

use std::borrow::Cow;

use cdds_core::ports::catalog::query::Between;
use chrono::{DateTime, Timelike, Utc};

use super::super::super::row::micros;
use super::super::driver::Value;

/// Comparisons of one column, with the values bound to their `?`s in order.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) column: Cow<'static, str>,
    /// The texts behind the column's name, with the values of their `?`s: ` = ?`.
    pub(super) comparisons: Vec<Comparison>,
    pub(super) index: Index,
}

pub(super) type Comparison = (Cow<'static, str>, Vec<Value>);

/// The only comparison of a condition that selects the rows with one value.
pub(super) const EQUALS: &str = " = ?";

/// The index that finds the rows of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    /// None: each row is looked at.
    Missing,
    /// None, since nearly every row meets the condition.
    Unneeded,
    /// One that holds the column behind the owner.
    OfOwner,
    /// One that holds the column behind the owner, and all columns that the list is sorted by as well.
    Covering,
    /// One that holds the column first.
    OfAll,
    /// One that holds the column first, and all columns that the list is sorted by as well. This many rows are known
    /// to meet the condition at most.
    Counted(u64),
}

impl Index {
    /// Returns the most rows that are gathered by this index and sorted for a page; `None` if it finds none. A
    /// walk may pass over all rows of the owner where those that the filter leaves are at the end of the order,
    /// so even many rows are better gathered.
    pub(super) const fn gathered_max(self) -> Option<u64> {
        match self {
            Self::Missing | Self::Unneeded => None,
            Self::OfOwner | Self::OfAll => Some(40_000),
            Self::Covering => Some(120_000),
            Self::Counted(count) => Some(count),
        }
    }

    /// Returns the cost of so many rows that are gathered: most of it is for looking each up in its table.
    pub(super) const fn cost(self, rows: u64) -> u64 {
        match self {
            Self::Covering => rows,
            Self::Counted(_) => rows.saturating_mul(4),
            Self::Missing | Self::Unneeded | Self::OfOwner | Self::OfAll => rows.saturating_mul(8),
        }
    }

    /// Whether the owner is not the first column of the index.
    pub(super) const fn is_of_all(self) -> bool {
        matches!(self, Self::OfAll | Self::Counted(_))
    }
}

impl Condition {
    /// Whether the rows that meet it have one value in an indexed column, so that their index has them by age.
    pub(super) fn is_of_one_value(&self) -> bool {
        matches!(self.index, Index::OfOwner | Index::Covering | Index::OfAll)
            && matches!(self.comparisons.as_slice(), [(comparison, _)] if comparison == EQUALS)
    }

    /// Whether it leaves only some of the rows.
    pub(super) fn narrows(&self) -> bool {
        self.index != Index::Unneeded
    }

    pub(super) fn sql(&self, plus: &str) -> String {
        let each =
            self.comparisons.iter().map(|(comparison, _)| format!("{plus}{}{comparison}", self.column));
        each.collect::<Vec<_>>().join(" AND ")
    }

    pub(super) fn values(&self) -> Vec<Value> {
        self.comparisons.iter().flat_map(|(_, values)| values.clone()).collect()
    }
}

pub(super) fn compare(comparison: &'static str, value: impl Into<Value>) -> Comparison {
    (comparison.into(), vec![value.into()])
}

/// Returns the comparisons that put an instant into a range.
pub(super) fn bounds(between: Between) -> Vec<Comparison> {
    let bound = |comparison, at: Option<DateTime<Utc>>| at.map(|at| compare(comparison, micros_up(at)));
    [bound(" >= ?", between.from), bound(" < ?", between.to)].into_iter().flatten().collect()
}

/// Rounds an instant up to a whole microsecond: stored instants are whole microseconds, so the same ones lie
/// before both.
pub(super) fn micros_up(at: DateTime<Utc>) -> i64 {
    micros(at).saturating_add(i64::from(!at.nanosecond().is_multiple_of(1_000)))
}
