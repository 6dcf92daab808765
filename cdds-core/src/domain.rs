//! The rules, pure: no async, no I/O, no clock, no randomness.
//!
//! Every decision is a function of a state, a command and an instant; services and engine load, decide
//! and store.
//!
#![doc = include_str!("../RULES.md")]

pub mod admission;
pub mod ahead;
pub mod artifact;
pub mod clock;
pub mod cut;
pub mod edit;
pub mod errors_file;
pub mod execution;
pub mod failure;
pub mod frequency;
pub mod handover;
pub mod id;
pub mod instant;
pub mod job;
pub mod layout;
pub mod lease;
pub mod lifecycle;
pub mod manifest;
pub mod manual;
pub mod notice;
pub mod pairing;
pub mod part_name;
pub mod policy;
pub mod progress;
pub mod prune;
pub mod recipient;
pub mod record;
pub mod removal;
pub mod retention;
pub mod retry;
pub mod schedule;
pub mod selection;
pub mod settling;
pub mod source;
pub mod split_size;
pub mod template;
mod tiling;
pub mod timeframe;
pub mod violation;
pub mod watermark;
pub mod window;
