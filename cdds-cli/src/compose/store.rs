//! The artifact store that the configuration names.

use std::sync::Arc;

use cdds_core::ports::sink::Sink;
use cdds_storage::sink::object::ObjectSink;

#[cfg(feature = "buckets")]
use super::bucket;
use crate::config::{Config, StorePlace};
use crate::error::CliError;

/// Opens the artifact store. A bucket is not connected to.
pub(crate) fn sink(config: &Config) -> Result<Arc<dyn Sink>, CliError> {
    Ok(Arc::new(match &config.store {
        StorePlace::Folder(folder) => ObjectSink::local(folder)?,
        #[cfg(feature = "buckets")]
        StorePlace::Bucket(bucket) => bucket::open(bucket)?.sink(),
    }))
}
