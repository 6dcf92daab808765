//! A registered source.

use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::ports::source::{DataType, Estimate, FieldRole, Indexed, Ownership, RegisteredSource};
use cdds_core::service::sources::{
    BadExample, SeenField, SourceCheck, TypeAnswer, TypeCheck, TypeFields, ValueKind,
};
use serde::{Deserialize, Serialize};

/// A source as it is registered, and what it offers (rules J2, J3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SourceView {
    /// The id by which jobs name it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// Whether jobs may use it.
    pub supported: bool,
    /// Why jobs may not use it; null if they may.
    pub reason: Option<String>,
    /// The data types, in the order in which they are shown; empty if the source is unsupported.
    pub types: Vec<TypeView>,
}

/// One kind of record that a source holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TypeView {
    /// The id by which jobs name it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: TypeId,
    /// The dimension by which its records are divided; null if there is none.
    pub category: Option<CategoryView>,
    /// Whether records carry an instant; without one only the timeframe `all` is possible (rule W7).
    pub has_event_instant: bool,
    /// How late a record may become visible after its instant, in seconds.
    pub settle_lag_seconds: i64,
    /// Whether records carry an instant of their last change.
    pub has_change_instant: bool,
    /// The names of the fields; null if they are not declared.
    pub fields: Option<Vec<String>>,
    /// Whose its records are (rule J16).
    #[serde(default)]
    pub ownership: OwnershipView,
}

/// Whose the records of a data type are (rule J16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OwnershipView {
    /// The type does not say.
    #[default]
    Unstated,
    /// Every owner who sees the source may export all records.
    Shared,
    /// Each owner exports its own records.
    PerOwner,
}

impl From<Ownership> for OwnershipView {
    fn from(ownership: Ownership) -> Self {
        match ownership {
            Ownership::Unstated => Self::Unstated,
            Ownership::Shared => Self::Shared,
            Ownership::PerOwner => Self::PerOwner,
        }
    }
}

/// The dimension by which a data type is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CategoryView {
    /// What people call the dimension.
    pub name: String,
    /// The declared values, in the order in which they are shown.
    pub values: Vec<String>,
}

impl From<&DataType> for TypeView {
    fn from(data_type: &DataType) -> Self {
        let category = data_type.category.clone();
        Self {
            id: data_type.id.clone(),
            category: category
                .map(|dimension| CategoryView { name: dimension.name, values: dimension.values }),
            has_event_instant: data_type.has_event_instant,
            settle_lag_seconds: data_type.settle_lag.num_seconds(),
            has_change_instant: data_type.has_change_instant,
            fields: data_type.fields.clone(),
            ownership: data_type.ownership.into(),
        }
    }
}

impl SourceView {
    /// Returns the view of a source under its registered id.
    pub fn new(id: &SourceId, source: &RegisteredSource) -> Self {
        let id = id.clone();
        match source {
            RegisteredSource::Supported(source) => {
                let description = source.describe();
                let types = description.types.iter().map(TypeView::from).collect();
                Self { id, title: description.title.clone(), supported: true, reason: None, types }
            }
            RegisteredSource::Unsupported { title, reason } => Self {
                id,
                title: title.clone(),
                supported: false,
                reason: Some(reason.clone()),
                types: Vec::new(),
            },
        }
    }

    /// `calls (media: voice, chat); agents`, or the reason why it is unsupported.
    pub fn types_words(&self) -> String {
        match &self.reason {
            Some(reason) => format!("(unsupported: {reason})"),
            None => self.types.iter().map(TypeView::words).collect::<Vec<_>>().join("; "),
        }
    }
}

impl TypeView {
    /// `calls (media: voice, chat)`
    pub fn words(&self) -> String {
        match &self.category {
            Some(category) => format!("{} ({}: {})", self.id, category.name, category.values.join(", ")),
            None => self.id.to_string(),
        }
    }
}

/// What a source answered when it was asked whether it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SourceCheckView {
    /// The id by which jobs name it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: SourceId,
    /// Whether every type could be read, without a record that cannot be.
    pub well: bool,
    /// Its remarks for people who export from it.
    pub remarks: Vec<String>,
    /// Its types, in the order in which they are shown.
    pub types: Vec<TypeCheckView>,
}

