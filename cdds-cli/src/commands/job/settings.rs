//! Turns the typed options of a job into settings that are each valid: fresh ones, or a draft with some
//! replaced. Whether they fit together is decided when they are saved.

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::delivery::JobDestinations;
use cdds_core::domain::id::{RecipientName, SourceId, TypeId};
use cdds_core::domain::job::policy::{Policies, Retries};
use cdds_core::domain::job::{Description, JobSettings, Protection, Read, Reads, RecipientNames, Title};
use cdds_core::domain::notice::subscription::{Subscription, Subscriptions};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Template};
use cdds_core::domain::violation::RuleViolation;
use cdds_view::settings::{DestinationForm, ReadForm, parse_notice_kinds, parse_receipt, typed_read};
use chrono::NaiveDate;

use super::{lists, schedule};
use crate::args::{
    ArchiveOptions, ContentOptions, DeliveryOptions, JobOptions, PolicyOptions, Setting, items,
};
use crate::error::CliError;

/// Returns the settings of a new job.
pub(super) fn fresh(options: JobOptions) -> Result<JobSettings, CliError> {
    let content = &options.content;
    let title = Title::new(needed("title", content.title.as_ref())?)?;
    let source = SourceId::new(needed("source", content.source.as_ref())?)?;
    let Some(types) = &content.data_type else { return Err(CliError::usage("a new job needs a type")) };
    let whole = |form: ReadForm| TypeId::new(form.data_type()).map(Read::of);
    let reads = Reads::new(read_forms(types)?.into_iter().map(whole).collect::<Result<Vec<_>, _>>()?)?;
    let frequency = schedule::frequency(&options.schedule, None)?;
    // Sealed unless plaintext is asked for by name (rule S1).
    let protection = match protection(&options.archive)? {
        Some(protection) => protection,
        None => {
            let unsaid =
                |violation| CliError::from(violation).with_way_out("--recipient NAME, or --plaintext");
            Protection::Sealed(RecipientNames::new([]).map_err(unsaid)?)
        }
    };
    over(JobSettings::of_reads(title, source, reads, frequency, protection), options)
}

/// Writes out the days of a fixed timeframe, `fixed:2026-11-01..2026-11-08`: a day begins at 00:00 UTC.
fn with_instants(timeframe: String) -> String {
    let Some((start, end)) = timeframe.strip_prefix("fixed:").and_then(|range| range.split_once("..")) else {
        return timeframe;
    };
    let instant = |typed: &str| {
        let is_day = NaiveDate::parse_from_str(typed, "%Y-%m-%d").is_ok();
        if is_day { format!("{typed}T00:00:00Z") } else { typed.to_owned() }
    };
    format!("fixed:{}..{}", instant(start), instant(end))
}

/// Returns a required option: clap requires it on the command line, but a file may lack it.
fn needed<'a>(option: &str, typed: Option<&'a String>) -> Result<&'a str, CliError> {
    typed.map(String::as_str).ok_or_else(|| CliError::usage(format!("a new job needs a {option}")))
}

/// Returns the draft with the typed options in place of its own.
pub(super) fn over(draft: JobSettings, options: JobOptions) -> Result<JobSettings, CliError> {
    let frequency = schedule::frequency(&options.schedule, Some(&draft.frequency))?;
    let clock = schedule::clock(&options.schedule, &draft.clock)?;
    let mut settings = draft.with_frequency(frequency).with_clock(clock);
    place(&mut settings.starts_at, options.schedule.starts_at.map(Setting::value));
    place(&mut settings.ends_at, options.schedule.ends_at.map(Setting::value));
    content(&mut settings, options.content)?;
    archive(&mut settings, &options.archive)?;
    delivery(&mut settings, &options.delivery)?;
    policies(&mut settings.policies, &options.policies)?;
    Ok(settings)
}

/// Replaces the present value if there is a new one.
fn place<T>(present: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *present = new;
    }
}

fn content(settings: &mut JobSettings, typed: ContentOptions) -> Result<(), CliError> {
    settings.reads = reads(&settings.reads, &typed)?;
    place(&mut settings.title, typed.title.map(|title| Title::new(&title)).transpose()?);
    place(&mut settings.description, typed.description.map(|text| Description::new(&text)).transpose()?);
    place(&mut settings.source, typed.source.map(SourceId::new).transpose()?);
    place(&mut settings.timeframe, typed.timeframe.map(|text| with_instants(text).parse()).transpose()?);
    Ok(())
}

