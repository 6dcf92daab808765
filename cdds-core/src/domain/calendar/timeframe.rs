//! Section W: the stretch of time that an occurrence exports.

mod span;
mod text;

use chrono::{DateTime, SubsecRound, Utc};

#[cfg(doc)]
use super::frequency::Frequency;
use super::schedule::Schedule;
use super::window::Window;
use crate::domain::violation::{Code, RuleViolation};
use text::rfc3339;

pub use span::{Span, Unit};

/// Which records an occurrence exports, by event instant (rule W2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timeframe {
    /// Everything up to the slot, undated records included.
    All,
    /// The same stretch at every occurrence.
    Fixed(FixedRange),
    /// The last hours, days, weeks or months up to the slot, days and longer ones by the clock of the job's zone.
    Rolling(Span),
    /// The last whole hours, days, weeks (from Monday) or months before the slot, days and longer ones in the job's
    /// zone. `previous:1d`, for example, leaves the current day out.
    Previous(Span),
    /// Records that are new or updated since the last export (rule W4).
    SinceLastExport {
        /// Where the first export begins; `None` for everything before.
        origin: Option<DateTime<Utc>>,
    },
}

/// The start and end of a fixed timeframe. The start is before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedRange {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl FixedRange {
    /// Creates the range `[start, end)`, truncated to whole microseconds (rule W1).
    ///
    /// # Errors
    /// [`Code::InvalidTimeframe`] unless `start < end`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, RuleViolation> {
        let (start, end) = (start.trunc_subsecs(6), end.trunc_subsecs(6));
        if start >= end {
            return Err(RuleViolation::new(
                Code::InvalidTimeframe,
                format!(
                    "the fixed timeframe starts at {} but ends at {}: the start must be before the end",
                    rfc3339(start),
                    rfc3339(end)
                ),
            ));
        }
        Ok(Self { start, end })
    }

    /// Returns the start, which is inside the range.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// Returns the end, which is outside the range.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }
}

impl Timeframe {
    /// Returns the window of the occurrence at `slot`, computed from the slot and never from the moment the
    /// work starts (rules W1, W2). Returns `None` for [`SinceLastExport`](Self::SinceLastExport): its start
    /// is known only when the execution is first claimed, and [`Window::since`] then computes the window.
    ///
    /// A span equal to the frequency's own [period](Frequency::period) reaches back to the previous
    /// occurrence. The windows of successive occurrences therefore tile exactly, even if a month is short or
    /// skipped, the hours do not divide the day (rule W3), or the clock is put forward or back (rule F9). The same
    /// holds at a slot that is not an occurrence, such as that of a job run by hand.
    ///
    /// Two occurrences in one day of the zone, as a clock that is put back can make them, have the same window of
    /// `previous:1d` by this; the record of a job tells the second that nothing is left.
    pub fn window<'a>(&self, schedule: impl Into<Schedule<'a>>, slot: DateTime<Utc>) -> Option<Window> {
        let schedule = schedule.into();
        let tiles = |span: &Span| schedule.period() == Some(*span);
        let previous = |end| schedule.last_before(end).unwrap_or(DateTime::<Utc>::MIN_UTC);
        match self {
            Self::All => Some(Window::until(slot)),
            Self::Fixed(range) => Some(Window::between(range.start, range.end)),
            Self::Rolling(span) => {
                let start = if tiles(span) { previous(slot) } else { span.before(slot, schedule.zone()) };
                Some(Window::between(start, slot))
            }
            Self::Previous(span) => {
                // Look before the end, not before `slot`. If a job is run by hand, an occurrence may lie
                // between the two, and the window would be empty. For a scheduled slot both give the same
                // start.
                let (start, end) = span.whole_before(slot, schedule.zone(), tiles(span).then_some(previous));
                Some(Window::between(start, end))
            }
            Self::SinceLastExport { .. } => None,
        }
    }

    /// Checks the bounds of the timeframe (rule W2): a fixed range must not end after `now`, and a rolling or
    /// previous timeframe must not reach back more than a hundred years.
    ///
    /// # Errors
    /// [`Code::InvalidTimeframe`] if a bound is exceeded.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), RuleViolation> {
        match self {
            Self::Rolling(span) | Self::Previous(span) if span.count.get() > span.unit.count_max() => {
                Err(RuleViolation::new(
                    Code::InvalidTimeframe,
                    format!(
                        "{self} reaches back more than a hundred years: use {}{} or less, or all",
                        span.unit.count_max(),
                        span.unit.suffix()
                    ),
                ))
            }
            Self::Fixed(range) if range.end > now => Err(RuleViolation::new(
                Code::InvalidTimeframe,
                format!(
                    "the fixed timeframe ends at {}, which is in the future: end it at {} or before",
                    rfc3339(range.end),
                    rfc3339(now)
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the timeframe selects records by their instant (rule W7).
    pub fn needs_event_instant(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// Whether each export begins where the last one ended, as recorded by a watermark (rule W4).
    pub fn is_incremental(&self) -> bool {
        matches!(self, Self::SinceLastExport { .. })
    }
}
