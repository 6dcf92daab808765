//! Where records come from.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::error::{PortError, PortErrorKind};
use crate::domain::execution::SourceTerms;
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::RecordBatch;
use crate::domain::source::{Offer, OfferedSources};

pub use crate::domain::source::{BadRecordMode, DataType, Description, ReadRequest, RecordInstant};

/// A system that holds records: a database, a set of files, a service.
///
/// # Contract
/// [`read`](Source::read) gives every record of the requested type that the request wants
/// ([`ReadRequest::wants`]) and whose category is selected, each exactly once, and nothing else. Two reads
/// of unchanged data give the same records in the same order (rule A6). Records move in batches of a
/// bounded size (a few hundred kilobytes); memory never depends on the amount of data.
///
/// The template (rule J4) is the engine's work, unless the type is declared to
/// [push it down](DataType::pushes_down): then its records come filtered and with the selected fields only.
///
/// # Errors
/// A record that cannot be read is a [`SourceErrorKind::BadRecord`] that names where it stands,
/// never what it holds. A source that can go on behind it hands it over in a batch instead when the request
/// says [`BadRecordMode::Report`] (rule E10). One
/// whose category, or whose fields as far as the source filters them, can be read and say that it is not asked
/// for is passed over; the engine does the same by its filters.
///
/// # Cancel safety
/// Dropping the stream stops the read and frees its resources.
///
/// # Ordering
/// Any, if it is stable. Sorting costs memory or a temporary file; the archive does not need it.
///
/// # Idempotency
/// Reading changes nothing.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// What the source offers. Fixed for the life of the value.
    fn describe(&self) -> &Description;

    /// How much a read would give, if that can be told cheaply (well under a second).
    ///
    /// # Errors
    /// As for [`read`](Source::read).
    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError>;

    /// What somebody should know who is about to export from the source, in sentences: that its application
    /// cannot write meanwhile, for instance. A check of the source shows them. Most sources have nothing to say.
    ///
    /// # Errors
    /// As for [`read`](Source::read).
    async fn remarks(&self) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    /// Starts a read.
    ///
    /// # Errors
    /// If the source cannot be reached or does not hold what its description promises. Errors while
    /// reading come as items of the stream, which ends with the first one.
    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError>;
}

/// What a read is expected to give; used for progress only, never for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Number of records.
    pub records: u64,
}

/// What went wrong in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// Not reachable at the moment; a retry may help.
    Unavailable,
    /// A table, file or column that the description names is missing.
    Missing,
    /// The request does not fit the source.
    Invalid,
    /// A record cannot be read (rule E10).
    BadRecord,
    /// The source broke off in the middle; a retry may help.
    Interrupted,
}

impl PortErrorKind for SourceErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Interrupted)
    }
}

/// An error of a [`Source`].
pub type SourceError = PortError<SourceErrorKind>;

/// A source as it is registered with the library.
#[derive(Debug, Clone)]
pub enum RegisteredSource {
    /// Jobs may use it.
    Supported(Arc<dyn Source>),
    /// Known by name but refused, with the reason that people are told (rule J2).
    Unsupported {
        /// The name shown to people.
        title: String,
        /// Why it cannot be chosen.
        reason: String,
    },
}

/// All registered sources, by identifier.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    by_id: BTreeMap<SourceId, RegisteredSource>,
}

impl Sources {
    /// No sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source under the identifier of its description; replaces an earlier one.
    #[must_use]
    pub fn with(mut self, source: Arc<dyn Source>) -> Self {
        self.by_id.insert(source.describe().id.clone(), RegisteredSource::Supported(source));
        self
    }

    /// Adds a name that is refused with a reason (rule J2).
    #[must_use]
    pub fn with_unsupported(
        mut self,
        id: SourceId,
        title: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        self.by_id.insert(id, RegisteredSource::Unsupported { title: title.into(), reason: reason.into() });
        self
    }

    /// The source registered under `id`.
    pub fn find(&self, id: &SourceId) -> Option<&RegisteredSource> {
        self.by_id.get(id)
    }

    /// How rows of a type become visible; the defaults for what is not registered (rule W4).
    pub fn terms(&self, source: &SourceId, data_type: &TypeId) -> SourceTerms {
        self.data_type(source, data_type).map_or_else(SourceTerms::default, |data_type| SourceTerms {
            settle_lag: data_type.settle_lag,
            granularity: data_type.granularity,
        })
    }

    /// The data type of a source that is registered and supported.
    pub fn data_type(&self, source: &SourceId, data_type: &TypeId) -> Option<&DataType> {
        match self.find(source)? {
            RegisteredSource::Supported(source) => source.describe().data_type(data_type),
            RegisteredSource::Unsupported { .. } => None,
        }
    }

    /// All of them, ordered by identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceId, &RegisteredSource)> {
        self.by_id.iter()
    }
}

impl OfferedSources for Sources {
    fn offer(&self, id: &SourceId) -> Option<Offer<'_>> {
        Some(match self.find(id)? {
            RegisteredSource::Supported(source) => Offer::Supported(source.describe()),
            RegisteredSource::Unsupported { reason, .. } => Offer::Unsupported { reason },
        })
    }

    fn ids(&self) -> Vec<&SourceId> {
        self.by_id.keys().collect()
    }
}
