//! Checks for one's own [`Source`].
//!
//! A fixture writes the rows that the checks choose to where the source reads them. The checks go by the first
//! data type that the source describes, and leave out what it does not declare: a source without categories is
//! not asked for any. A source of one's own CSV text:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
//! use cdds_core::ports::source::{
//!     DataType, Estimate, ReadRequest, Source, SourceDescription, SourceError, SourceErrorKind,
//! };
//! use cdds_core::testing::conformance::source::{self, Row, SourceFixture};
//! use chrono::DateTime;
//! use futures::stream::{self, BoxStream, StreamExt};
//!
//! #[derive(Debug)]
//! struct Csv {
//!     description: SourceDescription,
//!     text: String,
//! }
//!
//! #[async_trait::async_trait]
//! impl Source for Csv {
//!     fn describe(&self) -> &SourceDescription {
//!         &self.description
//!     }
//!
//!     async fn estimate(&self, _: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
//!         Ok(None)
//!     }
//!
//!     async fn read(
//!         &self,
//!         request: ReadRequest,
//!     ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
//!         let bad = || SourceError::new(SourceErrorKind::BadRecord, "a line without two commas");
//!         let mut batch = RecordBatchBuilder::new();
//!         let mut batches = Vec::new();
//!         for line in self.text.lines() {
//!             let mut columns = line.splitn(3, ',');
//!             let [Some(id), Some(at), Some(note)] = [columns.next(), columns.next(), columns.next()] else {
//!                 return Err(bad());
//!             };
//!             let at = at.parse().ok().and_then(DateTime::from_timestamp_micros);
//!             if request.wants(at, None) {
//!                 let mut record = batch.record(&Place::of(None, at));
//!                 record.text("id", id).text("note", note);
//!                 record.finish();
//!             }
//!             if batch.len_bytes() > 200_000 {
//!                 batches.push(Ok(batch.take()));
//!             }
//!         }
//!         batches.push(Ok(batch.take()));
//!         Ok(stream::iter(batches).boxed())
//!     }
//! }
//!
//! struct CsvFixture;
//!
//! impl SourceFixture for CsvFixture {
//!     fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn std::error::Error>> {
//!         let mut text = String::new();
//!         for row in rows {
//!             let at = row.event_at.map(|at| at.timestamp_micros().to_string()).unwrap_or_default();
//!             text.push_str(&format!("{},{at},{}\n", row.id, row.note));
//!         }
//!         let line = DataType::new("line".parse()?).with_event_instant();
//!         Ok(Arc::new(Csv { description: SourceDescription::new("csv".parse()?, "CSV").with_type(line), text }))
//!     }
//! }
//!
//! futures::executor::block_on(source::check(&CsvFixture)).assert();
//! ```

mod checks;
mod planted;
mod rows;

use std::error::Error;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Contract, Report};
use crate::domain::id::Owner;
use crate::ports::source::{DataType, Ownership, ReadRequest, Source};

pub use self::planted::{Planted, PlantedFixture};

/// A row that a fixture writes. The record of it has at least the fields `id` and `note`, both text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Identifies the row: ASCII letters, digits and `-`.
    pub id: String,
    /// Any text of one line, not empty.
    pub note: String,
    /// The instant of the event; `None` for an undated row.
    pub event_at: Option<DateTime<Utc>>,
    /// The instant of the last change.
    pub changed_at: Option<DateTime<Utc>>,
    /// The category, which need not be a declared one.
    pub category: Option<String>,
    /// Whose the row is.
    pub owner: Owner,
}

impl Row {
    /// Whether a read yields the record of this row: its instants lie in the window (rules W1, W7), its
    /// category is selected (rule J3) and, if the type's records are owned, it is the owner's (rule J16).
    pub fn is_wanted(&self, data_type: &DataType, request: &ReadRequest) -> bool {
        let owned = data_type.ownership == Ownership::PerOwner;
        request.wants(self.event_at, self.changed_at)
            && request.categories.includes(self.category.as_deref())
            && (!owned || self.owner == request.owner)
    }
}

/// Writes rows where one's own source reads them.
pub trait SourceFixture {
    /// Opens a source that holds these rows and no others.
    ///
    /// # Errors
    /// If the rows cannot be written, or the source cannot be opened.
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>>;

    /// Returns the smallest step of instants that the source distinguishes: a microsecond, unless this is
    /// replaced. Rows have no finer instants.
    fn step(&self) -> TimeDelta {
        TimeDelta::microseconds(1)
    }

    /// Returns how many handles (files, connections, threads) all reads hold at the moment; `None`, the
    /// default, if nobody counts. [`Clause::DropFrees`] then holds.
    fn handles(&self) -> Option<usize> {
        None
    }
}

