//! Queries of lists and their results: filters, sorting and pages.

mod audit;
mod beginning;
mod subjects;
mod workers;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::audit::AuditQuery;
pub use self::beginning::{IdBeginning, NoIdBeginning};
pub use self::subjects::SubjectRequestQuery;
pub use self::workers::{RUNNING_NAMED_MAX, RunningByWorker, RunningExecution, RunningWork, WorkerOverview};
use crate::domain::archive::artifact::Artifact;
pub use crate::domain::calendar::frequency::FrequencyKind;
use crate::domain::execution::failure::Failure;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::{Execution, Status};
use crate::domain::id::{
    DeliveryId, DestinationId, ExecutionId, JobId, NoticeId, RecipientName, SourceId, Subscriber, TypeId,
};
use crate::domain::job::{Job, JobState};
use crate::domain::notice::{Channel, NoticeKind};
use crate::domain::work::lease::WorkerLife;
use crate::domain::work::row::WorkStatus;
use crate::setters::setters;

/// A job with the details that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOverview {
    /// The job.
    pub job: Job,
    /// The running execution, or else the newest one that was not skipped; `None` if the job never ran ("yet
    /// to run", rule E1).
    pub latest: Option<LatestExecution>,
}

/// A summary of a job's latest execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestExecution {
    /// Its id.
    pub id: ExecutionId,
    /// Its status.
    pub status: Status,
    /// When it started; `None` while it waits.
    pub started_at: Option<DateTime<Utc>>,
    /// Its progress.
    pub progress: Progress,
    /// Why it failed; `None` unless it did.
    pub failure: Option<Failure>,
    /// Whether its worker is alive; `None` if it is not running, or if that cannot be determined.
    pub worker: Option<WorkerLife>,
}

/// An execution with the details that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionOverview {
    /// The execution.
    pub execution: Execution,
    /// Whether its job has since been deleted (rule J12).
    pub job_deleted: bool,
    /// The names of its published files that are still available, in the order of their parts.
    pub files: Vec<String>,
    /// Whether its worker is alive; `None` if it is not running, or if that cannot be determined.
    pub worker: Option<WorkerLife>,
}

/// An artifact with the details that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactOverview {
    /// The artifact.
    pub artifact: Artifact,
    /// Whether its job has since been deleted (rule J12).
    pub job_deleted: bool,
    /// How often it was downloaded (rule A8).
    pub downloads: u64,
    /// When it was last downloaded.
    pub last_downloaded_at: Option<DateTime<Utc>>,
}

/// A half-open range of time, `[from, to)`, as a filter; a missing bound leaves that side open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Between {
    /// The first instant inside the range.
    pub from: Option<DateTime<Utc>>,
    /// The first instant after the range.
    pub to: Option<DateTime<Utc>>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The number of rows on all pages; `None` on later pages, and where counting could mean to look at every
    /// row of the owner.
    pub total: Option<Total>,
    /// The start of the next page; `None` on the last one.
    pub next: Option<Cursor>,
}

/// The number of rows on all pages of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// There are so many.
    Exactly(u64),
    /// There are more than this; the rest was not counted.
    MoreThan(u64),
}

impl Total {
    /// Returns the total after counting up to one more than [`COUNTED_MAX`].
    pub const fn counted(count: u64) -> Self {
        if count > COUNTED_MAX { Self::MoreThan(COUNTED_MAX) } else { Self::Exactly(count) }
    }

    /// Returns the number if all rows were counted.
    pub const fn exact(self) -> Option<u64> {
        match self {
            Self::Exactly(count) => Some(count),
            Self::MoreThan(_) => None,
        }
    }
}

/// The number of rows up to which a list is counted, so that its first page costs no more than its rows.
pub const COUNTED_MAX: u64 = 10_000;

/// Selects rows of a sorted list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Only rows after this place; `None` starts at the first row.
    pub after: Option<Cursor>,
    /// The maximum number of rows.
    pub limit: u64,
}

impl Slice {
    /// Selects the first rows, at most `limit`.
    pub const fn first(limit: u64) -> Self {
        Self { after: None, limit }
    }
}

impl Default for Slice {
    /// Selects the first 1,000 rows.
    fn default() -> Self {
        Self::first(1_000)
    }
}

/// A place in a sorted list: right after the row with this key. It is valid for the filter and the order of
/// the page that returned it, and can be kept and sent (it is serialisable).
///
/// A page starts at a key and not at a row number, so it costs the same wherever it lies, and rows that are
/// added or removed before it do not shift it. A row whose own key changes between two pages may be on both
/// or on neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The sort key of the row.
    pub key: SortKey,
    /// Breaks ties first, in microseconds since 1970: when the job or the artifact was created, the slot of the
    /// execution, the time of the audit entry.
    pub at: i64,
    /// Breaks ties next: the id of the job, the execution or the audit entry.
    pub id: String,
    /// The part, if the rows are the artifacts of executions; 0 otherwise.
    pub part: u32,
}

