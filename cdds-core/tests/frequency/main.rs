//! Section F: slots, beside two programs that compute them independently and by their own laws.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cron_crate;
mod laws;
mod rules;
mod systemd;
