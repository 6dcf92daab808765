//! The columns of a row that a statement changes.

use super::driver::Value;
use super::fault::Fault;
use super::transaction::Transaction;

/// Returns which of these columns of a row have other values now, each as ` = ?,` with its new value. SQLite
/// rewrites each index of a column that a statement names, even if the value stays. PostgreSQL compares the values itself,
/// so there it returns all of them.
pub(super) fn changed_columns(
    tx: &Transaction<'_>,
    (table, id): (&str, &str),
    columns: &[&str],
    values: &[Value],
) -> Result<Vec<(String, Value)>, Fault> {
    let set = |column: &str| format!("{column} = ?, ");
    if tx.is_far() {
        return Ok(columns.iter().map(|column| set(column)).zip(values.iter().cloned()).collect());
    }
    let sql = format!("SELECT {} FROM {table} WHERE id = ?1", columns.join(", "));
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([id])?;
    let row = rows.next()?;
    let mut changed = Vec::new();
    for (number, (column, value)) in columns.iter().zip(values).enumerate() {
        let stored: Option<Value> = row.as_ref().map(|row| row.get(number)).transpose()?;
        if stored.as_ref() != Some(value) {
            changed.push((set(column), value.clone()));
        }
    }
    Ok(changed)
}
