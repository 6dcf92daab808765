//! Asks the server about its transactions (rule W3b).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cdds_core::ports::source::SourceError;
use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error;
use tokio_postgres::types::Type;

use super::bound::{EPOCH_MICROS, Micros};
use super::connections::PostgresConnections;
use super::failure::failure;
use super::horizon::{Horizon, Observation, Open};
use super::pins::READER;

/// The shortest lag behind the oldest transaction: one begins, and stamps rows, a moment before others see it.
const LAG_MIN: TimeDelta = TimeDelta::seconds(1);

/// How often, and after which pauses, the transactions that were found are looked at again within one question. Most
/// end within a moment.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// What a role may see of the server's transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// When each began.
    Starts,
    /// Only which there are.
    Names,
    /// Nothing that would help, since the server is a standby: transactions of its primary do not show.
    Standby,
    /// Nothing that would help, since the server does not note them.
    Untracked,
}

/// What is known about the transactions of one database.
#[derive(Debug, Default)]
pub(super) struct Completeness {
    horizon: Mutex<Horizon>,
}

impl Completeness {
    /// Returns the instant up to which rows with such a lag are complete; `None` if the server cannot tell.
    ///
    /// The statements run one by one, outside a transaction: within one the server would repeat its first answer.
    pub(super) async fn until(
        &self,
        name: &str,
        connections: &PostgresConnections,
        settle_lag: TimeDelta,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let connection = connections.connection(name).await?;
        for look in 1..=LOOKS {
            let observed = observe(connection.client()?).await;
            let failed = |error| failure(name, "cannot ask for the server's transactions", &error);
            let Some(observation) = observed.map_err(failed)? else {
                connection.give_back();
                return Ok(None);
            };
            let (is_settled, until) = self.note(&observation);
            // When transactions began is known as well as it ever will be, if it is known at all.
            let is_final = is_settled || (until.is_some() && matches!(observation.open, Open::Since(_)));
            if is_final || look == LOOKS {
                connection.give_back();
                return match until {
                    Some(until) => Ok(Some(until - settle_lag.max(LAG_MIN))),
                    None => Err(waits(name, &observation)),
                };
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    fn note(&self, observation: &Observation) -> (bool, Option<DateTime<Utc>>) {
        let mut horizon = self.horizon.lock().unwrap_or_else(PoisonError::into_inner);
        let is_settled = horizon.note(observation);
        (is_settled, horizon.until())
    }
}

/// The error while nothing is known yet. Without it the settle lag would count alone, and rows could be lost.
fn waits(name: &str, observation: &Observation) -> SourceError {
    let what = if observation.prepared.is_empty() { "an open" } else { "a prepared" };
    SourceError::unavailable(format!(
        "{name}: {what} transaction hides when it began, so nobody knows yet up to when the rows are complete: commit \
         it or roll it back, or grant pg_read_all_stats to the role that reads"
    ))
}

/// Asks what the role may see.
pub(super) async fn sight(client: &ClientWrapper) -> Result<(DateTime<Utc>, Sight), Error> {
    let rows = client
        .query_typed(
            "SELECT pg_catalog.clock_timestamp(), pg_catalog.pg_is_in_recovery(), \
             pg_catalog.current_setting('track_activities')::bool, \
             pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')",
            &[],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok((DateTime::UNIX_EPOCH, Sight::Untracked)) };
    let sight = match (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?) {
        (true, _, _) => Sight::Standby,
        (_, false, _) => Sight::Untracked,
        (_, _, true) => Sight::Starts,
        (_, _, false) => Sight::Names,
    };
    let at = instant(row.try_get(0)?).unwrap_or(DateTime::UNIX_EPOCH);
    Ok((at, sight))
}

/// Asks for the clock, then for open transactions, then for prepared ones. `None` if the server cannot tell.
async fn observe(client: &ClientWrapper) -> Result<Option<Observation>, Error> {
    let (at, sight) = sight(client).await?;
    let open = match sight {
        Sight::Standby | Sight::Untracked => return Ok(None),
        Sight::Starts => match oldest(client).await? {
            Some(oldest) => Open::Since(oldest),
            None => return Ok(None),
        },
        Sight::Names => Open::Named(names(client).await?),
    };
    Ok(Some(Observation { at, open, prepared: prepared(client).await? }))
}

/// Returns the start of the oldest transaction of another session; the outer `None` if one does not note its own.
async fn oldest(client: &ClientWrapper) -> Result<Option<Option<DateTime<Utc>>>, Error> {
    let rows = client
        .query_typed(
            "SELECT pg_catalog.min(xact_start), pg_catalog.count(*) FILTER (WHERE state = 'disabled') \
             FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() \
             AND pid <> pg_catalog.pg_backend_pid() AND backend_type <> 'autovacuum worker' \
             AND application_name IS DISTINCT FROM $1::text",
            &[(&READER, Type::TEXT)],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let is_noted = row.try_get::<_, i64>(1)? == 0;
    let oldest: Option<Micros> = row.try_get(0)?;
    Ok(is_noted.then(|| oldest.and_then(instant)))
}

/// Returns the names of the transactions of other sessions, which are locks that everybody may see. A session of
/// which nobody knows the database counts.
async fn names(client: &ClientWrapper) -> Result<BTreeSet<String>, Error> {
    let rows = client
        .query_typed(
            "SELECT l.virtualtransaction FROM pg_catalog.pg_locks l \
             LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted \
             AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() \
             AND (a.datname IS NULL OR a.datname = pg_catalog.current_database()) \
             AND a.application_name IS DISTINCT FROM $1::text",
            &[(&READER, Type::TEXT)],
        )
        .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Returns the prepared transactions of the database, which everybody may see.
pub(super) async fn prepared(client: &ClientWrapper) -> Result<BTreeSet<String>, Error> {
    let rows = client
        .query_typed(
            "SELECT transaction::text FROM pg_catalog.pg_prepared_xacts \
             WHERE database = pg_catalog.current_database()",
            &[],
        )
        .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

fn instant(Micros(micros): Micros) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros?.checked_add(EPOCH_MICROS)?)
}
