//! Sources that each break one clause, to show that the checks find it.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::stream::{self, BoxStream, StreamExt};

use super::{Clause, Damaged, Row, SourceFixture};
use crate::domain::calendar::window::Window;
use crate::domain::calendar::zone::Zone;
use crate::domain::id::{Owner, TypeId};
use crate::domain::record::selection::{CategoryDimension, CategorySelection};
use crate::domain::record::template::{FieldSelection, Filter, Template};
use crate::domain::record::{RecordBatch, RecordBatchBuilder, RejectedRecord};
use crate::domain::subject::{EraseRequest, Erased, ErasureRule, IdentifierKind, Subject, SubjectField};
use crate::ports::source::{
    BadRecordMode, DataType, Estimate, Field, FieldRole, Ownership, ReadRequest, RecordInstant, Source,
    SourceDescription, SourceError, SourceErrorKind,
};

planted! {
    /// A bug of the source that a [`PlantedFixture`] opens.
    enum Planted;
    /// The end of a window belongs to it.
    EndIncluded => WindowBounds,
    /// The start of a window does not belong to it.
    StartExcluded => WindowBounds,
    /// Instants are compared by the millisecond.
    ComparesMillis => WindowBounds,
    /// Undated records belong to every window.
    UndatedAlways => Undated,
    /// Undated records belong to no window.
    UndatedNever => Undated,
    /// Rows before 1970 are lost.
    NothingBeforeEpoch => BeforeEpoch,
    /// The first record of a window with a start is lost.
    SkipsFirstOfWindow => Tiling,
    /// Goes by the event instant, always.
    IgnoresChange => ByChange,
    /// By change, a record without a change instant is lost.
    ChangeOnly => ByChange,
    /// Yields all categories.
    IgnoresCategories => Categories,
    /// A category is any text that begins with it.
    CategoryByText => Categories,
    /// Loses the records of undeclared categories.
    DropsUndeclared => Categories,
    /// Loses the last of several batches.
    LosesLastBatch => EachOnce,
    /// Yields the first of several batches twice.
    RepeatsBatch => EachOnce,
    /// Keeps 1,000 characters of a text.
    CutsText => Contents,
    /// Takes the blanks from both ends of texts.
    TrimsText => Contents,
    /// Places records by the day of their change.
    PlacesByChange => Places,
    /// Places records of undeclared categories under these.
    PlacesUndeclared => Places,
    /// Places records by their days in UTC, whatever the zone of the request.
    PlacesByUtc => Places,
    /// Yields the rows in another order each time.
    OrderVaries => StableOrder,
    /// A read that finds nothing is an error.
    EmptyIsError => Empty,
    /// Yields everything in one batch.
    OneBatch => BoundedBatches,
    /// Dropping a stream leaves its handle open.
    LeaksHandles => DropFrees,
    /// Applies the fields of a template, but no filters.
    IgnoresFilters => PushDown,
    /// Applies the filters of a template, but not the fields.
    IgnoresFields => PushDown,
    /// Estimates that there is nothing.
    EstimatesNothing => Estimates,
    /// Estimates a thousand times too much.
    EstimatesTooMuch => Estimates,
    /// Yields the records of all owners.
    IgnoresOwner => Owners,
    /// Counts the records of all owners.
    EstimatesAllOwners => Owners,
    /// Yields records whoever is asked for.
    IgnoresSubject => Subjects,
    /// Compares what a record holds with the identifiers as it is spelt.
    ComparesSpellings => Subjects,
    /// Looks for a person in the first subject field alone.
    FirstSubjectField => Subjects,
    /// Takes a longer value that begins with an identifier for it.
    SubjectByBeginning => Subjects,
    /// A dry run erases.
    DryRunErases => DryRun,
    /// A dry run counts the records of all owners.
    DryRunCountsAll => DryRun,
    /// An erasure counts the records, and leaves them.
    ErasesNothing => Erasure,
    /// An erasure erases the records of all owners.
    ErasesForAllOwners => Erasure,
    /// An erasure leaves the records that spell an identifier in another way.
    ErasesOneSpelling => Erasure,
    /// An erasure erases all of the owner's records.
    ErasesAll => Erasure,
    /// Each answer about completeness is earlier than the one before.
    CompleteGoesBack => CompleteUntil,
    /// The fields that are named lack the last one.
    FieldsLeftOut => Fields,
    /// A field is named twice.
    FieldsTwice => Fields,
    /// Fields that name people are named without that role.
    FieldsWithoutSubjects => Fields,
    /// A type that has all that it declares is said to lack something.
    FaultsWithoutReason => Fields,
    /// An error quotes the record that cannot be read.
    QuotesRecord => BadRecords,
    /// An error does not say which record cannot be read.
    NamesNoPlace => BadRecords,
    /// A record that cannot be read is left out.
    DropsBadRecords => BadRecords,
    /// A record that cannot be read looks like a connection that broke off.
    BadIsInterrupted => BadRecords,
    /// A template with an unknown field is answered as if the source could not be reached.
    UnknownIsUnavailable => UnknownField,
    /// Rows that are not asked for are passed over in one poll.
    ScansInOnePoll => PollsReturn,
    /// Every row is read before the first batch is handed over.
    ReadsAllAtOnce => FewBatchesAhead,
}

