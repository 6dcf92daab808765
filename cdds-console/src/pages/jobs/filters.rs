//! The filters of the list: one in the head of each column, and all of them above the list.

use cdds_core::ports::catalog::query::JobColumn;
use maud::{Markup, html};

use super::Sight;
use crate::answers::Answers;
use crate::lists::jobs as lists;
use crate::pages::filters::{day_field_of, kept};
use crate::pages::frame::icon;
use crate::pages::parts::choice;
use crate::texts::{self, job as said};

/// The columns in their order: what each is called, by what the list is sorted there, and which parameters filter it.
const COLUMNS: [(&str, Option<JobColumn>, &[&str]); 7] = [
    (texts::TITLE, Some(JobColumn::Title), &["search", "frequency", "recipient"]),
    (texts::SOURCE_TYPE, Some(JobColumn::Source), &["source", "type"]),
    (texts::LATEST_STATUS, Some(JobColumn::LatestStatus), &["latest_status"]),
    (texts::STARTED, Some(JobColumn::LatestStartedAt), &["latest_started_from", "latest_started_to"]),
    (texts::NEXT_START, Some(JobColumn::NextStartsAt), &["next_starts_from", "next_starts_to"]),
    (texts::CREATED, Some(JobColumn::CreatedAt), &["created_from", "created_to"]),
    (texts::ACTIVE, None, &["state"]),
];

/// Returns the heads of the columns: a link that sorts, and a button that opens the filter.
pub(super) fn heads(answers: &Answers, sight: &Sight) -> Markup {
    html! {
        @for (number, (title, column, parameters)) in COLUMNS.into_iter().enumerate() {
            @let sorted = column.filter(|column| *column == sight.sort.column);
            @let direction = if sight.sort.descending { "descending" } else { "ascending" };
            th scope="col" role="columnheader" aria-sort=[sorted.map(|_| direction)] {
                @match column {
                    Some(column) => {
                        @let down = sorted.is_some() && !sight.sort.descending;
                        @let sort = if down { format!("{}:desc", column.as_str()) } else { column.as_str().to_owned() };
                        a href=(answers.without(&["next"]).with("sort", sort).query()) {
                            (title)
                            @if sorted.is_some() { " " (icon(if sight.sort.descending { "sort" } else { "up" })) }
                        }
                    },
                    None => (title),
                }
                br;
                button.by type="button" popovertarget={ "by-" (number) } {
                    @if parameters.iter().any(|name| answers.one(name).is_some()) { (said::FILTERED) } @else { (texts::FILTER) }
                    span.vh { ": " (title) }
                }
            }
        }
    }
}

/// Returns the filters that the buttons open. They stand outside of the table, whose rows are a form of their own.
pub(super) fn panels(answers: &Answers, sight: &Sight) -> Markup {
    html! {
        @for (number, (title, _, parameters)) in COLUMNS.into_iter().enumerate() {
            @let id = format!("by-{number}");
            div.ask id=(id) popover role="dialog" aria-labelledby={ (id) "-h" } {
                form.rows {
                    h2 id={ (id) "-h" } { (texts::FILTER) ": " (title) }
                    (kept(answers, parameters))
                    @for name in parameters { (field(answers, sight, &id, name)) }
                    div.acts {
                        button.primary { (texts::APPLY) }
                        a.btn href=(answers.without(parameters).without(&["next"]).query()) { (texts::CLEAR) }
                        button type="button" popovertarget=(id) popovertargetaction="hide" { (said::CANCEL) }
                    }
                }
            }
        }
    }
}

/// Returns all filters at once, above the list.
pub(super) fn all(answers: &Answers, sight: &Sight) -> Markup {
    let shown: Vec<&str> = COLUMNS
        .iter()
        .flat_map(|(_, _, parameters)| *parameters)
        .copied()
        .filter(|name| !["search", "state"].contains(name))
        .collect();
    html! {
        details open[shown.iter().any(|name| answers.one(name).is_some())] {
            summary { (texts::FILTER) }
            form.rows {
                (kept(answers, &shown))
                div.grid { @for name in &shown { (field(answers, sight, "f", name)) } }
                div.acts { button { (texts::APPLY) } a href="?" { (texts::CLEAR) } }
            }
        }
    }
}

/// Returns the field of a parameter.
fn field(answers: &Answers, sight: &Sight, prefix: &str, name: &str) -> Markup {
    let id = format!("{prefix}-{name}");
    let chosen = answers.one(name);
    let from_or_before = |column: &str| {
        let when = if name.ends_with("_from") { said::FROM_DAY } else { said::BEFORE_DAY };
        format!("{column} {when}")
    };
    match name {
        "source" => {
            let sources = sight.sources.iter().map(|(id, title)| (id.as_str(), title.clone()));
            choice(&id, name, texts::SOURCE, chosen, sources)
        }
        "type" => {
            choice(&id, name, texts::TYPE, chosen, sight.types.iter().map(|id| (id.as_str(), id.clone())))
        }
        "recipient" => {
            let names = sight.recipients.iter().map(|name| (name.as_str(), name.clone()));
            choice(&id, name, said::SEALED_FOR, chosen, names)
        }
        "frequency" => {
            let kinds = lists::frequencies().into_iter().map(|kind| (kind, texts::sentence(kind)));
            choice(&id, name, texts::FREQUENCY, chosen, kinds)
        }
        "latest_status" => {
            let statuses = lists::statuses().into_iter().map(|name| (name, texts::status(name)));
            choice(&id, name, texts::LATEST_STATUS, chosen, statuses)
        }
        "state" => {
            let states = lists::STATES.into_iter().map(|state| (state, texts::sentence(state)));
            choice(&id, name, texts::STATE, chosen, states)
        }
        "search" => html! {
            div.field {
                label for=(id) { (texts::TITLE) }
                input.wide id=(id) name=(name) type="search" value=[chosen];
            }
        },
        name if name.starts_with("latest_started") => {
            day_field_of(answers, &id, name, &from_or_before(texts::STARTED))
        }
        name if name.starts_with("next_starts") => {
            day_field_of(answers, &id, name, &from_or_before(texts::NEXT_START))
        }
        name => day_field_of(answers, &id, name, &from_or_before(texts::CREATED)),
    }
}
