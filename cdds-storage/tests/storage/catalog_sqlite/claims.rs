//! Submissions, due slots, and claims and their ends.

use std::collections::HashSet;

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::retry::RetryPolicy;
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Status};
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::lifecycle::{resume, submit, suspend};
use cdds_core::domain::job::{Job, JobChange, JobState};
use cdds_core::ports::catalog::{
    Beat, CatalogErrorKind, Directive, JobStore, Settlement, Standing, WorkQueue,
};
use chrono::TimeDelta;
use futures::executor::block_on;
use uuid::Uuid;

use crate::catalog_sqlite::world::*;

#[test]
fn j8_a_submission_brings_its_first_execution() {
    let world = World::new();
    let submission = submit(
        JobId(Uuid::new_v4()),
        Owner::default(),
        settings("Voice", immediately()),
        terms().source,
        at(0),
    );
    let (job, first) = (submission.job, submission.first.unwrap());
    block_on(world.catalog.insert_job(&job, Some(&first), &[])).unwrap();
    assert_eq!((world.job(job.id), world.execution(&first)), (job.clone(), first.clone()));
    let agenda = block_on(world.catalog.agenda(Clocks::default())).unwrap();
    assert_eq!((agenda.next_due_at, agenda.next_queued_at), (None, Some(at(0))));
    assert_eq!((agenda.queued, agenda.running), (1, 0));

    let twice = block_on(world.catalog.insert_job(&job, Some(&first), &[])).unwrap_err();
    assert_eq!(twice.kind(), CatalogErrorKind::Conflict);
    assert!(twice.to_string().contains(&job.id.to_string()), "{twice}");
}

#[test]
fn j8_a_job_whose_first_execution_conflicts_is_not_stored() {
    let world = World::new();
    let submission = submit(
        JobId(Uuid::new_v4()),
        Owner::default(),
        settings("Voice", immediately()),
        terms().source,
        at(0),
    );
    block_on(world.catalog.insert_job(&submission.job, submission.first.as_ref(), &[])).unwrap();
    let other = submit(
        JobId(Uuid::new_v4()),
        Owner::default(),
        settings("Other", immediately()),
        terms().source,
        at(0),
    )
    .job;
    let error = block_on(world.catalog.insert_job(&other, submission.first.as_ref(), &[])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
    assert_eq!(block_on(world.catalog.job(&Owner::default(), other.id)).unwrap(), None);
}

#[test]
fn j8_a_one_time_job_is_completed_when_it_is_claimed() {
    let world = World::new();
    let job = world.submit("Later", Frequency::Once(Start::At(at(60))), at(0));
    world.materialise(at(60));
    assert_eq!(world.job(job.id).state, JobState::Suspended);
    claim(&world.catalog, "w", at(61), 1);
    let after = world.job(job.id);
    assert_eq!((after.state, after.version, after.revision), (JobState::Completed, 1, 3));
}

#[test]
fn jobs_are_changed_by_revision() {
    let world = World::new();
    let job = world.submit("Daily", daily(), at(0));
    assert_eq!(world.job(job.id).revision, 1);
    let suspended = suspend(&job, Vec::new(), at(10)).unwrap();
    world.change(&job, &suspended).unwrap();
    let stale = world.change(&job, &suspended).unwrap_err();
    assert_eq!(stale.kind(), CatalogErrorKind::Conflict);
    let stored = world.job(job.id);
    assert_eq!(stored, Job { revision: 2, ..suspended.job });
    let resumed = resume(&stored, at(20)).unwrap().unwrap();
    world.change(&stored, &resumed).unwrap();
    assert_eq!(world.job(job.id), Job { revision: 3, ..resumed.job });
    let gone =
        submit(JobId(Uuid::new_v4()), Owner::default(), settings("Gone", daily()), terms().source, at(0)).job;
    let error = world.change(&gone, &JobChange::of(gone.clone())).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
}

#[test]
fn due_jobs_come_earliest_first_with_what_waits() {
    let world = World::new();
    let later = world.submit("Later", Frequency::Once(Start::At(at(20))), at(0));
    let sooner = world.submit("Sooner", Frequency::Once(Start::At(at(10))), at(0));
    let suspended = world.submit("Suspended", Frequency::Once(Start::At(at(5))), at(0));
    world.change(&suspended, &suspend(&suspended, Vec::new(), at(1)).unwrap()).unwrap();
    world.submit("Daily", daily(), at(0));

    let due = |now, limit| -> Vec<JobId> {
        block_on(world.catalog.due(at(now), limit, Clocks::default()))
            .unwrap()
            .iter()
            .map(|due| due.job.id)
            .collect()
    };
    assert_eq!(due(9, 10), []);
    assert_eq!(due(20, 10), [sooner.id, later.id]);
    assert_eq!(due(20, 1), [sooner.id]);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().next_due_at, Some(at(10)));

    world.materialise(day(1));
    let due = block_on(world.catalog.due(day(2), 10, Clocks::default())).unwrap();
    assert_eq!(due.len(), 1, "one-time jobs are due once");
    assert_eq!(due[0].waiting.iter().map(|waiting| waiting.slot).collect::<Vec<_>>(), [day(1)]);
}

