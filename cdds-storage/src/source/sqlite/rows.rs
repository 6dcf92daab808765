//! Rows become records.

use cdds_core::domain::instant::{InstantFormat, UnreadableInstant};
use cdds_core::domain::record::RecordWriter;
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params_from_iter};

use super::SqliteType;
use super::open::{Database, Relation};
use super::statement::Statement;
use crate::source::blocking::{Batches, Stop};
use crate::source::filter::Filter;

/// What the columns of a row are.
#[derive(Debug)]
pub(super) struct Columns {
    type_name: String,
    keys: Vec<String>,
    /// The index of the first key; before it may stand the rowid.
    first: usize,
    time: Option<(usize, InstantFormat)>,
    category: Option<usize>,
}

impl Columns {
    pub(super) fn new(data_type: &SqliteType, relation: &Relation) -> Self {
        let first = usize::from(relation.has_rowid);
        let index = |name: &str| {
            let found = relation.columns.iter().position(|column| column.eq_ignore_ascii_case(name));
            found.map(|index| first + index)
        };
        let time = data_type.time.as_ref().and_then(|time| Some((index(&time.column)?, time.format)));
        let category = data_type.category.as_ref().and_then(|category| index(&category.column));
        Self { type_name: data_type.id.to_string(), keys: relation.columns.clone(), first, time, category }
    }

    fn event_at(&self, row: &Row<'_>) -> Result<Option<DateTime<Utc>>, Fault> {
        let Some((index, format)) = self.time else {
            return Ok(None);
        };
        let read = match row.get_ref(index)? {
            ValueRef::Null | ValueRef::Text(b"") => return Ok(None),
            ValueRef::Integer(value) => format.read_integer(value),
            ValueRef::Real(value) => format.read_real(value),
            ValueRef::Text(value) => format.read_text(value),
            ValueRef::Blob(_) => Err(UnreadableInstant),
        };
        Ok(Some(read?))
    }

    /// What is wrong with a row, which is named by its number and never by what it holds.
    fn bad_record(&self, row: &Row<'_>, ordinal: u64, fault: BadRow) -> SourceError {
        let rowid = match (self.first, row.get_ref(0)) {
            (1, Ok(ValueRef::Integer(rowid))) => format!(" (rowid {rowid})"),
            _ => String::new(),
        };
        let context = format!("row {ordinal}{rowid} of type {} cannot be read", self.type_name);
        let column = match fault {
            BadRow::Time(_) => self.time.map(|(index, _)| index),
            BadRow::Utf8(index) => Some(index),
        };
        let column = column.and_then(|index| self.keys.get(index - self.first)).cloned().unwrap_or_default();
        SourceError::with_source(SourceErrorKind::BadRecord, context, BadColumn { column, fault })
    }
}

/// Why a row cannot be exported.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum BadRow {
    #[error(transparent)]
    Time(#[from] UnreadableInstant),
    #[error("its text is not UTF-8")]
    Utf8(usize),
}

#[derive(Debug, thiserror::Error)]
#[error("column {column:?}: {fault}")]
struct BadColumn {
    column: String,
    fault: BadRow,
}

/// Why a row was not read.
enum Fault {
    Row(BadRow),
    Database(rusqlite::Error),
}

impl From<UnreadableInstant> for Fault {
    fn from(error: UnreadableInstant) -> Self {
        Self::Row(error.into())
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Runs one statement; `ordinal` counts the rows of the whole read.
pub(super) fn read(
    database: &Database,
    statement: &Statement,
    columns: &Columns,
    filter: &Filter,
    ordinal: &mut u64,
    batches: &mut Batches,
) -> Result<(), Stop> {
    let failure = |error| database.failure(error);
    let mut prepared = database.connection().prepare(&statement.sql).map_err(failure)?;
    let mut rows = prepared.query(params_from_iter(&statement.values)).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        *ordinal += 1;
        let bytes = record(row, columns, filter, batches).map_err(|fault| match fault {
            Fault::Row(fault) => columns.bad_record(row, *ordinal, fault),
            Fault::Database(error) => database.failure(error),
        })?;
        batches.record_read(bytes)?;
    }
    Ok(())
}

/// Adds a row to the batch if it belongs there; gives how many bytes of values were read.
fn record(row: &Row<'_>, columns: &Columns, filter: &Filter, batches: &mut Batches) -> Result<u64, Fault> {
    let event_at = columns.event_at(row)?;
    let number;
    let category = match columns.category.map(|index| row.get_ref(index)).transpose()? {
        Some(ValueRef::Text(text)) => std::str::from_utf8(text).ok(),
        Some(ValueRef::Integer(value)) => {
            number = value.to_string();
            Some(number.as_str())
        }
        _ => None,
    };
    let Some(place) = filter.place(category, event_at) else {
        return Ok(0);
    };
    let mut record = batches.builder().record(&place);
    let mut bytes = 0;
    for (index, key) in (columns.first..).zip(&columns.keys) {
        let value = row.get_ref(index)?;
        bytes += write(&mut record, key, value).ok_or(Fault::Row(BadRow::Utf8(index)))?;
    }
    record.finish();
    Ok(bytes)
}

/// Writes a value and gives its size; none if it is text that is not UTF-8.
fn write(record: &mut RecordWriter<'_>, key: &str, value: ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::Null => return Some(0),
        ValueRef::Integer(value) => record.integer(key, value),
        ValueRef::Real(value) => record.float(key, value),
        ValueRef::Text(bytes) => {
            record.text(key, std::str::from_utf8(bytes).ok()?);
            return Some(bytes.len() as u64);
        }
        ValueRef::Blob(bytes) => {
            record.bytes_base64(key, bytes);
            return Some(bytes.len() as u64);
        }
    };
    Some(size_of::<u64>() as u64)
}
