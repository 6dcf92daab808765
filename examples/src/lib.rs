#![doc = include_str!("../../README.md")]

// The README of the core, compiled. Those of the other libraries are compiled by themselves.
#[cfg(doctest)]
#[doc = include_str!("../../cdds-core/README.md")]
struct CoreReadme;
