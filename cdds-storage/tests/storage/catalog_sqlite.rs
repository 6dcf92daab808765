//! The contract of the catalog (`ports::catalog`), kept by `SqliteCatalog`.

#![cfg(feature = "sqlite")]

mod audit;
mod backlog;
mod begin;
mod cancel;
mod changes;
mod claims;
mod file;
mod incremental;
mod keeping;
mod lists;
mod lists_artifacts;
mod lists_history;
mod lists_names;
mod lists_titles;
mod migration;
mod notices;
mod orphans;
mod passed_over;
mod queue;
mod recipients;
mod removal;
mod sets;
mod subjects;
mod takeover;
mod turns;
mod workers;
mod world;
