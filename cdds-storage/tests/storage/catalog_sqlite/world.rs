//! A catalog in a folder of its own, with shortcuts to fill it.

use std::cmp::Ordering;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};
use std::time::Duration;

use cdds_core::domain::access::Action;
use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::access::download::{DownloadEnd, DownloadOutcome};
use cdds_core::domain::archive::artifact::{
    Artifact, ArtifactSet, Sha256Digest, StoredManifest, StoredSignature, artifact_id,
};
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::retry::RetryPolicy;
use cdds_core::domain::execution::schedule::{Terms, materialise};
use cdds_core::domain::id::{ArtifactId, AuditId, JobId, Owner, SourceId, TypeId, WorkerId};
use cdds_core::domain::job::lifecycle::submit;
use cdds_core::domain::job::{Job, JobChange, JobSettings, Protection, Title};
use cdds_core::domain::source::SourceTerms;
use cdds_core::ports::catalog::query::{ExecutionOverview, ExecutionQuery, Page, Slice, Total};
use cdds_core::ports::catalog::{
    Catalog, CatalogError, Claim, ExecutionStore, Fence, JobStore, Nonce, Publication, Settlement, Standing,
    WorkQueue,
};
use cdds_core::ports::ids::Ids;
use cdds_core::ports::sink::Key;
use cdds_core::system::SystemIds;
use cdds_core::testing::{ManualClock, administrator};
use cdds_storage::catalog::SqliteCatalog;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// The instant so many seconds after 2026-01-01T00:00:00Z.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

/// The instant so many days after 2026-01-01T00:00:00Z.
pub(crate) fn day(days: i64) -> DateTime<Utc> {
    at(days * 86_400)
}

/// Returns all rows of a list of several pages. Each page starts where the one before ended.
pub(crate) fn page_by_page<T>(limit: u64, fetch: impl Fn(Slice) -> Page<T>) -> Vec<T> {
    let first = fetch(Slice::first(limit));
    let (mut rows, mut next) = (first.items, first.next);
    assert!(next.is_some(), "one page");
    while let Some(after) = next {
        assert_eq!(rows.len() as u64 % limit, 0, "only the last page may be short");
        let page = fetch(Slice { after: Some(after), limit });
        assert!(!page.items.is_empty(), "a page of nothing");
        assert_eq!(page.total, None);
        rows.extend(page.items);
        next = page.next;
    }
    assert_eq!(Some(Total::Exactly(rows.len() as u64)), first.total);
    rows
}

pub(crate) fn settings(title: &str, frequency: Frequency) -> JobSettings {
    JobSettings::new(
        Title::new(title).unwrap(),
        SourceId::new("contact-history").unwrap(),
        TypeId::new("interaction").unwrap(),
        frequency,
        Protection::Plaintext,
    )
}

pub(crate) fn immediately() -> Frequency {
    Frequency::Once(Start::Immediately)
}

pub(crate) fn daily() -> Frequency {
    Frequency::Daily("00:00".parse().unwrap())
}

pub(crate) fn fence(execution: &Execution) -> Fence {
    Fence { id: execution.id, epoch: execution.epoch }
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

/// A catalog whose clock is moved by hand.
pub(crate) struct Timed {
    catalog: SqliteCatalog,
    pub(crate) clock: Arc<ManualClock>,
}

impl Timed {
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self, CatalogError> {
        let clock = Arc::new(ManualClock::at(at(0)));
        Ok(Self { catalog: SqliteCatalog::open(path)?.with_clock(clock.clone()), clock })
    }

    /// Returns the catalog after setting its clock.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> &SqliteCatalog {
        self.clock.set(now);
        &self.catalog
    }
}

impl Deref for Timed {
    type Target = SqliteCatalog;

    fn deref(&self) -> &SqliteCatalog {
        &self.catalog
    }
}

/// Records a download of a file from its first byte to its end.
pub(crate) fn download(catalog: &dyn Catalog, owner: &Owner, file: ArtifactId, end: DownloadEnd) {
    let by = administrator(owner);
    let entry = AuditRecord::new(AuditId(SystemIds.next()), end.at, &by, Action::Download)
        .with_object(Object::Artifact(file))
        .with_outcome(Outcome::Begun);
    block_on(catalog.record(&entry)).unwrap();
    block_on(catalog.end_download(entry.id, &end)).unwrap();
}

