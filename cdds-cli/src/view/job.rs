//! A job, as the Jobs page shows it.

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::lease::WorkerLife;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::job::policy::{CatchUp, Overlap, Retries};
use cdds_core::domain::recipient::{self, Recipient};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldSelection, Filter};
use cdds_core::ports::catalog::query::{JobOverview, LatestExecution};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::{Instant, ProgressView};
use crate::output::{Cell, View};

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
    /// Whether the worker of the latest execution, if that runs, lives; null where that cannot be known.
    worker_alive: Option<bool>,
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
    /// Returns the view of a job, with the warnings about its certificates among `recipients` (rule S3).
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
            worker_alive: latest.as_ref().and_then(|latest| Some(latest.worker? == WorkerLife::Alive)),
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

/// Returns the progress of an execution that has started.
fn progress(latest: &LatestExecution) -> Option<ProgressView> {
    let progress = ProgressView::of(latest.status, latest.progress);
    let is_gone = latest.worker == Some(WorkerLife::Gone);
    latest.started_at.map(|_| if is_gone { progress.stopped() } else { progress })
}

impl View for JobView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "title",
        "latest status",
        "next starts",
        "latest started",
        "state",
        "run",
        "source",
        "type",
        "created",
    ];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.id.as_str().into(),
            self.title.as_str().into(),
            self.latest(),
            self.next_starts_at.into(),
            self.latest_started_at.into(),
            Cell::Word(self.state),
            self.run.as_str().into(),
            self.source.as_str().into(),
            self.r#type.as_str().into(),
            self.created_at.into(),
        ]
    }

    fn details(&self) -> Lines {
        let (settings, policies) = (self.settings_words(), self.policies_words());
        settings.into_iter().chain(policies).chain(self.standing_words()).collect()
    }
}

/// Names and values, line by line.
type Lines = Vec<(&'static str, Cell)>;

impl JobView {
    fn settings_words(&self) -> Lines {
        vec![
            ("id", self.id.as_str().into()),
            ("title", self.title.as_str().into()),
            ("description", self.description.as_str().into()),
            ("source", self.source.as_str().into()),
            ("type", self.r#type.as_str().into()),
            ("category", self.category.words().into()),
            ("fields", self.fields.words().into()),
            ("filters", self.filters.join(", ").into()),
            ("run", self.run.as_str().into()),
            ("starts at", self.starts_at.into()),
            ("ends at", self.ends_at.into()),
            ("timeframe", self.timeframe.as_str().into()),
            ("split size", self.split_size.map_or(Cell::Unknown, Cell::Bytes)),
            ("recipients", self.recipients_words().into()),
            ("retention", self.retention_words().into()),
        ]
    }

    fn policies_words(&self) -> Lines {
        let or_default = |text: Option<&str>| Cell::from(text.unwrap_or("default"));
        let retries = self.retries.map(|retries| retries.to_string());
        vec![
            ("overlap", or_default(self.overlap)),
            ("catch-up", or_default(self.catch_up.as_deref())),
            ("retries", or_default(retries.as_deref())),
            ("jitter", self.jitter.as_deref().into()),
            ("pause after failures", self.pause_after_failures.map(|count| count.to_string()).into()),
            ("bad records", self.bad_records.as_str().into()),
        ]
    }

    fn standing_words(&self) -> Lines {
        vec![
            ("state", Cell::Word(self.state)),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
            ("version", self.version.to_string().into()),
            ("latest status", self.latest()),
            ("latest started", self.latest_started_at.into()),
            ("next starts", self.next_starts_at.into()),
            ("exported up to", self.watermark_cell()),
            ("failures in a row", self.failures_in_row.to_string().into()),
            ("warnings", self.warnings.join(" ").into()),
        ]
    }

    /// Returns the latest status, with progress while it runs.
    fn latest(&self) -> Cell {
        match self.progress {
            Some(progress) if self.worker_alive == Some(false) => progress.left_behind(self.latest_status),
            Some(progress) if self.latest_status == Status::InProgress.as_str() => {
                progress.status(self.latest_status)
            }
            _ => Cell::Word(self.latest_status),
        }
    }

    fn recipients_words(&self) -> String {
        if self.recipients.is_empty() { "none: plaintext".to_owned() } else { self.recipients.join(", ") }
    }

    fn retention_words(&self) -> String {
        self.retention_days.map_or_else(|| "as the service".to_owned(), |days| format!("{days} days"))
    }

    fn watermark_cell(&self) -> Cell {
        match self.watermark {
            None => Cell::Unknown,
            Some(WatermarkView { at: None, .. }) => "nothing yet".into(),
            Some(WatermarkView { at: Some(at), .. }) => at.into(),
        }
    }
}
