//! The settings as they were for this run.

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::job::policy::CatchUp;
use cdds_core::domain::job::{JobSettings, Protection};
use cdds_view::{Instant, ReadView, words};
use maud::{Markup, html};

use super::Sight;
use crate::texts;
use crate::texts::{execution as said, settings as spoken};
use crate::visit::Visit;

pub(super) fn shown(visit: &Visit, sight: &Sight) -> Markup {
    let view = &sight.view.execution;
    html! {
        details.card.pad {
            summary { (said::SETTINGS) }
            dl.kv {
                @for (name, value) in rows(sight) { dt { (name) } dd { (value) } }
                dt { (said::EXECUTION) } dd { code { (view.id) } }
                @if let Some(of) = view.rerun_of {
                    dt { (said::RERUN_OF) }
                    dd { a href=(visit.to(&format!("history/{of}"))) { code { (of) } } }
                }
            }
        }
    }
}

/// Returns every setting that says something, in words.
fn rows(sight: &Sight) -> Vec<(&'static str, String)> {
    let settings = &sight.execution.settings;
    let policies = settings.policies;
    let instant = |at| Instant(at).to_string();
    let mut rows = vec![(texts::SOURCE, sight.source.clone())];
    rows.extend(settings.reads.iter().map(|read| (texts::TYPE, read_words(&read.into()))));
    rows.push((said::RUNS_TITLE, spoken::schedule(settings)));
    rows.push((said::EXPORTS, spoken::timeframe(&settings.timeframe)));
    rows.push((said::SEALED_FOR, sealed_for(settings)));
    let more = [
        (said::DESCRIPTION, Some(settings.description.as_str().to_owned()).filter(|text| !text.is_empty())),
        (crate::texts::job::TIME_ZONE, (!settings.clock.is_utc()).then(|| spoken::clock(&settings.clock))),
        (said::STARTS, settings.starts_at.map(instant)),
        (said::ENDS, settings.ends_at.map(instant)),
        (said::PART_SIZE, settings.split_size.map(|size| words::bytes(size.bytes()))),
        (
            said::KEPT,
            settings.retention.map(RetentionDays::days).map(|days| words::counted(days.into(), said::DAY)),
        ),
        (said::OVERLAP, policies.overlap.map(|overlap| spoken::overlap(Some(overlap)).to_owned())),
        (
            said::CATCH_UP,
            (policies.catch_up != CatchUp::default()).then(|| spoken::catch_up(policies.catch_up)),
        ),
        (said::RETRIES, policies.retries.map(|retries| words::counted(retries.count().into(), said::TIME))),
        (said::JITTER, policies.jitter.map(|jitter| spoken::up_to(jitter.longest()))),
        (
            said::PAUSE,
            policies.pause_after_failures.map(|count| words::counted(count.get().into(), said::FAILURE)),
        ),
        (said::BAD_RECORDS, Some(spoken::bad_records(policies.bad_records))),
        (said::INCOMPLETE, Some(spoken::incomplete(policies.incomplete))),
    ];
    rows.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
    rows
}

fn read_words(read: &ReadView) -> String {
    let mut words = vec![read.data_type.to_string()];
    if !read.category.is_all() {
        words.push(format!("{} {}", said::CATEGORIES, read.category.words()));
    }
    if !read.fields.is_all() {
        words.push(format!("{} {}", said::FIELDS, read.fields.words()));
    }
    words.extend(read.filters.iter().map(|filter| format!("{} {filter}", said::WHERE)));
    words.join("; ")
}

/// Says who can open the files: `Encrypted for: law, ops`.
pub(in crate::pages) fn protection(settings: &JobSettings) -> String {
    match settings.protection {
        Protection::Plaintext => said::NOT_ENCRYPTED.to_owned(),
        Protection::Sealed(_) | Protection::Handed { .. } => {
            format!("{}: {}", said::SEALED_FOR, sealed_for(settings))
        }
    }
}

/// Returns who can open the files.
pub(in crate::pages) fn sealed_for(settings: &JobSettings) -> String {
    match &settings.protection {
        Protection::Plaintext => said::PLAINTEXT.to_owned(),
        Protection::Sealed(names) => {
            names.as_slice().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        Protection::Handed { .. } => said::WHO_ASKS.to_owned(),
    }
}
