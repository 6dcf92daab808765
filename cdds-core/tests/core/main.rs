//! The rules, one by one, and simulated worlds. One binary, since each more is linked anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod checked_source;
mod conformance_catalog;
mod frequency;
mod rules;
mod simulation;
mod telemetry;
mod timeframe;
mod zones;
