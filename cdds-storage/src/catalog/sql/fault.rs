//! Errors inside a transaction.

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};

use super::driver::DriverError;

/// An error inside a transaction.
#[derive(Debug)]
pub(in crate::catalog) enum Fault {
    /// A statement failed; the port's error is made where the database and the purpose are known.
    Driver(DriverError),
    /// The catalog refuses the request.
    Refused(CatalogError),
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error.into())
    }
}

impl From<CatalogError> for Fault {
    fn from(error: CatalogError) -> Self {
        Self::Refused(error)
    }
}

/// Returns a conflict: the caller's expectation is out of date.
pub(in crate::catalog) fn conflict(why: impl Into<String>) -> Fault {
    Fault::Refused(CatalogError::new(CatalogErrorKind::Conflict, why))
}

/// Turns a violation of a unique index or foreign key into a conflict with this text; passes other faults on.
pub(super) fn constraint(why: impl Into<String>) -> impl FnOnce(DriverError) -> Fault {
    move |error| match error.is_constraint() {
        true => conflict(why),
        false => Fault::Driver(error),
    }
}

impl Fault {
    /// Whether the fault is in a row's contents, not in the database or the request.
    pub(super) fn is_of_row(&self) -> bool {
        match self {
            Self::Driver(error) => error.is_of_row(),
            Self::Refused(error) => error.kind() == CatalogErrorKind::Corrupt,
        }
    }
}