/// Opens sources in memory that have one bug, or none.
#[derive(Debug, Default)]
pub struct PlantedFixture {
    planted: Option<Planted>,
    handles: Arc<AtomicUsize>,
    rows_read: Arc<AtomicUsize>,
}

impl PlantedFixture {
    /// Creates a fixture whose sources have this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted: Some(planted), ..Self::default() }
    }

    /// Creates a fixture whose sources have no bug.
    pub fn sound() -> Self {
        Self::default()
    }
}

impl SourceFixture for PlantedFixture {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        Ok(Arc::new(self.rows(rows, None)?))
    }

    fn damaged(&self, rows: &[Row], number: usize) -> Result<Option<Damaged>, Box<dyn Error>> {
        let source = Arc::new(self.rows(rows, Some(number))?);
        Ok(Some(Damaged::new(source, format!("row {number}"))))
    }

    fn handles(&self) -> Option<usize> {
        Some(self.handles.load(Ordering::SeqCst))
    }

    fn rows_read(&self) -> Option<u64> {
        Some(self.rows_read.load(Ordering::SeqCst) as u64)
    }
}

impl PlantedFixture {
    fn rows(&self, rows: &[Row], damaged: Option<usize>) -> Result<Rows, Box<dyn Error>> {
        let values = DECLARED.map(str::to_owned).to_vec();
        let data_type = DataType::new("row".parse()?)
            .with_event_instant()
            .with_change_instant()
            .with_category(CategoryDimension { name: "media types".to_owned(), values })
            .with_push_down()
            .with_ownership(Ownership::PerOwner)
            .with_subject_field(SubjectField::new("phone", IdentifierKind::Phone))
            .with_subject_field(SubjectField::new("email", IdentifierKind::Email))
            .with_erasure(ErasureRule::Delete);
        Ok(Rows {
            description: SourceDescription::new("rows".parse()?, "Rows").with_type(data_type),
            rows: Mutex::new(rows.to_vec()),
            planted: self.planted,
            handles: self.handles.clone(),
            rows_read: self.rows_read.clone(),
            asked: AtomicUsize::new(0),
            damaged,
        })
    }
}

/// The categories that the type declares.
const DECLARED: [&str; 2] = ["voice", "chat"];

fn is_declared(category: &str) -> bool {
    DECLARED.contains(&category)
}

type Item = Result<RecordBatch, SourceError>;

#[derive(Debug)]
struct Rows {
    description: SourceDescription,
    rows: Mutex<Vec<Row>>,
    planted: Option<Planted>,
    handles: Arc<AtomicUsize>,
    rows_read: Arc<AtomicUsize>,
    asked: AtomicUsize,
    /// The row that cannot be read.
    damaged: Option<usize>,
}

