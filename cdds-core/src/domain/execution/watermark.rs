//! Rules W4, J11: how far the incremental exports of a job have come.

use chrono::{DateTime, SubsecRound, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::Execution;

/// How far the incremental exports of a job have come (rule W4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// Counts resets, starting at 1. An execution of an older generation cannot move the watermark (rule
    /// J11).
    pub generation: u64,
    /// Everything before this instant was exported. `None` if nothing was, so that the next export starts at
    /// the beginning of time.
    pub at: Option<DateTime<Utc>>,
}

/// An execution succeeded over a window that does not start at the watermark. This cannot happen while at
/// most one execution of a job runs at a time. If it does, publishing would double or lose records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window of the execution does not start where the last export ended")]
pub struct Overtaken;

impl Watermark {
    /// Returns the watermark at which a job of this timeframe begins.
    pub fn at_origin(timeframe: &Timeframe) -> Self {
        Self { generation: 1, at: origin(timeframe) }
    }

    /// Returns a new generation, which begins at the origin again (rule J11).
    #[must_use]
    pub fn reset(self, timeframe: &Timeframe) -> Self {
        Self { generation: self.generation + 1, at: origin(timeframe) }
    }

    /// Returns the watermark after the success of `execution`: the end of its window if it is of this
    /// generation and starts here. An execution of another generation, or of none, leaves the watermark
    /// alone. It never moves backwards (rule W4).
    ///
    /// # Errors
    /// [`Overtaken`] if the execution is of this generation but its window starts elsewhere or ends no later.
    pub fn after_success(self, execution: &Execution) -> Result<Self, Overtaken> {
        if execution.generation != Some(self.generation) {
            return Ok(self);
        }
        let (start, end) = (execution.window.start(), execution.window.end());
        if start == self.at && self.at.is_none_or(|at| at < end) {
            return Ok(Self { at: Some(end), ..self });
        }
        Err(Overtaken)
    }
}

/// Returns the origin of an incremental timeframe, truncated to whole microseconds as windows are (rule W1).
fn origin(timeframe: &Timeframe) -> Option<DateTime<Utc>> {
    match timeframe {
        Timeframe::SinceLastExport { origin } => origin.map(|origin| origin.trunc_subsecs(6)),
        _ => None,
    }
}
