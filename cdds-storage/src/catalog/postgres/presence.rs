//! Signs of life of workers. Those of several machines see no processes, so their leases decide.

use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::CatalogError;

use super::super::sql::database::{Presence, Registration};

/// Knows of no worker whether it is dead.
#[derive(Debug)]
pub(in crate::catalog) struct Leases;

impl Presence for Leases {
    /// An earlier worker with the same id may still run, so its work waits for its lease.
    fn register(&self, _: &WorkerId) -> Result<Registration, CatalogError> {
        Ok(Registration::Held)
    }

    fn release(&self, _: &WorkerId) {}

    fn sees_the_dead(&self) -> bool {
        false
    }

    fn is_dead(&self, _: &WorkerId) -> Result<bool, CatalogError> {
        Ok(false)
    }

    fn process_lives(&self, _: &WorkerId) -> Option<bool> {
        None
    }
}
