//! The destinations and endpoints that need attention: those that fail, and those that are disabled.

use cdds_core::{Principal, ServiceError};
use cdds_view::{DestinationView, EndpointView, HealthState, HealthView};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::{ATTENTION_MAX, see_why};
use crate::Services;
use crate::pages::frame::icon;
use crate::pages::parts::time;
use crate::texts::{self, delivery as said, destinations};
use crate::visit::Visit;

/// A destination or an endpoint to which nothing arrives at the moment.
pub(super) struct Ill {
    name: String,
    /// The page that tells more of it, from the root of the console.
    page: &'static str,
    /// What happens meanwhile.
    meanwhile: &'static str,
    health: HealthView,
}

/// Returns the first of them, destinations before endpoints.
pub(super) async fn find(services: &Services, by: &Principal) -> Result<Vec<Ill>, ServiceError> {
    let destinations = services.deliveries.destinations(by).await?.into_iter().map(|state| {
        let DestinationView { title, health, .. } = state.into();
        Ill { name: title, page: "destinations", meanwhile: said::DELIVERIES_WAIT, health }
    });
    let endpoints = services.subscribers.endpoints(by).await?.into_iter().map(|state| {
        let EndpointView { id, health, .. } = state.into();
        Ill { name: id.to_string(), page: "notices#endpoints", meanwhile: said::NOTICES_WAIT, health }
    });
    let is_ill = |one: &Ill| matches!(one.health.state, HealthState::Failing | HealthState::Disabled);
    Ok(destinations.chain(endpoints).filter(is_ill).take(ATTENTION_MAX).collect())
}

/// Names one of them, and says why nothing arrives there.
pub(super) fn told(visit: &Visit, one: &Ill, now: DateTime<Utc>) -> Markup {
    let health = &one.health;
    let (class, shape) =
        if health.state == HealthState::Disabled { ("warn", "stop") } else { ("bad", "bad") };
    html! {
        li.bar {
            p {
                span.st.(class) { (icon(shape)) span { a href=(visit.to(one.page)) { (one.name) } } }
                " "
                @match health.disabled_at {
                    Some(at) => {
                        (said::IS_DISABLED) " " (time(at.0, now)) " "
                        (destinations::disabled(health.disabled_reason.as_deref(), health.disabled_by.as_deref())) ". "
                        (one.meanwhile)
                    },
                    None => {
                        (said::health(health.state))
                        @if let Some(since) = health.failing_since { ", " (said::SINCE) " " (time(since.0, now)) }
                        "."
                        @if let Some(error) = &health.error { " " (texts::ended(&texts::shortened(error))) }
                    },
                }
            }
            (see_why(&visit.to(one.page), &one.name))
        }
    }
}
