//! What became of the answers: refusals, the runs ahead, and a sample of records.

use cdds_core::ServiceError;
use cdds_core::domain::calendar::schedule::SlotNote;
use cdds_core::service::jobs::{Forecast, Sample};
use cdds_view::ForecastView;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::masked::rows;
use crate::answers::Answers;
use crate::forms::Fault;
use crate::forms::job as forms;
use crate::pages::Refused;
use crate::pages::frame::icon;
use crate::pages::parts::{time, when};
use crate::texts::job as texts;

/// What became of the answers.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) faults: Vec<Fault>,
    pub(super) preview: Option<Vec<Forecast>>,
    pub(super) sample: Option<Sample>,
    /// What is said if the job was changed meanwhile.
    pub(super) overtaken: Option<Markup>,
}

impl Outcome {
    pub(super) fn of(faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Returns when the job would run next, if a preview says.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.preview.as_ref()?.first().map(|forecast| ForecastView::from(*forecast).slot.0)
    }

    /// Puts a refusal beside its field. Any other error is a page of its own.
    pub(super) fn refused(error: ServiceError, answers: &Answers) -> Result<Self, Refused> {
        match forms::refusal(&error) {
            Some(refusal) => Ok(Self::of(vec![forms::fault_of(refusal, answers)])),
            None => Err(error.into()),
        }
    }
}

/// Names everything that is refused, each with a link to its field.
pub(super) fn refused(faults: &[Fault], is_trial: bool) -> Markup {
    let title = match faults {
        _ if is_trial => texts::NOT_SHOWN,
        [_] => texts::NOT_SAVED_ONE,
        _ => texts::NOT_SAVED,
    };
    html! {
        @if !faults.is_empty() {
            section.note.bad #errors tabindex="-1" aria-labelledby="problem" {
                h2 #problem { (title) }
                (list(faults))
            }
        }
    }
}

fn list(faults: &[Fault]) -> Markup {
    html! {
        ul {
            @for fault in faults {
                li {
                    @if fault.field.is_empty() {
                        (crate::texts::sentence(&fault.words))
                    } @else {
                        a href={ "#" (fault.field) } { (texts::label(&fault.field)) ": " (fault.words) }
                    }
                }
            }
        }
    }
}

/// Shows masked records.
pub(super) fn sampled(sample: &Sample) -> Markup {
    html! {
        section.card.pad.rows aria-labelledby="sample-h" {
            h2 #sample-h tabindex="-1" { (texts::SAMPLE) }
            @if !sample.records.is_empty() {
                p.hint { (texts::SAMPLE_SAYS) }
                ol.rows {
                    @for record in &sample.records {
                        li {
                            h3 { (record.data_type) }
                            @match rows(&record.masked) {
                                Some(rows) => dl.kv {
                                    @for row in rows {
                                        dt { (row.name) }
                                        dd {
                                            @if !row.shape.is_empty() { code { (row.shape) } " " }
                                            span.hint { (row.kind) }
                                        }
                                    }
                                },
                                None => code { (record.masked) },
                            }
                        }
                    }
                }
            }
            @if sample.is_partial { p { (texts::SAMPLE_PARTIAL) } }
            @else if sample.records.is_empty() { p { (texts::SAMPLE_EMPTY) } }
        }
    }
}

/// Shows the next runs, each with its window and what the source holds of it now; or what keeps them from being shown.
/// A script asks for this part again while the form is filled in.
pub(super) fn ahead(outcome: &Outcome, now: DateTime<Utc>) -> Markup {
    html! {
        aside #ahead aria-labelledby="preview-h" {
            div.card.pad.rows {
                h2 #preview-h tabindex="-1" { (texts::NEXT_RUNS) }
                @match outcome.preview.as_deref() {
                    None if !outcome.faults.is_empty() => {
                        p.hint { (texts::NO_PREVIEW_YET) }
                        (list(&outcome.faults))
                    },
                    None => p.hint { (texts::NO_PREVIEW) },
                    Some([]) => p { (texts::NO_RUN) },
                    Some(forecasts) => {
                        p.hint { (texts::PREVIEW_SAYS) }
                        ol.line {
                            @for forecast in forecasts { (run(ForecastView::from(*forecast), now)) }
                        }
                    },
                }
            }
        }
    }
}

fn run(forecast: ForecastView, now: DateTime<Utc>) -> Markup {
    let window = forecast.window;
    html! {
        li.off {
            (icon("dot"))
            p { strong { (when(forecast.slot.0, now)) } }
            @if let Some(local) = forecast.local { p.sub { (local.0.format("%a %-d %b %Y %H:%M %:z")) } }
            @match forecast.note {
                Some(SlotNote::Shifted) => p.sub { (texts::SHIFTED) },
                Some(SlotNote::Second) => p.sub { (texts::SECOND) },
                None => {},
            }
            p.sub {
                @match window.start { Some(start) => (time(start.0, now)), None => (texts::BEGINNING) }
                " to " (time(window.end.0, now))
            }
            @if let Some(records) = records(forecast, now) { p.sub { (records) } }
        }
    }
}

/// Says how many records a window holds; nothing of one that has not begun.
fn records(forecast: ForecastView, now: DateTime<Utc>) -> Option<String> {
    let has_begun = forecast.window.start.is_none_or(|start| start.0 < now);
    has_begun.then(|| match forecast.estimated_records {
        Some(records) if forecast.so_far => format!("{} {}", texts::about(records), texts::SO_FAR),
        Some(records) => texts::about(records),
        None => texts::RECORDS_UNKNOWN.to_owned(),
    })
}
