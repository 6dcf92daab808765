//! Lists: filtered, sorted by every column, paged; owners see nothing of each other (rule J15).

use std::cmp::Ordering;

use cdds_core::domain::artifact::Artifact;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::frequency::{Frequency, Start};
use cdds_core::domain::id::{Owner, RecipientName, SourceId};
use cdds_core::domain::job::JobState;
use cdds_core::domain::lifecycle::suspend;
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::catalog::query::{
    ArtifactColumn, ArtifactQuery, ExecutionColumn, ExecutionQuery, FrequencyKind, JobColumn, JobOverview,
    JobQuery, Page, Slice, Sort,
};
use cdds_core::ports::catalog::{Catalog, CatalogErrorKind, Settlement};
use futures::executor::block_on;

use crate::world::*;

fn jobs(world: &World, query: &JobQuery) -> Page<JobOverview> {
    block_on(world.catalog.jobs(&Owner::default(), query)).unwrap()
}

fn titles(world: &World, query: &JobQuery) -> Vec<String> {
    let mut titles: Vec<String> =
        jobs(world, query).items.iter().map(|o| o.job.settings.title.as_str().to_owned()).collect();
    titles.sort();
    titles
}

fn executions(world: &World, query: &ExecutionQuery) -> Vec<Execution> {
    let page = block_on(world.catalog.executions(&Owner::default(), query)).unwrap();
    assert_eq!(u64::try_from(page.items.len()).unwrap(), page.total);
    page.items
}

fn artifacts(world: &World, query: &ArtifactQuery) -> Vec<Artifact> {
    block_on(world.catalog.artifacts(&Owner::default(), query)).unwrap().items
}

/// Missing values come last either way, ties in the order of `ties`.
fn order<T: Ord>(one: Option<T>, other: Option<T>, descending: bool, ties: Ordering) -> Ordering {
    let by_value = match (one, other) {
        (Some(one), Some(other)) if descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => one.is_none().cmp(&other.is_none()),
    };
    by_value.then(ties)
}

/// Jobs of all kinds: done, failed, waiting, running, never run.
fn varied() -> World {
    let world = World::new();
    for (number, title) in ["beta", "Alpha", "ÄRGER", "alpha"].into_iter().enumerate() {
        let mut settings = settings(title, immediately());
        settings.source = SourceId::new(format!("source-{}", number % 2)).unwrap();
        settings.data_type = format!("type-{}", number % 3).parse().unwrap();
        let now = at(i64::try_from(number).unwrap() / 2);
        world.submit_as(&Owner::default(), settings, now);
    }
    for (number, claimed) in claim(&world.catalog, "w", at(10), 3).iter().enumerate() {
        let now = at(20 + i64::try_from(number).unwrap());
        match number {
            0 => block_on(world.catalog.publish(fence(claimed), &publication(claimed, 2, now))).unwrap(),
            1 => {
                block_on(world.catalog.settle(fence(claimed), &Settlement::Cancelled, now)).unwrap();
            }
            _ => {}
        }
    }
    world.submit("100% daily_report", daily(), at(30));
    world.submit("later", Frequency::Once(Start::At(day(3))), at(30));
    world
}

#[test]
fn jobs_are_found_by_title_frequency_and_state() {
    let world = varied();
    let search =
        |text: &str| titles(&world, &JobQuery { search: Some(text.to_owned()), ..JobQuery::default() });
    assert_eq!(search("ALPHA"), ["Alpha", "alpha"]);
    assert_eq!(search("ärg"), ["ÄRGER"]);
    assert_eq!(search("%"), ["100% daily_report"]);
    assert_eq!(search("daily_"), ["100% daily_report"]);
    assert_eq!(search("l_ha"), Vec::<String>::new());
    assert_eq!(search("' OR 1=1 --"), Vec::<String>::new());
    assert_eq!(search("").len(), 6);

    let daily = JobQuery { frequency: Some(FrequencyKind::Daily), ..JobQuery::default() };
    assert_eq!(titles(&world, &daily), ["100% daily_report"]);
    let later =
        jobs(&world, &JobQuery { search: Some("later".to_owned()), ..JobQuery::default() }).items.remove(0);
    block_on(world.catalog.update_job(&suspend(&later.job, Vec::new(), at(40)).unwrap().job, 1)).unwrap();
    for (state, count) in [(JobState::Active, 1), (JobState::Suspended, 2), (JobState::Completed, 3)] {
        let found = titles(&world, &JobQuery { state: Some(state), ..JobQuery::default() });
        assert_eq!(found.len(), count, "{state:?}: {found:?}");
    }
}

