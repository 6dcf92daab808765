//! Why it failed, waits, was skipped or lacks something: the reason, what is missing, and one thing to do.

use cdds_core::domain::access::Action;
use cdds_core::domain::execution::failure::{Failure, FailureKind};
use cdds_core::domain::execution::{ExecutionState, SkipReason};
use maud::{Markup, html};

use super::{Sight, rerun};
use crate::pages::parts::{time, when};
use crate::texts::{self, execution as said};
use crate::visit::Visit;

/// Returns the note, if there is anything to say.
pub(super) fn told(visit: &Visit, sight: &Sight) -> Markup {
    let execution = &sight.execution;
    match &execution.state {
        ExecutionState::Failed(failure) => note("bad", said::WHY_FAILED, &failed(visit, sight, failure)),
        ExecutionState::Skipped(reason) => note("off", said::WHY_SKIPPED, &skipped(visit, sight, *reason)),
        ExecutionState::Cancelled => note("off", said::WHY_CANCELLED, &cancelled(visit, sight)),
        ExecutionState::Queued if execution.cancel_requested_at.is_none() => {
            note("off", said::WHY_WAITS, &waits(visit, sight))
        }
        ExecutionState::Running if sight.view.execution.worker_alive == Some(false) => {
            note("warn", said::WORKER_GONE, &html! { p { (said::WORKER_GONE_SAYS) } })
        }
        ExecutionState::Succeeded => lacks(visit, sight),
        ExecutionState::Queued | ExecutionState::Running => Markup::default(),
    }
}

fn note(class: &str, title: &str, says: &Markup) -> Markup {
    html! { section.note.(class) aria-labelledby="why" { h2 #why { (title) } (says) } }
}

/// Returns the link to the settings of its job, for those who may change them.
fn edit(visit: &Visit, sight: &Sight) -> Option<Markup> {
    let view = &sight.view.execution;
    let is_there = visit.may(Action::EditJob) && !view.job_deleted;
    is_there.then(|| html! { a href=(visit.to(&format!("jobs/{}/edit", view.job_id))) { (said::EDIT_JOB) } })
}

/// Says whether a later run exports what this one did not, and if none does, when to run it again.
fn missing(sight: &Sight, may_succeed: bool) -> Markup {
    let is_made_up_for = sight.execution.generation.is_some() && !sight.view.execution.job_deleted;
    let says = match may_succeed {
        _ if is_made_up_for => said::NEXT_EXPORTS_IT,
        true => said::NOBODY_EXPORTS_IT,
        false => said::NOBODY_EXPORTS_IT_YET,
    };
    html! { p { (says) } }
}

fn failed(visit: &Visit, sight: &Sight, failure: &Failure) -> Markup {
    let act = match failure.kind {
        _ if failure.retryable => None,
        FailureKind::Certificate => Some(html! { a href=(visit.to("recipients")) { (said::TO_RECIPIENTS) } }),
        FailureKind::Invalid | FailureKind::Missing | FailureKind::BadRecord | FailureKind::TooLarge => {
            edit(visit, sight)
        }
        _ => Some(html! { span.hint { (said::TELL_OPERATOR) } }),
    };
    html! {
        p { (texts::ended(&failure.message)) }
        (missing(sight, failure.retryable))
        @if failure.kind == FailureKind::BadRecord { p { (said::BAD_RECORD) } }
        dl.kv {
            dt { (said::STEP) } dd { (texts::sentence(said::step(failure.step))) }
            dt { (said::KIND) } dd { code { (failure.kind) } ". " (said::may_help(failure.retryable)) }
        }
        p.acts {
            @match act {
                Some(act) => (act),
                None if sight.is_rerun(visit) => (rerun(visit, sight)),
                None => span.hint { (said::ASK_TO_RERUN) },
            }
        }
    }
}

fn cancelled(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        p { (said::CANCELLED_SAYS) }
        (missing(sight, true))
        @if sight.is_rerun(visit) { p.acts { (rerun(visit, sight)) } }
    }
}

fn skipped(visit: &Visit, sight: &Sight, reason: SkipReason) -> Markup {
    let job = sight.execution.job_id;
    let gap = match reason {
        SkipReason::Coalesced { first, last, count, .. }
        | SkipReason::CatchUpLimit { first, last, count }
        | SkipReason::Suspended { first, last, count }
        | SkipReason::Deleted { first, last, count } => Some((first, last, count)),
        SkipReason::Replaced | SkipReason::Covered { .. } => None,
    };
    let act = match reason {
        SkipReason::Coalesced { into, .. } => {
            let address = format!("history?job={job}&from={}", into.format("%Y-%m-%dT%H:%M:%SZ"));
            Some(html! { a href=(visit.to(&address)) { (said::TO_COVERING) } })
        }
        SkipReason::CatchUpLimit { .. } => edit(visit, sight),
        SkipReason::Suspended { .. } => {
            Some(html! { a href=(visit.to(&format!("jobs/{job}"))) { (said::TO_JOB) } })
        }
        SkipReason::Replaced | SkipReason::Covered { .. } => {
            Some(html! { a href=(visit.to(&format!("history?job={job}"))) { (said::TO_OTHERS) } })
        }
        SkipReason::Deleted { .. } => None,
    };
    html! {
        p { (said::skipped(&reason)) }
        dl.kv {
            dt { (said::REASON) } dd { code { (reason.as_str()) } }
            @if let Some((first, last, count)) = gap {
                dt { (said::OCCURRENCES) }
                dd { (count) @if count > 1 { ": " (time(first, sight.now)) " " (said::TO) " " (time(last, sight.now)) } }
            }
        }
        @if let Some(act) = act { p.acts { (act) } }
    }
}

fn waits(visit: &Visit, sight: &Sight) -> Markup {
    let execution = &sight.execution;
    if let Some(since) = execution.waits_for_source() {
        return html! {
            p { (said::WAITS_FOR_SOURCE) }
            dl.kv {
                dt { (said::SINCE) } dd { (when(since, sight.now)) }
                dt { (said::COMPLETE_UNTIL) }
                dd {
                    @match execution.completeness.complete_until {
                        Some(until) => (time(until, sight.now)),
                        None => (said::UNKNOWN),
                    }
                }
            }
            p.acts { (edit(visit, sight).unwrap_or_default()) }
        };
    }
    let running = format!("history?job={}&status=in_progress", execution.job_id);
    html! {
        @match execution.last_failure() {
            Some(failure) => {
                p { (texts::ended(&failure.message)) }
                p { (said::TRIED_AGAIN) " " (when(execution.not_before, sight.now)) }
            },
            None if execution.not_before > sight.now => {
                p { (said::BEGINS_LATER) " " (when(execution.not_before, sight.now)) }
            },
            None => {
                p { (said::WAITS_FOR_TURN) }
                p.acts { a href=(visit.to(&running)) { (said::TO_RUNNING) } }
            },
        }
    }
}

/// Says what a published export lacks.
fn lacks(visit: &Visit, sight: &Sight) -> Markup {
    let rejected = sight.execution.progress.rejected;
    let incomplete = sight.execution.incomplete_from();
    if rejected == 0 && incomplete.is_none() {
        return Markup::default();
    }
    let says = html! {
        @if rejected > 0 { p { (said::rejected(rejected)) } }
        @if let Some(from) = incomplete { p { (said::INCOMPLETE_FROM) " " (time(from, sight.now)) "." } }
        @if !sight.files.items.is_empty() {
            p.acts { a href=(visit.to(&format!("sets/{}", sight.execution.id))) { (said::OPEN_THE_SET) } }
        }
    };
    note("warn", said::WHAT_LACKS, &says)
}
