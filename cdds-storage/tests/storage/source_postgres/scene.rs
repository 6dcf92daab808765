//! A server with a database that is read, and reads of it.

use std::time::Duration;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::RecordBatch;
use cdds_core::ports::source::{ReadRequest, Source, SourceError};
use cdds_storage::source::{
    PostgresConfig, PostgresConnections, PostgresRows, PostgresServer, PostgresSource, PostgresType,
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use futures::executor::block_on;
use tokio_postgres::Client;

use crate::postgres_server::Server;

/// The role that reads. It may see all tables, and nothing of other sessions.
pub(super) const READER: &str = "reader";

pub(super) struct Scene {
    pub(super) connections: PostgresConnections,
    pub(super) server: Server,
}

impl Scene {
    /// Starts a server, and runs statements of setup in its database.
    pub(super) fn new(statements: &str) -> Self {
        let server = Server::start(&[]);
        let reader = format!("CREATE ROLE {READER} LOGIN; GRANT pg_read_all_data TO {READER};");
        server.run("postgres", &format!("{reader} {statements}"));
        let connections = Self::connect(&server, READER);
        Self { connections, server }
    }

    /// Prepares connections of another role.
    pub(super) fn connections_of(&self, role: &str) -> PostgresConnections {
        Self::connect(&self.server, role)
    }

    fn connect(server: &Server, role: &str) -> PostgresConnections {
        let mut settings = server.config("postgres");
        settings.user(role);
        PostgresConnections::to(&PostgresServer::of(settings)).unwrap()
    }

    pub(super) fn run(&self, statements: &str) {
        self.server.run("postgres", statements);
    }

    /// Opens a session of the superuser.
    pub(super) fn session(&self) -> Client {
        self.server.within(self.server.client("postgres"))
    }

    /// Runs statements in a session.
    pub(super) fn in_session(&self, session: &Client, statements: &str) {
        self.server.within(session.batch_execute(statements)).unwrap();
    }

    /// Returns the texts of a query's first column.
    pub(super) fn texts(&self, query: &str) -> Vec<String> {
        let session = self.session();
        let rows = self.server.within(session.query_typed(query, &[])).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until a query returns `true`.
    pub(super) fn wait_for(&self, query: &str) {
        let session = self.session();
        loop {
            let rows = self.server.within(session.query_typed(query, &[])).unwrap();
            if rows[0].get::<_, bool>(0) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub(super) fn source(&self, data_type: PostgresType) -> PostgresSource {
        PostgresSource::new(config(data_type), self.connections.clone()).unwrap()
    }
}

pub(super) fn config(data_type: PostgresType) -> PostgresConfig {
    PostgresConfig::new("shop".parse().unwrap(), "Shop").with_type(data_type)
}

pub(super) fn table(name: &str) -> PostgresType {
    PostgresType::new("row".parse().unwrap(), PostgresRows::Table(name.to_owned()))
}

pub(super) fn query(query: &str) -> PostgresType {
    PostgresType::new("row".parse().unwrap(), PostgresRows::Query(query.to_owned()))
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Returns a request for everything up to the end of the calendar.
pub(super) fn everything() -> ReadRequest {
    request(Window::until(DateTime::<Utc>::MAX_UTC))
}

pub(super) fn request(window: Window) -> ReadRequest {
    ReadRequest::new(Owner::default(), "row".parse().unwrap(), window)
}

/// Reads all batches.
pub(super) fn read(source: &dyn Source, request: ReadRequest) -> Result<Vec<RecordBatch>, SourceError> {
    block_on(async { source.read(request).await?.try_collect().await })
}

/// Reads all records, one a line.
pub(super) fn lines(source: &dyn Source, request: ReadRequest) -> Vec<String> {
    let batches = read(source, request).unwrap();
    let records = batches.iter().flat_map(RecordBatch::iter);
    records.map(|record| std::str::from_utf8(record.line).unwrap().trim_end().to_owned()).collect()
}
