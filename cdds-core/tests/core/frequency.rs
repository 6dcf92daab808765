//! Section F: slots, compared with two programs that compute them independently, and with laws that they
//! obey.

mod cron_crate;
mod laws;
mod rules;
mod systemd;
