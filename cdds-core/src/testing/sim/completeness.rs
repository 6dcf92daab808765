//! Checks that windows end no later than the source is complete (rule W3b).

use chrono::{DateTime, TimeDelta, Utc};

use super::model::{Check, Model, brief, ensure};
use super::report::Invariant;
use super::watch::Watch;
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::domain::job::policy::Incomplete;
use crate::ports::source::RecordInstant;

impl Watch {
    /// Checks the window that a worker has frozen, or that the execution waits for a reason, given the answer
    /// of its source.
    pub(super) fn check_frozen(
        &self,
        model: &Model,
        before: &Execution,
        after: &Execution,
        complete_until: Option<DateTime<Utc>>,
    ) -> Check {
        let now = self.shared.timeline.now();
        let told = || {
            let (from, to) = (before.window, after.window);
            format!(
                "{} {from:?} became {} {to:?}, complete until {complete_until:?}",
                brief(before),
                brief(after)
            )
        };
        ensure(before.completeness.frozen_at.is_none(), Invariant::Record, || {
            format!("a window was frozen twice: {}", told())
        })?;
        // The source may have been asked earlier, but its answers never go back.
        let by = RecordInstant::of(&before.settings.timeframe);
        // A window ends where the least complete of the job's types is complete (rule J17).
        let reads = before.settings.reads.iter();
        let of_types = reads.map(|read| self.rows.complete_until(&before.owner, &read.data_type, now, by));
        let truth = of_types.min().unwrap_or(now);
        let late = self.shared.profile.knows_completeness && truth < after.window.end();
        let unheeded = after.state == ExecutionState::Running && complete_until.is_none() && late;
        ensure(!unheeded, Invariant::Complete, || format!("{}, is complete until {truth}", told()))?;
        let is_short = |until: &DateTime<Utc>| *until < before.window.end();
        let Some(until) = complete_until.filter(is_short) else {
            let kept = after.state == ExecutionState::Running && before.window == after.window;
            return ensure(kept && after.is_frozen(), Invariant::Complete, told);
        };
        let since = before.completeness.waits_since.unwrap_or(now);
        let policy = model.job(before.job_id)?.job.settings.policies.incomplete;
        let patient = match policy {
            Incomplete::Wait => true,
            Incomplete::GoOn { after } => now < since + after.duration(),
        };
        let ends_early = match before.settings.timeframe {
            Timeframe::SinceLastExport { .. } => before.generation.is_some(),
            Timeframe::All => matches!(before.trigger, Trigger::Scheduled | Trigger::Manual),
            _ => false,
        };
        let something_left = ends_early && before.window.start().is_none_or(|start| start < until);
        let holds = match after.state {
            ExecutionState::Running if something_left => after.window.end() == until,
            ExecutionState::Running => !patient && before.window == after.window,
            ExecutionState::Queued => {
                let wait = after.not_before - now;
                let bounded = wait >= TimeDelta::seconds(30) && wait <= TimeDelta::minutes(5);
                let known = after.completeness.waits_since == Some(since);
                !something_left && patient && bounded && known && before.window == after.window
            }
            _ => !something_left && before.cancel_requested_at.is_some(),
        };
        ensure(holds, Invariant::Complete, told)
    }
}
