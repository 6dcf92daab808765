//! An execution, as the History page shows it.

use cdds_core::domain::execution::{Attempt, Execution, ExecutionState, SkipReason};
use cdds_core::domain::failure::{Failure, FailureKind, Step};
use cdds_core::domain::window::Window;
use serde::Serialize;

use super::{Instant, ProgressView, bytes, or_unknown};
use crate::output::View;

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
}

#[derive(Debug, Serialize)]
struct WindowView {
    start: Option<Instant>,
    end: Instant,
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

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self { start: window.start().map(Instant), end: Instant(window.end()) }
    }
}

impl ExecutionView {
    /// An execution and the names of the files that it published.
    pub(crate) fn new(execution: &Execution, files: Vec<String>) -> Self {
        let settings = &execution.settings;
        let progress = execution.progress;
        let (error, skipped): (Option<&Failure>, Option<&SkipReason>) = match &execution.state {
            ExecutionState::Failed(failure) => (Some(failure), None),
            ExecutionState::Skipped(reason) => (None, Some(reason)),
            // A retry is waited for: why it is needed is what people look for.
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
            progress: execution.started_at.map(|_| progress.into()),
            skip_reason: skipped.map(ToString::to_string),
        }
    }

    /// What the status alone does not tell.
    fn remark(&self) -> String {
        match (&self.error, &self.skip_reason, self.progress) {
            (Some(error), _, _) => error.message.clone(),
            (None, Some(reason), _) => reason.clone(),
            (None, None, Some(progress)) if self.finished_at.is_none() => progress.words(),
            _ => self.files_words(),
        }
    }

    /// A set may have hundreds of parts; `cdds artifact list --execution` names them all.
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
    const COLUMNS: &'static [&'static str] =
        &["id", "job", "source", "type", "status", "slot", "started", "records", "files or remark"];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.job_title.clone(),
            self.source.clone(),
            self.r#type.clone(),
            self.status.to_owned(),
            self.slot.short(),
            or_unknown(self.started_at.map(Instant::short)),
            self.records.to_string(),
            self.remark(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let start = self.window.start.map_or_else(|| "the beginning".to_owned(), |start| start.to_string());
        vec![
            ("id", self.id.clone()),
            ("job", format!("{} ({})", self.job_title, self.job_id)),
            ("source", self.source.clone()),
            ("type", self.r#type.clone()),
            ("status", self.status.to_owned()),
            ("slot", self.slot.to_string()),
            ("window", format!("{start} to {}", self.window.end)),
            ("started", or_unknown(self.started_at)),
            ("finished", or_unknown(self.finished_at)),
            ("attempts", self.attempts.to_string()),
            ("records", self.records.to_string()),
            ("read", bytes(self.bytes_read)),
            ("written", bytes(self.bytes_written)),
            ("files or remark", self.remark()),
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

impl ExecutionDetailsView {
    /// An execution, the names of its files and its attempts.
    pub(crate) fn new(execution: &Execution, files: Vec<String>) -> Self {
        Self {
            execution: ExecutionView::new(execution, files),
            attempt_log: execution.attempts.iter().map(AttemptView::from).collect(),
        }
    }
}

impl View for ExecutionDetailsView {
    const COLUMNS: &'static [&'static str] = ExecutionView::COLUMNS;

    fn row(&self) -> Vec<String> {
        self.execution.row()
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let attempts = self.attempt_log.iter().map(|attempt| {
            let ended = attempt.ended_at.map_or_else(|| "now".to_owned(), |ended| ended.to_string());
            let error =
                attempt.error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
            ("attempt", format!("{}: {} to {ended}{error}", attempt.number, attempt.started_at))
        });
        self.execution.details().into_iter().chain(attempts).collect()
    }
}
