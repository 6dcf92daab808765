//! Pairs of a catalog and a store that belong together, and pairs that do not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::access::Role;
use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::domain::pairing::{Mismatch, StoreLink};
use cdds_core::ports::catalog::{Catalog, StoreRegister};
use cdds_core::ports::clock::Clock;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, SinkErrorKind, Upload};
use cdds_core::service::pairing::{PairedSink, Pairing, PairingError};
use cdds_core::system::SystemIds;
use cdds_core::testing::memory::MemoryCatalog;
use cdds_core::testing::sink::MemorySink;
use cdds_core::testing::{ManualClock, administrator, principal};
use chrono::DateTime;
use futures::executor::block_on;
use futures::stream::BoxStream;
use uuid::Uuid;

const MARK: &str = ".cdds-store";

struct World {
    catalog: Arc<MemoryCatalog>,
    sink: MemorySink,
}

impl World {
    fn new() -> Self {
        Self { catalog: Arc::new(MemoryCatalog::new()), sink: MemorySink::new() }
    }

    fn pairing(&self) -> Pairing {
        self.with(Arc::new(self.sink.clone()))
    }

    fn with(&self, sink: Arc<dyn Sink>) -> Pairing {
        Pairing::new(Arc::clone(&self.catalog) as Arc<dyn Catalog>, sink, Arc::new(SystemIds))
    }
}

async fn store(sink: &dyn Sink, key: &Key) -> Result<(), SinkError> {
    let mut upload = sink.begin(key).await?;
    upload.write(Bytes::from_static(b"part")).await?;
    upload.finish().await.map(drop)
}

/// A store that is full.
#[derive(Debug)]
struct Full(MemorySink);

#[async_trait]
impl Sink for Full {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        Err(SinkError::new(SinkErrorKind::Full, key.as_str()))
    }
    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.0.read(key, from).await
    }
    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.0.delete(key).await
    }
    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.0.list(prefix).await
    }
}

#[test]
fn a11_the_catalog_writes_first_and_whoever_comes_next_completes_it() {
    block_on(async {
        let world = World::new();
        let interrupted = world.with(Arc::new(Full(world.sink.clone()))).check().await;
        assert!(matches!(interrupted, Err(PairingError::Sink(_))), "{interrupted:?}");
        let begun = world.catalog.store().await.unwrap().unwrap();
        assert!(!begun.confirmed && world.sink.objects().is_empty());
        world.pairing().check().await.unwrap();
        let link = world.catalog.store().await.unwrap();
        assert_eq!(link, Some(StoreLink { confirmed: true, ..begun }));
        let marked = world.sink.object(&Key::new(MARK)).unwrap();
        assert_eq!(marked, format!(r#"{{"v":"1","store":"{}"}}"#, begun.id));
    });
}

#[test]
fn a11_a_store_that_is_exchanged_while_it_is_used_is_neither_written_nor_emptied() {
    block_on(async {
        let world = World::new();
        let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
        let paired = PairedSink::new(world.pairing(), Arc::clone(&clock) as Arc<dyn Clock>);
        let key = Key::new(format!("{}/1/000001", ExecutionId(Uuid::from_u128(7))));
        store(&paired, &key).await.unwrap();
        world.sink.delete(&Key::new(MARK)).await.unwrap();
        clock.advance(Duration::from_secs(2));
        for refused in [
            store(&paired, &key).await,
            paired.delete(&key).await,
            paired.list(&Prefix::new("")).await.map(drop),
            paired.read(&Key::new("gone"), 0).await.map(drop),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), SinkErrorKind::Unavailable, "a retry may find it mounted");
            assert!(error.report().contains("mount it"), "{}", error.report());
        }
        assert!(world.sink.object(&key).is_some());
    });
}

#[test]
fn a_catalog_that_knows_nothing_of_what_is_stored_is_not_its_own() {
    block_on(async {
        let world = World::new();
        let key = Key::new(format!("{}/1/000001", ExecutionId(Uuid::from_u128(7))));
        store(&world.sink, &key).await.unwrap();
        let refused = world.pairing().check().await;
        assert!(matches!(refused, Err(PairingError::Mismatch(Mismatch::OtherCatalog))), "{refused:?}");
        assert_eq!(world.catalog.store().await.unwrap(), None);
        let refused = world.pairing().adopt(&principal(&Owner::default(), Role::Operator)).await;
        assert!(matches!(refused, Err(PairingError::Forbidden(_))), "C1: {refused:?}");
        world.pairing().adopt(&administrator(&Owner::default())).await.unwrap();
        world.pairing().check().await.unwrap();
        let other =
            Pairing::new(Arc::new(MemoryCatalog::new()), Arc::new(world.sink.clone()), Arc::new(SystemIds));
        let refused = other.check().await;
        assert!(matches!(refused, Err(PairingError::Mismatch(Mismatch::OtherCatalog))), "{refused:?}");
    });
}

#[test]
fn a_mark_that_is_not_understood_is_not_written_over() {
    block_on(async {
        let world = World::new();
        for mark in ["", "{}", r#"{"v":"2","store":"00000000-0000-0000-0000-000000000001"}"#] {
            let mut upload = world.sink.begin(&Key::new(MARK)).await.unwrap();
            upload.write(Bytes::copy_from_slice(mark.as_bytes())).await.unwrap();
            upload.finish().await.unwrap();
            assert!(matches!(world.pairing().check().await, Err(PairingError::Mark)), "{mark}");
        }
    });
}
