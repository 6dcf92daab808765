//! Stored forms: versioned and separate from the domain's types, so that either can change alone.
//!
//! Catalogs keep these as JSON; manifests have [a form of their own](manifest). A form with an unknown
//! version, with unknown keys or with values that the domain refuses is an error, never a panic and never a
//! guess.

mod clock;
mod delivery;
mod erasure;
mod frequency;
pub mod manifest;
mod policies;
mod reads;
mod template;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::clock::ClockV5;
use self::delivery::DestinationV4;
pub use self::delivery::{destination_from_json, destination_to_json};
pub use self::erasure::{erasure_from_json, erasure_to_json};
use self::frequency::FrequencyV1;
use self::policies::PoliciesV1;
use self::reads::ReadV2;
use self::template::TemplateV1;
use crate::domain::archive::retention::RetentionDays;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::calendar::wall_clock::WallClock;
use crate::domain::id::{RecipientName, SourceId, SubjectRequestId, TypeId};
use crate::domain::job::{Description, JobSettings, Protection, Read, RecipientNames, Title};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::{Condition, Filter};

const NO_CLOCK: &str = "version 5 has a clock";

/// A stored form that this version of the library does not understand.
#[derive(Debug, thiserror::Error)]
#[error("the stored {what} is not understood: {why}")]
pub struct StoredFormError {
    what: &'static str,
    why: String,
}

impl StoredFormError {
    /// Creates an error for a stored `what`; `why` explains the reason it is not understood.
    pub fn new(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self { what, why: why.to_string() }
    }
}

/// The stored form of [`JobSettings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum StoredSettings {
    /// Version 1: one data type.
    #[serde(rename = "1")]
    V1(SettingsFields),
    /// Version 2, written only for settings that version 1 cannot say: several data types (rule J17).
    #[serde(rename = "2")]
    V2(SettingsFields),
    /// Version 3, written only for settings that version 2 cannot say: filters with lists (rule J4).
    #[serde(rename = "3")]
    V3(SettingsFields),
    /// Version 4, written only for settings that version 3 cannot say: destinations and subscribers (rules N1, N2).
    #[serde(rename = "4")]
    V4(SettingsFields),
    /// Version 5, written only for settings that version 4 cannot say: a clock other than UTC (rule F9).
    #[serde(rename = "5")]
    V5(SettingsFields),
    /// Version 6, of the answers to requests of data subjects alone (rule D9): the request, and a source for each type.
    #[serde(rename = "6")]
    V6(SettingsFields),
}

/// The fields of the stored settings. A version decides which of them there must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsFields {
    title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    source: SourceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_type: Option<TypeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    categories: Option<CategorySelection>,
    #[serde(default, skip_serializing_if = "TemplateV1::is_default")]
    template: TemplateV1,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<ReadV2>,
    frequency: FrequencyV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<DateTime<Utc>>,
    timeframe: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split_bytes: Option<u64>,
    protection: ProtectionV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention_days: Option<u16>,
    #[serde(default, skip_serializing_if = "PoliciesV1::is_default")]
    policies: PoliciesV1,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destinations: Vec<DestinationV4>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subscribers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<ClockV5>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<SubjectRequestId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ProtectionV1 {
    Plaintext,
    Recipients(Vec<RecipientName>),
    /// From version 6 on: the fingerprint of the certificate that came with the request.
    Certificate(String),
}

impl From<&JobSettings> for StoredSettings {
    fn from(settings: &JobSettings) -> Self {
        let has_list = |read: &Read| {
            let mut conditions = read.template.filters.iter().map(Filter::condition);
            conditions.any(|condition| matches!(condition, Condition::OneOf(_)))
        };
        let has_lists = settings.reads.iter().any(has_list);
        let tells = !settings.destinations.is_empty() || !settings.subscriptions.is_empty();
        let clock = ClockV5::of(&settings.clock);
        let (is_zoned, answers) = (clock.is_some(), settings.request.is_some());
        let only = settings.reads.only().filter(|_| !has_lists && !tells && !is_zoned && !answers);
        let fields = SettingsFields {
            title: settings.title.as_str().to_owned(),
            description: settings.description.as_str().to_owned(),
            source: settings.source.clone(),
            data_type: only.map(|read| read.data_type.clone()),
            categories: only.map(|read| read.categories.clone()),
            template: only.map(|read| (&read.template).into()).unwrap_or_default(),
            types: match only {
                Some(_) => Vec::new(),
                None => settings.reads.iter().map(ReadV2::from).collect(),
            },
            frequency: (&settings.frequency).into(),
            starts_at: settings.starts_at,
            ends_at: settings.ends_at,
            timeframe: settings.timeframe.to_string(),
            split_bytes: settings.split_size.map(SplitSize::bytes),
            protection: match &settings.protection {
                Protection::Plaintext => ProtectionV1::Plaintext,
                Protection::Sealed(names) => ProtectionV1::Recipients(names.as_slice().to_vec()),
                Protection::Handed { fingerprint } => ProtectionV1::Certificate(fingerprint.clone()),
            },
            retention_days: settings.retention.map(RetentionDays::days),
            policies: (&settings.policies).into(),
            destinations: settings.destinations.iter().map(DestinationV4::from).collect(),
            subscribers: settings.subscriptions.iter().map(ToString::to_string).collect(),
            clock,
            request: settings.request,
        };
        match only {
            Some(_) => Self::V1(fields),
            None if answers => Self::V6(fields),
            None if is_zoned => Self::V5(fields),
            None if tells => Self::V4(fields),
            None if has_lists => Self::V3(fields),
            None => Self::V2(fields),
        }
    }
}