#[test]
fn jobs_sort_by_every_column() {
    let world = varied();
    let all = jobs(&world, &JobQuery::default()).items;
    assert_eq!(all.len(), 6);
    assert_eq!(all.iter().filter(|overview| overview.latest.is_none()).count(), 2);
    for column in JobColumn::ALL.iter().copied() {
        for descending in [false, true] {
            let mut expected = all.clone();
            expected.sort_by(|a, b| {
                let ties = a.job.id.cmp(&b.job.id);
                let (x, y) = (&a.job, &b.job);
                let latest = |o: &JobOverview| o.latest.clone();
                match column {
                    JobColumn::Source => {
                        order(Some(&x.settings.source), Some(&y.settings.source), descending, ties)
                    }
                    JobColumn::Type => {
                        order(Some(&x.settings.data_type), Some(&y.settings.data_type), descending, ties)
                    }
                    JobColumn::Title => {
                        let title = |job: &cdds_core::domain::job::Job| {
                            Some(job.settings.title.as_str().to_lowercase())
                        };
                        order(title(x), title(y), descending, ties)
                    }
                    JobColumn::CreatedAt => order(Some(x.created_at), Some(y.created_at), descending, ties),
                    JobColumn::LatestStatus => {
                        order(latest(a).map(|l| l.status), latest(b).map(|l| l.status), descending, ties)
                    }
                    JobColumn::LatestStartedAt => {
                        let started = |o| latest(o).and_then(|l| l.started_at);
                        order(started(a), started(b), descending, ties)
                    }
                    JobColumn::NextStartsAt => order(x.next_due_at, y.next_due_at, descending, ties),
                }
            });
            let sort = Sort { column, descending };
            let sorted = jobs(&world, &JobQuery { sort, ..JobQuery::default() }).items;
            assert_eq!(sorted, expected, "{sort:?}");
            // Page by page it is the same.
            let mut paged = Vec::new();
            for offset in [0, 4] {
                let slice = Slice { offset, limit: 4 };
                let page = jobs(&world, &JobQuery { sort, slice, ..JobQuery::default() });
                assert_eq!(page.total, 6);
                paged.extend(page.items);
            }
            assert_eq!(paged, expected, "{sort:?}, paged");
        }
    }
}

#[test]
fn e1_the_latest_execution_is_the_newest_that_was_not_skipped() {
    let world = World::new();
    let job = world.submit("Daily", daily(), at(0));
    let latest = || block_on(world.catalog.job(&Owner::default(), job.id)).unwrap().unwrap().latest;
    assert_eq!(latest(), None, "yet to run");
    world.materialise(day(1));
    let first = claim(&world.catalog, "w", day(1), 1).remove(0);
    assert_eq!(latest().map(|latest| (latest.id, latest.status)), Some((first.id, Status::InProgress)));
    block_on(world.catalog.settle(fence(&first), &Settlement::Cancelled, day(1))).unwrap();
    // Three slots at once: two are skipped in favour of the third.
    world.materialise(day(4));
    let newest = latest().unwrap();
    assert_eq!((newest.status, newest.started_at), (Status::Queued, None));
    assert_ne!(newest.id, first.id);
}

