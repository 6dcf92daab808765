//! Simulated worlds over the catalog in memory: a few of them; `examples/simulate.rs` runs as many as one likes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod planted;
mod worlds;
