//! Which jobs this engine computes (rule F9): those with a zone only while the catalog's jobs are computed by the version
//! of the database that the engine has.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use super::calls::contained_async;
use super::worker::Shared;
use crate::domain::calendar::zone::database::{Clocks, DatabaseVersion};
use crate::domain::execution::Execution;
use crate::domain::job::Job;
use crate::ports::catalog::{CatalogError, ZoneRecord};

/// How often an engine asks by which version jobs are computed.
const EVERY: Duration = Duration::from_secs(10);

/// What this engine knows of the version on record.
#[derive(Debug, Default)]
pub(super) struct Zones(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// When it last asked, by the monotonic clock.
    asked_at: Option<Duration>,
    on_record: Option<DatabaseVersion>,
    /// Whether it has settled once. After that it accepts an older version no more: of two engines that take over from
    /// each other again and again, neither would compute anything for long.
    has_settled: bool,
}

impl Shared {
    /// Returns the jobs that this engine looks after. Asks every ten seconds whether the version on record has changed;
    /// as long as that is unknown, jobs with a zone wait.
    pub(super) async fn clocks(&self) -> Clocks {
        let own = self.settings.zones.version();
        let monotonic = self.ports.clock.monotonic();
        let (is_due, accepts_older) = {
            let mut known = self.known();
            let is_due = known.asked_at.is_none_or(|at| at + EVERY <= monotonic);
            if is_due {
                known.asked_at = Some(monotonic);
            }
            (is_due, self.settings.accept_older_zones && !known.has_settled)
        };
        if is_due {
            match contained_async(self.agree(accepts_older)).await {
                Ok(Ok(record)) => self.learn(record.version),
                Ok(Err(error)) => warn!(
                    name: "zones.unknown",
                    target: "cdds",
                    "it is unknown by which database of time zones jobs are computed: {}", error.report()
                ),
                Err(_panicked) => {
                    warn!(name: "zones.unknown", target: "cdds", "the catalog panicked when asked for time zones");
                }
            }
        }
        if self.known().on_record == Some(own) { Clocks::UpTo(own) } else { Clocks::Utc }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.zones.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over from an older version, or leaves the version on record as it is.
    async fn agree(&self, accepts_older: bool) -> Result<ZoneRecord, CatalogError> {
        let (catalog, zones) = (&self.ports.catalog, &self.settings.zones);
        let before = catalog.zones().await?;
        match before {
            Some(record) if !zones.version().takes_over(Some(record.version), accepts_older) => Ok(record),
            _ => {
                let record = catalog.renew_zones(zones, accepts_older).await?;
                if record.version == zones.version() {
                    info!(
                        name: "zones.renewed",
                        target: "cdds",
                        moved = record.moved,
                        suspended = record.suspended,
                        "jobs with a time zone are computed by the database {}, before by {}",
                        record.version,
                        before.map_or_else(|| "none".to_owned(), |before| before.version.to_string())
                    );
                }
                Ok(record)
            }
        }
    }

    /// Takes note of the version on record.
    fn learn(&self, on_record: DatabaseVersion) {
        let own = self.settings.zones.version();
        let mut known = self.known();
        known.has_settled = true;
        let is_news = known.on_record.replace(on_record) != Some(on_record);
        drop(known);
        if is_news && on_record != own {
            warn!(
                name: "zones.left",
                target: "cdds",
                "jobs with a time zone are left to other workers: they are computed by the database {on_record}, and \
                 this worker has {own}. Update this program, or let it accept the older one after a rollback"
            );
        }
    }

    /// Returns the job as this engine's database has it.
    pub(super) fn by_zones(&self, mut job: Job) -> Job {
        job.settings.clock = self.settings.zones.read(&job.settings.clock);
        job
    }

    /// Returns the execution as this engine's database has it.
    pub(super) fn run_by_zones(&self, mut execution: Execution) -> Execution {
        execution.settings.clock = self.settings.zones.read(&execution.settings.clock);
        execution
    }
}
