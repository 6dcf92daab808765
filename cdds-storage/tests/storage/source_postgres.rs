//! The PostgreSQL source over a real server.

mod complete;
mod erasure;
mod faults;
mod fields;
mod kit;
mod owners;
mod pooled;
mod remarks;
mod rental;
mod scene;
mod types;
mod windows;
