//! The bodies of the fuzz targets.

pub mod archive_read;
pub mod archive_round_trip;
pub mod certificate;
mod identity;
pub mod json_prune;
mod memory;
pub mod open;
pub mod seal_round_trip;
