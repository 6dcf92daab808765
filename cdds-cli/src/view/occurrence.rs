//! The table of future occurrences.

use cdds_view::OccurrenceView;

use crate::output::{Cell, View};

/// Returns the slot and the two ends of the window.
pub(crate) fn occurrence_cells(occurrence: &OccurrenceView) -> [String; 3] {
    let OccurrenceView { slot, window, .. } = occurrence;
    [slot.to_string(), window.start_words(), window.end_words()]
}

impl View for OccurrenceView {
    const COLUMNS: &'static [&'static str] = &["slot", "window from", "window to"];

    fn row(&self) -> Vec<Cell> {
        // People compare these with a calendar, so they are exact for them too.
        occurrence_cells(self).map(Cell::Whole).into()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}
