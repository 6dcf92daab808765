//! The real binary from outside: its input, its output and the files on the disk. The programs that
//! recipients use (openssl, unzip) and the one that makes the data (sqlite3) must be installed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod attention;
mod audit;
mod beginnings;
#[cfg(all(unix, feature = "buckets", feature = "delivery"))]
mod buckets;
mod bundle;
mod by_hand;
#[cfg(unix)]
mod changing_files;
mod clock;
mod codes;
mod commands;
mod completing;
#[cfg(unix)]
mod configuring;
mod crash;
#[cfg(all(target_os = "linux", feature = "delivery"))]
mod cut_off;
#[cfg(all(unix, feature = "delivery"))]
mod delivering;
mod demo;
mod doctor;
mod dry_run;
#[cfg(all(unix, feature = "postgres"))]
mod erasing;
#[cfg(all(unix, feature = "postgres"))]
mod erasing_kills;
mod export;
mod faults;
mod fields;
#[cfg(all(unix, feature = "postgres"))]
mod fleet;
#[cfg(all(unix, feature = "postgres"))]
mod handing_over;
mod help;
mod incomplete_sets;
mod incremental;
mod instants;
mod job_files;
mod kill;
mod lifecycle;
mod listing;
#[cfg(unix)]
mod many_jobs;
mod messages;
mod misnamed;
#[cfg(target_os = "linux")]
mod mounted;
mod moving;
mod narrow;
mod offline;
mod options;
mod past_catalogs;
#[cfg(unix)]
mod permissions;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
#[cfg(all(unix, feature = "postgres"))]
#[path = "../../../cdds-storage/tests/storage/postgres_server.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod postgres_server;
#[cfg(target_os = "linux")]
mod power_cut;
#[cfg(unix)]
mod pty;
#[cfg(unix)]
mod read_only;
mod readme;
mod real_data;
mod recalls;
mod recipients;
mod refusals;
mod removal;
mod restored;
#[cfg(unix)]
mod run_again;
mod same_names;
mod schedule;
mod sealing;
#[cfg(all(unix, feature = "serve"))]
mod serve;
mod several_types;
#[cfg(feature = "serve")]
mod sides;
mod signing;
mod status;
mod store_mark;
mod strange_catalogs;
mod subjects;
mod support;
#[cfg(unix)]
mod tables;
mod time_zones;
#[cfg(unix)]
mod watching;
#[cfg(all(unix, feature = "delivery", feature = "serve"))]
mod widths;
mod workers;
mod wrong_turns;
