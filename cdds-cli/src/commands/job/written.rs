//! The settings of a job as a job file: `cdds job create --file` makes a job of the same settings from it.
//!
//! Defaults are left out, so that a file contains only what somebody chose.

use std::fmt::Display;

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::calendar::frequency::{Frequency, MissingDay, Start, TimeOfDay, weekday_name};
use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::job::policy::{BadRecords, CatchUp, Overlap, Policies, Retries};
use cdds_core::domain::job::{JobSettings, Protection};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{Filter, Template};
use chrono::{DateTime, SecondsFormat, Utc};
use toml::{Table, Value};

/// Formats an instant as people type it.
fn instant(at: DateTime<Utc>) -> Value {
    let text = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    text.parse().map_or(Value::String(text), Value::Datetime)
}

fn text(text: impl Display) -> Value {
    Value::String(text.to_string())
}

fn number(number: impl Into<i64>) -> Value {
    Value::Integer(number.into())
}

fn array(texts: impl IntoIterator<Item = impl Display>) -> Value {
    Value::Array(texts.into_iter().map(text).collect())
}

/// The lines of a file, in the order of the options.
#[derive(Debug, Default)]
struct Lines(String);

impl Lines {
    fn say(&mut self, name: &str, value: impl Into<Option<Value>>) {
        if let Some(value) = value.into() {
            self.0.push_str(&format!("{name} = {value}\n"));
        }
    }
}

/// Returns the job file.
pub(super) fn job_file(settings: &JobSettings) -> String {
    let mut lines = Lines(
        "# A job for `cdds job create --file`; an option that is left out has its default.\n".to_owned(),
    );
    let description = settings.description.as_str();
    lines.say("title", text(settings.title.as_str()));
    lines.say("description", (!description.is_empty()).then(|| text(description)));
    lines.say("source", text(&settings.source));
    lines.say("type", text(&settings.data_type));
    if let CategorySelection::Only(values) = &settings.categories {
        lines.say("category", array(values));
    }
    template(&mut lines, &settings.template);
    lines.say("timeframe", (settings.timeframe != Timeframe::All).then(|| text(&settings.timeframe)));
    frequency(&mut lines, &settings.frequency);
    lines.say("starts-at", settings.starts_at.map(instant));
    lines.say("ends-at", settings.ends_at.map(instant));
    lines.say("split-size", settings.split_size.map(split_size));
    match &settings.protection {
        Protection::Plaintext => lines.say("plaintext", Value::Boolean(true)),
        Protection::Sealed(names) => lines.say("recipient", array(names.as_slice())),
    }
    lines.say("retention-days", settings.retention.map(RetentionDays::days).map(number));
    policies(&mut lines, &settings.policies);
    lines.0
}

fn template(lines: &mut Lines, template: &Template) {
    lines.say("field", template.fields.names().map(array));
    let filters: Vec<Value> = template.filters.iter().map(filter).collect();
    lines.say("filter", (!filters.is_empty()).then_some(Value::Array(filters)));
}

/// Formats a filter as `field=value`, unless that would parse as another filter.
fn filter(filter: &Filter) -> Value {
    let short = filter.to_string();
    if !short.starts_with('{') && short != "none" && short.parse().is_ok_and(|read: Filter| read == *filter) {
        return Value::String(short);
    }
    let members =
        [("field", filter.field()), ("operator", filter.operator().as_str()), ("value", filter.value())];
    Value::Table(members.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect::<Table>())
}

