//! The columns of a type, and the indexes that lead to them.

use std::collections::{BTreeMap, BTreeSet};

use cdds_core::ports::source::{Field, FieldRole, Indexed, SourceError};
use deadpool_postgres::Transaction;
use tokio_postgres::types::Type;

use super::failure::failure;
use super::read::Reading;
use super::relation::Relation;

/// How each index of a table begins: with a column, or with an expression that a column is in.
const BEGINNINGS: &str = "SELECT a.attname::text, CASE WHEN i.indkey[0] = 0 THEN 'expression' \
    WHEN i.indpred IS NOT NULL THEN 'partial' WHEN i.indcollation[0] <> a.attcollation THEN 'collation' ELSE 'whole' END \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 \
    WHERE i.indrelid = $1::int8::oid AND i.indisvalid AND (a.attnum = i.indkey[0] OR (i.indkey[0] = 0 \
    AND pg_catalog.strpos(pg_catalog.pg_get_indexdef(i.indexrelid, 1, true), pg_catalog.quote_ident(a.attname)) > 0 \
    AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
    AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))";

/// The columns of a table's primary key.
const KEY: &str = "SELECT a.attname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a \
    ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = $1::int8::oid AND i.indisprimary";

impl Reading {
    /// Returns the fields that records of the type have, in the order of its columns.
    pub(super) async fn fields(&self) -> Result<Vec<Field>, SourceError> {
        let mut connection = self.connections.connection(&self.name).await?;
        let transaction = connection.snapshot(&self.name).await?;
        let relation = self.begin(&transaction).await?;
        let indexes = Indexes::of(&self.name, &transaction, &relation).await?;
        let key = self.key(&transaction, &relation).await?;
        let ended = transaction.rollback().await;
        ended.map_err(|error| failure(&self.name, "cannot end the transaction", &error))?;
        connection.give_back();
        let exported = relation.columns.iter().filter(|column| self.data_type.has_field(&column.name));
        Ok(exported
            .map(|column| {
                Field::new(column.name.clone())
                    .with_declared(column.type_name.clone())
                    .with_indexed(indexes.lead_to(&column.name))
                    .with_roles(self.data_type.roles(&column.name, false))
                    .with_roles(key.contains(&column.name).then_some(FieldRole::Key))
            })
            .collect())
    }

    async fn key(
        &self,
        transaction: &Transaction<'_>,
        relation: &Relation,
    ) -> Result<BTreeSet<String>, SourceError> {
        let Some(oid) = relation.oid else { return Ok(BTreeSet::new()) };
        let asked = transaction.query_typed(KEY, &[(&i64::from(oid), Type::INT8)]).await;
        let names = asked.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
        names.map_err(|error| failure(&self.name, "cannot look up the primary key", &error))
    }
}

/// The indexes of a relation.
#[derive(Debug)]
pub(super) struct Indexes(
    /// By the name of the column; `None` where nobody knows, as of a view, a foreign table and a query.
    Option<BTreeMap<String, Indexed>>,
);

impl Indexes {
    /// Looks the valid indexes up.
    pub(super) async fn of(
        name: &str,
        transaction: &Transaction<'_>,
        relation: &Relation,
    ) -> Result<Self, SourceError> {
        let (Some(oid), Some("r" | "p" | "m")) = (relation.oid, relation.relkind.as_deref()) else {
            return Ok(Self(None));
        };
        let failed = |error| failure(name, "cannot look up indexes", &error);
        let rows =
            transaction.query_typed(BEGINNINGS, &[(&i64::from(oid), Type::INT8)]).await.map_err(failed)?;
        let mut indexes = BTreeMap::new();
        for row in &rows {
            let column: String = row.try_get(0).map_err(failed)?;
            let indexed = match row.try_get(1).map_err(failed)? {
                "whole" => Indexed::Fully,
                "partial" => Indexed::Partly,
                "collation" => Indexed::Collation,
                _ => Indexed::Expression,
            };
            let best = indexes.entry(column).or_insert(indexed);
            if rank(indexed) < rank(*best) {
                *best = indexed;
            }
        }
        Ok(Self(Some(indexes)))
    }

    /// Returns how the indexes serve a look-up in a column.
    pub(super) fn lead_to(&self, column: &str) -> Indexed {
        self.0.as_ref().map_or(Indexed::Unknown, |known| known.get(column).copied().unwrap_or(Indexed::No))
    }
}

/// Of several indexes, the most useful one counts.
fn rank(indexed: Indexed) -> u8 {
    match indexed {
        Indexed::Fully => 0,
        Indexed::Partly => 1,
        Indexed::Collation => 2,
        _ => 3,
    }
}
