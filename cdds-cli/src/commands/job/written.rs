//! The settings of a job as a job file: `cdds job create --file` makes a job of the same settings from it.
//!
//! Defaults are left out, so that a file contains only what somebody chose.

use cdds_core::domain::job::JobSettings;
use cdds_view::Selection;
use cdds_view::settings::{
    DestinationForm, FilterForm, ListedFilter, ReadForm, SettingsForm, SpelledFilter, TextOrNumber, TypesForm,
};
use toml::{Table, Value};

/// Formats an instant as people type it.
fn instant(at: cdds_view::Instant) -> Value {
    let text = at.to_string();
    text.parse().map_or(Value::String(text), Value::Datetime)
}

fn number(number: impl Into<i64>) -> Value {
    Value::Integer(number.into())
}

fn text_or_number(value: TextOrNumber) -> Value {
    match value {
        TextOrNumber::Number(count) => i64::try_from(count).map_or(text(count.to_string()), number),
        TextOrNumber::Text(words) => text(words),
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

fn array(texts: Vec<String>) -> Value {
    Value::Array(texts.into_iter().map(Value::String).collect())
}

/// Returns the array of what is listed, or `None` if there is nothing.
fn listed(texts: Vec<String>) -> Option<Value> {
    (!texts.is_empty()).then(|| array(texts))
}

fn selection(selection: Selection) -> Option<Value> {
    match selection {
        Selection::All => None,
        Selection::Only(names) => Some(array(names)),
    }
}

fn filter(filter: FilterForm) -> Value {
    match filter {
        FilterForm::Text(short) => text(short),
        FilterForm::Spelled(SpelledFilter { field, operator, value }) => {
            let members = [("field", field), ("operator", operator), ("value", value)];
            Value::Table(
                members.map(|(name, value)| (name.to_owned(), text(value))).into_iter().collect::<Table>(),
            )
        }
        FilterForm::Listed(ListedFilter { field, values }) => {
            let members = [("field", text(field)), ("in", array(values))];
            Value::Table(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Table>())
        }
    }
}

fn types(types: TypesForm) -> Value {
    match types {
        TypesForm::One(data_type) => text(data_type),
        TypesForm::Several(reads) => Value::Array(reads.into_iter().map(read).collect()),
    }
}

fn read(read: ReadForm) -> Value {
    let ReadForm::Spelled(read) = read else { return text(read.data_type()) };
    let filters = |filters: Vec<FilterForm>| Value::Array(filters.into_iter().map(filter).collect());
    let members = [
        ("type", Some(text(read.data_type))),
        ("category", read.category.and_then(selection)),
        ("field", read.field.and_then(selection)),
        ("filter", read.filter.map(filters)),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Table(members.collect::<Table>())
}

fn destination(destination: DestinationForm) -> Value {
    match destination {
        DestinationForm::Text(short) => text(short),
        DestinationForm::Spelled(one) => {
            let members =
                [("destination", Some(one.destination)), ("path", one.path), ("receipt", one.receipt)];
            let members =
                members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?))));
            Value::Table(members.collect::<Table>())
        }
    }
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
    let form = SettingsForm::from(settings);
    lines.say("title", text(form.title.as_str()));
    lines.say("description", (!form.description.is_empty()).then(|| text(form.description.as_str())));
    lines.say("source", text(form.source.as_str()));
    lines.say("type", types(form.data_type.clone()));
    content(&mut lines, &form);
    schedule(&mut lines, &form);
    lines.say("split-size", form.split_size.map(text_or_number));
    lines.say("plaintext", form.plaintext.then_some(Value::Boolean(true)));
    lines.say("recipient", listed(form.recipient));
    lines.say("retention-days", form.retention_days.map(number));
    let destinations: Vec<Value> = form.destination.into_iter().map(destination).collect();
    lines.say("destination", (!destinations.is_empty()).then_some(Value::Array(destinations)));
    lines.say("notify", listed(form.notify));
    lines.say("overlap", form.overlap.map(text));
    lines.say("catch-up", form.catch_up.map(text));
    lines.say("retries", form.retries.map(number));
    lines.say("jitter", form.jitter.map(text));
    lines.say("pause-after-failures", form.pause_after_failures.map(|failures| number(failures.get())));
    lines.say("bad-records", form.bad_records.map(text));
    lines.say("incomplete", form.incomplete.map(text));
    lines.0
}

fn content(lines: &mut Lines, form: &SettingsForm) {
    lines.say("category", selection(form.category.clone()));
    lines.say("field", selection(form.field.clone()));
    let filters: Vec<Value> = form.filter.iter().cloned().map(filter).collect();
    lines.say("filter", (!filters.is_empty()).then_some(Value::Array(filters)));
    lines.say("timeframe", form.timeframe.clone().map(text));
}

