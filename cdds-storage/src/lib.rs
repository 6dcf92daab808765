//! Adapters for `cdds-core`: archive, stores, catalogs, sources, workers.

pub mod archive;
pub mod catalog;
pub mod durable;
mod private;
pub mod sink;
pub mod source;
pub mod workers;
