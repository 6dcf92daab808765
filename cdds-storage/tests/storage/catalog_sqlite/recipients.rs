//! Recipients and the jobs that use them (rules S1, J15).

use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::id::{JobId, Owner, RecipientName};
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, edit};
use cdds_core::domain::job::lifecycle::{delete, submit};
use cdds_core::domain::job::{Job, JobSettings, Protection, RecipientNames};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::catalog::query::{JobQuery, Total};
use cdds_core::ports::catalog::{CatalogErrorKind, JobStore, RecipientRemoval, RecipientStore};
use cdds_storage::catalog::SqliteCatalog;
use futures::executor::block_on;
use uuid::Uuid;

use crate::catalog_sqlite::world::*;

fn name(name: &str) -> RecipientName {
    RecipientName::new(name).unwrap()
}

fn recipient(owner: &str, named: &str) -> Recipient {
    Recipient {
        owner: Owner::new(owner).unwrap(),
        name: name(named),
        certificate: CertificateFacts {
            der: vec![0x30, 0x82, 0, 255],
            fingerprint: "ab".repeat(32),
            subject: "CN=Ops \"night\"".to_owned(),
            not_before: at(-10),
            not_after: at(10),
            warnings: vec!["it expires soon".to_owned()],
        },
        added_at: at(0),
    }
}

fn store(world: &World, names: &[&str]) {
    for named in names {
        block_on(world.catalog.insert_recipient(&recipient("default", named), &[])).unwrap();
    }
}

fn remove(catalog: &SqliteCatalog, named: &str) -> RecipientRemoval {
    block_on(catalog.remove_recipient(&Owner::default(), &name(named), &[])).unwrap()
}

fn sealed(frequency: Frequency, names: &[&str]) -> JobSettings {
    let names = RecipientNames::new(names.iter().map(|named| name(named))).unwrap();
    settings("Sealed", frequency).with_protection(Protection::Sealed(names))
}

/// Edits a job as the service does.
fn change_settings(world: &World, job: &Job, settings: JobSettings) -> Result<(), CatalogErrorKind> {
    let current = world.job(job.id);
    let open =
        block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap().executions;
    let asked = Edit { settings, watermark: None, one_time: OneTimeEdit::default() };
    let change = edit(&current, open, asked, terms(), at(1)).unwrap();
    world.change(&current, &change).map_err(|error| error.kind())
}

#[test]
fn s1_recipients_are_kept_by_owner_and_name() {
    let world = World::new();
    let (zoe, ada, other) = (recipient("mine", "zoe"), recipient("mine", "ada"), recipient("yours", "zoe"));
    for stored in [&zoe, &ada, &other] {
        block_on(world.catalog.insert_recipient(stored, &[])).unwrap();
    }
    let twice = block_on(world.catalog.insert_recipient(&zoe, &[])).unwrap_err();
    assert_eq!(twice.kind(), CatalogErrorKind::Conflict);
    assert_eq!(block_on(world.catalog.recipients(&zoe.owner)).unwrap(), [ada, zoe.clone()]);
    assert_eq!(block_on(world.catalog.recipients(&other.owner)).unwrap(), std::slice::from_ref(&other));

    let gone = block_on(world.catalog.remove_recipient(&zoe.owner, &zoe.name, &[])).unwrap();
    assert_eq!(gone, RecipientRemoval::Removed);
    let gone = block_on(world.catalog.remove_recipient(&zoe.owner, &zoe.name, &[])).unwrap();
    assert_eq!(gone, RecipientRemoval::Missing);
    assert_eq!(block_on(world.catalog.recipients(&other.owner)).unwrap(), [other], "of another owner");
    block_on(world.catalog.insert_recipient(&zoe, &[])).unwrap();
}

#[test]
fn j15_a_recipient_that_a_job_names_stays() {
    let world = World::new();
    store(&world, &["ada", "zoe"]);
    let jobs = [["ada", "zoe"], ["zoe", "ada"]]
        .map(|names| world.submit_as(&Owner::default(), sealed(daily(), &names), at(0)));
    let mut ids = jobs.each_ref().map(|job| job.id);
    ids.sort();
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(ids.to_vec()));

    change_settings(&world, &jobs[0], sealed(daily(), &["zoe"])).unwrap();
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(vec![jobs[1].id]));
    // Changes by the schedule leave the recipients of a job alone.
    world.materialise(day(1));
    for claimed in claim(&world.catalog, "w", day(1), 9) {
        world.publish(&claimed, day(1)).unwrap();
    }
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(vec![jobs[1].id]));
    let current = world.job(jobs[1].id);
    world.change(&current, &delete(&current, Vec::new(), day(1)).unwrap()).unwrap();
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::Removed);
    assert_eq!(remove(&world.catalog, "zoe"), RecipientRemoval::InUse(vec![jobs[0].id]));
    change_settings(&world, &jobs[0], settings("Plain", daily())).unwrap();
    assert_eq!(remove(&world.catalog, "zoe"), RecipientRemoval::Removed);
}

#[test]
fn j15_a_recipient_that_something_open_names_stays() {
    let world = World::new();
    store(&world, &["ada"]);
    let job = world.submit_as(&Owner::default(), sealed(daily(), &["ada"]), at(0));
    world.materialise(day(1));
    let running = claim(&world.catalog, "w", day(1), 1).remove(0);
    change_settings(&world, &job, settings("Plain", daily())).unwrap();
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(vec![job.id]), "it runs");
    let failed_at = day(1);
    world.settle(&running, &failed(true), failed_at);
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(vec![job.id]), "it waits");
    let again = claim(&world.catalog, "w", day(2), 1).remove(0);
    world.publish(&again, day(2)).unwrap();
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::Removed);
}

