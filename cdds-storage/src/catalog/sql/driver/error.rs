//! Errors of statements.

#[cfg(feature = "postgres")]
use cdds_core::ports::source::SourceError;

/// The result of a step of a statement.
pub(in crate::catalog) type Result<T> = std::result::Result<T, DriverError>;

/// What went wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub(in crate::catalog) enum DriverError {
    /// SQLite failed.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL failed.
    #[cfg(feature = "postgres")]
    #[error("PostgreSQL failed")]
    Postgres(tokio_postgres::Error),
    /// The password is not known.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    SignIn(SourceError),
    /// No connection of the pool became free.
    #[cfg(feature = "postgres")]
    #[error("no connection is free")]
    NoConnection,
    /// The server has not answered.
    #[cfg(feature = "postgres")]
    #[error("the server does not answer")]
    Silent,
    /// Nobody knows whether a transaction was stored.
    #[cfg(feature = "postgres")]
    #[error("whether the transaction is stored is not known")]
    Unknown,
    /// A text has a character that the database cannot store.
    #[cfg(feature = "postgres")]
    #[error("a text holds the character NUL")]
    Nul,
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
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => error.code().is_some_and(|code| code.code().starts_with("23")),
            #[cfg(feature = "postgres")]
            Self::SignIn(_) | Self::NoConnection | Self::Silent | Self::Unknown | Self::Nul => false,
            Self::NoRow | Self::Column(_) => false,
        }
    }

    /// Whether the contents of a row are at fault, not the database or the request.
    pub(in crate::catalog) fn is_of_row(&self) -> bool {
        match self {
            // Errors that do not come from SQLite itself are about a value.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error) => error.sqlite_error_code().is_none(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_)
            | Self::SignIn(_)
            | Self::NoConnection
            | Self::Silent
            | Self::Unknown
            | Self::Nul => false,
            Self::NoRow | Self::Column(_) => true,
        }
    }
}
