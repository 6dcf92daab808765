//! Errors of statements.

/// The result of a step of a statement.
pub(in crate::catalog) type Result<T> = std::result::Result<T, DriverError>;

/// What went wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub(in crate::catalog) enum DriverError {
    /// SQLite failed.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The query has found no row.
    #[error("the query has found no row")]
    NoRow,
    /// A column holds something else than this version stores in it.
    #[error("column {0} holds something unexpected")]
    Column(String),
}

/// Makes a missing row a value.
pub(in crate::catalog) trait OptionalExtension<T> {
    /// Returns `None` if the query has found no row.
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(DriverError::NoRow) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl DriverError {
    /// Whether a unique index, a foreign key or a check refuses the change.
    pub(in crate::catalog) fn is_constraint(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
            }
            Self::NoRow | Self::Column(_) => false,
        }
    }

    /// Whether the contents of a row are at fault, not the database or the request.
    pub(in crate::catalog) fn is_of_row(&self) -> bool {
        match self {
            // Errors that do not come from SQLite itself are about a value.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error) => error.sqlite_error_code().is_none(),
            Self::NoRow | Self::Column(_) => true,
        }
    }
}
