//! What several pages show.

use cdds_view::{DeliveryState, SlotReadingView, StatusLine, words};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use maud::{Markup, html};

use super::frame::icon;
use crate::answers::Answers;
use crate::texts;

/// Returns an instant: `Thu 26 Nov 14:05 UTC`. A script shows it in the visitor's own zone.
pub(super) fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let form = if at.year() == now.year() { "%a %-d %b %H:%M UTC" } else { "%-d %b %Y %H:%M UTC" };
    html! { time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) { (at.format(form)) } }
}

/// Returns an instant with how far away it is.
pub(super) fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { (time(at, now)) span.sub { (words::relative(at - now)) } }
}

/// Returns the slot of an execution, and below it what the job's clock shows then.
pub(super) fn slot(at: DateTime<Utc>, reading: Option<SlotReadingView>, now: DateTime<Utc>) -> Markup {
    html! { (when(at, now)) (local(reading)) }
}

/// Returns a slot that nobody has seen to yet, which may be overdue, and below it what the job's clock shows then.
pub(super) fn due(at: DateTime<Utc>, reading: Option<SlotReadingView>, now: DateTime<Utc>) -> Markup {
    html! { (time(at, now)) span.sub { (words::due(at - now)) } (local(reading)) }
}

fn local(reading: Option<SlotReadingView>) -> Markup {
    html! {
        @if let Some(SlotReadingView { local, note, .. }) = reading {
            span.sub {
                (local.0.format("%-d %b %H:%M %:z"))
                @if let Some(note) = note { ", " (note.as_str()) }
            }
        }
    }
}

/// Returns the time of a day: `14:05:31 UTC`, as [`time`] does.
pub(super) fn clock(at: DateTime<Utc>) -> Markup {
    html! { time.clock datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) { (at.format("%H:%M:%S UTC")) } }
}

/// Returns a day: `14 Sep 2026`.
pub(super) fn day(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.format("%Y-%m-%d")) { (at.format("%-d %b %Y")) } }
}

/// Says how long something took.
pub(super) fn took(milliseconds: u64) -> String {
    let took = i64::try_from(milliseconds).ok().and_then(TimeDelta::try_milliseconds);
    words::lasting(took.unwrap_or(TimeDelta::MAX))
}

/// The class of a status, and its icon: no status is told by its colour alone.
fn signs(status: &str) -> (&'static str, &'static str) {
    match status {
        "finished" => ("ok", "ok"),
        "finished_with_errors" => ("warn", "warn"),
        "in_progress" => ("run", "run"),
        "failed" => ("bad", "bad"),
        "cancelled" => ("off", "stop"),
        "skipped" => ("off", "skip"),
        "queued" => ("off", "queue"),
        _ => ("off", "idle"),
    }
}

/// Returns a status with its shape and its word.
pub(super) fn status(name: &str) -> Markup {
    let (class, shape) = signs(name);
    html! { span.st.(class) { (icon(shape)) span { (texts::status(name)) } } }
}

/// Returns the status of a run, which says where its set is as well: one that has not arrived is not done.
pub(super) fn arrived(name: &str, delivery: Option<DeliveryState>) -> Markup {
    let (class, shape, words) = arrival(name, delivery);
    mark(class, shape, &words)
}

/// Returns the class, the shape and the words of the same.
pub(super) fn arrival(name: &str, delivery: Option<DeliveryState>) -> (&'static str, &'static str, String) {
    let status = texts::status(name);
    match delivery {
        None | Some(DeliveryState::Delivered) => {
            let (class, shape) = signs(name);
            (class, shape, status)
        }
        Some(state) => {
            let (class, shape) = of_delivery(state);
            (class, shape, texts::delivery::after(&status, state))
        }
    }
}

/// Returns where a delivery stands.
pub(super) fn delivered(state: DeliveryState) -> Markup {
    let (class, shape) = of_delivery(state);
    mark(class, shape, texts::delivery::state(state))
}

const fn of_delivery(state: DeliveryState) -> (&'static str, &'static str) {
    match state {
        DeliveryState::Delivered => ("ok", "ok"),
        DeliveryState::Failed => ("bad", "warn"),
        DeliveryState::Running => ("run", "run"),
        _ => ("run", "queue"),
    }
}

/// Returns a mark with a word of its own: `class` is one of ok, warn, bad, run and off.
pub(super) fn mark(class: &str, shape: &str, word: &str) -> Markup {
    html! { span.st.(class) { (icon(shape)) span { (word) } } }
}

/// Returns the links to the pages of a list.
pub(super) fn pager(answers: &Answers, next: Option<&str>) -> Markup {
    let is_first = answers.one("next").is_none();
    html! {
        @if next.is_some() || !is_first {
            nav.pad.bar aria-label=(texts::PAGES) {
                @if !is_first { a href=(answers.without(&["next"]).query()) { (texts::FIRST_PAGE) } }
                @if let Some(next) = next {
                    a.end href=(answers.with("next", next).query()) { (texts::NEXT_PAGE) }
                }
            }
        }
    }
}

/// Returns the choices of a field whose first stands for none of them.
pub(super) fn choice<'a>(
    id: &str,
    name: &str,
    label: &str,
    chosen: Option<&str>,
    choices: impl IntoIterator<Item = (&'a str, String)>,
) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            select id=(id) name=(name) {
                option value="" { (texts::ALL) }
                @for (value, words) in choices {
                    option value=(value) selected[chosen == Some(value)] { (words) }
                }
            }
        }
    }
}

/// Says how far something is to those who cannot see it move: the script announces the words when they change, which is
/// at a quarter, a half, three quarters and at the end.
pub(super) fn said(what: &str, line: &StatusLine) -> Markup {
    let quarter = line.share.map_or(0, |share| share / 25 * 25);
    let words = match quarter {
        0 => texts::status(line.status),
        quarter => format!("{} {quarter} %", texts::status(line.status)),
    };
    html! { span hidden data-say={ (what) ": " (words) } {} }
}
