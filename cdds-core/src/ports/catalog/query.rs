//! What lists ask for and get: filter, sort, page.

use chrono::{DateTime, Utc};

use crate::domain::execution::Status;
pub use crate::domain::frequency::FrequencyKind;
use crate::domain::id::{ExecutionId, JobId, SourceId};
use crate::domain::job::{Job, JobState};
use crate::domain::progress::Progress;

/// A job and what a list shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOverview {
    /// The job.
    pub job: Job,
    /// Its newest execution that was not skipped; `None` if it never ran ("yet to run", rule E1).
    pub latest: Option<LatestExecution>,
}

/// The newest execution of a job, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestExecution {
    /// Which.
    pub id: ExecutionId,
    /// Where it stands.
    pub status: Status,
    /// When it started; `None` while it waits.
    pub started_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: Progress,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows there are on all pages.
    pub total: u64,
}

/// Which rows of a sorted list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Rows to pass over.
    pub offset: u64,
    /// The most rows wanted.
    pub limit: u64,
}

impl Default for Slice {
    /// The first 1,000 rows.
    fn default() -> Self {
        Self { offset: 0, limit: 1_000 }
    }
}

/// A column and a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<C> {
    /// By which column; ties are broken by id.
    pub column: C,
    /// Largest first. Missing values come last either way.
    pub descending: bool,
}

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $column:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is the column of its name")]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            /// Every column.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The column as it is typed and printed.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $column,)*
                }
            }
        }
    };
}

columns! {
    /// The columns of the list of jobs.
    JobColumn {
        Source => "source",
        Type => "type",
        Title => "title",
        CreatedAt => "created_at",
        LatestStatus => "latest_status",
        LatestStartedAt => "latest_started_at",
        NextStartsAt => "next_starts_at",
    }
}

columns! {
    /// The columns of the history.
    ExecutionColumn {
        Source => "source",
        Type => "type",
        Title => "job_title",
        Status => "status",
        Slot => "slot",
        StartedAt => "started_at",
        FinishedAt => "finished_at",
        Records => "records",
    }
}

columns! {
    /// The columns of the list of artifacts.
    ArtifactColumn {
        Name => "name",
        Type => "type",
        CreatedAt => "created_at",
        Size => "size",
        RemainingDays => "remaining_days",
    }
}

/// Which jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    /// Part of the title, whatever its case.
    pub search: Option<String>,
    /// How often.
    pub frequency: Option<FrequencyKind>,
    /// In which state.
    pub state: Option<JobState>,
    /// In which order.
    pub sort: Sort<JobColumn>,
    /// Which rows.
    pub slice: Slice,
}

impl Default for JobQuery {
    /// All jobs, newest first.
    fn default() -> Self {
        Self {
            search: None,
            frequency: None,
            state: None,
            sort: Sort { column: JobColumn::CreatedAt, descending: true },
            slice: Slice::default(),
        }
    }
}

/// Which executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionQuery {
    /// Of which job.
    pub job: Option<JobId>,
    /// In which status.
    pub status: Option<Status>,
    /// Of which source.
    pub source: Option<SourceId>,
    /// In which order.
    pub sort: Sort<ExecutionColumn>,
    /// Which rows.
    pub slice: Slice,
}

impl Default for ExecutionQuery {
    /// All executions, latest slot first.
    fn default() -> Self {
        Self {
            job: None,
            status: None,
            source: None,
            sort: Sort { column: ExecutionColumn::Slot, descending: true },
            slice: Slice::default(),
        }
    }
}

/// Which artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactQuery {
    /// Of which job.
    pub job: Option<JobId>,
    /// Of which execution.
    pub execution: Option<ExecutionId>,
    /// Only those that can still be had at this instant: not expired, or on hold (rule A7).
    pub available_at: Option<DateTime<Utc>>,
    /// In which order; parts of one set stay in their order.
    pub sort: Sort<ArtifactColumn>,
    /// Which rows.
    pub slice: Slice,
}

impl Default for ArtifactQuery {
    /// All artifacts, newest first.
    fn default() -> Self {
        Self {
            job: None,
            execution: None,
            available_at: None,
            sort: Sort { column: ArtifactColumn::CreatedAt, descending: true },
            slice: Slice::default(),
        }
    }
}
