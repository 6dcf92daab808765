//! Columns of rows.

use super::Value;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(in crate::catalog) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A type that a column is read as.
pub(in crate::catalog) trait FromCell: Sized {
    /// Returns `None` if the column holds something else.
    fn from_cell(cell: Cell<'_>) -> Option<Self>;
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

impl FromCell for Value {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        Some(match cell {
            Cell::Null => Self::Null,
            Cell::Integer(value) => Self::Integer(value),
            Cell::Text(value) => Self::Text(value.to_owned()),
            Cell::Blob(value) => Self::Blob(value.to_vec()),
        })
    }
}

/// As SQLite stores it, which has no type for it.
impl FromCell for bool {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        i64::from_cell(cell).map(|value| value != 0)
    }
}

impl FromCell for i64 {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Integer(value) => Some(value),
            Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
        }
    }
}

impl FromCell for u32 {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        i64::from_cell(cell).and_then(|value| value.try_into().ok())
    }
}

impl FromCell for String {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(value) => Some(value.to_owned()),
            Cell::Null | Cell::Integer(_) | Cell::Blob(_) => None,
        }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Blob(value) => Some(value.to_vec()),
            Cell::Null | Cell::Integer(_) | Cell::Text(_) => None,
        }
    }
}
