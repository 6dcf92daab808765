//! The list of jobs: filtered, sorted by every column, in pages. Owners see only their own jobs (rule J15).

use cdds_core::domain::calendar::frequency::{
    CronExpression, Frequency, Hourly, MissingDay, Monthly, Start, TimeOfDay,
};
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{Owner, SourceId};
use cdds_core::domain::job::lifecycle::suspend;
use cdds_core::domain::job::{Job, JobChange, JobState, Read, Reads};
use cdds_core::ports::catalog::query::{
    ArtifactQuery, Between, ExecutionQuery, FrequencyKind, JobColumn, JobOverview, JobQuery, LatestStatus,
    Page, Sort, Total,
};
use cdds_core::ports::catalog::{
    ArtifactStore, CatalogErrorKind, ExecutionStore, JobStore, Settlement, WorkQueue,
};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

fn jobs(world: &World, query: &JobQuery) -> Page<JobOverview> {
    block_on(world.catalog.jobs(&Owner::default(), query)).unwrap()
}

fn titles(world: &World, query: &JobQuery) -> Vec<String> {
    let mut titles: Vec<String> =
        jobs(world, query).items.iter().map(|o| o.job.settings.title.as_str().to_owned()).collect();
    titles.sort();
    titles
}

/// Creates jobs of all kinds: done, failed, waiting, running, never run.
pub(crate) fn varied() -> World {
    let world = World::new();
    for (number, title) in ["beta", "Alpha", "ÄRGER", "alpha"].into_iter().enumerate() {
        let mut settings = settings(title, immediately());
        settings.source = SourceId::new(format!("source-{}", number % 2)).unwrap();
        settings = settings.with_data_type(format!("type-{}", number % 3).parse().unwrap());
        let now = at(i64::try_from(number).unwrap() / 2);
        world.submit_as(&Owner::default(), settings, now);
    }
    for (number, claimed) in claim(&world.catalog, "w", at(10), 3).iter().enumerate() {
        let now = at(20 + i64::try_from(number).unwrap());
        match number {
            0 => block_on(world.catalog.publish(fence(claimed), &publication(claimed, 2, now))).unwrap(),
            1 => {
                block_on(world.catalog.at(now).settle(fence(claimed), &Settlement::Cancelled)).unwrap();
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
    let search = |text: &str| titles(&world, &JobQuery::default().with_search(Some(text.to_owned())));
    assert_eq!(search("ALPHA"), ["Alpha", "alpha"]);
    assert_eq!(search("ärg"), ["ÄRGER"]);
    assert_eq!(search("%"), ["100% daily_report"]);
    assert_eq!(search("daily_"), ["100% daily_report"]);
    assert_eq!(search("l_ha"), Vec::<String>::new());
    assert_eq!(search("' OR 1=1 --"), Vec::<String>::new());
    assert_eq!(search("").len(), 6);

    let daily = JobQuery::default().with_frequency(Some(FrequencyKind::Daily));
    assert_eq!(titles(&world, &daily), ["100% daily_report"]);
    let later = jobs(&world, &JobQuery::default().with_search(Some("later".to_owned()))).items.remove(0);
    world.change(&later.job, &suspend(&later.job, Vec::new(), at(40)).unwrap()).unwrap();
    for (state, count) in [(JobState::Active, 1), (JobState::Suspended, 2), (JobState::Completed, 3)] {
        let found = titles(&world, &JobQuery::default().with_state(Some(state)));
        assert_eq!(found.len(), count, "{state:?}: {found:?}");
    }
}

#[test]
fn jobs_are_found_by_every_frequency() {
    let world = World::new();
    let at_eight: TimeOfDay = "08:00".parse().unwrap();
    let frequencies = [
        Frequency::Once(Start::At(day(1))),
        Frequency::Hourly(Hourly::new(4, 30).unwrap()),
        Frequency::Daily(at_eight),
        Frequency::Weekly { day: chrono::Weekday::Mon, at: at_eight },
        Frequency::Monthly(Monthly::new(31, at_eight, MissingDay::Last).unwrap()),
        Frequency::Cron(CronExpression::new("0 8 * * 1-5").unwrap()),
    ];
    for (frequency, kind) in frequencies.into_iter().zip(FrequencyKind::ALL) {
        let job = world.submit(kind.as_str(), frequency, at(0));
        assert_eq!(world.job(job.id), job);
    }
    for kind in FrequencyKind::ALL {
        let query = JobQuery::default().with_frequency(Some(*kind));
        assert_eq!(titles(&world, &query), [kind.as_str()]);
    }
}

#[test]
fn j17_a_set_of_several_types_is_found_by_each_of_them() {
    let world = World::new();
    for (title, types) in [("one", vec!["call"]), ("two", vec!["recall", "call"]), ("none", vec!["recall"])] {
        let reads = types.into_iter().map(|name| Read::of(name.parse().unwrap()));
        let settings = settings(title, immediately()).with_reads(Reads::new(reads).unwrap());
        world.submit_as(&Owner::default(), settings, at(0));
    }
    for claimed in claim(&world.catalog, "w", at(10), 3) {
        block_on(world.catalog.publish(fence(&claimed), &publication(&claimed, 1, at(20)))).unwrap();
    }
    for (name, found) in [("call", 2), ("recall", 2), ("all", 0)] {
        let data_type = || Some(name.parse().unwrap());
        assert_eq!(jobs(&world, &JobQuery::default().with_data_type(data_type())).items.len(), found);
        let executions = ExecutionQuery::default().with_data_type(data_type());
        assert_eq!(world.executions(&executions).len(), found, "{name}");
        let artifacts = ArtifactQuery::default().with_data_type(data_type());
        let listed = block_on(world.catalog.artifacts(&Owner::default(), &artifacts)).unwrap().items;
        assert_eq!(listed.len(), found, "{name}");
        assert!(
            listed
                .iter()
                .all(|one| ["call", "recall, call", "recall"].contains(&&*one.artifact.types.to_string()))
        );
    }
}

#[test]
fn jobs_are_found_by_source_type_and_latest_status() {
    let world = varied();
    let all = jobs(&world, &JobQuery::default()).items;
    type Oracle<'a> = &'a dyn Fn(&JobOverview) -> bool;
    let status = |status| JobQuery::default().with_latest_status(Some(status));
    let is = |status| move |o: &JobOverview| o.latest.as_ref().is_some_and(|latest| latest.status == status);
    let source = JobQuery::default().with_source(Some("source-1".parse().unwrap()));
    let data_type = JobQuery::default().with_data_type(Some("type-0".parse().unwrap()));
    let cases: [(JobQuery, Oracle<'_>, usize); 8] = [
        (source, &|o| o.job.settings.source.as_str() == "source-1", 2),
        (data_type, &|o| o.job.settings.reads.types().to_string() == "type-0", 2),
        (status(LatestStatus::YetToRun), &|o| o.latest.is_none(), 2),
        (status(LatestStatus::Is(Status::Finished)), &is(Status::Finished), 1),
        (status(LatestStatus::Is(Status::Cancelled)), &is(Status::Cancelled), 1),
        (status(LatestStatus::Is(Status::InProgress)), &is(Status::InProgress), 1),
        (status(LatestStatus::Is(Status::Queued)), &is(Status::Queued), 1),
        (status(LatestStatus::Is(Status::Failed)), &is(Status::Failed), 0),
    ];
    for (query, oracle, count) in cases {
        let expected: Vec<_> = all.iter().filter(|overview| oracle(overview)).cloned().collect();
        let page = jobs(&world, &query);
        assert_eq!((page.items.len(), page.total), (count, Some(Total::Exactly(count as u64))), "{query:?}");
        assert_eq!(page.items, expected, "{query:?}");
    }
}

/// Two filters leave the rows of both, in any order and page by page, whichever of them is read by its index.
#[test]
fn jobs_are_found_by_two_filters_at_once() {
    let world = varied();
    let all = jobs(&world, &JobQuery::default()).items;
    let (mut found, ids) = (0, |jobs: &[JobOverview]| jobs.iter().map(|o| o.job.id).collect::<Vec<_>>());
    for (number, state) in (0..9).zip([JobState::Active, JobState::Completed].into_iter().cycle()) {
        let (source, name) = (format!("source-{}", number % 2), format!("type-{}", number % 3));
        let of_source = JobQuery::default().with_source(Some(source.parse().unwrap()));
        let of_type = of_source.clone().with_data_type(Some(name.parse().unwrap()));
        for (column, descending) in JobColumn::ALL.iter().flat_map(|one| [(*one, false), (*one, true)]) {
            let sort = Sort { column, descending };
            let sorted = jobs(&world, &JobQuery::default().with_sort(sort)).items;
            for (query, is_of_type) in [(&of_type, true), (&of_source.clone().with_state(state), false)] {
                let query = query.clone().with_sort(sort);
                let oracle = |o: &&JobOverview| {
                    let settings = &o.job.settings;
                    let is_second = if is_of_type {
                        settings.reads.types().to_string() == name
                    } else {
                        o.job.state == state
                    };
                    settings.source.as_str() == source && is_second
                };
                let expected: Vec<_> = sorted.iter().filter(oracle).cloned().collect();
                let page = jobs(&world, &query);
                assert_eq!(page.total, Some(Total::Exactly(expected.len() as u64)), "{query:?}");
                assert_eq!(ids(&page.items), ids(&expected), "{query:?}");
                if expected.len() > 1 {
                    let paged = page_by_page(1, |slice| jobs(&world, &query.clone().with_slice(slice)));
                    assert_eq!(ids(&paged), ids(&expected), "{query:?}, paged");
                }
                found += expected.len();
            }
        }
    }
    assert!(found > all.len(), "{found} rows");
}

#[test]
fn jobs_are_found_by_when_they_were_created_ran_and_will_run() {
    let world = varied();
    let all = jobs(&world, &JobQuery::default()).items;
    for (from, to) in [(0, 1), (1, 30), (30, 31), (10, 11), (86_400, 86_401), (86_401, 10 * 86_400)] {
        let between = Between { from: Some(at(from)), to: Some(at(to)) };
        let inside = |instant| at(from) <= instant && instant < at(to);
        let found = |oracle: &dyn Fn(&JobOverview) -> bool, query: &JobQuery| {
            let expected: Vec<_> = all.iter().filter(|overview| oracle(overview)).cloned().collect();
            assert_eq!(jobs(&world, query).items, expected, "{query:?}");
        };
        found(&|o| inside(o.job.created_at), &JobQuery::default().with_created(between));
        found(
            &|o| o.latest.as_ref().and_then(|latest| latest.started_at).is_some_and(inside),
            &JobQuery::default().with_latest_started(between),
        );
        found(&|o| o.job.next_due_at.is_some_and(inside), &JobQuery::default().with_next_starts(between));
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
                let ties =
                    both_ways(&(a.job.created_at, a.job.id), &(b.job.created_at, b.job.id), descending);
                let (x, y) = (&a.job, &b.job);
                let latest = |o: &JobOverview| o.latest.clone();
                match column {
                    JobColumn::Source => {
                        order(Some(&x.settings.source), Some(&y.settings.source), descending, ties)
                    }
                    JobColumn::Type => order(
                        Some(&x.settings.reads.types()),
                        Some(&y.settings.reads.types()),
                        descending,
                        ties,
                    ),
                    JobColumn::Title => {
                        let title = |job: &Job| Some(job.settings.title.as_str().to_lowercase());
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
            let sorted = jobs(&world, &JobQuery::default().with_sort(sort)).items;
            assert_eq!(sorted, expected, "{sort:?}");
            // Reading page by page yields the same list.
            let paged =
                page_by_page(4, |slice| jobs(&world, &JobQuery::default().with_sort(sort).with_slice(slice)));
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
    block_on(world.catalog.at(day(1)).settle(fence(&first), &Settlement::Cancelled)).unwrap();
    // Three slots are due at once: two are skipped in favour of the third.
    world.materialise(day(4));
    let newest = latest().unwrap();
    assert_eq!((newest.status, newest.started_at), (Status::Queued, None));
    assert_ne!(newest.id, first.id);
}

#[test]
fn j15_owners_see_nothing_of_each_other() {
    let world = World::new();
    let (mine, yours) = (Owner::new("mine").unwrap(), Owner::new("yours").unwrap());
    let job = world.submit_as(&mine, settings("Mine", immediately()), at(0));
    let execution = world.run_one(at(1), 1);
    let artifact = cdds_core::domain::archive::artifact::artifact_id(execution.id, 1);
    let catalog = &world.catalog;
    for (owner, seen) in [(&mine, true), (&yours, false)] {
        let total = u64::from(seen);
        assert_eq!(block_on(catalog.job(owner, job.id)).unwrap().is_some(), seen);
        assert_eq!(
            block_on(catalog.jobs(owner, &JobQuery::default())).unwrap().total,
            Some(Total::Exactly(total))
        );
        assert_eq!(block_on(catalog.execution(owner, execution.id, at(1))).unwrap().is_some(), seen);
        assert_eq!(
            block_on(catalog.executions(owner, &ExecutionQuery::default(), at(1))).unwrap().total,
            Some(Total::Exactly(total))
        );
        let of_job = ExecutionQuery::default().with_job(Some(job.id));
        assert_eq!(
            block_on(catalog.executions(owner, &of_job, at(1))).unwrap().total,
            Some(Total::Exactly(total))
        );
        assert_eq!(block_on(catalog.artifact(owner, artifact)).unwrap().is_some(), seen);
        assert_eq!(
            block_on(catalog.artifacts(owner, &ArtifactQuery::default())).unwrap().total,
            Some(Total::Exactly(total))
        );
        assert_eq!(block_on(catalog.artifact_set(owner, execution.id)).unwrap().is_some(), seen);
    }
    assert_eq!(block_on(catalog.open_executions(&yours, job.id, None, usize::MAX)).unwrap().executions, []);
    let current = block_on(catalog.job(&mine, job.id)).unwrap().unwrap().job;
    let stolen = JobChange::of(Job { owner: yours, ..current.clone() });
    assert_eq!(world.change(&current, &stolen).unwrap_err().kind(), CatalogErrorKind::Conflict);
}
