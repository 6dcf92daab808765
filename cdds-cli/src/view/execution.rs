//! An execution, as the History page shows it.

use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::lease::WorkerLife;
use cdds_core::domain::execution::{Attempt, Execution, ExecutionState, SkipReason, Status, Trigger};
use cdds_core::ports::catalog::query::ExecutionOverview;
use serde::Serialize;

use super::occurrence::WindowView;
use super::{Instant, ProgressView};
use crate::output::{Cell, View};

#[derive(Debug, Serialize)]
pub(crate) struct ExecutionView {
    id: String,
    job_id: String,
    job_title: String,
    source: String,
    r#type: String,
    status: &'static str,
    slot: Instant,
    window: WindowView,
    started_at: Option<Instant>,
    finished_at: Option<Instant>,
    attempts: u32,
    records: u64,
    bytes_read: u64,
    bytes_written: u64,
    files: Vec<String>,
    error: Option<FailureView>,
    progress: Option<ProgressView>,
    skip_reason: Option<String>,
    trigger: &'static str,
    rerun_of: Option<String>,
    cancel_requested_at: Option<Instant>,
    job_deleted: bool,
    /// Records that could not be read and were set aside (rule E10).
    rejected: u64,
    /// Whether the worker of a running execution lives; null where that cannot be known.
    worker_alive: Option<bool>,
    /// Records without an instant: left out by a window, or put into `undated` (rule W7).
    undated: u64,
    /// The start of its window is decided when it begins (rule W4).
    #[serde(skip)]
    has_open_start: bool,
}

#[derive(Debug, Serialize)]
struct FailureView {
    step: Step,
    kind: FailureKind,
    message: String,
    retryable: bool,
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        let Failure { step, kind, message, retryable } = failure.clone();
        Self { step, kind, message, retryable }
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
    pub(crate) fn queued(execution: Execution) -> Self {
        Self::new(&execution, false, Vec::new())
    }

    fn new(execution: &Execution, job_deleted: bool, files: Vec<String>) -> Self {
        let settings = &execution.settings;
        let progress = execution.progress;
        let (error, skipped): (Option<&Failure>, Option<&SkipReason>) = match &execution.state {
            ExecutionState::Failed(failure) => (Some(failure), None),
            ExecutionState::Skipped(reason) => (None, Some(reason)),
            // An execution that waits for a retry shows why it needs one.
            ExecutionState::Queued => (last_failure(&execution.attempts), None),
            _ => (None, None),
        };
        Self {
            id: execution.id.to_string(),
            job_id: execution.job_id.to_string(),
            job_title: settings.title.as_str().to_owned(),
            source: settings.source.to_string(),
            r#type: settings.data_type.to_string(),
            status: execution.status().as_str(),
            slot: Instant(execution.slot),
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
            trigger: execution.trigger.as_str(),
            rerun_of: match execution.trigger {
                Trigger::Rerun { of, .. } => Some(of.to_string()),
                _ => None,
            },
            cancel_requested_at: execution.cancel_requested_at.map(Instant),
            job_deleted,
            rejected: progress.rejected,
            worker_alive: None,
            undated: progress.undated,
            has_open_start: execution.has_open_start(),
        }
    }

    /// Drops the remaining time if the worker is gone, since nobody knows how long it will take.
    fn with_worker(mut self, worker: Option<WorkerLife>) -> Self {
        self.worker_alive = worker.map(|life| life == WorkerLife::Alive);
        if worker == Some(WorkerLife::Gone) {
            self.progress = self.progress.map(ProgressView::stopped);
        }
        self
    }

    fn job_words(&self) -> String {
        let deleted = if self.job_deleted { ", deleted" } else { "" };
        format!("{} ({}{deleted})", self.job_title, self.job_id)
    }

    fn trigger_words(&self) -> String {
        match &self.rerun_of {
            Some(of) => format!("{} of {of}", self.trigger),
            None => self.trigger.to_owned(),
        }
    }

    /// Returns the status, with progress and pending requests while it runs.
    fn status_cell(&self) -> Cell {
        let is_open = self.finished_at.is_none();
        let running = self.status == Status::InProgress.as_str();
        match (self.cancel_requested_at, self.progress) {
            (Some(_), _) if is_open => {
                Cell::Status { status: self.status, share: None, words: "to be cancelled".to_owned() }
            }
            (_, Some(progress)) if running && self.worker_alive == Some(false) => {
                progress.left_behind(self.status)
            }
            (_, Some(progress)) if running => progress.status(self.status),
            _ => Cell::Word(self.status),
        }
    }