/// Returns the reads after the typed options. A type that the job reads already keeps its own selections, and
/// another one takes over those of the first; typed selections hold for every type without its own.
fn reads(present: &Reads, typed: &ContentOptions) -> Result<Reads, CliError> {
    let filters = typed.filter.as_deref().map(filter_list).transpose()?;
    let selected = |read: &Read| selected(read, typed, filters.clone());
    let Some(types) = &typed.data_type else {
        return Ok(Reads::new(present.iter().map(selected).collect::<Result<Vec<_>, _>>()?)?);
    };
    let mut reads = Vec::new();
    for mut form in read_forms(types)? {
        if let ReadForm::Spelled(read) = &mut form {
            read.filter.iter_mut().flatten().try_for_each(lists::read_file)?;
        }
        let known = present.iter().find(|read| read.data_type.as_str() == form.data_type());
        let Some(base) = known.or_else(|| present.iter().next()) else { continue };
        reads.push(form.over(&selected(base)?)?);
    }
    Ok(Reads::new(reads)?)
}

/// Returns the read with the typed categories, fields and filters in place of its own.
fn selected(
    read: &Read,
    typed: &ContentOptions,
    typed_filters: Option<Vec<Filter>>,
) -> Result<Read, RuleViolation> {
    let mut read = read.clone();
    place(&mut read.categories, typed.category.as_deref().map(categories));
    let Template { mut fields, mut filters } = read.template.clone();
    place(&mut fields, typed.field.as_deref().map(field_selection).transpose()?);
    place(&mut filters, typed_filters);
    Ok(read.with_template(Template::new(fields, filters)?))
}

/// Parses the data types: ids with commas between them, or an object.
fn read_forms(typed: &[String]) -> Result<Vec<ReadForm>, RuleViolation> {
    let mut forms = Vec::new();
    for text in typed {
        if text.starts_with('{') {
            forms.push(typed_read(text)?);
        } else {
            forms.extend(items(text).into_iter().map(ReadForm::Named));
        }
    }
    Ok(forms)
}

/// Parses categories. Whether they are declared is decided when the job is saved (rule J3).
fn categories(typed: &[String]) -> CategorySelection {
    if typed == ["all"] {
        return CategorySelection::All;
    }
    let values = typed.iter().flat_map(|list| items(list));
    CategorySelection::Only(values.filter(|value| !value.is_empty()).collect())
}

fn field_selection(typed: &[String]) -> Result<FieldSelection, RuleViolation> {
    if typed == ["all"] {
        return Ok(FieldSelection::All);
    }
    FieldNames::new(typed.iter().flat_map(|list| items(list))).map(FieldSelection::Only)
}

fn filter_list(texts: &[String]) -> Result<Vec<Filter>, CliError> {
    if texts == ["none"] {
        return Ok(Vec::new());
    }
    texts.iter().map(|text| lists::typed(text)).collect()
}

fn archive(settings: &mut JobSettings, typed: &ArchiveOptions) -> Result<(), RuleViolation> {
    let split_size = |bytes: Setting<u64>| bytes.value().map(SplitSize::from_bytes).transpose();
    place(&mut settings.split_size, typed.split_size.map(split_size).transpose()?);
    let retention = |days: Setting<u16>| days.value().map(RetentionDays::new).transpose();
    place(&mut settings.retention, typed.retention_days.map(retention).transpose()?);
    place(&mut settings.protection, protection(typed)?);
    Ok(())
}

/// Returns the protection, if one was typed.
fn protection(typed: &ArchiveOptions) -> Result<Option<Protection>, RuleViolation> {
    if typed.plaintext {
        return Ok(Some(Protection::Plaintext));
    }
    if typed.recipient.is_empty() {
        return Ok(None);
    }
    let names = typed.recipient.iter().map(RecipientName::new).collect::<Result<Vec<_>, _>>()?;
    RecipientNames::new(names).map(|names| Some(Protection::Sealed(names)))
}

