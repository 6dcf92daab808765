//! The table or the query of a type, and its columns.

use cdds_core::domain::record::template::{Filter, Template};
use cdds_core::domain::subject::SubjectField;
use cdds_core::ports::source::SourceError;
use deadpool_postgres::Transaction;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::Type;

use super::PostgresType;
use super::column::{Column, ColumnKind, quoted};
use super::failure::failure;
use super::scope::Rows;
use crate::source::config::no_column;

/// The schema of a table that names none.
pub(super) const SCHEMA: &str = "public";

/// A table, a view or a query to select rows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    /// Its SQL after FROM, under the name `q` with the columns `c1`, `c2` and so on.
    pub(super) from: String,
    /// The columns, in order; of several with one name the last, which is the one that counts (rule R7).
    pub(super) columns: Vec<Column>,
    /// The names that several columns of a query share.
    pub(super) repeated: Vec<String>,
    /// The number of the table; `None` for a query.
    pub(super) oid: Option<u32>,
    /// What kind of table it is, as `pg_class.relkind` has it; `None` for a query.
    pub(super) relkind: Option<String>,
}

impl Relation {
    /// Looks a type's relation up, after checking that it has the columns that reading depends on.
    ///
    /// # Errors
    /// [`SourceErrorKind::Missing`](cdds_core::ports::source::SourceErrorKind::Missing) if there is no such table or
    /// column.
    pub(super) async fn find(
        name: &str,
        transaction: &Transaction<'_>,
        data_type: &PostgresType,
        rows: &Rows,
    ) -> Result<Self, SourceError> {
        let relation = Self::unchecked(name, transaction, rows).await?;
        let declared = data_type.fields.iter().flatten().map(String::as_str);
        match data_type.required_columns().chain(declared).find(|column| relation.column(column).is_none()) {
            Some(column) => Err(relation.no_column(name, column)),
            None => Ok(relation),
        }
    }

    /// Looks a relation up, whatever columns it has.
    pub(super) async fn unchecked(
        name: &str,
        transaction: &Transaction<'_>,
        rows: &Rows,
    ) -> Result<Self, SourceError> {
        match rows {
            Rows::Table { schema, table } => Self::table(name, transaction, schema, table).await,
            Rows::Query(query) => Self::query(name, transaction, query).await,
        }
    }

    /// Describes the columns that a type declares and that there are not.
    pub(super) fn faults(&self, data_type: &PostgresType) -> Vec<String> {
        let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        data_type.faults(&known, |column, declared| column == declared)
    }

    /// Returns the column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Checks that the template names only columns (rule J4): a misspelt field would produce an export without
    /// records, or without the wanted parts of them.
    pub(super) fn check_template(&self, name: &str, template: &Template) -> Result<(), SourceError> {
        let selected = template.fields.names().unwrap_or_default().iter().map(String::as_str);
        let mut named = selected.chain(template.filters.iter().map(Filter::field));
        match named.find(|field| self.column(field).is_none()) {
            Some(field) => Err(self.no_column(name, field)),
            None => Ok(()),
        }
    }

    /// Checks that each field that names people is a column, or in one (rule D1): a misspelt one would find nobody.
    pub(super) fn check_subjects(&self, name: &str, data_type: &PostgresType) -> Result<(), SourceError> {
        match data_type.subjects.iter().map(SubjectField::key).find(|key| self.column(key).is_none()) {
            Some(key) => Err(self.no_column(name, &key)),
            None => Ok(()),
        }
    }

