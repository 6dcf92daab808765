//! A catalog on a full file system.

#![cfg(all(target_os = "linux", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::process::Command;

use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::lifecycle::submit;
use cdds_core::domain::job::{Description, JobSettings, Protection, Title};
use cdds_core::domain::source::SourceTerms;
use cdds_core::ports::catalog::query::{JobQuery, Slice, Total};
use cdds_core::ports::catalog::{CatalogErrorKind, JobStore};
use cdds_storage::catalog::SqliteCatalog;
use chrono::DateTime;
use futures::executor::block_on;
use uuid::Uuid;

struct Mounted(tempfile::TempDir);

impl Drop for Mounted {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(self.0.path()).status().unwrap().success());
    }
}

#[test]
#[ignore = "mounts a file system, which takes root"]
fn a_full_file_system_says_so_and_keeps_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).status();
    assert!(mount.unwrap().success());
    let mounted = Mounted(folder);
    let catalog = SqliteCatalog::open(mounted.0.path().join("cdds.db")).unwrap();
    let settings = JobSettings::new(
        Title::new("Fill").unwrap(),
        "contact-history".parse().unwrap(),
        "interaction".parse().unwrap(),
        Frequency::Daily("00:00".parse().unwrap()),
        Protection::Plaintext,
    )
    .with_description(Description::new(&"x".repeat(4_000)).unwrap());
    let mut stored = 0_u64;
    let error = loop {
        let submission = submit(
            JobId(Uuid::new_v4()),
            Owner::default(),
            settings.clone(),
            SourceTerms::default(),
            DateTime::UNIX_EPOCH,
        );
        match block_on(catalog.insert_job(&submission.job, None, &[])) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), CatalogErrorKind::Full, "{}", error.report());
    let query = JobQuery::default().with_slice(Slice::first(1));
    assert_eq!(
        block_on(catalog.jobs(&Owner::default(), &query)).unwrap().total,
        Some(Total::Exactly(stored))
    );
}
