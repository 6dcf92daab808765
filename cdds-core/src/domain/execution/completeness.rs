//! Rule W3b: a window ends no later than the instant up to which its source is complete.
//!
//! A claim decides everything about an execution except the end of its window. The worker then asks the source
//! and freezes the end ([`Execution::freeze`]), or gives the execution back until it asks again.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::{Execution, ExecutionState, Trigger};
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::execution::progress::Progress;
use crate::domain::job::policy::Incomplete;

/// The shortest wait before a source that was not complete is asked again.
pub const ASK_AGAIN_MIN: TimeDelta = TimeDelta::seconds(30);

/// The longest wait before a source that was not complete is asked again.
pub const ASK_AGAIN_MAX: TimeDelta = TimeDelta::minutes(5);

/// What an execution knows about its source, and how long it has waited for it (rule W3b).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Completeness {
    /// When the end of the window was frozen, before the first record was read. `None` until then.
    pub frozen_at: Option<DateTime<Utc>>,
    /// When the source was found to be incomplete for the first time. Stays for the rest of the execution's
    /// life; `None` if it never waited.
    pub waits_since: Option<DateTime<Utc>>,
    /// The instant up to which the source was complete when it was last asked. `None` if it was not asked or
    /// does not know.
    pub complete_until: Option<DateTime<Utc>>,
}

/// The result of freezing the end of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frozen {
    /// The window is frozen and may be read.
    Running(Execution),
    /// The source is not complete, so the attempt is over. The execution is queued again or, if its
    /// cancellation was requested, has ended as cancelled.
    Held(Execution),
}

impl Frozen {
    /// Returns the execution as it is then.
    pub fn execution(&self) -> &Execution {
        match self {
            Self::Running(execution) | Self::Held(execution) => execution,
        }
    }

    /// Returns the execution as it is then, by value.
    pub fn into_execution(self) -> Execution {
        match self {
            Self::Running(execution) | Self::Held(execution) => execution,
        }
    }
}

impl Execution {
    /// Whether the end of its window is frozen. Retries keep it and do not ask the source again (rule W1).
    pub fn is_frozen(&self) -> bool {
        self.completeness.frozen_at.is_some()
    }

    /// Returns since when it waits for its source, or `None` if it does not.
    pub fn waits_for_source(&self) -> Option<DateTime<Utc>> {
        self.completeness.waits_since.filter(|_| self.is_open() && !self.is_frozen())
    }

    /// Returns the instant up to which the source was complete, if the execution went on with a later end of
    /// its window. Records from that instant on may be missing from its set.
    pub fn incomplete_from(&self) -> Option<DateTime<Utc>> {
        self.completeness.complete_until.filter(|until| self.is_frozen() && *until < self.window.end())
    }

    /// Freezes the end of the window of a running execution, given the instant up to which its source is
    /// complete, rounded down to the source's granularity. `None` if the source does not know it: the window
    /// then stays as it is. A frozen window stays as it is, too, so that a repeated call changes nothing.
    ///
    /// A window that may end earlier ends where the source is complete. If that leaves nothing, or if the
    /// window has to keep its end, the execution is held: it is queued again, and the attempt does not count.
    /// `policy` is that of the job now, not that of the claim, so that an edit can end the wait.
    pub fn freeze(
        mut self,
        policy: Incomplete,
        complete_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Frozen {
        if self.is_frozen() {
            return Frozen::Running(self);
        }
        // Windows are whole microseconds (rule W1).
        let complete_until = complete_until.map(|until| until.trunc_subsecs(6));
        self.completeness.complete_until = complete_until;
        if let Some(until) = complete_until.filter(|until| *until < self.window.end()) {
            let lowered = Window::since(self.window.start(), until).filter(|_| self.may_end_earlier());
            let since = self.completeness.waits_since.unwrap_or(now);
            match lowered {
                Some(lowered) => self.window = lowered,
                None if policy.goes_on(since, now) => {}
                None => return Frozen::Held(self.held(since, now)),
            }
        }
        self.completeness.frozen_at = Some(now);
        Frozen::Running(self)
    }

    /// Whether what its window leaves out belongs to the next one: the next window begins at its end, or holds
    /// everything before a later end.
    fn may_end_earlier(&self) -> bool {
        let is_own = matches!(self.trigger, Trigger::Scheduled | Trigger::Manual);
        self.generation.is_some() || (is_own && self.settings.timeframe == Timeframe::All)
    }

    /// Gives the execution back until the source is asked again. It was claimed, so it keeps its start, its
    /// generation and its settings, and later executions of its job wait behind it (rule E2).
    fn held(mut self, since: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        self.completeness.waits_since = Some(since);
        if self.cancel_requested_at.is_some() {
            return self.cancelled(now);
        }
        self.attempts.pop();
        if self.attempts.is_empty() {
            // Nothing has started: the wait does not count as the time that it took.
            self.started_at = None;
        }
        self.state = ExecutionState::Queued;
        // As long as it has waited already, so that the interval doubles.
        let wait = now.signed_duration_since(since).clamp(ASK_AGAIN_MIN, ASK_AGAIN_MAX);
        self.not_before = now.checked_add_signed(wait).unwrap_or(now);
        self.progress = Progress::default();
        self
    }
}
