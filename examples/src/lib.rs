#![doc = include_str!("../../README.md")]

// The README of the core, compiled. Those of the other libraries are compiled by themselves.
#[cfg(doctest)]
#[doc = include_str!("../../cdds-core/README.md")]
struct CoreReadme;

/// The guides of the core, compiled.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../cdds-core/guide/embedding.md")]
    struct Embedding;
    #[doc = include_str!("../../cdds-core/guide/custom_source.md")]
    struct CustomSource;
    #[doc = include_str!("../../cdds-core/guide/testing.md")]
    struct Testing;
    #[doc = include_str!("../../cdds-core/guide/operations.md")]
    struct Operations;
}