/// A download that was verified.
pub(crate) fn verified(at: DateTime<Utc>) -> DownloadEnd {
    DownloadEnd { at, bytes: 7, outcome: DownloadOutcome::Verified }
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) catalog: Timed,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Timed::open(folder.path().join("cdds.db")).unwrap();
        Self { folder, catalog }
    }

    /// Opens the catalog a second time, as another process would.
    pub(crate) fn second_handle(&self) -> Timed {
        Timed::open(self.folder.path().join("cdds.db")).unwrap()
    }

    /// Opens the file itself.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.catalog.path()).unwrap()
    }

    /// Submits a job of the default owner.
    pub(crate) fn submit(&self, title: &str, frequency: Frequency, now: DateTime<Utc>) -> Job {
        self.submit_as(&Owner::default(), settings(title, frequency), now)
    }

    pub(crate) fn submit_as(&self, owner: &Owner, settings: JobSettings, now: DateTime<Utc>) -> Job {
        let submission = submit(JobId(Uuid::new_v4()), owner.clone(), settings, terms().source, now);
        block_on(self.catalog.insert_job(&submission.job, submission.first.as_ref(), &[])).unwrap();
        submission.job
    }

    /// Records every due slot, as the engine does.
    pub(crate) fn materialise(&self, now: DateTime<Utc>) {
        for due in block_on(self.catalog.due(now, 1_000, Clocks::default())).unwrap() {
            let change = materialise(&due.job, &due.waiting, terms(), now).unwrap();
            block_on(self.catalog.change_job(&change, due.job.revision, &[])).unwrap();
        }
    }

    pub(crate) fn execution(&self, execution: &Execution) -> Execution {
        self.overview(execution, at(0)).unwrap().execution
    }

    /// Returns the overview of an execution at `now`, as lists show it.
    pub(crate) fn overview(&self, execution: &Execution, now: DateTime<Utc>) -> Option<ExecutionOverview> {
        block_on(self.catalog.execution(&execution.owner, execution.id, now)).unwrap()
    }

    /// Returns the whole history of the default owner, latest slot first.
    pub(crate) fn history(&self) -> Vec<Execution> {
        self.executions(&ExecutionQuery::default())
    }

    pub(crate) fn executions(&self, query: &ExecutionQuery) -> Vec<Execution> {
        let page = block_on(self.catalog.executions(&Owner::default(), query, at(0))).unwrap();
        assert_eq!(u64::try_from(page.items.len()).ok(), page.total.and_then(Total::exact));
        page.items.into_iter().map(|overview| overview.execution).collect()
    }

    /// Stores a decision of the domain about a job that has not changed since.
    pub(crate) fn change(&self, job: &Job, change: &JobChange) -> Result<(), CatalogError> {
        block_on(self.catalog.change_job(change, job.revision, &[]))
    }

    /// Returns the catalog's answer about the latest claim of an execution.
    pub(crate) fn standing(&self, execution: &Execution) -> Standing {
        block_on(self.catalog.standing(execution.writer())).unwrap()
    }

    pub(crate) fn job(&self, id: JobId) -> Job {
        block_on(self.catalog.job(&Owner::default(), id)).unwrap().unwrap().job
    }

    /// Publishes a set of one part.
    pub(crate) fn publish(&self, claimed: &Execution, now: DateTime<Utc>) -> Result<(), CatalogError> {
        block_on(self.catalog.publish(fence(claimed), &publication(claimed, 1, now)))
    }

    /// Ends an attempt without success.
    pub(crate) fn settle(&self, claimed: &Execution, how: &Settlement, now: DateTime<Utc>) -> Execution {
        block_on(self.catalog.at(now).settle(fence(claimed), how)).unwrap()
    }

    /// Submits a job of the default owner that is due every day.
    pub(crate) fn submit_daily(&self, timeframe: &str, now: DateTime<Utc>) -> Job {
        let mut settings = settings("Daily", daily());
        settings.timeframe = timeframe.parse().unwrap();
        self.submit_as(&Owner::default(), settings, now)
    }

    /// Claims one execution and publishes a set with this number of parts for it.
    pub(crate) fn run_one(&self, now: DateTime<Utc>, parts: u32) -> Execution {
        let claimed = claim(&self.catalog, "w", now, 1).remove(0);
        block_on(self.catalog.publish(fence(&claimed), &publication(&claimed, parts, now))).unwrap();
        claimed
    }
}

