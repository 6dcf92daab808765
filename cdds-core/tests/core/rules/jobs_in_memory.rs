//! The complete services and engine, over ports in memory.

use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::schedule::{Terms, materialise};
use cdds_core::domain::execution::{ExecutionState, Status, Trigger};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::edit::WatermarkChoice;
use cdds_core::domain::job::{JobState, Title};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::domain::violation::Code;
use cdds_core::engine::{Engine, RunReport, Until};
use cdds_core::ports::catalog::query::{ArtifactQuery, ExecutionQuery};
use cdds_core::ports::source::{DataType, Ownership, SourceDescription, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, ExpectedJob, JobRules, Jobs};
use cdds_core::stored::manifest::Manifest;
use cdds_core::stored::{settings_from_json, settings_to_json};
use cdds_core::testing::strategies::job_settings;
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use futures::executor::block_on;
use proptest::prelude::*;

use crate::rules::support::{daily, instant, settings};

pub(crate) struct Service {
    pub(crate) memory: MemoryPorts,
    pub(crate) jobs: Jobs,
    pub(crate) history: History,
    pub(crate) artifacts: Artifacts,
    pub(crate) by: Principal,
}

impl Service {
    /// Creates a service over a source with this many records.
    pub(crate) fn with_records(records: usize) -> Self {
        let mut batch = RecordBatchBuilder::new();
        for number in (0..).take(records) {
            // These records have a folder of their own, and so belong to every window.
            let mut record = batch.record(&Place::Folder("interaction/all/undated".into()));
            record.integer("n", number);
            record.finish();
        }
        Self::over(batch)
    }

    pub(crate) fn over(mut batch: RecordBatchBuilder) -> Self {
        let interaction = DataType::new("interaction".parse().unwrap())
            .with_event_instant()
            .with_ownership(Ownership::Shared);
        let description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History")
            .with_type(interaction);
        let source = PreparedSource::new(description, vec![batch.take()]);
        let now = instant("2026-03-01T12:00:00Z");
        let memory = MemoryPorts::new(now, Sources::new().with(Arc::new(source)));
        Self {
            jobs: Jobs::new(&memory.ports, JobRules::default()),
            history: History::new(&memory.ports),
            artifacts: Artifacts::new(&memory.ports),
            by: administrator(&Owner::default()),
            memory,
        }
    }

    pub(crate) fn run(&self) -> RunReport {
        let engine = Engine::builder(&self.memory.ports).build();
        block_on(engine.run(Until::Idle, futures::future::pending())).unwrap()
    }