/// What a read holds until it is dropped.
#[derive(Debug)]
struct Handle {
    open: Arc<AtomicUsize>,
    leaks: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.leaks {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Rows {
    fn is(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    fn lies_within(&self, row: &Row, request: &ReadRequest) -> bool {
        let (window, micro) = (request.window, TimeDelta::microseconds(1));
        let later = |at: DateTime<Utc>, by| at.checked_add_signed(by).unwrap_or(at);
        let with_start = |start| match window.start() {
            Some(at) => Window::between(later(at, start), window.end()),
            None => window,
        };
        let wants = |window, event, change| request.clone().with_window(window).wants(event, change);
        let (event, change) = (row.event_at, row.changed_at);
        match self.planted {
            Some(Planted::EndIncluded) => {
                let end = later(window.end(), micro);
                let window = window.start().map_or(Window::until(end), |start| Window::between(start, end));
                wants(window, event, change)
            }
            Some(Planted::StartExcluded) => wants(with_start(micro), event, change),
            Some(Planted::ComparesMillis) => {
                let end = window.end().trunc_subsecs(3);
                let start = window.start().map(|start| start.trunc_subsecs(3));
                let window = start.map_or(Window::until(end), |start| Window::between(start, end));
                let [event, change] = [event, change].map(|at| at.map(|at| at.trunc_subsecs(3)));
                wants(window, event, change)
            }
            Some(Planted::UndatedAlways) if event.is_none() => true,
            Some(Planted::UndatedNever) if event.is_none() => false,
            Some(Planted::NothingBeforeEpoch) if event < Some(DateTime::UNIX_EPOCH) => false,
            Some(Planted::IgnoresChange) => wants(window, event, None),
            Some(Planted::ChangeOnly) if request.by == RecordInstant::Change && change.is_none() => false,
            _ => wants(window, event, change),
        }
    }

    fn is_selected(&self, row: &Row, request: &ReadRequest) -> bool {
        let category = row.category.as_deref();
        match (self.planted, &request.categories) {
            (Some(Planted::IgnoresCategories), _) => true,
            (Some(Planted::CategoryByText), CategorySelection::Only(values)) => category
                .is_some_and(|category| values.iter().any(|value| category.starts_with(value.as_str()))),
            (Some(Planted::DropsUndeclared), _)
                if category.is_some_and(|category| !is_declared(category)) =>
            {
                false
            }
            _ => request.categories.includes(category),
        }
    }

    fn is_about(&self, row: &Row, subject: &Subject) -> bool {
        let mut named = vec![(IdentifierKind::Phone, &row.phone), (IdentifierKind::Email, &row.email)];
        if self.is(Planted::FirstSubjectField) {
            named.truncate(1);
        }
        named.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?))).any(|(kind, text)| {
            match self.planted {
                Some(Planted::IgnoresSubject) => true,
                Some(Planted::ComparesSpellings) => subject.of_kind(&kind).any(|one| one == text),
                Some(Planted::SubjectByBeginning) => kind
                    .normalise(text)
                    .is_some_and(|value| subject.of_kind(&kind).any(|one| value.starts_with(one))),
                _ => subject.is_named_by(&kind, text),
            }
        })
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rows that are asked for, with their numbers.
    fn found(&self, request: &ReadRequest) -> Vec<(usize, Row)> {
        let rows = self.rows();
        let wanted = rows.iter().enumerate().filter(|(_, row)| {
            self.lies_within(row, request)
                && self.is_selected(row, request)
                && (row.owner == request.owner || self.is(Planted::IgnoresOwner))
                && request.subject.as_ref().is_none_or(|subject| self.is_about(row, subject))
        });
        let mut found: Vec<(usize, Row)> = wanted.map(|(number, row)| (number, row.clone())).collect();
        if self.is(Planted::SkipsFirstOfWindow) && request.window.start().is_some() && !found.is_empty() {
            found.remove(0);
        }
        if self.is(Planted::OrderVaries) && self.asked.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            found.reverse();
        }
        found
    }

