//! `cargo +nightly fuzz run --features libfuzzer open`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cdds_fuzz::open::check(input));
