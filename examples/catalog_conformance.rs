//! Checks a wrapper around a catalog against the contract of the catalog's port: a cache of jobs, wrong and right.
//!
//! ```text
//! $ cargo run -p cdds-examples --example catalog_conformance
//! a cache by id breaks: no read gives anything of another owner
//! a cache that asks whether its job is still the owner's and the same: every clause holds
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cdds_core::ports::catalog::query::JobOverview;
use cdds_core::ports::catalog::{Catalog, CatalogError, CatalogLayer, Layered};
use cdds_core::testing::MemoryCatalog;
use cdds_core::testing::conformance::catalog::{Clause, check};
use cdds_core::testing::conformance::{Contract, Report};
use cdds_core::{JobId, Owner};
use futures::executor::block_on;

/// Remembers the last job that was looked up.
#[derive(Debug)]
struct Cached<C> {
    catalog: C,
    last: Mutex<Option<JobOverview>>,
    is_checked: bool,
}

#[async_trait]
impl<C: Catalog> CatalogLayer for Cached<C> {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|last| last.job.id == id && !self.is_checked) {
            return Ok(Some(last));
        }
        let found = self.inner().job(owner, id).await?;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found);
        Ok(found)
    }
}

/// One line in a test: `block_on(check(|clock| …)).assert()`.
fn checked(is_checked: bool) -> Report<Clause> {
    block_on(check(move |clock| {
        let catalog = MemoryCatalog::new().with_clock(clock);
        let cached = Arc::new(Layered(Cached { catalog, last: Mutex::default(), is_checked }));
        // Opens a handle. Those of a database would be connections of their own.
        move || cached.clone() as Arc<dyn Catalog>
    }))
}

fn main() {
    let report = checked(false);
    if report.found(Clause::ForeignReads) {
        println!("a cache by id breaks: {}", Clause::ForeignReads.promise());
    }
    let holds = checked(true).into_result().is_ok();
    let told = if holds { "every clause holds" } else { "a clause is broken" };
    println!("a cache that asks whether its job is still the owner's and the same: {told}");
}
