//! `cargo +nightly fuzz run --features libfuzzer seal_round_trip`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cdds_fuzz::seal_round_trip::check(input));
