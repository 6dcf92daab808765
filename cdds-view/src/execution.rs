//! An execution, as the history shows it.

mod attempt;
mod remark;
mod skip;

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::execution::failure::Failure;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Status, Trigger};
use cdds_core::domain::id::{ExecutionId, JobId, SourceId};
use cdds_core::domain::job::TypeList;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::ports::catalog::query::ExecutionOverview;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use self::attempt::{AttemptView, ExecutionDetailsView, FailureView};
pub use self::remark::Remark;
pub use self::skip::SkipKind;
use crate::delivery::DeliveryState;
use crate::instant::Instant;
use crate::names;
use crate::occurrence::WindowView;
use crate::progress::ProgressView;
use crate::slot_reading::SlotReadingView;
use crate::status::StatusLine;

/// An execution: one export of a job, whether it waits, runs or is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ExecutionView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: ExecutionId,
    /// Its job.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub job_id: JobId,
    /// The job's title in this execution.
    pub job_title: String,
    /// The source.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub source: SourceId,
    /// The data types, joined like `contact, interaction`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub types: TypeList,
    /// Where it stands.
    #[serde(with = "names::status")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::ExecutionStatus))]
    pub status: Status,
    /// The instant at which it was due.
    pub slot: Instant,
    /// What the job's clock shows then; null if its clock is UTC (rule F9).
    #[serde(default)]
    pub slot_reading: Option<SlotReadingView>,
    /// What it exports.
    pub window: WindowView,
    /// When the first attempt started; null while it waits for one.
    pub started_at: Option<Instant>,
    /// When it reached its final status; null before.
    pub finished_at: Option<Instant>,
    /// The number of attempts.
    pub attempts: u32,
    /// The number of exported records.
    pub records: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Bytes stored.
    pub bytes_written: u64,
    /// The names of its files that are still available, in the order of their parts.
    pub files: Vec<String>,
    /// Why it failed, or why it waits for a retry; null otherwise.
    pub error: Option<FailureView>,
    /// How far it is; null before it starts.
    pub progress: Option<ProgressView>,
    /// Why it was not run, for people; null unless it was skipped.
    pub skip_reason: Option<String>,
    /// Why it was not run, for programs; null unless it was skipped.
    pub skip_kind: Option<SkipKind>,
    /// Why it exists.
    pub trigger: TriggerName,
    /// The execution that it repeats; null unless the trigger is a rerun.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub rerun_of: Option<ExecutionId>,
    /// When a person asked for it to be stopped; null if nobody did.
    pub cancel_requested_at: Option<Instant>,
    /// Whether its job has since been deleted (rule J12).
    pub job_deleted: bool,
    /// The number of records that could not be read and were set aside (rule E10).
    pub rejected: u64,
    /// Whether its worker is alive; null if it is not running, or if that is unknown.
    pub worker_alive: Option<bool>,
    /// The number of records without an instant: left out by a window, or put into `undated` (rule W7).
    pub undated: u64,
    /// Since when it waits for its source to be complete; null if it does not (rule W3b).
    pub waits_since: Option<Instant>,
    /// The instant up to which the source was complete when it was last asked; null if it does not know.
    pub complete_until: Option<Instant>,
    /// The instant from which records may be missing, since the job did not wait any longer; null otherwise.
    pub incomplete_from: Option<Instant>,
    /// Where the deliveries of its set stand together; null if there are none, and where nobody asked.
    #[serde(default)]
    pub delivery: Option<DeliveryState>,
    /// Whether the start of its window is decided only when it begins (rule W4). Not part of the JSON form,
    /// so it is false after reading.
    #[serde(skip)]
    pub has_open_start: bool,
    /// Why it was not run, as data; `None` unless it was skipped. Not part of the JSON form, so it is `None` after
    /// reading.
    #[serde(skip)]
    pub skipped: Option<SkipReason>,
}

/// Why an execution exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TriggerName {
    /// The frequency, or the submission of a one-time job.
    Scheduled,
    /// A person asked for an extra occurrence (rule J13).
    Manual,
    /// A person asked for another try after a failure or a cancel (rule W5).
    Rerun,
    /// A person asked for the occurrences of a range (rule W6).
    Backfill,
}

impl TriggerName {
    /// Returns the name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Rerun => "rerun",
            Self::Backfill => "backfill",
        }
    }
}

impl From<Trigger> for TriggerName {
    fn from(trigger: Trigger) -> Self {
        match trigger {
            Trigger::Scheduled => Self::Scheduled,
            Trigger::Manual => Self::Manual,
            Trigger::Rerun { .. } => Self::Rerun,
            Trigger::Backfill => Self::Backfill,
        }
    }
}

impl From<ExecutionOverview> for ExecutionView {
    fn from(overview: ExecutionOverview) -> Self {
        let ExecutionOverview { execution, job_deleted, files, worker } = overview;
        Self::new(&execution, job_deleted, files).with_worker(worker)
    }
}

impl ExecutionView {
    /// Returns the view of an execution that was requested just now, of a job that exists.
    #[expect(clippy::needless_pass_by_value, reason = "the shape of map")]
    pub fn queued(execution: Execution) -> Self {
        Self::new(&execution, false, Vec::new())
    }

