//! Where a set was delivered, or why not.

use cdds_core::ExecutionId;
use cdds_core::domain::access::Action;
use cdds_view::{DeliveryState, DeliveryView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::parts::{delivered, when};
use crate::texts::{self, delivery as said, execution, history};
use crate::visit::Visit;

/// The deliveries of a set, on the page of its execution or on its own.
pub(super) struct Arrived<'a> {
    pub(super) deliveries: &'a [DeliveryView],
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
                    tbody role="rowgroup" { @for one in self.deliveries { (row(one, self.now)) } }
                }
                @if visit.may(Action::Redeliver) && self.is_kept {
                    form.pad.acts method="post" action=(visit.to(&format!("{}/{}/redeliver", self.of, self.execution))) {
                        @if let [one] = self.deliveries {
                            input type="hidden" name="destination" value=(one.destination);
                        }
                        button { (said::DELIVER_AGAIN) }
                    }
                }
            }
        }
    }
}

fn row(one: &DeliveryView, now: DateTime<Utc>) -> Markup {
    let error = one.error.as_deref().filter(|_| one.state != DeliveryState::Delivered);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (one.destination)
                span.sub { (words::counted(one.attempts.into(), execution::ATTEMPT)) ", " (said::COMPARED) " " (one.receipt) }
            }
            td role="cell" data-l=(texts::STATE) {
                (delivered(one.state))
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
                    (Some(at), _) => (when(at.0, now)),
                    (None, Some(at)) => { (said::NEXT_TRY) " " (when(at.0, now)) },
                    (None, None) if one.state == DeliveryState::Running => (said::NOW),
                    (None, None) => (said::NOT_TRIED_AGAIN),
                }
            }
        }
    }
}
