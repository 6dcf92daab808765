//! Sources that each break one clause, to show that the checks find it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::stream::{self, BoxStream, StreamExt};

use super::{Clause, Row, SourceFixture};
use crate::domain::calendar::window::Window;
use crate::domain::record::selection::{CategoryDimension, CategorySelection};
use crate::domain::record::template::{FieldSelection, Template};
use crate::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use crate::ports::source::{
    DataType, Estimate, Ownership, ReadRequest, RecordInstant, Source, SourceDescription, SourceError,
    SourceErrorKind,
};

macro_rules! planted {
    ($($(#[$doc:meta])* $name:ident => $clause:ident,)*) => {
        /// A bug of the source that a [`PlantedFixture`] opens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Planted {
            $($(#[$doc])* $name,)*
        }

        impl Planted {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the clause that the bug breaks.
            pub fn breaks(self) -> Clause {
                match self {
                    $(Self::$name => Clause::$clause,)*
                }
            }
        }
    };
}

planted! {
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
    /// Places records by the day of their change.
    PlacesByChange => Places,
    /// Places records of undeclared categories under these.
    PlacesUndeclared => Places,
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
    /// Each answer about completeness is earlier than the one before.
    CompleteGoesBack => CompleteUntil,
}

/// Opens sources in memory that have one bug, or none.
#[derive(Debug, Default)]
pub struct PlantedFixture {
    planted: Option<Planted>,
    handles: Arc<AtomicUsize>,
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
        let values = DECLARED.map(str::to_owned).to_vec();
        let data_type = DataType::new("row".parse()?)
            .with_event_instant()
            .with_change_instant()
            .with_category(CategoryDimension { name: "media types".to_owned(), values })
            .with_push_down()
            .with_ownership(Ownership::PerOwner);
        Ok(Arc::new(Rows {
            description: SourceDescription::new("rows".parse()?, "Rows").with_type(data_type),
            rows: rows.to_vec(),
            planted: self.planted,
            handles: self.handles.clone(),
            asked: AtomicUsize::new(0),
        }))
    }

    fn handles(&self) -> Option<usize> {
        Some(self.handles.load(Ordering::SeqCst))
    }
}

/// The categories that the type declares.
const DECLARED: [&str; 2] = ["voice", "chat"];

fn is_declared(category: &str) -> bool {
    DECLARED.contains(&category)
}

#[derive(Debug)]
struct Rows {
    description: SourceDescription,
    rows: Vec<Row>,
    planted: Option<Planted>,
    handles: Arc<AtomicUsize>,
    asked: AtomicUsize,
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

    fn found(&self, request: &ReadRequest) -> Vec<&Row> {
        let wanted = self.rows.iter().filter(|row| {
            self.lies_within(row, request)
                && self.is_selected(row, request)
                && (row.owner == request.owner || self.is(Planted::IgnoresOwner))
        });
        let mut found: Vec<&Row> = wanted.collect();
        if self.is(Planted::SkipsFirstOfWindow) && request.window.start().is_some() && !found.is_empty() {
            found.remove(0);
        }
        if self.is(Planted::OrderVaries) && self.asked.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            found.reverse();
        }
        found
    }

    fn batches(&self, request: &ReadRequest) -> Vec<RecordBatch> {
        let (mut builder, mut batches) = (RecordBatchBuilder::new(), Vec::new());
        for row in self.found(request) {
            let day = if self.is(Planted::PlacesByChange) { row.changed_at } else { row.event_at };
            let kept = if self.is(Planted::CutsText) { 1_000 } else { usize::MAX };
            let note: String = row.note.chars().take(kept).collect();
            let placed = |category: &&str| is_declared(category) || self.is(Planted::PlacesUndeclared);
            let category = row.category.as_deref().filter(placed);
            let mut record = builder.record(&Place::of(category.map(Into::into), day));
            record.text("id", &row.id).text("note", &note);
            record.finish();
            if builder.len_bytes() > 200_000 && !self.is(Planted::OneBatch) {
                batches.push(builder.take());
            }
        }
        batches.push(builder.take());
        let template = match self.planted {
            Some(Planted::IgnoresFilters) => Template::default().with_fields(request.template.fields.clone()),
            Some(Planted::IgnoresFields) => request.template.clone().with_fields(FieldSelection::All),
            _ => request.template.clone(),
        };
        batches.iter().map(|batch| template.apply(batch)).collect()
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
            Some(Planted::EstimatesTooMuch) => self.rows.len() * 1_000,
            Some(Planted::EstimatesAllOwners) => self.rows.len(),
            _ => self.found(request).len(),
        };
        Ok(Some(Estimate { records: records as u64 }))
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        let back =
            if self.is(Planted::CompleteGoesBack) { self.asked.fetch_add(1, Ordering::SeqCst) } else { 0 };
        let back = TimeDelta::seconds(i64::try_from(back).unwrap_or(0));
        Ok(request.window.end().checked_sub_signed(back))
    }

    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
        let mut batches = self.batches(&request);
        if self.is(Planted::EmptyIsError) && batches.iter().all(|batch| batch.records() == 0) {
            return Err(SourceError::new(SourceErrorKind::Missing, "nothing was found"));
        }
        if batches.len() > 1 {
            match self.planted {
                Some(Planted::LosesLastBatch) => drop(batches.pop()),
                Some(Planted::RepeatsBatch) => batches.push(batches[0].clone()),
                _ => {}
            }
        }
        self.handles.fetch_add(1, Ordering::SeqCst);
        let handle = Handle { open: self.handles.clone(), leaks: self.is(Planted::LeaksHandles) };
        let batches = stream::unfold((batches.into_iter(), handle), |(mut rest, handle)| async move {
            Some((Ok(rest.next()?), (rest, handle)))
        });
        Ok(batches.boxed())
    }
}
