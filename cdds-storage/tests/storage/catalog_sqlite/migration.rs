//! A catalog that was written with version 1 of the schema still opens, with all its contents intact.

use std::path::PathBuf;

use cdds_core::domain::archive::artifact::artifact_id;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::{ExecutionState, SkipReason, Status, Trigger};
use cdds_core::domain::id::{ExecutionId, JobId, Owner, RecipientName, Subscriber};
use cdds_core::domain::job::JobState;
use cdds_core::domain::job::lifecycle::suspend;
use cdds_core::domain::notice::{Channel, NoticeKind};
use cdds_core::ports::catalog::query::{ArtifactQuery, ExecutionQuery, JobQuery, Total};
use cdds_core::ports::catalog::{
    ArtifactStore, ExecutionStore, JobStore, NoticeClaim, Outbox, RecipientRemoval, RecipientStore, Removal,
    Standing,
};
use futures::executor::block_on;
use tempfile::TempDir;
use uuid::Uuid;

use crate::catalog_sqlite::world::*;

const VERSION_1: &str = include_str!("../../../src/catalog/sqlite/migrations/0001_initial.sql");

/// The steps from version 1 to version 8.
const TO_VERSION_8: [&str; 7] = [
    include_str!("../../../src/catalog/sqlite/migrations/0002_whole_life.sql"),
    include_str!("../../../src/catalog/sqlite/migrations/0003_signature.sql"),
    include_str!("../../../src/catalog/sqlite/migrations/0004_era.sql"),
    include_str!("../../../src/catalog/sqlite/migrations/0005_store.sql"),
    include_str!("../../../src/catalog/sqlite/migrations/0006_unsettled.sql"),
    include_str!("../../../src/catalog/sqlite/migrations/0007_turns.sql"),
    include_str!("../../../src/catalog/sqlite/migrations/0008_contract.sql"),
];

fn job_id(number: u128) -> JobId {
    JobId(Uuid::from_u128(number))
}

fn execution_id(number: u128) -> ExecutionId {
    ExecutionId(Uuid::from_u128(number))
}

/// A catalog file as version 1 left it.
struct Old {
    folder: TempDir,
    file: rusqlite::Connection,
}

