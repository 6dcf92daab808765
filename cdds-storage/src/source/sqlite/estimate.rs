//! Estimates how many rows a read will return, in a fraction of a second.
//!
//! A whole table is estimated from a sample, since rowids may be anything: numbers from 1 on, or a time and a
//! counter. The range of rowids is divided into stretches of equal length, and in each stretch the rows of
//! one window are counted. The windows grow until they hold enough rows and the counts agree; the estimate is
//! then usually off by a quarter at most. There is no estimate if they never agree, as when all rows but a
//! single distant one are in one place. Small numbers of rows are counted exactly.

use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::ports::source::{Estimate, ReadRequest, SourceError};
use rusqlite::params_from_iter;

use super::open::{Database, Relation};
use super::statement::{Condition, conditions, is_indexed};
use super::{SqliteRows, SqliteType};

/// Maximum number of rows counted by an index, which takes a fraction of a second.
const COUNT_MAX: i64 = 500_000;

/// Number of stretches that the rowids are divided into.
const STRETCHES: u64 = 64;
/// Number of rowids in the first windows, and the factor by which the next ones grow.
const WINDOW_FIRST: u128 = 64;
const WINDOW_GROWTH: u128 = 8;
/// Minimum number of rows seen for an estimate.
const SEEN_MIN: u64 = 4_096;
/// Maximum number of rows counted in one window; with more, the rows are concentrated in few places.
const WINDOW_ROWS_MAX: u64 = 1_024;
/// Maximum standard error of an estimate, relative to it.
const ERROR_MAX: f64 = 0.25;

/// Estimates how many rows a read will return, if an index or a sample allows it.
pub(super) fn estimate(
    database: &Database,
    data_type: &SqliteType,
    relation: &Relation,
    request: &ReadRequest,
) -> Result<Option<Estimate>, SourceError> {
    let whole = request.window.start().is_none()
        && request.categories == CategorySelection::All
        && request.template.filters.is_empty()
        // A sample of the table would count the rows of other owners, too (rule J16).
        && data_type.owner.field().is_none();
    let records = match (&data_type.rows, relation.rowid) {
        (SqliteRows::Table(_), Some(rowid)) if whole => sample(database, relation, rowid),
        _ => count(database, conditions(data_type, relation, request), relation),
    };
    let records = records.map_err(|error| database.failure(error))?;
    Ok(records.map(Estimate::Records))
}

/// Estimates the rows of a whole table.
fn sample(database: &Database, relation: &Relation, rowid: &str) -> rusqlite::Result<Option<u64>> {
    let from = &relation.from;
    // On its own, each of them is a single search.
    let sql = format!("SELECT (SELECT min({rowid}) FROM {from}), (SELECT max({rowid}) FROM {from})");
    let ends = database
        .connection()
        .query_row(&sql, [], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let (Some(least), Some(greatest)) = ends else {
        return Ok(Some(0));
    };
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {from} WHERE {rowid} BETWEEN ? AND ? LIMIT ?)");
    let mut count = database.connection().prepare(&sql)?;
    sampled(least, greatest, |first, last| {
        let rows: i64 = count.query_row((first, last, WINDOW_ROWS_MAX.cast_signed()), |row| row.get(0))?;
        Ok(rows.unsigned_abs())
    })
}

/// Estimates how many of the numbers from `least` to `greatest` exist; `count` counts those in a window, both
/// ends included, up to [`WINDOW_ROWS_MAX`].
fn sampled<E>(
    least: i64,
    greatest: i64,
    mut count: impl FnMut(i64, i64) -> Result<u64, E>,
) -> Result<Option<u64>, E> {
    let range = u128::from(greatest.abs_diff(least)) + 1;
    let mut length = WINDOW_FIRST;
    loop {
        let is_all = length * u128::from(STRETCHES) >= range;
        let mut counts = Vec::new();
        for stretch in 0..u128::from(STRETCHES) {
            let [start, end] = [stretch, stretch + 1].map(|index| range * index / u128::from(STRETCHES));
            let window = if is_all { end - start } else { length };
            // Vary the place within the stretch, in case the rows follow a pattern of the same length.
            let offset = start + (end - start - window) * golden(stretch) / GOLDEN_MAX;
            if window > 0 {
                let [first, last] = [offset, offset + window - 1].map(|offset| at(least, offset));
                counts.push(count(first, last)?);
            }
        }
        let seen: u64 = counts.iter().sum();
        if is_all || counts.iter().any(|count| *count >= WINDOW_ROWS_MAX) {
            let is_whole = counts.iter().all(|count| *count < WINDOW_ROWS_MAX);
            return Ok(is_whole.then_some(seen));
        }
        if seen >= SEEN_MIN && agree(&counts) {
            let looked_at = length * u128::from(STRETCHES);
            return Ok(u64::try_from(u128::from(seen) * range / looked_at).ok());
        }
        length *= WINDOW_GROWTH;
    }
}

