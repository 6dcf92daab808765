//! Rules J2–J4, J16, W4, W7: what a source offers, and what it is asked for.

mod field;
mod ownership;
mod request;
mod visibility;

use std::fmt::Debug;
use std::num::NonZeroU32;

use chrono::TimeDelta;

use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::record::selection::CategoryDimension;
use crate::domain::subject::{CopyRule, ErasureRule, SubjectField};
use crate::domain::violation::RuleViolation;

pub use self::field::{Field, FieldRole, Indexed};
pub use self::ownership::Ownership;
pub use self::request::{BadRecordMode, ReadRequest, RecordInstant};
pub use self::visibility::Visibility;

/// The offer of a source (rules J2, J3).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceDescription {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// The data types, in the order in which they are shown; at least one.
    pub types: Vec<DataType>,
    /// How many executions may read the source at the same time, over all workers (rule E2); `None` for no
    /// limit.
    pub max_concurrent: Option<NonZeroU32>,
    /// The owners who see the source (rule J16). The registry reads it when the source is registered.
    pub visibility: Visibility,
}

impl SourceDescription {
    /// Describes a source without types and without a limit, visible to all owners.
    pub fn new(id: SourceId, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            types: Vec::new(),
            max_concurrent: None,
            visibility: Visibility::default(),
        }
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

    /// Replaces the owners who see the source (rule J16).
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Returns the data type with this identifier, or `None` if the source has no such type.
    pub fn data_type(&self, id: &TypeId) -> Option<&DataType> {
        self.types.iter().find(|data_type| data_type.id == *id)
    }

    /// Checks that an owner may read records of a type (rule J16). A type that the source does not have is no
    /// matter of this rule (J2 refuses it).
    ///
    /// # Errors
    /// [`Code::OwnershipUnstated`](crate::domain::violation::Code::OwnershipUnstated) if the type does not say
    /// whose its records are, for every owner but the default one.
    pub fn check_owner(&self, data_type: &TypeId, owner: &Owner) -> Result<(), RuleViolation> {
        let found = self.data_type(data_type);
        found.map_or(Ok(()), |data_type| ownership::check(&self.id, data_type, owner))
    }
}

/// One kind of record that a source holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataType {
    /// The identifier under which jobs name the type; also the top folder of its exports.
    pub id: TypeId,
    /// The category dimension, if the type declares one (rule J3).
    pub category: Option<CategoryDimension>,
    /// Whether records carry an event instant (rule W7). If not, the only timeframe is `All` or, if records
    /// carry a change instant, `SinceLastExport`.
    pub has_event_instant: bool,
    /// Whether records carry the instant of their last change. If not, the event instant is used in its place
    /// (rule W7).
    pub has_change_instant: bool,
    /// How late a row may become visible after its instant (rule W4). For a database, this is the longest
    /// transaction that writes rows; for files, the longest time from a record's instant until its whole line is
    /// where the source reads it, past the buffers of its writer and any copying. A source may also say until when
    /// it is complete (rule W3b).
    pub settle_lag: TimeDelta,
    /// The smallest step of the instants (rule W4).
    pub granularity: TimeDelta,
    /// The names of the fields, if the type declares them. Templates may then name no others (rule J4).
    pub fields: Option<Vec<String>>,
    /// Whether the source applies templates itself, exactly as
    /// [`Template::apply`](crate::domain::record::template::Template::apply) would (rule J4).
    pub pushes_down: bool,
    /// Whose the records are (rule J16).
    pub ownership: Ownership,
    /// The fields that name people (rule D1). Without any, the type is not read by subject.
    pub subject_fields: Vec<SubjectField>,
    /// What an erasure does with records about a person (rule D5); `None` if the source does not erase.
    pub erasure: Option<ErasureRule>,
    /// What copies for the people in its records show of them (rule D9).
    pub copy: CopyRule,
}