/// What a source answered about one of its types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TypeCheckView {
    /// The id by which jobs name it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: TypeId,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// Why it could not be read; null unless it failed.
    pub error: Option<String>,
    /// How many records were read from the first one on; null unless it was read.
    pub records_read: Option<u64>,
    /// How many cannot be read; null likewise.
    pub bad_records: Option<u64>,
    /// Where the first few of these are, and why each cannot be read.
    #[serde(default)]
    pub bad_examples: Vec<BadRecordView>,
    /// Whether these are all that there are; null likewise.
    pub all_read: Option<bool>,
    /// How many records there are in all; null if the source does not know.
    pub estimated_records: Option<u64>,
    /// How many bytes of records there are in all; null if the source does not know.
    pub estimated_bytes: Option<u64>,
    /// How long the answer took, in milliseconds.
    pub took_milliseconds: u64,
}

/// Where a record is that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct BadRecordView {
    /// Its position: `calls.jsonl line 17`, `row 5 (rowid 9)`.
    pub position: String,
    /// The reason, without anything of the record.
    pub reason: String,
}

impl From<BadExample> for BadRecordView {
    fn from(BadExample { position, reason, .. }: BadExample) -> Self {
        Self { position, reason }
    }
}

/// What came of reading the beginning of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckOutcome {
    /// It was read.
    Read,
    /// The source failed.
    Failed,
    /// There was no answer in time.
    TooSlow,
}

impl SourceCheckView {
    /// Returns the view of what a source answered.
    pub fn new(id: &SourceId, check: SourceCheck) -> Self {
        let well = check.is_well();
        let types = check.types.into_iter().map(TypeCheckView::from).collect();
        Self { id: id.clone(), well, remarks: check.remarks, types }
    }
}

impl From<TypeCheck> for TypeCheckView {
    fn from(check: TypeCheck) -> Self {
        let empty = Self {
            id: check.data_type,
            outcome: CheckOutcome::TooSlow,
            error: None,
            records_read: None,
            bad_records: None,
            bad_examples: Vec::new(),
            all_read: None,
            estimated_records: None,
            estimated_bytes: None,
            took_milliseconds: u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
        };
        match check.answer {
            TypeAnswer::Read { records, bad_records, bad_examples, is_all, estimate } => Self {
                outcome: CheckOutcome::Read,
                records_read: Some(records),
                bad_records: Some(bad_records),
                bad_examples: bad_examples.into_iter().map(BadRecordView::from).collect(),
                all_read: Some(is_all),
                estimated_records: estimate.and_then(Estimate::records),
                estimated_bytes: match estimate {
                    Some(Estimate::Bytes(bytes)) => Some(bytes),
                    Some(Estimate::Records(_)) | None => None,
                },
                ..empty
            },
            TypeAnswer::Failed(why) => Self { outcome: CheckOutcome::Failed, error: Some(why), ..empty },
            _ => empty,
        }
    }
}

/// A field of a data type: nothing of any record but the shape of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct FieldView {
    /// The data type.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub r#type: TypeId,
    /// The name of the field, as selections and filters spell it.
    pub name: String,
    /// The type that the source declares, in its own words: `character varying(40)`; null if it declares none.
    pub declared: Option<String>,
    /// The kinds of value that were seen; empty if no record was seen that has it.
    pub kinds: Vec<FieldKind>,
    /// Whether the source finds records by it without looking at all of them.
    pub indexed: FieldIndex,
    /// What it is used for.
    pub roles: Vec<FieldUse>,
    /// The kinds of identifier by which it names data subjects (rule D1).
    pub identifiers: Vec<String>,
    /// The first value that was seen, masked: letters are `x`, digits `0` (rule F8a); null if none was seen, and for those
    /// who may not create jobs.
    pub sample: Option<String>,
}

/// A kind of value of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    List,
    /// An object.
    Object,
    /// Null.
    Null,
}

