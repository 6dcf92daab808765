//! The table of future occurrences.

use cdds_view::ForecastView;

use crate::output::{Cell, View};

/// Returns the slot and the two ends of the window.
pub(crate) fn occurrence_cells(forecast: &ForecastView) -> [String; 3] {
    let window = forecast.window;
    [forecast.slot_words(), window.start_words(), window.end_words()]
}

/// Returns `about 2000 so far`: what the source holds of the window now, or `None` if that is unknown.
pub(crate) fn expected_records(forecast: &ForecastView) -> Option<String> {
    let so_far = if forecast.so_far { " so far" } else { "" };
    forecast.estimated_records.map(|records| format!("about {records}{so_far}"))
}

impl View for ForecastView {
    const COLUMNS: &'static [&'static str] = &["slot", "window from", "window to", "records"];
    const GIVES_WAY: &'static [&'static str] = &["records"];

    fn row(&self) -> Vec<Cell> {
        // People compare these with a calendar, so they are exact for them too.
        let records = expected_records(self).unwrap_or_else(|| "unknown".to_owned());
        occurrence_cells(self).into_iter().chain([records]).map(Cell::Whole).collect()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}
