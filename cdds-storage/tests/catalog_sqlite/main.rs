//! What `SqliteCatalog` promises (`ports::catalog`).

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod claims;
mod file;
mod lists;
mod passed_over;
mod sets;
mod takeover;
mod world;
