//! A database of calls in PostgreSQL: those of some days, and those that come in while they are exported.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio_postgres::Client;
use tokio_postgres::config::Host;

use crate::postgres_server::Server;
use crate::support::Place;

/// The calls of a day, which make a set of two files, each more than a part of 8 MiB.
const PER_DAY: usize = 300;

pub(super) struct Calls {
    server: Arc<Server>,
    days: usize,
}

impl Calls {
    /// Starts a server with the calls of some days from 2020-01-01 on.
    pub(super) fn start(days: usize) -> Self {
        let server = Server::start(&[]);
        server.run("postgres", "CREATE DATABASE shop");
        server.run(
            "shop",
            &format!(
                "CREATE ROLE reader LOGIN; GRANT pg_read_all_stats TO reader; \
                 CREATE TABLE calls (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 at timestamptz NOT NULL DEFAULT now(), note text); CREATE INDEX ON calls (at); \
                 GRANT SELECT ON calls TO reader; \
                 INSERT INTO calls (at, note) SELECT '2020-01-01T00:00:00Z'::timestamptz + i * interval '1 day' / {PER_DAY}, \
                 repeat(md5(i::text), 2000) FROM generate_series(0, {} - 1) AS i",
                PER_DAY * days
            ),
        );
        Self { server: Arc::new(server), days }
    }

    /// Declares the database as a source of a place.
    pub(super) fn declare(&self, place: &Place) {
        let config = self.server.config("shop");
        let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{config:?}") };
        let typed = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        let declared = format!(
            "{typed}\n[[source]]\nid = \"telephony\"\nkind = \"postgres\"\n\
             url = \"host={} user=reader dbname=shop\"\n\
             [[source.type]]\nid = \"call\"\ntable = \"calls\"\ntime = \"at\"\n",
            folder.display()
        );
        std::fs::write(place.path("cdds.toml"), declared).unwrap();
    }

    /// Begins a transaction that has seen the table and written a call, and does not commit it.
    pub(super) fn begin_late(&self) -> Late {
        let client = self.server.within(async {
            let client = self.server.client("shop").await;
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM calls; \
                         INSERT INTO calls (note) VALUES ('late')";
            client.batch_execute(begin).await.unwrap();
            client
        });
        Late { client, server: Arc::clone(&self.server) }
    }

    /// Takes calls, several a second, until the value is dropped.
    pub(super) fn take_calls(&self) -> Taking {
        let (server, stops) = (Arc::clone(&self.server), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&stops);
        let taking = std::thread::spawn(move || {
            let client = server.within(server.client("shop"));
            while !told.load(Ordering::Relaxed) {
                server.within(async {
                    client.batch_execute("INSERT INTO calls (note) VALUES ('in time')").await.unwrap();
                    client.batch_execute("SELECT pg_sleep(0.05)").await.unwrap();
                });
            }
        });
        Taking { stops, taking: Some(taking) }
    }

    /// Returns the ids of all calls, and of those of the days.
    pub(super) fn ids(&self) -> (BTreeSet<i64>, BTreeSet<i64>) {
        let rows = self.server.within(async {
            let client = self.server.client("shop").await;
            client.query_typed("SELECT id FROM calls", &[]).await.unwrap()
        });
        let all: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
        let of_days = i64::try_from(PER_DAY * self.days).unwrap();
        let days = all.iter().copied().filter(|id| *id <= of_days).collect();
        (all, days)
    }
}

/// A transaction that is not committed yet.
pub(super) struct Late {
    client: Client,
    server: Arc<Server>,
}

impl Late {
    /// Writes another call and commits.
    pub(super) fn commit(self) {
        let end = "INSERT INTO calls (note) VALUES ('later'); COMMIT";
        self.server.within(async { self.client.batch_execute(end).await.unwrap() });
    }
}

/// Somebody who takes calls.
pub(super) struct Taking {
    stops: Arc<AtomicBool>,
    taking: Option<JoinHandle<()>>,
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        let _ = self.taking.take().map(JoinHandle::join);
    }
}
