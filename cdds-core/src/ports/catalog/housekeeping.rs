//! The upkeep of the catalog itself: what it forgets, and which engine sees to that.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::CatalogError;
use crate::domain::id::WorkerId;
use crate::domain::keeping::Cutoffs;
use crate::domain::keeping::sweep::{Place, ROWS_MAX, Swept};
use crate::setters::setters;

/// Forgets old rows, and lets one engine at a time keep house (rules E14, E15).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait Housekeeping: Debug + Send + Sync {
    /// Lets a worker keep house for as long as `lease`, by the catalog's clock, or renews its lease
    /// ([`Housekeeper::taken`](crate::domain::keeping::Housekeeper::taken)). Returns whether it does now;
    /// `false` if another worker does.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn keep_house(&self, worker: &WorkerId, lease: Duration) -> Result<bool, CatalogError>;

    /// Lets others keep house at once. Has no effect if this worker does not.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn leave_house(&self, worker: &WorkerId) -> Result<(), CatalogError>;

    /// Removes a page of old rows of all owners, as walked by
    /// [`sweep`](crate::domain::keeping::sweep::sweep). The cost grows with the limit, not with the record.
    /// Passes over rows that cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn forget(&self, page: &Forget) -> Result<Swept, CatalogError>;
}

/// A page of old rows to forget (rule E14).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forget {
    /// What is old.
    pub cutoffs: Cutoffs,
    /// The place behind which the page begins: [`Swept::next`] of the page before. `None` for the first page.
    pub behind: Option<Place>,
    /// The most rows to look at or to remove: [`ROWS_MAX`] by default.
    pub limit: usize,
}

impl Forget {
    /// Creates the first page.
    pub fn new(cutoffs: Cutoffs) -> Self {
        Self { cutoffs, behind: None, limit: ROWS_MAX }
    }
}

setters! {
    Forget {
        with_behind => behind: option Place;
        with_limit => limit: value usize;
    }
}
