//! What a clock that was ahead leaves behind, and how it is undone (rules W1, W4, J11).
//!
//! A run by a clock that is ahead, or at a mistyped instant, takes slots for due that have not come. When the clock
//! is right again, its jobs have nothing to do until that instant comes: what is recorded meanwhile would be
//! "covered". Such a job is named, and brought back when a person says that the present clock is right.

use chrono::{DateTime, TimeDelta, Utc};

use super::execution::{Execution, ExecutionState, SkipReason, SourceTerms, Trigger};
use super::job::{Job, JobChange, JobState};
use super::lease::CLOCKS_DIFFER_MAX;
use super::violation::{Code, RuleViolation};
use super::watermark::Watermark;

/// What lies further ahead than this was dated by a clock that was ahead. Clocks of machines that share a catalog
/// differ by far less.
pub const AHEAD_MIN: TimeDelta = TimeDelta::days(1);

/// The latest instant up to which the record of a job lies ahead of `now`, by more than [`AHEAD_MIN`]: slots that
/// were taken for due, a watermark, the end of windows that tile, or a suspension. `None` if nothing does. An
/// origin or a start that a person set for later is none of these.
pub fn lies_ahead(job: &Job, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let bound = now.checked_add_signed(AHEAD_MIN)?;
    let settings = &job.settings;
    let recurring = !settings.frequency.is_once();
    let due = job
        .next_due_at
        .filter(|due| recurring && settings.next_slot(bound).is_some_and(|right| *due > right));
    let ended = settings
        .ends_at
        .filter(|_| recurring && job.state == JobState::Completed && settings.next_slot(bound).is_some());
    let origin = Watermark::at_origin(&settings.timeframe).at;
    let watermark = job.watermark.and_then(|watermark| watermark.at).filter(|at| Some(*at) != origin);
    let instants = [watermark, job.tiled_until, job.suspended_at];
    let instants = instants.into_iter().flatten().filter(|at| *at > bound);
    let latest = instants.chain(due).chain(ended).max();
    latest.filter(|_| job.state != JobState::Deleted)
}

/// Brings a job back that lies ahead of `now`, which a person says is right. `record` are its executions with slots
/// up to `now`, `open` those that have not ended. Its schedule goes on after the last slot on the record that was
/// put there before its time, its windows where theirs ended, and its watermark where the last export of what had
/// happened by then ended, in a new generation: nothing is lost, and records that an export from ahead held already
/// are exported once more. What waits for a slot ahead is not run: its slot comes again, under another id (the job's
/// `era`), since the old one stays on the record. `None` if the job does not lie ahead.
///
/// # Errors
/// [`Code::JobBusy`] while an execution of it runs or waits to be tried again.
pub fn bring_back(
    job: &Job,
    record: &[Execution],
    open: Vec<Execution>,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Result<Option<JobChange>, RuleViolation> {
    let (Some(_), Some(bound)) = (lies_ahead(job, now), now.checked_add_signed(AHEAD_MIN)) else {
        return Ok(None);
    };
    if let Some(busy) = open.iter().find(|execution| !execution.is_waiting()) {
        return Err(RuleViolation::new(
            Code::JobBusy,
            format!(
                "execution {} of this job is {}: wait for its end or cancel it, then bring the job back",
                busy.id,
                busy.status().as_str()
            ),
        ));
    }
    let after = brought_back(job, &Truth { record, now, bound });
    let mut change = JobChange::of(after);
    for execution in open {
        if execution.slot > now {
            change.superseded.push(execution.superseded(SkipReason::Replaced, now));
        } else if execution.generation.is_some() {
            change.edited.push(execution.edited(&change.job, terms));
        }
    }
    Ok(Some(change))
}

/// What of the record of a job was put there by a clock that was right.
struct Truth<'a> {
    record: &'a [Execution],
    now: DateTime<Utc>,
    /// What lies later lies ahead.
    bound: DateTime<Utc>,
}

impl Truth<'_> {
    fn occurrences(&self) -> impl Iterator<Item = &Execution> {
        let latest = self.now.checked_add_signed(CLOCKS_DIFFER_MAX).unwrap_or(self.now);
        let scheduled = self.record.iter().filter(|one| one.trigger == Trigger::Scheduled);
        scheduled.filter(move |one| one.slot <= self.now && one.created_at <= latest)
    }

    /// The last slot that is on the record, run or skipped; that of the submission if there is none.
    fn last_slot(&self, job: &Job) -> DateTime<Utc> {
        let last = self.occurrences().map(|one| one.slot).max();
        last.unwrap_or(job.created_at.min(self.now))
    }

    /// Where the last window that tiles ended.
    fn tiled_until(&self) -> Option<DateTime<Utc>> {
        self.occurrences().filter(|one| one.settings.tiles()).map(|one| one.window.end()).max()
    }

    /// Where the last export ended that moved this watermark and held what had happened by then.
    fn exported_until(&self, watermark: Watermark) -> Option<DateTime<Utc>> {
        let moved = self.record.iter().filter(|one| {
            one.state == ExecutionState::Succeeded && one.generation == Some(watermark.generation)
        });
        moved.map(|one| one.window.end()).filter(|end| *end <= self.now).max()
    }
}

fn brought_back(job: &Job, truth: &Truth<'_>) -> Job {
    let (settings, last) = (&job.settings, truth.last_slot(job));
    let is_ahead = |at: DateTime<Utc>| at > truth.bound;
    let next = settings.next_slot(last);
    let recurring = !settings.frequency.is_once();
    let ended_early = recurring && job.state == JobState::Completed && next.is_some();
    let state = if ended_early { JobState::Active } else { job.state };
    let next_due_at = if recurring && state == JobState::Active { next } else { job.next_due_at };
    let watermark = job.watermark.map(|watermark| match watermark.at {
        Some(at) if is_ahead(at) => {
            let reset = watermark.reset(&settings.timeframe);
            Watermark { at: truth.exported_until(watermark).or(reset.at), ..reset }
        }
        _ => watermark,
    });
    Job {
        state,
        next_due_at,
        watermark,
        tiled_until: job.tiled_until.and_then(|at| if is_ahead(at) { truth.tiled_until() } else { Some(at) }),
        // Slots since then are on the record when it is resumed (rule J7).
        suspended_at: job.suspended_at.map(|at| if is_ahead(at) { last } else { at }),
        version: job.version + 1,
        updated_at: truth.now,
        era: job.era + 1,
        ..job.clone()
    }
}
