//! A catalog that is restored from a backup over a store that went on (rules E16, E17).

#![cfg(feature = "sqlite")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::adoption::{Unadoptable, WatermarkAfter};
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::Ports;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::sealer::{ManifestVerifier, SealerError, SealerErrorKind};
use cdds_core::ports::sink::{Key, Prefix};
use cdds_core::ports::source::{DataType, SourceDescription};
use cdds_core::service::ServiceError;
use cdds_core::service::adoption::{Adoptions, UnlistedSet};
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{PreparedSource, administrator};
use cdds_storage::archive::ZipPackager;
use cdds_storage::catalog::SqliteCatalog;
use cdds_storage::sink::ObjectSink;
use cdds_storage::workers::ThreadPool;
use chrono::{DateTime, TimeDelta};
use futures::TryStreamExt;
use futures::executor::block_on;
use rusqlite::Connection;

/// A folder with a catalog and a store, and one job whose only execution waits.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let world = Self { folder };
        let settings = JobSettings::new(
            Title::new("All calls").unwrap(),
            SourceId::new("calls").unwrap(),
            TypeId::new("call").unwrap(),
            Frequency::Once(Start::Immediately),
            Protection::Plaintext,
        );
        let jobs = Jobs::new(&world.open(), JobRules::default());
        block_on(jobs.submit(&by(), settings)).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> Ports {
        Ports::new(
            Arc::new(SqliteCatalog::open(self.path("cdds.db")).unwrap()),
            Arc::new(ObjectSink::local(self.path("store")).unwrap()),
            Arc::new(ZipPackager::default()),
            Arc::new(ThreadPool::new(None).unwrap()),
        )
        .with_source(Arc::new(source()))
    }

    /// Backs the catalog up while it is open, as an administrator would.
    fn back_up(&self) {
        let connection = Connection::open(self.path("cdds.db")).unwrap();
        connection.execute("VACUUM INTO ?1", [self.path("backup.db").to_str().unwrap()]).unwrap();
    }

    /// Puts the backup in the place of the catalog, which nothing has open.
    fn restore(&self) {
        for file in ["cdds.db-wal", "cdds.db-shm"] {
            let _absent = std::fs::remove_file(self.path(file));
        }
        std::fs::copy(self.path("backup.db"), self.path("cdds.db")).unwrap();
    }

    /// Runs an engine to the end of all work, and returns the only execution and the contents of the store.
    fn run(&self) -> (Execution, BTreeMap<Key, Vec<u8>>) {
        let ports = self.open();
        block_on(Engine::builder(&ports).build().run(Until::Idle, std::future::pending())).unwrap();
        (only_execution(&ports), stored(&ports))
    }
}

fn by() -> Principal {
    administrator(&Owner::default())
}

fn source() -> PreparedSource {
    let description = SourceDescription::new(SourceId::new("calls").unwrap(), "Calls").with_type(
        DataType::new(TypeId::new("call").unwrap()).with_event_instant().with_settle_lag(TimeDelta::zero()),
    );
    let mut batch = RecordBatchBuilder::new();
    for number in 0..1_000_u64 {
        let mut record = batch.record(&Place::of(None, Some(DateTime::UNIX_EPOCH)));
        record.unsigned("number", number);
        record.finish();
    }
    PreparedSource::new(description, vec![batch.take()])
}

fn only_execution(ports: &Ports) -> Execution {
    let (owner, query) = (Owner::default(), ExecutionQuery::default());
    let mut items = block_on(ports.catalog.executions(&owner, &query, DateTime::UNIX_EPOCH)).unwrap().items;
    assert_eq!(items.len(), 1);
    items.remove(0).execution
}

fn stored(ports: &Ports) -> BTreeMap<Key, Vec<u8>> {
    let read = |key: Key| {
        let chunks = block_on(async {
            ports.sink.read(&key, 0).await.unwrap().try_collect::<Vec<_>>().await.unwrap()
        });
        (key, chunks.concat())
    };
    block_on(ports.sink.list(&Prefix::new(""))).unwrap().into_iter().map(read).collect()
}

