//! Workers.

use std::num::NonZeroU32;

use cdds_core::domain::work::lease::Lease;
use cdds_core::domain::work::worker::{FactText, WorkerEntry, WorkerFacts};
use cdds_core::ports::catalog::CatalogError;
use chrono::{DateTime, Utc};

use super::{Reading, micros};

/// A worker.
#[derive(Debug)]
pub(in crate::catalog) struct WorkerRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) program: Option<String>,
    pub(in crate::catalog) host: Option<String>,
    pub(in crate::catalog) process: Option<i64>,
    pub(in crate::catalog) concurrency: i64,
    pub(in crate::catalog) started_at: i64,
    pub(in crate::catalog) seen_at: i64,
    pub(in crate::catalog) silent_at: i64,
    pub(in crate::catalog) left_at: Option<i64>,
    pub(in crate::catalog) draining_since: Option<i64>,
    pub(in crate::catalog) zones: Option<String>,
}

impl WorkerRow {
    pub(in crate::catalog) fn of(entry: &WorkerEntry) -> Self {
        let WorkerEntry { worker, facts, started_at, lease, left_at, draining_since } = entry;
        Self {
            id: worker.to_string(),
            program: facts.program.as_ref().map(FactText::to_string),
            host: facts.host.as_ref().map(FactText::to_string),
            process: facts.process.map(i64::from),
            concurrency: facts.concurrency.get().into(),
            started_at: micros(*started_at),
            seen_at: micros(lease.renewed_at),
            silent_at: micros(lease.expires_at),
            left_at: left_at.map(micros),
            draining_since: draining_since.map(micros),
            zones: facts.zones.map(|version| version.to_string()),
        }
    }

    pub(in crate::catalog) fn into_entry(self) -> Result<WorkerEntry, CatalogError> {
        let row = Reading { table: "worker", id: &self.id };
        let text = |text: Option<String>| text.and_then(|text| FactText::new(&text));
        let facts = WorkerFacts::default()
            .with_program(text(self.program))
            .with_host(text(self.host))
            .with_process(self.process.map(|process| row.number(process)).transpose()?)
            // A name that this program does not know is that of a newer one.
            .with_zones(self.zones.and_then(|version| version.parse().ok()))
            .with_concurrency(NonZeroU32::new(row.number(self.concurrency)?).unwrap_or(NonZeroU32::MIN));
        Ok(WorkerEntry {
            worker: row.parse(&self.id)?,
            facts,
            started_at: row.at(self.started_at)?,
            lease: Lease {
                renewed_at: row.at(self.seen_at)?,
                // A lease may end with the calendar.
                expires_at: DateTime::from_timestamp_micros(self.silent_at)
                    .unwrap_or(DateTime::<Utc>::MAX_UTC),
            },
            left_at: row.at_if(self.left_at)?,
            draining_since: row.at_if(self.draining_since)?,
        })
    }
}
