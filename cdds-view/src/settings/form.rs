//! The form of a job's settings.

use std::num::NonZeroU32;

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::calendar::frequency::FrequencyKind;
use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::calendar::wall_clock::WallClock;
use cdds_core::domain::id::{RecipientName, SourceId, TypeId};
use cdds_core::domain::job::lifecycle::NewJob;
use cdds_core::domain::job::policy::{BadRecords, CatchUp, Incomplete, Overlap, Policies, Retries};
use cdds_core::domain::job::{Description, JobSettings, Protection, Read, Reads, RecipientNames, Title};
use cdds_core::domain::record::template::{Filter, Template};
use cdds_core::domain::violation::RuleViolation;
use serde::{Deserialize, Deserializer, Serialize};

use super::delivery::{destinations, subscriptions};
use super::reads::{categories, field_selection};
use super::{
    ClockParts, DestinationForm, FilterForm, Schedule, SettingsError, TextOrNumber, TypesForm,
    parse_split_bytes, spell_split_size,
};
use crate::instant::Instant;
use crate::names;
use crate::selection::Selection;

/// The settings of a job, as a job file spells them. Keys have dashes (`split-size`); a missing or null key
/// has its default; unknown keys are refused. Instants are UTC; times of day are those of the time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct SettingsForm {
    /// The title, 1 to 255 characters after trimming.
    pub title: String,
    /// The description, up to 4,096 characters; empty by default.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The id of a registered source.
    pub source: String,
    /// The id of one of the source's data types, or an array of several (rule J17). `category`, `field` and
    /// `filter` hold for each type that has none of its own.
    #[serde(rename = "type")]
    pub data_type: TypesForm,
    /// The categories; `all` by default. They are taken literally.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Selection::is_all")]
    pub category: Selection,
    /// The fields of the records; `all` by default. They are taken literally.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Selection::is_all")]
    pub field: Selection,
    /// The filters, all of which a record must match; none by default.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<FilterForm>,
    /// Which records by their instant, like `rolling:1w`; `all` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<String>,
    /// How often.
    #[serde(with = "names::frequency_kind")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Frequency))]
    pub run: FrequencyKind,
    /// once: when; immediately by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Instant>,
    /// hourly: every so many hours from midnight, 1 to 23; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 23))]
    pub every: Option<u32>,
    /// hourly: at which minute, 0 to 59; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 59))]
    pub minute: Option<u32>,
    /// weekly: `mon` to `sun`; monthly: 1 to 31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<TextOrNumber>,
    /// daily, weekly, monthly: the time of day, `HH:MM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// monthly: what a month without the day does, `skip` or `last`; `skip` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::MissingDay>))]
    pub missing_day: Option<String>,
    /// cron: minute, hour, day of month, month, day of week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The time zone by whose clock times and days are meant, by its name in the IANA database; `UTC` by default
    /// (rule F9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What happens to a time that the clock leaves out, `shift` or `skip`; `shift` by default. Not in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Gap>))]
    pub gap: Option<String>,
    /// What happens to a time that the clock shows twice, `first`, `second` or `both`; `first` by default. Not in
    /// UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Fold>))]
    pub fold: Option<String>,
    /// The first instant at which the job may be due; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Instant>,
    /// The first instant at which the job is not due any more; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Instant>,
    /// Whether a new recurring job also runs at once (rule J17); false by default. It belongs to the
    /// submission: the settings of a job have no such key.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_false")]
    pub first_run_now: bool,
    /// The largest size of a part: MB (2^20 bytes), or a text with a unit like `64KiB`; a single part by
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_size: Option<TextOrNumber>,
    /// Whether exports are not sealed; false by default. Excludes recipients.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_false")]
    pub plaintext: bool,
    /// The names of the recipients that exports are sealed for; at least one, unless plaintext is asked for.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub recipient: Vec<String>,
    /// How long artifacts are kept, in days; as long as the service does by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3650))]
    pub retention_days: Option<u16>,
    /// What happens if the job is due again while it waits or runs: `queue` or `coalesce`; by timeframe by
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Overlap>))]
    pub overlap: Option<String>,
    /// What happens to occurrences that were missed, like `queue:7d`; by timeframe by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<String>,
    /// How often a failed attempt is repeated, 0 to 100; as the engine does by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 100))]
    pub retries: Option<u32>,
    /// The largest delay of a start, like `10m`; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// After how many failures in a row the job is suspended, at least 1; never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub pause_after_failures: Option<NonZeroU32>,
    /// What happens to records that cannot be read: `fail`, or `skip:` and how many are set aside at most;
    /// `fail` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_records: Option<String>,
    /// What happens while the source is not complete: `wait` or, for instance, `go-on:6h`. `wait` by default
    /// (rule W3b).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// The destinations to which each set is delivered besides the store; none by default (rule N1).
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub destination: Vec<DestinationForm>,
    /// What is compared before a delivered file has its final name, `size` or `digest`; `size` by default (rule N6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Receipt>))]
    pub receipt: Option<String>,
    /// Who is told, each like `mailto:ada@example.com` or `webhook:billing?on=failed,delivered`; nobody by default
    /// (rule N2).
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// Of what they are told if they do not say it themselves, like `failed,delivered`: `published`, `delivered`,
    /// `delivery_failed`, `failed`, `certificate`, `expiring`, `paused`, `disabled` or `recall`. By default of final
    /// failures, of copies that are to be deleted, and of successes once they have arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_on: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Reads null like a missing key.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Leaves out every value that is the default.
