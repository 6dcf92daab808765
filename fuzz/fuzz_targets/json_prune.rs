//! `cargo +nightly fuzz run --features libfuzzer json_prune`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cdds_fuzz::json_prune::check(input));
