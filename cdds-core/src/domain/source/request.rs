//! The request that a read sends to a source.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::calendar::zone::Zone;
use crate::domain::id::{Owner, TypeId};
use crate::domain::record::Place;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;
use crate::domain::subject::Subject;
use crate::setters::setters;

/// A request to read records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The owner for whom the source is read (rule J16). A source that holds the records of several owners
    /// returns this one's only.
    pub owner: Owner,
    /// The data type.
    pub data_type: TypeId,
    /// The half-open window. [`wants`](Self::wants) returns whether a record lies in it.
    pub window: Window,
    /// Which instant of a record must lie in the window.
    pub by: RecordInstant,
    /// The selected categories.
    pub categories: CategorySelection,
    /// The fields to export, and filters for the records (rule J4).
    pub template: Template,
    /// The zone whose days name the folders of records ([`place`](Self::place), rules A1, F9).
    pub zone: Zone,
    /// How unreadable records are handled.
    pub bad_records: BadRecordMode,
    /// The person about whom the records are (rule D1); `None` for records about anybody. A read by subject yields
    /// only records in which a [subject field](super::DataType::subject_fields) of the type holds one of the person's
    /// identifiers of its kind, both normalised
    /// ([`SubjectMatcher`](crate::domain::subject::SubjectMatcher)).
    pub subject: Option<Subject>,
}

setters! {
    ReadRequest {
        with_owner => owner: value Owner;
        with_data_type => data_type: value TypeId;
        with_window => window: value Window;
        with_by => by: value RecordInstant;
        with_categories => categories: value CategorySelection;
        with_template => template: value Template;
        with_zone => zone: value Zone;
        with_bad_records => bad_records: value BadRecordMode;
        with_subject => subject: option Subject;
    }
}

/// The instant that decides whether a record lies in the window (rule W7). The day of its folder is that of
/// the event instant in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordInstant {
    /// The instant of the event.
    #[default]
    Event,
    /// The instant of the last change or, if the record has none, of the event.
    Change,
}

/// How a read handles an unreadable record (rule E10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadRecordMode {
    /// The read ends with an error.
    #[default]
    Fail,
    /// The read hands the record over as rejected and goes on.
    Report,
}

impl RecordInstant {
    /// Returns the instant by which a timeframe selects records.
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
    /// Creates a request for all of the owner's records of `window` by their event instants, with all fields. A
    /// bad record ends the read. All fields are public, so set those that differ.
    pub fn new(owner: Owner, data_type: TypeId, window: Window) -> Self {
        Self {
            owner,
            data_type,
            window,
            by: RecordInstant::default(),
            categories: CategorySelection::default(),
            template: Template::default(),
            zone: Zone::UTC,
            bad_records: BadRecordMode::default(),
            subject: None,
        }
    }

    /// Returns the default place of a record with this category and event instant, in the folder of its day in the
    /// request's zone (rule A1).
    pub fn place(&self, category: Option<Arc<str>>, event_at: Option<DateTime<Utc>>) -> Place {
        Place::Dated { category, day: event_at.map(|instant| self.zone.day_of(instant)) }
    }

    /// Whether the request asks for a record with these instants (rule W7).
    ///
    /// By event, undated records belong to windows without a start. By change, a record without a change
    /// instant is judged by its event instant, and a record without either is never asked for. The event
    /// instant of a record with a change instant therefore does not matter.
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
        // Event and change instant, and whether the record is wanted: by event and by change in a bounded
        // window, then by event and by change in a window without a start.
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
                let request = ReadRequest::new(Owner::default(), TypeId::new("t").unwrap(), window);
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
