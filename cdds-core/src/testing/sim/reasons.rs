//! Checks the reasons why an occurrence is planned as it is, is not run, or fails (rules E3–E5, J7, J10, J12,
//! W2–W6).

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar;
use super::model::{Check, Model, brief, ensure};
use super::report::Invariant;
use super::time::micros_delta;
use super::watch::Watch;
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::failure::{Failure, FailureKind};
use crate::domain::execution::{Execution, ExecutionState, SkipReason, Trigger};
use crate::domain::job::policy::{CatchUpLimit, Jitter, Overlap};
use crate::domain::job::settling::Drops;
use crate::domain::job::{Job, JobChange, JobSettings, JobState};

/// A job before and after a step.
type Jobs<'a> = (&'a Job, &'a Job);

impl Watch {
    /// The true present. Nothing may be decided by a later one.
    fn now(&self) -> DateTime<Utc> {
        self.shared.timeline.now()
    }

    /// Checks an occurrence that is not run. `waited` is the execution as it waited before, or `None` if it
    /// was skipped when it was recorded.
    pub(super) fn check_skip(
        &self,
        after: &Execution,
        reason: SkipReason,
        waited: Option<&Execution>,
        (before, job): Jobs<'_>,
    ) -> Check {
        let told = || format!("{} ({reason}) of a job that was {before:?} and is {job:?}", brief(after));
        // Whether this step completes an earlier change that was recorded as unsettled.
        let left = |drops| {
            waited.is_some() && before.unsettled.is_some_and(|unsettled| unsettled.drops == Some(drops))
        };
        let holds = match reason {
            SkipReason::Suspended { first, last, count } => {
                let gap = self.is_gap(before, (first, last, count), waited);
                gap && (left(Drops::Suspended) || is_suspension(before, job, first, waited.is_some()))
            }
            SkipReason::Deleted { first, last, count } => {
                let gap = self.is_gap(before, (first, last, count), waited);
                let now = job.state == JobState::Deleted && before.state != JobState::Deleted;
                gap && (left(Drops::Deleted) || now)
            }
            SkipReason::Coalesced { first, last, count, into } => {
                let policies = &before.settings.policies;
                let policy = if waited.is_some() { policies.overlap } else { policies.catch_up.missed };
                let coalesces = policy.unwrap_or_else(|| overlap_of(before)) == Overlap::Coalesce;
                let could_start = waited.is_none_or(|waited| waited.not_before <= self.now());
                let gap = self.is_gap(before, (first, last, count), waited);
                gap && coalesces && could_start && last < into && into <= self.now()
            }
            SkipReason::CatchUpLimit { first, last, count } => {
                let own = before.settings.policies.catch_up.limit.map(CatchUpLimit::duration);
                let limit = own.unwrap_or(self.shared.profile.engine.catch_up_limit);
                let gap = self.is_gap(before, (first, last, count), None);
                gap && waited.is_none() && last < self.now() - limit
            }
            SkipReason::Replaced => {
                let (old, new) = (&before.settings, &job.settings);
                let once = old.frequency.is_once() || new.frequency.is_once();
                let moved = !old.has_schedule_of(new);
                let keeps_window = matches!(after.trigger, Trigger::Rerun { .. } | Trigger::Backfill);
                let by = |settings: &JobSettings| settings.timeframe.is_incremental();
                let is_misread = keeps_window && waited.is_some_and(|one| by(&one.settings) != by(new));
                (once && moved) || is_misread || left(Drops::Replaced)
            }
            // Only a claim can find that an execution is covered, and claims are checked by
            // `check_done_before`.
            SkipReason::Covered { .. } => false,
        };
        let scheduled = after.trigger == Trigger::Scheduled || reason == SkipReason::Replaced;
        ensure(holds && scheduled, Invariant::Reason, told)
    }

    /// Whether a gap names exactly the past slots between its first and last, and their number. The gap of an
    /// execution that waited is its own slot.
    fn is_gap(
        &self,
        job: &Job,
        (first, last, count): (DateTime<Utc>, DateTime<Utc>, u64),
        waited: Option<&Execution>,
    ) -> bool {
        if let Some(waited) = waited {
            return first == waited.slot && last == waited.slot && count == 1;
        }
        let slots = calendar::slots(&job.settings, first - TimeDelta::microseconds(1), last);
        let ends = slots.first() == Some(&first) && slots.last() == Some(&last);
        ends && slots.len() as u64 == count && last <= self.now()
    }

