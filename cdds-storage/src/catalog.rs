//! Storage for jobs, executions and artifacts.
//!
//! [`SqliteCatalog`] (feature `sqlite`) is the embedded default: one file, any number of processes on one
//! machine. [`PostgresCatalog`] (feature `postgres`) is for many machines. The statements are those of any SQL
//! database, and the conversion between rows and domain types is written once, independently of any database.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod gate;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod row;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod stored;

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use self::postgres::CatalogCopy;
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresCatalog, PostgresCatalogConfig};
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteCatalog;
