//! Guides: what to read before and beside the reference.
//!
//! - [`embedding`]: exports in a service.
//! - [`custom_source`]: records of one's own.
//! - [`testing`]: services and ports under test.
//! - [`operations`]: what to run, to watch, to set and to back up.
//!
//! Their code is compiled and run.

// Not here, but by the examples of the workspace, since they also use its other crates.
#![cfg_attr(doctest, allow(missing_docs, reason = "the guides are compiled elsewhere"))]

#[cfg_attr(not(doctest), doc = include_str!("../guide/embedding.md"))]
pub mod embedding {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/custom_source.md"))]
pub mod custom_source {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/testing.md"))]
pub mod testing {}

#[cfg_attr(not(doctest), doc = include_str!("../guide/operations.md"))]
pub mod operations {}
