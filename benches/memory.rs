//! Peak memory of a whole export must not depend on the amount of data. Run it under a tool that reports the
//! peak:
//!
//! ```sh
//! cargo build --release -p cdds-benches --example memory
//! for mb in 50 1000; do /usr/bin/time -v target/release/examples/memory $mb; done 2>&1 | grep -E 'records|Maximum'
//! ```

#![allow(clippy::print_stdout, reason = "it tells what it measured")]

use cdds_benches::{Failure, export, json_lines, write_contacts};

fn main() -> Result<(), Failure> {
    let megabytes: u64 = std::env::args().nth(1).ok_or("how many MB?")?.parse()?;
    let folder = tempfile::tempdir_in(".")?;
    let input = folder.path().join("contacts.jsonl");
    let records = write_contacts(&input, megabytes * 1_000_000)?;
    let report = export(&folder.path().join("export"), json_lines(&input)?)?;
    println!("{megabytes} MB, {records} records: {} finished", report.finished);
    Ok(())
}