/// The promises of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// The start of a window is in it, the end is not, to the step. From: rule W1.
    ///
    /// Found by: [`Planted::EndIncluded`], [`Planted::StartExcluded`], [`Planted::ComparesMillis`].
    WindowBounds,
    /// Undated records belong to windows without a start only. From: rule W7.
    ///
    /// Found by: [`Planted::UndatedAlways`], [`Planted::UndatedNever`].
    Undated,
    /// Instants before 1970 are instants like others. From: rule W1.
    ///
    /// Found by: [`Planted::NothingBeforeEpoch`].
    BeforeEpoch,
    /// Windows that adjoin one another yield each record once. From: rule W1.
    ///
    /// Found by: [`Planted::SkipsFirstOfWindow`].
    Tiling,
    /// By change, the change instant decides, or the event instant of a record without one. From:
    /// [`ReadRequest::wants`](crate::ports::source::ReadRequest::wants).
    ///
    /// Found by: [`Planted::IgnoresChange`], [`Planted::ChangeOnly`].
    ByChange,
    /// A read yields the records of the selected categories; all of them, also undeclared ones, if every
    /// category is selected. From: rule J3.
    ///
    /// Found by: [`Planted::IgnoresCategories`], [`Planted::CategoryByText`],
    /// [`Planted::DropsUndeclared`].
    Categories,
    /// Every record comes exactly once, however many there are. From: [`Source`].
    ///
    /// Found by: [`Planted::LosesLastBatch`], [`Planted::RepeatsBatch`].
    EachOnce,
    /// The fields of a record come back as they were written. From: [`Source`].
    ///
    /// Found by: [`Planted::CutsText`].
    Contents,
    /// A record's place has its category and the day of its event, unless it is a folder of the source's
    /// choice. A record of an undeclared category is placed without one. From: rule A1.
    ///
    /// Found by: [`Planted::PlacesByChange`], [`Planted::PlacesUndeclared`].
    Places,
    /// Two reads of unchanged rows yield the same records in the same order. From: rule A6.
    ///
    /// Found by: [`Planted::OrderVaries`].
    StableOrder,
    /// A read that finds nothing ends without records and without an error. From: [`Source`].
    ///
    /// Found by: [`Planted::EmptyIsError`].
    Empty,
    /// Batches are bounded: 4 MiB of lines at most. From: [`Source`].
    ///
    /// Found by: [`Planted::OneBatch`].
    BoundedBatches,
    /// Dropping a stream after any batch frees what it holds. From: [`Source`].
    ///
    /// Found by: [`Planted::LeaksHandles`].
    DropFrees,
    /// A source that applies templates does so exactly as the engine. From: rule J4.
    ///
    /// Found by: [`Planted::IgnoresFilters`], [`Planted::IgnoresFields`].
    PushDown,
    /// An estimate is of the right order. From: [`Estimate`](crate::ports::source::Estimate).
    ///
    /// Found by: [`Planted::EstimatesNothing`], [`Planted::EstimatesTooMuch`].
    Estimates,
    /// A source of several owners yields and counts the records of the request's owner alone. From: rule J16.
    ///
    /// Found by: [`Planted::IgnoresOwner`], [`Planted::EstimatesAllOwners`].
    Owners,
    /// The instant up to which a source is complete never goes back. From: rule W3b.
    ///
    /// Found by: [`Planted::CompleteGoesBack`].
    CompleteUntil,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::WindowBounds,
        Self::Undated,
        Self::BeforeEpoch,
        Self::Tiling,
        Self::ByChange,
        Self::Categories,
        Self::EachOnce,
        Self::Contents,
        Self::Places,
        Self::StableOrder,
        Self::Empty,
        Self::BoundedBatches,
        Self::DropFrees,
        Self::PushDown,
        Self::Estimates,
        Self::Owners,
        Self::CompleteUntil,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::WindowBounds => "The start of a window is in it, the end is not.",
            Self::Undated => "Undated records belong to windows without a start only.",
            Self::BeforeEpoch => "Instants before 1970 are instants like others.",
            Self::Tiling => "Windows that adjoin one another yield each record once.",
            Self::ByChange => "By change, the change instant decides, or else the event instant.",
            Self::Categories => "A read yields the records of the selected categories.",
            Self::EachOnce => "Every record comes exactly once.",
            Self::Contents => "The fields of a record come back as they were written.",
            Self::Places => "A record's place has its category and the day of its event.",
            Self::StableOrder => "Two reads of unchanged rows yield the same order.",
            Self::Empty => "A read that finds nothing ends without an error.",
            Self::BoundedBatches => "Batches are bounded.",
            Self::DropFrees => "Dropping a stream frees what it holds.",
            Self::PushDown => "A source that applies templates does so exactly as the engine.",
            Self::Estimates => "An estimate is of the right order.",
            Self::Owners => "A source of several owners yields the records of the request's owner alone.",
            Self::CompleteUntil => "The instant up to which a source is complete never goes back.",
        }
    }
}

/// Checks every clause. Writes at most 12,000 rows at a time, about 6 MB.
pub async fn check(fixture: &dyn SourceFixture) -> Report<Clause> {
    check_each(Clause::ALL, fixture).await
}

/// Checks one read of rows of one's own choice, for property tests
/// ([`strategies::requests`](crate::testing::strategies::requests)): it yields the records that the request
/// wants ([`Row::is_wanted`]), each once. The request is for the first data type that the source describes. What
/// this type does not declare is taken from the rows.
///
/// # Errors
/// What the read lost, repeated or should have left out, or why it failed.
pub async fn check_read(
    fixture: &dyn SourceFixture,
    request: &ReadRequest,
    rows: &[Row],
) -> Result<(), String> {
    checks::check_read(fixture, request, rows).await
}

async fn check_each(clauses: &[Clause], fixture: &dyn SourceFixture) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        report.add(*clause, checks::check(*clause, fixture).await);
    }
    report
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn the_source_without_a_bug_keeps_its_contract() {
        block_on(check(&PlantedFixture::sound())).assert();
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let clauses = [planted.breaks()];
            let report = block_on(check_each(&clauses, &PlantedFixture::new(planted)));
            assert!(report.found(planted.breaks()), "{planted:?}: {report}");
        }
    }

    #[test]
    fn each_clause_is_broken_by_a_planted_bug() {
        for clause in Clause::ALL {
            assert!(Planted::ALL.iter().any(|planted| planted.breaks() == *clause), "{clause:?}");
        }
    }
}
