//! Where fresh identifiers come from.

use std::fmt::Debug;

use uuid::Uuid;

/// Makes identifiers that are unique over all processes.
///
/// # Contract
/// Never the same value twice, across restarts too. The simulation gives seeded ones.
pub trait Ids: Debug + Send + Sync {
    /// A fresh random UUID (version 4).
    fn next(&self) -> Uuid;
}
