//! Rules W4, J11: how far the incremental exports of a job have come.

use chrono::{DateTime, SubsecRound, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::Execution;

/// How far the incremental exports of a job have come (rule W4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// Counts resets, from 1: an execution of an older generation cannot move it (rule J11).
    pub generation: u64,
    /// Everything before this instant was exported; `None` for nothing, so that the next export starts at
    /// the beginning of time.
    pub at: Option<DateTime<Utc>>,
}

/// An execution succeeded over a window that does not start at the watermark. It cannot happen while one
/// execution of a job runs at a time; if it does, publishing would double or lose records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window of the execution does not start where the last export ended")]
pub struct Overtaken;

impl Watermark {
    /// Where a job of this timeframe begins.
    pub fn at_origin(timeframe: &Timeframe) -> Self {
        Self { generation: 1, at: origin(timeframe) }
    }

    /// A new generation, which begins at the origin again (rule J11).
    #[must_use]
    pub fn reset(self, timeframe: &Timeframe) -> Self {
        Self { generation: self.generation + 1, at: origin(timeframe) }
    }

    /// The watermark after the success of `execution`: at the end of its window, if it is of this
    /// generation and starts here; never backwards.
    ///
    /// # Errors
    /// [`Overtaken`] if it is of this generation and starts elsewhere.
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

/// In whole microseconds, as windows are (rule W1).
fn origin(timeframe: &Timeframe) -> Option<DateTime<Utc>> {
    match timeframe {
        Timeframe::SinceLastExport { origin } => origin.map(|origin| origin.trunc_subsecs(6)),
        _ => None,
    }
}
