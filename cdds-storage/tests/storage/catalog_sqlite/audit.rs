//! The audit: stored with its change or not at all (rules C2, C3).

use cdds_core::domain::access::Action;
use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::access::download::{DownloadEnd, DownloadOutcome};
use cdds_core::domain::id::{AuditId, Owner};
use cdds_core::domain::job::JobChange;
use cdds_core::ports::catalog::query::{AuditQuery, Total};
use cdds_core::ports::catalog::{AuditStore, CatalogErrorKind, ExecutionStore, JobStore};
use cdds_core::testing::administrator;
use futures::executor::block_on;
use uuid::Uuid;

use crate::catalog_sqlite::world::*;

fn entry(number: u128, action: Action) -> AuditRecord {
    AuditRecord::new(AuditId(Uuid::from_u128(number)), at(1), &administrator(&Owner::default()), action)
}

fn on_record(world: &World) -> Vec<AuditRecord> {
    block_on(world.second_handle().audit(&Owner::default(), &AuditQuery::default())).unwrap().items
}

#[test]
fn c2_an_entry_is_stored_with_its_change_whole_and_for_its_owner_alone() {
    let world = World::new();
    let job = world.submit("Daily", daily(), at(0));
    let edit = entry(1, Action::EditJob)
        .with_object(Object::Job(job.id))
        .with_version_before(1)
        .with_version_after(2)
        .with_settings(vec!["title".to_owned(), "split_size".to_owned()]);
    block_on(world.catalog.change_job(&JobChange::of(job.clone()), 1, std::slice::from_ref(&edit))).unwrap();
    assert_eq!(on_record(&world), [edit]);
    let stranger = Owner::new("stranger").unwrap();
    let theirs = block_on(world.catalog.audit(&stranger, &AuditQuery::default())).unwrap();
    assert_eq!((theirs.items, theirs.total), (Vec::new(), Some(Total::Exactly(0))));
}

#[test]
fn c2_a_change_that_is_refused_leaves_no_entry_and_an_entry_that_is_refused_no_change() {
    let world = World::new();
    let job = world.submit("Daily", daily(), at(0));
    let change = JobChange::of(job.clone());
    let overtaken = block_on(world.catalog.change_job(&change, 7, &[entry(1, Action::EditJob)])).unwrap_err();
    assert_eq!(overtaken.kind(), CatalogErrorKind::Conflict);
    assert_eq!(on_record(&world), []);

    let known = entry(2, Action::SuspendJob);
    block_on(world.catalog.record(&known)).unwrap();
    let twice = block_on(world.catalog.change_job(&change, 1, std::slice::from_ref(&known))).unwrap_err();
    assert_eq!(twice.kind(), CatalogErrorKind::Conflict);
    assert_eq!(block_on(world.catalog.job(&job.owner, job.id)).unwrap().unwrap().job.revision, 1);

    world.submit("Once", immediately(), at(0));
    let set = world.run_one(at(0), 1);
    let twice =
        block_on(world.catalog.delete_execution(&set.owner, set.id, at(1), std::slice::from_ref(&known)));
    assert_eq!(twice.unwrap_err().kind(), CatalogErrorKind::Conflict);
    assert!(block_on(world.catalog.execution(&set.owner, set.id, at(1))).unwrap().is_some());
    assert_eq!(on_record(&world), [known]);
}

#[test]
fn c3_a_download_gets_one_end_and_nothing_else_gets_any() {
    let world = World::new();
    let begun = entry(1, Action::Download).with_outcome(Outcome::Begun);
    let refused = entry(2, Action::Download).with_outcome(Outcome::Forbidden);
    block_on(world.catalog.record(&begun)).unwrap();
    block_on(world.catalog.record(&refused)).unwrap();
    let end = DownloadEnd { at: at(2), bytes: 5, outcome: DownloadOutcome::BrokenOff };
    for id in [refused.id, AuditId(Uuid::from_u128(3))] {
        let error = block_on(world.catalog.end_download(id, &end)).unwrap_err();
        assert_eq!(error.kind(), CatalogErrorKind::Conflict);
    }
    block_on(world.catalog.end_download(begun.id, &end)).unwrap();
    let late = DownloadEnd { outcome: DownloadOutcome::Verified, ..end };
    block_on(world.catalog.end_download(begun.id, &late)).unwrap();
    assert_eq!(on_record(&world), [refused, begun.with_outcome(Outcome::Ended(end))]);
}
