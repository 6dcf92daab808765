//! Whether the catalog's clock can be trusted.

use super::ServiceError;
use crate::examination;
pub use crate::examination::{ClockReport, JobAhead};
use crate::ports::Ports;

/// Examines the catalog's clock by the record and the store. Reads all jobs and, if one of them lies ahead, all
/// objects of a folder store, so call it at the start of a run and once an hour.
///
/// # Errors
/// If the catalog or the store cannot be read.
///
/// # Cancel safety
/// A dropped call leaves at most an empty object `clock-probe`, in a store with a clock of its own; the next
/// call removes it.
pub async fn examine(ports: &Ports) -> Result<ClockReport, ServiceError> {
    Ok(examination::examine(ports).await?)
}