    /// Returns what a read yields, each item with the number of rows that it takes to go through.
    fn items(&self, request: &ReadRequest) -> Vec<(Item, usize)> {
        let (mut builder, mut items, mut passed) = (RecordBatchBuilder::new(), Vec::new(), 0);
        let mut hand_over = |builder: &mut RecordBatchBuilder, until: usize| {
            let rows = until.saturating_sub(passed);
            passed = passed.max(until);
            items.push((Ok(self.templated(&builder.take(), request)), rows));
            passed
        };
        let mut seen = 0;
        for (number, row) in self.found(request) {
            while number >= seen + 1_000 && !self.is_one_batch() {
                seen = hand_over(&mut builder, seen + 1_000);
            }
            if self.damaged == Some(number) && !self.is(Planted::DropsBadRecords) {
                let (kind, told) = self.complaint(number, &row);
                if request.bad_records == BadRecordMode::Fail {
                    seen = hand_over(&mut builder, number);
                    items.push((Err(SourceError::new(kind, told)), number + 1 - seen.min(number)));
                    return items;
                }
                builder.reject(RejectedRecord::new(told, "its note is no text", row.note.as_bytes()));
            } else if self.damaged != Some(number) {
                self.add(&mut builder, &row, request);
            }
            if builder.len_bytes() > 200_000 && !self.is(Planted::OneBatch) {
                seen = hand_over(&mut builder, number + 1);
            }
        }
        let rows = self.rows().len();
        while rows > seen + 1_000 && !self.is_one_batch() {
            seen = hand_over(&mut builder, seen + 1_000);
        }
        hand_over(&mut builder, rows);
        items
    }

    fn is_one_batch(&self) -> bool {
        self.is(Planted::OneBatch) || self.is(Planted::ScansInOnePoll)
    }

    fn add(&self, builder: &mut RecordBatchBuilder, row: &Row, request: &ReadRequest) {
        let day = if self.is(Planted::PlacesByChange) { row.changed_at } else { row.event_at };
        let kept = if self.is(Planted::CutsText) { 1_000 } else { usize::MAX };
        let note: String = row.note.chars().take(kept).collect();
        let note = if self.is(Planted::TrimsText) { note.trim() } else { note.as_str() };
        let placed = |category: &&str| is_declared(category) || self.is(Planted::PlacesUndeclared);
        let category = row.category.as_deref().filter(placed);
        let request =
            if self.is(Planted::PlacesByUtc) { &request.clone().with_zone(Zone::UTC) } else { request };
        let mut record = builder.record(&request.place(category.map(Into::into), day));
        record.text("id", &row.id).text("note", note);
        for (key, value) in [("phone", &row.phone), ("email", &row.email)] {
            record.text(key, value.as_deref().unwrap_or_default());
        }
        record.finish();
    }

    /// Returns how a row that cannot be read is told of.
    fn complaint(&self, number: usize, row: &Row) -> (SourceErrorKind, String) {
        match self.planted {
            Some(Planted::QuotesRecord) => {
                (SourceErrorKind::BadRecord, format!("row {number}: {}", row.note))
            }
            Some(Planted::NamesNoPlace) => (SourceErrorKind::BadRecord, "a row is no record".to_owned()),
            Some(Planted::BadIsInterrupted) => (SourceErrorKind::Interrupted, format!("row {number}")),
            _ => (SourceErrorKind::BadRecord, format!("row {number} is no record")),
        }
    }

    fn templated(&self, batch: &RecordBatch, request: &ReadRequest) -> RecordBatch {
        let template = match self.planted {
            Some(Planted::IgnoresFilters) => Template::default().with_fields(request.template.fields.clone()),
            Some(Planted::IgnoresFields) => request.template.clone().with_fields(FieldSelection::All),
            _ => request.template.clone(),
        };
        template.apply(batch)
    }

    /// Whether a template names a field that no row has.
    fn names_unknown(&self, template: &Template) -> bool {
        let named = template.fields.names().unwrap_or_default().iter().map(String::as_str);
        let mut named = named.chain(template.filters.iter().map(Filter::field));
        named.any(|name| !["id", "note", "phone", "email"].contains(&name))
    }
}

