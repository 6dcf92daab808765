//! Rule W3b: how far rows that are committed late are waited for.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::source::{Source, SourceErrorKind};
use cdds_storage::source::PostgresSource;
use chrono::{DateTime, Utc};
use futures::executor::block_on;

use super::scene::{READER, Scene, config, everything, lines, request, table};

const CALLS: &str = "CREATE TABLE calls (n int4, at timestamptz DEFAULT clock_timestamp());";
const PRIVILEGED: &str = "GRANT pg_read_all_stats TO reader;";

fn calls(scene: &Scene) -> PostgresSource {
    scene.source(table("calls").with_time("at", InstantFormat::Any))
}

fn until(source: &PostgresSource) -> DateTime<Utc> {
    block_on(source.complete_until(&everything())).unwrap().unwrap()
}

fn stamp(scene: &Scene, n: u32) -> DateTime<Utc> {
    let text = format!(
        "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM calls WHERE n = {n}"
    );
    scene.texts(&text)[0].parse().unwrap()
}

/// Waits until the server's clock is two seconds past the lag after an instant.
fn pass(scene: &Scene, seconds: u32) {
    scene.run(&format!("SELECT pg_sleep({seconds})"));
}

/// Reads windows that tile time, each as far as the source says that it is complete, while rows are committed late.
#[test]
fn w3b_a_row_that_is_committed_late_is_in_one_window() {
    let scene = Scene::new(&format!("{CALLS}{PRIVILEGED}"));
    let source = calls(&scene);
    let late = scene.session();
    scene.in_session(&late, "BEGIN; INSERT INTO calls VALUES (1)");
    pass(&scene, 2);
    scene.run("INSERT INTO calls VALUES (2)");
    pass(&scene, 2);
    let first = until(&source);
    let mut found = lines(&source, request(Window::until(first)));
    scene.in_session(&late, "COMMIT");
    assert!(first < stamp(&scene, 1), "the open transaction holds it");
    pass(&scene, 2);
    let second = until(&source);
    assert!(second > stamp(&scene, 2));
    found.extend(lines(&source, request(Window::between(first, second))));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn w3b_a_read_and_a_session_without_a_transaction_hold_nothing() {
    let scene = Scene::new(&format!(
        "{CALLS}{PRIVILEGED} INSERT INTO calls SELECT n FROM generate_series(1, 50000) n"
    ));
    let source = calls(&scene);
    let _idle = scene.session();
    // A read that its consumer keeps waiting.
    let mut stream = block_on(source.read(everything())).unwrap();
    let _first = block_on(futures::StreamExt::next(&mut stream)).unwrap().unwrap();
    let begun: DateTime<Utc> = stamp(&scene, 50_000);
    pass(&scene, 3);
    assert!(until(&source) > begun + chrono::TimeDelta::seconds(1));
    drop(stream);
}

#[test]
fn w3b_a_prepared_transaction_holds_it_until_it_is_gone() {
    let scene = Scene::new(&format!("{CALLS}{PRIVILEGED}"));
    let source = calls(&scene);
    let known = until(&source);
    let session = scene.session();
    scene.in_session(&session, "BEGIN; INSERT INTO calls VALUES (1); PREPARE TRANSACTION 'late'");
    pass(&scene, 2);
    assert_eq!(until(&source), known);
    // A source that never knew anything says so, and is asked again.
    let error = block_on(calls(&scene).complete_until(&everything())).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unavailable);
    assert!(error.report().contains("prepared"), "{}", error.report());
    scene.run("COMMIT PREPARED 'late'");
    pass(&scene, 1);
    assert!(until(&source) > known);
}

#[test]
fn w3b_without_privileges_what_was_open_must_have_ended() {
    let scene = Scene::new(CALLS);
    let source = calls(&scene);
    let known = until(&source);
    let late = scene.session();
    scene.in_session(&late, "BEGIN; INSERT INTO calls VALUES (1)");
    pass(&scene, 1);
    assert_eq!(until(&source), known, "the hidden transaction holds it");
    let prepared = scene.session();
    scene.in_session(&prepared, "BEGIN; INSERT INTO calls VALUES (2); PREPARE TRANSACTION 'late'");
    scene.in_session(&late, "COMMIT");
    assert_eq!(until(&source), known, "so does the prepared one");
    scene.run("COMMIT PREPARED 'late'");
    pass(&scene, 1);
    assert!(until(&source) > known);
}

#[test]
fn w3b_a_server_that_does_not_note_transactions_knows_nothing() {
    let scene = Scene::new(&format!("{CALLS}{PRIVILEGED}"));
    scene.run("ALTER ROLE postgres SET track_activities = off");
    let hidden = scene.session();
    scene.in_session(&hidden, "BEGIN; INSERT INTO calls VALUES (1)");
    assert_eq!(block_on(calls(&scene).complete_until(&everything())).unwrap(), None);
    scene.in_session(&hidden, "COMMIT");
    scene.run("ALTER ROLE postgres RESET track_activities");
    scene.run("ALTER SYSTEM SET track_activities = off");
    scene.run("SELECT pg_reload_conf()");
    scene.wait_for("SELECT current_setting('track_activities') = 'off'");
    let source = PostgresSource::new(config(table("calls")), scene.connections_of(READER)).unwrap();
    assert_eq!(block_on(source.complete_until(&everything())).unwrap(), None);
}
