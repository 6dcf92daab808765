//! A job, as the Jobs page shows it.

use cdds_core::domain::execution::Status;
use cdds_core::domain::policy::{CatchUp, Overlap, Retries};
use cdds_core::domain::recipient::{self, Recipient};
use cdds_core::domain::retention::RetentionDays;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::split_size::SplitSize;
use cdds_core::domain::template::{FieldSelection, Filter};
use cdds_core::domain::watermark::Watermark;
use cdds_core::ports::catalog::query::{JobOverview, LatestExecution};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::{Instant, ProgressView, UNKNOWN, bytes, or_unknown};
use crate::output::View;

/// The latest status of a job that never ran (rule E1).
pub(crate) const YET_TO_RUN: &str = "yet_to_run";

#[derive(Debug, Serialize)]
pub(crate) struct JobView {
    id: String,
    title: String,
    description: String,
    source: String,
    r#type: String,
    category: Selection,
    state: &'static str,
    run: String,
    timeframe: String,
    split_size: Option<u64>,
    recipients: Vec<String>,
    created_at: Instant,
    updated_at: Instant,
    version: u64,
    latest_status: &'static str,
    latest_started_at: Option<Instant>,
    next_starts_at: Option<Instant>,
    progress: Option<ProgressView>,
    starts_at: Option<Instant>,
    ends_at: Option<Instant>,
    fields: Selection,
    filters: Vec<String>,
    overlap: Option<&'static str>,
    catch_up: Option<String>,
    retries: Option<u32>,
    jitter: Option<String>,
    pause_after_failures: Option<u32>,
    bad_records: String,
    retention_days: Option<u16>,
    watermark: Option<WatermarkView>,
    failures_in_row: u32,
    warnings: Vec<String>,
}

/// `"all"`, or an array of names.
#[derive(Debug)]
enum Selection {
    All,
    Only(Vec<String>),
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Only(names) => names.serialize(serializer),
        }
    }
}

impl Selection {
    fn words(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Only(names) => names.join(","),
        }
    }
}

impl From<CategorySelection> for Selection {
    fn from(selection: CategorySelection) -> Self {
        match selection {
            CategorySelection::All => Self::All,
            CategorySelection::Only(values) => Self::Only(values.into_iter().collect()),
        }
    }
}

impl From<FieldSelection> for Selection {
    fn from(selection: FieldSelection) -> Self {
        match selection {
            FieldSelection::All => Self::All,
            FieldSelection::Only(names) => Self::Only(names.as_slice().to_vec()),
        }
    }
}

/// How far incremental exports have come (rule W4).
#[derive(Debug, Clone, Copy, Serialize)]
struct WatermarkView {
    generation: u64,
    at: Option<Instant>,
}

impl From<Watermark> for WatermarkView {
    fn from(Watermark { generation, at }: Watermark) -> Self {
        Self { generation, at: at.map(Instant) }
    }
}

impl JobView {
    /// The job, with what is to be known about the certificates among `recipients` (rule S3).
    pub(crate) fn new(overview: JobOverview, recipients: &[Recipient], now: DateTime<Utc>) -> Self {
        let JobOverview { job, latest } = overview;
        let warnings = recipient::expiring(&job, recipients, now);
        let settings = job.settings;
        let policies = settings.policies;
        let recipients = settings.protection.recipients().iter().map(ToString::to_string).collect();
        Self {
            id: job.id.to_string(),
            title: settings.title.as_str().to_owned(),
            description: settings.description.as_str().to_owned(),
            source: settings.source.to_string(),
            r#type: settings.data_type.to_string(),
            category: settings.categories.into(),
            state: job.state.as_str(),
            run: settings.frequency.to_string(),
            timeframe: settings.timeframe.to_string(),
            split_size: settings.split_size.map(SplitSize::bytes),
            recipients,
            created_at: Instant(job.created_at),
            updated_at: Instant(job.updated_at),
            version: job.version,
            latest_status: latest.as_ref().map_or(YET_TO_RUN, |latest| latest.status.as_str()),
            latest_started_at: latest.as_ref().and_then(|latest| latest.started_at).map(Instant),
            next_starts_at: job.next_due_at.map(Instant),
            progress: latest.as_ref().and_then(progress),
            starts_at: settings.starts_at.map(Instant),
            ends_at: settings.ends_at.map(Instant),
            fields: settings.template.fields.into(),
            filters: settings.template.filters.iter().map(Filter::to_string).collect(),
            overlap: policies.overlap.map(Overlap::as_str),
            catch_up: (policies.catch_up != CatchUp::default()).then(|| policies.catch_up.to_string()),
            retries: policies.retries.map(Retries::count),
            jitter: policies.jitter.map(|jitter| jitter.to_string()),
            pause_after_failures: policies.pause_after_failures.map(Into::into),
            bad_records: policies.bad_records.to_string(),
            retention_days: settings.retention.map(RetentionDays::days),
            watermark: job.watermark.map(Into::into),
            failures_in_row: job.failures_in_row,
            warnings: warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What has started has progress.
fn progress(latest: &LatestExecution) -> Option<ProgressView> {
    latest.started_at.map(|_| latest.progress.into())
}

impl View for JobView {
    const COLUMNS: &'static [&'static str] =
        &["id", "title", "source", "type", "state", "run", "latest status", "latest started", "next starts"];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.title.clone(),
            self.source.clone(),
            self.r#type.clone(),
            self.state.to_owned(),
            self.run.clone(),
            self.latest_words(),
            or_unknown(self.latest_started_at.map(Instant::short)),
            or_unknown(self.next_starts_at.map(Instant::short)),
        ]
    }

