//! Where the set of a run was delivered, or why not.

use cdds_core::domain::access::Action;
use cdds_view::{DeliveryState, DeliveryView, words};
use maud::{Markup, html};

use super::Sight;
use crate::pages::parts::{mark, when};
use crate::texts::{self, delivery as said, execution, history};
use crate::visit::Visit;

pub(super) fn shown(visit: &Visit, sight: &Sight) -> Markup {
    let deliveries = &sight.view.deliveries;
    if deliveries.is_empty() {
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
                tbody role="rowgroup" { @for one in deliveries { (row(sight, one)) } }
            }
            @if visit.may(Action::Redeliver) && !sight.files.items.is_empty() {
                form.pad.acts method="post" action=(visit.to(&sight.at("/redeliver"))) {
                    @if let [one] = deliveries.as_slice() {
                        input type="hidden" name="destination" value=(one.destination);
                    }
                    button { (said::DELIVER_AGAIN) }
                }
            }
        }
    }
}

fn row(sight: &Sight, one: &DeliveryView) -> Markup {
    let (class, shape) = match one.state {
        DeliveryState::Delivered => ("ok", "ok"),
        DeliveryState::Failed => ("bad", "warn"),
        DeliveryState::Running => ("run", "run"),
        _ => ("run", "queue"),
    };
    let error = one.error.as_deref().filter(|_| one.state != DeliveryState::Delivered);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (one.destination)
                span.sub { (words::counted(one.attempts.into(), execution::ATTEMPT)) ", " (said::COMPARED) " " (one.receipt) }
            }
            td role="cell" data-l=(texts::STATE) {
                (mark(class, shape, said::state(one.state)))
                @if let Some(error) = error { span.sub { (texts::sentence(&texts::shortened(error))) } }
            }
            td role="cell" data-l=(said::FOLDER) {
                @if one.path.is_empty() { (said::DESTINATION_ITSELF) } @else { code { (one.path) } }
                @if one.files > 0 {
                    span.sub { (words::counted(one.files.into(), history::FILE)) ", " (words::bytes(one.bytes)) }
                }
            }
            td role="cell" data-l=(said::WHEN) {
                @match (one.delivered_at, one.next_attempt_at) {
                    (Some(at), _) => (when(at.0, sight.now)),
                    (None, Some(at)) => { (said::NEXT_TRY) " " (when(at.0, sight.now)) },
                    (None, None) if one.state == DeliveryState::Running => (said::NOW),
                    (None, None) => (said::NOT_TRIED_AGAIN),
                }
            }
        }
    }
}
