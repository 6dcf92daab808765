//! Erasures (rule D5): one transaction, in which the rows are found as reads find them, and erased by where they are.
//!
//! The transaction sees one state of the database. So a place names one version of one row: if somebody else has changed
//! that row meanwhile, the server ends the transaction. A dry run does everything and rolls it back: so its answer is that
//! of the erasure, also where something refuses it.

use std::collections::BTreeMap;
use std::pin::pin;

use cdds_core::domain::subject::{Erased, ErasureRule, ON_HOLD, SubjectMatcher};
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use deadpool_postgres::Transaction;
use futures::TryStreamExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::bound::TextBytes;
use super::column::quoted;
use super::conditions;
use super::failure::{Cause, failure, withheld};
use super::read::Reading;
use super::relation::Relation;
use super::scope::Rows;
use super::statement::json;

/// The name under which a session erases, in `pg_stat_activity`. It is not the reader's: completeness waits for it.
const ERASER: &str = "SET LOCAL application_name = 'cdds erase'";

/// The most rows that one statement erases.
const ROWS_MAX: usize = 10_000;

/// An erasure that is prepared.
#[derive(Debug)]
pub(super) struct Erasing {
    /// A read by subject of everything.
    pub(super) reading: Reading,
    pub(super) rule: ErasureRule,
    pub(super) dry_run: bool,
}

/// The rows about the person that are not on hold, and how many are.
#[derive(Debug, Default)]
struct Found {
    /// The places of the rows, by their table, which may be a partition, and the columns that name the person.
    free: BTreeMap<(i64, Vec<String>), Vec<String>>,
    held: u64,
}

impl Erasing {
    /// Erases, or answers what an erasure would do.
    pub(super) async fn run(&self) -> Result<Erased, SourceError> {
        let name = &self.reading.name;
        let mut connection = self.reading.connections.connection(name).await?;
        let transaction = match self.rule {
            ErasureRule::Keep { .. } => connection.snapshot(name).await?,
            ErasureRule::Delete | ErasureRule::Empty { .. } => connection.writing(name).await?,
        };
        let relation = self.reading.begin(&transaction).await?;
        self.check(&relation)?;
        transaction.batch_execute(ERASER).await.map_err(|error| self.refused(&error))?;
        let found = self.find(&transaction, &relation).await?;
        let free = found.free.values().map(|rows| rows.len() as u64).sum();
        let erased = match &self.rule {
            ErasureRule::Keep { reason } => Erased::default().with_kept(reason, free),
            ErasureRule::Delete | ErasureRule::Empty { .. } => {
                for ((table, named), rows) in &found.free {
                    for rows in rows.chunks(ROWS_MAX) {
                        self.change(&transaction, *table, named, rows).await?;
                    }
                }
                // Also hears those that would object only to a commit.
                let heard = transaction.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await;
                heard.map_err(|error| self.refused(&error))?;
                Erased { records: free, kept: Vec::new() }.with_kept(ON_HOLD, found.held)
            }
        };
        let ended = if self.dry_run { transaction.rollback().await } else { transaction.commit().await };
        ended.map_err(|error| self.unfinished(&error))?;
        connection.give_back();
        Ok(erased)
    }

    fn check(&self, relation: &Relation) -> Result<(), SourceError> {
        let Reading { name, data_type, .. } = &self.reading;
        relation.check_subjects(name, data_type)?;
        relation.check_columns(name, data_type.erased_columns())?;
        match relation.relkind.as_deref() {
            Some("r" | "p") => Ok(()),
            _ => Err(SourceError::invalid(format!(
                "{name}: it is a view or a foreign table, and only a table can be erased from"
            ))),
        }
    }

    /// Looks for the rows as a read does.
    async fn find(&self, transaction: &Transaction<'_>, relation: &Relation) -> Result<Found, SourceError> {
        let Reading { name, data_type, request, .. } = &self.reading;
        let broken = |error: Error| failure(name, "cannot look for the records", &error);
        let Some(subject) = &request.subject else { return Ok(Found::default()) };
        let person = SubjectMatcher::new(&data_type.subjects, subject);
        let conditions = conditions::of(data_type, relation, request);
        let hold = match data_type.hold.as_deref().and_then(|hold| relation.column(hold)) {
            Some(hold) => format!(
                "({0} IS NOT NULL AND {0}::pg_catalog.text NOT IN ('', 'f', 'false') \
                 AND {0}::pg_catalog.text OPERATOR(pg_catalog.!~) '^-?0+(\\.0+)?$')",
                hold.sql()
            ),
            None => "false".to_owned(),
        };
        let keys: Vec<String> =
            data_type.subjects.iter().map(cdds_core::domain::subject::SubjectField::key).collect();
        let columns = keys.iter().filter_map(|key| relation.column(key)).map(json);
        let fixed = ["q.tableoid::pg_catalog.int8".to_owned(), "q.ctid::pg_catalog.text".to_owned(), hold];
        let columns: Vec<String> = fixed.into_iter().chain(columns).collect();
        let sql = format!("SELECT {} FROM {}{}", columns.join(", "), relation.from, conditions.filter());
        let values = conditions.values.iter().map(|value| (value, value.sql_type()));
        let mut rows = pin!(transaction.query_typed_raw(&sql, values).await.map_err(broken)?);
        let mut found = Found::default();
        while let Some(row) = rows.try_next().await.map_err(broken)? {
            let named = named(&row, &person, &keys).map_err(broken)?;
            let place = || Ok::<_, Error>((row.try_get(0)?, row.try_get(1)?, row.try_get::<_, bool>(2)?));
            let (table, ctid, is_held) = place().map_err(broken)?;
            match (named.is_empty(), is_held) {
                (true, _) => {}
                (false, true) if !matches!(self.rule, ErasureRule::Keep { .. }) => found.held += 1,
                (false, _) => found.free.entry((table, named)).or_default().push(ctid),
            }
        }
        Ok(found)
    }

