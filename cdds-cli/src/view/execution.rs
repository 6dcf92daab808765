//! An execution, as the History page shows it.

use cdds_core::domain::execution::{Attempt, Execution, ExecutionState, SkipReason, Trigger};
use cdds_core::domain::failure::{Failure, FailureKind, Step};
use cdds_core::ports::catalog::query::ExecutionOverview;
use serde::Serialize;

use super::occurrence::WindowView;
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
    trigger: &'static str,
    rerun_of: Option<String>,
    cancel_requested_at: Option<Instant>,
    job_deleted: bool,
    /// Records that could not be read and were set aside (rule E10).
    rejected: u64,
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
        Self::new(&overview.execution, overview.job_deleted, overview.files)
    }
}

impl ExecutionView {
    /// An execution that was asked for just now, of a job that exists.
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
            trigger: execution.trigger.as_str(),
            rerun_of: match execution.trigger {
                Trigger::Rerun { of, .. } => Some(of.to_string()),
                _ => None,
            },
            cancel_requested_at: execution.cancel_requested_at.map(Instant),
            job_deleted,
            rejected: progress.rejected,
            has_open_start: execution.has_open_start(),
        }
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

    fn status_words(&self) -> String {
        match self.cancel_requested_at {
            Some(_) if self.finished_at.is_none() => format!("{}, to be cancelled", self.status),
            _ => self.status.to_owned(),
        }
    }

    fn window_words(&self) -> String {
        let start = self.window.start_words();
        let start = if self.has_open_start { "where the last export ended".to_owned() } else { start };
        format!("{start} to {}", self.window.end_words())
    }

    /// What the status alone does not tell.
    fn remark(&self) -> String {
        match (&self.error, &self.skip_reason, self.progress) {
            (Some(error), _, _) => error.message.clone(),
            (None, Some(reason), _) => reason.clone(),
            (None, None, Some(progress)) if self.finished_at.is_none() => progress.words(),
            _ if self.rejected > 0 => {
                format!("{} bad record(s) set aside; {}", self.rejected, self.files_words())
            }
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
            self.status_words(),
            self.slot.short(),
            or_unknown(self.started_at.map(Instant::short)),
            self.records.to_string(),
            self.remark(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.id.clone()),
            ("job", self.job_words()),
            ("source", self.source.clone()),
            ("type", self.r#type.clone()),
            ("status", self.status_words()),
            ("trigger", self.trigger_words()),
            ("slot", self.slot.to_string()),
            ("window", self.window_words()),
            ("started", or_unknown(self.started_at)),
            ("finished", or_unknown(self.finished_at)),
            ("attempts", self.attempts.to_string()),
            ("records", self.records.to_string()),
            ("bad records", self.rejected.to_string()),
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

impl From<ExecutionOverview> for ExecutionDetailsView {
    fn from(overview: ExecutionOverview) -> Self {
        let attempt_log = overview.execution.attempts.iter().map(AttemptView::from).collect();
        Self { execution: overview.into(), attempt_log }
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
