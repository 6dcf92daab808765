//! Why an engine could not go on.

use crate::ports::catalog::CatalogError;
use crate::ports::sink::SinkError;

/// Why the engine itself, not an execution, could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    /// The artifact store failed.
    #[error("the artifact store failed")]
    Sink(#[from] SinkError),
    /// The catalog or the store panicked, or a source when it was asked for its terms.
    #[error("a port panicked, which is a defect of it")]
    Panicked,
}

impl EngineError {
    /// Whether the same step may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_retryable(),
            Self::Sink(error) => error.is_retryable(),
            Self::Panicked => true,
        }
    }
}
