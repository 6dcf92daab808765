//! Checks whether the catalog's clock can be trusted, by the times in the catalog and in the store, for engines and for
//! services (rule A7).

use chrono::{DateTime, Utc};

use crate::domain::clock::{ClockVerdict, Witnesses};
use crate::domain::execution::ahead::{self, AHEAD_MIN};
use crate::domain::job::Job;
use crate::ports::Ports;
use crate::ports::catalog::CatalogError;
use crate::ports::sink::SinkError;

/// A job that was left in the future by a clock that was ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobAhead {
    /// The job.
    pub job: Job,
    /// The instant up to which it lies ahead: until then it does not run, or finds no records new.
    pub until: DateTime<Utc>,
}

/// The result of examining the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReport {
    /// The time that the catalog's clock showed.
    pub now: DateTime<Utc>,
    /// The verdict on the clock.
    pub verdict: ClockVerdict,
    /// Jobs of all owners that lie ahead of the clock, furthest first.
    pub ahead: Vec<JobAhead>,
}

/// Which port failed.
#[derive(Debug)]
pub(crate) enum ExaminationError {
    Catalog(CatalogError),
    Sink(SinkError),
}

impl From<CatalogError> for ExaminationError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl From<SinkError> for ExaminationError {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

/// Examines the catalog's clock by the record and the store.
pub(crate) async fn examine(ports: &Ports) -> Result<ClockReport, ExaminationError> {
    let now = ports.catalog.now().await?;
    let ahead = lying_ahead(ports, now).await?;
    let store_clock = ports.sink.clock().await?;
    let store_newest = if ahead.is_empty() { None } else { ports.sink.newest().await? };
    // The catalog is asked only if the store's clock contradicts this one.
    let record_before = match (store_clock, now.checked_sub_signed(AHEAD_MIN)) {
        (Some(store), Some(earlier)) if store < earlier => ports.catalog.newest_before(earlier).await?,
        _ => None,
    };
    let record_ahead = ahead.first().map(|first| first.until);
    let verdict =
        ClockVerdict::of(now, &Witnesses { record_ahead, record_before, store_clock, store_newest });
    Ok(ClockReport { now, verdict, ahead })
}

async fn lying_ahead(ports: &Ports, now: DateTime<Utc>) -> Result<Vec<JobAhead>, CatalogError> {
    let Some(bound) = now.checked_add_signed(AHEAD_MIN) else { return Ok(Vec::new()) };
    let jobs = ports.catalog.ahead(bound).await?.into_iter();
    let mut ahead: Vec<JobAhead> =
        jobs.filter_map(|job| Some(JobAhead { until: ahead::lies_ahead(&job, now)?, job })).collect();
    ahead.sort_by_key(|one| (std::cmp::Reverse(one.until), one.job.id));
    Ok(ahead)
}
