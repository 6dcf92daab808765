//! One read: a transaction, a statement, and its rows.

use std::pin::pin;

use cdds_core::blocking::{Batches, Stop};
use cdds_core::ports::source::{ReadRequest, SourceError};
use deadpool_postgres::Transaction;
use futures::StreamExt;
use futures::future::{self, Either};
use tokio::sync::oneshot;

use super::PostgresType;
use super::connections::PostgresConnections;
use super::failure::{broken_off, failure};
use super::pins::PINS;
use super::relation::Relation;
use super::rows::Reader;
use super::scope::{self, Rows};
use super::statement::{self, Statement};

/// A read that is prepared.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) connections: PostgresConnections,
    pub(super) data_type: PostgresType,
    pub(super) role: Option<String>,
    pub(super) request: ReadRequest,
}

impl Reading {
    /// Reads on the thread of the reader. Sockets are driven by the runtime, so waiting here holds nobody else up.
    pub(super) fn run(&self, batches: &mut Batches) -> Result<(), Stop> {
        self.connections.runtime().block_on(self.read(batches))
    }

    async fn read(&self, batches: &mut Batches) -> Result<(), Stop> {
        let mut connection = self.connections.connection(&self.name).await?;
        let transaction = connection.snapshot(&self.name).await?;
        let relation = self.begin(&transaction).await?;
        relation.check_template(&self.name, &self.request.template)?;
        if self.request.subject.is_some() {
            relation.check_subjects(&self.name, &self.data_type)?;
        }
        let statement = statement::select(&self.data_type, &relation, &self.request);
        let Statement { layout, .. } = statement.clone();
        let mut reader = Reader::new(&self.name, &self.data_type, &relation, layout, &self.request)?;
        let (dropped, is_dropped) = oneshot::channel::<()>();
        // Dropped with the stream, which is all that there is to say.
        batches.opened_with(move || drop(dropped))?;
        self.rows(&transaction, &statement, is_dropped, &mut reader, batches).await?;
        let ended = transaction.commit().await;
        ended.map_err(|error| broken_off(&self.name, &error))?;
        connection.give_back();
        Ok(())
    }

    /// Hands the rows over. Ends when the stream is dropped, also while the server is still looking for the first.
    async fn rows(
        &self,
        transaction: &Transaction<'_>,
        statement: &Statement,
        mut is_dropped: oneshot::Receiver<()>,
        reader: &mut Reader,
        batches: &mut Batches,
    ) -> Result<(), Stop> {
        let values = statement.values.iter().map(|value| (value, value.sql_type()));
        let asked = pin!(transaction.query_typed_raw(&statement.sql, values));
        let rows = match future::select(asked, &mut is_dropped).await {
            Either::Left((rows, _)) => {
                rows.map_err(|error| failure(&self.name, "the server does not accept the read", &error))?
            }
            Either::Right(_) => return Err(Stop::Dropped),
        };
        let mut rows = pin!(rows);
        loop {
            // After an error the stream would repeat it for ever.
            match future::select(rows.next(), &mut is_dropped).await {
                Either::Left((Some(row), _)) => {
                    let row = row.map_err(|error| broken_off(&self.name, &error))?;
                    reader.take(&row, batches)?;
                }
                Either::Left((None, _)) => return Ok(()),
                Either::Right(_) => return Err(Stop::Dropped),
            }
        }
    }

    /// Pins the settings, takes on the role and looks up the relation.
    pub(super) async fn begin(&self, transaction: &Transaction<'_>) -> Result<Relation, SourceError> {
        self.pin(transaction).await?;
        let rows = Rows::of(&self.data_type.rows, &self.request.owner);
        let relation = Relation::find(&self.name, transaction, &self.data_type, &rows).await?;
        if scope::is_secured(&self.data_type, self.role.as_deref()) {
            scope::check_security(&self.name, transaction, &relation).await?;
        }
        Ok(relation)
    }

    /// Describes the columns that the type declares and that there are not.
    pub(super) async fn faults(&self) -> Result<Vec<String>, SourceError> {
        let mut connection = self.connections.connection(&self.name).await?;
        let transaction = connection.snapshot(&self.name).await?;
        self.pin(&transaction).await?;
        let rows = Rows::of(&self.data_type.rows, &self.request.owner);
        let relation = Relation::unchecked(&self.name, &transaction, &rows).await?;
        let ended = transaction.rollback().await;
        ended.map_err(|error| failure(&self.name, "cannot end the transaction", &error))?;
        connection.give_back();
        Ok(relation.faults(&self.data_type))
    }

    /// Pins the settings and takes on the role.
    async fn pin(&self, transaction: &Transaction<'_>) -> Result<(), SourceError> {
        let pinned = transaction.batch_execute(PINS).await;
        pinned.map_err(|error| failure(&self.name, "cannot set up the transaction", &error))?;
        if let Some(role) = &self.role {
            scope::take_role(&self.name, transaction, role, &self.request.owner).await?;
        }
        Ok(())
    }

    /// Whether rows of other owners are in the same table.
    pub(super) fn is_mixed(&self) -> bool {
        scope::is_mixed(&self.data_type, self.role.as_deref())
    }
}
