//! A pooler in between, in transaction mode: sessions are shared, so nothing may be left in them.

use std::thread;

use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::source::Source;
use cdds_storage::source::PostgresSource;
use chrono::{DateTime, Utc};
use futures::executor::block_on;

use super::scene::{READER, Scene, config, everything, lines, query, table};
use crate::postgres_pooler::Pooler;

#[test]
fn sessions_that_are_shared_change_no_record_and_keep_nothing() {
    let scene = Scene::new(
        "CREATE TABLE calls (n int4, at timestamptz DEFAULT now()); CREATE INDEX ON calls (at);
         INSERT INTO calls SELECT n FROM generate_series(1, 5000) AS n;
         GRANT pg_read_all_stats TO reader; ALTER ROLE reader SET TimeZone = 'Asia/Tokyo'",
    );
    let pooler = Pooler::start(&scene.server, READER);
    let direct = lines(&scene.source(table("calls")), everything());
    let source = |data_type| PostgresSource::new(config(data_type), pooler.connections()).unwrap();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    // Each client numbers its statements as the others do.
                    let source = source(table("calls").with_time("at", InstantFormat::Any));
                    for _again in 0..5 {
                        assert_eq!(lines(&source, everything()), direct);
                        block_on(source.estimate(&everything())).unwrap();
                        let until: Option<DateTime<Utc>> =
                            block_on(source.complete_until(&everything())).unwrap();
                        assert!(until.is_some());
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
    });
    // A read that is dropped leaves its session to others.
    let many = source(query("SELECT repeat('long ', 500) AS note FROM generate_series(1, 50000)"));
    let mut stream = block_on(many.read(everything())).unwrap();
    block_on(futures::StreamExt::next(&mut stream)).unwrap().unwrap();
    drop(stream);
    assert_eq!(lines(&source(table("calls")), everything()), direct);
    let zone = scene.texts(
        "SELECT DISTINCT state FROM pg_stat_activity WHERE usename = 'reader' AND xact_start IS NOT NULL",
    );
    assert_eq!(zone, Vec::<String>::new());
}