fn frequency(lines: &mut Lines, frequency: &Frequency) {
    let at = |lines: &mut Lines, at: &TimeOfDay| lines.say("at", text(at));
    lines.say("run", text(frequency.kind()));
    match frequency {
        Frequency::Once(Start::Immediately) => {}
        Frequency::Once(Start::At(start)) => lines.say("start", instant(*start)),
        Frequency::Hourly(hourly) => {
            let plain = (hourly.every(), hourly.minute());
            lines.say("every", number(plain.0));
            lines.say("minute", number(plain.1));
        }
        Frequency::Daily(time) => at(lines, time),
        Frequency::Weekly { day, at: time } => {
            lines.say("day", text(weekday_name(*day)));
            at(lines, time);
        }
        Frequency::Monthly(monthly) => {
            lines.say("day", number(monthly.day()));
            at(lines, &monthly.at());
            lines.say("missing-day", (monthly.missing() == MissingDay::Last).then(|| text("last")));
        }
        Frequency::Cron(expression) => lines.say("cron", text(expression.as_str())),
    }
}

/// Formats a size in the largest unit that is exact.
fn split_size(size: SplitSize) -> Value {
    let bytes = size.bytes();
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    unit.map_or_else(|| text(format!("{bytes}B")), |(unit, name)| text(format!("{}{name}", bytes / unit)))
}

fn policies(lines: &mut Lines, policies: &Policies) {
    let Policies { overlap, catch_up, retries, jitter, pause_after_failures, bad_records } = *policies;
    lines.say("overlap", overlap.map(Overlap::as_str).map(text));
    lines.say("catch-up", (catch_up != CatchUp::default()).then(|| text(catch_up)));
    lines.say("retries", retries.map(Retries::count).map(number));
    lines.say("jitter", jitter.map(text));
    lines.say("pause-after-failures", pause_after_failures.map(|failures| number(failures.get())));
    lines.say("bad-records", (bad_records != BadRecords::default()).then(|| text(bad_records)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::domain::job::Description;
    use cdds_core::domain::record::template::{FieldNames, FieldSelection, Operator};
    use cdds_core::testing::strategies::job_settings;
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
    use proptest::sample::select;
    use proptest::{prop_assert_eq, proptest};

    use crate::commands::job::{file, settings};

    /// Names and values that look like something else: words, lists, operators, objects.
    fn awkward() -> impl Strategy<Value = String> {
        let strange = select(vec![
            "all",
            "none",
            "a,b",
            "\\",
            "\\all",
            "a=b",
            "=",
            ">",
            "{",
            "{\"field\"",
            "--title",
            "a\nb",
        ]);
        prop_oneof![strange.prop_map(str::to_owned), any::<String>(), "[a-z]{1,5}"]
            .prop_filter("a name", |text| !text.is_empty())
    }

    fn awkward_template() -> impl Strategy<Value = Template> {
        let fields = prop::collection::vec(awkward(), 0..4)
            .prop_map(|names| FieldNames::new(names).map_or(FieldSelection::All, FieldSelection::Only));
        let filter = (awkward(), select(&Operator::ALL[..]), prop_oneof![awkward(), Just(String::new())])
            .prop_filter_map("a filter", |(field, operator, value)| Filter::new(field, operator, value).ok());
        (fields, prop::collection::vec(filter, 0..3))
            .prop_map(|(fields, filters)| Template { fields, filters })
    }

    fn awkward_settings() -> impl Strategy<Value = JobSettings> {
        let categories = prop_oneof![
            Just(CategorySelection::All),
            prop::collection::btree_set(awkward(), 1..4).prop_map(CategorySelection::Only),
        ];
        let description = any::<String>().prop_filter_map("short", |text| Description::new(&text).ok());
        (job_settings(), awkward_template(), categories, description).prop_map(
            |(settings, template, categories, description)| {
                JobSettings { template, categories, description, ..settings }.in_microseconds()
            },
        )
    }

    proptest! {
        #[test]
        fn j1_j5_a_job_file_says_every_setting(original in awkward_settings()) {
            let written = job_file(&original);
            let read = file::options(&written, false).map_err(|why| format!("{why} in\n{written}")).unwrap();
            let read = settings::fresh(read).map_err(|why| format!("{why:?} in\n{written}")).unwrap();
            prop_assert_eq!(&read, &original, "{}", written);
            prop_assert_eq!(job_file(&read), written);
        }
    }
}