/// Sets where sets go and who is told. A receipt, or kinds, that are typed alone hold for the present ones.
fn delivery(settings: &mut JobSettings, typed: &DeliveryOptions) -> Result<(), RuleViolation> {
    let receipt = typed.receipt.as_deref().map(parse_receipt).transpose()?;
    let destinations = match (&typed.destination, receipt) {
        (None, None) => None,
        (None, Some(receipt)) => {
            let present = settings.destinations.iter().cloned();
            Some(JobDestinations::new(present.map(|one| one.with_receipt(receipt)))?)
        }
        (Some(texts), _) if texts == &["none"] => Some(JobDestinations::default()),
        (Some(texts), receipt) => {
            let read = |text: &String| DestinationForm::typed(text)?.read(receipt.unwrap_or_default());
            Some(JobDestinations::new(texts.iter().map(read).collect::<Result<Vec<_>, _>>()?)?)
        }
    };
    place(&mut settings.destinations, destinations);
    let subscriptions = subscriptions(&settings.subscriptions, typed)?;
    place(&mut settings.subscriptions, subscriptions);
    Ok(())
}

fn subscriptions(
    present: &Subscriptions,
    typed: &DeliveryOptions,
) -> Result<Option<Subscriptions>, RuleViolation> {
    let kinds = typed.notify_on.as_deref().map(parse_notice_kinds).transpose()?;
    let list: Vec<Subscription> = match (&typed.notify, kinds) {
        (None, None) => return Ok(None),
        (None, Some(kinds)) => {
            present.iter().cloned().map(|one| Subscription { kinds: kinds.clone(), ..one }).collect()
        }
        (Some(texts), _) if texts == &["none"] => Vec::new(),
        (Some(texts), kinds) => {
            let kinds = kinds.flatten();
            let read = |text: &String| {
                let one: Subscription = text.parse()?;
                Ok(Subscription { kinds: one.kinds.or_else(|| kinds.clone()), ..one })
            };
            texts.iter().map(read).collect::<Result<_, RuleViolation>>()?
        }
    };
    Subscriptions::new(list).map(Some)
}

fn policies(policies: &mut Policies, typed: &PolicyOptions) -> Result<(), RuleViolation> {
    let overlap = |text: &String| unless("default", text).map(str::parse).transpose();
    place(&mut policies.overlap, typed.overlap.as_ref().map(overlap).transpose()?);
    place(&mut policies.catch_up, typed.catch_up.as_ref().map(|text| text.parse()).transpose()?);
    let retries = |retries: Setting<u32>| retries.value().map(Retries::new).transpose();
    place(&mut policies.retries, typed.retries.map(retries).transpose()?);
    let jitter = |text: &String| unless("none", text).map(str::parse).transpose();
    place(&mut policies.jitter, typed.jitter.as_ref().map(jitter).transpose()?);
    place(&mut policies.pause_after_failures, typed.pause_after_failures.map(Setting::value));
    place(&mut policies.bad_records, typed.bad_records.as_ref().map(|text| text.parse()).transpose()?);
    place(&mut policies.incomplete, typed.incomplete.as_ref().map(|text| text.parse()).transpose()?);
    Ok(())
}

