//! A job, as lists show it.

use std::num::NonZeroU32;

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::calendar::zone::Zone;
use cdds_core::domain::delivery::{JobDestination, Receipt};
use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::id::{DestinationId, JobId, RecipientName, SourceId, SubjectRequestId, TypeId};
use cdds_core::domain::job::policy::{CatchUp, Overlap, Retries};
use cdds_core::domain::job::{JobState, Read, TypeList};
use cdds_core::domain::recipient::{self, Recipient};
use cdds_core::domain::record::template::{Condition, Filter};
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::ports::catalog::query::{JobOverview, LatestExecution, LatestStatus};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::execution::FailureView;
use crate::instant::Instant;
use crate::names::{self, latest_status_name};
use crate::progress::ProgressView;
use crate::selection::Selection;
use crate::slot_reading::SlotReadingView;
use crate::status::StatusLine;
use crate::suspension::SuspensionView;
use crate::words;

/// A job: its settings in words, where it stands, and its latest execution. For settings that can be sent
/// back, see [`SettingsForm`](crate::settings::SettingsForm).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct JobView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: JobId,
    /// The title, 1 to 255 characters.
    pub title: String,
    /// The description; empty if there is none.
    pub description: String,
    /// The source.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub source: SourceId,
    /// The data types, joined like `contact, interaction`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub types: TypeList,
    /// The selected categories; those of the first type if there are several.
    pub category: Selection,
    /// Whether the job starts anything new.
    #[serde(with = "names::job_state")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::JobState))]
    pub state: JobState,
    /// Why it is suspended, and since when; null if it is not.
    #[serde(default)]
    pub suspension: Option<SuspensionView>,
    /// The schedule in words, like `weekly on tue at 02:00` or `daily at 02:00, Europe/Berlin`; times are UTC
    /// unless a zone is named.
    pub run: String,
    /// The time zone by whose clock the job's times and days are meant (rule F9).
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The timeframe, like `rolling:1w`.
    pub timeframe: String,
    /// The largest size of a part, in bytes; null for a single part.
    pub split_size: Option<u64>,
    /// The recipients that exports are sealed for; empty for plaintext.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub recipients: Vec<RecipientName>,
    /// When the job was submitted.
    pub created_at: Instant,
    /// When a person last changed it.
    pub updated_at: Instant,
    /// Counts the changes that people made, from 1. An edit of another version can be refused.
    pub version: u64,
    /// The status of the running execution, or else of the newest one that was not skipped.
    #[serde(with = "names::latest_status")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::LatestStatus))]
    pub latest_status: LatestStatus,
    /// When that execution started; null while it waits, and if the job never ran.
    pub latest_started_at: Option<Instant>,
    /// Why that execution failed; null unless it did.
    pub latest_error: Option<FailureView>,
    /// When the job is next due; null when nothing will be.
    pub next_starts_at: Option<Instant>,
    /// What the job's clock shows then; null if its clock is UTC, and when nothing will be due (rule F9).
    #[serde(default)]
    pub next_reading: Option<SlotReadingView>,
    /// The progress of the latest execution; null before it starts.
    pub progress: Option<ProgressView>,
    /// The first instant at which the job may be due; null without such a bound.
    pub starts_at: Option<Instant>,
    /// The first instant at which the job is not due any more; null without such a bound.
    pub ends_at: Option<Instant>,
    /// The selected fields; those of the first type if there are several.
    pub fields: Selection,
    /// The filters, like `status=open`; a record must match all of them. Of a list of more than 20 values the
    /// first 10 and the count: `id in 1,2,3,… (5000 values)`. Those of the first type if there are several.
    pub filters: Vec<String>,
    /// Each type with its own selection. Left out if there is one type (rule J17).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadView>,
    /// What happens if the job is due again while it waits or runs; null for the default of its timeframe.
    #[serde(with = "names::overlap")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Overlap>))]
    pub overlap: Option<Overlap>,
    /// What happens to occurrences that were missed, like `queue:7d`; null for the default of its timeframe.
    pub catch_up: Option<String>,
    /// How often a failed attempt is repeated, 0 to 100; null for the engine's default.
    #[cfg_attr(feature = "openapi", schema(maximum = 100))]
    pub retries: Option<u32>,
    /// The largest delay of a start, like `10m`; null for none.
    pub jitter: Option<String>,
    /// After how many failures in a row the job is suspended, at least 1; null for never.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub pause_after_failures: Option<NonZeroU32>,
    /// What happens to records that cannot be read: `fail`, or `skip:` and how many are set aside at most.
    pub bad_records: String,
    /// What happens while the source is not complete: `wait`, or `go-on:` and how long it waits (rule W3b).
    pub incomplete: String,
    /// The destinations to which each set is delivered; empty for none (rule N1).
    #[serde(default)]
    pub destinations: Vec<JobDestinationView>,
    /// Who is told, each like `mailto:ada@example.com` or `webhook:billing?on=failed` (rule N2).
    #[serde(default)]
    pub notify: Vec<String>,
    /// How long artifacts are kept, in days; null for as long as the service keeps them.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3650))]
    pub retention_days: Option<u16>,
    /// How far incremental exports have come; null if the job is not incremental.
    pub watermark: Option<WatermarkView>,
    /// The number of executions that failed since the last success.
    pub failures_in_row: u32,
    /// Warnings about certificates that expire, each a sentence for people (rule S3).
    pub warnings: Vec<String>,
    /// The request of a data subject that the job answers, by the sources of its types; absent for a job that people have
    /// submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub request_id: Option<SubjectRequestId>,
    /// Whether the worker of the latest execution is alive; null if that is not running, or if it is unknown.
    pub worker_alive: Option<bool>,
}

