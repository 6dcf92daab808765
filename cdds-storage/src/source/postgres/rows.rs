//! Turns rows into records.

use cdds_core::blocking::{Batches, Stop};
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::instant::{InstantFormat, UnreadableInstant};
use cdds_core::domain::record::prune;
use cdds_core::domain::record::template::FieldValue;
use cdds_core::domain::record::{RecordError, RejectedRecord};
use cdds_core::ports::source::{BadRecordMode, ReadRequest, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::PostgresType;
use super::bound::{EPOCH_MICROS, Micros, TextBytes};
use super::column::ColumnKind;
use super::failure::broken_off;
use super::relation::Relation;
use super::statement::Layout;
use crate::source::config::TimeConfig;
use crate::source::selection::{SelectedCategory, Selection, Timing};

/// Makes records of the rows of one read.
#[derive(Debug)]
pub(super) struct Reader {
    name: String,
    type_name: String,
    layout: Layout,
    time: Option<Instant>,
    changed: Option<Instant>,
    owner: Owner,
    selection: Selection,
    bad_records: BadRecordMode,
    /// Counts the rows of the read.
    ordinal: u64,
}

/// A column with instants.
#[derive(Debug, Clone)]
struct Instant {
    index: usize,
    column: String,
    kind: ColumnKind,
    format: InstantFormat,
}

/// Why a row was not read.
enum Fault {
    Row(BadRow),
    Connection(tokio_postgres::Error),
}

/// The reason why a row cannot be exported. It repeats nothing of it.
#[derive(Debug, Clone, thiserror::Error)]
enum BadRow {
    #[error("column {column:?}: {cause}")]
    Time { column: String, cause: UnreadableInstant },
    #[error("column {column:?}: the value is infinite, or an instant beyond the year 262142")]
    Beyond { column: String },
    #[error("{0}")]
    Json(String),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Connection(error)
    }
}

impl Reader {
    /// Prepares for the rows of a statement.
    pub(super) fn new(
        name: &str,
        data_type: &PostgresType,
        relation: &Relation,
        layout: Layout,
        request: &ReadRequest,
    ) -> Result<Self, SourceError> {
        let instant = |index: Option<usize>, time: &Option<TimeConfig>| {
            let time = time.as_ref()?;
            let kind = relation.column(&time.column)?.kind;
            Some(Instant { index: index?, column: time.column.clone(), kind, format: time.format })
        };
        Ok(Self {
            name: name.to_owned(),
            type_name: data_type.id.to_string(),
            time: instant(layout.time, &data_type.time),
            changed: instant(layout.changed, &data_type.changed),
            layout,
            owner: request.owner.clone(),
            selection: Selection::new(data_type, request)?,
            bad_records: request.bad_records,
            ordinal: 0,
        })
    }

    /// Makes a record of a row, if it belongs to the read.
    pub(super) fn take(&mut self, row: &Row, batches: &mut Batches) -> Result<(), Stop> {
        self.ordinal += 1;
        let bytes = match self.record(row, batches) {
            Ok(bytes) => bytes,
            Err(Fault::Connection(error)) => return Err(broken_off(&self.name, &error).into()),
            Err(Fault::Row(fault)) => {
                self.bad_record(row, fault, batches)?;
                0
            }
        };
        batches.record_read(bytes)
    }

    /// Adds a row to the batch if it belongs there; returns how many bytes were read.
    fn record(&self, row: &Row, batches: &mut Batches) -> Result<u64, Fault> {
        let (category, event_at) = match self.timing(row)? {
            Some((category, Timing::Wanted(event_at))) => (category, event_at),
            Some((_, Timing::Undated)) => {
                batches.builder().add_undated(1);
                return Ok(0);
            }
            Some((_, Timing::Outside)) | None => return Ok(0),
        };
        let record = bytes(row, 0)?.unwrap_or(b"{}");
        // A `json` column keeps its line breaks and its repeated keys, which no line may have: so it is parsed again.
        let scanned = batches.builder().scan(record, |_, _| ());
        let place = self.selection.place(category, event_at);
        scanned.map_err(|error| unreadable(&error))?.finish(&place);
        Ok(record.len() as u64)
    }

