//! The check of records that a source hands over for a request (rules R8, D1, J3, J4, W1, W7). A record of the
//! wrong day or category, or with a field that was not selected, would be published as if it had been
//! requested, possibly to people who must not see it.
//!
//! A place is checked when its first record arrives. Fields are checked for that record and for the first
//! record of each batch. The cost therefore does not grow with the number of records. A folder that the
//! source chooses itself shows neither a day nor a category and is not checked.
//!
//! Of a read by subject, each record is checked: there are few, and one about somebody else would be handed to a
//! stranger. Only where the request leaves a subject field out can a record not show whom it is about.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::prune;
use super::selection::CategorySelection;
use super::template::unescaped;
use crate::domain::calendar::window::Window;
use crate::domain::calendar::zone::Zone;
use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::{Place, RecordBatch};
use crate::domain::source::{DataType, ReadRequest, RecordInstant};
use crate::domain::subject::SubjectMatcher;

/// The records that one read may hand over.
#[derive(Debug)]
pub struct Handover {
    source: SourceId,
    data_type: TypeId,
    declared: Vec<String>,
    categories: CategorySelection,
    window: Window,
    zone: Zone,
    days: Days,
    /// The fields that a record may have. `None` allows any.
    fields: Option<HashSet<String>>,
    /// Whether records without an event instant are counted, which they are if the type declares one.
    has_event_instant: bool,
    /// Whom each record must be about, if records show that.
    subject: Option<SubjectMatcher>,
}

/// How the day of a place, which is that of the event instant, relates to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// Records are selected by their event instants, so the day must lie in the window.
    ByEvent,
    /// The job selects records by change, but the type has only event instants, so those are used instead.
    /// The day must lie in the window, and there must be one.
    ByEventOnly,
    /// Records are selected by their change instants and may have happened on any day.
    Any,
}

/// A record that a source must not hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// The category is not declared by the type. Such a record belongs under `all` (rule A1).
    #[error(
        "a record under a category that its type does not declare: declare the category, or hand the record over \
         without one"
    )]
    UndeclaredCategory,
    /// The category is not selected (rule J3).
    #[error("a record of a category that was not asked for: the source must leave it out")]
    DeselectedCategory,
    /// The day lies outside the window (rule W1).
    #[error("a record of a day outside the window that was asked for: the source must leave it out")]
    OutsideWindow,
    /// The record has no day, although the window asks for instants (rule W7).
    #[error("a record without an instant for a window that asks for instants: the source must leave it out")]
    Undated,
    /// The field is not declared by the type, or is not selected (rule J4).
    #[error(
        "a record with a field that its type does not declare, or that was not asked for: declare every field of \
         the type, or none"
    )]
    UndeclaredField,
    /// The record is about somebody else (rule D1).
    #[error("a record that does not name the person who was asked for: the source must leave it out")]
    OtherSubject,
}

impl Handover {
    /// Returns what `request` allows a source to hand over for a data type.
    pub fn new(source: &SourceId, data_type: &DataType, request: &ReadRequest) -> Self {
        // Only a source that applies templates itself must leave out fields that are not selected. For others
        // the engine does so later, and all declared fields may come.
        let selected = request.template.fields.names().filter(|_| data_type.pushes_down);
        let fields = selected.or(data_type.fields.as_deref());
        let is_shown = |key: &str| fields.is_none_or(|names| names.iter().any(|name| name == key));
        let subject =
            request.subject.as_ref().map(|subject| SubjectMatcher::new(&data_type.subject_fields, subject));
        Self {
            subject: subject.filter(|subject| subject.keys().all(is_shown)),
            source: source.clone(),
            data_type: data_type.id.clone(),
            declared: data_type.category.iter().flat_map(|category| category.values.clone()).collect(),
            categories: request.categories.clone(),
            window: request.window,
            zone: request.zone.clone(),
            days: match request.by {
                RecordInstant::Event => Days::ByEvent,
                RecordInstant::Change if data_type.has_change_instant => Days::Any,
                RecordInstant::Change => Days::ByEventOnly,
            },
            fields: fields.map(|names| names.iter().cloned().collect()),
            has_event_instant: data_type.has_event_instant,
        }
    }

