//! Rules J2–J4, W4, W7: what a source offers, and what is asked of it.

mod request;

use std::fmt::Debug;
use std::num::NonZeroU32;

use chrono::TimeDelta;

use crate::domain::execution::SourceTerms;
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::selection::CategoryDimension;

pub use self::request::{BadRecordMode, ReadRequest, RecordInstant};

/// What a source offers (rules J2, J3).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceDescription {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// The data types, in the order in which they are shown; at least one.
    pub types: Vec<DataType>,
    /// How many executions may read the source at the same time, over all workers (rule E2); `None` for no limit.
    pub max_concurrent: Option<NonZeroU32>,
}

impl SourceDescription {
    /// Describes a source without types and without a limit.
    pub fn new(id: SourceId, title: impl Into<String>) -> Self {
        Self { id, title: title.into(), types: Vec::new(), max_concurrent: None }
    }

    /// Adds a data type.
    #[must_use]
    pub fn with_type(mut self, data_type: DataType) -> Self {
        self.types.push(data_type);
        self
    }

    /// Limits how many executions may read the source at the same time (rule E2).
    #[must_use]
    pub fn with_max_concurrent(self, max_concurrent: NonZeroU32) -> Self {
        Self { max_concurrent: Some(max_concurrent), ..self }
    }

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
    /// Whether the source applies templates itself, exactly as [`Template::apply`](crate::domain::record::template::Template::apply) would (rule J4).
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

/// The sources that are registered with the library, as admission sees them.
pub trait OfferedSources: Debug {
    /// Returns what is registered under a name, or `None`.
    fn offer(&self, id: &SourceId) -> Option<Offer<'_>>;

    /// Returns all names, in order.
    fn ids(&self) -> Vec<&SourceId>;
}

/// What is registered under a name.
#[derive(Debug, Clone, Copy)]
pub enum Offer<'a> {
    /// A source that jobs may use.
    Supported(&'a SourceDescription),
    /// A name that is refused (rule J2).
    Unsupported {
        /// Why it cannot be chosen.
        reason: &'a str,
    },
}
