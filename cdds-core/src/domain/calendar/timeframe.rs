//! Section W: which stretch of time an occurrence exports.

mod span;
mod text;

use chrono::{DateTime, SubsecRound, Utc};

use super::frequency::Frequency;
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
    /// The last hours, days, weeks or months up to the slot.
    Rolling(Span),
    /// The last whole hours, days, weeks (from Monday) or months before the slot: a day's data without that
    /// of the current day.
    Previous(Span),
    /// What is new or updated since the last export (rule W4).
    SinceLastExport {
        /// Where the first export begins; `None` for everything before.
        origin: Option<DateTime<Utc>>,
    },
}

/// Start and end of a fixed timeframe; the start is before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedRange {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl FixedRange {
    /// `[start, end)`, cut to whole microseconds (rule W1).
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

    /// The first instant inside.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant after.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }
}

impl Timeframe {
    /// The window of the occurrence at `slot`, computed from the slot and never from the moment the work
    /// starts (rules W1, W2). `None` for [`SinceLastExport`](Self::SinceLastExport), whose start is only
    /// known when the execution is first claimed; [`Window::since`] is its window then.
    ///
    /// A span equal to the frequency's own [period](Frequency::period) reaches back to the previous
    /// occurrence, so that the windows of successive occurrences tile exactly, also where a month is short or
    /// skipped and where hours do not divide the day (rule W3). At a slot that is not an occurrence, as of a
    /// job run by hand, it is the previous occurrence all the same.
    pub fn window(&self, frequency: &Frequency, slot: DateTime<Utc>) -> Option<Window> {
        let tiles = |span: &Span| frequency.period() == Some(*span);
        let previous = |end| frequency.last_before(end).unwrap_or(DateTime::<Utc>::MIN_UTC);
        match self {
            Self::All => Some(Window::until(slot)),
            Self::Fixed(range) => Some(Window::between(range.start, range.end)),
            Self::Rolling(span) => {
                let start = if tiles(span) { previous(slot) } else { span.before(slot) };
                Some(Window::between(start, slot))
            }
            Self::Previous(span) => {
                let end = span.unit.floor(slot);
                // An occurrence within the slot's own unit, before a run by hand, would leave nothing; for
                // occurrences themselves the previous one lies in an earlier unit anyway.
                let start = if tiles(span) { span.unit.floor(previous(end)) } else { span.before(end) };
                Some(Window::between(start, end))
            }
            Self::SinceLastExport { .. } => None,
        }
    }

    /// Checks what is asked for: a fixed range must not end in the future (rule W2), a rolling or previous
    /// one not reach back more than a hundred years.
    ///
    /// # Errors
    /// [`Code::InvalidTimeframe`].
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

    /// Whether the timeframe asks for records by their instant (rule W7).
    pub fn needs_event_instant(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// Whether each export begins where the last one ended, kept by a watermark (rule W4).
    pub fn is_incremental(&self) -> bool {
        matches!(self, Self::SinceLastExport { .. })
    }
}
