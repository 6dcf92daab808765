//! A job, as the Jobs page shows it.

use cdds_core::domain::execution::Status;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::split_size::SplitSize;
use cdds_core::ports::catalog::query::JobOverview;
use serde::{Serialize, Serializer};

use super::{Instant, ProgressView, UNKNOWN, bytes, or_unknown};
use crate::output::View;

/// The latest status of a job that never ran (rule E1).
const YET_TO_RUN: &str = "yet_to_run";

#[derive(Debug, Serialize)]
pub(crate) struct JobView {
    id: String,
    title: String,
    description: String,
    source: String,
    r#type: String,
    category: Categories,
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
}

/// `"all"`, or an array of values.
#[derive(Debug)]
struct Categories(CategorySelection);

impl Serialize for Categories {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            CategorySelection::All => serializer.serialize_str("all"),
            CategorySelection::Only(values) => values.serialize(serializer),
        }
    }
}

impl Categories {
    fn words(&self) -> String {
        match &self.0 {
            CategorySelection::All => "all".to_owned(),
            CategorySelection::Only(values) => {
                values.iter().map(String::as_str).collect::<Vec<_>>().join(",")
            }
        }
    }
}

impl From<JobOverview> for JobView {
    fn from(JobOverview { job, latest }: JobOverview) -> Self {
        let settings = job.settings;
        let recipients = settings.protection.recipients().iter().map(ToString::to_string).collect();
        Self {
            id: job.id.to_string(),
            title: settings.title.as_str().to_owned(),
            description: settings.description.as_str().to_owned(),
            source: settings.source.to_string(),
            r#type: settings.data_type.to_string(),
            category: Categories(settings.categories),
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
            progress: latest
                .filter(|latest| latest.started_at.is_some())
                .map(|latest| latest.progress.into()),
        }
    }
}

impl JobView {
    /// The latest status, with how far it is while it runs.
    fn latest_words(&self) -> String {
        match self.progress {
            Some(progress) if self.latest_status == Status::InProgress.as_str() => {
                format!("{} ({})", self.latest_status, progress.words())
            }
            _ => self.latest_status.to_owned(),
        }
    }
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

    fn details(&self) -> Vec<(&'static str, String)> {
        let none = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() };
        vec![
            ("id", self.id.clone()),
            ("title", self.title.clone()),
            ("description", none(&self.description)),
            ("source", self.source.clone()),
            ("type", self.r#type.clone()),
            ("category", self.category.words()),
            ("state", self.state.to_owned()),
            ("run", self.run.clone()),
            ("timeframe", self.timeframe.clone()),
            ("split size", or_unknown(self.split_size.map(bytes))),
            (
                "recipients",
                if self.recipients.is_empty() {
                    "none: plaintext".to_owned()
                } else {
                    self.recipients.join(", ")
                },
            ),
            ("created", self.created_at.to_string()),
            ("updated", self.updated_at.to_string()),
            ("version", self.version.to_string()),
            ("latest status", self.latest_words()),
            ("latest started", or_unknown(self.latest_started_at)),
            ("next starts", or_unknown(self.next_starts_at)),
        ]
    }
}
