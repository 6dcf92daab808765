//! Scheduled, encrypted, verifiable data exports.

pub mod domain;
pub mod ports;
pub mod stored;
