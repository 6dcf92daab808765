//! The whole path: JSON lines in, sealed and published artifact set out. Fixed costs (a fresh catalog, and once a
//! key pair) are inside; small inputs show them, large ones the throughput.
//!
//! `cargo bench -p cdds-benches --bench export`

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use cdds_benches::{export, json_lines, write_contacts};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

#[divan::bench(args = [1_u64, 16, 128], sample_count = 5)]
fn megabytes(bencher: Bencher<'_, '_>, megabytes: u64) {
    let input = tempfile::NamedTempFile::new().expect("a temporary file");
    write_contacts(input.path(), megabytes * 1_000_000).expect("sample data");
    let bytes = input.path().metadata().expect("its size").len();
    let source = || json_lines(input.path()).expect("a source");
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| tempfile::tempdir().expect("a temporary folder"))
        .bench_refs(|folder| {
            let report = export(folder.path(), source()).expect("an export");
            assert_eq!(report.finished, 1);
        });
}
