//! Storage for jobs, executions and artifacts.
//!
//! [`SqliteCatalog`] (feature `sqlite`) is the embedded default: one file, any number of processes on one
//! machine. The conversion between rows and domain types is written once, independently of any database.

#[cfg(feature = "sqlite")]
mod row;
#[cfg(feature = "sqlite")]
mod sql;
#[cfg(feature = "sqlite")]
mod stored;

#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteCatalog;
