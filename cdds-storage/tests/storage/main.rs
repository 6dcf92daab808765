//! The adapters from outside: archives against other programs, the catalog against its contract and its twin
//! in memory, sources, stores, and the engine over all of them. One binary, since each more is linked anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests may; clippy does not know functions outside #[test] as such"
)]

mod archive;
#[cfg(feature = "postgres")]
mod catalog_postgres;
mod catalog_sqlite;
mod catalog_twins;
mod conformance_catalog;
mod conformance_source;
mod engine_clocks;
mod engine_faults;
mod engine_reads;
mod engine_records;
mod mounted;
#[cfg(feature = "postgres")]
mod postgres_pooler;
mod postgres_server;
mod restored;
mod simulation;
#[cfg(feature = "links")]
mod sink_links;
mod sink_object;
mod sink_unanswered;
mod source_by_change;
#[cfg(feature = "sqlite")]
mod source_erasure;
#[cfg(feature = "sqlite")]
mod source_fields;
mod source_instants;
mod source_json_lines;
mod source_json_lines_files;
mod source_owners;
#[cfg(feature = "postgres")]
mod source_postgres;
mod source_sqlite;
mod source_sqlite_sharing;
mod source_template;
