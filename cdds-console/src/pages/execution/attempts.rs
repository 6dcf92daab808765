//! The attempts on one scale of time, with the same facts as text.

use cdds_view::{AttemptView, words};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::Sight;
use crate::pages::parts::{clock, mark, time};
use crate::texts::{self, execution as said, history};
use crate::visit::Visit;

/// The narrowest bar, in per cent of the scale, that can still be seen.
const NARROWEST: f64 = 0.7;

/// The time from the first attempt's start to the last one's end.
struct Scale {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Scale {
    fn of(attempts: &[AttemptView], now: DateTime<Utc>) -> Option<Self> {
        let from = attempts.first()?.started_at.0;
        let ends = attempts.iter().map(|attempt| attempt.ended_at.map_or(now, |at| at.0));
        Some(Self { from, to: ends.max()?.max(from + TimeDelta::milliseconds(1)) })
    }

    /// Returns where an instant lies, in per cent.
    fn at(&self, instant: DateTime<Utc>) -> f64 {
        let share = |length: TimeDelta| length.num_milliseconds() as f64;
        (100.0 * share(instant - self.from) / share(self.to - self.from)).clamp(0.0, 100.0)
    }

    /// Returns where a bar begins and how wide it is, in per cent; all of it lies on the scale.
    fn bar(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> (f64, f64) {
        let width = (self.at(to) - self.at(from)).max(NARROWEST);
        (self.at(from).min(100.0 - width), width)
    }
}

pub(super) fn shown(visit: &Visit, sight: &Sight) -> Markup {
    let attempts = &sight.view.attempt_log;
    let Some(scale) = Scale::of(attempts, sight.now) else { return Markup::default() };
    html! {
        section.card {
            table.cards role="table" {
                caption { (said::ATTEMPTS) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (said::ATTEMPT_TITLE) }
                    th scope="col" role="columnheader" {
                        span.bar { (clock(scale.from)) (clock(scale.to)) }
                    }
                    th.num scope="col" role="columnheader" { (history::TOOK) }
                    th scope="col" role="columnheader" { (said::OUTCOME) }
                } }
                tbody role="rowgroup" {
                    @for (index, attempt) in attempts.iter().enumerate() {
                        @let before = index.checked_sub(1).and_then(|index| attempts.get(index)?.ended_at);
                        (row(visit, sight, &scale, attempt, before.map(|at| at.0)))
                    }
                }
            }
        }
    }
}

/// Returns an attempt; a dotted line stands for the wait since the one `before` it ended.
fn row(
    visit: &Visit,
    sight: &Sight,
    scale: &Scale,
    attempt: &AttemptView,
    before: Option<DateTime<Utc>>,
) -> Markup {
    let (from, to) = (attempt.started_at.0, attempt.ended_at.map_or(sight.now, |at| at.0));
    let (class, shape, word) = match (&attempt.error, attempt.ended_at) {
        (Some(_), _) => ("bad", "bad", said::FAILED),
        (None, None) => ("run", "run", said::RUNS),
        (None, Some(_)) => ("ok", "ok", said::DONE),
    };
    let (x, width) = scale.bar(from, to);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (said::ATTEMPT_TITLE) " " (attempt.number) span.sub { (sight.places.linked(visit, &attempt.worker)) }
            }
            td role="cell" data-l=(said::TIME_TITLE) {
                svg.gantt aria-hidden="true" {
                    @if let Some(before) = before {
                        line.(class) x1=(per_cent(scale.at(before))) x2=(per_cent(x)) y1="6" y2="6" {}
                    }
                    rect.(class) x=(per_cent(x)) width=(per_cent(width)) {}
                }
                span.sub { (time(from, sight.now)) }
            }
            td.num.nw role="cell" data-l=(history::TOOK) { (words::lasting(to - from)) }
            td role="cell" data-l=(said::OUTCOME) {
                (mark(class, shape, word))
                @if let Some(error) = &attempt.error {
                    span.sub {
                        (texts::sentence(said::step(error.step))) ": " (texts::ended(&texts::shortened(&error.message))) " "
                        (said::may_help(error.retryable))
                    }
                }
            }
        }
    }
}

fn per_cent(share: f64) -> String {
    format!("{share:.1}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lie_on_the_scale_however_short_they_are() {
        let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        let scale = Scale { from: at(0), to: at(1_000) };
        assert_eq!(scale.bar(at(0), at(250)), (0.0, 25.0));
        let (x, width) = scale.bar(at(1_000), at(1_000));
        assert_eq!((per_cent(x), per_cent(width)), ("99.3%".to_owned(), "0.7%".to_owned()));
        // A clock that went back makes no bar of a negative width.
        assert_eq!(scale.bar(at(500), at(400)), (50.0, NARROWEST));
    }
}
