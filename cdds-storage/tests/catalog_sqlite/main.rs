//! What `SqliteCatalog` promises (`ports::catalog`).

#![cfg(feature = "sqlite")]

mod claims;
mod file;
mod lists;
mod sets;
mod takeover;
mod world;
