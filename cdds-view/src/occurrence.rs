//! Windows and future occurrences.

use cdds_core::domain::calendar::schedule::SlotNote;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::schedule::Occurrence;
use cdds_core::service::jobs::Forecast;
use serde::{Deserialize, Serialize};

use crate::instant::{Instant, LocalTime};
use crate::names;
use crate::slot_reading::SlotReadingView;

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
    /// What the job's clock shows then, with its offset from UTC; null if its clock is UTC (rule F9).
    #[serde(default)]
    pub local: Option<LocalTime>,
    /// `shifted`: the clock leaves the job's time out, so it is due right after. `second`: the clock shows this time
    /// for the second time. Null if neither is so.
    #[serde(default, with = "names::slot_note")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::SlotNote>))]
    pub note: Option<SlotNote>,
    /// What it would export.
    pub window: WindowView,
}

impl From<Occurrence> for OccurrenceView {
    fn from(Occurrence { slot, local, note, window }: Occurrence) -> Self {
        Self { slot: Instant(slot), local: local.map(LocalTime), note, window: window.into() }
    }
}

/// When a job is due, what it would export, and how much of it there is now (rule F8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ForecastView {
    /// The instant at which the job is due.
    pub slot: Instant,
    /// What the job's clock shows then, with its offset from UTC; null if its clock is UTC (rule F9).
    #[serde(default)]
    pub local: Option<LocalTime>,
    /// `shifted`: the clock leaves the job's time out, so it is due right after. `second`: the clock shows this time
    /// for the second time. Null if neither is so.
    #[serde(default, with = "names::slot_note")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::SlotNote>))]
    pub note: Option<SlotNote>,
    /// What it would export.
    pub window: WindowView,
    /// How many records the source estimates now; null if that is unknown, or if the window has not begun.
    pub estimated_records: Option<u64>,
    /// Whether the window is not over, so that records may still come.
    pub so_far: bool,
}

impl From<Forecast> for ForecastView {
    fn from(forecast: Forecast) -> Self {
        let OccurrenceView { slot, local, note, window } = forecast.occurrence.into();
        Self { slot, local, note, window, estimated_records: forecast.records, so_far: forecast.is_open }
    }
}

impl ForecastView {
    /// `2026-03-29T01:00:00Z`, or `2026-03-29T01:00:00Z (2026-03-29T03:00:00+02:00, shifted)` by a job's own clock
    pub fn slot_words(self) -> String {
        let reading = self.local.map(|local| SlotReadingView { local, note: self.note });
        match reading {
            None => self.slot.to_string(),
            Some(reading) => format!("{} ({reading})", self.slot),
        }
    }
}