#[test]
fn e17_a_restored_catalog_neither_deletes_nor_overwrites_what_was_exported_since() {
    let world = World::new();
    world.back_up();
    let (lost, before) = world.run();
    assert_eq!((lost.status(), before.len()), (Status::Finished, 2), "a part and its manifest");

    world.restore();
    let (again, after) = world.run();
    assert_eq!((again.id, again.epoch, again.status()), (lost.id, lost.epoch, Status::Finished));
    assert_ne!(again.writer(), lost.writer());
    assert_eq!(after.len(), 4, "both sets");
    for (key, contents) in &before {
        assert_eq!(after.get(key), Some(contents), "{key}");
    }

    // Deleting the set on record leaves the one that is not.
    let ports = world.open();
    block_on(Artifacts::new(&ports).delete_set(&by(), again.id)).unwrap();
    assert_eq!(stored(&ports), before);
    drop(ports);
    assert_eq!(world.run().1, before);
}

#[test]
fn e16_the_files_of_a_claim_that_was_handed_back_are_swept_after_its_execution_is_deleted() {
    let world = World::new();
    let ports = world.open();
    let engine = Engine::builder(&ports).build();
    drop(block_on(engine.tick()).unwrap());
    let claimed = only_execution(&ports);
    let (catalog, now) = (&ports.catalog, chrono::Utc::now());
    let settlement = cdds_core::ports::catalog::Settlement::Released;
    let released = block_on(catalog.settle(claimed.fence(), &settlement)).unwrap();
    assert_eq!((released.attempt_count(), released.lists(&claimed.writer())), (0, true));
    block_on(catalog.change_execution(&released, &released.clone().cancel(now).unwrap(), &[])).unwrap();
    block_on(catalog.delete_execution(&Owner::default(), claimed.id, now, &[])).unwrap();

    // An upload that its worker finishes only now.
    let nonce = claimed.writer().nonce.unwrap();
    for claim in [format!("1-{nonce}"), "1-00000000000000a1".to_owned()] {
        let key = Key::new(format!("{}/{claim}/000001", claimed.id));
        let mut upload = block_on(ports.sink.begin(&key)).unwrap();
        block_on(upload.write("late".into())).unwrap();
        block_on(upload.finish()).unwrap();
    }
    block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    let left: Vec<Key> = stored(&ports).into_keys().collect();
    assert_eq!(left, [Key::new(format!("{}/1-00000000000000a1/000001", claimed.id))]);
}

/// Makes a set, restores the catalog of before, and returns the world, the set's execution and the set.
fn lost_set() -> (World, Execution, UnlistedSet) {
    let world = World::new();
    world.back_up();
    let (lost, _) = world.run();
    world.restore();
    let unlisted = block_on(adoptions(&world.open()).unlisted()).unwrap();
    assert_eq!(unlisted.iter().map(UnlistedSet::execution).collect::<Vec<_>>(), [lost.id]);
    (world, lost, unlisted.into_iter().next().unwrap())
}

fn adoptions(ports: &Ports) -> Adoptions {
    Adoptions::new(ports, RetentionDays::default())
}