    /// Returns the time from the first start to the end, or to now.
    fn duration(&self) -> Cell {
        match (self.started_at, self.finished_at) {
            (Some(Instant(started)), Some(Instant(finished))) => Cell::Lasting(finished - started),
            (Some(Instant(started)), None) if self.status == Status::InProgress.as_str() => {
                Cell::Since(started)
            }
            _ => Cell::Unknown,
        }
    }

    fn window_words(&self) -> String {
        let start = self.window.start_words();
        let start = if self.has_open_start { "where the last export ended".to_owned() } else { start };
        format!("{start} to {}", self.window.end_words())
    }

    /// Returns a remark that completes the status.
    fn remark(&self) -> String {
        match (&self.error, &self.skip_reason) {
            (Some(error), _) => error.message.clone(),
            (None, Some(reason)) => reason.clone(),
            _ if self.worker_alive == Some(false) => {
                format!(
                    "its worker is gone: `cdds run` takes it over, `cdds history cancel {}` ends it",
                    self.id
                )
            }
            _ if self.rejected > 0 => {
                format!("{} bad record(s) set aside; {}", self.rejected, self.files_words())
            }
            _ => self.files_words(),
        }
    }

    /// Summarises the files: a set may have hundreds of parts, and `cdds artifact list --execution` names
    /// them all.
    fn files_words(&self) -> String {
        match self.files.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [first, others @ ..] => format!("{first} and {} more", others.len()),
        }
    }
}

fn last_failure(attempts: &[Attempt]) -> Option<&Failure> {
    attempts.last()?.failure.as_ref()
}

impl View for ExecutionView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "job",
        "status",
        "started",
        "duration",
        "records",
        "slot",
        "source",
        "type",
        "files or remark",
    ];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.id.as_str().into(),
            self.job_title.as_str().into(),
            self.status_cell(),
            self.started_at.into(),
            self.duration(),
            Cell::Count(self.records),
            self.slot.into(),
            self.source.as_str().into(),
            self.r#type.as_str().into(),
            self.remark().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.as_str().into()),
            ("job", self.job_words().into()),
            ("source", self.source.as_str().into()),
            ("type", self.r#type.as_str().into()),
            ("status", self.status_cell()),
            ("trigger", self.trigger_words().into()),
            ("slot", self.slot.into()),
            ("window", self.window_words().into()),
            ("started", self.started_at.into()),
            ("finished", self.finished_at.into()),
            ("duration", self.duration()),
            ("attempts", self.attempts.to_string().into()),
            ("records", Cell::Count(self.records)),
            ("bad records", Cell::Count(self.rejected)),
            ("without an instant", Cell::Count(self.undated)),
            ("read", Cell::Bytes(self.bytes_read)),
            ("written", Cell::Bytes(self.bytes_written)),
            ("files or remark", self.remark().into()),
        ]
    }
}

/// An execution with its log of attempts.
#[derive(Debug, Serialize)]
pub(crate) struct ExecutionDetailsView {
    #[serde(flatten)]
    execution: ExecutionView,
    attempt_log: Vec<AttemptView>,
}

#[derive(Debug, Serialize)]
struct AttemptView {
    number: u64,
    worker: String,
    started_at: Instant,
    ended_at: Option<Instant>,
    error: Option<FailureView>,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        Self {
            number: attempt.epoch,
            worker: attempt.worker.to_string(),
            started_at: Instant(attempt.started_at),
            ended_at: attempt.ended_at.map(Instant),
            error: attempt.failure.as_ref().map(FailureView::from),
        }
    }
}

impl From<ExecutionOverview> for ExecutionDetailsView {
    fn from(overview: ExecutionOverview) -> Self {
        let attempt_log = overview.execution.attempts.iter().map(AttemptView::from).collect();
        Self { execution: overview.into(), attempt_log }
    }
}

impl View for ExecutionDetailsView {
    const COLUMNS: &'static [&'static str] = ExecutionView::COLUMNS;

    fn row(&self) -> Vec<Cell> {
        self.execution.row()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let attempts = self.attempt_log.iter().map(|attempt| {
            let ended = attempt.ended_at.map_or_else(|| "now".to_owned(), |ended| ended.to_string());
            let error =
                attempt.error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
            ("attempt", format!("{}: {} to {ended}{error}", attempt.number, attempt.started_at).into())
        });
        self.execution.details().into_iter().chain(attempts).collect()
    }
}