/// The value that a row is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// A number, the microseconds of an instant or the rank of a status.
    Number(i64),
    /// A text, case-folded where people search by it.
    Text(String),
    /// No value: sorted last, in both directions.
    Missing,
}

/// A column and a direction to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<C> {
    /// The column; ties are broken by age (see [`Cursor::at`]) and then by id, in the same direction.
    pub column: C,
    /// Whether the largest value comes first. Missing values come last either way.
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

            /// Returns the column's name as typed and printed.
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
    /// The columns of the audit.
    AuditColumn {
        At => "at",
        Principal => "principal",
        Action => "action",
    }
}

columns! {
    /// The columns of the list of subject requests.
    SubjectRequestColumn {
        ReceivedAt => "received_at",
        DueAt => "due_at",
    }
}

columns! {
    /// The columns of the list of notices.
    NoticeColumn {
        At => "at",
        Kind => "kind",
        Subscriber => "subscriber",
        Channel => "channel",
        Status => "status",
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

/// A filter on the latest status of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestStatus {
    /// The job never ran (rule E1).
    YetToRun,
    /// Its newest execution that was not skipped has this status.
    Is(Status),
}

/// Selects, sorts and pages jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobQuery {
    /// Only jobs whose id begins so.
    pub id_begins: Option<IdBeginning>,
    /// Only these jobs; an empty list selects none. Meant for the rows of a page: each is looked up.
    pub ids: Option<Vec<JobId>>,
    /// Only jobs with this text in their title, in any case.
    pub search: Option<String>,
    /// Only jobs of this source.
    pub source: Option<SourceId>,
    /// Only jobs of this data type.
    pub data_type: Option<TypeId>,
    /// Only jobs that seal for this recipient of the owner (rule J15).
    pub recipient: Option<RecipientName>,
    /// Only jobs with this kind of frequency.
    pub frequency: Option<FrequencyKind>,
    /// Only jobs in this state; deleted jobs are never listed.
    pub state: Option<JobState>,
    /// Only jobs with this latest status.
    pub latest_status: Option<LatestStatus>,
    /// Only jobs created in this range.
    pub created: Between,
    /// Only jobs whose newest execution started in this range.
    pub latest_started: Between,
    /// Only jobs that are next due in this range.
    pub next_starts: Between,
    /// The sort order.
    pub sort: Sort<JobColumn>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    JobQuery {
        with_id_begins => id_begins: option IdBeginning;
        with_ids => ids: option Vec<JobId>;
        with_search => search: option String;
        with_source => source: option SourceId;
        with_data_type => data_type: option TypeId;
        with_recipient => recipient: option RecipientName;
        with_frequency => frequency: option FrequencyKind;
        with_state => state: option JobState;
        with_latest_status => latest_status: option LatestStatus;
        with_created => created: value Between;
        with_latest_started => latest_started: value Between;
        with_next_starts => next_starts: value Between;
        with_sort => sort: value Sort<JobColumn>;
        with_slice => slice: value Slice;
    }
}

