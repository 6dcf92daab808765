//! For whom a set is encrypted, by its manifest (rules S1, C1).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cdds_core::domain::access::{Principal, PrincipalName, Role};
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{ExecutionId, Owner, RecipientName};
use cdds_core::domain::job::{Protection, RecipientNames};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::query::{ArtifactQuery, AuditQuery};
use cdds_core::ports::sealer::{Certificates, Sealer, SealerError, Sealing};
use cdds_core::ports::sink::{Key, Sink as _, SinkErrorKind};
use cdds_core::ports::source::Sources;
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::service::recipients::Recipients;
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;

use crate::rules::support::{instant, settings};

/// Takes every text for a certificate, and seals by leaving everything as it is.
#[derive(Debug)]
pub(crate) struct Open;

/// The fingerprint of such a certificate.
pub(crate) fn print(certificate: &str) -> String {
    certificate.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect()
}

impl Certificates for Open {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        let text = String::from_utf8_lossy(encoded).into_owned();
        Ok(CertificateFacts {
            der: encoded.to_vec(),
            fingerprint: print(&text),
            subject: text,
            not_before: now,
            not_after: now + TimeDelta::days(999),
            warnings: Vec::new(),
        })
    }

    fn sealer(&self, _: &[Recipient], _: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        Ok(Arc::new(Self))
    }
}

impl Sealer for Open {
    fn sealed_bytes(&self, plain: u64) -> u64 {
        plain
    }

    fn begin(&self, _: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        Ok(Box::new(Self))
    }
}

impl Sealing for Open {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        out.extend_from_slice(plain);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut BytesMut) -> Result<(), SealerError> {
        Ok(())
    }
}

/// A set and who may look at it.
struct World {
    memory: MemoryPorts,
    artifacts: Artifacts,
    viewer: Principal,
    execution: ExecutionId,
}

impl World {
    /// Exports one record, encrypted for these recipients; in plaintext if there are none.
    fn new(recipients: &[&str]) -> Self {
        let mut batch = RecordBatchBuilder::new();
        batch.raw_line(&Place::Folder("interaction/all/undated".into()), b"{\"n\":1}").unwrap();
        let source = PreparedSource::of("contact-history", "interaction", vec![batch.take()]).unwrap();
        let sources = Sources::new().with(Arc::new(source));
        let mut memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
        memory.ports = memory.ports.clone().with_certificates(Arc::new(Open));
        let by = administrator(&Owner::default());
        let mut once = settings(Frequency::Once(Start::Immediately), "all");
        let names: Vec<RecipientName> =
            recipients.iter().map(|name| RecipientName::new(*name).unwrap()).collect();
        for name in &names {
            let certificate = format!("certificate of {name}");
            block_on(Recipients::new(&memory.ports).add(&by, name.clone(), certificate.as_bytes())).unwrap();
        }
        if !names.is_empty() {
            once = once.with_protection(Protection::Sealed(RecipientNames::new(names).unwrap()));
        }
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        let execution = block_on(jobs.submit(&by, once)).unwrap().latest.unwrap().id;
        block_on(Engine::builder(&memory.ports).build().run(Until::Idle, std::future::pending())).unwrap();
        let viewer = Principal::new(PrincipalName::new("vic").unwrap(), Owner::default(), Role::Viewer);
        Self { artifacts: Artifacts::new(&memory.ports), memory, viewer, execution }
    }

    fn encrypted_for(&self, by: &Principal) -> Result<Vec<String>, ServiceError> {
        block_on(self.artifacts.encrypted_for(by, self.execution))
    }

    fn manifest(&self) -> Key {
        block_on(self.artifacts.set(&self.viewer, self.execution)).unwrap().manifest.key
    }
}

fn sink_error(refused: Result<Vec<String>, ServiceError>) -> SinkErrorKind {
    match refused {
        Err(ServiceError::Sink(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s1_a_set_tells_for_which_certificates_it_is_encrypted_and_that_is_no_download() {
    let world = World::new(&["ops", "law"]);
    let mut prints = world.encrypted_for(&world.viewer).unwrap();
    prints.sort_unstable();
    let mut expected = [print("certificate of ops"), print("certificate of law")];
    expected.sort_unstable();
    assert_eq!(prints, expected);
    let page = block_on(world.artifacts.list(&world.viewer, &ArtifactQuery::default())).unwrap();
    assert!(!page.items.is_empty() && page.items.iter().all(|file| file.downloads == 0));
    let audit = AuditQuery::default().with_object(world.execution.to_string());
    assert_eq!(block_on(world.memory.ports.catalog.audit(&Owner::default(), &audit)).unwrap().items, []);

    let plain = World::new(&[]);
    assert_eq!(plain.encrypted_for(&plain.viewer).unwrap(), [""; 0]);
}

#[test]
fn c1_nobody_else_is_told_for_whom_a_set_is_encrypted() {
    let world = World::new(&["ops"]);
    let other = administrator(&Owner::new("other").unwrap());
    assert_eq!(world.encrypted_for(&other).unwrap_err().code(), "not_found");
    world.memory.clock.advance(TimeDelta::days(400).to_std().unwrap());
    assert_eq!(world.encrypted_for(&world.viewer).unwrap_err().code(), "not_found", "it has expired");
}

#[test]
fn a_manifest_that_is_none_or_gone_is_an_error_and_no_set_in_plaintext() {
    let world = World::new(&["ops"]);
    let key = world.manifest();
    for bytes in ["", "{}", "[]", "not JSON"] {
        let mut upload = block_on(world.memory.sink.begin(&key)).unwrap();
        block_on(upload.write(Bytes::from_static(bytes.as_bytes()))).unwrap();
        block_on(upload.finish()).unwrap();
        assert_eq!(sink_error(world.encrypted_for(&world.viewer)), SinkErrorKind::Corrupt, "{bytes:?}");
    }
    block_on(world.memory.sink.delete(&key)).unwrap();
    assert_eq!(sink_error(world.encrypted_for(&world.viewer)), SinkErrorKind::NotFound);
}
