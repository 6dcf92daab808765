//! A server that fails, and what is said about it.

use cdds_core::domain::record::RecordBatch;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::source::{Source, SourceError, SourceErrorKind};
use cdds_storage::source::{PostgresConnections, PostgresServer, PostgresSource};
use futures::StreamExt;
use futures::executor::block_on;

use super::scene::{READER, Scene, config, everything, lines, query, read, table};

const MANY: &str =
    "CREATE TABLE calls AS SELECT n, repeat('long ', 200) AS note FROM generate_series(1, 100000) AS n;";

#[test]
fn a_backend_that_is_killed_ends_the_read_for_a_retry() {
    let mut scene = Scene::new(MANY);
    let source = scene.source(table("calls"));
    for end in ["terminate", "cancel", "crash"] {
        let mut stream = block_on(source.read(everything())).unwrap();
        let first: RecordBatch = block_on(stream.next()).unwrap().unwrap();
        assert!(first.records() > 0);
        match end {
            "crash" => scene.server.crash_and_start(),
            _ => scene.run(&format!(
                "SELECT pg_{end}_backend(pid) FROM pg_stat_activity WHERE application_name = 'cdds read'"
            )),
        }
        let error: SourceError = loop {
            match block_on(stream.next()) {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("{end}: the read ends as if it were whole"),
            }
        };
        assert_eq!(error.kind(), SourceErrorKind::Interrupted, "{end}: {}", error.report());
        assert!(error.is_retryable());
        assert!(block_on(stream.next()).is_none());
    }
    assert_eq!(lines(&source, everything()).len(), 100_000);
}

#[test]
fn a_read_that_is_dropped_leaves_no_statement_running() {
    let scene = Scene::new(MANY);
    let source = scene.source(table("calls"));
    let mut stream = block_on(source.read(everything())).unwrap();
    block_on(stream.next()).unwrap().unwrap();
    drop(stream);
    // One that waits for its first row, which never comes.
    let slow = scene.source(query("SELECT pg_sleep(3600)::text AS n"));
    let mut stream = block_on(slow.read(everything())).unwrap();
    let waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'cdds read' AND wait_event = 'PgSleep'";
    scene.wait_for(waits);
    assert!(futures::FutureExt::now_or_never(stream.next()).is_none());
    drop(stream);
    scene.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    scene.wait_for("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'cdds read'");
}

#[test]
fn errors_say_what_is_wrong_and_repeat_nothing() {
    let scene =
        Scene::new("CREATE TABLE calls AS SELECT 1 AS n, 'unspeakable' AS note; CREATE ROLE stranger LOGIN;");
    let failing = |query_text: &str| read(&scene.source(query(query_text)), everything()).unwrap_err();
    for (error, kind, told) in [
        (failing("SELECT note::int4 AS n FROM calls"), SourceErrorKind::Invalid, "22P02"),
        (failing("SELECT 1/0 AS n"), SourceErrorKind::Invalid, "22012"),
        (failing("SELECT nothing FROM calls"), SourceErrorKind::Missing, "nothing"),
        (failing("FROM calls"), SourceErrorKind::Invalid, "syntax"),
        (failing("SELECT nextval('pg_catalog.x')"), SourceErrorKind::Missing, "x"),
    ] {
        assert_eq!(error.kind(), kind, "{}", error.report());
        let all = format!("{} {error:?}", error.report());
        assert!(all.contains(told) && !all.contains("unspeakable"), "{all}");
    }
    for (source, kind, told) in [
        (scene.source(table("nowhere")), SourceErrorKind::Missing, "nowhere"),
        (scene.source(table("Calls")), SourceErrorKind::Missing, "capitals"),
        (
            scene.source(table("calls").with_time("at", InstantFormat::Any)),
            SourceErrorKind::Missing,
            "\"at\"",
        ),
        (
            PostgresSource::new(config(table("calls")), scene.connections_of("stranger")).unwrap(),
            SourceErrorKind::Invalid,
            "grant the role SELECT",
        ),
        (
            PostgresSource::new(config(table("calls")), scene.connections_of("nobody")).unwrap(),
            SourceErrorKind::Invalid,
            "correct the role",
        ),
    ] {
        let error = read(&source, everything()).unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.report().contains(told), "{}", error.report());
    }
    let nowhere = PostgresServer::new("postgres://reader:hunter2@127.0.0.1:1/shop").unwrap();
    let connections = PostgresConnections::to(&nowhere).unwrap();
    let error =
        read(&PostgresSource::new(config(table("calls")), connections).unwrap(), everything()).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unavailable, "{}", error.report());
    assert!(!format!("{} {error:?}", error.report()).contains("hunter2"));
}

#[test]
fn a_query_cannot_write_and_nothing_stays_in_the_session() {
    let scene =
        Scene::new("CREATE TABLE calls AS SELECT 1 AS n; CREATE SEQUENCE s; GRANT ALL ON s, calls TO reader");
    let error = read(&scene.source(query("SELECT nextval('public.s') AS n")), everything()).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Invalid);
    assert!(error.report().contains("only read"), "{}", error.report());
    let zone = "SELECT current_setting('TimeZone') AS zone, current_setting('application_name') AS name";
    let pool = scene.connections_of(READER);
    let source = PostgresSource::new(config(query(zone)), pool).unwrap();
    assert_eq!(lines(&source, everything()), ["{\"zone\":\"UTC\",\"name\":\"cdds read\"}"]);
    let idle = "SELECT application_name FROM pg_stat_activity WHERE usename = 'reader' AND state = 'idle'";
    assert!(scene.texts(idle).iter().all(|name| name == "cdds"));
}

/// Memory must not depend on the number of rows. Linux tells the most that the process ever had.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded() {
    let scene = Scene::new(MANY);
    let source = scene.source(table("calls"));
    let most = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    };
    let before = most();
    let (records, bytes) = block_on(async {
        let mut stream = source.read(everything()).await.unwrap();
        let (mut records, mut bytes) = (0, 0);
        while let Some(batch) = stream.next().await {
            let batch = batch.unwrap();
            records += batch.records();
            bytes += batch.lines().len();
            if records < 20_000 {
                // A consumer that is slower than the server at first.
                std::thread::park_timeout(std::time::Duration::from_millis(20));
            }
        }
        (records, bytes)
    });
    assert_eq!(records, 100_000);
    let grown = most() - before;
    assert!(bytes > 100_000_000, "{bytes}");
    assert!(grown < 32 << 20, "{grown} bytes more for {bytes}");
}
