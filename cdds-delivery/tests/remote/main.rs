//! Destinations: a folder, and other machines with the servers that people run, which the tests start.
#![cfg(all(feature = "folder", feature = "object", feature = "sftp", feature = "ftp", feature = "store"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bucket_store;
mod drill;
mod folder;
mod ftp;
#[allow(dead_code, reason = "the tests of the program use all of it")]
mod ftpd;
mod object;
#[allow(dead_code, reason = "the tests of the program use all of it")]
mod process;
mod sftp;
#[allow(dead_code, reason = "the tests of the program use all of it")]
mod sshd;
#[allow(dead_code, reason = "the tests of the program use it")]
mod steps;
#[allow(dead_code, reason = "the tests of the program use it")]
mod store_steps;
#[allow(dead_code, reason = "the tests of the program use all of it")]
mod stores;