    /// Checks the window and the earliest start of an occurrence against its slot (rules W2–W6, E6). One that
    /// an edit changed may keep its earlier window and start.
    pub(super) fn check_planned(&self, model: &Model, entry: &Execution, before: &Job, after: &Job) -> Check {
        let edited = before.settings != after.settings;
        let settings = &entry.settings;
        let told = || format!("{} is planned for {}", brief(entry), settings.timeframe);
        let scheduled = entry.trigger == Trigger::Scheduled;
        let due = entry.slot <= self.now();
        ensure(due && (edited || *settings == before.settings), Invariant::Record, told)?;
        if edited {
            return Ok(());
        }
        // The first run of a job has the instant of the submission for a slot (rule J17).
        let is_first = scheduled && entry.created_at == after.created_at && entry.slot == after.created_at;
        if scheduled && before.id == after.id && !settings.frequency.is_once() {
            let is_slot = is_first || calendar::is_slot(settings, entry.slot);
            ensure(is_slot, Invariant::Record, told)?;
        }
        // A skipped occurrence has a window too, but the source was not asked for its settle lag.
        let is_run = entry.state == ExecutionState::Queued;
        if !is_run && settings.timeframe.is_incremental() {
            return Ok(());
        }
        let (lag, grain) = (self.shared.profile.settle_lag(), micros_delta(self.shared.profile.granularity));
        let (start, end) = (entry.window.start(), entry.window.end());
        let as_told = match entry.trigger {
            Trigger::Rerun { of, .. } => {
                let of = &model.execution(of)?.execution.window;
                end == of.end() && (start.is_none() || start == of.start())
            }
            Trigger::Backfill if settings.timeframe.is_incremental() => {
                let previous = calendar::last_slot(settings, entry.slot);
                end == entry.slot && previous.is_none_or(|previous| start == Some(previous))
            }
            _ => {
                let bounds = calendar::bounds(settings, entry.slot, !scheduled || is_first, lag, grain);
                // An occurrence that covers others reaches back to the first of them (rule W3a).
                let covers = scheduled && coalesces(before);
                let begins = |told| told == start || (covers && start.is_some() && start < told);
                bounds.is_none_or(|bounds| bounds.1 == end && bounds.0.is_none_or(begins))
            }
        };
        ensure(as_told, Invariant::I1, told)?;
        let waits_for_rows = matches!(settings.timeframe, Timeframe::Rolling(_) | Timeframe::Previous(_));
        let asked = entry.trigger == Trigger::Manual;
        let earliest = if waits_for_rows && !asked { end + lag } else { entry.slot };
        let jitter = settings.policies.jitter.map_or(TimeDelta::zero(), Jitter::longest);
        let latest = (end + lag + grain).max(entry.slot).max(self.now()) + jitter;
        let told = || format!("{} is to start at {}", brief(entry), entry.not_before);
        ensure(earliest <= entry.not_before || !is_run, Invariant::I1, told)?;
        ensure(entry.not_before <= latest || !is_run, Invariant::Reason, told)
    }

    /// Checks that a later occurrence covers what was coalesced, and that the newest missed one runs (rules
    /// E3, E4).
    pub(super) fn check_covered(&self, model: &Model, change: &JobChange) -> Check {
        for given in change.entries.iter().chain(&change.superseded) {
            let covers = |slot: &dyn Fn(DateTime<Utc>) -> bool| {
                let mut new = change.entries.iter().filter(|entry| entry.trigger == Trigger::Scheduled);
                new.any(|entry| {
                    let passed_on = ExecutionState::Skipped(SkipReason::Replaced);
                    let runs = entry.state == ExecutionState::Queued || entry.state == passed_on;
                    let known = model.executions.get(&entry.id);
                    let ran = known.is_some_and(|known| known.execution.state != entry.state);
                    slot(entry.slot) && (runs || ran)
                })
            };
            let holds = match given.state {
                ExecutionState::Skipped(SkipReason::Coalesced { into, .. }) => covers(&|slot| slot == into),
                ExecutionState::Skipped(SkipReason::CatchUpLimit { last, .. }) => covers(&|slot| slot > last),
                _ => true,
            };
            ensure(holds, Invariant::Reason, || format!("nothing is run in place of {}", brief(given)))?;
        }
        Ok(())
    }

    /// Checks that the window of a covering occurrence includes those that it covers, except for what was
    /// exported before (rule W3a). `before` is the job before the change.
    pub(super) fn check_reach(&self, before: &Job, change: &JobChange) -> Check {
        let settings = &before.settings;
        if !matches!(settings.timeframe, Timeframe::Rolling(_) | Timeframe::Previous(_)) {
            return Ok(());
        }
        for given in change.entries.iter().chain(&change.superseded) {
            let ExecutionState::Skipped(SkipReason::Coalesced { first, into, .. }) = given.state else {
                continue;
            };
            let waited = change.superseded.iter().any(|one| one.id == given.id);
            let began = if waited {
                given.window.start()
            } else {
                let own = calendar::bounds(settings, first, true, TimeDelta::zero(), TimeDelta::zero());
                let own = own.and_then(|(start, _)| start.flatten());
                let until = before.tiled_until;
                if settings.tiles() {
                    until.or(own)
                } else {
                    own.map(|own| until.map_or(own, |until| own.max(until)))
                }
            };
            let by = change
                .entries
                .iter()
                .find(|entry| entry.slot == into && entry.state == ExecutionState::Queued);
            let (Some(by), Some(began)) = (by.and_then(|by| by.window.start()), began) else { continue };
            ensure(by <= began, Invariant::Reason, || {
                format!("{} is not covered by what starts at {by}, but began at {began}", brief(given))
            })?;
        }
        Ok(())
    }

