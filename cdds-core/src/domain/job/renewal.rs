//! Rule F9: what becomes of a job when the database of time zones changes.

use chrono::{DateTime, Utc};

use super::lifecycle;
use super::settling::{Open, Unsettled};
use crate::domain::calendar::zone::database::Database;
use crate::domain::job::{Job, JobChange, JobSettings, JobState};

/// Computes anew what nobody has claimed of a job with a zone, by a database. Returns `None` for a job that is computed by
/// it already, that has no zone, or that is deleted.
///
/// - The next slot is the first one behind the last time of the clock that is decided ([`Job::decided_until`]): none is
///   lost, and none comes twice. One that has passed by now is caught up like any other (rule E4).
/// - Windows that tile go on where the last one on the record has ended. Waiting executions whose windows do not tile take
///   on those of the database, as after an edit, in steps that the engine takes ([`Unsettled`]).
/// - A job whose zone is gone is suspended, and what waits of it is skipped on the record (rule J7).
///
/// The job's version stays: no person did this.
pub fn renewed(job: &Job, database: &Database, now: DateTime<Utc>) -> Option<JobChange> {
    let (clock, state) = (database.renewed(&job.settings.clock), job.state);
    let is_done = job.settings.clock.zone().has_days_of(clock.zone());
    if state == JobState::Deleted || clock.is_utc() || is_done {
        return None;
    }
    let settings = JobSettings { clock, ..job.settings.clone() };
    if !settings.clock.zone().is_known() && state == JobState::Active {
        let open = Open { executions: Vec::new(), more: true };
        let mut change = lifecycle::suspend(job, open, now)?;
        (change.job.version, change.job.updated_at) = (job.version, job.updated_at);
        change.job.settings = settings;
        return Some(change);
    }
    let takes_on = settings.slides() && !settings.tiles() && !settings.has_windows_of(&job.settings);
    let earlier = job.unsettled.and_then(|unsettled| unsettled.drops);
    let unsettled = Some(Unsettled { drops: earlier, behind: None });
    let mut after = Job { settings, ..job.clone() };
    after.unsettled = if takes_on { unsettled } else { job.unsettled };
    if let (JobState::Active, Some(decided)) = (state, job.decided_until) {
        after.next_due_at = after.settings.next_slot(after.settings.schedule().behind(decided));
        after.state = if after.next_due_at.is_some() { state } else { JobState::Completed };
    }
    Some(JobChange::of(after))
}

#[cfg(test)]
mod tests;