/// Returns the number at this offset from the least.
fn at(least: i64, offset: u128) -> i64 {
    u64::try_from(offset).map_or(i64::MAX, |offset| least.saturating_add_unsigned(offset))
}

const GOLDEN_MAX: u128 = 1 << 16;

/// Multiples of the golden ratio, whose fractions are evenly distributed and never repeat.
fn golden(index: u128) -> u128 {
    index * 40_503 % GOLDEN_MAX
}

/// Whether the sum of the counts says anything about the whole.
#[allow(clippy::cast_precision_loss, reason = "of a bound")]
fn agree(counts: &[u64]) -> bool {
    let number = counts.len() as f64;
    let sum = counts.iter().sum::<u64>() as f64;
    let mean = sum / number;
    let variance = counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum::<f64>() / (number - 1.0);
    (variance * number).sqrt() <= sum * ERROR_MAX
}

/// Counts by index the rows that meet the conditions, up to a limit.
fn count(
    database: &Database,
    conditions: Vec<Condition>,
    relation: &Relation,
) -> rusqlite::Result<Option<u64>> {
    let mut rows = 0;
    for condition in conditions {
        let mut statement = condition.statement("1", &relation.from);
        if !is_indexed(database, &statement)? {
            return Ok(None);
        }
        statement.sql = format!("SELECT count(*) FROM ({} LIMIT {COUNT_MAX})", statement.sql);
        let values = params_from_iter(&statement.values);
        rows += database.connection().query_row(&statement.sql, values, |row| row.get::<_, i64>(0))?;
        if rows >= COUNT_MAX {
            return Ok(None);
        }
    }
    Ok(u64::try_from(rows).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    fn estimated(numbers: impl IntoIterator<Item = i64>) -> Option<u64> {
        let numbers: BTreeSet<i64> = numbers.into_iter().collect();
        let mut looked_at = 0;
        let (least, greatest) = (*numbers.first().unwrap(), *numbers.last().unwrap());
        let result = sampled(least, greatest, |first, last| {
            let found = numbers.range(first..=last).take(1_024).count() as u64;
            looked_at += found;
            Ok::<_, Infallible>(found)
        });
        assert!(looked_at < 200_000, "{looked_at} rows are too many to look at");
        result.unwrap()
    }

    fn is_near(estimate: Option<u64>, exact: u64) -> bool {
        estimate.is_some_and(|estimate| estimate * 2 >= exact && estimate <= exact * 2)
    }

    #[test]
    fn e7_few_rows_are_counted_whatever_their_ids() {
        assert_eq!(estimated([7]), Some(1));
        assert_eq!(estimated(1..=100), Some(100));
        assert_eq!(estimated([i64::MIN, -1, i64::MAX]), Some(3));
        let snowflakes = (0..1_000).map(|n| 1_234_567_890_000_000_000 + n * 1_000_003);
        assert_eq!(estimated(snowflakes), Some(1_000));
    }

    #[test]
    fn e7_many_rows_are_estimated_by_their_density() {
        assert!(is_near(estimated(1..=1_000_000), 1_000_000));
        assert!(is_near(estimated((1..=300_000).map(|n| n * 977)), 300_000));
        // Once a day, with nothing in between.
        let by_day = (0..30_i64).flat_map(|day| (0..10_000).map(move |n| day * (1 << 40) + n * (1 << 26)));
        let by_day = estimated(by_day);
        assert!(is_near(by_day, 300_000), "{by_day:?}");
    }

    #[test]
    fn e7_rows_that_lie_together_give_no_estimate() {
        assert_eq!(estimated((1..=100_000).chain([i64::MAX])), None);
        let two = (0..50_000_i64).flat_map(|n| [n, n + 1_000_000_000_000]);
        assert_eq!(estimated(two), None);
    }
}
