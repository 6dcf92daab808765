//! Why a job does not run, or not well, and what to do.

use cdds_core::domain::access::Action;
use cdds_core::domain::execution::{Status, ahead};
use cdds_core::domain::job::{JobState, SuspensionReason};
use cdds_core::ports::catalog::query::LatestStatus;
use cdds_view::JobView;
use maud::{Markup, html};

use super::Sight;
use crate::pages::frame::icon;
use crate::pages::parts::time;
use crate::texts::{self, job as said};
use crate::visit::Visit;

pub(super) fn shown(visit: &Visit, sight: &Sight) -> Markup {
    let may_bring_back = visit.may(Action::BringBackJob);
    html! {
        @if let Some(until) = ahead::lies_ahead(&sight.job, sight.now) {
            section.note.bad aria-labelledby="ahead" {
                h2 #ahead { (said::AHEAD) }
                p { (said::AHEAD_UNTIL) " " (time(until, sight.now)) ". " (said::AHEAD_SAYS) }
                @if may_bring_back {
                    p.acts { button form="act" formaction=(sight.at(visit, "/bring-back")) { (said::BRING_BACK) } }
                }
            }
        }
        (standing(visit, sight))
        @for warning in &sight.view.warnings {
            section.note.warn {
                p { span.st.warn { (icon("warn")) span { (warning) } } }
                p { a href=(visit.to("recipients")) { (texts::execution::TO_RECIPIENTS) } }
            }
        }
    }
}

/// Says why nothing more starts, or that the latest run failed.
fn standing(visit: &Visit, sight: &Sight) -> Markup {
    let job = &sight.job;
    let is_once = job.settings.frequency.is_once();
    match (job.state, job.suspended_at) {
        (JobState::Suspended, Some(since)) if is_paused(&sight.view) => html! {
            section.note.bad aria-labelledby="why" {
                h2 #why { (said::paused(job.failures_in_row)) }
                p { (said::SINCE) " " (time(since, sight.now)) ". " (said::PAUSED_SAYS) }
                (failure(visit, sight))
                (resume(visit, sight))
            }
        },
        (JobState::Suspended, Some(since)) => html! {
            section.note.off aria-labelledby="why" {
                h2 #why { (texts::SUSPENDED) }
                p { (said::SINCE) " " (time(since, sight.now)) ". " (said::SUSPENDED_SAYS) }
                (resume(visit, sight))
            }
        },
        (JobState::Suspended, None) if awaits_start(&sight.view) => html! {
            section.note.off aria-labelledby="why" {
                h2 #why { (said::AWAITS_START) }
                p { (said::AWAITS_START_SAYS) }
            }
        },
        (JobState::Suspended, None) => note(visit, sight, said::NEVER_STARTED, said::NEVER_STARTED_SAYS),
        (JobState::Completed, _) if is_once => note(visit, sight, said::RAN_ONCE, said::RAN_ONCE_SAYS),
        (JobState::Completed, _) => note(visit, sight, said::ENDED, said::ENDED_SAYS),
        _ if sight.view.latest_status == LatestStatus::Is(Status::Failed) => html! {
            section.note.bad aria-labelledby="why" {
                h2 #why { (said::LATEST_FAILED) }
                (failure(visit, sight))
            }
        },
        _ => html! {},
    }
}

/// Whether a job is suspended by its failures (rule E5).
pub(in crate::pages) fn is_paused(job: &JobView) -> bool {
    job.suspension.as_ref().is_some_and(|one| one.reason == SuspensionReason::Failures)
}

/// Whether a job runs once and waits for a worker (rule J8).
pub(in crate::pages) fn awaits_start(job: &JobView) -> bool {
    job.suspension.as_ref().is_some_and(|one| one.reason == SuspensionReason::AwaitsStart)
}

fn note(visit: &Visit, sight: &Sight, title: &str, says: &str) -> Markup {
    html! {
        section.note.off aria-labelledby="why" {
            h2 #why { (title) }
            p { (says) }
            @if visit.may(Action::CreateJob) {
                p.acts { a.btn href=(visit.to(&format!("jobs/new?clone={}", sight.job.id))) { (said::CLONE) } }
            }
        }
    }
}

fn resume(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        @if visit.may(Action::ResumeJob) {
            p.acts { button form="act" formaction=(sight.at(visit, "/resume")) { (texts::RESUME) } }
        }
    }
}

/// Returns the reason of the newest failure, with the way to it.
fn failure(visit: &Visit, sight: &Sight) -> Markup {
    let failed = sight.executions.items.iter().find(|execution| execution.status == Status::Failed);
    html! {
        @if let Some(error) = &sight.view.latest_error {
            p { (texts::ended(&error.message)) " " code { (error.kind) } }
        }
        @if let Some(failed) = failed {
            p {
                a href=(visit.to(&format!("history/{}", failed.id))) { (said::SEE_FAILED) }
            }
        }
    }
}
