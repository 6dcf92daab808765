//! The second step of a claim: asks the source how far it is complete and freezes the end of the window, before
//! anything is read or stored (rule W3b).

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::attempt::{End, Export};
use super::prepare::{SOURCE, catalog_failure};
use super::settle::COMMIT_TRIES;
use crate::domain::calendar::window::settled_end;
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::failure::{Failure, Step};
use crate::engine::calls::{call, call_now};
use crate::engine::observe::Event;
use crate::ports::catalog::CatalogErrorKind;

impl Export {
    /// Asks the source and freezes the window. After an error of the catalog the outcome is unknown, so the
    /// call is repeated: a window that is frozen already stays as it is.
    pub(super) async fn begin(&self) -> Result<Frozen, End> {
        let until = self.complete_until().await.map_err(End::Failed)?;
        for attempt in 1.. {
            match self.shared.ports.catalog.begin(self.fence, until).await {
                Ok(frozen) => {
                    if frozen.execution().waits_for_source().is_none() {
                        self.shared.waits_no_more(&self.execution);
                    }
                    return Ok(frozen);
                }
                Err(error) if error.kind() == CatalogErrorKind::Fenced => return Err(End::Fenced),
                Err(error) if attempt >= COMMIT_TRIES => {
                    return Err(End::Failed(catalog_failure(Step::Prepare, &error)));
                }
                Err(error) => warn!(attempt, "cannot freeze the window: {}", error.report()),
            }
            self.pause(attempt).await;
        }
        Err(End::Fenced)
    }

    /// Returns the instant up to which the source is complete for every read that it answers for (rule J17).
    /// For the others the settle lag counts alone, which the end of the window observes already. The instant
    /// is rounded down to the granularity: the source may report a later record under the last multiple
    /// before. A window that an earlier attempt has frozen stays as it is, so the source is not asked again
    /// (rule W1).
    async fn complete_until(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let settings = &self.execution.settings;
        // A copy for a data subject holds what is there, whatever the instants of records.
        if self.execution.is_frozen() || settings.request.is_some() {
            return Ok(None);
        }
        let source = self.source(&settings.source)?;
        let mut until: Option<DateTime<Utc>> = None;
        for read in &settings.reads {
            let request = self.request(read);
            let asked = call(Step::Prepare, SOURCE, async { source.complete_until(&request).await }).await?;
            until = until.into_iter().chain(asked).min();
        }
        let Some(until) = until else { return Ok(None) };
        let sources = self.shared.ports.sources.for_owner(&self.execution.owner);
        let terms = || sources.terms(&settings.source, &settings.reads.types());
        let granularity = call_now(Step::Prepare, SOURCE, terms)?.granularity;
        Ok(Some(settled_end(until, TimeDelta::zero(), granularity)))
    }

    /// Follows up on an execution whose source is not complete: it is queued again or, if its cancellation was
    /// requested, has ended. People are told once that it waits long.
    pub(super) async fn held(&self, execution: Execution) -> Option<Execution> {
        let Some(since) = execution.waits_for_source() else {
            let (status, records) = (execution.status().as_str(), execution.progress.records);
            info!(name: "execution.ended", target: "cdds", status, records, "ended");
            self.shared.notice(&Event::Ended { execution: &execution });
            return Some(execution);
        };
        let until = execution.completeness.complete_until;
        info!(
            name: "execution.waiting",
            target: "cdds",
            %since,
            ?until,
            "the source is not complete up to the end of the window: waiting for it"
        );
        match self.shared.ports.catalog.now().await {
            Ok(now) => self.shared.tell_waiting(&execution, since, now),
            Err(error) => warn!("cannot tell how long it has waited: {}", error.report()),
        }
        Some(execution)
    }
}