    /// Checks a batch. `is_known` returns whether a place was checked before.
    ///
    /// # Errors
    /// A [`Failure`] of the read that names the source and contains nothing of the record. It is not
    /// retryable.
    pub fn check(&self, batch: &RecordBatch, is_known: impl Fn(&Place) -> bool) -> Result<(), Failure> {
        self.check_batch(batch, is_known).map_err(|breach| Failure {
            step: Step::Read,
            kind: FailureKind::Invalid,
            message: format!("source {}, type {}: it handed over {breach}", self.source, self.data_type),
            retryable: false,
        })
    }

    /// Checks a batch, as [`check`](Self::check) does.
    ///
    /// # Errors
    /// The first [`Breach`] of a record.
    pub(crate) fn check_batch(
        &self,
        batch: &RecordBatch,
        is_known: impl Fn(&Place) -> bool,
    ) -> Result<(), Breach> {
        // For each place of the batch, whether its first record is still to come.
        let mut new: Vec<bool> = batch.places().iter().map(|place| !is_known(place)).collect();
        let checked = batch.places().iter().zip(&new).filter(|(_, new)| **new);
        checked.map(|(place, _)| place).try_for_each(|place| self.check_place(place))?;
        if let Some(subject) = &self.subject
            && !batch.iter().all(|record| subject.matches_line(record.line))
        {
            return Err(Breach::OtherSubject);
        }
        let Some(fields) = &self.fields else { return Ok(()) };
        let mut left = new.iter().filter(|new| **new).count();
        // The first record of each new place stands for all of them. The first record of the batch is checked
        // even if its place is known.
        for (number, record) in batch.iter().enumerate() {
            let is_new = new.get_mut(record.place_index).is_some_and(std::mem::take);
            left -= usize::from(is_new);
            if is_new || number == 0 {
                check_fields(fields, record.line)?;
            }
            // The remaining records belong to places whose first record has been checked.
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Checks whether records of this place were asked for.
    ///
    /// # Errors
    /// The [`Breach`] that such a record would be.
    pub fn check_place(&self, place: &Place) -> Result<(), Breach> {
        let Place::Dated { category, day } = place else { return Ok(()) };
        if category.as_ref().is_some_and(|category| !self.declared.iter().any(|known| **known == **category))
        {
            return Err(Breach::UndeclaredCategory);
        }
        if !self.categories.includes(category.as_deref()) {
            return Err(Breach::DeselectedCategory);
        }
        match (self.days, day) {
            (Days::Any, _) => Ok(()),
            // A window without a start includes undated records (rule W7).
            (Days::ByEvent, None) if self.window.start().is_none() => Ok(()),
            (Days::ByEvent | Days::ByEventOnly, None) => Err(Breach::Undated),
            (Days::ByEvent | Days::ByEventOnly, Some(day)) if self.reaches(*day) => Ok(()),
            (Days::ByEvent | Days::ByEventOnly, Some(_)) => Err(Breach::OutsideWindow),
        }
    }

    /// Whether the window holds any instant of a day. A day at the edge of the window passes, since a place
    /// does not show the time.
    fn reaches(&self, day: NaiveDate) -> bool {
        let begin = |day: NaiveDate| self.zone.start_of(day);
        let next = day.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, begin);
        begin(day) < self.window.end() && self.window.start().is_none_or(|start| start < next)
    }

    /// Returns how many records of a batch have no event instant (rule W7): those that the source left out
    /// for that reason, and those that go into `undated` because everything was asked for.
    pub fn undated(&self, batch: &RecordBatch) -> u64 {
        let is_undated = |place: &Place| matches!(place, Place::Dated { day: None, .. });
        let counts = self.has_event_instant && self.days == Days::ByEvent;
        // Most batches have no undated place, and then the records need not be walked through.
        let exported = if counts && batch.places().iter().any(is_undated) {
            batch.iter().filter(|record| is_undated(record.place)).count()
        } else {
            0
        };
        batch.undated() + exported as u64
    }
}

/// Checks that each outermost key of a record is one of these fields.
fn check_fields(fields: &HashSet<String>, line: &[u8]) -> Result<(), Breach> {
    let mut unknown = false;
    let known = |key: &[u8]| std::str::from_utf8(&unescaped(key)).is_ok_and(|key| fields.contains(key));
    let read = prune::object(line, &mut Vec::new(), |key, _| unknown |= !known(key));
    // Anything but an object is left to other checks.
    if read.is_ok() && unknown { Err(Breach::UndeclaredField) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Owner;
    use crate::domain::record::RecordBatchBuilder;
    use crate::domain::record::selection::CategoryDimension;
    use crate::domain::record::template::{FieldNames, FieldSelection, Template};
    use crate::domain::subject::{Identifier, IdentifierKind, Subject, SubjectField};

    fn data_type() -> DataType {
        let media = CategoryDimension { name: "media".into(), values: vec!["voice".into(), "chat".into()] };
        DataType::new(TypeId::new("call").unwrap()).with_category(media).with_event_instant()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// From noon of 1 March to noon of 2 March.
    fn request() -> ReadRequest {
        let window = Window::between(at("2026-03-01T12:00:00Z"), at("2026-03-02T12:00:00Z"));
        ReadRequest::new(Owner::default(), TypeId::new("call").unwrap(), window)
    }

    fn handover(data_type: &DataType, request: &ReadRequest) -> Handover {
        Handover::new(&SourceId::new("calls").unwrap(), data_type, request)
    }

    fn place(category: Option<&str>, day: Option<&str>) -> Place {
        let at = day.map(|day| at(&format!("{day}T00:00:00Z")));
        Place::of(category.map(Into::into), at)
    }

    #[test]
    fn r8_j3_categories_are_declared_and_selected() {
        let of_all =
            |category| handover(&data_type(), &request()).check_place(&place(category, Some("2026-03-01")));
        assert_eq!((of_all(Some("voice")), of_all(None)), (Ok(()), Ok(())));
        assert_eq!(of_all(Some("fax")), Err(Breach::UndeclaredCategory));
        let voice =
            ReadRequest { categories: CategorySelection::Only(["voice".to_owned()].into()), ..request() };
        let of_some =
            |category| handover(&data_type(), &voice).check_place(&place(category, Some("2026-03-01")));
        assert_eq!(of_some(Some("voice")), Ok(()));
        assert_eq!(
            (of_some(Some("chat")), of_some(None)),
            (Err(Breach::DeselectedCategory), Err(Breach::DeselectedCategory))
        );
        let folder = Place::Folder("anything".into());
        assert_eq!(handover(&data_type(), &voice).check_place(&folder), Ok(()));
    }

    #[test]
    fn r8_w1_w7_days_are_those_of_the_window() {
        let check = |data_type: &DataType, request: &ReadRequest, day| {
            handover(data_type, request).check_place(&place(None, day))
        };
        let changing = data_type().with_change_instant();
        let by_change = ReadRequest { by: RecordInstant::Change, ..request() };
        let outside = Err(Breach::OutsideWindow);
        for (day, expected) in
            [("2026-02-28", outside), ("2026-03-01", Ok(())), ("2026-03-02", Ok(())), ("2026-03-03", outside)]
        {
            assert_eq!(check(&data_type(), &request(), Some(day)), expected);
            assert_eq!(
                check(&data_type(), &by_change, Some(day)),
                expected,
                "the event stands for the change"
            );
            assert_eq!(check(&changing, &by_change, Some(day)), Ok(()));
        }
        // The end is outside, also at midnight.
        let until = |end: &str| ReadRequest { window: Window::until(at(end)), ..request() };
        assert_eq!(check(&data_type(), &until("2026-03-02T00:00:00Z"), Some("2026-03-02")), outside);
        assert_eq!(check(&data_type(), &until("2026-03-02T00:00:00Z"), Some("0001-01-01")), Ok(()));
        assert_eq!(check(&data_type(), &until("2026-03-02T00:00:00Z"), None), Ok(()));
        assert_eq!(check(&data_type(), &request(), None), Err(Breach::Undated));
        assert_eq!(check(&data_type(), &by_change, None), Err(Breach::Undated));
        assert_eq!(check(&changing, &by_change, None), Ok(()));
    }

    #[test]
    fn r8_j4_the_first_record_of_a_place_has_no_other_fields() {
        let declared = data_type().with_fields(["id", "näme"]);
        let batch = |records: &[(&str, &str)]| {
            let mut builder = RecordBatchBuilder::new();
            for (category, json) in records {
                builder.raw_line(&place(Some(category), Some("2026-03-01")), json.as_bytes()).unwrap();
            }
            builder.take()
        };
        let known = r#"{"id":1,"n\u00e4me":{"any":"thing"}}"#;
        let other = r#"{"id":1,"secret":2}"#;
        let check = |data_type: &DataType, request: &ReadRequest, records: &[(&str, &str)], first: bool| {
            handover(data_type, request).check(&batch(records), |_| !first).map_err(|failure| failure.message)
        };
        assert_eq!(check(&declared, &request(), &[("voice", known), ("chat", known)], true), Ok(()));
        for records in [&[("voice", other)][..], &[("voice", known), ("voice", known), ("chat", other)]] {
            let told = check(&declared, &request(), records, true).unwrap_err();
            assert!(told.contains("source calls, type call") && !told.contains("secret"), "{told}");
            assert_eq!(check(&data_type(), &request(), records, true), Ok(()), "nothing is declared");
        }
        assert!(check(&declared, &request(), &[("voice", other)], false).is_err(), "each batch is looked at");
        assert_eq!(check(&declared, &request(), &[("voice", known), ("voice", other)], false), Ok(()));
        // A source that applies templates itself hands over only selected fields.
        let only = FieldSelection::Only(FieldNames::new(["id".to_owned()]).unwrap());
        let selecting =
            ReadRequest { template: Template { fields: only, ..Template::default() }, ..request() };
        assert!(check(&data_type().with_push_down(), &selecting, &[("voice", known)], true).is_err());
        assert_eq!(
            check(&data_type().with_push_down(), &selecting, &[("voice", r#"{"id":1}"#)], true),
            Ok(())
        );
    }

    #[test]
    fn d1_each_record_is_about_the_person_who_was_asked_for() {
        let ada = Subject::new([Identifier::new(IdentifierKind::Phone, "+49 30 1").unwrap()]).unwrap();
        let fields = ["caller", "/callee/phone"].map(|name| SubjectField::new(name, IdentifierKind::Phone));
        let [caller, callee] = fields;
        let declared = data_type().with_subject_field(caller).with_subject_field(callee);
        let own = [r#"{"caller":"0049301"}"#, r#"{"caller":"+1","callee":{"phone":"+49-30-1"}}"#];
        let check = |data_type: &DataType, request: &ReadRequest, lines: &[&str]| {
            let mut builder = RecordBatchBuilder::new();
            for line in lines {
                builder.raw_line(&place(None, Some("2026-03-01")), line.as_bytes()).unwrap();
            }
            handover(data_type, request).check_batch(&builder.take(), |_| false)
        };
        let of_ada = request().with_subject(ada);
        assert_eq!(check(&declared, &of_ada, &own), Ok(()));
        let others = [own[0], own[1], r#"{"caller":"+49 30 12"}"#];
        assert_eq!(
            check(&declared, &of_ada, &others),
            Err(Breach::OtherSubject),
            "also behind the first record"
        );
        assert_eq!(check(&declared, &request(), &others), Ok(()));
        assert_eq!(check(&data_type(), &of_ada, &own), Err(Breach::OtherSubject), "nothing names anybody");
        // What is not handed over cannot tell.
        let hidden = declared.with_fields(["caller", "id"]);
        assert_eq!(check(&hidden, &of_ada, &[r#"{"id":"c-1"}"#]), Ok(()));
    }

    #[test]
    fn w7_records_without_an_instant_are_counted() {
        let mut builder = RecordBatchBuilder::new();
        for day in [None, Some("2026-03-01"), None] {
            builder.raw_line(&place(None, day), b"{}").unwrap();
        }
        builder.add_undated(5);
        let batch = builder.take();
        let whole = ReadRequest { window: Window::until(at("2026-04-01T00:00:00Z")), ..request() };
        assert_eq!(handover(&data_type(), &whole).undated(&batch), 7);
        let by_change = ReadRequest { by: RecordInstant::Change, ..whole.clone() };
        assert_eq!(handover(&data_type().with_change_instant(), &by_change).undated(&batch), 5);
        assert_eq!(handover(&DataType::new(TypeId::new("call").unwrap()), &whole).undated(&batch), 5);
    }
}
