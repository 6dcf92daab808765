//! The rules, pure: no async, no I/O, no clock, no randomness.
//!
//! Every decision is a function of a state, a command and an instant; services and engine load, decide
//! and store.
//!
#![doc = include_str!("../RULES.md")]

pub mod archive;
pub mod calendar;
pub mod clock;
pub mod execution;
pub mod id;
pub mod job;
pub mod pairing;
pub mod recipient;
pub mod record;
pub mod source;
pub mod violation;
