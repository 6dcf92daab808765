//! What it costs an export to keep whom its records name: the instructions of one with and of one without, at the default
//! level, in plaintext: a key pair takes as many instructions as chance has it.
//!
//! ```sh
//! cargo build --release -p cdds-benches --example contacts --example subjects
//! target/release/examples/contacts contacts.jsonl 20
//! for way in without telephone both; do
//!     valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
//!         target/release/examples/subjects contacts.jsonl $way 2>&1 | grep -E 'finished|I +refs'
//! done
//! ```
//!
//! Where the machine counts instructions, `perf stat -e instructions:u` takes the place of valgrind. In these records each
//! contact names a customer and an agent, none of them twice but for the agents.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::Path;
use std::sync::Arc;

use cdds_benches::{Failure, export_over, json_lines_naming, ports};
use cdds_core::domain::job::Protection;
use cdds_core::domain::subject::{IdentifierKind, SubjectField};
use cdds_crypto::SubjectKeyRing;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().ok_or("the file of contacts is the first argument")?;
    let way = arguments.next().ok_or("then `without`, `telephone` or `both`")?;
    let telephone = SubjectField::new("/participants/ani", IdentifierKind::Phone);
    let id = SubjectField::new("/participants/id", "customer-id".parse()?);
    let fields = match way.as_str() {
        "without" => vec![],
        "telephone" => vec![telephone],
        "both" => vec![telephone, id],
        other => return Err(format!("{other}: say `without`, `telephone` or `both`").into()),
    };
    let folder = tempfile::tempdir_in(".")?;
    let key = SubjectKeyRing::fresh(&"bench".parse()?)?;
    let ports = ports(folder.path(), json_lines_naming(Path::new(&input), &fields)?)?
        .with_subject_keys(Arc::new(SubjectKeyRing::parse(&key)?));
    let report = export_over(&ports, Protection::Plaintext)?;
    let filters = walked(folder.path())?;
    println!("{way}: {} finished, {filters} bytes of filters", report.finished);
    Ok(())
}

/// Returns the bytes of all filters in a folder.
fn walked(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += walked(&entry.path())?;
        } else if entry.file_name().to_string_lossy().ends_with(".bloom") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
