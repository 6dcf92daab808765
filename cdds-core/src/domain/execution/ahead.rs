//! What a clock that was ahead leaves behind, and how to undo it (rules T3, W1, W4, J11).
//!
//! An engine whose clock is ahead, or that runs with a mistyped instant, treats future slots as due. Once the
//! clock is right again, its jobs have nothing to do until that instant comes: records that arrive meanwhile
//! would count as covered. Such jobs are named, and each is brought back when a person confirms that the
//! present clock is right.

use chrono::{DateTime, TimeDelta, Utc};

use super::watermark::Watermark;
use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::domain::job::settling::{self, Drops, Open};
use crate::domain::job::{Job, JobChange, JobState};
use crate::domain::source::SourceTerms;
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::lease::SET_BACK_MAX;

/// Anything that lies further ahead than this was dated by a clock that was ahead: the catalog's, by
/// which everything is dated (rule T4).
pub const AHEAD_MIN: TimeDelta = TimeDelta::days(1);

/// Returns the latest instant up to which the record of a job lies ahead of `now`, or `None` if it does not
/// lie ahead by more than [`AHEAD_MIN`]. It considers slots that were treated as due, the watermark, the end
/// of the last window, and the instant of a suspension. An origin or a start that a person set in the future
/// does not.
pub fn lies_ahead(job: &Job, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let bound = now.checked_add_signed(AHEAD_MIN)?;
    let settings = &job.settings;
    let recurring = !settings.frequency.is_once();
    // A future `next_due_at` is normal. It lies ahead only if it is later than the first slot after `bound`:
    // then slots from the future have been taken for due.
    let due = job
        .next_due_at
        .filter(|due| recurring && settings.next_slot(bound).is_some_and(|right| *due > right));
    let ended = settings
        .ends_at
        .filter(|_| recurring && job.state == JobState::Completed && settings.next_slot(bound).is_some());
    // A watermark at its origin was set by a person and may lie in the future (rule W4).
    let origin = Watermark::at_origin(&settings.timeframe).at;
    let watermark = job.watermark.and_then(|watermark| watermark.at).filter(|at| Some(*at) != origin);
    let instants = [watermark, job.tiled_until, job.suspended_at];
    let instants = instants.into_iter().flatten().filter(|at| *at > bound);
    let latest = instants.chain(due).chain(ended).max();
    latest.filter(|_| job.state != JobState::Deleted)
}

/// Brings back a job that lies ahead of `now`, an instant that a person confirms (rule T3). `truth` has seen
/// all its executions with slots up to `now`, and `open` are those that have not ended. Returns `None` if the
/// job does not lie ahead.
///
/// - The schedule continues after the last slot that was put on the record in its time, and the windows where
///   theirs ended.
/// - The watermark goes back, in a new generation, to the end of the last export whose window had ended by
///   `now`. Nothing is lost, but records that an export from ahead already held are exported once more.
/// - Executions that wait for a slot ahead are skipped. Such a slot comes again under another id (the job's
///   `era`), since the old entry stays on the record.
///
/// # Errors
/// [`Code::JobBusy`] while an execution of the job runs or waits for a retry, and until the job's last change
/// is [settled](settling::settle).
pub fn bring_back(
    job: &Job,
    truth: &Truth,
    open: impl Into<Open>,
    terms: SourceTerms,
) -> Result<Option<JobChange>, RuleViolation> {
    let now = truth.now;
    let (Some(_), Some(bound)) = (lies_ahead(job, now), now.checked_add_signed(AHEAD_MIN)) else {
        return Ok(None);
    };
    job.check_settled()?;
    let open = open.into();
    if let Some(busy) = open.executions.iter().find(|execution| !execution.is_waiting()) {
        return Err(RuleViolation::new(
            Code::JobBusy,
            format!(
                "execution {} of this job is {}: wait for it to end or cancel it, then bring the job back",
                busy.id,
                busy.status().as_str()
            ),
        ));
    }
    let drops = Some(Drops::Ahead(now));
    let mut after = brought_back(job, truth, bound);
    after.unsettled = settling::left(job, drops, &open);
    let mut change = JobChange::of(after);
    for execution in open.executions {
        let settled = settling::settled(&change.job, drops, execution, terms, now);
        change.take(settled);
    }
    Ok(Some(change))
}

/// The part of a job's record that was written while the clock was right. It is gathered one execution at a
/// time, since there may be many.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    now: DateTime<Utc>,
    generation: Option<u64>,
    last_slot: Option<DateTime<Utc>>,
    tiled_until: Option<DateTime<Utc>>,
    exported_until: Option<DateTime<Utc>>,
}

impl Truth {
    /// Starts without any execution of this job. `now` is the instant that a person confirms.
    pub fn new(job: &Job, now: DateTime<Utc>) -> Self {
        let generation = job.watermark.map(|watermark| watermark.generation);
        Self { now, generation, last_slot: None, tiled_until: None, exported_until: None }
    }

    /// Takes an execution of the job into account.
    pub fn see(&mut self, one: &Execution) {
        // An entry that was created later than now was made by a clock that was ahead. One that was set back
        // by a moment was not.
        let latest = self.now.checked_add_signed(SET_BACK_MAX).unwrap_or(self.now);
        if one.trigger == Trigger::Scheduled && one.slot <= self.now && one.created_at <= latest {
            self.last_slot = self.last_slot.max(Some(one.slot));
            let end = Some(one.window.end()).filter(|_| one.settings.tiles());
            self.tiled_until = self.tiled_until.max(end);
        }
        // Only a success of the present generation moved this watermark. If its window had ended by now, it
        // held everything up to there.
        let moved = one.state == ExecutionState::Succeeded && one.generation == self.generation;
        if moved && one.generation.is_some() && one.window.end() <= self.now {
            self.exported_until = self.exported_until.max(Some(one.window.end()));
        }
    }

    /// Returns the last slot on the record, run or skipped, or the instant of the submission if there is
    /// none.
    fn last_slot(&self, job: &Job) -> DateTime<Utc> {
        self.last_slot.unwrap_or(job.created_at.min(self.now))
    }
}

/// Returns the job with everything undone that lies later than `bound`.
fn brought_back(job: &Job, truth: &Truth, bound: DateTime<Utc>) -> Job {
    let (settings, last) = (&job.settings, truth.last_slot(job));
    let is_ahead = |at: DateTime<Utc>| at > bound;
    let next = settings.next_slot(last);
    let recurring = !settings.frequency.is_once();
    let ended_early = recurring && job.state == JobState::Completed && next.is_some();
    let state = if ended_early { JobState::Active } else { job.state };
    let next_due_at = if recurring && state == JobState::Active { next } else { job.next_due_at };
    let is_moved = next_due_at != job.next_due_at;
    let decided_until = if is_moved { settings.shown(last) } else { job.decided_until };
    let watermark = job.watermark.map(|watermark| match watermark.at {
        Some(at) if is_ahead(at) => {
            let reset = watermark.reset(&settings.timeframe);
            Watermark { at: truth.exported_until.or(reset.at), ..reset }
        }
        _ => watermark,
    });
    Job {
        state,
        next_due_at,
        decided_until,
        watermark,
        tiled_until: job.tiled_until.and_then(|at| if is_ahead(at) { truth.tiled_until } else { Some(at) }),
        // Slots from here on are put on the record when the job is resumed (rule J7).
        suspended_at: job.suspended_at.map(|at| if is_ahead(at) { last } else { at }),
        version: job.version + 1,
        updated_at: truth.now,
        era: job.era + 1,
        ..job.clone()
    }
}
