//! Section F: slots, compared with two programs that compute them independently, and with laws that they
//! obey.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cron_crate;
mod laws;
mod rules;
mod systemd;
