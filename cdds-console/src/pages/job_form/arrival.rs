//! The section of the form that says where sets are delivered and who is told.

use maud::{Markup, html};

use super::Offer;
use crate::pages::sheet::{Sheet, optional};
use crate::texts::delivery as said;

pub(super) fn arrival(sheet: &Sheet<'_>, offer: &Offer) -> Markup {
    let names = ["destinations", "notify"];
    html! {
        details #arrival open[sheet.is_open("arrival", &names)] {
            summary { (said::DELIVERY_AND_NOTICES) }
            div.rows {
                p.hint { (said::KEPT_HERE) }
                @if offer.destinations.is_empty() {
                    p.hint { (said::NO_DESTINATIONS) }
                } @else {
                    dl.kv {
                        @for one in &offer.destinations {
                            dt { code { (one.id) } }
                            dd { (one.title) span.sub { (one.address) ", " (said::health(one.health.state)) } }
                        }
                    }
                }
                (sheet.area(optional("destinations", said::DESTINATIONS, said::DESTINATIONS_SAY), 2, true))
                (sheet.area(optional("notify", said::NOTIFY, said::NOTIFY_SAYS), 2, true))
            }
        }
    }
}
