//! A long queue slows down neither the search for work nor the jobs behind it (rules E2, E3).

use std::collections::HashSet;
use std::sync::Arc;

use cdds_core::domain::calendar::frequency::{CronExpression, Frequency};
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::manual;
use cdds_core::domain::execution::retry::RetryPolicy;
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::edit::{self, Edit, OneTimeEdit};
use cdds_core::domain::job::policy::Overlap;
use cdds_core::domain::job::{Job, JobChange, JobState, Title};
use cdds_core::domain::violation::Code;
use cdds_core::ports::Ports;
use cdds_core::ports::catalog::{Fence, JobStore, Settlement, WAITING_MAX, WorkQueue};
use cdds_core::ports::source::{DataType, SourceDescription, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use cdds_storage::catalog::SqliteCatalog;
use chrono::{DateTime, Utc};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

/// Submits a job that is due each minute, and queues `rounds` thousand of its slots.
fn minutely(world: &World, rounds: u32) -> Job {
    let mut settings = settings("Each minute", Frequency::Cron(CronExpression::new("* * * * *").unwrap()));
    settings.policies.overlap = Some(Overlap::Queue);
    settings.policies.catch_up.missed = Some(Overlap::Queue);
    let job = world.submit_as(&Owner::default(), settings, at(0));
    (0..rounds).for_each(|_| world.materialise(day(5)));
    world.job(job.id)
}

#[test]
fn e3_e13_what_waits_is_read_where_it_can_be_covered_and_no_more_than_a_round_deals_with() {
    let world = World::new();
    let job = minutely(&world, 2);
    let waiting = || block_on(world.catalog.due(day(5), 10, Clocks::default())).unwrap().remove(0).waiting;
    assert!(waiting().is_empty(), "its slots are queued, none covers another");
    let mut coalescing = job.clone();
    coalescing.settings.policies.overlap = Some(Overlap::Coalesce);
    world.change(&job, &JobChange::of(coalescing)).unwrap();
    let waiting = waiting();
    assert_eq!(waiting.len(), WAITING_MAX);
    assert!(waiting.is_sorted_by_key(|waiting| waiting.slot), "the oldest first");

    // Jobs behind it are returned once it has been dealt with.
    world.submit("Later", daily(), day(3));
    assert_eq!(block_on(world.catalog.due(day(5), 10, Clocks::default())).unwrap().len(), 1);
}

#[test]
fn e2_a_job_behind_a_long_queue_of_another_is_begun() {
    let world = World::new();
    let long = minutely(&world, 5);
    let behind = world.submit("Once", immediately(), day(5));
    let claimed = claim(&world.catalog, "w", day(5), 9);
    let jobs: HashSet<_> = claimed.iter().map(|execution| execution.job_id).collect();
    assert_eq!(jobs, [long.id, behind.id].into());
    assert_eq!(claimed[0].slot, at(60), "the oldest first");
}

#[test]
fn the_agenda_counts_a_long_queue_no_further_than_anybody_needs() {
    let world = World::new();
    minutely(&world, 3);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().queued, 3_000);
}

/// Returns ports over the catalog of a world, at `now`.
fn ports(world: &World, now: DateTime<Utc>) -> Ports {
    let description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History")
        .with_type(DataType::new("interaction".parse().unwrap()));
    let sources = Sources::new().with(Arc::new(PreparedSource::new(description, Vec::new())));
    let MemoryPorts { ports, clock, .. } = MemoryPorts::new(now, sources);
    ports.with_catalog(Arc::new(SqliteCatalog::open(world.catalog.path()).unwrap().with_clock(clock)))
}

/// Counts the waiting executions of a job, and those of them that have its present settings.
fn waiting(world: &World, job: &Job) -> (usize, usize) {
    let open = block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap();
    let settings = world.job(job.id).settings;
    let of_job = open.waiting().filter(|one| one.settings == settings).count();
    (open.waiting().count(), of_job)
}

#[test]
fn j10_pages_of_what_waits_join() {
    let world = World::new();
    let job = minutely(&world, 3);
    let (mut behind, mut places) = (None, Vec::new());
    loop {
        let page = block_on(world.catalog.open_executions(&job.owner, job.id, behind, 999)).unwrap();
        assert!(page.executions.len() <= 999);
        places.extend(page.executions.iter().map(Execution::place));
        behind = places.last().copied();
        assert_eq!(page.more, places.len() < 3_000);
        if !page.more {
            break;
        }
    }
    assert!(places.len() == 3_000 && places.is_sorted());
}

