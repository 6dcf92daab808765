//! Many workers over a catalog of PostgreSQL, beside a bare queue in the same server: `fleet small|medium|full`, on Linux.
//!
//! Starts a server in a folder of its own, in memory, so that no disk is measured, and fills a catalog. Then, one after
//! the other:
//! - **Claims.** All due executions are claimed by 1, 4 and 16 processes, one and ten at a time; before them, pgbench
//!   takes as many rows with `FOR UPDATE SKIP LOCKED` from a table of the same columns, with one index and with all of ours.
//! - **Beats.** Running executions are renewed by four processes while an old snapshot is held, and claims are measured
//!   without and with it.
//! - **Lists.** Each job gets an execution that has ended, of which the files are stored; pages, searches and what engines
//!   ask for each round are read.
//!
//! It fails if an execution is claimed twice or stays behind. How long things take is printed, and judged by people:
//! only ratios within one run mean something.

#![allow(clippy::print_stdout, reason = "it tells what it measured")]

mod bare;
mod beats;
mod claims;
mod figures;
mod filled;
mod lists;
#[path = "../../cdds-storage/tests/storage/postgres_server.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a server of the tests, which use the rest of it"
)]
mod postgres_server;
mod worker;

use cdds_benches::Failure;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Size {
    jobs: u32,
    /// How many of the jobs have an execution that is due.
    due: u32,
    /// Of the jobs, the first has four fifths.
    owners: u32,
    /// How many processes claim at the same time.
    workers: &'static [u32],
    /// How many executions run while their leases are renewed.
    running: u32,
    /// How often each of them is renewed.
    beats: u32,
}

const SMALL: Size = Size { jobs: 2_000, due: 200, owners: 20, workers: &[1, 4], running: 20, beats: 20 };

const MEDIUM: Size =
    Size { jobs: 100_000, due: 2_000, owners: 200, workers: &[1, 4, 16], running: 200, beats: 120 };

const FULL: Size =
    Size { jobs: 1_000_000, due: 10_000, owners: 200, workers: &[1, 4, 16], running: 200, beats: 1_200 };

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (size, only) = match words[..] {
        ["worker", ..] => return worker::work(&words[1..]),
        ["small"] => (SMALL, None),
        ["medium"] => (MEDIUM, None),
        ["medium", only] => (MEDIUM, Some(only)),
        ["full"] => (FULL, None),
        ["full", only] => (FULL, Some(only)),
        _ => return Err("fleet small|medium|full [bare|claims|beats|lists]".into()),
    };
    let wanted = |part: &str| only.is_none_or(|only| only == part);
    let filled = filled::Filled::new(size)?;
    if wanted("bare") {
        bare::measure(&filled)?;
    }
    if wanted("claims") {
        claims::measure(&filled)?;
    }
    if wanted("beats") {
        beats::measure(&filled)?;
    }
    if wanted("lists") {
        lists::measure(&filled)?;
    }
    Ok(())
}
