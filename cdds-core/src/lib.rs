//! Scheduled, encrypted, verifiable data exports.

pub mod domain;
pub mod engine;
pub mod ports;
pub mod service;
pub mod stored;
pub mod system;
