//! Sealing and opening, tested with the real `openssl`, which must be installed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // what the tests share is not in a test

mod authenticated;
mod certificates;
mod conformance;
mod forms;
mod gpgsm;
mod interop;
mod java;
mod keys;
mod large;
mod names;
mod nss;
mod oracle;
mod profiles;
mod round_trip;
mod signatures;
mod support;
mod tampering;
