//! Section W: windows from slots, by example, by law, and beside calendars that are computed by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod laws;
mod rules;
