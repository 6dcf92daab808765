//! The PostgreSQL catalog over a real server.

mod copy;
mod file;
mod kit;
mod outcomes;
mod rivals;
pub(crate) mod scene;
mod ways;
mod worlds;
