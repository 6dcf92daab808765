//! Writes the contact records of the benchmarks to a file: `contacts FILE MEGABYTES`.

use std::path::Path;

use cdds_benches::{Failure, write_contacts};

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, megabytes] = &arguments[..] else { return Err("which file, and how many MB?".into()) };
    write_contacts(Path::new(file), megabytes.parse::<u64>()? * 1_000_000)?;
    Ok(())
}