    /// Checks the end of an unsuccessful attempt (rule E5). Either it failed and is retried or given up as
    /// the policy says, or its worker released it.
    pub(super) fn check_failure(&self, model: &Model, before: &Execution, after: &Execution) -> Check {
        let told = || format!("{} became {}", brief(before), brief(after));
        let known = model.execution(before.id)?;
        if after.attempt_count() < before.attempt_count() {
            let given_back = after.state == ExecutionState::Queued && after.not_before <= self.now();
            return ensure(given_back, Invariant::Reason, told);
        }
        let Some(failure) = after.last_failure() else {
            return ensure(false, Invariant::Reason, || format!("{} without a failure", told()));
        };
        let why = || format!("{}: {failure:?}", told());
        ensure(self.troubles() > 0, Invariant::Reason, || format!("nothing was wrong, and {}", why()))?;
        ensure(!known.begun_in_calm, Invariant::Reason, || {
            format!("nothing is wrong any more, and {}", why())
        })?;
        let mut panics = 0;
        self.shared.count(|figures| panics = figures.panics);
        ensure(can_happen(failure, panics > 0), Invariant::Reason, why)?;
        let retry = self.shared.profile.engine.retry;
        let retries = before.settings.policies.retries.map(|retries| retries.count() + 1);
        let most = retries.unwrap_or(retry.attempts_max);
        let given_up = matches!(after.state, ExecutionState::Failed(_));
        let last = !failure.retryable || before.attempt_count() >= most;
        ensure(given_up == last, Invariant::Reason, || format!("of {most} attempts: {}", why()))?;
        let waits_most = retry.delay_max * 120 / 100;
        let in_time = after.not_before <= self.now() + waits_most;
        ensure(given_up || in_time, Invariant::Reason, || {
            format!("not before {}: {}", after.not_before, why())
        })
    }
}

/// Rule J7: a suspension skips what waits, what is due by then, and what becomes due while it lasts.
fn is_suspension(before: &Job, after: &Job, first: DateTime<Utc>, waited: bool) -> bool {
    let by_hand = |job: &Job| job.state == JobState::Suspended && job.suspended_at.is_some();
    let passed = by_hand(before) && before.suspended_at.is_some_and(|since| since < first);
    let due = before.next_due_at.is_some_and(|due| due <= first);
    let now = by_hand(after) && after.suspended_at != before.suspended_at;
    if waited { now } else { passed || (now && due) }
}

/// Whether occurrences of a job may cover others (rules E3, E4).
fn coalesces(job: &Job) -> bool {
    let policies = &job.settings.policies;
    [policies.overlap, policies.catch_up.missed].contains(&Some(Overlap::Coalesce))
        || overlap_of(job) == Overlap::Coalesce
}

/// The default of the overlap policy for the job's timeframe (rules E3, E4).
fn overlap_of(job: &Job) -> Overlap {
    match job.settings.timeframe {
        Timeframe::Rolling(_) | Timeframe::Previous(_) => Overlap::Queue,
        Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => Overlap::Coalesce,
    }
}

/// Rule W4: an execution is covered if the watermark has passed the end of its window.
pub(super) fn check_done_before(model: &Model, waited: &Execution, reason: SkipReason) -> Check {
    let job = &model.job(waited.job_id)?.job;
    let at = job.watermark.and_then(|watermark| watermark.at);
    let covered = waited.generation.is_some() && at.is_some_and(|at| at >= waited.window.end());
    let told = reason == SkipReason::Covered { watermark: at };
    ensure(covered && told, Invariant::Reason, || {
        format!("{} is skipped ({reason}), and the watermark is at {at:?}", brief(waited))
    })
}

/// Whether a fault of the simulation can cause this failure. Kinds that indicate a defect are never
/// acceptable, except `Internal` after a simulated panic.
fn can_happen(failure: &Failure, panics: bool) -> bool {
    match failure.kind {
        FailureKind::Invalid | FailureKind::Corrupt | FailureKind::TooLarge | FailureKind::Crypto => false,
        FailureKind::Internal => failure.retryable || panics,
        _ => true,
    }
}
