#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod archive;
pub mod catalog;
pub mod durable;
#[cfg(feature = "sqlite")]
pub mod local;
mod private;
#[cfg(feature = "sqlite")]
mod reading;
pub mod sink;
pub mod source;
pub mod workers;

pub use self::archive::ZipPackager;
#[cfg(feature = "sqlite")]
pub use self::catalog::SqliteCatalog;
#[cfg(feature = "sqlite")]
pub use self::local::local;
pub use self::sink::ObjectSink;
pub use self::source::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
#[cfg(feature = "postgres")]
pub use self::source::{
    PostgresConfig, PostgresConnections, PostgresRows, PostgresServer, PostgresSource, PostgresType,
};
#[cfg(feature = "sqlite")]
pub use self::source::{SqliteConfig, SqliteRows, SqliteSource, SqliteType};
pub use self::workers::ThreadPool;