    /// Erases rows of one table.
    async fn change(
        &self,
        transaction: &Transaction<'_>,
        table: i64,
        named: &[String],
        rows: &[String],
    ) -> Result<(), SourceError> {
        let Reading { name, data_type, request, .. } = &self.reading;
        let Rows::Table { schema, table: relation } = Rows::of(&data_type.rows, &request.owner) else {
            return Err(SourceError::invalid(format!("{name}: only a table can be erased from")));
        };
        let at = format!("{}.{} AS q", quoted(&schema), quoted(&relation));
        let place = "q.tableoid = $1::pg_catalog.int8::pg_catalog.oid AND q.ctid = ANY ($2::pg_catalog.text[]::pg_catalog.tid[])";
        let change = match &self.rule {
            ErasureRule::Empty { fields } => {
                // The other people whom a record names stay in it.
                let names_people =
                    |field: &String| data_type.subjects.iter().any(|subject| subject.key() == *field);
                let emptied = fields.iter().filter(|field| !names_people(field) || named.contains(field));
                let emptied: Vec<String> = emptied.map(|field| format!("{} = NULL", quoted(field))).collect();
                format!("UPDATE {at} SET {} WHERE {place}", emptied.join(", "))
            }
            ErasureRule::Delete | ErasureRule::Keep { .. } => format!("DELETE FROM {at} WHERE {place}"),
        };
        let sql = format!("WITH erased AS ({change} RETURNING 1) SELECT pg_catalog.count(*) FROM erased");
        let values: [(&(dyn ToSql + Sync), Type); 2] = [(&table, Type::INT8), (&rows, Type::TEXT_ARRAY)];
        let erased = transaction.query_typed(&sql, &values).await;
        let erased = erased.and_then(|rows| rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0)));
        match erased.map(|erased| usize::try_from(erased) == Ok(rows.len())) {
            Ok(true) => Ok(()),
            Ok(false) => Err(SourceError::new(
                SourceErrorKind::Refused,
                format!(
                    "{name}: nothing is erased, since a trigger or a policy of the table keeps some of the records"
                ),
            )),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Converts an error of a statement that writes.
    fn refused(&self, error: &Error) -> SourceError {
        let name = &self.reading.name;
        let objects = |code: &SqlState| code.code().starts_with("23") || *code == SqlState::RAISE_EXCEPTION;
        let (kind, why) = match error.code() {
            Some(code) if objects(code) => (
                SourceErrorKind::Refused,
                "something in the database needs the records: a foreign key, NOT NULL, another constraint or a trigger",
            ),
            Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => (
                SourceErrorKind::Invalid,
                "the role may not: grant it DELETE on the table, or UPDATE if columns are emptied",
            ),
            Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
                (SourceErrorKind::Invalid, "the server only reads, as a standby does: name the primary")
            }
            _ => return withheld(name, "the server does not carry out the erasure", error),
        };
        SourceError::with_source(kind, format!("{name}: nothing is erased, since {why}"), Cause::from(error))
    }

    /// Converts an error of the commit, whose outcome is unknown if the connection broke.
    fn unfinished(&self, error: &Error) -> SourceError {
        match error.code() {
            Some(_) => self.refused(error),
            None => SourceError::with_source(
                SourceErrorKind::Interrupted,
                format!("{}: the connection broke, so the records may be erased or not", self.reading.name),
                Cause::from(error),
            ),
        }
    }
}

/// Returns the columns that name the person in a row, each once.
fn named(row: &Row, person: &SubjectMatcher, keys: &[String]) -> Result<Vec<String>, Error> {
    let mut named = Vec::new();
    for (field, key) in keys.iter().enumerate() {
        let value = row.try_get::<_, Option<TextBytes<'_>>>(3 + field)?.map(|text| text.0.trim_ascii());
        if !named.contains(key) && value.is_some_and(|value| person.is_named_by_json(field, value)) {
            named.push(key.clone());
        }
    }
    Ok(named)
}
