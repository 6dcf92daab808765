//! The settings of a job as its manifests show them (rule A5).
//!
//! The form belongs to the manifest alone: recipients read it for years, so a change of the catalog's form
//! must not change it.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::archive::retention::RetentionDays;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::calendar::frequency::{Frequency, MissingDay, Start, weekday_name};
use crate::domain::id::{RecipientName, SourceId, SubjectRequestId, TypeId};
use crate::domain::job::policy::{BadRecords, CatchUp, Incomplete, Overlap, Policies, Retries};
use crate::domain::job::{JobSettings, Protection, Read, TypeList};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::{Filter, Template};
use crate::domain::violation::RuleViolation;

/// A job's settings in a manifest. Defaults are left out, and so are the values of filters, which may be
/// personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestSettings {
    /// The version of this form; readers refuse others.
    pub v: ManifestSettingsVersion,
    /// The job's title.
    pub title: String,
    /// The job's description; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The source; in version 3 that of the first type.
    pub source: SourceId,
    /// The data type. Version 2 has [`types`](Self::types) instead of this and the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<TypeId>,
    /// The categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<ManifestCategories>,
    /// The selected fields, and the filters.
    #[serde(default, skip_serializing_if = "ManifestTemplate::is_default")]
    pub template: ManifestTemplate,
    /// The data types of a set that holds several, in the order in which they were read (rule J17).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<ManifestRead>,
    /// How often the job runs.
    pub frequency: ManifestFrequency,
    /// The first instant at which a slot may lie, if the job has a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// The first instant at which no slot lies any more, if the job has a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    /// The timeframe as people type it, like `rolling:1w`.
    pub timeframe: String,
    /// The largest size of a part, in bytes; `None` for a single part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_bytes: Option<u64>,
    /// Whether the parts are sealed, and for whom.
    pub protection: ManifestProtection,
    /// How long the artifacts are kept, in days; `None` for the service's retention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u16>,
    /// The job's policies for overlaps, downtime, failures and bad records.
    #[serde(default, skip_serializing_if = "ManifestPolicies::is_default")]
    pub policies: ManifestPolicies,
    /// The request of a data subject that the set answers (rule D9); version 3 alone has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SubjectRequestId>,
}

/// The versions of [`ManifestSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManifestSettingsVersion {
    /// Version 1.
    #[serde(rename = "1")]
    V1,
    /// Version 2: several data types.
    #[serde(rename = "2")]
    V2,
    /// Version 3: data types of several sources, as the answer to a request of a data subject has them (rule D9).
    #[serde(rename = "3")]
    V3,
}

/// What a set of several data types holds of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestRead {
    /// The source, in version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// The data type.
    pub data_type: TypeId,
    /// The categories.
    pub categories: ManifestCategories,
    /// The selected fields, and the filters.
    #[serde(default, skip_serializing_if = "ManifestTemplate::is_default")]
    pub template: ManifestTemplate,
}

/// Which categories a set holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestCategories {
    /// Every category.
    All,
    /// These, in the order of their names.
    Only(Vec<String>),
}

/// Which fields a set's records have, and by which fields they were filtered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTemplate {
    /// The selected fields; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// The filters, without their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<ManifestFilter>,
}

/// A filter without its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFilter {
    /// The field.
    pub field: String,
    /// The comparison, like `=` or `in`.
    pub operator: String,
    /// Always `null`: the value is left out.
    value: Option<Redacted>,
}

/// A value that no manifest contains.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Redacted {}

/// How often a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ManifestFrequency {
    /// Once, as soon as possible.
    Immediately,
    /// Once, at this instant.
    OnceAt(DateTime<Utc>),
    /// Every few hours.
    Hourly {
        /// The number of hours, counted from midnight.
        every: u32,
        /// The minute of the hour.
        minute: u32,
    },
    /// Every day.
    Daily {
        /// The time of day, like `02:00`, in UTC.
        at: String,
    },
    /// Every week.
    Weekly {
        /// The day, like `tue`.
        day: String,
        /// The time of day.
        at: String,
    },
    /// Every month.
    Monthly {
        /// The day of the month.
        day: u32,
        /// The time of day.
        at: String,
        /// `last` if a month without the day runs on its last day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
    },
    /// By a cron expression of five fields.
    Cron(String),
}

/// Whether the parts of a set are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ManifestProtection {
    /// Everybody who has the files can read them.
    Plaintext,
    /// Only these recipients can, by their names in the catalog.
    Recipients(Vec<RecipientName>),
    /// Only the holder of the private key of the certificate that came with the request can; its fingerprint is among the
    /// recipients of the [manifest](super::Manifest::recipients).
    Certificate,
}

/// A job's policies for overlaps, downtime, failures and bad records; `None` for the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestPolicies {
    /// `queue` or `coalesce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
    /// Like `queue:7d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<String>,
    /// How often a failed attempt is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// The largest delay of a start, like `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// After how many failures in a row the job is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_after_failures: Option<NonZeroU32>,
    /// Like `skip:5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_records: Option<String>,
    /// Like `go-on:6h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

impl fmt::Debug for ManifestFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManifestFilter({:?} {} …)", self.field, self.operator)
    }
}

impl ManifestTemplate {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl ManifestPolicies {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl ManifestSettings {
    /// Whether the settings have the data types that their version must have.
    pub(super) fn names_types(&self) -> bool {
        let one = self.data_type.is_some() && self.categories.is_some();
        let none = self.data_type.is_none() && self.categories.is_none() && self.template.is_default();
        match self.v {
            ManifestSettingsVersion::V1 => one && self.types.is_empty() && self.request.is_none(),
            ManifestSettingsVersion::V2 => none && self.types.len() > 1 && self.request.is_none(),
            ManifestSettingsVersion::V3 => none && !self.types.is_empty() && self.request.is_some(),
        }
    }

