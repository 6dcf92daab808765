//! A catalog in front of another one, which prints each call and why it failed.
//!
//! ```text
//! $ cargo run -p cdds-examples --example catalog_wrapper
//! attend
//! now
//! zones
//! renew_zones
//! due
//! agenda
//! claim
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use cdds_core::Engine;
use cdds_core::ports::catalog::{Catalog, CatalogError, CatalogLayer, Layered};

#[derive(Debug)]
struct Logged(Arc<dyn Catalog>);

impl CatalogLayer for Logged {
    fn inner(&self) -> &dyn Catalog {
        &*self.0
    }

    fn called(&self, method: &'static str, error: Option<&CatalogError>) {
        match error {
            None => println!("{method}"),
            Some(error) => println!("{method} failed: {}", error.report()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let ports = cdds_storage::local(folder.path())?;
    let logged = Logged(Arc::clone(&ports.catalog));
    let ports = ports.with_catalog(Arc::new(Layered(logged)));
    let _idle = futures::executor::block_on(Engine::builder(&ports).build().tick())?;
    Ok(())
}
