//! Destinations on other machines, with the servers that people run, which the tests start.
#![cfg(feature = "sftp")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod drill;
mod process;
mod sftp;
mod sshd;
