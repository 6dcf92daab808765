//! The rules as pure functions, without async, I/O, a clock or randomness.
//!
//! Every decision is a function of a state, a command and an instant. Services and the engine load the state,
//! call the function and store its result.
//!
#![doc = include_str!("../RULES.md")]

pub mod access;
pub mod archive;
pub mod calendar;
pub mod clock;
pub mod delivery;
pub mod execution;
pub mod id;
pub mod job;
pub mod keeping;
pub mod notice;
pub mod pairing;
pub mod recipient;
pub mod record;
pub mod request;
pub mod source;
pub mod subject;
pub mod violation;
pub mod work;