#[test]
fn executions_are_found_by_job_status_and_source() {
    let world = varied();
    let all = executions(&world, &ExecutionQuery::default());
    assert_eq!(all.len(), 4);
    for status in Status::ALL {
        let found = executions(&world, &ExecutionQuery { status: Some(status), ..ExecutionQuery::default() });
        assert_eq!(found.len(), all.iter().filter(|execution| execution.status() == status).count());
    }
    let source = SourceId::new("source-1").unwrap();
    let found = executions(&world, &ExecutionQuery { source: Some(source), ..ExecutionQuery::default() });
    assert_eq!(found.len(), 2);
    let of_job = ExecutionQuery { job: Some(all[0].job_id), ..ExecutionQuery::default() };
    assert_eq!(executions(&world, &of_job), [all[0].clone()]);
}

#[test]
fn executions_sort_by_every_column() {
    let world = varied();
    let all = executions(&world, &ExecutionQuery::default());
    for column in ExecutionColumn::ALL.iter().copied() {
        for descending in [false, true] {
            let mut expected = all.clone();
            expected.sort_by(|x, y| {
                let ties = x.id.cmp(&y.id);
                let title = |e: &Execution| Some(e.settings.title.as_str().to_lowercase());
                match column {
                    ExecutionColumn::Source => {
                        order(Some(&x.settings.source), Some(&y.settings.source), descending, ties)
                    }
                    ExecutionColumn::Type => {
                        order(Some(&x.settings.data_type), Some(&y.settings.data_type), descending, ties)
                    }
                    ExecutionColumn::Title => order(title(x), title(y), descending, ties),
                    ExecutionColumn::Status => order(Some(x.status()), Some(y.status()), descending, ties),
                    ExecutionColumn::Slot => order(Some(x.slot), Some(y.slot), descending, ties),
                    ExecutionColumn::StartedAt => order(x.started_at, y.started_at, descending, ties),
                    ExecutionColumn::FinishedAt => order(x.finished_at, y.finished_at, descending, ties),
                    ExecutionColumn::Records => {
                        order(Some(x.progress.records), Some(y.progress.records), descending, ties)
                    }
                }
            });
            let sort = Sort { column, descending };
            let sorted = executions(&world, &ExecutionQuery { sort, ..ExecutionQuery::default() });
            assert_eq!(sorted, expected, "{sort:?}");
        }
    }
}

#[test]
fn artifacts_sort_by_every_column_and_parts_stay_in_order() {
    let world = World::new();
    for (number, parts) in [3, 120, 1].into_iter().enumerate() {
        let now = at(i64::try_from(number).unwrap());
        world.submit("Some", immediately(), now);
        world.run_one(now, parts);
    }
    let all = artifacts(&world, &ArtifactQuery::default());
    assert_eq!(all.len(), 124);
    for column in ArtifactColumn::ALL.iter().copied() {
        for descending in [false, true] {
            let mut expected = all.clone();
            expected.sort_by(|x, y| {
                let ties = (x.execution_id, x.part).cmp(&(y.execution_id, y.part));
                match column {
                    // Names are made from the execution's id.
                    ArtifactColumn::Name => {
                        order(Some(x.execution_id), Some(y.execution_id), descending, ties)
                    }
                    ArtifactColumn::Type => order(Some(&x.data_type), Some(&y.data_type), descending, ties),
                    ArtifactColumn::CreatedAt => {
                        order(Some(x.created_at), Some(y.created_at), descending, ties)
                    }
                    ArtifactColumn::Size => order(Some(x.bytes), Some(y.bytes), descending, ties),
                    ArtifactColumn::RemainingDays => {
                        order(Some(x.expires_at), Some(y.expires_at), descending, ties)
                    }
                }
            });
            let sort = Sort { column, descending };
            let sorted = artifacts(&world, &ArtifactQuery { sort, ..ArtifactQuery::default() });
            assert!(sorted == expected, "{sort:?}");
        }
    }
    let one = &all[0];
    let of_set = ArtifactQuery { execution: Some(one.execution_id), ..ArtifactQuery::default() };
    let of_job = ArtifactQuery { job: Some(one.job_id), ..ArtifactQuery::default() };
    assert_eq!(artifacts(&world, &of_set).len(), usize::try_from(one.parts).unwrap());
    assert_eq!(artifacts(&world, &of_set), artifacts(&world, &of_job));
    let slice = Slice { offset: 120, limit: 100 };
    let page = block_on(
        world.catalog.artifacts(&Owner::default(), &ArtifactQuery { slice, ..ArtifactQuery::default() }),
    );
    let page = page.unwrap();
    assert_eq!((page.items.as_slice(), page.total), (&all[120..], 124));
}

