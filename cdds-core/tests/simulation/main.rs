//! A few simulated worlds over the catalog in memory. `examples/simulate.rs` runs as many as you like.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod planted;
mod worlds;
