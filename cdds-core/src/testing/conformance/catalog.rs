//! Checks for one's own catalog: what engines, services and the sweep rely on, clause by clause.
//!
//! [`check`] carries out small scripts, one for each [`Clause`], with a clock of its own. Each step is given to
//! the catalog and to a [`MemoryCatalog`](crate::testing::MemoryCatalog) that is asked the same. The answers
//! must be the same, and so must everything that the record shows afterwards, read through the same handle, a
//! second one, and one that is opened for the purpose. What must be refused is expected by the script itself,
//! and must change nothing.
//!
//! The scripts are directed: a catalog that ignores the epoch of a publication is found in milliseconds, where
//! random worlds rarely get there. What needs many engines, faults and time is left to the
//! [worlds](fn@worlds).
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use cdds_core::domain::id::{JobId, Owner};
//! use cdds_core::ports::catalog::query::JobOverview;
//! use cdds_core::ports::catalog::{Catalog, CatalogError, CatalogLayer, Layered};
//! use cdds_core::testing::MemoryCatalog;
//! use cdds_core::testing::conformance::catalog::{Clause, check};
//! use futures::executor::block_on;
//!
//! /// One's own catalog, or a wrapper around one: this one means to remember the last job.
//! #[derive(Debug)]
//! struct Cached<C> {
//!     catalog: C,
//!     last: std::sync::Mutex<Option<JobOverview>>,
//! }
//!
//! #[async_trait]
//! impl<C: Catalog> CatalogLayer for Cached<C> {
//!     fn inner(&self) -> &dyn Catalog {
//!         &self.catalog
//!     }
//!
//!     async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
//!         let last = self.last.lock().ok().and_then(|last| last.clone());
//!         if let Some(last) = last.filter(|last| last.job.id == id) {
//!             return Ok(Some(last)); // It forgets to compare the owner, and that the job may have changed.
//!         }
//!         let found = self.inner().job(owner, id).await?;
//!         self.last.lock().expect("no thread panics").clone_from(&found);
//!         Ok(found)
//!     }
//! }
//!
//! // For each clause: a fresh catalog that goes by this clock, and a way to open handles to it.
//! let report = block_on(check(|clock| {
//!     let catalog = Arc::new(MemoryCatalog::new().with_clock(clock));
//!     let cached = Arc::new(Layered(Cached { catalog, last: Default::default() }));
//!     move || cached.clone() as Arc<dyn Catalog>
//! }));
//! assert!(report.found(Clause::ForeignReads));
//!
//! let report = block_on(check(|clock| {
//!     let catalog = Arc::new(MemoryCatalog::new().with_clock(clock));
//!     move || catalog.clone() as Arc<dyn Catalog>
//! }));
//! report.assert();
//! ```
//!
//! Rows that cannot be decoded are checked by [`damaged::check`], which needs a hook that damages them.
//!
//! Like all of [`conformance`](super), this module is outside of semantic versioning.

mod audits;
mod case;
mod certificates;
mod claims;
mod clause;
mod copies;
pub mod damaged;
mod deletion;
mod delivered;
mod deliveries;
mod expiring;
mod expiry;
mod fencing;
mod frozen;
mod handed;
mod health;
mod house;
mod late;
mod lists;
mod notices;
mod owners;
mod planted;
mod recalls;
mod revisions;
mod scene;
mod seen;
mod stock;
mod subjects;
mod tasks;
mod unique;
mod workers;
mod worlds;
mod zones;

use std::sync::Arc;

use self::case::Case;
pub use self::clause::Clause;
pub use self::planted::Planted;
pub use self::worlds::{Effort, worlds};
use super::{Contract, Report};
use crate::ports::catalog::Catalog;
use crate::ports::clock::Clock;

/// Checks a catalog.
///
/// `make` is called for each clause. It prepares a fresh, empty catalog that goes by the clock that it is
/// given, and returns what opens a handle to that catalog: it may return the same object every time, or open
/// the same database anew. Several handles are open at the same time. A worker always asks through the same
/// handle.
///
/// # Panics
/// If `make` does, or the catalog.
///
/// # Cancel safety
/// Dropping the future drops the catalogs that it has made.
pub async fn check<O>(make: impl Fn(Arc<dyn Clock>) -> O + Send + Sync) -> Report<Clause>
where
    O: Fn() -> Arc<dyn Catalog> + Send + Sync + 'static,
{
    check_only(Clause::ALL, make).await
}

/// Checks some clauses of a catalog, like [`check`].
///
/// # Panics
/// If `make` does, or the catalog.
///
/// # Cancel safety
/// Dropping the future drops the catalogs that it has made.
pub async fn check_only<O>(
    clauses: &[Clause],
    make: impl Fn(Arc<dyn Clock>) -> O + Send + Sync,
) -> Report<Clause>
where
    O: Fn() -> Arc<dyn Catalog> + Send + Sync + 'static,
{
    let mut report = Report::new();
    for clause in clauses {
        let case = Case::new(|clock| Box::new(make(clock)));
        report.add(*clause, clause.check(&case).await);
    }
    report
}
