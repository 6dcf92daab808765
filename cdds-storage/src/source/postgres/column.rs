//! The types of columns, as far as reading depends on them.

use cdds_core::domain::record::instant::InstantFormat;
use tokio_postgres::types::Type;

/// A column of a table, or of a query's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name, which is the key in records.
    pub(super) name: String,
    /// Its place in the relation, from 1. Statements name it by that: several columns of a query may share a name.
    pub(super) place: usize,
    /// Its type; of a domain, the type beneath it.
    pub(super) kind: ColumnKind,
    /// The name of its type for people.
    pub(super) type_name: String,
}

/// A kind of column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// `timestamptz`.
    TimestampTz,
    /// `timestamp`, read as UTC.
    Timestamp,
    /// `date`: the midnight with which it begins in UTC.
    Date,
    /// `int2`, `int4` and `int8`.
    Integer,
    /// `numeric`.
    Numeric,
    /// `text` and `varchar`, which compare byte by byte.
    Text,
    /// `uuid`.
    Uuid,
    /// Any other.
    Other,
}

impl ColumnKind {
    /// Returns the kind of the type with this number.
    pub(super) fn of(oid: u32) -> Self {
        match Type::from_oid(oid) {
            Some(Type::TIMESTAMPTZ) => Self::TimestampTz,
            Some(Type::TIMESTAMP) => Self::Timestamp,
            Some(Type::DATE) => Self::Date,
            Some(Type::INT2 | Type::INT4 | Type::INT8) => Self::Integer,
            Some(Type::NUMERIC) => Self::Numeric,
            Some(Type::TEXT | Type::VARCHAR) => Self::Text,
            Some(Type::UUID) => Self::Uuid,
            _ => Self::Other,
        }
    }

    /// Returns the type under which an instant in such a column is read.
    pub(super) fn instant_type(self) -> &'static str {
        match self {
            Self::TimestampTz => "timestamptz",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Integer => "int8",
            Self::Numeric | Self::Text | Self::Uuid | Self::Other => "text",
        }
    }

    /// Whether values that name people can be looked up in such a column (rule D1).
    pub(super) fn finds_people(self) -> bool {
        matches!(self, Self::Text | Self::Integer | Self::Uuid)
    }

    /// Whether a window can be looked up in such a column, whose instants have this form.
    pub(super) fn is_narrowed(self, format: InstantFormat) -> bool {
        match self {
            Self::TimestampTz | Self::Timestamp | Self::Date => true,
            Self::Integer | Self::Numeric => format.numbers().is_some(),
            // A text sorts by a collation, and a real number is not compared exactly with whole ones.
            Self::Text | Self::Uuid | Self::Other => false,
        }
    }
}

impl Column {
    /// Returns its SQL.
    pub(super) fn sql(&self) -> String {
        format!("q.c{}", self.place)
    }

    /// Returns the SQL of its text.
    pub(super) fn text_sql(&self) -> String {
        format!("{}::pg_catalog.text", self.sql())
    }
}

/// Quotes a name for SQL, whatever characters it contains.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
