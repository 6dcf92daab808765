//! Sources of records: files of JSON lines, SQLite databases.
//!
//! The readers here block. Each read has its own thread, hands over batches through a bounded channel, and
//! stops when the stream is dropped.

mod blocking;
mod config;
pub mod json_lines;
mod owners;
mod selection;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod survey;

pub use config::{CategoryConfig, TimeConfig, TypeConfig};
pub use json_lines::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
pub use owners::{OWNER_IN_PATH, OwnerConfig};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteConfig, SqliteRows, SqliteSource, SqliteType};
pub use survey::{BadExample, Survey};
