//! What a check of the source tells people.

use cdds_core::domain::id::Owner;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::source::Source;
use cdds_storage::source::{PostgresSource, PostgresType};
use futures::executor::block_on;

use super::scene::{Scene, query, table};

fn remarks(source: &PostgresSource) -> String {
    block_on(source.remarks(&Owner::default())).unwrap().join("\n")
}

#[test]
fn what_slows_or_endangers_an_export_is_told() {
    let scene = Scene::new("CREATE TABLE calls (n int8, at timestamptz, word text)");
    let by =
        |data_type: PostgresType, column: &str, format| scene.source(data_type.with_time(column, format));
    let told = remarks(&by(table("calls"), "at", InstantFormat::Any));
    assert!(told.contains("no index begins with the column \"at\""), "{told}");
    assert!(told.contains("pg_read_all_stats"), "{told}");
    let told = remarks(&by(table("calls"), "n", InstantFormat::Any));
    assert!(told.contains("time_format") && told.contains("bigint"), "{told}");
    let told = remarks(&by(query("SELECT 1 AS a, now() AS at, 2 AS a"), "at", InstantFormat::Any));
    assert!(told.contains("more than one column a"), "{told}");
    // Without instants there is nothing to wait for.
    assert_eq!(remarks(&scene.source(table("calls"))), "");

    scene.run("CREATE INDEX ON calls (at, n); CREATE INDEX ON calls (n) WHERE n > 5; GRANT pg_read_all_stats TO reader");
    assert_eq!(remarks(&by(table("calls"), "at", InstantFormat::Any)), "");
    let told = remarks(&by(table("calls"), "n", InstantFormat::Unix));
    assert!(told.contains("no index"), "an index over some rows is of no use: {told}");
    let session = scene.session();
    scene.in_session(&session, "BEGIN; INSERT INTO calls VALUES (1); PREPARE TRANSACTION 'late'");
    let told = remarks(&by(table("calls"), "at", InstantFormat::Any));
    assert!(told.contains("prepared transactions are there (1)"), "{told}");
    scene.run("ROLLBACK PREPARED 'late'");
    scene.run("ALTER SYSTEM SET track_activities = off");
    scene.run("SELECT pg_reload_conf()");
    scene.wait_for("SELECT current_setting('track_activities') = 'off'");
    let told = remarks(&by(table("calls"), "at", InstantFormat::Any));
    assert!(told.contains("track_activities is off"), "{told}");
}
