//! The bodies of the fuzz targets.

pub mod json_prune;
