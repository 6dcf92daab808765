//! Windows and future occurrences.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::schedule::Occurrence;
use cdds_core::service::jobs::Forecast;
use serde::{Deserialize, Serialize};

use crate::instant::Instant;

/// The exported stretch of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WindowView {
    /// The first instant inside; null for everything before the end.
    pub start: Option<Instant>,
    /// The first instant after.
    pub end: Instant,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self { start: window.start().map(Instant), end: Instant(window.end()) }
    }
}

impl WindowView {
    /// `2026-01-01T00:00:00Z`, or `the beginning`
    pub fn start_words(self) -> String {
        self.start.map_or_else(|| "the beginning".to_owned(), |start| start.to_string())
    }

    /// `2026-01-02T00:00:00Z`
    pub fn end_words(self) -> String {
        self.end.to_string()
    }

    /// `the beginning to 2026-01-02T00:00:00Z`
    pub fn words(self) -> String {
        format!("{} to {}", self.start_words(), self.end)
    }
}

/// When a job is due, and what it would export (rule F8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct OccurrenceView {
    /// The instant at which the job is due.
    pub slot: Instant,
    /// What it would export.
    pub window: WindowView,
}

impl From<Occurrence> for OccurrenceView {
    fn from(Occurrence { slot, window }: Occurrence) -> Self {
        Self { slot: Instant(slot), window: window.into() }
    }
}

/// When a job is due, what it would export, and how much of it there is now (rule F8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ForecastView {
    /// The instant at which the job is due.
    pub slot: Instant,
    /// What it would export.
    pub window: WindowView,
    /// How many records the source estimates now; null if that is unknown, or if the window has not begun.
    pub estimated_records: Option<u64>,
    /// Whether the window is not over, so that records may still come.
    pub so_far: bool,
}

impl From<Forecast> for ForecastView {
    fn from(forecast: Forecast) -> Self {
        let OccurrenceView { slot, window } = forecast.occurrence.into();
        Self { slot, window, estimated_records: forecast.records, so_far: forecast.is_open }
    }
}
