//! Where jobs, executions and artifacts are kept.
//!
//! [`SqliteCatalog`] (feature `sqlite`) is the embedded default: one file, any number of processes on
//! one machine. How rows become domain types and back is written once, apart from any database.

#[cfg(feature = "sqlite")]
mod row;
#[cfg(feature = "sqlite")]
mod stored;

#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteCatalog;
