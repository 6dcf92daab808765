//! The console over ports in memory, asked without a socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "console/host.rs"]
mod host;
#[path = "console/jobs.rs"]
mod jobs;
#[path = "console/live.rs"]
mod live;
#[path = "console/mounting.rs"]
mod mounting;