#[async_trait]
impl Source for Rows {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let records = match self.planted {
            Some(Planted::EstimatesNothing) => 0,
            Some(Planted::EstimatesTooMuch) => self.rows().len() * 1_000,
            Some(Planted::EstimatesAllOwners) => self.rows().len(),
            _ => self.found(request).len(),
        };
        Ok(Some(Estimate::Records(records as u64)))
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        let back =
            if self.is(Planted::CompleteGoesBack) { self.asked.fetch_add(1, Ordering::SeqCst) } else { 0 };
        let back = TimeDelta::seconds(i64::try_from(back).unwrap_or(0));
        Ok(request.window.end().checked_sub_signed(back))
    }

    async fn fields(&self, _owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let described = self.description.data_type(data_type);
        let subjects = described.map(|known| known.subject_fields.as_slice()).unwrap_or_default();
        let subjects = if self.is(Planted::FieldsWithoutSubjects) { &[] } else { subjects };
        let named = |name: &&str| Field::new(*name).with_roles(FieldRole::of_subjects(subjects, name));
        let mut fields: Vec<Field> = ["id", "phone", "email", "note"].iter().map(named).collect();
        match self.planted {
            Some(Planted::FieldsLeftOut) => drop(fields.pop()),
            Some(Planted::FieldsTwice) => fields.extend(fields.first().cloned()),
            _ => {}
        }
        Ok(Some(fields))
    }

    async fn faults(&self, _owner: &Owner, _data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        let made_up = self.is(Planted::FaultsWithoutReason).then(|| "time: there is no column".to_owned());
        Ok(made_up.into_iter().collect())
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let mut rows = self.rows();
        let is_mine = |row: &Row| row.owner == request.owner;
        let is_spelt = |row: &Row| row.phone.as_deref().is_none_or(|text| !text.contains(' '));
        let is_erased = |row: &Row| match self.planted {
            Some(Planted::DryRunCountsAll) if request.dry_run => self.is_about(row, &request.subject),
            Some(Planted::ErasesForAllOwners) => self.is_about(row, &request.subject),
            Some(Planted::ErasesOneSpelling) => {
                is_mine(row) && is_spelt(row) && self.is_about(row, &request.subject)
            }
            Some(Planted::ErasesAll) => is_mine(row),
            _ => is_mine(row) && self.is_about(row, &request.subject),
        };
        let records = rows.iter().filter(|row| is_erased(row)).count() as u64;
        let changes = !request.dry_run || self.is(Planted::DryRunErases);
        if changes && !self.is(Planted::ErasesNothing) {
            rows.retain(|row| !is_erased(row));
        }
        Ok(Erased { records, kept: Vec::new() })
    }

    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
        if self.is(Planted::UnknownIsUnavailable) && self.names_unknown(&request.template) {
            return Err(SourceError::new(SourceErrorKind::Unavailable, "the query failed"));
        }
        let mut items = self.items(&request);
        let is_empty = |(item, _): &(Item, usize)| item.as_ref().is_ok_and(|batch| batch.records() == 0);
        if self.is(Planted::EmptyIsError) && items.iter().all(is_empty) {
            return Err(SourceError::new(SourceErrorKind::Missing, "nothing was found"));
        }
        if let ([(Ok(first), _), ..], true) = (&items[..], items.len() > 1) {
            match self.planted {
                Some(Planted::LosesLastBatch) => drop(items.pop()),
                Some(Planted::RepeatsBatch) => items.push((Ok(first.clone()), 0)),
                _ => {}
            }
        }
        if self.is(Planted::ReadsAllAtOnce) {
            self.rows_read.fetch_add(self.rows().len(), Ordering::SeqCst);
        }
        self.handles.fetch_add(1, Ordering::SeqCst);
        let handle = Handle { open: self.handles.clone(), leaks: self.is(Planted::LeaksHandles) };
        let state = (items.into_iter(), handle, self.rows_read.clone());
        let items = stream::unfold(state, |(mut rest, handle, rows_read)| async move {
            let (item, rows) = rest.next()?;
            rows_read.fetch_add(rows, Ordering::SeqCst);
            Some((item, (rest, handle, rows_read)))
        });
        Ok(items.boxed())
    }
}
