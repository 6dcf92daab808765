//! What happened, in its order.

use cdds_core::domain::execution::{ExecutionState, Trigger};
use cdds_core::domain::notice::Notice;
use cdds_core::domain::work::row::WorkStatus;
use cdds_view::words;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Sight;
use crate::pages::frame::icon;
use crate::pages::parts::time;
use crate::texts::{self, execution as said, history};

struct Step {
    at: DateTime<Utc>,
    class: &'static str,
    shape: &'static str,
    title: String,
    note: String,
}

impl Step {
    fn new(at: DateTime<Utc>, class: &'static str, shape: &'static str, title: impl Into<String>) -> Self {
        Self { at, class, shape, title: title.into(), note: String::new() }
    }

    fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

pub(super) fn told(sight: &Sight) -> Markup {
    let mut steps = steps(sight);
    // Steps of the same instant stay in the order in which they follow from each other.
    steps.sort_by_key(|step| step.at);
    html! {
        section #happened .card.pad.rows aria-labelledby="log" data-live {
            h2 #log { (said::HAPPENED) }
            ol.line {
                @for step in &steps {
                    li.(step.class) {
                        (icon(step.shape))
                        p { strong { (step.title) } }
                        p.sub { (time(step.at, sight.now)) @if !step.note.is_empty() { ". " (step.note) } }
                    }
                }
            }
        }
    }
}

fn steps(sight: &Sight) -> Vec<Step> {
    let execution = &sight.execution;
    let mut steps = vec![match execution.trigger {
        Trigger::Scheduled => Step::new(execution.slot, "off", "queue", history::DUE),
        trigger => Step::new(execution.created_at, "off", "queue", said::ASKED_FOR)
            .with_note(texts::settings::trigger(trigger.as_str())),
    }];
    if let Some(since) = execution.waits_for_source() {
        steps.push(Step::new(since, "off", "queue", said::BEGAN_TO_WAIT));
    }
    for attempt in &sight.view.attempt_log {
        let number = attempt.number;
        let worker = texts::sentence(&sight.places.told(&attempt.worker));
        steps.push(
            Step::new(
                attempt.started_at.0,
                "run",
                "run",
                format!("{} {number} {}", said::ATTEMPT_TITLE, said::STARTED),
            )
            .with_note(worker),
        );
        if let (Some(ended), Some(error)) = (attempt.ended_at, &attempt.error) {
            let title = format!("{} {number} {}", said::ATTEMPT_TITLE, said::DID_FAIL);
            let note = texts::sentence(&texts::shortened(&error.message));
            steps.push(Step::new(ended.0, "bad", "bad", title).with_note(note));
        }
    }
    if let Some(at) = execution.cancel_requested_at {
        steps.push(Step::new(at, "off", "stop", said::CANCEL_ASKED));
    }
    steps.extend(execution.finished_at.and_then(|at| ended(sight, at)));
    steps.extend(sight.notices.iter().map(told_of));
    steps
}

fn ended(sight: &Sight, at: DateTime<Utc>) -> Option<Step> {
    let progress = sight.execution.progress;
    let files = words::counted(u64::from(progress.parts), history::FILE);
    Some(match &sight.execution.state {
        ExecutionState::Succeeded => {
            Step::new(at, "ok", "ok", said::PUBLISHED).with_note(format!("{files} {}", said::AND_MANIFEST))
        }
        ExecutionState::Failed(_) => Step::new(at, "bad", "bad", said::GIVEN_UP),
        ExecutionState::Cancelled => Step::new(at, "off", "stop", said::CANCELLED),
        ExecutionState::Skipped(_) => Step::new(at, "off", "skip", said::SKIPPED),
        ExecutionState::Queued | ExecutionState::Running => return None,
    })
}

fn told_of(notice: &Notice) -> Step {
    let (class, shape, word) = match notice.work.status() {
        WorkStatus::Waiting => ("off", "queue", said::NOTICE_WAITS),
        WorkStatus::Held => ("run", "run", said::NOTICE_HELD),
        WorkStatus::Done => ("off", "dot", said::NOTICE_DONE),
        WorkStatus::GivenUp => ("warn", "warn", said::NOTICE_GIVEN_UP),
    };
    let at = notice.work.attempts.last_at.unwrap_or(notice.at);
    let title = format!("{}: {}", said::NOTICE, words::status(notice.kind.as_str()));
    Step::new(at, class, shape, title).with_note(format!("{word}: {}", notice.subscriber))
}