/// Whether a source finds records by a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldIndex {
    /// An index of all records begins with it.
    Yes,
    /// Only indexes of some records begin with it.
    Partial,
    /// Only indexes of an expression of it are there.
    Expression,
    /// Only indexes in another order of text begin with it.
    Collation,
    /// No index begins with it.
    No,
    /// The source does not know.
    Unknown,
}

/// What a field is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldUse {
    /// It holds the event instant (rule W7).
    Time,
    /// It holds the instant of the last change (rule W7).
    Changed,
    /// It holds the category (rule J3).
    Category,
    /// It names data subjects (rule D1).
    Subject,
    /// It names the owner (rule J16).
    Owner,
    /// It keeps a record from being erased (rule D5).
    Hold,
    /// It belongs to the key by which the source tells records apart.
    Key,
}

impl FieldView {
    /// Returns the views of a type's fields, in their order.
    pub fn of(fields: TypeFields) -> impl Iterator<Item = Self> {
        let TypeFields { data_type, fields, .. } = fields;
        fields.into_iter().map(move |field| Self::new(data_type.clone(), field))
    }

    fn new(data_type: TypeId, seen: SeenField) -> Self {
        let SeenField { field, kinds, masked, .. } = seen;
        let mut roles: Vec<FieldUse> = field.roles.iter().filter_map(FieldUse::of).collect();
        roles.dedup();
        let identifiers = field.roles.iter().filter_map(|role| match role {
            FieldRole::Subject(kind) => Some(kind.as_str().to_owned()),
            _ => None,
        });
        Self {
            r#type: data_type,
            identifiers: identifiers.collect(),
            name: field.name,
            declared: field.declared,
            kinds: kinds.into_iter().filter_map(FieldKind::of).collect(),
            indexed: field.indexed.into(),
            roles,
            sample: masked,
        }
    }

    /// `character varying(40)`, or the kinds that were seen: `text, number`; empty if neither is known.
    pub fn holds_words(&self) -> String {
        let seen = || self.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        self.declared.clone().unwrap_or_else(seen)
    }

    /// `time, subject email`; empty without a role.
    pub fn roles_words(&self) -> String {
        let of = |role: &FieldUse| match role {
            FieldUse::Subject => format!("subject {}", self.identifiers.join(" ")),
            other => other.as_str().to_owned(),
        };
        self.roles.iter().map(of).collect::<Vec<_>>().join(", ")
    }
}

impl FieldKind {
    const fn of(kind: ValueKind) -> Option<Self> {
        match kind {
            ValueKind::Text => Some(Self::Text),
            ValueKind::Number => Some(Self::Number),
            ValueKind::Truth => Some(Self::Boolean),
            ValueKind::List => Some(Self::List),
            ValueKind::Object => Some(Self::Object),
            ValueKind::Nothing => Some(Self::Null),
            _ => None,
        }
    }

    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Object => "object",
            Self::Null => "null",
        }
    }
}

impl FieldIndex {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partial => "partial",
            Self::Expression => "expression",
            Self::Collation => "collation",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl From<Indexed> for FieldIndex {
    fn from(indexed: Indexed) -> Self {
        match indexed {
            Indexed::Fully => Self::Yes,
            Indexed::Partly => Self::Partial,
            Indexed::Expression => Self::Expression,
            Indexed::Collation => Self::Collation,
            Indexed::No => Self::No,
            _ => Self::Unknown,
        }
    }
}

impl FieldUse {
    const fn of(role: &FieldRole) -> Option<Self> {
        match role {
            FieldRole::Time => Some(Self::Time),
            FieldRole::Changed => Some(Self::Changed),
            FieldRole::Category => Some(Self::Category),
            FieldRole::Subject(_) => Some(Self::Subject),
            FieldRole::Owner => Some(Self::Owner),
            FieldRole::Hold => Some(Self::Hold),
            FieldRole::Key => Some(Self::Key),
            _ => None,
        }
    }

    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Changed => "changed",
            Self::Category => "category",
            Self::Subject => "subject",
            Self::Owner => "owner",
            Self::Hold => "hold",
            Self::Key => "key",
        }
    }
}
