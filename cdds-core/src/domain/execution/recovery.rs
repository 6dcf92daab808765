//! Which failures no longer need anybody, because a later execution exported the same (rules W4, W5).

use super::{Execution, ExecutionState, Trigger};

impl Execution {
    /// Returns whether `later` has made this failed execution good: an execution of the same job that succeeded afterwards,
    /// and that ran it again, was of the same occurrence, or exported the whole of its window.
    pub fn is_made_good_by(&self, later: &Self) -> bool {
        let is_later = later.finished_at > self.finished_at;
        if later.job_id != self.job_id || later.state != ExecutionState::Succeeded || !is_later {
            return false;
        }
        let reruns = matches!(later.trigger, Trigger::Rerun { of, .. } if of == self.id);
        let is_same_occurrence =
            later.slot == self.slot && later.trigger.is_backfill() == self.trigger.is_backfill();
        reruns || is_same_occurrence || self.is_covered_by(later)
    }

    fn is_covered_by(&self, later: &Self) -> bool {
        let (own, other) = (self.window, later.window);
        if other.end() < own.end() {
            return false;
        }
        // The watermark had not moved, so the later window began where this one would have (rule W4).
        let continues = self.generation.is_some() && self.generation == later.generation;
        continues || other.start().is_none() || (own.start().is_some() && other.start() <= own.start())
    }
}