#[test]
fn what_is_on_the_record_stays_as_it_is() {
    let world = World::new();
    let job = world.submit("Daily", daily(), at(0));
    world.materialise(day(1));
    let claimed = claim(&world.catalog, "w", day(1), 1).remove(0);

    // A second engine computed the same slot, and read its execution while it was still waiting.
    let reason = SkipReason::Coalesced { first: day(1), last: day(1), count: 1, into: day(2) };
    let current = world.job(job.id);
    let waiting = Execution::scheduled(&job, day(1), terms().source, day(1));
    let change = JobChange {
        entries: vec![waiting.clone()],
        superseded: vec![waiting.clone().superseded(reason, day(2))],
        edited: vec![waiting],
        ..JobChange::of(current.clone())
    };
    world.change(&current, &change).unwrap();
    assert_eq!(world.execution(&claimed), claimed);
    let error = world.change(&current, &change).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);

    // An execution that was claimed once and waits for its next attempt stays unchanged, too.
    block_on(world.catalog.at(day(2)).settle(fence(&claimed), &Settlement::Released)).unwrap();
    let released = world.execution(&claimed);
    world.change(&world.job(job.id), &change).unwrap();
    assert_eq!((released.status(), world.execution(&claimed)), (Status::Queued, released));
}

#[test]
fn e3_what_waits_is_covered_by_a_later_slot() {
    let world = World::new();
    world.submit("All", daily(), at(0));
    world.materialise(day(1));
    world.materialise(day(3));
    let all = world.history();
    let seen: Vec<_> = all.iter().map(|execution| (execution.slot, execution.status())).collect();
    assert_eq!(seen, [(day(3), Status::Queued), (day(2), Status::Skipped), (day(1), Status::Skipped)]);
    assert!(matches!(
        all[2].state,
        ExecutionState::Skipped(SkipReason::Coalesced { count: 1, into, .. }) if into == day(3)
    ));
}

#[test]
fn e2_oldest_slot_first_one_per_job_up_to_the_limit() {
    let world = World::new();
    let mut rolling = settings("Rolling", daily());
    rolling.timeframe = "rolling:1d".parse().unwrap();
    let queueing = world.submit_as(&Owner::default(), rolling, at(0));
    world.materialise(day(3));
    let late = world.submit("Now", immediately(), day(3) + TimeDelta::seconds(1));
    let early = world.submit("Earlier", immediately(), day(1) - TimeDelta::seconds(1));

    let now = day(3) + TimeDelta::seconds(2);
    let first = claim(&world.catalog, "w", now, 2);
    assert_eq!(first.iter().map(|e| e.job_id).collect::<Vec<_>>(), [early.id, queueing.id]);
    assert_eq!(first[1].slot, day(1));
    let rest = claim(&world.catalog, "w", now, 10);
    assert_eq!(rest.iter().map(|e| e.job_id).collect::<Vec<_>>(), [late.id]);
    assert!(claim(&world.catalog, "w", now, 10).is_empty());
    let agenda = block_on(world.catalog.agenda(Clocks::default())).unwrap();
    assert_eq!((agenda.queued, agenda.running), (2, 3));

    block_on(world.catalog.publish(fence(&first[1]), &publication(&first[1], 1, now))).unwrap();
    let next = claim(&world.catalog, "w", now, 10);
    assert_eq!(next.iter().map(|e| (e.job_id, e.slot)).collect::<Vec<_>>(), [(queueing.id, day(2))]);
}

