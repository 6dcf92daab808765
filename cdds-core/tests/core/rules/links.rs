//! Rule C3: a link to a stored file is on record before anybody has it, and is given to nobody else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cdds_core::domain::access::audit::{Object, Outcome};
use cdds_core::domain::access::{Principal, Role};
use cdds_core::domain::archive::artifact::Artifact;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::query::{ArtifactQuery, AuditQuery};
use cdds_core::ports::sink::{LinkRequest, Sink, SinkErrorKind};
use cdds_core::ports::source::Sources;
use cdds_core::service::ServiceError;
use cdds_core::service::pairing::{PairedSink, Pairing};
use cdds_core::system::SystemIds;
use cdds_core::testing::{MemoryPorts, PreparedSource, SeededIds, principal};
use cdds_core::{Action, Artifacts, JobRules, Jobs, LinkLifetime, Owner};
use chrono::TimeDelta;
use futures::executor::block_on;

use crate::rules::support::{instant, settings};

const STORE: &str = "https://store.example";

/// A service with one exported file.
struct World {
    memory: MemoryPorts,
    artifacts: Artifacts,
    file: Artifact,
}

impl World {
    /// A world whose store gives links to this address.
    fn new(links: Option<&str>) -> Self {
        let mut batch = RecordBatchBuilder::new();
        batch.serialize(&Place::of(None, None), &serde_json::json!({"caller": 7})).unwrap();
        let source = PreparedSource::of("contact-history", "interaction", vec![batch.take()]).unwrap();
        let now = instant("2026-03-01T12:00:00Z");
        let mut memory = MemoryPorts::new(now, Sources::new().with(Arc::new(source)));
        if let Some(address) = links {
            memory.ports.sink = Arc::new(memory.sink.clone().with_links(address));
        }
        let job = settings(Frequency::Once(Start::Immediately), "all");
        let by = of(Role::Operator);
        block_on(Jobs::new(&memory.ports, JobRules::default()).submit(&by, job)).unwrap();
        let engine = Engine::builder(&memory.ports).build();
        block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
        let artifacts = Artifacts::new(&memory.ports);
        let listed = block_on(artifacts.list(&by, &ArtifactQuery::default())).unwrap();
        let file = listed.items.into_iter().next().unwrap().artifact;
        Self { memory, artifacts, file }
    }

    /// Asks for a link, and returns where it leads to.
    fn ask(&self, by: &Principal) -> Result<Option<String>, ServiceError> {
        let link = block_on(self.artifacts.link(by, self.file.id, LinkLifetime::default()))?;
        Ok(link.map(|link| link.expose().to_owned()))
    }

    /// Returns what is on record of downloads, the last one first.
    fn on_record(&self) -> Vec<(Option<Object>, Outcome)> {
        let query = AuditQuery::default().with_action(Action::Download);
        let page = block_on(self.memory.ports.catalog.audit(&Owner::default(), &query)).unwrap();
        page.items.into_iter().map(|entry| (entry.object, entry.outcome)).collect()
    }

    fn later(&self, by: TimeDelta) {
        self.memory.clock.advance(by.to_std().unwrap_or(Duration::ZERO));
    }

    fn leads_to(&self, seconds: u16) -> Option<String> {
        Some(format!("{STORE}/{}?expires={seconds}", self.file.key))
    }
}

fn of(role: Role) -> Principal {
    principal(&Owner::default(), role)
}

#[test]
fn c3_a_link_is_on_record_as_linked_and_counts_as_no_download() {
    let world = World::new(Some(STORE));
    let link = block_on(world.artifacts.link(&of(Role::Operator), world.file.id, LinkLifetime::default()));
    let link = link.unwrap().unwrap();
    assert_eq!(Some(link.expose()), world.leads_to(60).as_deref());
    assert_eq!((link.bytes(), link.sha256()), (world.file.bytes, world.file.sha256));
    assert!(!format!("{link:?}").contains("store.example"), "{link:?}");
    assert_eq!(world.on_record(), [(Some(Object::Artifact(world.file.id)), Outcome::Linked)]);
    let shown = block_on(world.artifacts.show(&of(Role::Viewer), world.file.id)).unwrap();
    assert_eq!(shown.downloads, 0);
}

