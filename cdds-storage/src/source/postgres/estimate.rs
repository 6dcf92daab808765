//! How many records a read will have (rule E7).

use cdds_core::ports::source::{Estimate, SourceError};
use deadpool_postgres::Transaction;
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::bound::{Bound, TextBytes};
use super::failure::failure;
use super::pins::SHORT;
use super::read::Reading;
use super::relation::Relation;
use super::statement::{self, Statement};

/// The most rows that are counted.
const COUNTED_MAX: u32 = 100_000;

impl Reading {
    /// Estimates the number of records: by the server's plan or, if the rows of other owners are in the same table,
    /// by a count of the owner's, since the plan would tell of all (rule J16).
    pub(super) async fn estimate(&self) -> Result<Option<Estimate>, SourceError> {
        let mut connection = self.connections.connection(&self.name).await?;
        let transaction = connection.snapshot(&self.name).await?;
        let relation = self.begin(&transaction).await?;
        relation.check_template(&self.name, &self.request.template)?;
        let failed = |error| failure(&self.name, "cannot set up the transaction", &error);
        transaction.batch_execute(SHORT).await.map_err(failed)?;
        let records = match self.is_mixed() {
            true => self.counted(&transaction, &relation).await?,
            false => self.planned(&transaction, &relation).await?,
        };
        // Ends the transaction also after a count that took too long.
        transaction
            .rollback()
            .await
            .map_err(|error| failure(&self.name, "cannot end an estimate", &error))?;
        connection.give_back();
        Ok(records.map(Estimate::Records))
    }

    async fn counted(
        &self,
        transaction: &Transaction<'_>,
        relation: &Relation,
    ) -> Result<Option<u64>, SourceError> {
        let (sql, values) = statement::count(&self.data_type, relation, &self.request, COUNTED_MAX);
        let counted = match transaction.query_typed(&sql, &parameters(&values)).await {
            Ok(rows) => rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0)),
            Err(error) if is_too_slow(&error) => return Ok(None),
            Err(error) => Err(error),
        };
        let counted = counted.map_err(|error| failure(&self.name, "cannot count rows", &error))?;
        Ok(u64::try_from(counted).ok().filter(|counted| *counted < u64::from(COUNTED_MAX)))
    }

    async fn planned(
        &self,
        transaction: &Transaction<'_>,
        relation: &Relation,
    ) -> Result<Option<u64>, SourceError> {
        if !self.has_statistics(transaction, relation).await? {
            return Ok(None);
        }
        let Statement { sql, values, .. } = statement::select(&self.data_type, relation, &self.request);
        let sql = format!("EXPLAIN (FORMAT JSON) {sql}");
        let planned = match transaction.query_typed(&sql, &parameters(&values)).await {
            Ok(planned) => planned,
            Err(error) if is_too_slow(&error) => return Ok(None),
            Err(error) => return Err(failure(&self.name, "cannot plan the read", &error)),
        };
        let plan = planned.first().and_then(|row| row.try_get::<_, TextBytes<'_>>(0).ok());
        let plan: Option<Value> = plan.and_then(|plan| serde_json::from_slice(plan.0).ok());
        Ok(plan.and_then(|plan| plan.pointer("/0/Plan/Plan Rows")?.as_u64()))
    }

    /// Whether the server has ever counted the table's rows. Of a query nobody knows, and it is believed.
    async fn has_statistics(
        &self,
        transaction: &Transaction<'_>,
        relation: &Relation,
    ) -> Result<bool, SourceError> {
        let (Some(oid), Some("r" | "p" | "m")) = (relation.oid, relation.relkind.as_deref()) else {
            return Ok(true);
        };
        let asked = transaction
            .query_typed(
                "SELECT reltuples >= 0 FROM pg_catalog.pg_class WHERE oid = $1::int8::oid",
                &[(&i64::from(oid), Type::INT8)],
            )
            .await
            .and_then(|rows| rows.first().map_or(Ok(false), |row| row.try_get(0)));
        asked.map_err(|error| failure(&self.name, "cannot ask for statistics", &error))
    }
}

fn parameters(values: &[Bound]) -> Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> {
    values
        .iter()
        .map(|value| (value as &(dyn tokio_postgres::types::ToSql + Sync), value.sql_type()))
        .collect()
}

/// Whether a limit of time ended the statement.
fn is_too_slow(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code))
}