fn utc() -> String {
    Zone::UTC.name().to_owned()
}

/// A destination of a job (rules N1, N6, N7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct JobDestinationView {
    /// The destination.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub destination: DestinationId,
    /// The folder below the destination's own, with its placeholders.
    pub path: String,
    /// What is compared before a file has its final name: `size` or `digest`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Receipt))]
    pub receipt: String,
}

impl From<&JobDestination> for JobDestinationView {
    fn from(one: &JobDestination) -> Self {
        Self {
            destination: one.destination.clone(),
            path: one.path.to_string(),
            receipt: one.receipt.to_string(),
        }
    }
}

/// One of several data types of a job (rule J17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ReadView {
    /// The source; absent for that of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub source: Option<SourceId>,
    /// The data type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub data_type: TypeId,
    /// The selected categories.
    pub category: Selection,
    /// The selected fields.
    pub fields: Selection,
    /// The filters, like `status=open`; a record must match all of them. Long lists are shortened.
    pub filters: Vec<String>,
}

impl From<&Read> for ReadView {
    fn from(read: &Read) -> Self {
        Self {
            source: read.source.clone(),
            data_type: read.data_type.clone(),
            category: read.categories.clone().into(),
            fields: read.template.fields.clone().into(),
            filters: filters(read),
        }
    }
}

fn filters(read: &Read) -> Vec<String> {
    read.template.filters.iter().map(filter_words).collect()
}

/// The longest list that is shown in full, and how much is shown of a longer one.
const VALUES_IN_FULL: usize = 20;
const VALUES_OF_LONG: usize = 10;

fn filter_words(filter: &Filter) -> String {
    let values = match filter.condition() {
        Condition::OneOf(values) if values.len() > VALUES_IN_FULL => values,
        _ => return filter.to_string(),
    };
    let begin = values.iter().take(VALUES_OF_LONG).cloned();
    match Filter::one_of(filter.field(), begin) {
        Ok(begin) => format!("{begin},… ({} values)", values.len()),
        Err(_) => filter.to_string(),
    }
}

/// How far incremental exports have come (rule W4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WatermarkView {
    /// Counts how often the watermark was reset.
    pub generation: u64,
    /// Everything before this instant was exported; null for nothing yet.
    pub at: Option<Instant>,
}

impl From<Watermark> for WatermarkView {
    fn from(Watermark { generation, at }: Watermark) -> Self {
        Self { generation, at: at.map(Instant) }
    }
}

