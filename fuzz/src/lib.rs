//! The bodies of the fuzz targets.

pub mod archive_read;
pub mod archive_round_trip;
pub mod json_prune;
mod memory;