impl TryFrom<StoredSettings> for JobSettings {
    type Error = StoredFormError;

    fn try_from(stored: StoredSettings) -> Result<Self, Self::Error> {
        let bad = |violation: crate::domain::violation::RuleViolation| {
            StoredFormError::new("job settings", violation)
        };
        let (mut clock, mut request) = (None, None);
        let (reads, (destinations, subscriptions), form) = match stored {
            StoredSettings::V1(mut form) => (form.only_read()?, Default::default(), form),
            StoredSettings::V2(mut form) => (form.several_reads()?, Default::default(), form),
            StoredSettings::V3(mut form) => (form.listed_reads()?, Default::default(), form),
            StoredSettings::V4(mut form) => (form.listed_reads()?, form.told()?, form),
            StoredSettings::V5(mut form) => {
                clock =
                    Some(form.clock.take().ok_or_else(|| StoredFormError::new("job settings", NO_CLOCK))?);
                (form.listed_reads()?, form.told()?, form)
            }
            StoredSettings::V6(mut form) => {
                (clock, request) = (form.clock.take(), form.request.take());
                if request.is_none() {
                    return Err(StoredFormError::new("job settings", "version 6 answers a request"));
                }
                (form.reads_across()?, form.told()?, form)
            }
        };
        if form.request.is_some() {
            return Err(StoredFormError::new("job settings", "versions before 6 answer no request"));
        }
        if !form.destinations.is_empty() || !form.subscribers.is_empty() {
            let why = "versions before 4 have no destinations and no subscribers";
            return Err(StoredFormError::new("job settings", why));
        }
        if form.clock.is_some() {
            return Err(StoredFormError::new("job settings", "versions before 5 have no clock"));
        }
        let frequency = form.frequency.try_into().map_err(bad)?;
        let protection = match form.protection {
            ProtectionV1::Plaintext => Protection::Plaintext,
            ProtectionV1::Recipients(names) => Protection::Sealed(RecipientNames::new(names).map_err(bad)?),
            ProtectionV1::Certificate(fingerprint) if request.is_some() => Protection::Handed { fingerprint },
            ProtectionV1::Certificate(_) => {
                return Err(StoredFormError::new("job settings", "no version before 6 has a certificate"));
            }
        };
        let title = Title::new(&form.title).map_err(bad)?;
        Ok(Self {
            description: Description::new(&form.description).map_err(bad)?,
            clock: clock.map(WallClock::try_from).transpose().map_err(bad)?.unwrap_or_default(),
            starts_at: form.starts_at,
            ends_at: form.ends_at,
            timeframe: form.timeframe.parse().map_err(bad)?,
            split_size: form.split_bytes.map(SplitSize::from_bytes).transpose().map_err(bad)?,
            retention: form.retention_days.map(RetentionDays::new).transpose().map_err(bad)?,
            policies: form.policies.try_into().map_err(bad)?,
            destinations,
            subscriptions,
            request,
            ..Self::of_reads(title, form.source, reads, frequency, protection)
        })
    }
}

/// Serialises settings to JSON text.
///
/// # Errors
/// None in practice; serialisation of these types cannot fail.
pub fn settings_to_json(settings: &JobSettings) -> Result<String, StoredFormError> {
    serde_json::to_string(&StoredSettings::from(settings))
        .map_err(|error| StoredFormError::new("job settings", error))
}

/// Parses settings from JSON text.
///
/// # Errors
/// [`StoredFormError`] for anything but a known version with valid values.
pub fn settings_from_json(json: &str) -> Result<JobSettings, StoredFormError> {
    let stored: StoredSettings =
        serde_json::from_str(json).map_err(|error| StoredFormError::new("job settings", error))?;
    stored.try_into()
}