#[test]
fn j15_owners_see_nothing_of_each_other() {
    let world = World::new();
    let (mine, yours) = (Owner::new("mine").unwrap(), Owner::new("yours").unwrap());
    let job = world.submit_as(&mine, settings("Mine", immediately()), at(0));
    let execution = world.run_one(at(1), 1);
    let artifact = cdds_core::domain::artifact::artifact_id(execution.id, 1);
    let catalog = &world.catalog;
    for (owner, seen) in [(&mine, true), (&yours, false)] {
        let total = u64::from(seen);
        assert_eq!(block_on(catalog.job(owner, job.id)).unwrap().is_some(), seen);
        assert_eq!(block_on(catalog.jobs(owner, &JobQuery::default())).unwrap().total, total);
        assert_eq!(block_on(catalog.execution(owner, execution.id)).unwrap().is_some(), seen);
        assert_eq!(block_on(catalog.executions(owner, &ExecutionQuery::default())).unwrap().total, total);
        let of_job = ExecutionQuery { job: Some(job.id), ..ExecutionQuery::default() };
        assert_eq!(block_on(catalog.executions(owner, &of_job)).unwrap().total, total);
        assert_eq!(block_on(catalog.artifact(owner, artifact)).unwrap().is_some(), seen);
        assert_eq!(block_on(catalog.artifacts(owner, &ArtifactQuery::default())).unwrap().total, total);
        assert_eq!(block_on(catalog.artifact_set(owner, execution.id)).unwrap().is_some(), seen);
    }
    let stolen = cdds_core::domain::job::Job {
        owner: yours,
        version: job.version + 2,
        ..world_job(&world, &mine, job.id)
    };
    assert_eq!(block_on(catalog.update_job(&stolen, 2)).unwrap_err().kind(), CatalogErrorKind::Conflict);
}

fn world_job(world: &World, owner: &Owner, id: cdds_core::domain::id::JobId) -> cdds_core::domain::job::Job {
    block_on(world.catalog.job(owner, id)).unwrap().unwrap().job
}

#[test]
fn s1_recipients_are_kept_by_owner_and_name() {
    let world = World::new();
    let recipient = |owner: &str, name: &str| Recipient {
        owner: Owner::new(owner).unwrap(),
        name: RecipientName::new(name).unwrap(),
        certificate: CertificateFacts {
            der: vec![0x30, 0x82, 0, 255],
            fingerprint: "ab".repeat(32),
            subject: "CN=Ops \"night\"".to_owned(),
            not_before: at(-10),
            not_after: at(10),
            warnings: vec!["it expires soon".to_owned()],
        },
        added_at: at(0),
    };
    let (zoe, ada, other) = (recipient("mine", "zoe"), recipient("mine", "ada"), recipient("yours", "zoe"));
    for stored in [&zoe, &ada, &other] {
        block_on(world.catalog.insert_recipient(stored)).unwrap();
    }
    let twice = block_on(world.catalog.insert_recipient(&zoe)).unwrap_err();
    assert_eq!(twice.kind(), CatalogErrorKind::Conflict);
    assert_eq!(block_on(world.catalog.recipients(&zoe.owner)).unwrap(), [ada, zoe]);
    assert_eq!(block_on(world.catalog.recipients(&other.owner)).unwrap(), [other]);
}