impl DataType {
    /// Creates a type without instants, categories and declared fields, which does not say whose its records
    /// are: only the default owner may export them (rule J16). Its settle lag and granularity are one second each, and the engine applies its templates.
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
            ownership: Ownership::default(),
            subject_fields: Vec::new(),
            erasure: None,
            copy: CopyRule::default(),
        }
    }

    /// Adds a category dimension (rule J3).
    #[must_use]
    pub fn with_category(self, category: CategoryDimension) -> Self {
        Self { category: Some(category), ..self }
    }

    /// Declares that each record has an event instant (rule W7).
    #[must_use]
    pub fn with_event_instant(self) -> Self {
        Self { has_event_instant: true, ..self }
    }

    /// Declares that each record has the instant of its last change (rule W7).
    #[must_use]
    pub fn with_change_instant(self) -> Self {
        Self { has_change_instant: true, ..self }
    }

    /// Replaces the settle lag (rule W4).
    #[must_use]
    pub fn with_settle_lag(self, settle_lag: TimeDelta) -> Self {
        Self { settle_lag, ..self }
    }

    /// Replaces the granularity of instants (rule W4).
    #[must_use]
    pub fn with_granularity(self, granularity: TimeDelta) -> Self {
        Self { granularity, ..self }
    }

    /// Declares these fields and no others (rule J4).
    #[must_use]
    pub fn with_fields(self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { fields: Some(fields.into_iter().map(Into::into).collect()), ..self }
    }

    /// Declares that the source applies templates itself (rule J4).
    #[must_use]
    pub fn with_push_down(self) -> Self {
        Self { pushes_down: true, ..self }
    }

    /// Declares a field that names people (rule D1). The source then reads by
    /// [subject](ReadRequest::subject).
    #[must_use]
    pub fn with_subject_field(mut self, field: SubjectField) -> Self {
        self.subject_fields.push(field);
        self
    }

    /// Declares that the source erases records about a person by this rule (rule D5).
    #[must_use]
    pub fn with_erasure(self, rule: ErasureRule) -> Self {
        Self { erasure: Some(rule), ..self }
    }

    /// Says what copies for the people in its records show of them (rule D9): the whole record if this is left out.
    #[must_use]
    pub fn with_copy(self, rule: CopyRule) -> Self {
        Self { copy: rule, ..self }
    }

    /// Declares whose the records are (rule J16).
    #[must_use]
    pub fn with_ownership(self, ownership: Ownership) -> Self {
        Self { ownership, ..self }
    }
}

/// The expected size of a read; used for progress only, never for decisions (rule E7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// So many records, before the engine applies the job's filters.
    Records(u64),
    /// So many bytes, as batches count them
    /// ([`add_bytes_read`](crate::domain::record::RecordBatchBuilder::add_bytes_read)). Filters change nothing about
    /// these.
    Bytes(u64),
}

impl Estimate {
    /// Returns the number of records, if it is known.
    pub const fn records(self) -> Option<u64> {
        match self {
            Self::Records(records) => Some(records),
            Self::Bytes(_) => None,
        }
    }

    /// Returns the size of two reads together, if both are of one kind.
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Records(one), Self::Records(other)) => Some(Self::Records(one.saturating_add(other))),
            (Self::Bytes(one), Self::Bytes(other)) => Some(Self::Bytes(one.saturating_add(other))),
            (Self::Records(_), Self::Bytes(_)) | (Self::Bytes(_), Self::Records(_)) => None,
        }
    }
}

/// What a source declares about the visibility of its rows (rule W4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceTerms {
    /// How late a row may become visible after its instant.
    pub settle_lag: TimeDelta,
    /// The granularity of its instants.
    pub granularity: TimeDelta,
}

impl SourceTerms {
    /// Returns the terms of two types that are read over one window (rule J17).
    ///
    /// The end of the window must be one at which neither type can still gain rows: behind the larger lag,
    /// and at a multiple of both granularities. A row whose instant was rounded down could otherwise appear
    /// in a step that the window cuts in two. Where one granularity divides the other, the common multiple
    /// is the coarser one.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let micros = |step: TimeDelta| step.num_microseconds().unwrap_or(i64::MAX).max(1);
        let (one, two) = (micros(self.granularity), micros(other.granularity));
        let common = (one / greatest_common_divisor(one, two)).checked_mul(two);
        // A multiple beyond the range of instants would leave nothing to export, ever.
        let granularity = common.unwrap_or_else(|| one.max(two));
        Self {
            settle_lag: self.settle_lag.max(other.settle_lag),
            granularity: TimeDelta::microseconds(granularity),
        }
    }
}

fn greatest_common_divisor(one: i64, two: i64) -> i64 {
    let (mut one, mut two) = (one, two);
    while two != 0 {
        (one, two) = (two, one % two);
    }
    one
}

impl Default for SourceTerms {
    /// One second each.
    fn default() -> Self {
        Self { settle_lag: TimeDelta::seconds(1), granularity: TimeDelta::seconds(1) }
    }
}

/// The registered sources that the owner of a job sees (rule J16).
pub trait OfferedSources: Debug {
    /// Returns the offer registered under a name, or `None`.
    fn offer(&self, id: &SourceId) -> Option<Offer<'_>>;

    /// Returns all names, in order.
    fn ids(&self) -> Vec<&SourceId>;
}

/// The offer that is registered under a name.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j17_types_are_settled_together() {
        let terms = |lag, step| SourceTerms {
            settle_lag: TimeDelta::seconds(lag),
            granularity: TimeDelta::microseconds(step),
        };
        for (one, other, expected) in [
            (terms(1, 1_000_000), terms(5, 60_000_000), terms(5, 60_000_000)),
            (terms(7, 4_000), terms(5, 6_000), terms(7, 12_000)),
            (terms(1, 1), terms(1, 1), terms(1, 1)),
            (terms(0, 0), terms(0, 500), terms(0, 500)),
            (terms(0, i64::MAX), terms(0, i64::MAX - 1), terms(0, i64::MAX)),
        ] {
            assert_eq!(one.joined(other), expected);
            assert_eq!(other.joined(one), expected);
        }
    }
}
