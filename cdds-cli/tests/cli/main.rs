//! The real binary, from outside: what is typed, what comes back, what lies on the disk. The programs that
//! recipients use (openssl, unzip) and the one that makes the data (sqlite3) have to be installed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod commands;
mod crash;
mod demo;
mod export;
mod fields;
mod offline;
mod real_data;
mod refusals;
mod schedule;
mod support;
