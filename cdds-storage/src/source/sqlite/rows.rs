//! Turns rows into records.

use std::time::Duration;

use cdds_core::blocking::{Batches, Stop};
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::instant::{InstantFormat, UnreadableInstant};
use cdds_core::domain::record::template::{FieldValue, Filter};
use cdds_core::domain::record::{Place, RecordBatchBuilder, RecordWriter, RejectedRecord};
use cdds_core::domain::subject::SubjectMatcher;
use cdds_core::ports::source::{BadRecordMode, ReadRequest, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Row, ToSql, params_from_iter};

use super::SqliteType;
use super::open::Database;
use super::spool::Spool;
use super::statement::Statement;
use super::strays::StoredText;

use crate::source::config::TimeConfig;
use crate::source::selection::{SelectedCategory, Selection, Timing};

/// The columns of a row, and the request for them.
#[derive(Debug)]
pub(super) struct Columns {
    type_name: String,
    keys: Vec<String>,
    /// Index of the first key; the rowid may precede it.
    first: usize,
    /// Indices of the exported keys, in order.
    exported: Vec<usize>,
    time: Option<(usize, InstantFormat)>,
    changed: Option<(usize, InstantFormat)>,
    category: Option<usize>,
    /// The index of the column that names the owner, and the owner whose rows are read (rule J16).
    owner: Option<(usize, Owner)>,
    /// Filters with the index of their field; `None` for a field that no row has.
    filters: Vec<(Option<usize>, Filter)>,
    bad_records: BadRecordMode,
    /// The indices of the columns that name people, by the number of their field (rule D1). Empty unless a person is
    /// asked for.
    subjects: Vec<Option<usize>>,
}

impl Columns {
    /// Describes the columns `keys`, possibly after the rowid.
    pub(super) fn new(
        data_type: &SqliteType,
        keys: Vec<String>,
        has_rowid: bool,
        request: &ReadRequest,
    ) -> Self {
        let first = usize::from(has_rowid);
        let index_of =
            |is_it: &dyn Fn(&String) -> bool| keys.iter().position(is_it).map(|index| first + index);
        let index = |name: &str| index_of(&|column| column.eq_ignore_ascii_case(name));
        let instant = |time: &TimeConfig| Some((index(&time.column)?, time.format));
        let filters = request.template.filters.iter();
        let is_exported = |key: &str| request.template.fields.includes(key) && data_type.has_field(key);
        let exported = (first..).zip(&keys).filter(|(_, key)| is_exported(key));
        Self {
            type_name: data_type.id.to_string(),
            first,
            exported: exported.map(|(index, _)| index).collect(),
            time: data_type.time.as_ref().and_then(instant),
            changed: data_type.changed.as_ref().and_then(instant),
            category: data_type.category.as_ref().and_then(|category| index(&category.column)),
            owner: data_type.owner.field().and_then(index).map(|index| (index, request.owner.clone())),
            filters: filters.map(|f| (index_of(&|column| column == f.field()), f.clone())).collect(),
            bad_records: request.bad_records,
            subjects: match request.subject {
                Some(_) => data_type.subjects.iter().map(|f| index_of(&|column| *column == f.name)).collect(),
                None => Vec::new(),
            },
            keys,
        }
    }

    /// Returns the number of columns in a row.
    fn count(&self) -> usize {
        // Rows count even if none of their columns is requested.
        self.first + self.keys.len().max(1)
    }

    fn key(&self, index: usize) -> &str {
        self.keys.get(index - self.first).map_or("", String::as_str)
    }

    /// Whether a row is the owner's, or everybody's.
    fn is_of_owner(&self, row: &Row<'_>) -> Result<bool, Fault> {
        let Some((index, owner)) = &self.owner else { return Ok(true) };
        Ok(match row.get_ref(*index)? {
            ValueRef::Text(text) => text == owner.as_str().as_bytes(),
            ValueRef::Integer(value) => value.to_string() == owner.as_str(),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => false,
        })
    }

