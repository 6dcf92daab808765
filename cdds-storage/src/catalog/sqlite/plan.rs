//! SQLite's query plan for a statement.

use rusqlite::types::Null;
use rusqlite::{Connection, params_from_iter};

use super::schema;

/// Returns an empty catalog in memory.
pub(in crate::catalog) fn empty() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(&mut connection).unwrap();
    connection
}

/// Returns the steps of SQLite's plan, over an empty catalog.
pub(in crate::catalog) fn plan(sql: &str) -> Vec<String> {
    let connection = empty();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let values = vec![Null; statement.parameter_count()];
    let steps = statement.query_map(params_from_iter(values), |row| row.get("detail")).unwrap();
    steps.map(Result::unwrap).collect()
}
