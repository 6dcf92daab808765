//! The artifact store that the configuration names.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, SinkErrorKind, Upload};
use cdds_storage::sink::object::ObjectSink;
use futures::stream::BoxStream;

#[cfg(feature = "buckets")]
use super::bucket;
use crate::config::{Config, StorePlace};
use crate::error::CliError;

/// Opens the artifact store. A bucket is not connected to.
pub(crate) fn sink(config: &Config) -> Result<Arc<dyn Sink>, CliError> {
    Ok(match &config.store {
        StorePlace::Folder(folder) => Arc::new(ObjectSink::local(folder)?),
        #[cfg(feature = "buckets")]
        StorePlace::Bucket(bucket) => Arc::new(bucket::open(bucket)?.sink()),
    })
}

/// Opens the store for a command that only reads the record, and so does without it if a folder is not mounted.
pub(super) fn if_mounted(config: &Config) -> Result<Arc<dyn Sink>, CliError> {
    match &config.store {
        StorePlace::Folder(folder) => Ok(match ObjectSink::local(folder) {
            Ok(sink) => Arc::new(sink),
            Err(error) => Arc::new(Absent { kind: error.kind(), why: error.report() }),
        }),
        #[cfg(feature = "buckets")]
        StorePlace::Bucket(_) => sink(config),
    }
}

/// A store that could not be opened: every call says why.
#[derive(Debug)]
struct Absent {
    kind: SinkErrorKind,
    why: String,
}

impl Absent {
    fn refused<T>(&self) -> Result<T, SinkError> {
        Err(SinkError::new(self.kind, self.why.clone()))
    }
}

#[async_trait]
impl Sink for Absent {
    async fn begin(&self, _key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        self.refused()
    }

    async fn read(
        &self,
        _key: &Key,
        _from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.refused()
    }

    async fn delete(&self, _key: &Key) -> Result<(), SinkError> {
        self.refused()
    }

    async fn list(&self, _prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.refused()
    }
}
