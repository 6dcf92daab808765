//! The schema: created once, refused if it is newer or another program's, and named as its operator wants.

use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::catalog::{CatalogErrorKind, JobStore, WorkQueue};
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use chrono::TimeDelta;
use futures::executor::block_on;

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
    assert_eq!(applied, [(1, "the whole catalog".to_owned())]);
}

#[test]
fn a_newer_schema_is_refused_and_so_is_that_of_another_program() {
    let scene = Scene::new();
    scene.open("newer");
    scene.server.run("postgres", "INSERT INTO newer.migration (number, note) VALUES (7, 'later')");
    scene.open("newer");
    scene.server.run("postgres", "INSERT INTO newer.reader VALUES (1, 7)");
    let (kind, why) = refusal(&scene, "newer");
    assert_eq!(kind, CatalogErrorKind::NewerSchema);
    assert!(why.contains("schema version 7"), "{why}");
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
