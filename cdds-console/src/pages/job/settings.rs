//! Every setting of a job.

use cdds_core::domain::delivery::JobDestination;
use cdds_view::{Instant, ReadView, Selection, words};
use maud::{Markup, html};

use super::Sight;
use crate::forms::job::spelled_destination;
use crate::pages::destinations::state as works;
use crate::pages::parts::{day, mark, time};
use crate::texts::{self, delivery, job as said, settings as spoken};
use crate::visit::Visit;

pub(super) fn shown(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        aside.card.stack aria-labelledby="set-h" {
            (data(sight))
            (schedule(sight))
            (files(sight))
            (arrival(visit, sight))
            (policies(sight))
            (record(sight))
        }
    }
}

fn data(sight: &Sight) -> Markup {
    let view = &sight.view;
    html! {
        div.rows {
            h2 #set-h { (said::SETTINGS) }
            dl.kv {
                dt { (texts::SOURCE) } dd { (sight.source) }
                @if view.reads.is_empty() {
                    dt { (texts::TYPE) } dd { (view.types) }
                    (selection(&view.category, &view.fields, &view.filters))
                }
            }
            @for ReadView { data_type, category, fields, filters, .. } in &view.reads {
                h3 { (texts::TYPE) " " (data_type) }
                dl.kv { (selection(category, fields, filters)) }
            }
        }
    }
}

fn selection(category: &Selection, fields: &Selection, filters: &[String]) -> Markup {
    let names = |selection: &Selection| match selection {
        Selection::All => texts::ALL.to_owned(),
        Selection::Only(names) => names.join(", "),
    };
    html! {
        dt { (said::CATEGORIES) } dd { (names(category)) }
        dt { (said::FIELDS) } dd { (names(fields)) }
        dt { (said::FILTERS) } dd {
            @if filters.is_empty() { (texts::NONE) }
            @for filter in filters { code { (filter) } br; }
        }
    }
}

fn schedule(sight: &Sight) -> Markup {
    let (view, settings) = (&sight.view, &sight.job.settings);
    let bound = |at: Option<Instant>| {
        html! {
            @match at { Some(at) => (time(at.0, sight.now)), None => (said::NO_BOUND) }
        }
    };
    html! {
        div.rows {
            h3 { (said::SCHEDULE_AND_RANGE) }
            dl.kv {
                dt { (said::RUNS) } dd { (spoken::schedule(settings)) }
                dt { (said::TIME_ZONE) } dd { (spoken::clock(&settings.clock)) }
                dt { (said::EXPORTS) } dd { (spoken::timeframe(&settings.timeframe)) }
                dt { (said::NOT_BEFORE) } dd { (bound(view.starts_at)) }
                dt { (said::NOT_AFTER) } dd { (bound(view.ends_at)) }
            }
        }
    }
}

fn files(sight: &Sight) -> Markup {
    let view = &sight.view;
    let until = |name: &str| {
        sight
            .recipients
            .iter()
            .find(|known| known.name.as_str() == name)
            .map(|known| known.certificate.not_after)
    };
    html! {
        div.rows {
            h3 { (said::FILE_COUNT) }
            dl.kv {
                dt { (said::FILE_SIZE_AT_MOST) }
                dd { @match view.split_size { Some(bytes) => (words::bytes(bytes)), None => (said::ONE_FILE) } }
                dt { (said::ENCRYPTED_FOR) } dd {
                    @if view.recipients.is_empty() { (said::NOT_ENCRYPTED) }
                    @for name in &view.recipients {
                        (name) ", "
                        @match until(name.as_str()) {
                            Some(until) => { (said::UNTIL) (day(until)) },
                            None => (said::NOT_STORED),
                        }
                        br;
                    }
                }
                dt { (said::KEPT_FOR) } dd { (texts::sentence(&view.retention_words())) }
            }
            @if !view.warnings.is_empty() { (mark("warn", "warn", said::EXPIRES)) }
        }
    }
}

fn arrival(visit: &Visit, sight: &Sight) -> Markup {
    let settings = &sight.job.settings;
    html! {
        div.rows {
            h3 { (delivery::DELIVERY_AND_NOTICES) }
            dl.kv {
                dt { (delivery::DESTINATIONS) } dd {
                    @if settings.destinations.is_empty() { (texts::NONE) }
                    @for one in &settings.destinations { (destination(visit, sight, one)) }
                }
                dt { (delivery::NOTIFY) } dd {
                    @if settings.subscriptions.is_empty() { (texts::NONE) }
                    @for one in &settings.subscriptions { code { (one) } br; }
                }
            }
        }
    }
}

/// Returns a destination with its health: where files go is no comfort while nothing arrives.
fn destination(visit: &Visit, sight: &Sight, one: &JobDestination) -> Markup {
    let known = sight.destinations.iter().find(|known| known.id == one.destination);
    html! {
        div {
            code { (spelled_destination(one)) }
            span.sub {
                @match known {
                    None => (mark("warn", "warn", delivery::NOT_REGISTERED)),
                    Some(known) => {
                        a href=(visit.to("destinations")) { (known.title) } " " (works(known.health.state))
                    },
                }
            }
        }
    }
}

fn policies(sight: &Sight) -> Markup {
    let policies = sight.job.settings.policies;
    let or = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
    html! {
        div.rows {
            h3 { (said::WHEN_WRONG) }
            dl.kv {
                dt { (said::RETRIES) }
                dd { (or(policies.retries.map(|retries| retries.count().to_string()), said::AS_SERVICE)) }
                dt { (said::PAUSE) }
                dd { (or(policies.pause_after_failures.map(|count| count.to_string()), texts::NEVER)) }
                dt { (said::BAD_RECORDS) } dd { (spoken::bad_records(policies.bad_records)) }
                dt { (said::OVERLAP) }
                dd { (spoken::overlap(policies.overlap)) }
                dt { (said::CATCH_UP) } dd { (spoken::catch_up(policies.catch_up)) }
                dt { (said::JITTER) } dd { (or(policies.jitter.map(|jitter| spoken::duration(jitter.longest())), texts::NONE)) }
                dt { (said::INCOMPLETE) } dd { (spoken::incomplete(policies.incomplete)) }
            }
        }
    }
}

fn record(sight: &Sight) -> Markup {
    let view = &sight.view;
    html! {
        div #record .rows data-live {
            h3 { (said::RECORD) }
            dl.kv {
                dt { (texts::CREATED) } dd { (time(view.created_at.0, sight.now)) }
                dt { (said::CHANGED) } dd { (time(view.updated_at.0, sight.now)) }
                dt { (said::VERSION) } dd { (view.version) }
                dt { (said::FAILURES) } dd { (view.failures_in_row) }
            }
        }
    }
}
