//! The console under a small load: no request fails, each file is the published one, slow readers hold no threads.

#![cfg(target_os = "linux")]

use std::process::Command;

#[test]
fn a_small_crowd_and_slow_readers_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let load = Command::new(env!("CARGO_BIN_EXE_load")).arg(folder.path()).arg("small").output().unwrap();
    let said = String::from_utf8_lossy(&load.stdout);
    assert!(load.status.success(), "{said}\n{}", String::from_utf8_lossy(&load.stderr));
    assert_eq!(said.matches("\nratio of medians: ").count(), 1, "{said}");
    for kind in ["page of jobs", "page of history", "API: artifacts", "download"] {
        assert_eq!(said.lines().filter(|line| line.starts_with(kind)).count(), 3, "{kind}: {said}");
    }
}