#[test]
fn c3_a_link_that_cannot_be_put_on_record_is_not_given() {
    let world = World::new(Some(STORE));
    // Each asks with the same ids, so the second entry has the id of the first.
    let twice = || {
        let mut ports = world.memory.ports.clone();
        ports.ids = Arc::new(SeededIds::new(9));
        Artifacts::new(&ports)
    };
    let ask = |artifacts: Artifacts| {
        block_on(artifacts.link(&of(Role::Operator), world.file.id, LinkLifetime::default()))
    };
    assert!(ask(twice()).unwrap().is_some());
    assert!(matches!(ask(twice()), Err(ServiceError::Catalog(_) | ServiceError::Conflict { .. })));
    assert_eq!(world.on_record().len(), 1);
}

#[test]
fn c3_only_those_who_may_download_get_a_link() {
    let world = World::new(Some(STORE));
    assert!(matches!(world.ask(&of(Role::Viewer)), Err(ServiceError::Forbidden(_))));
    let stranger = principal(&Owner::new("other").unwrap(), Role::Administrator);
    assert!(matches!(world.ask(&stranger), Err(ServiceError::NotFound { .. })));
    assert_eq!(world.on_record(), [(Some(Object::Artifact(world.file.id)), Outcome::Forbidden)]);
}

#[test]
fn c3_a_store_without_links_gives_none_and_nothing_is_on_record() {
    let world = World::new(None);
    assert_eq!(world.ask(&of(Role::Operator)).unwrap(), None);
    assert_eq!(world.on_record(), []);
}

#[test]
fn c3_a7_a_link_ends_with_the_retention_of_its_file() {
    let world = World::new(Some(STORE));
    let by = of(Role::Administrator);
    world.later(world.file.expires_at - world.memory.ports.clock.now() - TimeDelta::seconds(20));
    assert_eq!(world.ask(&by).unwrap(), world.leads_to(20));
    block_on(world.artifacts.hold(&by, world.file.execution_id)).unwrap();
    world.later(TimeDelta::seconds(20));
    assert_eq!(world.ask(&by).unwrap(), None, "a hold may be released at any time");
    assert!(block_on(world.artifacts.download(&by, world.file.id, 0)).is_ok());
    block_on(world.artifacts.release(&by, world.file.execution_id)).unwrap();
    assert!(matches!(world.ask(&by), Err(ServiceError::NotFound { .. })));
    assert_eq!(world.on_record().len(), 1);
}

#[test]
fn c3_no_link_is_given_to_a_file_that_is_gone_or_too_long() {
    let world = World::new(Some(STORE));
    let kind = || match world.ask(&of(Role::Operator)) {
        Err(ServiceError::Sink(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    let stored = world.memory.sink.object(&world.file.key).unwrap();
    block_on(world.memory.sink.delete(&world.file.key)).unwrap();
    assert_eq!(kind(), SinkErrorKind::NotFound);
    block_on(async {
        let mut upload = world.memory.sink.begin(&world.file.key).await.unwrap();
        upload.write(Bytes::from([&*stored, b"more"].concat())).await.unwrap();
        upload.finish().await.unwrap();
    });
    assert_eq!(kind(), SinkErrorKind::Corrupt);
    assert_eq!(world.on_record(), []);
}

#[test]
fn a11_a_store_that_is_not_the_catalogs_gives_no_link() {
    let world = World::new(Some(STORE));
    let ports = &world.memory.ports;
    let pairing = Pairing::new(ports.catalog.clone(), ports.sink.clone(), Arc::new(SystemIds));
    let paired = PairedSink::new(pairing, ports.clock.clone());
    let request = LinkRequest::new("export.zip", LinkLifetime::default());
    assert!(block_on(paired.link(&world.file.key, &request)).unwrap().is_some());
    let mounted_away = world.memory.sink.objects().into_keys();
    mounted_away.for_each(|key| block_on(world.memory.sink.delete(&key)).unwrap());
    world.later(TimeDelta::seconds(2));
    assert!(block_on(paired.link(&world.file.key, &request)).is_err());
}