#[test]
fn j10_a_change_is_one_small_transaction_and_the_rest_is_settled_by_whoever_comes() {
    let world = World::new();
    let job = minutely(&world, 3);
    let mut settings = job.settings.clone();
    settings.title = Title::new("Another").unwrap();
    let edit = Edit { settings, watermark: None, one_time: OneTimeEdit::UntilStarted };
    let open = block_on(world.catalog.open_executions(&job.owner, job.id, None, WAITING_MAX)).unwrap();
    let change = edit::edit(&job, open, edit, terms(), at(60)).unwrap();
    assert_eq!(change.edited.len(), WAITING_MAX);
    world.change(&job, &change).unwrap();
    assert_eq!(waiting(&world, &job), (3_000, 1_000));
    // The author of the change is gone. Nothing begins until engines have completed the change.
    assert_eq!(claim(&world.catalog, "w", day(5), 9), []);
    let mut rounds = 0;
    while world.job(job.id).unsettled.is_some() {
        let due = block_on(world.catalog.due(day(5), 10, Clocks::default())).unwrap();
        assert!(due.len() == 1 && due[0].waiting.len() <= WAITING_MAX);
        world.materialise(day(5));
        rounds += 1;
    }
    assert_eq!((waiting(&world, &job), rounds), ((3_000, 3_000), 3));
    assert_eq!(claim(&world.catalog, "w", day(5), 9).len(), 1);
}

#[test]
fn j7_j10_j12_services_come_back_when_all_of_it_is_settled() {
    let world = World::new();
    let job = minutely(&world, 3);
    let jobs = Jobs::new(&ports(&world, day(5)), JobRules::default());
    let mut settings = job.settings.clone();
    settings.title = Title::new("Another").unwrap();
    let request = EditRequest::new(settings);
    let preview = block_on(jobs.preview_edit(&administrator(&job.owner), job.id, &request, 1_000)).unwrap();
    assert_eq!(preview.len(), 1_000);
    let edited = block_on(jobs.edit(&administrator(&job.owner), job.id, &request)).unwrap().job;
    assert_eq!((edited.unsettled, edited.next_due_at > Some(day(5))), (None, true), "what was due is, too");
    let (all, of_job) = waiting(&world, &job);
    assert!(all > 3_000 && all == of_job, "{all} and {of_job}");

    let suspended = block_on(jobs.suspend(&administrator(&job.owner), job.id)).unwrap().job;
    assert_eq!((suspended.unsettled, waiting(&world, &job).0), (None, 0));
    block_on(jobs.resume(&administrator(&job.owner), job.id)).unwrap();
    block_on(jobs.delete(&administrator(&job.owner), job.id)).unwrap();
}

#[test]
fn j12_a_job_is_not_deleted_while_something_is_to_run_now_behind_much_that_is_not() {
    let world = World::new();
    let job = minutely(&world, 2);
    // At this time, all scheduled executions still wait for their start.
    let ports = ports(&world, at(0));
    let jobs = Jobs::new(&ports, JobRules::default());
    let asked = manual::run_now(&job, terms().source, day(6)).unwrap();
    world.change(&job, &asked).unwrap();
    let refused = block_on(jobs.delete(&administrator(&job.owner), job.id)).unwrap_err();
    assert!(matches!(&refused, ServiceError::Refused(why) if why.code() == Code::JobBusy), "{refused}");
    let id = asked.entries[0].id;
    block_on(History::new(&ports).cancel(&administrator(&job.owner), id)).unwrap();
    block_on(jobs.delete(&administrator(&job.owner), job.id)).unwrap();
    assert_eq!(waiting_of(&world, &job), 0);
}

fn waiting_of(world: &World, job: &Job) -> usize {
    let open = block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap();
    open.executions.len()
}

#[test]
fn e5_a_pause_after_failures_drops_a_backlog_in_steps() {
    let world = World::new();
    let mut job = minutely(&world, 2);
    job.settings.policies.pause_after_failures = std::num::NonZeroU32::new(1);
    world.change(&world.job(job.id), &JobChange::of(job.clone())).unwrap();
    let mut begun = claim(&world.catalog, "w", day(5), 1).remove(0);
    begun.settings.policies.retries = None;
    let fence = Fence { id: begun.id, epoch: begun.epoch };
    let failure = Failure {
        step: Step::Read,
        kind: FailureKind::Refused,
        message: "gone".to_owned(),
        retryable: false,
    };
    let settlement = Settlement::Failed { failure, retry: RetryPolicy::default() };
    block_on(world.catalog.at(day(5)).settle(fence, &settlement)).unwrap();
    let paused = world.job(job.id);
    assert_eq!((paused.state, paused.unsettled.is_some()), (JobState::Suspended, true));
    while world.job(job.id).unsettled.is_some() {
        world.materialise(day(5));
    }
    assert_eq!(waiting_of(&world, &job), 0);
}
