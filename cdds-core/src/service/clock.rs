//! Whether the clock can be believed, by what the record and the store tell of the time.

use chrono::{DateTime, SubsecRound, Utc};

use crate::domain::ahead::{self, AHEAD_MIN};
use crate::domain::clock::{ClockVerdict, Witnesses};
use crate::domain::job::Job;
use crate::engine::EngineError;
use crate::ports::Ports;

/// A job that a clock which was ahead has left there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobAhead {
    /// The job.
    pub job: Job,
    /// Up to which instant it lies ahead: until then nothing of it runs, or nothing is new to it.
    pub until: DateTime<Utc>,
}

/// What was found out about the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReport {
    /// What the clock showed.
    pub now: DateTime<Utc>,
    /// What is to be thought of it.
    pub verdict: ClockVerdict,
    /// Jobs of all owners that lie ahead of it, the furthest first.
    pub ahead: Vec<JobAhead>,
}

/// Asks record and store. Looks at all jobs, and at all objects of a folder if one of the jobs lies ahead: for the
/// start of a run and once an hour.
///
/// # Errors
/// If catalog or store cannot be read.
///
/// # Cancel safety
/// A dropped call leaves nothing but, in a store with a clock of its own, an empty object `clock-probe`, which
/// the next one removes.
pub async fn examine(ports: &Ports) -> Result<ClockReport, EngineError> {
    let now = ports.clock.now().trunc_subsecs(6);
    let ahead = lying_ahead(ports, now).await?;
    let store_clock = ports.sink.clock().await?;
    let store_newest = if ahead.is_empty() { None } else { ports.sink.newest().await? };
    // The record is asked only where the store's clock speaks against this one.
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
