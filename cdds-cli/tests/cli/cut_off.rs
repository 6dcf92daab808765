//! Deliveries that are cut off at each step: the program is killed or stands still, the server is killed, or what lies
//! between them spoils something. Afterwards each set is there once, whole, with nothing beside it, and those who asked
//! are told once.
//!
//! The steps are those of the servers, which stand still at them. CI takes some of each kind, by name; the tests that
//! are marked `ignored` take all of them.

mod every_kind;
mod ftp_line;
mod killed;
mod place;
mod remote;
mod server;
mod spoiled;
mod steps;
mod stopped;
mod store;
