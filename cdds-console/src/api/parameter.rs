//! The parameters of queries, as the document describes them. A name means the same wherever it comes.

use cdds_core::domain::access::Action;
use cdds_core::domain::execution::schedule::PREVIEW_MAX;
use serde_json::{Value, json};

use crate::lists;

/// Describes a parameter.
pub(super) fn parameter(name: &str) -> Value {
    let (schema, description) = known(name);
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

fn known(name: &str) -> (Value, &'static str) {
    let text = || json!({"type": "string"});
    let id = || json!({"type": "string", "format": "uuid"});
    let flag = || json!({"type": "string", "enum": ["true", "false"]});
    match name {
        "limit" => (
            json!({"type": "integer", "minimum": 1, "maximum": lists::LIMIT_MAX}),
            "The most rows of the page.",
        ),
        "next" => (text(), "The token of the page, from `next` of the one before."),
        "sort" => (text(), "The column to sort by; `:desc` behind it turns the order around."),
        "search" => (text(), "Only those with this text in their title or file name, in any case."),
        "source" => (text(), "Only those of this source."),
        "type" => (text(), "Only those of this data type."),
        "recipient" => (text(), "Only jobs that seal for this recipient."),
        "job" => (id(), "Only those of this job."),
        "execution" => (id(), "Only those of this execution."),
        "kind" => (one_of(lists::notices::kinds()), "Only those that tell this."),
        "channel" => (one_of(lists::notices::channels()), "Only those by this channel."),
        "subscriber" => (text(), "Only those to this address or endpoint."),
        "destination" => (text(), "Only those to this destination."),
        "frequency" => (one_of(lists::jobs::frequencies()), "Only jobs with this kind of frequency."),
        "state" => (text(), "Only those in this state."),
        "latest_status" => (one_of(lists::jobs::statuses()), "Only jobs with this latest status."),
        "open" => (flag(), "Only those that are still to be answered, or that have ended."),
        "all" => (flag(), "Also those that do not hold the person."),
        "status" => (text(), "Only those in this status."),
        "on_hold" => (flag(), "Only those that are on legal hold, or that are not."),
        "size_min" => (text(), "Only files of this size or larger: bytes, or with a unit such as `64KiB`."),
        "size_max" => (text(), "Only files of this size or smaller."),
        "object" => (text(), "Only entries about what has this id, or this name."),
        "principal" => (text(), "Only entries of this person or program."),
        "action" => {
            (one_of(Action::ALL.iter().map(|action| action.as_str())), "Only entries of this action.")
        }
        "dry_run" => (flag(), "Check everything and show what would be, but store nothing."),
        "count" => (
            json!({"type": "integer", "minimum": 1, "maximum": PREVIEW_MAX, "default": 10}),
            "How many occurrences are shown.",
        ),
        "watermark" => (
            one_of(["reset", "continue"]),
            "Where an incremental job goes on, if the change touches what is exported (rule J11).",
        ),
        "artifacts" => (
            one_of(["keep", "delete"]),
            "Whether its artifacts are deleted, too; `keep` refuses if it has some.",
        ),
        name if name.ends_with("to") || name == "until" => (text(), "Only before this instant or day."),
        _ => (text(), "Only from this instant or day on."),
    }
}

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({"type": "string", "enum": words.into_iter().collect::<Vec<_>>()})
}
