//! Windows and future occurrences.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::schedule::Occurrence;
use serde::Serialize;

use super::Instant;
use crate::output::{Cell, View};

/// `[start, end)`; no start for everything before the end.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct WindowView {
    start: Option<Instant>,
    end: Instant,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self { start: window.start().map(Instant), end: Instant(window.end()) }
    }
}

impl WindowView {
    pub(super) fn start_words(self) -> String {
        self.start.map_or_else(|| "the beginning".to_owned(), |start| start.to_string())
    }

    pub(super) fn end_words(self) -> String {
        self.end.to_string()
    }
}

/// When a job is due, and what it would export (rule F8).
#[derive(Debug, Serialize)]
pub(crate) struct OccurrenceView {
    slot: Instant,
    window: WindowView,
}

impl From<Occurrence> for OccurrenceView {
    fn from(Occurrence { slot, window }: Occurrence) -> Self {
        Self { slot: Instant(slot), window: window.into() }
    }
}

impl OccurrenceView {
    /// Returns the slot and the two ends of the window.
    pub(crate) fn cells(&self) -> [String; 3] {
        [self.slot.to_string(), self.window.start_words(), self.window.end_words()]
    }
}

impl View for OccurrenceView {
    const COLUMNS: &'static [&'static str] = &["slot", "window from", "window to"];

    fn row(&self) -> Vec<Cell> {
        // People compare these with a calendar, so they are exact for them too.
        self.cells().map(Cell::Whole).into()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}