impl Default for JobQuery {
    /// Selects all jobs, newest first.
    fn default() -> Self {
        Self {
            id_begins: None,
            ids: None,
            search: None,
            source: None,
            data_type: None,
            recipient: None,
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

/// Selects, sorts and pages executions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecutionQuery {
    /// Only executions whose id begins so.
    pub id_begins: Option<IdBeginning>,
    /// Only these executions; an empty list selects none. Meant for the rows of a page: each is looked up.
    pub ids: Option<Vec<ExecutionId>>,
    /// Only executions of this job.
    pub job: Option<JobId>,
    /// Only executions with this status.
    pub status: Option<Status>,
    /// Only executions of this source.
    pub source: Option<SourceId>,
    /// Only executions of this data type.
    pub data_type: Option<TypeId>,
    /// Only executions with a slot in this range.
    pub slot: Between,
    /// Only executions started in this range.
    pub started: Between,
    /// The sort order.
    pub sort: Sort<ExecutionColumn>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    ExecutionQuery {
        with_id_begins => id_begins: option IdBeginning;
        with_ids => ids: option Vec<ExecutionId>;
        with_job => job: option JobId;
        with_status => status: option Status;
        with_source => source: option SourceId;
        with_data_type => data_type: option TypeId;
        with_slot => slot: value Between;
        with_started => started: value Between;
        with_sort => sort: value Sort<ExecutionColumn>;
        with_slice => slice: value Slice;
    }
}

impl Default for ExecutionQuery {
    /// Selects all executions, latest slot first.
    fn default() -> Self {
        Self {
            id_begins: None,
            ids: None,
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

/// Selects, sorts and pages artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArtifactQuery {
    /// Only artifacts whose id begins so.
    pub id_begins: Option<IdBeginning>,
    /// Only artifacts of this job.
    pub job: Option<JobId>,
    /// Only artifacts of this execution.
    pub execution: Option<ExecutionId>,
    /// Only artifacts with this text in their file name, in any case.
    pub search: Option<String>,
    /// Only artifacts of this data type.
    pub data_type: Option<TypeId>,
    /// Only artifacts published in this range.
    pub created: Between,
    /// Only artifacts that expire in this range.
    pub expires: Between,
    /// Only artifacts of at least this size, in bytes.
    pub bytes_min: Option<u64>,
    /// Only artifacts of at most this size, in bytes.
    pub bytes_max: Option<u64>,
    /// Only artifacts on legal hold (`true`) or not on hold (`false`).
    pub hold: Option<bool>,
    /// Only artifacts that are available at this instant: not expired, or on hold (rule A7).
    pub available_at: Option<DateTime<Utc>>,
    /// The sort order; parts of one set stay in their order.
    pub sort: Sort<ArtifactColumn>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    ArtifactQuery {
        with_id_begins => id_begins: option IdBeginning;
        with_job => job: option JobId;
        with_execution => execution: option ExecutionId;
        with_search => search: option String;
        with_data_type => data_type: option TypeId;
        with_created => created: value Between;
        with_expires => expires: value Between;
        with_bytes_min => bytes_min: option u64;
        with_bytes_max => bytes_max: option u64;
        with_hold => hold: option bool;
        with_available_at => available_at: option DateTime<Utc>;
        with_sort => sort: value Sort<ArtifactColumn>;
        with_slice => slice: value Slice;
    }
}

impl Default for ArtifactQuery {
    /// Selects all artifacts, newest first.
    fn default() -> Self {
        Self {
            id_begins: None,
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

/// Selects, sorts and pages notices.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoticeQuery {
    /// Only notices whose id begins so.
    pub id_begins: Option<IdBeginning>,
    /// Only the notice with this id.
    pub id: Option<NoticeId>,
    /// Only notices about this execution.
    pub execution: Option<ExecutionId>,
    /// Only notices about this job.
    pub job: Option<JobId>,
    /// Only notices that tell this.
    pub kind: Option<NoticeKind>,
    /// Only notices to this subscriber.
    pub subscriber: Option<Subscriber>,
    /// Only notices by this channel.
    pub channel: Option<Channel>,
    /// Only notices that the embedding service takes itself (`true`), or only those that it is not meant to take
    /// (`false`).
    pub for_host: Option<bool>,
    /// Only notices in this state.
    pub status: Option<WorkStatus>,
    /// Only notices of what happened in this range.
    pub at: Between,
    /// The sort order. Words are sorted as they are written.
    pub sort: Sort<NoticeColumn>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    NoticeQuery {
        with_id_begins => id_begins: option IdBeginning;
        with_id => id: option NoticeId;
        with_execution => execution: option ExecutionId;
        with_job => job: option JobId;
        with_kind => kind: option NoticeKind;
        with_subscriber => subscriber: option Subscriber;
        with_channel => channel: option Channel;
        with_for_host => for_host: option bool;
        with_status => status: option WorkStatus;
        with_at => at: value Between;
        with_sort => sort: value Sort<NoticeColumn>;
        with_slice => slice: value Slice;
    }
}

impl Default for NoticeQuery {
    /// Selects all notices, newest first.
    fn default() -> Self {
        Self {
            id_begins: None,
            id: None,
            execution: None,
            job: None,
            kind: None,
            subscriber: None,
            channel: None,
            for_host: None,
            status: None,
            at: Between::default(),
            sort: Sort { column: NoticeColumn::At, descending: true },
            slice: Slice::default(),
        }
    }
}

/// Selects and pages deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeliveryQuery {
    /// Only the delivery with this id.
    pub id: Option<DeliveryId>,
    /// Only deliveries of this execution's set.
    pub execution: Option<ExecutionId>,
    /// Only deliveries of the sets of these executions; an empty list selects none. Meant for the rows of a page: each
    /// is looked up.
    pub executions: Option<Vec<ExecutionId>>,
    /// Only deliveries to this destination.
    pub destination: Option<DestinationId>,
    /// Only deliveries in this state.
    pub status: Option<WorkStatus>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    DeliveryQuery {
        with_id => id: option DeliveryId;
        with_execution => execution: option ExecutionId;
        with_executions => executions: option Vec<ExecutionId>;
        with_destination => destination: option DestinationId;
        with_status => status: option WorkStatus;
        with_slice => slice: value Slice;
    }
}
