//! Settings as answers of the form.

use cdds_core::JobSettings;
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::calendar::frequency::{Frequency, FrequencyKind};
use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::job::policy::{BadRecords, CatchUp, Incomplete, Overlap, Policies, Retries};
use cdds_core::domain::job::{Protection, Read};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldSelection, Filter};
use cdds_view::settings::{ClockParts, FilterForm, Schedule, spell_split_size};
use chrono::{DateTime, Utc};

use super::arrival::{spelled_place, spelled_subscriber};
use super::groups::{PLACES, SUBSCRIBERS};
use super::times;
use crate::answers::Answers;

/// Returns the answers by which the form says these settings.
pub(crate) fn spelled(settings: &JobSettings) -> Answers {
    let mut pairs = Pairs::default();
    pairs.say("title", settings.title.as_str());
    pairs.say("description", settings.description.as_str());
    pairs.say("source", settings.source.to_string());
    pairs.say("reads", settings.reads.as_slice().len().to_string());
    for (number, read) in settings.reads.iter().enumerate() {
        pairs.read(number, read);
    }
    pairs.frequency(&settings.frequency);
    let ClockParts { time_zone, gap, fold } = ClockParts::from(&settings.clock);
    pairs.some("time-zone", time_zone);
    pairs.some("gap", gap);
    pairs.some("fold", fold);
    pairs.timeframe(&settings.timeframe);
    pairs.instant("starts", settings.starts_at);
    pairs.instant("ends", settings.ends_at);
    pairs.some("split-size", settings.split_size.map(spell_split_size));
    pairs.say("seal", if settings.protection == Protection::Plaintext { "plaintext" } else { "sealed" });
    for name in settings.protection.recipients() {
        pairs.say("recipient", name.to_string());
    }
    pairs.some("retention-days", settings.retention.map(RetentionDays::days));
    pairs.policies(&settings.policies);
    pairs.say(PLACES.count, settings.destinations.iter().count().to_string());
    for (number, one) in settings.destinations.iter().enumerate() {
        pairs.0.extend(spelled_place(one, number));
    }
    pairs.say(SUBSCRIBERS.count, settings.subscriptions.iter().count().to_string());
    for (number, one) in settings.subscriptions.iter().enumerate() {
        pairs.0.extend(spelled_subscriber(one, number));
    }
    pairs.0.into_iter().collect()
}

#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn say(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    fn some(&mut self, name: impl Into<String>, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.say(name, value.to_string());
        }
    }

    fn instant(&mut self, name: &str, at: Option<DateTime<Utc>>) {
        if let Some((date, time)) = at.map(times::spelled) {
            self.say(format!("{name}-date"), date);
            self.say(format!("{name}-time"), time);
        }
    }

    fn read(&mut self, number: usize, read: &Read) {
        self.say(format!("type-{number}"), read.data_type.to_string());
        match &read.categories {
            CategorySelection::All => self.say(format!("cat-{number}"), "all"),
            CategorySelection::Only(values) => {
                self.say(format!("cat-{number}"), "some");
                for value in values {
                    self.say(format!("category-{number}"), value);
                }
            }
        }
        if let FieldSelection::Only(names) = &read.template.fields {
            self.say(format!("fields-{number}"), names.as_slice().join("\n"));
        }
        let filters: Vec<String> = read.template.filters.iter().map(filter).collect();
        self.say(format!("filters-{number}"), filters.join("\n"));
    }

    fn frequency(&mut self, frequency: &Frequency) {
        let kind = frequency.kind();
        let Schedule { start, every, minute, day, at, missing_day, cron, .. } = Schedule::from(frequency);
        self.say("run", kind.as_str());
        self.instant("once", start.flatten());
        self.some("every", every);
        self.some("minute", minute);
        self.some("cron", cron);
        self.some("missing-day", missing_day);
        match kind {
            FrequencyKind::Weekly => self.some("weekly-day", day),
            _ => self.some("monthly-day", day),
        }
        match kind {
            FrequencyKind::Daily => self.some("daily-at", at),
            FrequencyKind::Weekly => self.some("weekly-at", at),
            _ => self.some("monthly-at", at),
        }
    }

    fn timeframe(&mut self, timeframe: &Timeframe) {
        let (name, span) = match timeframe {
            Timeframe::All => ("all", None),
            Timeframe::SinceLastExport { .. } => ("since-last", None),
            Timeframe::Fixed(_) => ("fixed", None),
            Timeframe::Rolling(span) => ("rolling", Some(span)),
            Timeframe::Previous(span) => ("previous", Some(span)),
        };
        self.say("frame", name);
        if let Some(span) = span {
            self.say(format!("{name}-count"), span.count.to_string());
            self.say(format!("{name}-unit"), span.unit.suffix());
        }
        match timeframe {
            Timeframe::SinceLastExport { origin } => self.instant("origin", *origin),
            Timeframe::Fixed(range) => {
                self.instant("fixed-from", Some(range.start()));
                self.instant("fixed-to", Some(range.end()));
            }
            _ => {}
        }
    }

    fn policies(&mut self, policies: &Policies) {
        self.some("overlap", policies.overlap.map(Overlap::as_str));
        self.some("catch-up", policies.catch_up.missed.map(Overlap::as_str));
        let limit = CatchUp { missed: None, ..policies.catch_up };
        self.some("catch-up-limit", limit.limit.map(|_| limit));
        self.some("retries", policies.retries.map(Retries::count));
        self.some("jitter", policies.jitter);
        self.some("pause-after-failures", policies.pause_after_failures);
        if let BadRecords::Skip { max } = policies.bad_records {
            self.say("bad-records", max.to_string());
        }
        if policies.incomplete != Incomplete::default() {
            let text = policies.incomplete.to_string();
            self.say("incomplete", "go-on");
            self.some("go-on-after", text.strip_prefix("go-on:"));
        }
    }
}

/// Spells a filter in one line.
fn filter(filter: &Filter) -> String {
    let form = FilterForm::from(filter);
    match &form {
        FilterForm::Text(text) if !text.contains(['\n', '\r']) && text.trim() == text => text.clone(),
        FilterForm::Text(_) => {
            let parts = serde_json::json!({
                "field": filter.field(),
                "operator": filter.condition().as_str(),
                "value": filter.values().first(),
            });
            parts.to_string()
        }
        form => serde_json::to_string(form).unwrap_or_default(),
    }
}
