//! The destinations and subscribers of stored settings, of version 4.

use serde::{Deserialize, Serialize};

use super::{SettingsFields, StoredFormError};
use crate::domain::delivery::path::PathTemplate;
use crate::domain::delivery::{JobDestination, JobDestinations, Receipt};
use crate::domain::id::DestinationId;
use crate::domain::notice::subscription::Subscriptions;
use crate::domain::violation::RuleViolation;

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationV4 {
    id: DestinationId,
    path: String,
    receipt: String,
}

impl From<&JobDestination> for DestinationV4 {
    fn from(one: &JobDestination) -> Self {
        Self {
            id: one.destination.clone(),
            path: one.path.to_string(),
            receipt: one.receipt.as_str().to_owned(),
        }
    }
}

impl TryFrom<DestinationV4> for JobDestination {
    type Error = StoredFormError;

    fn try_from(form: DestinationV4) -> Result<Self, Self::Error> {
        let unknown =
            || StoredFormError::new("job settings", format_args!("unknown receipt {:?}", form.receipt));
        let receipt = Receipt::parse(&form.receipt).ok_or_else(unknown)?;
        let path = PathTemplate::new(&form.path).map_err(refused)?;
        Ok(Self::new(form.id).with_path(path).with_receipt(receipt))
    }
}

impl SettingsFields {
    /// Takes the destinations and subscribers of version 4 out of the fields.
    pub(super) fn told(&mut self) -> Result<(JobDestinations, Subscriptions), StoredFormError> {
        let destinations = std::mem::take(&mut self.destinations).into_iter().map(JobDestination::try_from);
        let destinations = JobDestinations::new(destinations.collect::<Result<Vec<_>, _>>()?);
        let subscribers = std::mem::take(&mut self.subscribers);
        let subscribers = subscribers.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
        let subscriptions = subscribers.and_then(Subscriptions::new).map_err(refused)?;
        Ok((destinations.map_err(refused)?, subscriptions))
    }
}

fn refused(violation: RuleViolation) -> StoredFormError {
    StoredFormError::new("job settings", violation)
}

/// Serialises where and how a set is delivered, to JSON text.
///
/// # Errors
/// None in practice; serialisation of this type cannot fail.
pub fn destination_to_json(destination: &JobDestination) -> Result<String, StoredFormError> {
    let form = DestinationV4::from(destination);
    serde_json::to_string(&form).map_err(|error| StoredFormError::new("destination", error))
}

/// Parses where and how a set is delivered, from JSON text.
///
/// # Errors
/// [`StoredFormError`] for anything but what [`destination_to_json`] writes.
pub fn destination_from_json(json: &str) -> Result<JobDestination, StoredFormError> {
    let form: DestinationV4 =
        serde_json::from_str(json).map_err(|error| StoredFormError::new("destination", error))?;
    form.try_into()
}