fn schedule(lines: &mut Lines, form: &SettingsForm) {
    lines.say("run", text(form.run.as_str()));
    lines.say("start", form.start.map(instant));
    lines.say("every", form.every.map(number));
    lines.say("minute", form.minute.map(number));
    lines.say("day", form.day.clone().map(text_or_number));
    lines.say("at", form.at.clone().map(text));
    lines.say("missing-day", form.missing_day.clone().map(text));
    lines.say("cron", form.cron.clone().map(text));
    lines.say("time-zone", form.time_zone.clone().map(text));
    lines.say("gap", form.gap.clone().map(text));
    lines.say("fold", form.fold.clone().map(text));
    lines.say("starts-at", form.starts_at.map(instant));
    lines.say("ends-at", form.ends_at.map(instant));
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::domain::delivery::path::PathTemplate;
    use cdds_core::domain::delivery::{JobDestination, JobDestinations, Receipt};
    use cdds_core::domain::id::DestinationId;
    use cdds_core::domain::job::Description;
    use cdds_core::domain::notice::subscription::Subscriptions;
    use cdds_core::domain::record::selection::CategorySelection;
    use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};
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
        let one = (awkward(), select(&Operator::ALL[..]), prop_oneof![awkward(), Just(String::new())])
            .prop_filter_map("a filter", |(field, operator, value)| Filter::new(field, operator, value).ok());
        let list = (awkward(), prop::collection::vec(awkward(), 1..4))
            .prop_filter_map("a filter", |(field, values)| Filter::one_of(field, values).ok());
        let filter = prop_oneof![one, list];
        (fields, prop::collection::vec(filter, 0..3))
            .prop_map(|(fields, filters)| Template { fields, filters })
    }

    /// Destinations and subscribers with and without a path, a receipt and kinds of their own.
    fn some_told() -> impl Strategy<Value = (JobDestinations, Subscriptions)> {
        let path = select(vec!["", "in", "{job}/{yyyy}-{mm}-{dd}", "a: b/{type}"]);
        let one = (select(vec!["none", "partner"]), path, select(Receipt::ALL.to_vec())).prop_map(
            |(id, path, receipt)| {
                let path = PathTemplate::new(path).unwrap();
                JobDestination::new(DestinationId::new(id).unwrap()).with_path(path).with_receipt(receipt)
            },
        );
        let destinations =
            prop::collection::vec(one, 0..3).prop_map(|list| JobDestinations::new(list).unwrap_or_default());
        let subscriber =
            select(vec!["mailto:ada+x@example.com", "webhook:b?on=failed", "webhook:c?on=paused,expiring"]);
        let subscribers = prop::collection::vec(subscriber, 0..3).prop_map(|list| {
            let list = list.into_iter().map(|text| text.parse().unwrap());
            Subscriptions::new(list).unwrap_or_default()
        });
        (destinations, subscribers)
    }

    fn awkward_settings() -> impl Strategy<Value = JobSettings> {
        let categories = prop_oneof![
            Just(CategorySelection::All),
            prop::collection::btree_set(awkward(), 1..4).prop_map(CategorySelection::Only),
        ];
        let description = any::<String>().prop_filter_map("short", |text| Description::new(&text).ok());
        (job_settings(), awkward_template(), categories, description, some_told()).prop_map(
            |(settings, template, categories, description, (destinations, subscribers))| {
                settings
                    .with_template(template)
                    .with_categories(categories)
                    .with_description(description)
                    .with_destinations(destinations)
                    .with_subscriptions(subscribers)
                    .in_microseconds()
            },
        )
    }

    proptest! {
        #[test]
        fn j1_j5_a_job_file_says_every_setting(original in awkward_settings()) {
            let written = job_file(&original);
            let read = file::parsed(&written, false).map_err(|why| format!("{why} in\n{written}")).unwrap();
            let read = settings::fresh(read.options).map_err(|why| format!("{why:?} in\n{written}")).unwrap();
            prop_assert_eq!(&read, &original, "{}", written);
            prop_assert_eq!(job_file(&read), written);
        }

        #[test]
        fn j1_j5_the_json_of_the_settings_form_is_a_job_file(original in awkward_settings()) {
            let written = serde_json::to_string(&SettingsForm::from(&original)).unwrap();
            let read = file::parsed(&written, true).map_err(|why| format!("{why} in\n{written}")).unwrap();
            let read = settings::fresh(read.options).map_err(|why| format!("{why:?} in\n{written}")).unwrap();
            prop_assert_eq!(&read, &original, "{}", written);
        }
    }
}
