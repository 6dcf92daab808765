//! What `SqliteCatalog` promises (`ports::catalog`).

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod claims;
mod file;
mod lists;
mod lists_artifacts;
mod lists_history;
mod passed_over;
mod recipients;
mod sets;
mod takeover;
mod world;
