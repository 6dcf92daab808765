//! Version 1 of the stored policies, in the forms that people type.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::domain::job::policy::{Overlap, Policies, Retries};
use crate::domain::violation::RuleViolation;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoliciesV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overlap: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catch_up: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause_after_failures: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bad_records: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incomplete: Option<String>,
}

impl PoliciesV1 {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the text of a value, or `None` if the value is the default.
fn unusual<T: Default + PartialEq + ToString>(value: &T) -> Option<String> {
    (*value != T::default()).then(|| value.to_string())
}

impl From<&Policies> for PoliciesV1 {
    fn from(policies: &Policies) -> Self {
        Self {
            overlap: policies.overlap.map(|overlap| overlap.as_str().to_owned()),
            catch_up: unusual(&policies.catch_up),
            retries: policies.retries.map(Retries::count),
            jitter: policies.jitter.map(|jitter| jitter.to_string()),
            pause_after_failures: policies.pause_after_failures,
            bad_records: unusual(&policies.bad_records),
            incomplete: unusual(&policies.incomplete),
        }
    }
}

impl TryFrom<PoliciesV1> for Policies {
    type Error = RuleViolation;

    fn try_from(form: PoliciesV1) -> Result<Self, Self::Error> {
        let parsed = |text: Option<String>| text.map(|text| text.parse::<Overlap>()).transpose();
        Ok(Self {
            overlap: parsed(form.overlap)?,
            catch_up: form.catch_up.map(|text| text.parse()).transpose()?.unwrap_or_default(),
            retries: form.retries.map(Retries::new).transpose()?,
            jitter: form.jitter.map(|text| text.parse()).transpose()?,
            pause_after_failures: form.pause_after_failures,
            bad_records: form.bad_records.map(|text| text.parse()).transpose()?.unwrap_or_default(),
            incomplete: form.incomplete.map(|text| text.parse()).transpose()?.unwrap_or_default(),
        })
    }
}
