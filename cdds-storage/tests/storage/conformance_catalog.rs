//! The conformance kit of the catalog over the SQLite catalog. Each handle opens the file anew.

#![cfg(feature = "sqlite")]

use std::sync::Arc;

use cdds_core::ports::catalog::Catalog;
use cdds_core::testing::conformance::catalog::{check, damaged};
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

#[test]
fn the_sqlite_catalog_passes_over_rows_that_it_cannot_decode() {
    let report = block_on(damaged::check(|clock| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("cdds.db");
        let catalog = SqliteCatalog::open(&file).unwrap().with_clock(clock);
        let damage = move |row| {
            let _folder = &folder;
            let (sql, id) = match row {
                damaged::Row::Job(id) => ("UPDATE job SET settings = 'x' WHERE id = ?1", id.to_string()),
                damaged::Row::Execution(id) => {
                    ("UPDATE execution SET progress = 'x' WHERE id = ?1", id.to_string())
                }
                damaged::Row::Notice(id) => ("UPDATE notice SET kind = 'whim' WHERE id = ?1", id.to_string()),
            };
            let changed = rusqlite::Connection::open(&file)?.execute(sql, [id])?;
            assert_eq!(changed, 1, "{sql}");
            Ok(())
        };
        (Arc::new(catalog) as Arc<dyn Catalog>, damage)
    }));
    report.assert();
}
