//! Numbered migrations, embedded in the program.
//!
//! `PRAGMA user_version` holds the number of the last applied migration, `PRAGMA application_id` identifies
//! the owner of the file. Each migration and its number are one transaction.
//!
//! The table `reader` holds the oldest version whose programs may still use the file, so that a fleet can be
//! updated one process after the other: the new program expands the schema in a way that the old one works
//! with, and a later version contracts it, once no old program is left, and raises this number.

use std::path::Path;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use rusqlite::{Connection, TransactionBehavior};

use super::super::sql::fault::Fault;

/// The migrations in order; the first one has number 1. Released migrations never change.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_whole_life.sql"),
    include_str!("migrations/0003_signature.sql"),
    include_str!("migrations/0004_era.sql"),
    include_str!("migrations/0005_store.sql"),
    include_str!("migrations/0006_unsettled.sql"),
    include_str!("migrations/0007_turns.sql"),
    include_str!("migrations/0008_contract.sql"),
    include_str!("migrations/0009_rows.sql"),
    include_str!("migrations/0010_search.sql"),
    include_str!("migrations/0011_searches.sql"),
    include_str!("migrations/0012_workers.sql"),
    include_str!("migrations/0013_deliveries.sql"),
    include_str!("migrations/0014_notice_lists.sql"),
    include_str!("migrations/0015_certificate_notices.sql"),
    include_str!("migrations/0016_draining.sql"),
    include_str!("migrations/0017_subjects.sql"),
    include_str!("migrations/0018_zones.sql"),
    include_str!("migrations/0019_subject_tasks.sql"),
    include_str!("migrations/0020_filters.sql"),
    include_str!("migrations/0021_handed_over.sql"),
];

/// "CDDS" in ASCII: tells a catalog from any other SQLite database.
const APPLICATION_ID: i64 = 0x4344_4453;

/// What is added to the versions of a file whose content was copied elsewhere: more than any program knows, so that
/// none opens it again.
#[cfg(feature = "postgres")]
const LEFT: i64 = 1_000_000;

/// Brings the schema up to date. Takes no write lock if it already is, so that a writing program keeps nobody
/// from reading.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    if version(connection)? >= newest() {
        return Ok(());
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have applied it in the meantime.
        if version(&transaction)? < number {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Returns the number of the last migration.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Returns the oldest version whose programs may use the file. Versions before the table was added can be used
/// by programs of that version or later ones only.
fn oldest_reader(connection: &Connection, version: i64) -> Result<i64, rusqlite::Error> {
    let known: i64 =
        connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'reader'", [], |row| row.get(0))?;
    if known == 0 {
        return Ok(version);
    }
    connection.query_row("SELECT oldest FROM reader", [], |row| row.get(0))
}

/// Refuses a file that is not a catalog, or that a newer program has changed beyond what this one can use;
/// changes nothing.
pub(super) fn check(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    // Use one read transaction, since another process may be migrating.
    let transaction = connection.transaction()?;
    let version = version(&transaction)?;
    let application: i64 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = version == 0 && application == 0 && tables == 0;
    if !fresh && application != APPLICATION_ID {
        return Err(Fault::Refused(CatalogError::new(
            CatalogErrorKind::Corrupt,
            format!("{} is a database of another program: name another file for the catalog", path.display()),
        )));
    }
    #[cfg(feature = "postgres")]
    if version >= LEFT {
        return Err(Fault::Refused(CatalogError::new(
            CatalogErrorKind::NewerSchema,
            format!(
                "the catalog {} was copied to PostgreSQL and is used no more: name the one there (catalog.url)",
                path.display()
            ),
        )));
    }
    let newest = newest();
    if version > newest && oldest_reader(&transaction, version)? > newest {
        return Err(Fault::Refused(CatalogError::new(
            CatalogErrorKind::NewerSchema,
            format!(
                "the catalog {} has schema version {version}, this program knows versions up to {newest}: \
                 use a newer version of the program",
                path.display()
            ),
        )));
    }
    Ok(())
}

/// Refuses a file as [`check`] does, and one of an older schema.
pub(super) fn check_to_read(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    check(connection, path)?;
    let (version, newest) = (version(connection)?, newest());
    if version >= newest {
        return Ok(());
    }
    let path = path.display();
    let why = match version {
        0 => format!("there is nothing in the catalog {path} yet, and it cannot be written"),
        _ => format!(
            "the catalog {path} has schema version {version}, of an older program, and cannot be written: run a \
             command like `cdds doctor` as a user who may write it, which brings it to version {newest}"
        ),
    };
    Err(Fault::Refused(CatalogError::new(CatalogErrorKind::Unavailable, why)))
}

/// Refuses a file as [`check`] does, but not one that was left. Returns whether it was.
#[cfg(feature = "postgres")]
pub(super) fn check_left(connection: &mut Connection, path: &Path) -> Result<bool, Fault> {
    if is_left(connection)? {
        return Ok(true);
    }
    check(connection, path).map(|()| false)
}

/// Whether the file was left.
#[cfg(feature = "postgres")]
pub(super) fn is_left(connection: &Connection) -> Result<bool, Fault> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(application == APPLICATION_ID && version(connection)? >= LEFT)
}

/// Marks the file as left.
#[cfg(feature = "postgres")]
pub(super) fn leave(connection: &Connection) -> Result<(), Fault> {
    shift(connection, LEFT)
}

/// Undoes [`leave`].
#[cfg(feature = "postgres")]
pub(super) fn come_back(connection: &Connection) -> Result<(), Fault> {
    shift(connection, -LEFT)
}

/// Adds to the version, and to that of the oldest program that may use the file.
#[cfg(feature = "postgres")]
fn shift(connection: &Connection, by: i64) -> Result<(), Fault> {
    let to = version(connection)? + by;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute("UPDATE reader SET oldest = oldest + ?1", [by])?;
    transaction.pragma_update(None, "user_version", to)?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
