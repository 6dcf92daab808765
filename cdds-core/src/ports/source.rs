//! Where records come from.

mod request;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::stream::BoxStream;

use super::error::{PortError, PortErrorKind};
use crate::domain::execution::SourceTerms;
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::RecordBatch;
use crate::domain::selection::CategoryDimension;

pub use request::{BadRecordMode, ReadRequest, RecordInstant};

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
    /// Whether records carry an instant of their last change; without one the event instant stands for it
    /// (rule W7).
    pub has_change_instant: bool,
    /// How late a row may become visible after its instant (rule W4).
    pub settle_lag: TimeDelta,
    /// The smallest step of the instants (rule W4).
    pub granularity: TimeDelta,
    /// The names of the fields, if they are declared: templates may name no others then (rule J4).
    pub fields: Option<Vec<String>>,
    /// Whether the source applies templates itself, exactly as [`Template::apply`](crate::domain::template::Template::apply) would (rule J4).
    pub pushes_down: bool,
}

impl DataType {
    /// A type without instants, categories and declared fields, with a settle lag and a granularity of one
    /// second, whose templates the engine applies.
    pub fn new(id: TypeId) -> Self {
        Self {
            id,
            category: None,
            has_event_instant: false,
            has_change_instant: false,
            settle_lag: SourceTerms::default().settle_lag,
            granularity: SourceTerms::default().granularity,
            fields: None,
            pushes_down: false,
        }
    }

    /// With a category dimension (rule J3).
    #[must_use]
    pub fn with_category(self, category: CategoryDimension) -> Self {
        Self { category: Some(category), ..self }
    }

    /// With an event instant in each record (rule W7).
    #[must_use]
    pub fn with_event_instant(self) -> Self {
        Self { has_event_instant: true, ..self }
    }

    /// With an instant of the last change in each record (rule W7).
    #[must_use]
    pub fn with_change_instant(self) -> Self {
        Self { has_change_instant: true, ..self }
    }

    /// With another settle lag (rule W4).
    #[must_use]
    pub fn with_settle_lag(self, settle_lag: TimeDelta) -> Self {
        Self { settle_lag, ..self }
    }

    /// With another granularity of instants (rule W4).
    #[must_use]
    pub fn with_granularity(self, granularity: TimeDelta) -> Self {
        Self { granularity, ..self }
    }

    /// With these fields and no others (rule J4).
    #[must_use]
    pub fn with_fields(self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { fields: Some(fields.into_iter().map(Into::into).collect()), ..self }
    }

    /// The source applies templates itself (rule J4).
    #[must_use]
    pub fn with_push_down(self) -> Self {
        Self { pushes_down: true, ..self }
    }
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
