//! Destinations: a folder, and other machines with the servers that people run, which the tests start.
#![cfg(all(feature = "folder", feature = "object", feature = "sftp", feature = "ftp"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod drill;
mod folder;
mod ftp;
mod ftpd;
mod object;
mod process;
mod sftp;
mod sshd;
mod stores;
