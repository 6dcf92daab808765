//! A catalog in front of another one, which prints each call that fails and how often each was made.
//!
//! ```text
//! $ cargo run -p cdds-examples --example catalog_wrapper
//! agenda: 1
//! claim: 1
//! due: 1
//! now: 1
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use cdds_core::Engine;
use cdds_core::ports::catalog::{Catalog, CatalogError, CatalogLayer, Layered};

#[derive(Debug)]
struct Counting {
    catalog: Arc<dyn Catalog>,
    calls: Mutex<BTreeMap<&'static str, u32>>,
}

impl CatalogLayer for Counting {
    fn inner(&self) -> &dyn Catalog {
        &*self.catalog
    }

    fn called(&self, method: &'static str, error: Option<&CatalogError>) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method).or_default() += 1;
        if let Some(error) = error {
            println!("{method} failed: {}", error.report());
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let ports = cdds_storage::local(folder.path())?;
    let counting = Arc::new(Counting { catalog: ports.catalog.clone(), calls: Mutex::default() });
    let ports = ports.with_catalog(Arc::new(Layered(Arc::clone(&counting))));
    let _idle = futures::executor::block_on(Engine::builder(&ports).build().tick())?;
    for (method, count) in &*counting.calls.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("{method}: {count}");
    }
    Ok(())
}