    /// Returns the data types of the set.
    ///
    /// # Errors
    /// If there are none, too many, or two that no set holds together.
    pub(crate) fn type_list(&self) -> Result<TypeList, RuleViolation> {
        let several = self.types.iter().map(|read| &read.data_type);
        let mut types: Vec<TypeId> = self.data_type.iter().chain(several).cloned().collect();
        if self.v == ManifestSettingsVersion::V3 {
            // Types of several sources may have one name.
            let mut seen = BTreeSet::new();
            types.retain(|data_type| seen.insert(data_type.clone()));
        }
        TypeList::new(types)
    }

    /// Whether both certainly select the same records. Manifests leave out the values of filters, so with
    /// filters that is unknown.
    pub(crate) fn selects_the_same(&self, other: &Self) -> bool {
        let unfiltered = |read: &ManifestRead| read.template.filters.is_empty();
        (&self.source, &self.data_type, &self.categories)
            == (&other.source, &other.data_type, &other.categories)
            && (&self.template, &self.types) == (&other.template, &other.types)
            && self.template.filters.is_empty()
            && self.types.iter().all(unfiltered)
    }
}

impl From<&JobSettings> for ManifestSettings {
    fn from(settings: &JobSettings) -> Self {
        let mut reads: Vec<ManifestRead> = settings.reads.iter().map(ManifestRead::from).collect();
        // A set of one type has the form that the first programs read, too.
        let (v, only) = match reads.len() {
            _ if settings.request.is_some() => (ManifestSettingsVersion::V3, None),
            1 => (ManifestSettingsVersion::V1, reads.pop()),
            _ => (ManifestSettingsVersion::V2, None),
        };
        let (data_type, categories, template) = match only {
            Some(read) => (Some(read.data_type), Some(read.categories), read.template),
            None => (None, None, ManifestTemplate::default()),
        };
        Self {
            v,
            title: settings.title.as_str().to_owned(),
            description: settings.description.as_str().to_owned(),
            source: settings.source.clone(),
            data_type,
            categories,
            template,
            types: reads,
            frequency: (&settings.frequency).into(),
            starts_at: settings.starts_at,
            ends_at: settings.ends_at,
            timeframe: settings.timeframe.to_string(),
            split_bytes: settings.split_size.map(SplitSize::bytes),
            protection: match &settings.protection {
                Protection::Plaintext => ManifestProtection::Plaintext,
                Protection::Sealed(names) => ManifestProtection::Recipients(names.as_slice().to_vec()),
                Protection::Handed { .. } => ManifestProtection::Certificate,
            },
            retention_days: settings.retention.map(RetentionDays::days),
            policies: (&settings.policies).into(),
            request: settings.request,
        }
    }
}

impl From<&Read> for ManifestRead {
    fn from(read: &Read) -> Self {
        Self {
            source: read.source.clone(),
            data_type: read.data_type.clone(),
            categories: match &read.categories {
                CategorySelection::All => ManifestCategories::All,
                CategorySelection::Only(values) => ManifestCategories::Only(values.iter().cloned().collect()),
            },
            template: (&read.template).into(),
        }
    }
}

impl From<&Template> for ManifestTemplate {
    fn from(template: &Template) -> Self {
        let filter = |filter: &Filter| ManifestFilter {
            field: filter.field().to_owned(),
            operator: filter.condition().as_str().to_owned(),
            value: None,
        };
        Self {
            fields: template.fields.names().map(<[String]>::to_vec),
            filters: template.filters.iter().map(filter).collect(),
        }
    }
}

impl From<&Frequency> for ManifestFrequency {
    fn from(frequency: &Frequency) -> Self {
        match frequency {
            Frequency::Once(Start::Immediately) => Self::Immediately,
            Frequency::Once(Start::At(start)) => Self::OnceAt(*start),
            Frequency::Hourly(hourly) => Self::Hourly { every: hourly.every(), minute: hourly.minute() },
            Frequency::Daily(at) => Self::Daily { at: at.to_string() },
            Frequency::Weekly { day, at } => {
                Self::Weekly { day: weekday_name(*day).to_owned(), at: at.to_string() }
            }
            Frequency::Monthly(monthly) => Self::Monthly {
                day: monthly.day(),
                at: monthly.at().to_string(),
                missing: (monthly.missing() != MissingDay::default())
                    .then(|| monthly.missing().as_str().to_owned()),
            },
            Frequency::Cron(cron) => Self::Cron(cron.as_str().to_owned()),
        }
    }
}

impl From<&Policies> for ManifestPolicies {
    fn from(policies: &Policies) -> Self {
        let Policies { overlap, catch_up, retries, jitter, pause_after_failures, bad_records, incomplete } =
            *policies;
        Self {
            overlap: overlap.map(Overlap::as_str).map(str::to_owned),
            catch_up: (catch_up != CatchUp::default()).then(|| catch_up.to_string()),
            retries: retries.map(Retries::count),
            jitter: jitter.map(|jitter| jitter.to_string()),
            pause_after_failures,
            bad_records: (bad_records != BadRecords::default()).then(|| bad_records.to_string()),
            incomplete: (incomplete != Incomplete::default()).then(|| incomplete.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
