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
//! The [`guide`] begins with a service and ends with its operation. The names that most embedders need are
//! re-exported here.
//!
//! # A custom source
//!
//! ```
//! use async_trait::async_trait;
//! use cdds_core::{
//!     Estimate, ReadRequest, RecordBatchBuilder, RecordStream, Source, SourceDescription, SourceError,
//! };
//! use chrono::{DateTime, Utc};
//! use futures::stream::{self, StreamExt};
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
//!         Ok(Some(Estimate::Records(self.rows.len() as u64)))
//!     }
//!
//!     async fn read(
//!         &self,
//!         request: ReadRequest,
//!     ) -> Result<RecordStream, SourceError> {
//!         let mut batch = RecordBatchBuilder::new();
//!         for (at, caller) in self.rows.iter().filter(|(at, _)| request.wants(Some(*at), None)) {
//!             let mut record = batch.record(&request.place(None, Some(*at)));
//!             record.text("caller", caller).instant("at", *at);
//!             record.finish();
//!         }
//!         Ok(stream::iter([Ok(batch.take())]).boxed())
//!     }
//! }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds | what it costs |
//! |---|---|---|---|
//! | `testing` | no | every port in memory, a clock moved by hand, proptest strategies, simulated worlds | `proptest` in the tree; for `[dev-dependencies]` |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod blocking;
mod cleanup;
pub mod domain;
pub mod engine;
mod examination;
pub mod guide;
mod identifiers;
mod keys;
mod ledger;
pub mod ports;
mod probe;
mod remote;
pub mod service;
mod setters;
pub mod stored;
pub mod system;
#[cfg(feature = "testing")]
pub mod testing;

pub use self::blocking::{Batches, Stop, read_blocking};
pub use self::domain::access::link::LinkLifetime;
pub use self::domain::access::{Action, Actions, Principal, PrincipalName, Role};
pub use self::domain::archive::retention::RetentionDays;
pub use self::domain::archive::split_size::SplitSize;
pub use self::domain::calendar::frequency::{Frequency, Start, TimeOfDay};
pub use self::domain::calendar::timeframe::Timeframe;
pub use self::domain::execution::Status;
pub use self::domain::id::{ArtifactId, ExecutionId, JobId, Owner, RecipientName, SourceId, TypeId};
pub use self::domain::job::lifecycle::NewJob;
pub use self::domain::job::{JobSettings, Protection, RecipientNames, Title};
pub use self::domain::record::selection::CategoryDimension;
pub use self::domain::record::{Place, RecordBatch, RecordBatchBuilder, RejectedRecord};
pub use self::domain::violation::{Code, ErrorClass, RuleViolation};
pub use self::engine::observe::{Event, Observer};
pub use self::engine::{Engine, EngineError, EngineSettings, Until};
pub use self::ports::Ports;
pub use self::ports::catalog::query::{ArtifactQuery, ExecutionQuery, JobQuery};
pub use self::ports::source::{
    BadRecordMode, DataType, Estimate, Ownership, ReadRequest, RecordStream, Source, SourceDescription,
    SourceError, SourceErrorKind, Sources, Visibility,
};
pub use self::service::artifacts::{Artifacts, Download, DownloadLink};
pub use self::service::audit::Audit;
pub use self::service::copies::Copies;
pub use self::service::fleet::Fleet;
pub use self::service::history::History;
pub use self::service::jobs::{JobRules, Jobs};
pub use self::service::recipients::Recipients;
pub use self::service::subjects::Subjects;
pub use self::service::{Entity, ServiceError};