#[test]
fn e5_a_retry_waits_for_its_time() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let failure = Failure {
        step: Step::Read,
        kind: FailureKind::Unavailable,
        message: "the source is away".to_owned(),
        retryable: true,
    };
    let settlement = Settlement::Failed { failure: failure.clone(), retry: RetryPolicy::default() };
    let settled = block_on(world.catalog.at(at(10)).settle(fence(&claimed), &settlement)).unwrap();
    assert_eq!(world.execution(&claimed), settled);
    assert_eq!(settled.attempts[0].failure, Some(failure.clone()));

    let early = settled.not_before - TimeDelta::microseconds(1);
    assert!(claim(&world.catalog, "w", early, 1).is_empty());
    let again = claim(&world.catalog, "w", settled.not_before, 1).remove(0);
    assert_eq!((again.epoch, again.attempts.len(), again.window), (2, 2, claimed.window));

    let given_up = Settlement::Failed {
        failure: Failure { retryable: false, ..failure },
        retry: RetryPolicy::default(),
    };
    let failed = block_on(world.catalog.at(at(100)).settle(fence(&again), &given_up)).unwrap();
    assert_eq!(failed.status(), Status::Failed);
    assert_eq!(world.execution(&claimed), failed);
}

#[test]
fn attempts_end_cancelled_or_released() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let released = block_on(world.catalog.at(at(5)).settle(fence(&claimed), &Settlement::Released)).unwrap();
    assert_eq!(
        (released.attempt_count(), released.attempts.len()),
        (0, 1),
        "it does not count, and stays listed"
    );
    assert_eq!(world.standing(&released), Standing::Unwanted);
    let again = claim(&world.catalog, "w", at(5), 1).remove(0);
    assert_eq!(again.epoch, 2);
    let cancelled = block_on(world.catalog.at(at(6)).settle(fence(&again), &Settlement::Cancelled)).unwrap();
    assert_eq!(world.execution(&again), cancelled);
    assert_eq!(cancelled.status(), Status::Cancelled);
    assert_eq!(world.standing(&again), Standing::Unwanted);
}

#[test]
fn e7_beats_store_progress_and_answer_in_order() {
    let world = World::new();
    world.submit("One", immediately(), at(0));
    world.submit("Two", immediately(), at(1));
    let claimed = claim(&world.catalog, "w", at(2), 2);
    block_on(world.catalog.at(at(3)).settle(fence(&claimed[0]), &Settlement::Cancelled)).unwrap();
    let progress =
        Progress { records: 5, percent: Some(50), remaining_seconds: Some(9), ..Progress::default() };
    let beats: Vec<Beat> =
        claimed.iter().map(|execution| Beat { fence: fence(execution), progress }).collect();
    let directives = block_on(world.catalog.at(at(4)).beat(&worker("w"), LEASE, &beats)).unwrap();
    assert_eq!(directives, [Directive::Fenced, Directive::Continue]);
    assert_eq!(world.execution(&claimed[1]).progress, progress);
    let stranger = block_on(world.catalog.at(at(4)).beat(&worker("x"), LEASE, &beats)).unwrap();
    assert_eq!(stranger, [Directive::Fenced, Directive::Fenced]);
}

#[test]
fn i10_workers_that_claim_at_the_same_time_never_share_work() {
    const JOBS: usize = 60;
    let world = World::new();
    for number in 0..JOBS {
        world.submit(&format!("Job {number}"), immediately(), at(0));
    }
    let handles = [world.second_handle(), world.second_handle()];
    let claimed: Vec<Execution> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|number| {
                let catalog = &handles[number % 2];
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let more = claim(catalog, &format!("w{number}"), at(1), 3);
                        if more.is_empty() {
                            return mine;
                        }
                        mine.extend(more);
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let distinct: HashSet<_> = claimed.iter().map(|execution| execution.id).collect();
    assert_eq!((claimed.len(), distinct.len()), (JOBS, JOBS));
    assert!(claimed.iter().all(|execution| execution.epoch == 1));
}

#[test]
fn materialising_at_the_same_time_puts_each_slot_on_the_record_once() {
    let world = World::new();
    let job = world.submit("Daily", daily(), at(0));
    let handles: Vec<_> = (0..4).map(|_| world.second_handle()).collect();
    let stored: usize = std::thread::scope(|scope| {
        let engines: Vec<_> = handles
            .iter()
            .map(|catalog| {
                let change = materialise(&job, &[], terms(), day(1)).unwrap();
                scope.spawn(move || usize::from(block_on(catalog.change_job(&change, 1, &[])).is_ok()))
            })
            .collect();
        engines.into_iter().map(|engine| engine.join().unwrap()).sum()
    });
    assert_eq!(stored, 1);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().queued, 1);
}