    /// Checks that each of these is a column.
    pub(super) fn check_columns<'a>(
        &self,
        name: &str,
        mut named: impl Iterator<Item = &'a str>,
    ) -> Result<(), SourceError> {
        match named.find(|column| self.column(column).is_none()) {
            Some(column) => Err(self.no_column(name, column)),
            None => Ok(()),
        }
    }

    fn no_column(&self, name: &str, column: &str) -> SourceError {
        let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        SourceError::missing(format!("{name}: {}", no_column(column, &known)))
    }

    async fn table(
        name: &str,
        transaction: &Transaction<'_>,
        schema: &str,
        table: &str,
    ) -> Result<Self, SourceError> {
        // Names are compared as text: as names they would be cut to 63 bytes, and lead to another's table.
        let found = transaction
            .query_typed(
                "SELECT c.oid::int8, c.relkind::text FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = $1::text AND c.relname = $2::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
                &[(&schema, Type::TEXT), (&table, Type::TEXT)],
            )
            .await
            .map_err(|error| failure(name, "cannot look up the table", &error))?;
        let Some(row) = found.first() else {
            return Err(SourceError::missing(format!(
                "{name}: there is no table {table:?} in the schema {schema:?}: correct the name, which is compared \
                 with its capitals"
            )));
        };
        let oid: i64 = row.try_get(0).map_err(|error| failure(name, "cannot look up the table", &error))?;
        let relkind: String =
            row.try_get(1).map_err(|error| failure(name, "cannot look up the table", &error))?;
        let columns = transaction
            .query_typed(
                &format!(
                    "SELECT a.attname::text, {}, pg_catalog.format_type(a.atttypid, a.atttypmod) \
                     FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 \
                     AND NOT a.attisdropped ORDER BY a.attnum",
                    base_type("a.atttypid")
                ),
                &[(&oid, Type::INT8)],
            )
            .await
            .map_err(|error| failure(name, "cannot look up the columns of the table", &error))?;
        let mut described = Vec::with_capacity(columns.len());
        for row in &columns {
            let column =
                described_column(row).map_err(|error| failure(name, "cannot look up a column", &error))?;
            described.push(column);
        }
        let from = format!("{}.{}", quoted(schema), quoted(table));
        Ok(Self { oid: u32::try_from(oid).ok(), relkind: Some(relkind), ..Self::of(&from, described) })
    }

    async fn query(name: &str, transaction: &Transaction<'_>, query: &str) -> Result<Self, SourceError> {
        let refused = |error| failure(name, "the server does not accept the query", &error);
        // The line break ends a comment in the last line.
        let from = format!("({}\n)", query.trim_end().trim_end_matches(';'));
        // Only this protocol describes a result without preparing a statement, which poolers may not keep.
        let messages = transaction.simple_query(&format!("SELECT * FROM {from} AS q LIMIT 0")).await;
        let mut names = Vec::new();
        for message in messages.map_err(refused)? {
            if let SimpleQueryMessage::RowDescription(columns) = message {
                names.extend(columns.iter().map(|column| column.name().to_owned()));
            }
        }
        let types: Vec<String> =
            (1..=names.len()).map(|place| format!("pg_catalog.pg_typeof(q.c{place})::oid")).collect();
        let statement = format!(
            "SELECT ''::text, {}, pg_catalog.format_type(o.oid, NULL) FROM (SELECT 1) AS one \
             LEFT JOIN (SELECT * FROM {from} AS r LIMIT 0) AS q({}) ON false \
             CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[{}]::oid[]) WITH ORDINALITY AS o(oid, place) ORDER BY o.place",
            base_type("o.oid"),
            aliases(names.len()),
            types.join(", "),
        );
        let rows = transaction.query_typed(&statement, &[]).await.map_err(refused)?;
        let mut described = Vec::with_capacity(rows.len());
        for (row, column) in rows.iter().zip(names) {
            let (_, kind, type_name) = described_column(row).map_err(refused)?;
            described.push((column, kind, type_name));
        }
        Ok(Self::of(&from, described))
    }

    fn of(from: &str, described: Vec<(String, ColumnKind, String)>) -> Self {
        let count = described.len();
        let mut columns: Vec<Column> = Vec::with_capacity(count);
        let mut repeated = Vec::new();
        for (place, (name, kind, type_name)) in (1..).zip(described) {
            let column = Column { name, place, kind, type_name };
            match columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => {
                    if !repeated.contains(&column.name) {
                        repeated.push(column.name.clone());
                    }
                    *known = column;
                }
                None => columns.push(column),
            }
        }
        Self { from: format!("{from} AS q({})", aliases(count)), columns, repeated, oid: None, relkind: None }
    }
}

fn described_column(
    row: &tokio_postgres::Row,
) -> Result<(String, ColumnKind, String), tokio_postgres::Error> {
    let oid: i64 = row.try_get(1)?;
    let kind = u32::try_from(oid).map_or(ColumnKind::Other, ColumnKind::of);
    Ok((row.try_get(0)?, kind, row.try_get(2)?))
}

/// Returns SQL for the type beneath a domain, and for any other type itself.
fn base_type(oid: &str) -> String {
    format!(
        "(WITH RECURSIVE beneath AS (SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t \
         WHERE t.oid = {oid} UNION ALL SELECT t.oid, t.typtype, t.typbasetype FROM beneath \
         JOIN pg_catalog.pg_type t ON t.oid = beneath.typbasetype WHERE beneath.typtype = 'd') \
         SELECT beneath.oid::int8 FROM beneath WHERE beneath.typtype <> 'd')"
    )
}

fn aliases(count: usize) -> String {
    let aliases: Vec<String> = (1..=count).map(|place| format!("c{place}")).collect();
    aliases.join(", ")
}