/// A failed attempt that may be retried, or not.
pub(crate) fn failed(retryable: bool) -> Settlement {
    let failure = Failure {
        step: Step::Read,
        kind: FailureKind::Unavailable,
        message: "the source is away".to_owned(),
        retryable,
    };
    Settlement::Failed { failure, retry: RetryPolicy::default() }
}

pub(crate) fn claim_of(name: &str, limit: usize) -> Claim {
    static CLAIMS: AtomicU64 = AtomicU64::new(1);
    let nonce = Nonce(CLAIMS.fetch_add(1, atomic::Ordering::Relaxed));
    Claim::new(worker(name), nonce, LEASE, limit)
}

pub(crate) fn claim(catalog: &Timed, worker: &str, now: DateTime<Utc>, limit: usize) -> Vec<Execution> {
    block_on(catalog.at(now).claim(&claim_of(worker, limit))).unwrap().executions
}

/// Returns a complete set of an execution, retained for 30 days, and signed if it has several parts.
pub(crate) fn publication(execution: &Execution, parts: u32, now: DateTime<Utc>) -> Publication {
    let key = |name: &str| Key::new(format!("{}/{}/{name}", execution.id, execution.epoch));
    let artifacts = (1..=parts).map(|part| {
        let extension = if part == parts { "zip".to_owned() } else { format!("z{part:02}") };
        Artifact {
            id: artifact_id(execution.id, part),
            owner: execution.owner.clone(),
            execution_id: execution.id,
            job_id: execution.job_id,
            types: execution.settings.reads.types(),
            name: format!("export-{}.{extension}", execution.id),
            part,
            parts,
            key: key(&format!("{part:06}")),
            bytes: 1_000 + u64::from(part),
            sha256: Sha256Digest([7; 32]),
            created_at: now,
            expires_at: RetentionDays::default().expires_at(now),
            hold: false,
        }
    });
    let manifest = StoredManifest {
        name: format!("export-{}.manifest.json", execution.id),
        key: key("manifest"),
        bytes: 321,
        sha256: Sha256Digest([8; 32]),
    };
    let signature = (parts > 1).then(|| StoredSignature {
        name: format!("export-{}.manifest.json.p7s", execution.id),
        key: key("manifest.p7s"),
        bytes: 1_234,
        sha256: Sha256Digest([9; 32]),
    });
    Publication {
        nonce: execution.writer().nonce,
        set: ArtifactSet { artifacts: artifacts.collect(), manifest, signature },
        filter: None,
        progress: Progress {
            records: 42,
            bytes_read: 4_200,
            bytes_written: 420,
            parts,
            ..Progress::default()
        },
        published_at: now,
        request: execution.settings.request,
    }
}

/// A catch-up of a week, and rows that are visible at once.
pub(crate) fn terms() -> Terms {
    let source = SourceTerms { settle_lag: TimeDelta::zero(), granularity: TimeDelta::zero() };
    Terms { catch_up_limit: TimeDelta::days(7), source }
}

/// Compares two values in a direction.
pub(crate) fn both_ways<T: Ord>(one: &T, other: &T, descending: bool) -> Ordering {
    if descending { other.cmp(one) } else { one.cmp(other) }
}

/// Compares two values of a column. Missing values come last in either direction; `ties` orders equal ones.
pub(crate) fn order<T: Ord>(one: Option<T>, other: Option<T>, descending: bool, ties: Ordering) -> Ordering {
    let by_value = match (one, other) {
        (Some(one), Some(other)) if descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => one.is_none().cmp(&other.is_none()),
    };
    by_value.then(ties)
}
