//! Notifiers against receivers and mail servers that the tests start, judged by programs that are not ours.

#![cfg(all(feature = "email", feature = "webhook"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // what the tests share is not in a test

mod certificates;
mod email;
mod mail_server;
mod messages;
mod page;
mod programs;
mod receiver;
mod webhook;
