//! Checks for one's own [`Source`].
//!
//! A fixture writes the rows that the checks choose to where the source reads them. The checks go by the first
//! data type that the source describes, and leave out what it does not declare: a source without categories is
//! not asked for any. A source of one's own CSV text:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cdds_core::domain::record::{RecordBatch, RecordBatchBuilder};
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
//!                 let mut record = batch.record(&request.place(None, at));
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

mod case;
mod checks;
mod clause;
mod planted;
mod reading;
mod rows;
mod subjects;
mod templates;

use std::error::Error;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Contract, Report};
use crate::domain::id::Owner;
use crate::domain::subject::{IdentifierKind, Subject};
use crate::ports::source::{DataType, Ownership, ReadRequest, Source};

pub use self::clause::Clause;
pub use self::planted::{Planted, PlantedFixture};

/// A row that a fixture writes. The record of it has at least the fields `id` and `note`, both text, and the subject
/// fields that the type declares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Identifies the row: up to 16 ASCII letters, digits and `-`.
    pub id: String,
    /// Any text of one line, not empty, with blanks at its ends or without, of up to 200,000 characters.
    pub note: String,
    /// The instant of the event; `None` for an undated row.
    pub event_at: Option<DateTime<Utc>>,
    /// The instant of the last change.
    pub changed_at: Option<DateTime<Utc>>,
    /// The category, which need not be a declared one. Those that are not have up to 10 characters.
    pub category: Option<String>,
    /// Whose the row is.
    pub owner: Owner,
    /// What the subject field of kind `phone` holds, if the type declares one.
    pub phone: Option<String>,
    /// What the subject field of kind `email` holds, if the type declares one.
    pub email: Option<String>,
}

impl Row {
    /// Whether a read yields the record of this row: its instants lie in the window (rules W1, W7), its
    /// category is selected (rule J3), if the type's records are owned, it is the owner's (rule J16), and if the
    /// request names a person, it is about that one (rule D1).
    pub fn is_wanted(&self, data_type: &DataType, request: &ReadRequest) -> bool {
        let owned = data_type.ownership == Ownership::PerOwner;
        request.wants(self.event_at, self.changed_at)
            && request.categories.includes(self.category.as_deref())
            && (!owned || self.owner == request.owner)
            && request.subject.as_ref().is_none_or(|subject| self.is_about(subject))
    }

    fn is_about(&self, subject: &Subject) -> bool {
        let named = [(IdentifierKind::Phone, &self.phone), (IdentifierKind::Email, &self.email)];
        named.iter().any(|(kind, text)| text.as_ref().is_some_and(|text| subject.is_named_by(kind, text)))
    }
}

/// A source of which one row cannot be read.
#[derive(Debug)]
pub struct Damaged {
    source: Arc<dyn Source>,
    place: String,
}

impl Damaged {
    /// Takes the source, and a text by which its errors name the place of the damaged row, such as `line 7`.
    pub fn new(source: Arc<dyn Source>, place: impl Into<String>) -> Self {
        Self { source, place: place.into() }
    }
}

/// Writes rows where one's own source reads them.
pub trait SourceFixture: Send + Sync {
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

    /// Opens a source like [`source`](Self::source), in which the row of this number, from 0, cannot be read as
    /// a record: its text is no text, its instant is no instant, or its line breaks off. Its note must be part
    /// of what is read. `None`, the default, if the fixture can damage nothing.
    ///
    /// # Errors
    /// If the rows cannot be written, or the source cannot be opened.
    fn damaged(&self, rows: &[Row], number: usize) -> Result<Option<Damaged>, Box<dyn Error>> {
        let _ = (rows, number);
        Ok(None)
    }

    /// Returns how many handles (files, connections, threads) all reads hold at the moment; `None`, the
    /// default, if nobody counts.
    fn handles(&self) -> Option<usize> {
        None
    }

    /// Returns about how many rows all reads have gone through so far, whether or not they were asked for;
    /// `None`, the default, if nobody counts. What only an index was asked about counts for nothing.
    fn rows_read(&self) -> Option<u64> {
        None
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
        match checks::needless(*clause, fixture) {
            Some(reason) => report.skip(*clause, reason),
            None => report.add(*clause, checks::check(*clause, fixture).await),
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn the_source_without_a_bug_keeps_its_contract() {
        let report = block_on(check(&PlantedFixture::sound()));
        assert_eq!(report.checked, Clause::ALL);
        report.assert();
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
