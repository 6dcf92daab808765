//! Where a set was delivered, or why not.

use cdds_core::domain::access::Action;
use cdds_core::domain::delivery::Delivery;
use cdds_core::{ExecutionId, Principal, ServiceError};
use cdds_view::{DeliveryState, DeliveryView, DestinationView, HealthState, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::parts::{delivered, when};
use crate::Services;
use crate::texts::{self, delivery as said, execution, history};
use crate::visit::Visit;

/// Returns the registered destinations, which say of a delivery that waits whether it ever goes on.
pub(super) async fn destinations(
    services: &Services,
    by: &Principal,
    deliveries: &[Delivery],
) -> Result<Vec<DestinationView>, ServiceError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    Ok(services.deliveries.destinations(by).await?.into_iter().map(DestinationView::from).collect())
}

/// The deliveries of a set, on the page of its execution or on its own.
pub(super) struct Arrived<'a> {
    pub(super) deliveries: &'a [DeliveryView],
    pub(super) destinations: &'a [DestinationView],
    /// The page, from the root of the console, without the id: `history`.
    pub(super) of: &'a str,
    pub(super) execution: ExecutionId,
    /// Whether there are files that could be delivered again.
    pub(super) is_kept: bool,
    pub(super) now: DateTime<Utc>,
}

impl Arrived<'_> {
    pub(super) fn shown(&self, visit: &Visit) -> Markup {
        if self.deliveries.is_empty() {
            return Markup::default();
        }
        html! {
            section.card {
                table.cards role="table" {
                    caption { (said::DELIVERIES) }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { (said::DESTINATION) }
                        th scope="col" role="columnheader" { (texts::STATE) }
                        th scope="col" role="columnheader" { (said::FOLDER) }
                        th scope="col" role="columnheader" { (said::WHEN) }
                    } }
                    tbody role="rowgroup" { @for one in self.deliveries { (self.row(visit, one)) } }
                }
                @if self.deliveries.len() > 1 && self.is_redelivered(visit) {
                    form.pad.acts method="post" action=(self.again(visit)) { button { (said::DELIVER_ALL_AGAIN) } }
                }
            }
        }
    }

    fn is_redelivered(&self, visit: &Visit) -> bool {
        self.is_kept && visit.may(Action::Redeliver)
    }

    /// Returns the address that delivers again.
    fn again(&self, visit: &Visit) -> String {
        visit.to(&format!("{}/{}/redeliver", self.of, self.execution))
    }

    fn row(&self, visit: &Visit, one: &DeliveryView) -> Markup {
        let known = self.destinations.iter().find(|known| known.id == one.destination);
        let error = one.error.as_deref().filter(|_| one.state != DeliveryState::Delivered);
        html! {
            tr role="row" {
                th scope="row" role="rowheader" {
                    @match known {
                        Some(known) => a href=(visit.to("destinations")) { (known.title) },
                        None => (one.destination),
                    }
                    span.sub { (words::counted(one.attempts.into(), execution::ATTEMPT)) ", " (said::COMPARED) " " (one.receipt) }
                }
                td role="cell" data-l=(texts::STATE) {
                    (delivered(one.state))
                    @if let Some(error) = error { span.sub { (texts::sentence(&texts::shortened(error))) } }
                    @if self.is_redelivered(visit) {
                        form method="post" action=(self.again(visit)) {
                            input type="hidden" name="destination" value=(one.destination);
                            button.by aria-label={ (said::DELIVER_AGAIN) ": " (one.destination) } { (said::DELIVER_AGAIN) }
                        }
                    }
                }
                td role="cell" data-l=(said::FOLDER) {
                    @if one.path.is_empty() { (said::DESTINATION_ITSELF) } @else { code { (one.path) } }
                    @if one.files > 0 {
                        span.sub { (words::counted(one.files.into(), history::FILE)) ", " (words::bytes(one.bytes)) }
                    }
                }
                td role="cell" data-l=(said::WHEN) { (self.at(one, known)) }
            }
        }
    }

    /// Says when it arrived, or when it is tried again. A destination that is disabled is not tried at all.
    fn at(&self, one: &DeliveryView, known: Option<&DestinationView>) -> Markup {
        let is_disabled = known.is_some_and(|known| known.health.state == HealthState::Disabled);
        html! {
            @match (one.delivered_at, one.next_attempt_at) {
                (Some(at), _) => (when(at.0, self.now)),
                (None, Some(_)) if is_disabled => (said::WHEN_ENABLED),
                (None, Some(at)) if at.0 <= self.now => (said::NEXT_TURN),
                (None, Some(at)) => { (said::NEXT_TRY) " " (when(at.0, self.now)) },
                (None, None) if one.state == DeliveryState::Running => (said::NOW),
                (None, None) => (said::NOT_TRIED_AGAIN),
            }
        }
    }
}