    fn details(&self) -> Lines {
        let (settings, policies) = (self.settings_words(), self.policies_words());
        settings.into_iter().chain(policies).chain(self.standing_words()).collect()
    }
}

/// Names and values, line by line.
type Lines = Vec<(&'static str, String)>;

impl JobView {
    fn settings_words(&self) -> Lines {
        vec![
            ("id", self.id.clone()),
            ("title", self.title.clone()),
            ("description", or_none(&self.description)),
            ("source", self.source.clone()),
            ("type", self.r#type.clone()),
            ("category", self.category.words()),
            ("fields", self.fields.words()),
            ("filters", or_none(&self.filters.join(", "))),
            ("run", self.run.clone()),
            ("starts at", or_unknown(self.starts_at)),
            ("ends at", or_unknown(self.ends_at)),
            ("timeframe", self.timeframe.clone()),
            ("split size", or_unknown(self.split_size.map(bytes))),
            ("recipients", self.recipients_words()),
            ("retention", self.retention_words()),
        ]
    }

    fn policies_words(&self) -> Lines {
        let or_default = |text: Option<String>| text.unwrap_or_else(|| "default".to_owned());
        vec![
            ("overlap", or_default(self.overlap.map(str::to_owned))),
            ("catch-up", or_default(self.catch_up.clone())),
            ("retries", or_default(self.retries.map(|retries| retries.to_string()))),
            ("jitter", or_unknown(self.jitter.as_deref())),
            ("pause after failures", or_unknown(self.pause_after_failures)),
            ("bad records", self.bad_records.clone()),
        ]
    }

    fn standing_words(&self) -> Lines {
        vec![
            ("state", self.state.to_owned()),
            ("created", self.created_at.to_string()),
            ("updated", self.updated_at.to_string()),
            ("version", self.version.to_string()),
            ("latest status", self.latest_words()),
            ("latest started", or_unknown(self.latest_started_at)),
            ("next starts", or_unknown(self.next_starts_at)),
            ("exported up to", self.watermark_words()),
            ("failures in a row", self.failures_in_row.to_string()),
            ("warnings", or_none(&self.warnings.join(" "))),
        ]
    }

    /// The latest status, with how far it is while it runs.
    fn latest_words(&self) -> String {
        match self.progress {
            Some(progress) if self.latest_status == Status::InProgress.as_str() => {
                format!("{} ({})", self.latest_status, progress.words())
            }
            _ => self.latest_status.to_owned(),
        }
    }

    fn recipients_words(&self) -> String {
        if self.recipients.is_empty() { "none: plaintext".to_owned() } else { self.recipients.join(", ") }
    }

    fn retention_words(&self) -> String {
        self.retention_days.map_or_else(|| "as the service".to_owned(), |days| format!("{days} days"))
    }

    fn watermark_words(&self) -> String {
        match self.watermark {
            None => UNKNOWN.to_owned(),
            Some(WatermarkView { at: None, .. }) => "nothing yet".to_owned(),
            Some(WatermarkView { at: Some(at), .. }) => at.to_string(),
        }
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() }
}
