//! Where a job stands.

use cdds_core::domain::execution::Status;
use cdds_core::domain::job::JobState;
use cdds_core::ports::catalog::query::LatestStatus;
use cdds_view::{ExecutionView, YET_TO_RUN, words};
use maud::{Markup, html};

use super::Sight;
use super::why::awaits_start;
use crate::pages::frame::icon;
use crate::pages::history::standing;
use crate::pages::parts::{arrival, arrived, due, mark, said as announced, time, when};
use crate::texts::{self, job as said};
use crate::visit::Visit;

/// Returns whether the job starts anything new.
pub(super) fn state(sight: &Sight) -> Markup {
    let word = texts::sentence(&sight.view.state_words());
    match sight.view.state {
        _ if awaits_start(&sight.view) => mark("off", "idle", &word),
        JobState::Active => mark("ok", "ok", &word),
        JobState::Suspended => mark("warn", "stop", &word),
        _ => mark("off", "idle", &word),
    }
}

pub(super) fn shown(visit: &Visit, sight: &Sight) -> Markup {
    let view = &sight.view;
    let line = view.latest();
    html! {
        (announced(&view.title, &line))
        dl #facts .card.facts data-live {
            div { dt { (texts::NEXT_START) } dd {
                @match view.next_starts_at {
                    Some(at) => (due(at.0, view.next_reading, sight.now)),
                    None => span.hint { (texts::NONE) },
                }
            } }
            div { dt { (said::LATEST_RUN) } dd {
                (arrived(if view.latest_status == LatestStatus::YetToRun { YET_TO_RUN } else { line.status }, sight.delivery))
                @if let Some(share) = line.share {
                    progress max="100" value=(share) aria-label=(view.title) { (share) " %" }
                    span.sub { (share) " %, " (line.words) }
                } @else if !line.words.is_empty() { span.sub { (line.words) } }
                @if let Some(at) = view.latest_started_at { span.sub { (time(at.0, sight.now)) } }
            } }
            div { dt { (said::EXPORTED_UNTIL) } dd {
                @match view.watermark {
                    Some(watermark) => {
                        @match watermark.at {
                            Some(at) => (when(at.0, sight.now)),
                            None => span.hint { (said::NOTHING_YET) },
                        }
                        // The first generation is the first time.
                        @if watermark.generation > 1 {
                            span.sub { (said::begun_again(watermark.generation - 1)) }
                        }
                    },
                    None => span.hint { (said::NOT_INCREMENTAL) },
                }
            } }
            div { dt { (said::LAST_RUNS) } dd { (marks(visit, sight)) } }
        }
    }
}

/// Returns the last runs as marks, the oldest first.
fn marks(visit: &Visit, sight: &Sight) -> Markup {
    let runs = &sight.executions.items;
    html! {
        @if runs.is_empty() { span.hint { (texts::NONE) } }
        span.marks {
            @for run in runs.iter().rev() {
                @let (class, shape, words) = arrival(run.status.as_str(), run.delivery);
                @let name = format!("{}: {words}", run.slot.0.format("%-d %b %H:%M"));
                a.(class) href=(visit.to(&format!("history/{}", run.id))) aria-label=(name) { (icon(shape)) }
            }
        }
    }
}

/// Returns an execution as a row.
pub(super) fn row(visit: &Visit, sight: &Sight, execution: &ExecutionView) -> Markup {
    let is_skipped = execution.status == Status::Skipped;
    html! {
        tr role="row" {
            th.nw scope="row" role="rowheader" {
                a href=(visit.to(&format!("history/{}", execution.id))) { (time(execution.slot.0, sight.now)) }
                span.sub { (texts::settings::trigger(execution.trigger.as_str())) }
            }
            td role="cell" data-l=(said::STATUS) { (standing(execution, sight.now)) }
            td role="cell" data-l=(said::EXPORTED_DATA) {
                @if is_skipped { span.hint { (texts::NONE) } } @else {
                    @match execution.window.start {
                        Some(start) if !execution.has_open_start => (time(start.0, sight.now)),
                        Some(_) => (said::END_OF_LAST),
                        None => (said::BEGINNING),
                    }
                    " to " (time(execution.window.end.0, sight.now))
                }
            }
            td.num role="cell" data-l=(said::RECORDS) { (words::count(execution.records)) }
            td.num role="cell" data-l=(said::FILE_COUNT) { (execution.files.len()) }
        }
    }
}
