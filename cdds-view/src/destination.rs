//! Destinations and endpoints, and whether they work.

use std::time::Duration;

use cdds_core::domain::delivery::destination::Transport;
use cdds_core::domain::delivery::health::{DisabledReason, Health};
use cdds_core::domain::delivery::probe::{Probe, ProbedStep};
use cdds_core::domain::id::{DestinationId, Subscriber};
use cdds_core::service::deliveries::DestinationState;
use cdds_core::service::subscribers::EndpointState;
use serde::{Deserialize, Serialize};

use crate::instant::Instant;

/// Whether a destination or an endpoint works, as far as its last use or check tells (rules N3, N5, N9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct HealthView {
    /// Whether it works.
    pub state: HealthState,
    /// When it was last used or checked; null if it never was.
    pub contacted_at: Option<Instant>,
    /// Why that failed, for people; null if it worked.
    pub error: Option<String>,
    /// Since when it has failed without a success in between; null if it works.
    pub failing_since: Option<Instant>,
    /// When it was disabled; null if it is enabled.
    pub disabled_at: Option<Instant>,
    /// Why it was disabled: `failing` for five days, `gone`, or by a `person`; null if it is enabled.
    pub disabled_reason: Option<String>,
    /// Who disabled it; null unless a person did.
    pub disabled_by: Option<String>,
}

/// Whether a destination or an endpoint works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HealthState {
    /// It was never used nor checked.
    Unused,
    /// Its last use or check went well.
    Working,
    /// Its last use or check failed.
    Failing,
    /// Nothing is sent there until a person enables it.
    Disabled,
}

impl HealthState {
    /// Returns the name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Working => "working",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }

    fn of(health: &Health) -> Self {
        match (&health.disabled, &health.latest) {
            (Some(_), _) => Self::Disabled,
            (None, None) => Self::Unused,
            (None, Some(latest)) if latest.failure.is_some() => Self::Failing,
            (None, Some(_)) => Self::Working,
        }
    }
}

impl From<&Health> for HealthView {
    fn from(health: &Health) -> Self {
        let disabled = health.disabled.as_ref();
        Self {
            state: HealthState::of(health),
            contacted_at: health.latest.as_ref().map(|latest| Instant(latest.at)),
            error: health.latest.as_ref().and_then(|latest| latest.failure.clone()),
            failing_since: health.failing_since.map(Instant),
            disabled_at: disabled.map(|disabled| Instant(disabled.at)),
            disabled_reason: disabled.map(|disabled| disabled.reason.as_str().to_owned()),
            disabled_by: disabled.and_then(|disabled| match &disabled.reason {
                DisabledReason::Person(name) => Some(name.to_string()),
                _ => None,
            }),
        }
    }
}

/// A registered destination, and whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DestinationView {
    /// What jobs call it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: DestinationId,
    /// What people call it.
    pub title: String,
    /// Its kind: `folder`, `s3`, `gcs`, `azure`, `sftp`, `ftp`, `ftps` or `other`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::DestinationKind))]
    pub kind: String,
    /// Where it is, without secrets.
    pub address: String,
    /// How files appear there: `rename`, `whole` or `direct`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Naming))]
    pub naming: String,
    /// Whether what is sent can be read on the way: only encrypted sets may go there.
    pub is_open: bool,
    /// The identity of the server that is expected, such as the fingerprint of its key; null if none is pinned.
    pub pinned: Option<String>,
    /// Whether it works.
    #[serde(flatten)]
    pub health: HealthView,
}

impl From<DestinationState> for DestinationView {
    fn from(state: DestinationState) -> Self {
        let (description, health) = (state.description, state.health);
        Self {
            id: description.id,
            title: description.title,
            kind: description.kind.to_string(),
            address: description.address,
            naming: description.naming.to_string(),
            is_open: description.transport == Transport::Open,
            health: HealthView::from(&health),
            pinned: health.pinned.map(|identity| identity.to_string()),
        }
    }
}

/// What a check of a destination has found, step by step (rule N3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DestinationCheckView {
    /// The destination.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub destination: DestinationId,
    /// Whether sets can be delivered, as far as a check tells.
    pub works: bool,
    /// The identity that the server has shown, such as the fingerprint of its key; null if it has none.
    pub identity: Option<String>,
    /// The identity that is expected from now on; null if none is pinned.
    pub pinned: Option<String>,
    /// What was tried, in order.
    pub steps: Vec<CheckStepView>,
}

/// A step of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CheckStepView {
    /// The step: `connect`, `write`, `size`, `rename`, `read_back` or `remove`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::ProbeStep))]
    pub step: String,
    /// Why it did not work, for people; null if it did.
    pub error: Option<String>,
    /// Whether deliveries depend on it. Reading back is needed for receipts by digest alone.
    pub needed: bool,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl From<ProbedStep> for CheckStepView {
    fn from(probed: ProbedStep) -> Self {
        Self {
            step: probed.step.as_str().to_owned(),
            error: probed.failure,
            needed: probed.step.is_needed(),
            milliseconds: milliseconds(probed.took),
        }
    }
}

/// Returns whole milliseconds.
fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

impl DestinationCheckView {
    /// Returns the view of a check.
    pub fn new(probe: Probe, state: DestinationState) -> Self {
        Self {
            destination: state.description.id,
            works: probe.is_well(),
            identity: probe.identity.as_ref().map(ToString::to_string),
            pinned: state.health.pinned.map(|identity| identity.to_string()),
            steps: probe.steps.into_iter().map(CheckStepView::from).collect(),
        }
    }
}

/// An endpoint that was called, and whether it works (rule N9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct EndpointView {
    /// What jobs call it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: Subscriber,
    /// Whether it works.
    #[serde(flatten)]
    pub health: HealthView,
}

impl From<EndpointState> for EndpointView {
    fn from(state: EndpointState) -> Self {
        Self { health: HealthView::from(&state.health), id: state.endpoint }
    }
}
