//! The schema: created once, refused if it is newer or another program's, and named as its operator wants.

use std::time::Duration;

use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::id::{JobId, Owner, WorkerId};
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::catalog::{
    Beat, CatalogErrorKind, Claim, Claimed, Directive, ExecutionStore, JobStore, Nonce, Settlement, WorkQueue,
};
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use chrono::TimeDelta;
use futures::executor::block_on;
use uuid::Uuid;

use super::rivals::insert;
use super::scene::{Scene, open};

fn refusal(scene: &Scene, schema: &str) -> (CatalogErrorKind, String) {
    let error = open(&scene.connections, schema).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn a_schema_is_made_once_by_whoever_comes_first() {
    let scene = Scene::new();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let catalog = scene.open("shared");
                assert_eq!(
                    block_on(catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap().items.len(),
                    0
                );
            });
        }
    });
    let applied = scene.server.within(async {
        let client = scene.server.client("postgres").await;
        let rows = client.query_typed("SELECT number, note FROM shared.migration", &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(i64, String)>>()
    });
    let notes = [
        "the whole catalog",
        "faster claims and signs of life",
        "requests of data subjects",
        "time zones",
        "erasures of data subjects",
        "filters of sets",
        "copies for data subjects",
    ];
    assert_eq!(applied, (1..).zip(notes.map(str::to_owned)).collect::<Vec<_>>());
}

#[test]
fn an_older_schema_is_brought_up_to_date_and_running_work_goes_on() {
    let scene = Scene::new();
    let catalog = scene.open("older");
    insert(&catalog, JobId(Uuid::new_v4()), "Export").unwrap();
    let [worker, other] = ["w", "other"].map(|name| WorkerId::new(name).unwrap());
    let claim = |of: &WorkerId, nonce| Claim::new(of.clone(), Nonce(nonce), Duration::from_secs(60), 1);
    let running = block_on(catalog.claim(&claim(&worker, 1))).unwrap().executions;
    // As programs of version 1 leave it: whatever they renewed is in the row of the execution.
    let progress = r#"{"v":1,"records":7,"bytes_read":0,"bytes_written":0,"parts":0}"#;
    scene.server.run(
        "postgres",
        &format!(
            "DROP TABLE older.zone_database; ALTER TABLE older.worker DROP COLUMN zones;
             ALTER TABLE older.job DROP COLUMN decided_until, DROP COLUMN decided_offset;
             DROP TABLE older.subject_filter, older.subject_task, older.subject_hash, older.subject_request;
             DROP VIEW older.beaten, older.lease; DROP TABLE older.beat, older.looked; DROP FUNCTION older.next_work; DELETE FROM older.migration WHERE number > 1;
             DELETE FROM older.reader; UPDATE older.execution SET progress = '{progress}'"
        ),
    );
    let catalog = scene.open("older");
    let shown = |records| {
        let now = block_on(catalog.now()).unwrap();
        let found = block_on(catalog.execution(&Owner::default(), running[0].id, now)).unwrap().unwrap();
        assert_eq!(found.execution.progress.records, records);
        found.worker
    };
    assert_eq!(shown(7), Some(WorkerLife::Alive));
    assert_eq!(block_on(catalog.claim(&claim(&other, 2))).unwrap(), Claimed::default());
    let progress = Progress { records: 8, ..Progress::default() };
    let beat = Beat { fence: running[0].fence(), progress };
    assert_eq!(
        block_on(catalog.beat(&worker, Duration::from_secs(60), &[beat])).unwrap(),
        [Directive::Continue]
    );
    assert_eq!(shown(8), Some(WorkerLife::Alive));
    let settled = block_on(catalog.settle(running[0].fence(), &Settlement::Cancelled)).unwrap();
    assert_eq!(settled.progress.records, 8);
    let left = scene.server.within(async {
        let client = scene.server.client("postgres").await;
        client.query_typed("SELECT 1 FROM older.beat", &[]).await.unwrap().len()
    });
    assert_eq!(left, 0, "what has ended has no sign of life");
}

#[test]
fn a_newer_schema_is_refused_and_so_is_that_of_another_program() {
    let scene = Scene::new();
    scene.open("newer");
    scene.server.run("postgres", "INSERT INTO newer.migration (number, note) VALUES (8, 'later')");
    scene.open("newer");
    scene.server.run("postgres", "UPDATE newer.reader SET oldest = 8");
    let (kind, why) = refusal(&scene, "newer");
    assert_eq!(kind, CatalogErrorKind::NewerSchema);
    assert!(why.contains("schema version 8"), "{why}");
    scene.server.run("postgres", "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int8)");
    assert_eq!(refusal(&scene, "shop").0, CatalogErrorKind::Corrupt);
    for name in ["", "Shop", "a-b", "1a", "a\"b", &"a".repeat(64)] {
        assert_eq!(refusal(&scene, name).0, CatalogErrorKind::Conflict, "{name}");
    }
}

#[test]
fn leases_go_by_the_clock_of_the_server() {
    let scene = Scene::new();
    let catalog = scene.open("clock");
    let (before, shown) = (SystemClock::new().now(), block_on(catalog.now()).unwrap());
    let after = SystemClock::new().now() + TimeDelta::microseconds(1);
    assert!(before - TimeDelta::microseconds(1) <= shown && shown <= after, "{before} {shown} {after}");
}

#[test]
fn a_role_that_may_not_create_the_schema_is_told_so() {
    let scene = Scene::new();
    scene.server.run("postgres", "CREATE ROLE guest LOGIN");
    let mut settings = scene.server.config("postgres");
    settings.user("guest");
    let server = cdds_storage::source::PostgresServer::of(settings);
    let guest = cdds_storage::source::PostgresConnections::to(&server).unwrap();
    let error = open(&guest, "mine").unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Unavailable);
    assert!(error.to_string().contains("create it in the database"), "{error}");
}