impl Old {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = rusqlite::Connection::open(Self::path(&folder)).unwrap();
        file.execute_batch(VERSION_1).unwrap();
        file.execute_batch("PRAGMA application_id = 0x43444453; PRAGMA user_version = 1;").unwrap();
        Self { folder, file }
    }

    fn path(folder: &TempDir) -> PathBuf {
        folder.path().join("cdds.db")
    }

    fn open(self) -> World {
        self.file.close().unwrap();
        World { catalog: Timed::open(Self::path(&self.folder)).unwrap(), folder: self.folder }
    }

    fn settings(title: &str, protection: &str) -> String {
        format!(r#"{{"v":"1","title":"{title}","source":"calls","data_type":"call","categories":"all","#,)
            + &format!(
                r#""frequency":{{"daily":{{"at":"00:00"}}}},"timeframe":"rolling:1d","protection":{protection}}}"#
            )
    }

    fn job(&self, number: u128, settings: &str) {
        let sql = "INSERT INTO job VALUES (?1, 'default', 3, 'active', ?2, 'title', 'calls', 'call', 'daily',
            ?3, ?3, ?4)";
        let (created, due) = (day(0).timestamp_micros(), day(9).timestamp_micros());
        self.file.execute(sql, (job_id(number).to_string(), settings, created, due)).unwrap();
    }

    /// Inserts an execution of a day. `state` is SQL for its status, detail, epoch and end.
    fn execution(&self, number: u128, job: u128, slot: i64, state: &str) {
        let sql = format!(
            "INSERT INTO execution (id, job_id, owner, \"trigger\", slot, window_start, window_end, settings,
                title_folded, source, data_type, attempts, not_before, created_at, started_at, progress, records,
                status, detail, epoch, finished_at)
             VALUES (?1, ?2, 'default', 'scheduled', ?3, ?4, ?3, ?5, 'old', 'calls', 'call', ?6, ?3, ?3, NULL,
                ?7, 42, {state})"
        );
        let progress = r#"{"v":1,"records":42,"bytes_read":0,"bytes_written":0,"parts":0}"#;
        let values = (
            execution_id(number).to_string(),
            job_id(job).to_string(),
            day(slot).timestamp_micros(),
            day(slot - 1).timestamp_micros(),
            Self::settings("Old", "\"plaintext\""),
            r#"{"v":1,"attempts":[]}"#,
            progress,
        );
        self.file.execute(&sql, values).unwrap();
    }

    fn recipient(&self, owner: &str, name: &str) {
        let sql = "INSERT INTO recipient VALUES (?1, ?2, x'30', 'ab', 'CN=ops', 0, 1, ?3, 0)";
        self.file.execute(sql, (owner, name, r#"{"v":1,"warnings":[]}"#)).unwrap();
    }

    fn set(&self, execution: u128, job: u128, expires: i64) {
        let id = execution_id(execution);
        let sql = "INSERT INTO artifact_set VALUES (?1, 'm', 'm', 1, ?2, ?3, ?4, NULL, NULL)";
        let (made, expires) = (day(1).timestamp_micros(), day(expires).timestamp_micros());
        self.file.execute(sql, (id.to_string(), "00".repeat(32), made, expires)).unwrap();
        let file = artifact_id(id, 1).to_string();
        let sql =
            "INSERT INTO artifact VALUES (?1, 'default', ?2, ?3, 'call', ?4, 1, 1, 'key', 5, ?5, ?6, ?7, 0)";
        let name = format!("export-{id}.zip.SMIME");
        let values = (&file, id.to_string(), job_id(job).to_string(), name, "00".repeat(32), made, expires);
        self.file.execute(sql, values).unwrap();
        self.file.execute("INSERT INTO download VALUES (?1, ?2)", (&file, made)).unwrap();
    }
}

#[test]
fn jobs_stay_as_they_are_and_can_be_changed() {
    let old = Old::new();
    old.job(1, &Old::settings("Kept", "\"plaintext\""));
    let world = old.open();
    let job = world.job(job_id(1));
    assert_eq!((job.state, job.version, job.revision), (JobState::Active, 3, 1));
    assert_eq!((job.watermark, job.failures_in_row, job.next_due_at), (None, 0, Some(day(9))));
    assert_eq!(job.settings.title.as_str(), "Kept");
    world.change(&job, &suspend(&job, Vec::new(), day(1)).unwrap()).unwrap();
    assert_eq!(world.job(job.id).revision, 2);
    assert_eq!(
        block_on(world.catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap().total,
        Some(Total::Exactly(1))
    );
}

#[test]
fn the_queue_goes_on_by_slot() {
    let old = Old::new();
    old.job(1, &Old::settings("One", "\"plaintext\""));
    old.job(2, &Old::settings("Two", "\"plaintext\""));
    old.execution(11, 1, 3, "'queued', NULL, 0, NULL");
    old.execution(12, 1, 1, "'finished', NULL, 1, 5");
    old.execution(21, 2, 2, "'queued', NULL, 0, NULL");
    old.execution(22, 2, 5, "'queued', NULL, 1, NULL");
    let world = old.open();
    let first = block_on(world.catalog.open_executions(&Owner::default(), job_id(1), None, 1))
        .unwrap()
        .executions
        .remove(0);
    assert_eq!((first.trigger, first.queue_at, first.slot), (Trigger::Scheduled, day(3), day(3)));
    assert_eq!((first.window, first.generation), (Window::between(day(2), day(3)), None));
    assert_eq!(first.cancel_requested_at, None);
    let claimed: Vec<_> = claim(&world.catalog, "w", day(9), 9).iter().map(|claimed| claimed.id).collect();
    assert_eq!(claimed, [execution_id(11), execution_id(22)], "what was begun comes first");
    assert_eq!(block_on(world.catalog.last_records(job_id(1))).unwrap(), Some(42));
}

#[test]
fn history_and_artifacts_are_all_there() {
    let old = Old::new();
    old.job(1, &Old::settings("One", "\"plaintext\""));
    let skip = concat!(
        r#"{"v":1,"reason":"catch_up_limit","first":"2026-01-01T00:00:00Z","#,
        r#""last":"2026-01-02T00:00:00Z","count":2}"#
    );
    old.execution(11, 1, 1, &format!("'skipped', '{skip}', 0, 5"));
    old.execution(12, 1, 2, "'finished', NULL, 1, 5");
    old.execution(13, 1, 3, "'finished', NULL, 1, 5");
    old.set(12, 1, 30);
    old.set(13, 1, 40);
    let world = old.open();
    let history = world.history();
    assert_eq!(history.iter().map(|e| e.id).collect::<Vec<_>>(), [13, 12, 11].map(execution_id));
    assert_eq!(
        history[2].state,
        ExecutionState::Skipped(SkipReason::CatchUpLimit { first: day(0), last: day(1), count: 2 })
    );
    assert_eq!(world.executions(&ExecutionQuery::default().with_status(Some(Status::Finished))).len(), 2);
    assert_eq!(world.overview(&history[0], day(5)).unwrap().files.len(), 1);

    let search = |text: &str| {
        let query = ArtifactQuery::default().with_search(Some(text.to_owned()));
        block_on(world.catalog.artifacts(&Owner::default(), &query)).unwrap()
    };
    let found = search("zip.smime");
    assert_eq!(
        (found.total, found.items[0].downloads, found.items[0].last_downloaded_at),
        (Some(Total::Exactly(2)), 1, Some(day(1)))
    );
    assert_eq!(search(&execution_id(12).to_string()).total, Some(Total::Exactly(1)));
    block_on(world.catalog.delete_artifacts(
        &Owner::default(),
        &[artifact_id(execution_id(13), 1)],
        day(4),
        &[],
    ))
    .unwrap();
    assert_eq!(block_on(world.catalog.expire(day(35), 9)).unwrap(), 1);
    let removals = block_on(world.catalog.removals(9)).unwrap();
    assert_eq!(removals, [13, 12].map(|id| Removal::Set { execution: execution_id(id) }));
    assert_eq!(world.standing(&history[1]), Standing::Unwanted);
}

#[test]
fn j15_recipients_are_in_use_by_the_jobs_that_name_them() {
    let old = Old::new();
    for (owner, name) in [("default", "ada"), ("default", "zoe"), ("default", "eve"), ("other", "ada")] {
        old.recipient(owner, name);
    }
    old.job(1, &Old::settings("Sealed", r#"{"recipients":["ada","zoe"]}"#));
    old.job(2, &Old::settings("Sealed", r#"{"recipients":["zoe","ada","ada"]}"#));
    // A recipient that was never stored, and settings that are not understood, must not keep the file from
    // opening.
    old.job(3, &Old::settings("Sealed", r#"{"recipients":["nobody","zoe",7]}"#));
    old.job(4, "no JSON at all");
    old.job(5, &Old::settings("Plain", "\"plaintext\""));
    let world = old.open();
    let remove = |owner: &str, name: &str| {
        let (owner, name) = (Owner::new(owner).unwrap(), RecipientName::new(name).unwrap());
        block_on(world.catalog.remove_recipient(&owner, &name, &[])).unwrap()
    };
    let in_use = |jobs: &[u128]| RecipientRemoval::InUse(jobs.iter().copied().map(job_id).collect());
    assert_eq!(remove("default", "ada"), in_use(&[1, 2]));
    assert_eq!(remove("default", "zoe"), in_use(&[1, 2, 3]));
    assert_eq!(remove("default", "eve"), RecipientRemoval::Removed);
    assert_eq!(remove("other", "ada"), RecipientRemoval::Removed);
    let broken: Vec<String> = {
        let raw = world.raw();
        let mut check = raw.prepare("SELECT \"table\" FROM pragma_foreign_key_check").unwrap();
        check.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn n2_notices_that_nobody_confirmed_wait_for_the_host() {
    let old = Old::new();
    old.job(1, &Old::settings("One", "\"plaintext\""));
    old.execution(11, 1, 1, "'finished', NULL, 1, 5");
    TO_VERSION_8.iter().for_each(|step| old.file.execute_batch(step).unwrap());
    old.file.execute_batch("PRAGMA user_version = 8;").unwrap();
    let values = (execution_id(11).to_string(), job_id(1).to_string(), day(2).timestamp_micros());
    old.file.execute("INSERT INTO notice VALUES (?1, ?2, 'default', 'published', ?3)", values).unwrap();
    let world = old.open();
    let claim = NoticeClaim::new(Channel::Host, worker("w"), LEASE, 9);
    let taken = block_on(world.catalog.at(day(3)).claim_notices(&claim)).unwrap();
    let [notice] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!((notice.execution_id(), notice.job_id), (Some(execution_id(11)), job_id(1)));
    assert_eq!((notice.kind, notice.at, notice.work.epoch), (NoticeKind::Published, day(2), 1));
    assert_eq!(notice.subscriber, Subscriber::default());
}

#[test]
fn a_migrated_file_has_the_schema_of_a_new_one() {
    let schema = |world: &World| {
        let raw = world.raw();
        let mut statement = raw.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect::<Vec<(String, Option<String>)>>()
    };
    assert_eq!(schema(&Old::new().open()), schema(&World::new()));
}
