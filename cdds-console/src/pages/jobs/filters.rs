//! The columns of the list of jobs and their filters.

use cdds_core::ports::catalog::query::JobColumn;
use maud::{Markup, html};

use super::Sight;
use crate::answers::Answers;
use crate::lists::jobs as lists;
use crate::pages::filters::{Column, Columns, day_field, type_field};
use crate::pages::parts::choice;
use crate::texts::{self, job as said};

const COLUMNS: [Column; 7] = [
    Column::new(texts::TITLE, Some(JobColumn::Title.as_str()), &["search", "frequency", "recipient"]),
    Column::new(texts::SOURCE_TYPE, Some(JobColumn::Source.as_str()), &["source", "type"]),
    Column::new(texts::LATEST_STATUS, Some(JobColumn::LatestStatus.as_str()), &["latest_status"]),
    Column::new(
        texts::STARTED,
        Some(JobColumn::LatestStartedAt.as_str()),
        &["latest_started_from", "latest_started_to"],
    ),
    Column::new(
        texts::NEXT_START,
        Some(JobColumn::NextStartsAt.as_str()),
        &["next_starts_from", "next_starts_to"],
    ),
    Column::new(texts::CREATED, Some(JobColumn::CreatedAt.as_str()), &["created_from", "created_to"]),
    Column::new(texts::ACTIVE, None, &["state"]),
];

/// Returns the columns as the list is asked for.
pub(super) fn columns<'a>(answers: &'a Answers, sight: &'a Sight) -> Columns<'a> {
    Columns {
        answers,
        columns: &COLUMNS,
        sort: (sight.sort.column.as_str(), sight.sort.descending),
        field: Box::new(|id, name| field(answers, sight, id, name)),
    }
}

/// Returns the field of a parameter.
fn field(answers: &Answers, sight: &Sight, id: &str, name: &str) -> Markup {
    let chosen = answers.one(name);
    let from_or_before = |column: &str| {
        let when = if name.ends_with("_from") { said::FROM_DAY } else { said::BEFORE_DAY };
        format!("{column} {when}")
    };
    match name {
        "source" => {
            let sources = sight.sources.iter().map(|(id, title)| (id.as_str(), title.clone()));
            choice(id, name, texts::SOURCE, chosen, sources)
        }
        "type" => type_field(&sight.types, id, name, chosen),
        "recipient" => {
            let names = sight.recipients.iter().map(|name| (name.as_str(), name.clone()));
            choice(id, name, said::SEALED_FOR, chosen, names)
        }
        "frequency" => {
            let kinds = lists::frequencies().into_iter().map(|kind| (kind, texts::sentence(kind)));
            choice(id, name, texts::FREQUENCY, chosen, kinds)
        }
        "latest_status" => {
            let statuses = lists::statuses().into_iter().map(|name| (name, texts::status(name)));
            choice(id, name, texts::LATEST_STATUS, chosen, statuses)
        }
        "state" => {
            let states = lists::STATES.into_iter().map(|state| (state, texts::sentence(state)));
            choice(id, name, texts::STATE, chosen, states)
        }
        "search" => html! {
            div.field {
                label for=(id) { (texts::TITLE) }
                input.wide id=(id) name=(name) type="search" value=[chosen];
            }
        },
        name if name.starts_with("latest_started") => {
            day_field(answers, id, name, &from_or_before(texts::STARTED))
        }
        name if name.starts_with("next_starts") => {
            day_field(answers, id, name, &from_or_before(texts::NEXT_START))
        }
        name => day_field(answers, id, name, &from_or_before(texts::CREATED)),
    }
}
