//! Checks whether the clock can be trusted, by the times in the catalog and in the store.

use chrono::{DateTime, SubsecRound, Utc};

use crate::domain::clock::{ClockVerdict, Witnesses};
use crate::domain::execution::ahead::{self, AHEAD_MIN};
use crate::domain::job::Job;
use crate::engine::EngineError;
use crate::ports::Ports;

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
    /// The time that the clock showed.
    pub now: DateTime<Utc>,
    /// The verdict on the clock.
    pub verdict: ClockVerdict,
    /// Jobs of all owners that lie ahead of the clock, furthest first.
    pub ahead: Vec<JobAhead>,
}

/// Examines the clock by the catalog and the store. Reads all jobs and, if one of them lies ahead, all
/// objects of a folder store, so call it at the start of a run and once an hour.
///
/// # Errors
/// If the catalog or the store cannot be read.
///
/// # Cancel safety
/// A dropped call leaves at most an empty object `clock-probe`, in a store with a clock of its own; the next
/// call removes it.
pub async fn examine(ports: &Ports) -> Result<ClockReport, EngineError> {
    let now = ports.clock.now().trunc_subsecs(6);
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

async fn lying_ahead(ports: &Ports, now: DateTime<Utc>) -> Result<Vec<JobAhead>, EngineError> {
    let Some(bound) = now.checked_add_signed(AHEAD_MIN) else { return Ok(Vec::new()) };
    let jobs = ports.catalog.ahead(bound).await?.into_iter();
    let mut ahead: Vec<JobAhead> =
        jobs.filter_map(|job| Some(JobAhead { until: ahead::lies_ahead(&job, now)?, job })).collect();
    ahead.sort_by_key(|one| (std::cmp::Reverse(one.until), one.job.id));
    Ok(ahead)
}