impl From<&JobSettings> for SettingsForm {
    fn from(settings: &JobSettings) -> Self {
        let Policies {
            overlap,
            catch_up,
            retries,
            jitter,
            pause_after_failures,
            bad_records,
            incomplete,
            ..
        } = settings.policies;
        let schedule = Schedule::from(&settings.frequency);
        let clock = ClockParts::from(&settings.clock);
        let day = schedule.day.map(|day| day.parse().map_or(TextOrNumber::Text(day), TextOrNumber::Number));
        let recipients = settings.protection.recipients();
        let only = settings.reads.only();
        Self {
            title: settings.title.as_str().to_owned(),
            description: settings.description.as_str().to_owned(),
            source: settings.source.to_string(),
            data_type: TypesForm::from(&settings.reads),
            category: only.map_or(Selection::All, |read| read.categories.clone().into()),
            field: only.map_or(Selection::All, |read| read.template.fields.clone().into()),
            filter: only.into_iter().flat_map(|read| &read.template.filters).map(FilterForm::from).collect(),
            timeframe: (settings.timeframe != Timeframe::All).then(|| settings.timeframe.to_string()),
            run: settings.frequency.kind(),
            start: schedule.start.flatten().map(Instant),
            every: schedule.every,
            minute: schedule.minute,
            day,
            at: schedule.at,
            missing_day: schedule.missing_day,
            cron: schedule.cron,
            time_zone: clock.time_zone,
            gap: clock.gap,
            fold: clock.fold,
            starts_at: settings.starts_at.map(Instant),
            ends_at: settings.ends_at.map(Instant),
            first_run_now: false,
            split_size: settings.split_size.map(|size| TextOrNumber::Text(spell_split_size(size))),
            plaintext: settings.protection == Protection::Plaintext,
            recipient: recipients.iter().map(ToString::to_string).collect(),
            retention_days: settings.retention.map(RetentionDays::days),
            overlap: overlap.map(Overlap::as_str).map(str::to_owned),
            catch_up: (catch_up != CatchUp::default()).then(|| catch_up.to_string()),
            retries: retries.map(Retries::count),
            jitter: jitter.map(|jitter| jitter.to_string()),
            pause_after_failures,
            bad_records: (bad_records != BadRecords::default()).then(|| bad_records.to_string()),
            incomplete: (incomplete != Incomplete::default()).then(|| incomplete.to_string()),
            destination: settings.destinations.iter().map(DestinationForm::from).collect(),
            receipt: None,
            notify: settings.subscriptions.iter().map(ToString::to_string).collect(),
            notify_on: None,
        }
    }
}

/// Each value is checked by itself; whether they fit together, and to what is registered, is decided when the
/// job is saved.
impl TryFrom<SettingsForm> for JobSettings {
    type Error = SettingsError;

    fn try_from(form: SettingsForm) -> Result<Self, Self::Error> {
        if form.first_run_now {
            return Err(SettingsError::FirstRun);
        }
        let title = Title::new(&form.title)?;
        let source = SourceId::new(form.source.as_str())?;
        let reads = form.reads()?;
        let frequency = form.schedule().over(None)?;
        let clock = form.clock().over(&WallClock::UTC)?;
        let protection = form.protection()?;
        let fresh = Self::of_reads(title, source, reads, frequency, protection);
        let timeframe = parsed(form.timeframe.as_deref())?.unwrap_or(fresh.timeframe.clone());
        Ok(fresh
            .with_description(Description::new(&form.description)?)
            .with_clock(clock)
            .with_starts_at(form.starts_at.map(|Instant(at)| at))
            .with_ends_at(form.ends_at.map(|Instant(at)| at))
            .with_split_size(form.split_size()?)
            .with_retention(form.retention_days.map(RetentionDays::new).transpose()?)
            .with_policies(form.policies()?)
            .with_subscriptions(subscriptions(&form.notify, form.notify_on.as_deref())?)
            .with_destinations(destinations(form.destination, form.receipt.as_deref())?)
            .with_timeframe(timeframe))
    }
}

