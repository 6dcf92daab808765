//! Work across all rows: a row that this version does not understand must not stop the others.

use super::driver::Row;
use super::fault::Fault;

/// Returns the value read from a row; `None`, with a warning, if it is not understood. The warning names the
/// row, but omits its contents and the error, which may quote them.
///
/// # Errors
/// Any other error, which is not the row's fault.
pub(super) fn understood<T>(table: &str, id: &str, read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.is_of_row() => {
            tracing::warn!(
                "{table} {id} is stored in a form that this version does not understand and is passed over: \
                 use the version that wrote it, or restore the catalog from a backup"
            );
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Like [`understood`], without a warning, for rows that are only counted: the code that processes them
/// warns.
///
/// # Errors
/// Any other error.
pub(super) fn quietly<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Err(fault) if fault.is_of_row() => Ok(None),
        read => read.map(Some),
    }
}

/// Returns the id of a row, which is its first column, in printable form.
pub(super) fn row_id(row: &Row<'_>) -> String {
    match row.get::<String>(0) {
        Ok(id) => id.escape_debug().to_string(),
        Err(_) => "without a readable id".to_owned(),
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
    use rusqlite::{Error, ffi};

    use super::super::driver::DriverError;
    use super::*;

    #[test]
    fn only_the_row_is_forgiven() {
        let sqlite = |code| Fault::from(DriverError::from(Error::SqliteFailure(ffi::Error::new(code), None)));
        let refused = Fault::from(CatalogError::new(CatalogErrorKind::Unavailable, "no"));
        for fault in [sqlite(ffi::SQLITE_BUSY), sqlite(ffi::SQLITE_CORRUPT), refused] {
            assert!(understood::<()>("job", "4711", Err(fault)).is_err());
        }
        let strange = Fault::from(super::super::super::row::corrupt("job", "4711", "unknown state"));
        assert!(matches!(understood::<()>("job", "4711", Err(strange)), Ok(None)));
    }
}
