//! `cargo +nightly fuzz run --features libfuzzer archive_read`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cdds_fuzz::archive_read::check(input));
