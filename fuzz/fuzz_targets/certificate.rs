//! `cargo +nightly fuzz run --features libfuzzer certificate`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cdds_fuzz::certificate::check(input));
