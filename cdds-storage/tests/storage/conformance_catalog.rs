//! The conformance kit of the catalog over the SQLite catalog. Each handle opens the file anew.

#![cfg(feature = "sqlite")]

use std::sync::Arc;

use cdds_core::ports::catalog::Catalog;
use cdds_core::testing::conformance::catalog::check;
use cdds_storage::catalog::SqliteCatalog;
use futures::executor::block_on;
use tempfile::TempDir;

#[test]
fn the_sqlite_catalog_keeps_every_promise() {
    let report = block_on(check(|clock| {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        move || {
            let catalog = SqliteCatalog::open(folder.path().join("cdds.db")).unwrap();
            Arc::new(catalog.with_clock(Arc::clone(&clock))) as Arc<dyn Catalog>
        }
    }));
    report.assert();
}
