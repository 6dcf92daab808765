//! What a job's clock shows at a slot.

use std::fmt;

use cdds_core::domain::calendar::schedule::{SlotNote, SlotReading};
use serde::{Deserialize, Serialize};

use crate::instant::LocalTime;
use crate::names;

/// What a job's clock shows at a slot (rule F9): `2026-03-29T03:00:00+02:00, shifted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SlotReadingView {
    /// The time, with its offset from UTC.
    pub local: LocalTime,
    /// `shifted`: the clock leaves the job's time out, so it is due right after. `second`: the clock shows this time
    /// for the second time. Null if neither is so.
    #[serde(default, with = "names::slot_note")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::SlotNote>))]
    pub note: Option<SlotNote>,
}

impl From<SlotReading> for SlotReadingView {
    fn from(SlotReading { local, note }: SlotReading) -> Self {
        Self { local: LocalTime(local), note }
    }
}

impl fmt::Display for SlotReadingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.note {
            None => self.local.fmt(f),
            Some(note) => write!(f, "{}, {}", self.local, note.as_str()),
        }
    }
}
