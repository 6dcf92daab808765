//! The archive against real programs, hostile input and itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests may; clippy does not know functions outside #[test] as such"
)]

mod conformance;
mod hostile;
mod interop;
mod java;
mod large;
mod matrix;
mod others;
mod properties;
mod readers;
mod support;
