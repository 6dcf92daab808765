//! The section of the form that says where sets are delivered and who is told.

use cdds_core::domain::delivery::path::PathTemplate;
use cdds_core::domain::notice::NoticeKind;
use cdds_core::{JobSettings, Owner};
use cdds_view::DestinationView;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Offer;
use crate::forms::job as forms;
use crate::forms::job::{PLACES, SUBSCRIBERS};
use crate::pages::sheet::{Sheet, needed, optional};
use crate::texts::{delivery as said, job as texts, notices};

/// Returns the ids of the examples, which follow what is typed.
pub(super) fn examples(sheet: &Sheet<'_>) -> Vec<String> {
    (0..PLACES.of(sheet.answers)).map(example_of).collect()
}

fn example_of(number: usize) -> String {
    format!("path-{number}-x")
}

/// What examples of paths are made of: the owner, and when the job would run next.
pub(super) struct Example<'a> {
    pub(super) owner: &'a Owner,
    pub(super) slot: DateTime<Utc>,
}

/// `to` is where the form is posted to.
pub(super) fn arrival(sheet: &Sheet<'_>, offer: &Offer, example: &Example<'_>, to: &str) -> Markup {
    let (places, subscribers) = (PLACES.of(sheet.answers), SUBSCRIBERS.of(sheet.answers));
    // Without all the other answers there is no job, and no path to show.
    let settings = forms::settings(sheet.answers).ok();
    html! {
        fieldset.rows {
            legend { h2 { (said::DELIVERY_AND_NOTICES) } }
            input type="hidden" name=(PLACES.count) value=(places);
            input type="hidden" name=(SUBSCRIBERS.count) value=(subscribers);
            div #places .rows tabindex="-1" {
                p.hint { (said::KEPT_HERE) }
                @if offer.destinations.is_empty() { p.hint { (said::NO_DESTINATIONS) } }
                @for number in 0..places { (place(sheet, offer, example, settings.as_ref(), number)) }
                @if places < PLACES.most && !offer.destinations.is_empty() {
                    div.acts {
                        button name="do" value="add:places" formnovalidate formaction={ (to) "#places" } {
                            (if places == 0 { said::ADD_PLACE } else { said::ADD_ANOTHER_PLACE })
                        }
                    }
                }
            }
            div #subscribers .rows tabindex="-1" {
                @for number in 0..subscribers { (subscriber(sheet, number)) }
                @if subscribers < SUBSCRIBERS.most {
                    div.acts {
                        button name="do" value="add:subscribers" formnovalidate formaction={ (to) "#subscribers" } {
                            (if subscribers == 0 { said::ADD_SUBSCRIBER } else { said::ADD_ANOTHER_SUBSCRIBER })
                        }
                    }
                }
            }
        }
    }
}

fn place(
    sheet: &Sheet<'_>,
    offer: &Offer,
    example: &Example<'_>,
    settings: Option<&JobSettings>,
    number: usize,
) -> Markup {
    let (to, path, receipt) = (format!("to-{number}"), format!("path-{number}"), format!("receipt-{number}"));
    let chosen = sheet.answers.one(&to).unwrap_or_default();
    let is_known = offer.destinations.iter().any(|one| one.id.as_str() == chosen);
    let options = html! {
        option value="" selected[chosen.is_empty()] { (said::CHOOSE_PLACE) }
        @if !is_known && !chosen.is_empty() {
            option value=(chosen) selected { (chosen) " (" (texts::NOT_REGISTERED) ")" }
        }
        @for one in &offer.destinations { (choice(one, chosen)) }
    };
    let receipts = [("size", said::BY_SIZE), ("digest", said::BY_DIGEST)];
    html! {
        div.rows {
            div.bar {
                (sheet.chosen(needed(&to, &said::place(number + 1), ""), &options))
                button name="do" value={ "drop:places:" (number) } formnovalidate { (said::REMOVE_PLACE) " " (number + 1) }
            }
            (sheet.line(optional(&path, &said::path(number + 1), said::PATH_SAYS), false))
            p.hint id=(example_of(number)) {
                @if let Some(folder) = folder(sheet, example, settings, &path) {
                    (said::FOR_EXAMPLE) " "
                    @if folder.is_empty() { (said::DESTINATION_ITSELF) } @else { code { (folder) } }
                }
            }
            (sheet.select(needed(&receipt, &said::receipt(number + 1), ""), &receipts))
        }
    }
}

fn choice(one: &DestinationView, chosen: &str) -> Markup {
    let id = one.id.as_str();
    html! {
        option value=(id) selected[id == chosen] {
            (one.title) " (" (one.kind) ", " (said::health(one.health.state)) ")"
        }
    }
}

/// Returns the folder of the next run's files, if all that it depends on is there.
fn folder(
    sheet: &Sheet<'_>,
    example: &Example<'_>,
    settings: Option<&JobSettings>,
    field: &str,
) -> Option<String> {
    let path = sheet.answers.one(field).map(|typed| PathTemplate::new(typed.trim()));
    let path = path.unwrap_or_else(|| Ok(PathTemplate::default())).ok()?;
    Some(path.example(settings?, example.owner, example.slot).as_str().to_owned())
}

fn subscriber(sheet: &Sheet<'_>, number: usize) -> Markup {
    let (who, told, on) = (format!("who-{number}"), format!("told-{number}"), format!("on-{number}"));
    let ticked: Vec<&str> = sheet.answers.all(&on).collect();
    let kinds = html! {
        div.full {
            @for kind in NoticeKind::ALL {
                label.pick {
                    input type="checkbox" name=(on) value=(kind) checked[ticked.contains(&kind.as_str())];
                    (notices::kind(kind.as_str()))
                }
            }
        }
    };
    // One that was just added has no answer yet.
    let is_fresh = sheet.answers.one(&told).is_none();
    html! {
        div.rows {
            div.bar {
                (sheet.line(needed(&who, &said::who(number + 1), said::WHO_SAYS), false))
                button name="do" value={ "drop:subscribers:" (number) } formnovalidate {
                    (said::REMOVE_SUBSCRIBER) " " (number + 1)
                }
            }
            (sheet.group(&told, &said::told_of(number + 1), &html! {
                @if is_fresh {
                    div.opt { label.pick {
                        input type="radio" name=(told) value="usual" id=(told) checked; (said::USUAL)
                    } }
                } @else {
                    (sheet.option(&told, "usual", said::USUAL, true, &html! {}))
                }
                (sheet.option(&told, "some", said::SOME, false, &kinds))
            }))
        }
    }
}