fn unless<'a>(word: &str, text: &'a str) -> Option<&'a str> {
    (text != word).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use crate::args::ScheduleOptions;
    use cdds_core::domain::calendar::frequency::FrequencyKind;
    use cdds_core::domain::delivery::Receipt;
    use cdds_core::domain::job::policy::{BadRecords, CatchUp, Incomplete, Overlap};

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn typed() -> JobOptions {
        JobOptions {
            content: ContentOptions {
                title: text("T"),
                source: text("s"),
                data_type: Some(vec!["t".to_owned()]),
                ..ContentOptions::default()
            },
            schedule: ScheduleOptions { run: Some(FrequencyKind::Once), ..ScheduleOptions::default() },
            archive: ArchiveOptions { plaintext: true, ..ArchiveOptions::default() },
            delivery: DeliveryOptions::default(),
            policies: PolicyOptions::default(),
        }
    }

    /// Returns options in which everything that can be unset is set.
    fn everything() -> JobOptions {
        let mut options = typed();
        let instant = Some(Setting::Is(chrono::DateTime::UNIX_EPOCH));
        (options.schedule.starts_at, options.schedule.ends_at) = (instant, instant);
        options.content.category = Some(vec!["voice".to_owned()]);
        options.content.field = Some(vec!["a".to_owned(), "b".to_owned()]);
        options.content.filter = Some(vec!["a=1".to_owned()]);
        options.archive.split_size = Some(Setting::Is(1 << 20));
        options.archive.retention_days = Some(Setting::Is(7));
        options.delivery = DeliveryOptions {
            destination: Some(vec!["partner".to_owned(), "archive:in/{job}".to_owned()]),
            receipt: text("digest"),
            notify: Some(vec!["mailto:ada@example.com".to_owned(), "webhook:b?on=paused".to_owned()]),
            notify_on: text("failed"),
        };
        options.policies = PolicyOptions {
            overlap: text("queue"),
            catch_up: text("coalesce:1d"),
            retries: Some(Setting::Is(0)),
            jitter: text("10m"),
            pause_after_failures: NonZeroU32::new(3).map(Setting::Is),
            bad_records: text("skip:5"),
            incomplete: text("go-on:6h"),
        };
        options
    }

    #[test]
    fn what_is_given_is_set_and_what_is_left_out_stays() {
        let plain = fresh(typed()).unwrap();
        let full = over(plain.clone(), everything()).unwrap();
        assert_eq!(full.policies.overlap, Some(Overlap::Queue));
        assert_eq!(full.policies.catch_up, "coalesce:1d".parse::<CatchUp>().unwrap());
        assert_eq!(full.policies.bad_records, "skip:5".parse::<BadRecords>().unwrap());
        assert_eq!(full.policies.incomplete, "go-on:6h".parse::<Incomplete>().unwrap());
        assert_eq!(full.policies.retries.map(Retries::count), Some(0));
        assert_eq!(full.retention.map(RetentionDays::days), Some(7));
        assert!(full.starts_at.is_some() && full.ends_at.is_some() && full.split_size.is_some());
        assert_eq!(over(full.clone(), JobOptions::default()).unwrap(), full);
        let spelled: Vec<_> = full.subscriptions.iter().map(ToString::to_string).collect();
        assert_eq!(spelled, ["mailto:ada@example.com?on=failed", "webhook:b?on=paused"]);
        assert!(full.destinations.iter().all(|one| one.receipt == Receipt::Digest));
        assert_eq!(over(plain.clone(), JobOptions::default()).unwrap(), plain);
    }

    #[test]
    fn what_can_be_taken_away_is() {
        let plain = fresh(typed()).unwrap();
        let full = over(plain.clone(), everything()).unwrap();
        let mut away = JobOptions::default();
        (away.schedule.starts_at, away.schedule.ends_at) = (Some(Setting::Unset), Some(Setting::Unset));
        away.content.category = Some(vec!["all".to_owned()]);
        away.content.field = Some(vec!["all".to_owned()]);
        away.content.filter = Some(vec!["none".to_owned()]);
        away.archive.split_size = Some(Setting::Unset);
        away.archive.retention_days = Some(Setting::Unset);
        away.delivery.destination = Some(vec!["none".to_owned()]);
        away.delivery.notify = Some(vec!["none".to_owned()]);
        away.policies = PolicyOptions {
            overlap: text("default"),
            catch_up: text("default"),
            retries: Some(Setting::Unset),
            jitter: text("none"),
            pause_after_failures: Some(Setting::Unset),
            bad_records: text("fail"),
            incomplete: text("wait"),
        };
        assert_eq!(over(full, away).unwrap(), plain);
    }

    #[test]
    fn n1_n2_a_receipt_or_kinds_alone_hold_for_what_the_job_has() {
        let full = over(fresh(typed()).unwrap(), everything()).unwrap();
        let mut change = JobOptions::default();
        (change.delivery.receipt, change.delivery.notify_on) = (text("size"), text("default"));
        let changed = over(full.clone(), change).unwrap();
        assert_eq!(changed.destinations.as_slice().len(), 2);
        assert!(changed.destinations.iter().all(|one| one.receipt == Receipt::Size));
        assert!(changed.subscriptions.iter().all(|one| one.kinds.is_none()));
        let mut wrong = JobOptions::default();
        wrong.delivery.receipt = text("name");
        assert!(over(full, wrong).is_err());
    }
}