    /// Whether a row is about the person who is asked for (rule D1), or nobody is.
    fn is_about(&self, row: &Row<'_>, selection: &Selection) -> Result<bool, Fault> {
        let Some(subject) = selection.subject() else { return Ok(true) };
        for (field, index) in self.subjects.iter().enumerate() {
            let Some(index) = index else { continue };
            if names(subject, field, row.get_ref(*index)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a row matches every filter.
    fn match_filters(&self, row: &Row<'_>) -> Result<bool, Fault> {
        for (index, filter) in &self.filters {
            let value = match index.map(|index| Ok::<_, Fault>((index, row.get_ref(index)?))).transpose()? {
                None | Some((_, ValueRef::Null)) => FieldValue::Missing,
                Some((_, ValueRef::Integer(value))) => FieldValue::Integer(value),
                Some((_, ValueRef::Real(value))) => FieldValue::Float(value),
                Some((index, ValueRef::Text(bytes))) => FieldValue::Text(text(index, bytes)?),
                Some((_, ValueRef::Blob(bytes))) => FieldValue::Bytes(bytes),
            };
            if !filter.matches(value) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends the read or hands the row over, as the request says (rule E10). The row is named by its number,
    /// never by its contents.
    fn bad_record(
        &self,
        row: &Row<'_>,
        ordinal: u64,
        fault: BadRow,
        batches: &mut Batches,
    ) -> Result<(), SourceError> {
        let rowid = match (self.first, row.get_ref(0)) {
            (1, Ok(ValueRef::Integer(rowid))) => format!(" (rowid {rowid})"),
            _ => String::new(),
        };
        let (BadRow::Time(index, _) | BadRow::Utf8(index)) = fault;
        let reason = BadColumn { column: self.key(index).to_owned(), fault };
        match self.bad_records {
            BadRecordMode::Fail => Err(SourceError::with_source(
                SourceErrorKind::BadRecord,
                format!("row {ordinal}{rowid} of type {} cannot be read", self.type_name),
                reason,
            )),
            BadRecordMode::Report => {
                let position = format!("row {ordinal}{rowid}");
                let rejected = RejectedRecord::new(position, reason, &self.readable(row));
                batches.builder().reject(rejected);
                Ok(())
            }
        }
    }

    /// Returns a bad row as a JSON object, with text that is not UTF-8 in Base64.
    fn readable(&self, row: &Row<'_>) -> Vec<u8> {
        let mut builder = RecordBatchBuilder::new();
        let mut record = builder.record(&Place::of(None, None));
        for (index, key) in (self.first..).zip(&self.keys) {
            let value = row.get_ref(index).unwrap_or(ValueRef::Null);
            if let (Err(_), ValueRef::Text(bytes)) = (write(&mut record, index, key, value), value) {
                record.bytes_base64(key, bytes);
            }
        }
        record.finish();
        builder.take().lines().to_vec()
    }
}

/// Whether the value of a subject field names the person (rule D1).
pub(super) fn names(subject: &SubjectMatcher, field: usize, value: ValueRef<'_>) -> bool {
    let number = match value {
        ValueRef::Text(text) => {
            return std::str::from_utf8(text).is_ok_and(|text| subject.is_named_by_text(field, text));
        }
        ValueRef::Integer(value) => value.to_string(),
        // Beyond, neighbouring whole numbers are the same.
        ValueRef::Real(value) if value.abs() < 9e15 => value.to_string(),
        ValueRef::Real(_) | ValueRef::Null | ValueRef::Blob(_) => return false,
    };
    subject.is_named_by_json(field, number.as_bytes())
}

/// Returns the instant in a column; `None` without a column, and for NULL and empty text (rule W7).
fn instant(row: &Row<'_>, column: Option<(usize, InstantFormat)>) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some((index, format)) = column else {
        return Ok(None);
    };
    let read = match row.get_ref(index)? {
        ValueRef::Null | ValueRef::Text(b"") => return Ok(None),
        ValueRef::Integer(value) => format.read_integer(value),
        ValueRef::Real(value) => format.read_real(value),
        ValueRef::Text(value) => format.read_text(value),
        ValueRef::Blob(_) => Err(format.unreadable()),
    };
    read.map(Some).map_err(|error| Fault::Row(BadRow::Time(index, error)))
}

/// The reason why a row cannot be exported.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum BadRow {
    #[error("{1}")]
    Time(usize, UnreadableInstant),
    #[error("its text is not UTF-8")]
    Utf8(usize),
}

#[derive(Debug, thiserror::Error)]
#[error("column {column:?}: {fault}")]
struct BadColumn {
    column: String,
    fault: BadRow,
}

/// The reason why a row was not read.
enum Fault {
    Row(BadRow),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// How long altogether the consumer may keep a read waiting that blocks writers or would be ended by them.
/// Most applications wait longer than this to write.
const PATIENCE: Duration = Duration::from_secs(1);

/// Rows on their way into batches.
pub(super) struct Reader<'a> {
    database: &'a Database,
    columns: &'a Columns,
    selection: &'a Selection,
    batches: &'a mut Batches,
    /// Counts the rows of the whole read.
    ordinal: u64,
    /// Holds waiting rows so that the database can be released.
    spool: Option<Spool<'a>>,
}

impl<'a> Reader<'a> {
    /// Sets aside at most `set_aside_max` bytes, or as many as there is room for if that is `None`.
    pub(super) fn new(
        database: &'a Database,
        columns: &'a Columns,
        selection: &'a Selection,
        batches: &'a mut Batches,
        set_aside_max: Option<u64>,
    ) -> Result<Self, SourceError> {
        let mut spool = None;
        if database.is_in_the_way() {
            spool = Some(Spool::new(database, columns.count(), set_aside_max)?);
            batches.wait_at_most(Some(PATIENCE));
        }
        Ok(Self { database, columns, selection, batches, ordinal: 0, spool })
    }

    /// Runs one statement, with a text bound after its own values if there is one. Once a row has been set
    /// aside, all later rows are too, which keeps their order.
    pub(super) fn scan(&mut self, statement: &Statement, text: Option<&StoredText>) -> Result<(), Stop> {
        let database = self.database;
        let failure = |error| database.failure(error);
        let mut prepared = database.connection().prepare(&statement.sql).map_err(failure)?;
        let values = statement.values.iter().map(|value| value as &dyn ToSql);
        let values = values.chain(text.map(|text| text as &dyn ToSql));
        let mut rows = prepared.query(params_from_iter(values)).map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            self.ordinal += 1;
            let waits = self.spool.as_ref().is_some_and(|spool| !spool.is_empty());
            if waits || (self.spool.is_some() && self.batches.is_kept_waiting()) {
                self.set_aside(row)?;
            } else {
                self.take(self.ordinal, row)?;
            }
        }
        Ok(())
    }

    /// Counts the undated rows that a statement returns (rule W7), without reading them in full. A row that
    /// cannot be read as far as its filters need is ignored: it is not a record of any window either.
    pub(super) fn count(&mut self, statement: &Statement, columns: &Columns) -> Result<(), Stop> {
        let database = self.database;
        let failure = |error| database.failure(error);
        let mut prepared = database.connection().prepare(&statement.sql).map_err(failure)?;
        let mut rows = prepared.query(params_from_iter(&statement.values)).map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            match timing(row, columns, self.selection) {
                Ok(Some((_, Timing::Undated))) => self.batches.builder().add_undated(1),
                Ok(_) | Err(Fault::Row(_)) => {}
                Err(Fault::Database(error)) => return Err(database.failure(error).into()),
            }
            // Also notices in a long count when nobody listens any more.
            self.batches.record_read(0)?;
        }
        Ok(())
    }

    /// Releases the database, since everything has been read, and hands over the rows set aside.
    pub(super) fn finish(mut self) -> Result<(), Stop> {
        // Before the hand-over: that takes as long as the consumer does, and no lock may last so long (rule
        // R4).
        self.database.release()?;
        self.empty()
    }

    fn set_aside(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        match timing(row, self.columns, self.selection) {
            // A bad row is reported in its turn.
            Ok(Some((_, Timing::Wanted(_)))) | Err(Fault::Row(_)) => spool.add(self.ordinal, row)?,
            Ok(Some((_, Timing::Undated))) => self.batches.builder().add_undated(1),
            Ok(Some((_, Timing::Outside)) | None) => {}
            Err(Fault::Database(error)) => return Err(self.database.failure(error).into()),
        }
        if spool.is_full() {
            self.empty()?;
            // The patience is spent: from now on, set aside whatever finds no room at once.
            self.batches.wait_at_most(Some(Duration::ZERO));
        }
        Ok(())
    }

    /// Hands over the rows set aside, however long that takes.
    fn empty(&mut self) -> Result<(), Stop> {
        self.batches.wait_at_most(None);
        let Some(mut spool) = self.spool.take() else { return Ok(()) };
        spool.drain(|ordinal, row| self.take(ordinal, row))?;
        self.spool = Some(spool);
        Ok(())
    }

    /// Makes a record of a row, if it belongs to the read.
    fn take(&mut self, ordinal: u64, row: &Row<'_>) -> Result<(), Stop> {
        let bytes = match record(row, self.columns, self.selection, self.batches) {
            Ok(bytes) => bytes,
            Err(Fault::Database(error)) => return Err(self.database.failure(error).into()),
            Err(Fault::Row(fault)) => {
                self.columns.bad_record(row, ordinal, fault, self.batches)?;
                0
            }
        };
        self.batches.record_read(bytes)
    }
}

/// Adds a row to the batch if it belongs there; returns how many bytes of values were read.
fn record(
    row: &Row<'_>,
    columns: &Columns,
    selection: &Selection,
    batches: &mut Batches,
) -> Result<u64, Fault> {
    let (category, event_at) = match timing(row, columns, selection)? {
        Some((category, Timing::Wanted(event_at))) => (category, event_at),
        Some((_, Timing::Undated)) => {
            batches.builder().add_undated(1);
            return Ok(0);
        }
        Some((_, Timing::Outside)) | None => return Ok(0),
    };
    // From here on the row is wanted. A fault below drops the record that was begun.
    let mut record = batches.builder().record(&selection.place(category, event_at));
    let mut bytes = 0;
    for index in &columns.exported {
        bytes += write(&mut record, *index, columns.key(*index), row.get_ref(*index)?)?;
    }
    record.finish();
    Ok(bytes)
}

/// Returns the category of a selected row and the outcome of its instants; `None` for a row of another owner
/// or category, about another person, or one that a filter leaves out. These are checked before the instants, so that a bad record
/// that is not asked for does not affect this read.
fn timing(
    row: &Row<'_>,
    columns: &Columns,
    selection: &Selection,
) -> Result<Option<(SelectedCategory, Timing)>, Fault> {
    if !columns.is_of_owner(row)? {
        return Ok(None);
    }
    let number;
    let category = match columns.category.map(|index| row.get_ref(index)).transpose()? {
        Some(ValueRef::Text(text)) => std::str::from_utf8(text).ok(),
        Some(ValueRef::Integer(value)) => {
            number = value.to_string();
            Some(number.as_str())
        }
        _ => None,
    };
    let Some(category) = selection.category(category) else {
        return Ok(None);
    };
    if !columns.match_filters(row)? || !columns.is_about(row, selection)? {
        return Ok(None);
    }
    let (changed_at, event_at) = (|| instant(row, columns.changed), || instant(row, columns.time));
    Ok(Some((category, selection.event_at(changed_at, event_at)?)))
}

/// Writes the value of column `index` and returns its size; fails if it is text that is not UTF-8.
fn write(record: &mut RecordWriter<'_>, index: usize, key: &str, value: ValueRef<'_>) -> Result<u64, Fault> {
    match value {
        ValueRef::Null => return Ok(0),
        ValueRef::Integer(value) => record.integer(key, value),
        ValueRef::Real(value) => record.float(key, value),
        ValueRef::Text(bytes) => {
            record.text(key, text(index, bytes)?);
            return Ok(bytes.len() as u64);
        }
        ValueRef::Blob(bytes) => {
            record.bytes_base64(key, bytes);
            return Ok(bytes.len() as u64);
        }
    };
    Ok(size_of::<u64>() as u64)
}

fn text(index: usize, bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Row(BadRow::Utf8(index)))
}
