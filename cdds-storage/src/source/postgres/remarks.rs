//! What people should know before they export from a database.

use std::sync::Arc;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::Owner;
use cdds_core::domain::source::ReadRequest;
use cdds_core::ports::source::{Indexed, SourceError};
use chrono::{DateTime, Utc};

use super::PostgresConfig;
use super::complete::{Sight, prepared, sight};
use super::connections::PostgresConnections;
use super::failure::failure;
use super::fields::Indexes;
use super::read::Reading;
use super::relation::Relation;
use crate::source::config::TimeConfig;

/// Returns the remarks on all types of a source, as this owner reads them.
pub(super) async fn of(
    config: Arc<PostgresConfig>,
    connections: PostgresConnections,
    owner: Owner,
) -> Result<Vec<String>, SourceError> {
    let mut remarks = Vec::new();
    for data_type in &config.types {
        let window = Window::until(DateTime::<Utc>::MAX_UTC);
        let reading = Reading {
            name: format!("{} {}", config.id, data_type.id),
            connections: connections.clone(),
            data_type: data_type.clone(),
            role: config.role.clone(),
            request: ReadRequest::new(owner.clone(), data_type.id.clone(), window),
        };
        // If a type cannot be read, the read reports the reason.
        remarks.extend(reading.remarks().await.unwrap_or_default());
    }
    if config.types.iter().any(|data_type| data_type.time.is_some() || data_type.changed.is_some()) {
        remarks.extend(completeness(config.id.as_str(), &connections).await?);
    }
    Ok(remarks)
}

impl Reading {
    async fn remarks(&self) -> Result<Vec<String>, SourceError> {
        let mut connection = self.connections.connection(&self.name).await?;
        let transaction = connection.snapshot(&self.name).await?;
        let relation = self.begin(&transaction).await?;
        let mut remarks = Vec::new();
        if !relation.repeated.is_empty() {
            remarks.push(format!(
                "type {}: the query returns more than one column {}: only the last one of a name is exported; rename \
                 the others with AS to export them too",
                self.data_type.id,
                relation.repeated.join(" and ")
            ));
        }
        let indexes = Indexes::of(&self.name, &transaction, &relation).await?;
        let instants = self.data_type.time.iter().chain(&self.data_type.changed);
        remarks.extend(instants.filter_map(|time| self.unindexed(&relation, &indexes, time)));
        for field in &self.data_type.subjects {
            let Some(column) = relation.column(&field.key()) else { continue };
            let found = column.kind.finds_people() && field.key() == field.name;
            let indexed = if found { indexes.lead_to(&column.name) } else { Indexed::No };
            remarks.extend(self.data_type.unindexed(field, indexed));
        }
        let ended = transaction.rollback().await;
        ended.map_err(|error| failure(&self.name, "cannot end the transaction", &error))?;
        connection.give_back();
        Ok(remarks)
    }

    /// Describes a column of instants by which the server cannot look up a window.
    fn unindexed(&self, relation: &Relation, indexes: &Indexes, time: &TimeConfig) -> Option<String> {
        let column = relation.column(&time.column)?;
        let (name, id) = (&column.name, &self.data_type.id);
        if !column.kind.is_narrowed(time.format) {
            return Some(format!(
                "type {id}: each export goes through all rows, since no window can be looked up in the column {name:?} \
                 of type {}: declare its time_format if it holds numbers, or use a column of type timestamptz",
                column.type_name
            ));
        }
        match indexes.lead_to(name) {
            Indexed::Fully | Indexed::Unknown => None,
            _ => Some(format!(
                "type {id}: each export goes through all rows, since no index begins with the column {name:?}: CREATE \
                 INDEX on it spares the server most of them"
            )),
        }
    }
}

/// Describes what keeps the source from knowing how far it is complete (rule W3b).
async fn completeness(name: &str, connections: &PostgresConnections) -> Result<Vec<String>, SourceError> {
    let connection = connections.connection(name).await?;
    let client = connection.client()?;
    let failed = |error| failure(name, "cannot ask for the server's transactions", &error);
    let (_, sight) = sight(client).await.map_err(failed)?;
    let prepared = prepared(client).await.map_err(failed)?;
    connection.give_back();
    let limits = match sight {
        Sight::Starts => None,
        Sight::Names => Some(
            "the role may not see when transactions began, so each export waits until those that were open have ended: \
             GRANT pg_read_all_stats to it, which spares the wait",
        ),
        Sight::Standby => Some(
            "the server is a standby and does not show its primary's transactions, so only settle_lag keeps rows from \
             being lost that are committed late: let it be longer than any transaction that writes, or read the primary",
        ),
        Sight::Untracked => Some(
            "track_activities is off, so only settle_lag keeps rows from being lost that are committed late: switch it \
             on, or let settle_lag be longer than any transaction that writes",
        ),
    };
    let waits = (!prepared.is_empty()).then(|| {
        format!(
            "prepared transactions are there ({}): exports end before what they wrote until they are committed or \
             rolled back",
            prepared.len()
        )
    });
    Ok(limits.map(str::to_owned).into_iter().chain(waits).collect())
}
