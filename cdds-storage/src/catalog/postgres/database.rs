//! The database: transactions that are run again where that helps.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::clock::Clock;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::sql::database::{Database, Look, Writing};
use super::super::sql::driver::DriverError;
use super::super::sql::fault::Fault;
use super::super::sql::transaction::Transaction;
use super::begin::{self, Beside};
use super::connect::Connections;
use super::presence::Leases;
use super::receipt::{self, Receipt, Receipts};
use super::schema;
use super::session::PostgresSession;

/// How often a transaction may be overtaken before its call fails. From the third time on it runs alone, so this is
/// hardly ever reached.
const OVERTAKEN_MAX: u32 = 12;

/// How often a transaction is overtaken before it runs alone.
const BESIDE_MAX: u32 = 2;

/// How often a call tries again that has lost its connection, or has found none, each time after [`PAUSE`].
const LOST_MAX: u32 = 20;

const PAUSE: Duration = Duration::from_millis(250);

/// An open catalog.
#[derive(Debug)]
pub(in crate::catalog) struct PostgresDatabase {
    connections: Connections,
    receipts: Receipts,
    claims: Mutex<()>,
    /// The last look of this process for abandoned executions.
    looked: Mutex<Option<Look>>,
}

impl PostgresDatabase {
    /// Brings the schema up to date.
    pub(super) fn open(connections: Connections) -> Result<Self, CatalogError> {
        let opened = Self {
            connections,
            receipts: Receipts::default(),
            claims: Mutex::new(()),
            looked: Mutex::new(None),
        };
        let migrated = opened.again(|_| schema::migrate(&opened.connections));
        migrated
            .map_err(|fault| fault.into_postgres_error("read the schema", opened.connections.schema()))?;
        Ok(opened)
    }

    fn looked(&self) -> MutexGuard<'_, Option<Look>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a transaction, and runs it again if it was overtaken, or if its connection was lost before it was stored.
    fn again<T>(&self, attempt: impl Fn(Beside) -> Result<T, Fault>) -> Result<T, Fault> {
        let (mut overtaken, mut lost) = (0, 0);
        loop {
            let beside = if overtaken < BESIDE_MAX { Beside::Others } else { Beside::Nobody };
            let fault = match attempt(beside) {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            match &fault {
                Fault::Driver(error) if error.is_overtaken() && overtaken < OVERTAKEN_MAX => overtaken += 1,
                Fault::Driver(error) if error.is_lost() && lost < LOST_MAX => {
                    lost += 1;
                    self.connections.pause(PAUSE);
                }
                _ => return Err(fault),
            }
        }
    }
}

/// A database, used by a clock: by the server's if there is no other.
pub(in crate::catalog) struct Timed<'a> {
    pub(super) database: &'a PostgresDatabase,
    pub(super) clock: Option<&'a dyn Clock>,
}

impl Timed<'_> {
    /// Runs `body` in a transaction that begins with these statements. Returns the session, in which it is still open.
    fn run<T>(
        &self,
        begin: String,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<(T, PostgresSession<'_>), Fault> {
        let session = PostgresSession::beginning(self.database.connections.connection()?, begin);
        let transaction = Transaction::postgres(session, self.clock);
        let value = body(&transaction);
        let Some(session) = transaction.into_postgres() else { return Err(DriverError::Silent.into()) };
        match value {
            Ok(value) => Ok((value, session)),
            Err(fault) => {
                let (has_begun, connection) = (session.has_begun(), session.into_connection());
                // Only a connection whose transaction has ended goes back to the pool.
                if !has_begun || connection.batch("ROLLBACK").is_ok() {
                    connection.give_back();
                }
                Err(fault)
            }
        }
    }

    /// Runs a transaction once.
    fn attempt<T>(
        &self,
        writing: Writing,
        beside: Beside,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let connections = &self.database.connections;
        let begin = begin::writing(connections.schema(), writing, beside);
        let (value, session) = self.run(begin, body)?;
        // A sign of life is repeated anyway, and what has written nothing can lose nothing.
        let receipt = (session.has_written() && !writing.is_repeated()).then(Uuid::new_v4);
        if !session.has_begun() {
            session.into_connection().give_back();
            return Ok(value);
        }
        let stored = session.end(&receipt::commit(receipt));
        let connection = session.into_connection();
        let Err(error) = stored else {
            connection.give_back();
            if receipt.is_some() {
                self.database.receipts.given(connections);
            }
            return Ok(value);
        };
        drop(connection);
        match receipt {
            Some(id) if error.is_outcome_unknown() => match receipt::look_up(connections, id)? {
                Receipt::Stored => Ok(value),
                Receipt::Refused => Err(error.into()),
            },
            _ => Err(error.into()),
        }
    }
}

impl Database for Timed<'_> {
    type Workers = Leases;

    fn write<T>(
        &self,
        writing: Writing,
        doing: &str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CatalogError> {
        let stored = self.database.again(|beside| self.attempt(writing, beside, &body));
        stored.map_err(|fault| fault.into_postgres_error(doing, self.database.connections.schema()))
    }

    fn read<T>(
        &self,
        doing: &str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CatalogError> {
        let schema = self.database.connections.schema();
        let begin = begin::reading(schema);
        let found = self.database.again(|_| {
            let (value, session) = self.run(begin.clone(), &body)?;
            match (session.has_begun(), session.into_connection()) {
                (true, connection) => connection.end_reading(),
                (false, connection) => connection.give_back(),
            }
            Ok(value)
        });
        found.map_err(|fault| fault.into_postgres_error(doing, schema))
    }

    fn workers(&self) -> &Leases {
        &Leases
    }

    fn is_to_look(&self, now: DateTime<Utc>) -> bool {
        let looked = *self.database.looked();
        looked.is_none_or(|looked| looked.is_past(now))
    }

    fn has_looked(&self, look: Look) {
        *self.database.looked() = Some(look);
    }

    fn claims(&self) -> MutexGuard<'_, ()> {
        self.database.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
