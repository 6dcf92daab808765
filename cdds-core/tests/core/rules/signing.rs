//! Rule A5: a service that signs publishes manifest and signature together, or neither.

use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::artifact::ArtifactSet;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::failure::{FailureKind, Step};
use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::sealer::{ManifestSigner, SealerError, SealerErrorKind};
use cdds_core::ports::source::{DataType, SourceDescription, Sources};
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use chrono::{DateTime, Utc};
use futures::executor::block_on;

use crate::rules::support::{instant, settings};

/// Signs with the manifest itself and the instant, or fails because its certificate has expired.
#[derive(Debug)]
struct Seen {
    expired: bool,
}

impl ManifestSigner for Seen {
    fn sign(&self, manifest: &[u8], signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError> {
        if self.expired {
            return Err(SealerError::new(SealerErrorKind::Certificate, "the signer's certificate expired"));
        }
        Ok([manifest, signed_at.to_rfc3339().as_bytes()].concat())
    }
}

struct Service {
    memory: MemoryPorts,
    artifacts: Artifacts,
    by: Principal,
}

impl Service {
    /// Submits a job over one record, which runs at once.
    fn new() -> (Self, ExecutionId) {
        let mut batch = RecordBatchBuilder::new();
        let mut record = batch.record(&Place::of(None, None));
        record.integer("n", 1);
        record.finish();
        let description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History")
            .with_type(DataType::new("interaction".parse().unwrap()).with_event_instant());
        let source = PreparedSource::new(description, vec![batch.take()]);
        let memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), Sources::new().with(Arc::new(source)));
        let (by, artifacts) = (administrator(&Owner::default()), Artifacts::new(&memory.ports));
        let once = settings(Frequency::Once(Start::Immediately), "all");
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        let execution = block_on(jobs.submit(&by, once)).unwrap().latest.unwrap().id;
        (Self { memory, artifacts, by }, execution)
    }

    fn run(&self, expired: bool) {
        let engine = Engine::builder(&self.memory.ports).signer(Arc::new(Seen { expired })).build();
        block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
    }

    fn set(&self, execution: ExecutionId) -> ArtifactSet {
        block_on(self.artifacts.set(&self.by, execution)).unwrap()
    }
}

#[test]
fn a5_the_signature_is_over_the_manifest_as_it_is_stored_and_named_after_it() {
    let (service, execution) = Service::new();
    service.run(false);
    let ArtifactSet { manifest, signature, artifacts } = service.set(execution);
    let signature = signature.unwrap();
    assert_eq!(signature.name, format!("{}.p7s", manifest.name));
    assert_eq!(artifacts.len(), 1, "neither is an artifact");
    let objects = service.memory.sink.objects();
    let signed_at = artifacts[0].created_at.to_rfc3339();
    let expected = [&objects[&manifest.key], signed_at.as_bytes()].concat();
    assert_eq!(objects[&signature.key], expected);
    let read = block_on(async {
        let contents = service.artifacts.download_signature(&service.by, execution).await.unwrap();
        contents.collect().await.unwrap()
    });
    assert_eq!(read, expected);
}

#[test]
fn a5_a7_the_signature_goes_with_its_set() {
    let (service, execution) = Service::new();
    service.run(false);
    assert_eq!(service.memory.sink.objects().len(), 3, "the file, its manifest, the signature");
    block_on(service.artifacts.hold(&service.by, execution)).unwrap();
    service.memory.clock.advance(Duration::from_secs(31 * 86_400));
    service.run(false);
    assert_eq!(service.memory.sink.objects().len(), 3, "a hold keeps it too");
    block_on(service.artifacts.release(&service.by, execution)).unwrap();
    service.run(false);
    assert!(service.memory.sink.objects().is_empty());

    let (service, execution) = Service::new();
    service.run(false);
    block_on(service.artifacts.delete_set(&service.by, execution)).unwrap();
    assert!(service.memory.sink.objects().is_empty());
}

#[test]
fn a5_without_a_signature_nothing_is_published() {
    let (service, execution) = Service::new();
    service.run(true);
    let history = History::new(&service.memory.ports);
    let shown = block_on(history.show(&service.by, execution)).unwrap().execution;
    assert_eq!(shown.status(), Status::Failed);
    let ExecutionState::Failed(failure) = &shown.state else { panic!("{:?}", shown.state) };
    assert_eq!((failure.step, failure.kind), (Step::Publish, FailureKind::Certificate));
    assert!(!failure.retryable && failure.message.contains("expired"));
    assert!(block_on(service.artifacts.set(&service.by, execution)).is_err());
    assert!(service.memory.sink.objects().is_empty(), "nothing stays of the attempt");
}
