//! The rules, pure: no async, no I/O, no clock, no randomness.

pub mod id;
pub mod part_name;
pub mod prune;
pub mod recipient;
pub mod record;
pub mod selection;
pub mod violation;
pub mod window;
