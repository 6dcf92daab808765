//! A server, and catalogs in schemas of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cdds_core::ports::catalog::{Catalog, CatalogError};
use cdds_core::ports::clock::Clock;
use cdds_storage::catalog::{PostgresCatalog, PostgresCatalogConfig};
use cdds_storage::source::{PostgresConnections, PostgresServer};
use futures::executor::block_on;

use crate::postgres_server::Server;

pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) connections: PostgresConnections,
    schemas: AtomicUsize,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(Server::start(&[]))
    }

    pub(crate) fn with(server: Server) -> Self {
        let connections = PostgresConnections::to(&PostgresServer::of(server.config("postgres"))).unwrap();
        Self { server, connections, schemas: AtomicUsize::new(0) }
    }

    /// Returns the name of a schema that no other catalog of the scene has.
    pub(crate) fn schema(&self) -> String {
        format!("catalog_{}", self.schemas.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn open(&self, schema: &str) -> PostgresCatalog {
        open(&self.connections, schema).unwrap()
    }

    /// Returns what opens handles to a fresh catalog that goes by a clock.
    pub(crate) fn fresh(&self, clock: Arc<dyn Clock>) -> impl Fn() -> Arc<dyn Catalog> + Send + Sync + use<> {
        let (connections, schema) = (self.connections.clone(), self.schema());
        move || Arc::new(open(&connections, &schema).unwrap().with_clock(Arc::clone(&clock)))
    }
}

/// Opens a catalog. On a thread of its own: the kit asks for handles where futures are polled.
pub(crate) fn open(connections: &PostgresConnections, schema: &str) -> Result<PostgresCatalog, CatalogError> {
    let config = PostgresCatalogConfig::new(connections.clone()).with_schema(schema);
    thread::scope(|scope| scope.spawn(|| block_on(PostgresCatalog::connect(config))).join().unwrap())
}