/// The request of a new job. Only this takes a first run: the settings by themselves have none.
impl TryFrom<SettingsForm> for NewJob {
    type Error = SettingsError;

    fn try_from(mut form: SettingsForm) -> Result<Self, Self::Error> {
        let first_run_now = std::mem::take(&mut form.first_run_now);
        Ok(Self::from(JobSettings::try_from(form)?).with_first_run_now(first_run_now))
    }
}

impl SettingsForm {
    /// Returns a form in which everything else has its default. Protection has none: name recipients, or ask
    /// for plaintext.
    pub fn new(
        title: impl Into<String>,
        source: impl Into<String>,
        data_type: impl Into<String>,
        run: FrequencyKind,
    ) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            source: source.into(),
            data_type: TypesForm::One(data_type.into()),
            category: Selection::All,
            field: Selection::All,
            filter: Vec::new(),
            timeframe: None,
            run,
            start: None,
            every: None,
            minute: None,
            day: None,
            at: None,
            missing_day: None,
            cron: None,
            time_zone: None,
            gap: None,
            fold: None,
            starts_at: None,
            ends_at: None,
            first_run_now: false,
            split_size: None,
            plaintext: false,
            recipient: Vec::new(),
            retention_days: None,
            overlap: None,
            catch_up: None,
            retries: None,
            jitter: None,
            pause_after_failures: None,
            bad_records: None,
            incomplete: None,
            destination: Vec::new(),
            receipt: None,
            notify: Vec::new(),
            notify_on: None,
        }
    }

    fn reads(&self) -> Result<Reads, RuleViolation> {
        let filters = self.filter.iter().cloned().map(Filter::try_from).collect::<Result<_, _>>()?;
        let template = Template::new(field_selection(self.field.clone())?, filters)?;
        let read = |data_type| Read::of(data_type).with_categories(categories(self.category.clone()));
        // The type of the job's own selections is replaced by each type in turn.
        let own = TypeId::new("all").map(read)?.with_template(template);
        self.data_type.clone().reads(&own)
    }

    fn schedule(&self) -> Schedule {
        Schedule {
            run: Some(self.run),
            start: self.start.map(|Instant(at)| Some(at)),
            every: self.every,
            minute: self.minute,
            at: self.at.clone(),
            day: self.day.as_ref().map(ToString::to_string),
            missing_day: self.missing_day.clone(),
            cron: self.cron.clone(),
        }
    }

    fn clock(&self) -> ClockParts {
        ClockParts { time_zone: self.time_zone.clone(), gap: self.gap.clone(), fold: self.fold.clone() }
    }

    /// Returns the protection: sealed unless plaintext is asked for by name (rule S1).
    fn protection(&self) -> Result<Protection, SettingsError> {
        match (self.plaintext, self.recipient.is_empty()) {
            (true, true) => Ok(Protection::Plaintext),
            (true, false) => Err(SettingsError::PlaintextWithRecipients),
            (false, _) => {
                let names = self.recipient.iter().map(RecipientName::new).collect::<Result<Vec<_>, _>>()?;
                Ok(Protection::Sealed(RecipientNames::new(names)?))
            }
        }
    }

    fn split_size(&self) -> Result<Option<SplitSize>, SettingsError> {
        let Some(size) = &self.split_size else { return Ok(None) };
        let bytes = parse_split_bytes(&size.to_string()).ok_or(SettingsError::SplitSize)?;
        Ok(Some(SplitSize::from_bytes(bytes)?))
    }

    fn policies(&self) -> Result<Policies, RuleViolation> {
        Ok(Policies::default()
            .with_overlap(parsed(self.overlap.as_deref())?)
            .with_catch_up(parsed(self.catch_up.as_deref())?.unwrap_or_default())
            .with_retries(self.retries.map(Retries::new).transpose()?)
            .with_jitter(parsed(self.jitter.as_deref())?)
            .with_pause_after_failures(self.pause_after_failures)
            .with_bad_records(parsed(self.bad_records.as_deref())?.unwrap_or_default())
            .with_incomplete(parsed(self.incomplete.as_deref())?.unwrap_or_default()))
    }
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, T::Err> {
    text.map(str::parse).transpose()
}