fn refusal(ports: &Ports, by: &Principal, set: &UnlistedSet) -> Unadoptable {
    match block_on(adoptions(ports).adopt(by, set)) {
        Err(ServiceError::Unadoptable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn e18_a_set_that_is_adopted_is_as_it_was_and_is_not_exported_again() {
    let (world, lost, set) = lost_set();
    let ports = world.open();
    assert_eq!(
        Some(set.made_at.unwrap().timestamp_micros()),
        lost.finished_at.map(|at| at.timestamp_micros())
    );
    let before = stored(&ports);
    let adopted = block_on(adoptions(&ports).adopt(&by(), &set)).unwrap();
    let execution = only_execution(&ports);
    assert_eq!(adopted.execution, execution);
    assert_eq!((execution.status(), execution.writer()), (Status::Finished, lost.writer()));
    assert_eq!((execution.progress.records, adopted.watermark), (1_000, WatermarkAfter::None));
    assert_eq!(block_on(adoptions(&ports).unlisted()).unwrap(), []);

    let artifacts = Artifacts::new(&ports);
    let listed = block_on(artifacts.complete_set(&by(), lost.id)).unwrap();
    assert_eq!(listed, adopted.set);
    for file in &listed.artifacts {
        let download = block_on(artifacts.download(&by(), file.id, 0)).unwrap();
        assert_eq!(block_on(download.collect()).unwrap().len() as u64, file.bytes);
    }
    drop(ports);
    let (after, files) = world.run();
    assert_eq!((after, files), (execution, before), "nothing is exported again, nothing is swept");

    // It goes like any other set.
    let ports = world.open();
    block_on(Artifacts::new(&ports).delete_set(&by(), lost.id)).unwrap();
    assert!(stored(&ports).is_empty());
}

#[test]
fn e18_a_set_that_does_not_verify_is_refused_by_the_name_of_the_file() {
    let (world, lost, set) = lost_set();
    let folder = world.path("store").join(lost.writer().fence.id.to_string());
    let claim = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let (part, manifest) = (claim.join("000000"), claim.join("manifest"));
    let (whole, json) = (std::fs::read(&part).unwrap(), std::fs::read_to_string(&manifest).unwrap());
    let other = json.replace(&lost.id.to_string(), "6f9619ff-8b86-d011-b42d-00c04fc964ff");
    let mut changed = whole.clone();
    changed[40] ^= 1;
    for (file, contents, named, why) in [
        (&part, changed.as_slice(), ".zip", "changed"),
        (&part, &whole[1..], ".zip", "changed"),
        (&manifest, other.as_bytes(), "manifest", "6f9619ff"),
        (&manifest, b"{}".as_slice(), "manifest", "not a manifest"),
    ] {
        std::fs::write(file, contents).unwrap();
        let ports = world.open();
        let refused = refusal(&ports, &by(), &set).to_string();
        assert!(refused.contains(named) && refused.contains(why), "{refused}");
        assert_eq!(only_execution(&ports).status(), Status::Queued);
        std::fs::write(&part, &whole).unwrap();
        std::fs::write(&manifest, &json).unwrap();
    }
}

#[test]
fn e18_other_owners_and_replaced_or_expired_sets_are_refused() {
    let (world, _, set) = lost_set();
    let ports = world.open();
    let other = administrator(&Owner::new("other").unwrap());
    assert!(matches!(refusal(&ports, &other, &set), Unadoptable::UnknownJob { .. }));
    drop(ports);
    world.run();
    assert_eq!(refusal(&world.open(), &by(), &set), Unadoptable::Published);

    let (world, _, set) = lost_set();
    let clock = cdds_core::system::SystemClock::starting_at(chrono::Utc::now() + TimeDelta::days(31));
    let catalog = SqliteCatalog::open(world.path("cdds.db")).unwrap().with_clock(Arc::new(clock));
    let late = world.open().with_catalog(Arc::new(catalog));
    assert!(matches!(refusal(&late, &by(), &set), Unadoptable::Expired { .. }));
}

/// Vouches for every manifest that is signed.
#[derive(Debug)]
struct Vouches(bool);

impl ManifestVerifier for Vouches {
    fn verify(&self, _: &[u8], _: &[u8]) -> Result<(), SealerError> {
        let refused = || SealerError::new(SealerErrorKind::Certificate, "another key");
        if self.0 { Ok(()) } else { Err(refused()) }
    }
}

#[test]
fn e18_a_service_that_signs_adopts_only_what_it_has_signed() {
    let (world, lost, set) = lost_set();
    let ports = world.open();
    let adopt = |vouches| {
        let adoptions = adoptions(&ports).verified_by(Arc::new(Vouches(vouches)));
        block_on(adoptions.adopt(&by(), &set)).map_err(|error| error.to_string())
    };
    assert!(adopt(true).unwrap_err().contains("manifest.p7s: the manifest is not signed"));
    let writer = lost.writer();
    let key = format!("{}/{}-{}/manifest.p7s", lost.id, lost.epoch, writer.nonce.unwrap());
    let mut upload = block_on(ports.sink.begin(&Key::new(key))).unwrap();
    block_on(upload.write("signed".into())).unwrap();
    block_on(upload.finish()).unwrap();
    assert!(adopt(false).unwrap_err().contains("another key"));
    assert_eq!(adopt(true).unwrap().set.signature.unwrap().bytes, 6);
}
