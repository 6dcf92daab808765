//! The history: filtered, sorted by every column, with the available files (rule E9).

use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{Owner, SourceId};
use cdds_core::domain::job::JobState;
use cdds_core::domain::job::lifecycle::delete;
use cdds_core::ports::catalog::query::{
    ArtifactQuery, Between, ExecutionColumn, ExecutionQuery, JobQuery, Sort, Total,
};
use cdds_core::ports::catalog::{ArtifactStore, ExecutionStore, JobStore, WorkQueue};
use futures::executor::block_on;

use crate::catalog_sqlite::lists::varied;
use crate::catalog_sqlite::world::*;

#[test]
fn executions_are_found_by_job_status_source_and_type() {
    let world = varied();
    let all = world.executions(&ExecutionQuery::default());
    assert_eq!(all.len(), 4);
    for status in Status::ALL {
        let found = world.executions(&ExecutionQuery::default().with_status(Some(status)));
        assert_eq!(found.len(), all.iter().filter(|execution| execution.status() == status).count());
    }
    let source = SourceId::new("source-1").unwrap();
    let found = world.executions(&ExecutionQuery::default().with_source(Some(source)));
    assert_eq!(found.len(), 2);
    let of_job = ExecutionQuery::default().with_job(Some(all[0].job_id));
    assert_eq!(world.executions(&of_job), [all[0].clone()]);
    let data_type = ExecutionQuery::default().with_data_type(Some("type-0".parse().unwrap()));
    assert_eq!(world.executions(&data_type).len(), 2);
}

#[test]
fn e9_executions_are_found_by_slot_and_start() {
    let world = varied();
    let all = world.history();
    for (from, to) in [(0, 1), (1, 2), (0, 11), (10, 11), (11, 12)] {
        let between = Between { from: Some(at(from)), to: Some(at(to)) };
        let inside = |instant| at(from) <= instant && instant < at(to);
        let by_slot = ExecutionQuery::default().with_slot(between);
        let expected = all.iter().filter(|execution| inside(execution.slot)).cloned().collect::<Vec<_>>();
        assert_eq!(world.executions(&by_slot), expected, "{from} {to}");
        let by_start = ExecutionQuery::default().with_started(between);
        let expected = all.iter().filter(|execution| execution.started_at.is_some_and(inside)).cloned();
        assert_eq!(world.executions(&by_start), expected.collect::<Vec<_>>(), "{from} {to}");
    }
}

#[test]
fn executions_sort_by_every_column() {
    let world = varied();
    // Two executions with files and of different durations.
    world.submit("more", immediately(), at(40));
    world.run_one(at(41), 1);
    let claimed = claim(&world.catalog, "w", at(42), 1).remove(0);
    block_on(world.catalog.publish(fence(&claimed), &publication(&claimed, 2, at(90)))).unwrap();
    let all = world.executions(&ExecutionQuery::default());
    for column in ExecutionColumn::ALL.iter().copied() {
        for descending in [false, true] {
            let mut expected = all.clone();
            expected.sort_by(|x, y| {
                let ties = both_ways(&(x.slot, x.id), &(y.slot, y.id), descending);
                let title = |e: &Execution| Some(e.settings.title.as_str().to_lowercase());
                match column {
                    ExecutionColumn::Source => {
                        order(Some(&x.settings.source), Some(&y.settings.source), descending, ties)
                    }
                    ExecutionColumn::Type => order(
                        Some(&x.settings.reads.types()),
                        Some(&y.settings.reads.types()),
                        descending,
                        ties,
                    ),
                    ExecutionColumn::Title => order(title(x), title(y), descending, ties),
                    ExecutionColumn::Status => order(Some(x.status()), Some(y.status()), descending, ties),
                    ExecutionColumn::Slot => order(Some(x.slot), Some(y.slot), descending, ties),
                    ExecutionColumn::StartedAt => order(x.started_at, y.started_at, descending, ties),
                    ExecutionColumn::FinishedAt => order(x.finished_at, y.finished_at, descending, ties),
                    ExecutionColumn::Duration => {
                        let duration =
                            |e: &Execution| e.finished_at.zip(e.started_at).map(|(to, from)| to - from);
                        order(duration(x), duration(y), descending, ties)
                    }
                    ExecutionColumn::Records => {
                        order(Some(x.progress.records), Some(y.progress.records), descending, ties)
                    }
                    // Names contain the execution's id, so they sort like ids.
                    ExecutionColumn::Files => {
                        let file = |e: &Execution| (e.status() == Status::Finished).then_some(e.id);
                        order(file(x), file(y), descending, ties)
                    }
                }
            });
            let sort = Sort { column, descending };
            let sorted = world.executions(&ExecutionQuery::default().with_sort(sort));
            assert_eq!(sorted, expected, "{sort:?}");
            let fetch = |slice| {
                let query = ExecutionQuery::default().with_sort(sort).with_slice(slice);
                block_on(world.catalog.executions(&Owner::default(), &query, at(0))).unwrap()
            };
            let paged = page_by_page(2, fetch).into_iter().map(|overview| overview.execution);
            assert_eq!(paged.collect::<Vec<_>>(), expected, "{sort:?}, paged");
        }
    }
}

#[test]
fn e9_the_history_names_the_files_that_can_be_had() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let queued = world.history().remove(0);
    let files = |now| world.overview(&queued, now).unwrap().files;
    assert_eq!(files(at(0)), Vec::<String>::new());
    let claimed = world.run_one(at(0), 3);
    let names = ["z01", "z02", "zip"].map(|extension| format!("export-{}.{extension}", claimed.id));
    assert_eq!(files(at(0)), names);
    let second = cdds_core::domain::archive::artifact::artifact_id(claimed.id, 2);
    block_on(world.catalog.delete_artifacts(&claimed.owner, &[second], at(1), &[])).unwrap();
    assert_eq!(files(at(1)), [names[0].clone(), names[2].clone()]);
    let in_list = || {
        let query = ExecutionQuery::default();
        block_on(world.catalog.executions(&job.owner, &query, day(30))).unwrap().items.remove(0)
    };
    assert!(files(day(30)).is_empty() && in_list().files.is_empty(), "expired");
    block_on(world.catalog.hold(&claimed.owner, claimed.id, true, &[])).unwrap();
    assert_eq!((files(day(30)), in_list().files), (files(at(1)), files(at(1))), "on hold");
}

#[test]
fn j12_what_is_left_of_a_deleted_job_is_marked() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let done = world.run_one(at(0), 1);
    assert!(!world.overview(&done, at(0)).unwrap().job_deleted);
    let current = world.job(job.id);
    world.change(&current, &delete(&current, Vec::new(), at(1)).unwrap()).unwrap();
    assert_eq!(block_on(world.catalog.job(&job.owner, job.id)).unwrap(), None);
    let jobs = block_on(world.catalog.jobs(&job.owner, &JobQuery::default())).unwrap();
    assert_eq!((jobs.items, jobs.total), (Vec::new(), Some(Total::Exactly(0))));
    let deleted = JobQuery::default().with_state(Some(JobState::Deleted));
    assert_eq!(block_on(world.catalog.jobs(&job.owner, &deleted)).unwrap().total, Some(Total::Exactly(0)));
    assert!(world.overview(&done, at(1)).unwrap().job_deleted);
    let files = block_on(world.catalog.artifacts(&job.owner, &ArtifactQuery::default())).unwrap();
    assert!(files.items[0].job_deleted);
}