    /// Whether a row is about the person who is asked for (rule D1), or nobody is.
    fn is_about(&self, row: &Row) -> Result<bool, Fault> {
        let Some(subject) = self.selection.subject() else { return Ok(true) };
        for (field, index) in self.layout.subjects.iter().enumerate() {
            let value = match index {
                Some(index) => bytes(row, *index)?.map(<[u8]>::trim_ascii),
                None => None,
            };
            if value.is_some_and(|value| subject.is_named_by_json(field, value)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the category of a selected row and the outcome of its instants; `None` for a row of another owner or
    /// category, about another person, or one that a filter leaves out. These are checked before the instants, so that a bad record that
    /// is not asked for does not affect this read.
    fn timing(&self, row: &Row) -> Result<Option<(SelectedCategory, Timing)>, Fault> {
        if let Some(index) = self.layout.owner
            && bytes(row, index)? != Some(self.owner.as_str().as_bytes())
        {
            return Ok(None);
        }
        let category = match self.layout.category {
            Some(index) => bytes(row, index)?.and_then(|text| std::str::from_utf8(text).ok()),
            None => None,
        };
        let Some(category) = self.selection.category(category) else { return Ok(None) };
        for compared in &self.layout.compared {
            let value = bytes(row, compared.index)?.map(<[u8]>::trim_ascii);
            let value = value.map_or(FieldValue::Missing, FieldValue::Json);
            if !compared.filters.iter().all(|filter| filter.matches(value)) {
                return Ok(None);
            }
        }
        if !self.is_about(row)? {
            return Ok(None);
        }
        let (changed_at, event_at) =
            (|| instant(row, self.changed.as_ref()), || instant(row, self.time.as_ref()));
        Ok(Some((category, self.selection.event_at(changed_at, event_at)?)))
    }

    /// Ends the read or hands the row over, as the request says (rule E10). The row is named by its number, never by
    /// its contents.
    fn bad_record(&self, row: &Row, fault: BadRow, batches: &mut Batches) -> Result<(), SourceError> {
        let ordinal = self.ordinal;
        match self.bad_records {
            BadRecordMode::Fail => Err(SourceError::with_source(
                SourceErrorKind::BadRecord,
                format!("row {ordinal} of type {} cannot be read", self.type_name),
                fault,
            )),
            BadRecordMode::Report => {
                let rejected = RejectedRecord::new(format!("row {ordinal}"), fault, &self.readable(row));
                batches.builder().reject(rejected);
                Ok(())
            }
        }
    }

    /// Returns a bad row as far as it can be read, with the fields that filters compare.
    fn readable(&self, row: &Row) -> Vec<u8> {
        let record = bytes(row, 0).ok().flatten().unwrap_or(b"{}");
        let mut readable = Vec::with_capacity(record.len());
        if prune::object(record, &mut readable, |_, _| ()).is_err() {
            return record.to_vec();
        }
        for compared in self.layout.compared.iter().filter(|compared| !compared.is_exported) {
            let Ok(Some(value)) = bytes(row, compared.index) else { continue };
            let Ok(key) = serde_json::to_vec(&compared.field) else { continue };
            readable.pop();
            if readable.len() > 1 {
                readable.push(b',');
            }
            readable.extend_from_slice(&key);
            readable.push(b':');
            readable.extend_from_slice(value);
            readable.push(b'}');
        }
        readable
    }
}

/// Returns the bytes of a text, as they were sent.
fn bytes(row: &Row, index: usize) -> Result<Option<&[u8]>, tokio_postgres::Error> {
    Ok(row.try_get::<_, Option<TextBytes<'_>>>(index)?.map(|text| text.0))
}

/// Returns the instant in a column; `None` without a column, and for NULL and empty text (rule W7).
fn instant(row: &Row, instant: Option<&Instant>) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some(Instant { index, column, kind, format }) = instant else { return Ok(None) };
    let read = match kind {
        ColumnKind::TimestampTz | ColumnKind::Timestamp | ColumnKind::Date => {
            let Some(Micros(micros)) = row.try_get(*index)? else { return Ok(None) };
            let at =
                micros.and_then(|micros| DateTime::from_timestamp_micros(micros.checked_add(EPOCH_MICROS)?));
            let beyond = || Fault::Row(BadRow::Beyond { column: column.clone() });
            return at.map(Some).ok_or_else(beyond);
        }
        ColumnKind::Integer => match row.try_get::<_, Option<i64>>(*index)? {
            Some(number) => format.read_integer(number),
            None => return Ok(None),
        },
        ColumnKind::Numeric | ColumnKind::Text | ColumnKind::Uuid | ColumnKind::Other => {
            match bytes(row, *index)? {
                None | Some(b"") => return Ok(None),
                Some(text) => format.read_text(text),
            }
        }
    };
    read.map(Some).map_err(|cause| Fault::Row(BadRow::Time { column: column.clone(), cause }))
}

fn unreadable(error: &RecordError) -> Fault {
    Fault::Row(BadRow::Json(error.to_string()))
}
