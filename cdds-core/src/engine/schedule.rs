//! Turns due slots into recorded executions (rules E3, E4).

use chrono::{DateTime, Utc};

use super::EngineError;
use super::calls::{Panicked, contained};
use super::worker::Shared;
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::execution::schedule::{self, Terms};
use crate::domain::job::renewal;
use crate::domain::source::SourceTerms;
use crate::ports::catalog::{CatalogErrorKind, WAITING_MAX};

/// The maximum number of due jobs handled in a round, so that one tick stays short.
const JOBS_PER_ROUND: usize = 256;

/// The number of entries after which a round leaves the rest to the next one. Executions that it has recorded
/// may begin before that, and its memory does not grow with a backlog.
const ENTRIES_PER_ROUND: usize = 1_000;

impl Shared {
    /// Records due slots and continues to settle edits and suspensions, within the limits of one round.
    /// Returns whether more may be due. A job that somebody else has changed meanwhile is left to the next
    /// round.
    pub(super) async fn schedule(&self, now: DateTime<Utc>, clocks: Clocks) -> Result<bool, EngineError> {
        let due = self.ports.catalog.due(now, JOBS_PER_ROUND, clocks).await?;
        let waiting: usize = due.iter().map(|due| due.waiting.len()).sum();
        let mut more = due.len() == JOBS_PER_ROUND || waiting >= WAITING_MAX;
        let mut entries = 0;
        for due in due {
            if entries >= ENTRIES_PER_ROUND {
                return Ok(true);
            }
            let job = self.by_zones(due.job);
            let settings = &job.settings;
            let sources = self.ports.sources.for_owner(&job.owner);
            let source = contained(|| sources.terms(&settings.source, &settings.reads.types()));
            // A source that panics here panics again when the execution begins, and that ends the execution.
            let source = source.unwrap_or_else(|Panicked| SourceTerms::default());
            let terms = Terms { catch_up_limit: self.settings.catch_up_limit, source };
            // A program with an older database may have stored the job after the others were computed anew.
            let renewed = renewal::renewed(&job, &self.settings.zones, now);
            more |= renewed.is_some() || job.unsettled.is_some();
            let change = renewed.or_else(|| schedule::materialise(&job, &due.waiting, terms, now));
            let Some(change) = change else { continue };
            entries += change.entries.len() + change.superseded.len() + change.edited.len();
            more |= change.job.next_due_at.is_some_and(|next| next <= now);
            match self.ports.catalog.change_job(&change, job.revision, &[]).await {
                Err(error) if error.kind() == CatalogErrorKind::Conflict => {}
                stored => stored?,
            }
        }
        Ok(more)
    }
}
