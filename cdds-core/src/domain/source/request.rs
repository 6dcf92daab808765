//! What is asked of a source.

use chrono::{DateTime, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::id::TypeId;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;

/// Which records to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// The data type.
    pub data_type: TypeId,
    /// Half-open; [`wants`](Self::wants) says which records lie in it.
    pub window: Window,
    /// By which of its instants a record is taken.
    pub by: RecordInstant,
    /// The selected categories.
    pub categories: CategorySelection,
    /// Which fields, and which records (rule J4).
    pub template: Template,
    /// What to do about records that cannot be read.
    pub bad_records: BadRecordMode,
}

/// By which of its instants a record is taken (rule W7). The day of its folder is that of the event instant
/// in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordInstant {
    /// When it happened.
    #[default]
    Event,
    /// When it was last changed, or else when it happened.
    Change,
}

/// What a read does about a record that cannot be read (rule E10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadRecordMode {
    /// It ends with an error.
    #[default]
    Fail,
    /// It hands it over as rejected and goes on.
    Report,
}

impl RecordInstant {
    /// By which instant a timeframe takes records.
    pub fn of(timeframe: &Timeframe) -> Self {
        match timeframe {
            Timeframe::SinceLastExport { .. } => Self::Change,
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::Rolling(_) | Timeframe::Previous(_) => {
                Self::Event
            }
        }
    }
}

impl ReadRequest {
    /// All records of `window` by their event instants, whole; a bad one ends the read. The fields are public
    /// for whatever is to be different.
    pub fn new(data_type: TypeId, window: Window) -> Self {
        Self {
            data_type,
            window,
            by: RecordInstant::default(),
            categories: CategorySelection::default(),
            template: Template::default(),
            bad_records: BadRecordMode::default(),
        }
    }

    /// Whether a record with these instants is asked for (rule W7).
    ///
    /// By event, undated records belong to windows without a start. By change, a record that names no change
    /// counts by its event instant, and one that has neither is never asked for. So the event instant of a
    /// record that names its change is of no concern.
    pub fn wants(&self, event_at: Option<DateTime<Utc>>, changed_at: Option<DateTime<Utc>>) -> bool {
        match self.by {
            RecordInstant::Event => self.window.contains(event_at),
            RecordInstant::Change => {
                let instant = changed_at.or(event_at);
                instant.is_some() && self.window.contains(instant)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn w7_which_instant_decides() {
        let (in_it, before, after) = (Some(at(15)), Some(at(5)), Some(at(25)));
        let bounded = Window::between(at(10), at(20));
        // Event and change instant, and whether the record is wanted: by event and by change, of a bounded
        // window; the same of the one without a start.
        for (event, change, expected) in [
            (in_it, None, [true, true, true, true]),
            (in_it, before, [true, false, true, true]),
            (in_it, after, [true, false, true, false]),
            (before, in_it, [false, true, true, true]),
            (after, in_it, [false, true, false, true]),
            (before, None, [false, false, true, true]),
            (after, None, [false, false, false, false]),
            (None, in_it, [false, true, true, true]),
            (None, after, [false, false, true, false]),
            (None, None, [false, false, true, false]),
        ] {
            let wants = |window, by| {
                let request = ReadRequest::new(TypeId::new("t").unwrap(), window);
                ReadRequest { by, ..request }.wants(event, change)
            };
            let found = [
                wants(bounded, RecordInstant::Event),
                wants(bounded, RecordInstant::Change),
                wants(Window::until(at(20)), RecordInstant::Event),
                wants(Window::until(at(20)), RecordInstant::Change),
            ];
            assert_eq!(found, expected, "event {event:?}, change {change:?}");
        }
    }
}
