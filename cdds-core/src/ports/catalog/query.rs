//! What lists ask for and get: filter, sort, page.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::artifact::Artifact;
use crate::domain::execution::{Execution, Status};
pub use crate::domain::frequency::FrequencyKind;
use crate::domain::id::{ExecutionId, JobId, SourceId, TypeId};
use crate::domain::job::{Job, JobState};
use crate::domain::lease::WorkerLife;
use crate::domain::progress::Progress;

/// A job and what a list shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOverview {
    /// The job.
    pub job: Job,
    /// The execution that runs, or else the newest one that was not skipped; `None` if it never ran ("yet to run", rule E1).
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
    /// Whether its worker lives; `None` unless it is running, and where that cannot be known.
    pub worker: Option<WorkerLife>,
}

/// An execution and what a list shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionOverview {
    /// The execution.
    pub execution: Execution,
    /// Whether its job was deleted since (rule J12).
    pub job_deleted: bool,
    /// The names of the files that it published and that can still be had, in the order of their parts.
    pub files: Vec<String>,
    /// Whether its worker lives; `None` unless it is running, and where that cannot be known.
    pub worker: Option<WorkerLife>,
}

/// An artifact and what a list shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactOverview {
    /// The artifact.
    pub artifact: Artifact,
    /// Whether its job was deleted since (rule J12).
    pub job_deleted: bool,
    /// How often it was downloaded (rule A8).
    pub downloads: u64,
    /// When it was last downloaded.
    pub last_downloaded_at: Option<DateTime<Utc>>,
}

/// A stretch of time as a filter: `[from, to)`, open where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Between {
    /// The first instant inside.
    pub from: Option<DateTime<Utc>>,
    /// The first instant after.
    pub to: Option<DateTime<Utc>>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows there are on all pages; counted for the first page only.
    pub total: Option<u64>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Cursor>,
}

/// Which rows of a sorted list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Those after this place; `None` from the first row on.
    pub after: Option<Cursor>,
    /// The most rows wanted.
    pub limit: u64,
}

impl Slice {
    /// The first rows, at most `limit`.
    pub const fn first(limit: u64) -> Self {
        Self { after: None, limit }
    }
}

impl Default for Slice {
    /// The first 1,000 rows.
    fn default() -> Self {
        Self::first(1_000)
    }
}

/// A place in a sorted list: right after the row with this key. It holds for the filter and the order of the
/// page that gave it, and can be kept and sent (it is serializable).
///
/// As a page starts at a key and not at a number of rows, it costs the same wherever it lies, and rows that come
/// or go before it move nothing. A row whose own key changes between two pages may be on both or on none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// What the row is sorted by.
    pub key: SortKey,
    /// What breaks ties: the id of the job or of the execution.
    pub id: String,
    /// And the part, where the rows are the artifacts of executions; 0 elsewhere.
    pub part: u32,
}

/// What a row is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// A number, the microseconds of an instant or the rank of a status.
    Number(i64),
    /// A text, its case folded where people look for it.
    Text(String),
    /// Nothing: last, in both directions.
    Missing,
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
        Duration => "duration",
        Records => "records",
        Files => "files",
    }
}

columns! {
    /// The columns of the list of artifacts.
    ArtifactColumn {
        Name => "name",
        Type => "type",
        CreatedAt => "created_at",
        Size => "size",
        Part => "part",
        RemainingDays => "remaining_days",
        Downloads => "downloads",
    }
}

/// The latest status of a job as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestStatus {
    /// It never ran (rule E1).
    YetToRun,
    /// Its newest execution that was not skipped.
    Is(Status),
}

/// Which jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    /// Part of the title, whatever its case.
    pub search: Option<String>,
    /// Of which source.
    pub source: Option<SourceId>,
    /// Of which data type.
    pub data_type: Option<TypeId>,
    /// How often.
    pub frequency: Option<FrequencyKind>,
    /// In which state; deleted jobs are never listed.
    pub state: Option<JobState>,
    /// In which latest status.
    pub latest_status: Option<LatestStatus>,
    /// Created when.
    pub created: Between,
    /// Whose newest execution started when.
    pub latest_started: Between,
    /// Due next when.
    pub next_starts: Between,
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
            source: None,
            data_type: None,
            frequency: None,
            state: None,
            latest_status: None,
            created: Between::default(),
            latest_started: Between::default(),
            next_starts: Between::default(),
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
    /// Of which data type.
    pub data_type: Option<TypeId>,
    /// With a slot when.
    pub slot: Between,
    /// Started when.
    pub started: Between,
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
            data_type: None,
            slot: Between::default(),
            started: Between::default(),
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
    /// Part of the file's name, whatever its case.
    pub search: Option<String>,
    /// Of which data type.
    pub data_type: Option<TypeId>,
    /// Published when.
    pub created: Between,
    /// Expiring when.
    pub expires: Between,
    /// Of at least this size, bytes.
    pub bytes_min: Option<u64>,
    /// Of at most this size, bytes.
    pub bytes_max: Option<u64>,
    /// On legal hold, or not.
    pub hold: Option<bool>,
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
            search: None,
            data_type: None,
            created: Between::default(),
            expires: Between::default(),
            bytes_min: None,
            bytes_max: None,
            hold: None,
            available_at: None,
            sort: Sort { column: ArtifactColumn::CreatedAt, descending: true },
            slice: Slice::default(),
        }
    }
}