    pub(crate) fn days_pass(&self, days: u64) {
        self.memory.clock.advance(Duration::from_secs(days * 86_400));
    }
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> Code {
    match result.unwrap_err() {
        ServiceError::Refused(violation) => violation.code(),
        other => panic!("not a refusal: {other}"),
    }
}

proptest! {
    #[test]
    fn j5_everything_that_a_job_says_is_stored_and_read_back(settings in job_settings()) {
        let json = settings_to_json(&settings).unwrap();
        prop_assert_eq!(settings_from_json(&json).unwrap(), settings);
    }
}

#[test]
fn w8_an_export_without_records_is_a_valid_archive_and_says_so() {
    let service = Service::with_records(0);
    let once = settings(Frequency::Once(Start::Immediately), "rolling:1d");
    block_on(service.jobs.submit(&service.by, once)).unwrap();
    assert_eq!(service.run().finished, 1);
    let history = block_on(service.history.list(&service.by, &ExecutionQuery::default())).unwrap();
    let done = &history.items[0];
    assert_eq!((done.execution.status(), done.execution.progress.records), (Status::Finished, 0));
    assert_eq!(done.files.len(), 1);
    let set = block_on(service.artifacts.set(&service.by, done.execution.id)).unwrap();
    let objects = service.memory.sink.objects();
    let mut manifest = Manifest::from_json(&objects[&set.manifest.key]).unwrap();
    assert_eq!((manifest.records, manifest.files), (0, 0));
    let told = |manifest: &Manifest| {
        String::from_utf8(manifest.to_json().unwrap()).unwrap().contains("\"bad_records\": 1")
    };
    assert!(!String::from_utf8_lossy(&objects[&set.manifest.key]).contains("bad_records"));
    manifest.bad_records = 1;
    assert!(told(&manifest), "they are told of if there are some");
    let archive = std::slice::from_ref(&objects[&set.artifacts[0].key]).to_vec();
    assert!(cdds_core::testing::packager::unpack(&archive).unwrap().is_empty());
}

#[test]
fn j10_an_edit_by_an_older_version_is_refused_and_the_engine_does_not_count_as_one() {
    let service = Service::with_records(1);
    let job = block_on(service.jobs.submit(&service.by, settings(daily("02:00"), "since-last"))).unwrap().job;
    service.days_pass(3);
    assert_eq!(service.run().finished, 1);
    let edit = |title: &str, if_version| {
        let settings = job.settings.clone().with_title(Title::new(title).unwrap());
        let request = EditRequest::new(settings).with_if_version(if_version);
        block_on(service.jobs.edit(&service.by, job.id, &request))
    };
    let edited = edit("Mine", Some(job.version)).unwrap().job;
    assert_eq!(edited.version, job.version + 1);
    assert_eq!(refused(edit("Theirs", Some(job.version))), Code::VersionOvertaken);
    assert_eq!(edit("Anybody's", None).unwrap().job.version, job.version + 2);
}

#[test]
fn j1_every_change_of_an_older_version_is_refused() {
    let service = Service::with_records(1);
    let by = &service.by;
    let job = block_on(service.jobs.submit(by, settings(daily("02:00"), "all"))).unwrap().job;
    let seen = |version| ExpectedJob::from(job.id).with_if_version(version);
    let old = seen(job.version);
    let suspended = block_on(service.jobs.suspend(by, old)).unwrap().job;
    assert_eq!(suspended.version, job.version + 1);
    assert_eq!(refused(block_on(service.jobs.suspend(by, old))), Code::VersionOvertaken, "nothing is to do");
    assert_eq!(refused(block_on(service.jobs.resume(by, old))), Code::VersionOvertaken);
    assert_eq!(refused(block_on(service.jobs.bring_back(by, old))), Code::VersionOvertaken);
    assert_eq!(refused(block_on(service.jobs.delete(by, old))), Code::VersionOvertaken);
    let resumed = block_on(service.jobs.resume(by, seen(suspended.version))).unwrap().job;
    block_on(service.jobs.bring_back(by, seen(resumed.version))).unwrap();
    block_on(service.jobs.delete(by, seen(resumed.version))).unwrap();
}

#[test]
fn j11_a_reset_exports_everything_again() {
    let service = Service::with_records(2);
    let by = &service.by;
    let job = block_on(service.jobs.submit(by, settings(daily("02:00"), "since-last"))).unwrap().job;
    service.days_pass(1);
    assert_eq!(service.run().finished, 1);
    let exported = block_on(service.jobs.show(by, job.id)).unwrap().job.watermark();
    assert_eq!(exported.at, Some(instant("2026-03-02T01:59:59Z")));
    let watermark = Some(WatermarkChoice::Reset);
    let request = EditRequest::new(job.settings.clone()).with_watermark(watermark);
    let reset = block_on(service.jobs.edit(by, job.id, &request)).unwrap().job.watermark();
    assert_eq!((reset.generation, reset.at), (2, None));
}

#[test]
fn j12_a_deleted_job_leaves_its_history_marked() {
    let service = Service::with_records(1);
    let by = &service.by;
    let job = block_on(service.jobs.submit(by, settings(daily("02:00"), "all"))).unwrap().job;
    let extra = block_on(service.jobs.run_now(by, job.id)).unwrap();
    assert_eq!(refused(block_on(service.jobs.delete(by, job.id))), Code::JobBusy);
    assert_eq!(service.run().finished, 1);
    block_on(service.jobs.delete(by, job.id)).unwrap();
    assert!(matches!(block_on(service.jobs.show(by, job.id)), Err(ServiceError::NotFound { .. })));
    let left = block_on(service.history.show(by, extra.id)).unwrap();
    assert!(left.job_deleted && left.files.len() == 1);
    let files = block_on(service.artifacts.list(by, &ArtifactQuery::default())).unwrap();
    assert!(files.items[0].job_deleted);
    service.days_pass(9);
    assert_eq!(service.run().finished, 0, "nothing of it is due any more");
    assert_eq!(service.memory.catalog.all_jobs()[0].state, JobState::Deleted);
}

#[test]
fn e9_a_failed_execution_is_rerun_cloned_and_deleted_with_its_artifacts() {
    let service = Service::with_records(1);
    let by = &service.by;
    let once = settings(Frequency::Once(Start::Immediately), "all");
    let job = block_on(service.jobs.submit(by, once.clone())).unwrap();
    let first = job.latest.unwrap().id;
    let cancelled = block_on(service.history.cancel(by, first)).unwrap().execution;
    assert_eq!(cancelled.state, ExecutionState::Cancelled);
    assert_eq!(refused(block_on(service.history.cancel(by, first))), Code::ExecutionEnded);
    let again = block_on(service.history.rerun(by, first)).unwrap();
    assert_eq!(again.trigger, Trigger::Rerun { of: first, of_backfill: false });
    assert_eq!(refused(block_on(service.history.rerun(by, first))), Code::RerunExists);
    let delete = |id, with| block_on(service.history.delete(by, id, with));
    assert_eq!(refused(delete(again.id, WithArtifacts::Delete)), Code::ExecutionOpen);
    assert_eq!(service.run().finished, 1);
    assert_eq!(block_on(service.history.draft(by, again.id)).unwrap(), once);
    assert_eq!(refused(delete(again.id, WithArtifacts::Keep)), Code::ExecutionHasArtifacts);
    block_on(service.artifacts.hold(by, again.id)).unwrap();
    assert_eq!(refused(delete(again.id, WithArtifacts::Delete)), Code::OnHold);
    block_on(service.artifacts.release(by, again.id)).unwrap();
    delete(again.id, WithArtifacts::Delete).unwrap();
    assert!(service.memory.sink.objects().is_empty(), "its files are gone from the store");
    assert!(matches!(block_on(service.history.show(by, again.id)), Err(ServiceError::NotFound { .. })));
}

#[test]
fn a7_a_hold_outlives_the_retention_and_its_release_counts_at_once() {
    let service = Service::with_records(1);
    let by = &service.by;
    let once = settings(Frequency::Once(Start::Immediately), "all");
    let execution = block_on(service.jobs.submit(by, once)).unwrap().latest.unwrap().id;
    assert_eq!(service.run().finished, 1);
    let file = block_on(service.artifacts.set(by, execution)).unwrap().artifacts.remove(0);
    block_on(service.artifacts.hold(by, execution)).unwrap();
    service.days_pass(31);
    service.run();
    assert_eq!(service.memory.sink.objects().len(), 2, "the file and its manifest");
    assert_eq!(refused(block_on(service.artifacts.delete(by, &[file.id]))), Code::OnHold);
    assert!(block_on(service.artifacts.download(by, file.id, 0)).is_ok());
    block_on(service.artifacts.release(by, execution)).unwrap();
    assert!(block_on(service.artifacts.download(by, file.id, 0)).is_err(), "gone at once for people");
    service.run();
    assert!(service.memory.sink.objects().is_empty());
}

#[test]
fn i9_an_occurrence_of_a_one_time_job_is_not_run_again_once_the_job_ran_at_another_start() {
    let service = Service::with_records(1);
    let by = &service.by;
    let start = |day: u32| Frequency::Once(Start::At(instant(&format!("2026-03-{day:02}T12:00:00Z"))));
    let job = block_on(service.jobs.submit(by, settings(start(2), "all"))).unwrap().job;
    service.days_pass(1);
    // The execution is on the record, but no worker has claimed it yet.
    let (catalog, now) = (&service.memory.ports.catalog, block_on(service.artifacts.now()).unwrap());
    let due = block_on(catalog.due(now, 1, Clocks::default())).unwrap().remove(0).job;
    let change = materialise(&due, &[], Terms::default(), now).unwrap();
    let first = change.entries[0].id;
    block_on(catalog.change_job(&change, due.revision, &[])).unwrap();
    block_on(service.history.cancel(by, first)).unwrap();
    let later = job.settings.with_frequency(start(3));
    let request = EditRequest::new(later);
    block_on(service.jobs.edit(by, job.id, &request)).unwrap();
    service.days_pass(1);
    assert_eq!(service.run().finished, 1);
    assert_eq!(refused(block_on(service.history.rerun(by, first))), Code::RerunExists);
}
