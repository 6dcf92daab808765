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
use crate::domain::selection::{CategoryDimension, CategorySelection};
use crate::domain::window::Window;

/// A system that holds records: a database, a set of files, a service.
///
/// # Contract
/// [`read`](Source::read) gives every record of the requested type whose instant lies in the
/// half-open window and whose category is selected, each exactly once, and nothing else. Two reads
/// of unchanged data give the same records in the same order (rule A6). Records move in batches of a
/// bounded size (a few hundred kilobytes); memory never depends on the amount of data.
///
/// # Errors
/// A record that cannot be read is a [`SourceErrorKind::BadRecord`] that names where it stands,
/// never what it holds.
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

/// What a source offers (rules J2, J3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// The data types, in the order in which they are shown; at least one.
    pub types: Vec<DataType>,
}

impl Description {
    /// The data type with this identifier.
    pub fn data_type(&self, id: &TypeId) -> Option<&DataType> {
        self.types.iter().find(|data_type| data_type.id == *id)
    }
}

/// One kind of record that a source holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataType {
    /// The identifier under which jobs name the type; also the top folder of its exports.
    pub id: TypeId,
    /// The category dimension, if the type declares one (rule J3).
    pub category: Option<CategoryDimension>,
    /// Whether records carry an event instant; without one only `All` is possible (rule W7).
    pub has_event_instant: bool,
    /// How late a row may become visible after its instant (rule W4).
    pub settle_lag: chrono::Duration,
}

/// Which records to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// The data type.
    pub data_type: TypeId,
    /// Half-open, by event instant. A window without a start includes undated records (rule W7).
    pub window: Window,
    /// The selected categories.
    pub categories: CategorySelection,
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
        SourceTerms { settle_lag: self.settle_lag(source, data_type), ..SourceTerms::default() }
    }

    /// How late rows of a type may become visible; one second for what is not registered (rule W4).
    pub fn settle_lag(&self, source: &SourceId, data_type: &TypeId) -> chrono::Duration {
        let declared = match self.find(source) {
            Some(RegisteredSource::Supported(source)) => source.describe().data_type(data_type),
            _ => None,
        };
        declared.map_or(chrono::Duration::seconds(1), |data_type| data_type.settle_lag)
    }

    /// All of them, ordered by identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceId, &RegisteredSource)> {
        self.by_id.iter()
    }
}