/// Without warnings about certificates, for which see [`new`](JobView::new).
impl From<JobOverview> for JobView {
    fn from(JobOverview { job, latest }: JobOverview) -> Self {
        let suspension = SuspensionView::of(&job, latest.as_ref());
        let settings = job.settings;
        let policies = settings.policies;
        let run = settings.schedule().to_string();
        let next_reading = job.next_due_at.and_then(|slot| settings.schedule().reading(slot));
        let first = settings.reads.iter().next();
        Self {
            id: job.id,
            title: settings.title.as_str().to_owned(),
            description: settings.description.as_str().to_owned(),
            recipients: settings.protection.recipients().to_vec(),
            source: settings.source,
            types: settings.reads.types(),
            category: first.map_or(Selection::All, |read| read.categories.clone().into()),
            state: job.state,
            suspension,
            run,
            time_zone: settings.clock.zone().name().to_owned(),
            timeframe: settings.timeframe.to_string(),
            split_size: settings.split_size.map(SplitSize::bytes),
            created_at: Instant(job.created_at),
            updated_at: Instant(job.updated_at),
            version: job.version,
            latest_status: latest
                .as_ref()
                .map_or(LatestStatus::YetToRun, |latest| LatestStatus::Is(latest.status)),
            latest_started_at: latest.as_ref().and_then(|latest| latest.started_at).map(Instant),
            latest_error: latest.as_ref().and_then(|latest| latest.failure.as_ref()).map(FailureView::from),
            next_starts_at: job.next_due_at.map(Instant),
            next_reading: next_reading.map(SlotReadingView::from),
            progress: latest.as_ref().and_then(progress),
            worker_alive: latest.as_ref().and_then(|latest| Some(latest.worker? == WorkerLife::Alive)),
            starts_at: settings.starts_at.map(Instant),
            ends_at: settings.ends_at.map(Instant),
            fields: first.map_or(Selection::All, |read| read.template.fields.clone().into()),
            filters: first.map_or_else(Vec::new, filters),
            reads: match settings.reads.only() {
                Some(read) if read.source.is_none() => Vec::new(),
                _ => settings.reads.iter().map(ReadView::from).collect(),
            },
            overlap: policies.overlap,
            catch_up: (policies.catch_up != CatchUp::default()).then(|| policies.catch_up.to_string()),
            retries: policies.retries.map(Retries::count),
            jitter: policies.jitter.map(|jitter| jitter.to_string()),
            pause_after_failures: policies.pause_after_failures,
            bad_records: policies.bad_records.to_string(),
            incomplete: policies.incomplete.to_string(),
            destinations: settings.destinations.iter().map(JobDestinationView::from).collect(),
            notify: settings.subscriptions.iter().map(ToString::to_string).collect(),
            retention_days: settings.retention.map(RetentionDays::days),
            watermark: job.watermark.map(Into::into),
            failures_in_row: job.failures_in_row,
            warnings: Vec::new(),
            request_id: settings.request,
        }
    }
}

impl JobView {
    /// Returns the view of a job, with the warnings about its certificates among `recipients` (rule S3).
    pub fn new(overview: JobOverview, recipients: &[Recipient], now: DateTime<Utc>) -> Self {
        let warnings = recipient::expiring(&overview.job, recipients, now);
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Self { warnings, ..overview.into() }
    }

    /// Returns the latest status, with progress while the execution runs.
    pub fn latest(&self) -> StatusLine {
        let status = latest_status_name(self.latest_status);
        match self.progress {
            Some(progress) if self.worker_alive == Some(false) => progress.left_behind(status),
            Some(progress) if self.latest_status == LatestStatus::Is(Status::InProgress) => {
                progress.line(status)
            }
            _ => StatusLine::plain(status),
        }
    }

    /// Returns the state for people: `suspended`, or why it is that (`waits to start`, `paused by 3 failures`).
    pub fn state_words(&self) -> String {
        let why = self.suspension.as_ref().and_then(SuspensionView::words);
        why.unwrap_or_else(|| self.state.as_str().to_owned())
    }

    /// `ops, law`, or `none: plaintext`
    pub fn recipients_words(&self) -> String {
        if self.recipients.is_empty() {
            return "none: plaintext".to_owned();
        }
        self.recipients.iter().map(RecipientName::as_str).collect::<Vec<_>>().join(", ")
    }

    /// `partner: {job}/{yyyy}-{mm}-{dd}, archive: in (digest)`; empty if there are none.
    pub fn destinations_words(&self) -> String {
        let words = self.destinations.iter().map(|one| {
            let receipt = if one.receipt == Receipt::Digest.as_str() { " (digest)" } else { "" };
            let path = if one.path.is_empty() { "." } else { &one.path };
            format!("{}: {path}{receipt}", one.destination)
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// `7 days`, or `service default`
    pub fn retention_words(&self) -> String {
        self.retention_days
            .map_or_else(|| "service default".to_owned(), |days| words::counted(u64::from(days), "day"))
    }
}

/// Returns the progress of an execution that has started.
fn progress(latest: &LatestExecution) -> Option<ProgressView> {
    let progress = ProgressView::of(latest.status, latest.progress);
    let is_gone = latest.worker == Some(WorkerLife::Gone);
    latest.started_at.map(|_| if is_gone { progress.stopped() } else { progress })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j4_a_long_list_is_shortened_with_its_count() {
        let list = |count: usize| {
            filter_words(&Filter::one_of("id", (1..=count).map(|number| format!("{number:04}"))).unwrap())
        };
        assert_eq!(list(2), "id in 0001,0002");
        assert!(list(20).ends_with(",0020"));
        assert_eq!(list(21), "id in 0001,0002,0003,0004,0005,0006,0007,0008,0009,0010,… (21 values)");
        assert_eq!(filter_words(&"a=b".parse().unwrap()), "a=b");
    }
}
