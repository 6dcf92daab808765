//! Scheduled, encrypted, verifiable downloads of a service's own data, as a library.
//!
//! A **job** defines the source and data type, the frequency, the timeframe, the split size and the
//! certificates to encrypt for. An **execution** of a job reads the records of one frozen window, omits
//! empty-valued keys, writes JSON Lines into a (split) ZIP, seals each part for its recipients, stores the
//! parts and keeps a history with progress.
//!
//! This crate holds the rules and the engine. It depends on no runtime, no database and no network:
//!
//! ```text
//! frequency ─ due slot ─ claim (lease, fencing epoch) ─ window ─ Source ═ batches ═ JSON files
//!    ═ compress (workers) ═ ZIP parts ═ seal (CMS) ═ digest ═ Sink
//!    ─ one catalog transaction: succeeded + artifacts ─ retention
//! ```
//!
//! - [`domain`] makes the decisions: pure functions of a state, a command and an instant.
//! - [`ports`] defines the traits for everything external; the table there lists this workspace's adapters.
//! - [`engine`] runs due jobs; its file is the table of contents of an export.
//! - [`service`] is the API for user interfaces: jobs, history, artifacts, recipients.
//! - [`stored`] holds the versioned forms that catalogs persist.
//!
//! # Implementing a source
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
//! use cdds_core::ports::source::{SourceDescription, Estimate, ReadRequest, Source, SourceError};
//! use chrono::{DateTime, Utc};
//! use futures::stream::{self, BoxStream, StreamExt};
//!
//! #[derive(Debug)]
//! struct Calls {
//!     description: SourceDescription,
//!     rows: Vec<(DateTime<Utc>, &'static str)>,
//! }
//!
//! #[async_trait]
//! impl Source for Calls {
//!     fn describe(&self) -> &SourceDescription {
//!         &self.description
//!     }
//!
//!     async fn estimate(&self, _request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
//!         Ok(Some(Estimate { records: self.rows.len() as u64 }))
//!     }
//!
//!     async fn read(
//!         &self,
//!         request: ReadRequest,
//!     ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
//!         let mut batch = RecordBatchBuilder::new();
//!         for (at, caller) in self.rows.iter().filter(|(at, _)| request.wants(Some(*at), None)) {
//!             let mut record = batch.record(&Place::of(None, Some(*at)));
//!             record.text("caller", caller).instant("at", *at);
//!             record.finish();
//!         }
//!         Ok(stream::iter([Ok(batch.take())]).boxed())
//!     }
//! }
//! # fn main() {}
//! ```

mod cleanup;
pub mod domain;
pub mod engine;
mod keys;
pub mod ports;
pub mod service;
mod setters;
pub mod stored;
pub mod system;
#[cfg(feature = "testing")]
pub mod testing;
