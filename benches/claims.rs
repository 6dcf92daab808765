//! Measures work over a catalog that keeps a long history. `claims CATALOG JOBS` opens the catalog, which `lists.py
//! --keep` makes, adds jobs that are due, and takes each through its life: it is recorded, claimed, begun, renewed and
//! published, one at a time. Prints `STEP MICROSECONDS` of each, the mean of wall time. The file is changed: give
//! it a copy, on a file system in memory, where no disk is measured.

#![allow(clippy::print_stdout, reason = "it tells what it measured")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cdds_core::domain::archive::artifact::{
    Artifact, ArtifactSet, Sha256Digest, StoredManifest, artifact_id,
};
use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::schedule::{Terms, materialise};
use cdds_core::domain::id::{JobId, Owner, WorkerId};
use cdds_core::domain::job::lifecycle::submit;
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::domain::source::SourceTerms;
use cdds_core::ports::catalog::{Beat, Claim, Fence, JobStore, Nonce, Publication, WorkQueue};
use cdds_core::ports::clock::Clock;
use cdds_core::ports::ids::Ids;
use cdds_core::ports::sink::Key;
use cdds_core::system::SystemIds;
use cdds_storage::catalog::SqliteCatalog;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use futures::future::BoxFuture;

const NONCE: Nonce = Nonce(1);

const LEASE: Duration = Duration::from_secs(60);

#[allow(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}

/// The instant so many seconds after the end of the history.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_735_689_600 + seconds, 0).expect("is an instant")
}

/// A clock that always shows the same instant.
#[derive(Debug)]
struct Standing(DateTime<Utc>);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Waits for nothing but the slot.
fn terms() -> Terms {
    let source = SourceTerms { settle_lag: TimeDelta::zero(), granularity: TimeDelta::zero() };
    Terms { catch_up_limit: TimeDelta::days(7), source }
}

/// The time of one step of all jobs.
struct Step {
    name: &'static str,
    taken: Duration,
    count: u32,
}

impl Step {
    fn new(name: &'static str) -> Self {
        Self { name, taken: Duration::ZERO, count: 0 }
    }

    fn of<T>(&mut self, count: usize, run: impl FnOnce() -> T) -> T {
        let begun = now();
        let result = run();
        self.taken += begun.elapsed();
        self.count += u32::try_from(count).expect("is a small number");
        result
    }

    fn print(&self) {
        println!("{}\t{:.1}", self.name, self.taken.as_secs_f64() * 1e6 / f64::from(self.count));
    }
}

fn publication(execution: &Execution, now: DateTime<Utc>) -> Publication {
    let key = |name: &str| Key::new(format!("{}/{}/{name}", execution.id, execution.epoch));
    let artifact = Artifact {
        id: artifact_id(execution.id, 1),
        owner: execution.owner.clone(),
        execution_id: execution.id,
        job_id: execution.job_id,
        types: execution.settings.reads.types(),
        name: format!("export-{}.zip", execution.id),
        part: 1,
        parts: 1,
        key: key("000001"),
        bytes: 1_000,
        sha256: Sha256Digest([7; 32]),
        created_at: now,
        expires_at: now + TimeDelta::days(30),
        hold: false,
    };
    let name = format!("export-{}.manifest.json", execution.id);
    let manifest = StoredManifest { name, key: key("manifest"), bytes: 321, sha256: Sha256Digest([8; 32]) };
    Publication {
        nonce: Some(NONCE),
        set: ArtifactSet { artifacts: vec![artifact], manifest, signature: None },
        filter: None,
        progress: Progress { records: 42, ..Progress::default() },
        published_at: now,
        request: execution.settings.request,
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the catalog's file is the first argument");
    let jobs: usize = arguments.next().and_then(|jobs| jobs.parse().ok()).expect("then the number of jobs");
    let tomorrow = at(86_400);
    let catalog = SqliteCatalog::open(&path).expect("opens").with_clock(Arc::new(Standing(tomorrow)));
    let mut submitted = Step::new("submit");
    for number in 0..jobs {
        let settings = JobSettings::new(
            Title::new(&format!("Due {number}")).expect("is a title"),
            format!("source-{}", number % 7).parse().expect("is a source"),
            format!("type-{}", number % 11).parse().expect("is a type"),
            Frequency::Daily("00:00".parse().expect("is a time")),
            Protection::Plaintext,
        );
        let new = submit(JobId(SystemIds.next()), Owner::default(), settings, terms().source, at(1));
        submitted
            .of(1, || block_on(catalog.insert_job(&new.job, new.first.as_ref(), &[])).expect("is stored"));
    }
    let mut recorded = Step::new("record");
    loop {
        let due =
            recorded.of(0, || block_on(catalog.due(tomorrow, 1_000, Clocks::default())).expect("is read"));
        if due.is_empty() {
            break;
        }
        for due in due {
            let change = materialise(&due.job, &due.waiting, terms(), tomorrow).expect("has a slot");
            recorded
                .of(1, || block_on(catalog.change_job(&change, due.job.revision, &[])).expect("is stored"));
        }
    }
    let worker = WorkerId::new("w").expect("is a name");
    let steps = ["claim one", "begin", "renew", "publish"];
    let [mut claimed, mut begun, mut renewed, mut published] = steps.map(Step::new);
    for _ in 0..jobs {
        let claim = Claim::new(worker.clone(), NONCE, LEASE, 1);
        let mut executions = claimed.of(1, || block_on(catalog.claim(&claim)).expect("is stored")).executions;
        let Some(execution) = executions.pop() else { break };
        let fence = Fence { id: execution.id, epoch: execution.epoch };
        begun.of(1, || block_on(catalog.begin(fence, None)).expect("is stored"));
        let beat = Beat { fence, progress: Progress { records: 7, ..Progress::default() } };
        renewed.of(1, || block_on(catalog.beat(&worker, LEASE, &[beat])).expect("is stored"));
        let publication = publication(&execution, tomorrow);
        published.of(1, || block_on(catalog.publish(fence, &publication)).expect("is stored"));
    }
    for step in [submitted, recorded, claimed, begun, renewed, published] {
        step.print();
    }
}
