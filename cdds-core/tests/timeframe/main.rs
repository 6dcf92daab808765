//! Section W: windows of slots, by example, by law, and compared with calendars computed by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod laws;
mod rules;
