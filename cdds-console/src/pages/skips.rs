//! Why an occurrence was skipped, in one line.

use cdds_core::domain::execution::SkipReason;
use cdds_view::words;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::parts::time;
use crate::texts::execution as said;

/// Says in a line why an occurrence was not run, and how many others share the reason.
pub(super) fn shortly(reason: SkipReason, now: DateTime<Utc>) -> Markup {
    match reason {
        SkipReason::Coalesced { first, last, count, into } => html! {
            (said::LEFT_TO) " " (time(into, now)) (gap(count, first, last, now))
        },
        SkipReason::CatchUpLimit { first, last, count } => {
            html! { (said::MISSED) (gap(count, first, last, now)) }
        }
        SkipReason::Suspended { first, last, count } => {
            html! { (said::DUE_SUSPENDED) (gap(count, first, last, now)) }
        }
        SkipReason::Deleted { first, last, count } => {
            html! { (said::DUE_DELETED) (gap(count, first, last, now)) }
        }
        SkipReason::Replaced => html! { (said::DUE_REPLACED) },
        SkipReason::Covered { watermark: Some(until) } => {
            html! { (said::EXPORTED_UNTIL) " " (time(until, now)) }
        }
        SkipReason::Covered { watermark: None } => html! { (said::NOTHING_TO_EXPORT) },
    }
}

/// `, like 3 runs from … to …`: the occurrences that one entry stands for; nothing for a single one.
fn gap(count: u64, first: DateTime<Utc>, last: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! {
        @if count > 1 {
            ": " (words::counted(count, said::RUN)) ", " (time(first, now)) " " (said::TO) " " (time(last, now))
        }
    }
}
