//! The source of fresh identifiers.

use std::fmt::Debug;

use uuid::Uuid;

/// Generates identifiers that are unique across all processes.
///
/// # Contract
/// Never returns the same value twice, even across restarts. The simulation uses seeded identifiers.
pub trait Ids: Debug + Send + Sync {
    /// Returns a fresh random UUID (version 4).
    fn next(&self) -> Uuid;
}