#[test]
fn j15_a_job_cannot_name_a_recipient_that_is_missing() {
    let world = World::new();
    store(&world, &["ada"]);
    let settings = sealed(immediately(), &["ada", "zoe"]);
    let submission = submit(JobId(Uuid::new_v4()), Owner::default(), settings, terms().source, at(0));
    let insert = || block_on(world.catalog.insert_job(&submission.job, submission.first.as_ref(), &[]));
    let error = insert().unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
    assert!(error.to_string().contains("recipient zoe"), "{error}");
    assert_eq!(
        block_on(world.catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap().total,
        Some(Total::Exactly(0))
    );
    // A recipient of another owner does not count.
    block_on(world.catalog.insert_recipient(&recipient("stranger", "zoe"), &[])).unwrap();
    assert_eq!(insert().unwrap_err().kind(), CatalogErrorKind::Conflict);

    let job = world.submit_as(&Owner::default(), sealed(daily(), &["ada"]), at(0));
    let before = world.job(job.id);
    let changed = change_settings(&world, &job, sealed(daily(), &["zoe"]));
    assert_eq!((changed, world.job(job.id)), (Err(CatalogErrorKind::Conflict), before));
    assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(vec![job.id]));
    store(&world, &["zoe"]);
    insert().unwrap();
}

#[test]
fn j15_a_submission_and_a_removal_never_pass_each_other() {
    for _ in 0..30 {
        let world = World::new();
        store(&world, &["ada"]);
        let settings = sealed(daily(), &["ada"]);
        let job = submit(JobId(Uuid::new_v4()), Owner::default(), settings, terms().source, at(0)).job;
        let (one, other) = (world.second_handle(), world.second_handle());
        let (stored, removed) = std::thread::scope(|scope| {
            let stored = scope.spawn(|| block_on(one.insert_job(&job, None, &[])).is_ok());
            let removed = scope.spawn(|| remove(&other, "ada"));
            (stored.join().unwrap(), removed.join().unwrap())
        });
        let expected = if stored { RecipientRemoval::InUse(vec![job.id]) } else { RecipientRemoval::Removed };
        assert_eq!(removed, expected);
    }
}

#[test]
fn s3_of_two_renewals_at_the_same_time_one_is_stored_and_jobs_keep_the_recipient() {
    for _ in 0..30 {
        let world = World::new();
        store(&world, &["ada"]);
        let job = world.submit_as(&Owner::default(), sealed(daily(), &["ada"]), at(0));
        let present = recipient("default", "ada").certificate.fingerprint;
        let renewed = ["cd", "ef"].map(|print| {
            let mut renewed = recipient("default", "ada");
            renewed.certificate.fingerprint = print.repeat(32);
            renewed.certificate.warnings.clear();
            renewed.added_at = at(5);
            renewed
        });
        let handles = [world.second_handle(), world.second_handle()];
        let present = present.as_str();
        let done = std::thread::scope(|scope| {
            let both = [0, 1].map(|one| {
                let (handle, renewed) = (&handles[one], &renewed[one]);
                scope.spawn(move || block_on(handle.replace_recipient(renewed, present, &[])))
            });
            both.map(|one| one.join().unwrap().map_err(|error| error.kind()))
        });
        let winner = match done {
            [Ok(()), Err(CatalogErrorKind::Conflict)] => &renewed[0],
            [Err(CatalogErrorKind::Conflict), Ok(())] => &renewed[1],
            _ => panic!("{done:?}"),
        };
        assert_eq!(
            block_on(world.catalog.recipients(&Owner::default())).unwrap(),
            std::slice::from_ref(winner)
        );
        assert_eq!(remove(&world.catalog, "ada"), RecipientRemoval::InUse(vec![job.id]));
    }
}

#[test]
fn j15_jobs_are_found_by_the_recipient_that_they_name_now() {
    let world = World::new();
    store(&world, &["ada", "zoe"]);
    let both = world.submit_as(&Owner::default(), sealed(daily(), &["ada", "zoe"]), at(0));
    let one = world.submit_as(&Owner::default(), sealed(daily(), &["zoe"]), at(1));
    world.submit_as(&Owner::default(), settings("Plain", daily()), at(2));
    let found = |named: &str| {
        let query = JobQuery::default().with_recipient(name(named));
        let page = block_on(world.catalog.jobs(&Owner::default(), &query)).unwrap();
        let ids: Vec<JobId> = page.items.into_iter().map(|overview| overview.job.id).collect();
        assert_eq!(page.total, Some(Total::Exactly(ids.len() as u64)));
        ids
    };
    assert_eq!((found("zoe"), found("ada"), found("law")), (vec![one.id, both.id], vec![both.id], vec![]));
    change_settings(&world, &both, sealed(daily(), &["zoe"])).unwrap();
    assert_eq!(found("ada"), []);
    let current = world.job(both.id);
    world.change(&current, &delete(&current, Vec::new(), day(1)).unwrap()).unwrap();
    assert_eq!(found("zoe"), [one.id]);
}
