//! Sources of records: files of JSON lines, databases of SQLite and PostgreSQL.
//!
//! The readers here block, so each read has its own thread ([`read_blocking`](cdds_core::read_blocking)).

mod config;
pub mod json_lines;
mod owners;
#[cfg(feature = "postgres")]
pub mod postgres;
mod selection;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod survey;

pub use config::{CategoryConfig, TimeConfig, TypeConfig};
pub use json_lines::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
pub use owners::{OWNER_IN_PATH, OwnerConfig};
#[cfg(feature = "postgres")]
pub(crate) use postgres::PostgresCause;
#[cfg(feature = "postgres")]
pub use postgres::{
    PostgresConfig, PostgresConnections, PostgresRows, PostgresServer, PostgresSource, PostgresType,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteConfig, SqliteRows, SqliteSource, SqliteType};
pub use survey::{BadExample, Survey};