    fn new(execution: &Execution, job_deleted: bool, files: Vec<String>) -> Self {
        let settings = &execution.settings;
        let progress = execution.progress;
        let (error, skipped): (Option<&Failure>, Option<&SkipReason>) = match &execution.state {
            ExecutionState::Failed(failure) => (Some(failure), None),
            ExecutionState::Skipped(reason) => (None, Some(reason)),
            // An execution that waits for a retry shows why it needs one.
            ExecutionState::Queued => (execution.last_failure(), None),
            _ => (None, None),
        };
        Self {
            id: execution.id,
            job_id: execution.job_id,
            job_title: settings.title.as_str().to_owned(),
            source: settings.source.clone(),
            types: settings.reads.types(),
            status: execution.status(),
            slot: Instant(execution.slot),
            slot_reading: settings.schedule().reading(execution.slot).map(SlotReadingView::from),
            window: execution.window.into(),
            started_at: execution.started_at.map(Instant),
            finished_at: execution.finished_at.map(Instant),
            attempts: execution.attempt_count(),
            records: progress.records,
            bytes_read: progress.bytes_read,
            bytes_written: progress.bytes_written,
            files,
            error: error.map(FailureView::from),
            progress: execution.started_at.map(|_| ProgressView::of(execution.status(), progress)),
            skip_reason: skipped.map(ToString::to_string),
            skip_kind: skipped.copied().map(SkipKind::from),
            trigger: execution.trigger.into(),
            rerun_of: match execution.trigger {
                Trigger::Rerun { of, .. } => Some(of),
                _ => None,
            },
            cancel_requested_at: execution.cancel_requested_at.map(Instant),
            job_deleted,
            rejected: progress.rejected,
            worker_alive: None,
            undated: progress.undated,
            waits_since: execution.waits_for_source().map(Instant),
            complete_until: execution.completeness.complete_until.map(Instant),
            incomplete_from: execution.incomplete_from().map(Instant),
            delivery: None,
            has_open_start: execution.has_open_start(),
            skipped: skipped.copied(),
        }
    }

    /// Says where the deliveries of its set stand.
    #[must_use]
    pub fn with_deliveries<'a>(self, deliveries: impl IntoIterator<Item = &'a Delivery>) -> Self {
        Self { delivery: DeliveryState::of_all(deliveries), ..self }
    }

    /// Drops the remaining time if the worker is gone, since nobody knows how long it will take.
    fn with_worker(mut self, worker: Option<WorkerLife>) -> Self {
        self.worker_alive = worker.map(|life| life == WorkerLife::Alive);
        if worker == Some(WorkerLife::Gone) {
            self.progress = self.progress.map(ProgressView::stopped);
        }
        self
    }

    /// `Voice (00000000-…, deleted)`
    pub fn job_words(&self) -> String {
        let deleted = if self.job_deleted { ", deleted" } else { "" };
        format!("{} ({}{deleted})", self.job_title, self.job_id)
    }

    /// `scheduled`, or `rerun of 00000000-…`
    pub fn trigger_words(&self) -> String {
        match &self.rerun_of {
            Some(of) => format!("{} of {of}", self.trigger.as_str()),
            None => self.trigger.as_str().to_owned(),
        }
    }

    /// Returns the status, with progress and pending requests while it runs.
    pub fn status_line(&self) -> StatusLine {
        let status = self.status.as_str();
        let is_open = self.finished_at.is_none();
        let running = self.status == Status::InProgress;
        match (self.cancel_requested_at, self.progress) {
            (Some(_), _) if is_open => {
                StatusLine { words: "to be cancelled".to_owned(), ..StatusLine::plain(status) }
            }
            (_, Some(progress)) if running && self.worker_alive == Some(false) => {
                progress.left_behind(status)
            }
            (_, Some(progress)) if running => progress.line(status),
            _ => StatusLine::plain(status),
        }
    }

    /// Returns how long it took from the first start to the end; `None` before the end, or if it never
    /// started.
    pub fn took(&self) -> Option<TimeDelta> {
        let (Instant(started), Instant(finished)) = (self.started_at?, self.finished_at?);
        Some(finished - started)
    }

    /// Returns the first start of a running execution.
    pub fn running_since(&self) -> Option<DateTime<Utc>> {
        let running = self.status == Status::InProgress && self.finished_at.is_none();
        self.started_at.filter(|_| running).map(|Instant(started)| started)
    }

    /// Returns the time from the first start to the end, or to `now`.
    pub fn duration(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.took().or_else(|| Some((now - self.running_since()?).max(TimeDelta::zero())))
    }

    /// `the end of the last export to 2026-01-02T00:00:00Z`
    pub fn window_words(&self) -> String {
        if self.has_open_start {
            return format!("the end of the last export to {}", self.window.end);
        }
        self.window.words()
    }

    /// Returns a remark that completes the status.
    pub fn remark(&self) -> Remark<'_> {
        match (&self.error, &self.skip_reason) {
            (Some(error), _) => Remark::Error(&error.message),
            (None, Some(reason)) => Remark::Skipped(reason),
            _ if self.worker_alive == Some(false) => Remark::WorkerGone,
            _ => match self.waits_since {
                Some(since) => Remark::Waiting { since, until: self.complete_until },
                None => Remark::Files {
                    files: &self.files,
                    rejected: self.rejected,
                    incomplete_from: self.incomplete_from,
                },
            },
        }
    }
}
