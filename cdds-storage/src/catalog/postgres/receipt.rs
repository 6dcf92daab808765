//! Receipts of transactions: what tells whether one was stored whose end nobody has heard of.
//!
//! A transaction stores its receipt with everything else. Whoever has to know stores a refusal under the same id, which
//! waits for the transaction if it is still being stored, and keeps it from being stored later. The first of the two
//! stands.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::super::sql::driver::DriverError;
use super::super::sql::fault::Fault;
use super::connect::Connections;

/// How often the server is asked, each time after [`PAUSE`]: for about half a minute.
const ASKED_MAX: u32 = 120;

const PAUSE: Duration = Duration::from_millis(250);

/// Old receipts are removed after so many transactions of this process.
const GIVEN_MAX: u32 = 1_000;

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    Stored,
    /// It was not stored, and never will be.
    Refused,
}

/// Counts the receipts of this process.
#[derive(Debug, Default)]
pub(super) struct Receipts(AtomicU32);

impl Receipts {
    /// Notes that a transaction was stored. Removes old receipts now and then, which nobody asks for any more.
    pub(super) fn given(&self, connections: &Connections) {
        if self.0.fetch_add(1, Ordering::Relaxed) % GIVEN_MAX != GIVEN_MAX - 1 {
            return;
        }
        let schema = connections.schema();
        let sql =
            format!("DELETE FROM \"{schema}\".receipt WHERE at < clock_timestamp() - interval '1 hour'");
        let removed = connections.connection().and_then(|connection| {
            connection.batch(&sql)?;
            connection.give_back();
            Ok(())
        });
        if let Err(error) = removed {
            tracing::debug!("old receipts of transactions stay for now: {error}");
        }
    }
}

/// Returns the statements that store a transaction, with its receipt. They fail if it has failed before, which COMMIT
/// alone would not.
pub(super) fn commit(receipt: Option<Uuid>) -> String {
    match receipt {
        Some(id) => format!("INSERT INTO receipt (id, stored) VALUES ('{id}', TRUE); COMMIT"),
        None => "SELECT 1; COMMIT".to_owned(),
    }
}

/// Finds out whether a transaction was stored.
///
/// # Errors
/// [`DriverError::Unknown`] if the server does not answer.
pub(super) fn look_up(connections: &Connections, id: Uuid) -> Result<Receipt, Fault> {
    for _asked in 0..ASKED_MAX {
        match ask(connections, id) {
            Ok(receipt) => return Ok(receipt),
            Err(error) => tracing::debug!("cannot look up a receipt yet: {error}"),
        }
        connections.pause(PAUSE);
    }
    Err(DriverError::Unknown.into())
}

fn ask(connections: &Connections, id: Uuid) -> Result<Receipt, DriverError> {
    let (connection, schema) = (connections.connection()?, connections.schema());
    let refuse = format!(
        "INSERT INTO \"{schema}\".receipt (id, stored) VALUES ('{id}', FALSE) ON CONFLICT (id) DO NOTHING"
    );
    connection.batch(&refuse)?;
    let stored = format!("SELECT 1 FROM \"{schema}\".receipt WHERE id = '{id}' AND stored");
    let found = connection.run(|client| client.query_typed(&stored, &[]))?;
    connection.give_back();
    Ok(if found.is_empty() { Receipt::Refused } else { Receipt::Stored })
}
