//! A small fleet beside pgbench: nothing is claimed twice, and nothing stays behind.

#![cfg(all(target_os = "linux", feature = "postgres"))]

use std::process::Command;

#[test]
fn a_small_fleet_claims_all_that_is_due() {
    let fleet = Command::new(env!("CARGO_BIN_EXE_fleet")).arg("small").output().unwrap();
    let said = String::from_utf8_lossy(&fleet.stdout);
    assert!(fleet.status.success(), "{said}\n{}", String::from_utf8_lossy(&fleet.stderr));
    for (kind, lines) in [("clients, ", 4), ("processes, ", 4), ("beats, ", 2), ("claims after them, ", 2)] {
        assert_eq!(said.lines().filter(|line| line.contains(kind)).count(), lines, "{kind}: {said}");
    }
    assert_eq!(said.matches("claims with the snapshot held: ").count(), 1, "{said}");
    for list in ["jobs by title", "jobs, search found in all", "history by records", "agenda"] {
        assert_eq!(said.lines().filter(|line| line.starts_with(list)).count(), 1, "{list}: {said}");
    }
}
