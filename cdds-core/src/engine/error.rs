//! The errors of the engine itself.

use crate::examination::ExaminationError;
use crate::ports::catalog::CatalogError;
use crate::ports::error::report;
use crate::ports::sink::SinkError;

/// Why the engine itself, and not only an execution, could not continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    /// The artifact store failed.
    #[error("the artifact store failed")]
    Sink(#[from] SinkError),
    /// The catalog or the store panicked, or a source did when asked for its terms.
    #[error("a port panicked, which is a bug in it")]
    Panicked,
}

impl From<ExaminationError> for EngineError {
    fn from(error: ExaminationError) -> Self {
        match error {
            ExaminationError::Catalog(error) => error.into(),
            ExaminationError::Sink(error) => error.into(),
        }
    }
}

impl EngineError {
    /// Returns whether the same step may succeed later without intervention.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_retryable(),
            Self::Sink(error) => error.is_retryable(),
            Self::Panicked => true,
        }
    }

    /// Returns the message and every cause, joined by `: `, for a log.
    pub fn report(&self) -> String {
        report(self)
    }
}
