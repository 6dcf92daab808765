//! Checks at the end that every occurrence of every schedule is on the record and that tiling windows join
//! (rule E1, invariant I1).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar;
use super::model::{Broken, Check, JobModel, Model, brief, ensure};
use super::report::Invariant;
use super::watch::Watch;
use crate::domain::execution::{Execution, ExecutionState, SkipReason};

impl Watch {
    /// Rule E1: every occurrence since the job was submitted is on the record. That includes occurrences of
    /// its earlier schedules, and those of suspended, completed and deleted jobs.
    pub(super) fn check_accounts(&self, model: &Model, known: &JobModel) -> Check {
        let mut entries: Vec<_> =
            model.occurrences(known.job.id).map(|known| stands_for(&known.execution)).collect();
        entries.sort_unstable();
        let now = self.shared.timeline.now() - TimeDelta::minutes(2);
        for schedule in known.all_schedules(now) {
            for slot in calendar::slots(&schedule.settings, schedule.since, schedule.until) {
                let recorded = entries.iter().any(|(first, last)| *first <= slot && slot <= *last);
                ensure(recorded, Invariant::Record, || {
                    let (id, frequency) = (known.job.id, schedule.settings.schedule());
                    format!("the occurrence of job {id} ({frequency}) at {slot} is not on the record")
                })?;
            }
        }
        Ok(())
    }
}

/// Invariant I1: the windows of all occurrences of a stretch, run or not, join without gap or overlap. A
/// covered occurrence does not count: its window lies within that of the covering one (rule W3a). Neither does
/// an empty window, whose records were exported before.
pub(super) fn check_contiguous(model: &Model, known: &JobModel) -> Check {
    let mut stretches: BTreeMap<Option<u32>, Vec<&Execution>> = BTreeMap::new();
    for entry in model.occurrences(known.job.id) {
        let window = entry.execution.window;
        let counts = !is_covered(&entry.execution) && window.start() != Some(window.end());
        if counts || entry.stretch.is_none() {
            stretches.entry(entry.stretch).or_default().push(&entry.execution);
        }
    }
    for windows in stretches.values_mut() {
        windows.sort_by_key(|one| (one.window.end(), one.window.start()));
    }
    let alone = stretches.remove(&None).unwrap_or_default();
    for windows in stretches.into_values() {
        if let Some(pair) = windows.windows(2).find(|pair| !joins(pair[0], pair[1], &alone)) {
            let what = format!("{} and {} do not join", brief(pair[0]), brief(pair[1]));
            return Err(Broken(Invariant::I1, what));
        }
    }
    Ok(())
}

/// Whether one window follows another. An edit that ends the tiling takes what waits out of its stretch, and may
/// give it another window (rule J10): what it took from between the two is `alone`, and is no gap.
fn joins(one: &Execution, next: &Execution, alone: &[&Execution]) -> bool {
    let (end, Some(start)) = (one.window.end(), next.window.start()) else { return false };
    let between = |taken: &&Execution| one.slot < taken.slot && taken.slot < next.slot;
    end == start || (end < start && alone.iter().any(between))
}

/// Whether a later occurrence exports the records of this one.
pub(super) fn is_covered(execution: &Execution) -> bool {
    matches!(execution.state, ExecutionState::Skipped(SkipReason::Coalesced { .. }))
}

/// The first and last slot that an entry of the record accounts for.
fn stands_for(execution: &Execution) -> (DateTime<Utc>, DateTime<Utc>) {
    match execution.state {
        ExecutionState::Skipped(
            SkipReason::Coalesced { first, last, .. }
            | SkipReason::CatchUpLimit { first, last, .. }
            | SkipReason::Suspended { first, last, .. }
            | SkipReason::Deleted { first, last, .. },
        ) => (first, last),
        _ => (execution.slot, execution.slot),
    }
}
