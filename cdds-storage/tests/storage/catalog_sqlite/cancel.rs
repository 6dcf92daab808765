//! Cancellation of executions in every state (rule E8).

use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::Owner;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::ports::catalog::{
    ArtifactStore, Beat, CatalogErrorKind, Directive, ExecutionStore, JobStore, Settlement, Standing,
    WorkQueue,
};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

/// Cancels an execution as the service does.
fn cancel(world: &World, execution: &Execution, seconds: i64) -> Execution {
    let before = world.execution(execution);
    let after = before.clone().cancel(at(seconds)).unwrap();
    block_on(world.catalog.change_execution(&before, &after, &[])).unwrap();
    assert_eq!(world.execution(execution), after);
    after
}

fn running(world: &World) -> Execution {
    world.submit("Once", immediately(), at(0));
    claim(&world.catalog, "w", at(0), 1).remove(0)
}

#[test]
fn what_waits_is_cancelled_at_once() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let cancelled = cancel(&world, &world.history()[0], 1);
    assert_eq!((cancelled.status(), cancelled.finished_at), (Status::Cancelled, Some(at(1))));
    assert!(claim(&world.catalog, "w", at(2), 1).is_empty());
    let agenda = block_on(world.catalog.agenda(Clocks::default())).unwrap();
    assert_eq!((agenda.queued, agenda.next_queued_at), (0, None));
    assert_eq!(world.job(job.id).revision, 2, "whoever decided about it decides again");
}

#[test]
fn what_waits_to_be_tried_again_is_cancelled_and_holds_nothing_up() {
    let world = World::new();
    world.submit_daily("rolling:1d", at(0));
    world.materialise(day(2));
    let begun = claim(&world.catalog, "w", day(2), 1).remove(0);
    world.settle(&begun, &failed(true), day(2));
    assert!(claim(&world.catalog, "w", day(2), 1).is_empty());
    assert_eq!(cancel(&world, &begun, 2 * 86_400).status(), Status::Cancelled);
    assert_eq!(claim(&world.catalog, "w", day(2), 1)[0].slot, day(2));
}

#[test]
fn a_worker_is_told_and_its_lease_and_progress_stay() {
    let world = World::new();
    let claimed = running(&world);
    let progress = Progress { records: 5, ..Progress::default() };
    let beat = [Beat { fence: fence(&claimed), progress }];
    let ask = |seconds| block_on(world.catalog.at(at(seconds)).beat(&worker("w"), LEASE, &beat)).unwrap();
    // The person read the execution before its progress was stored.
    let before = world.execution(&claimed);
    assert_eq!(ask(30), [Directive::Continue]);
    let after = before.clone().cancel(at(31)).unwrap();
    block_on(world.catalog.change_execution(&before, &after, &[])).unwrap();
    let stored = world.execution(&claimed);
    assert_eq!((stored.status(), stored.progress), (Status::InProgress, progress));
    assert_eq!(stored.cancel_requested_at, Some(at(31)));
    assert!(claim(&world.second_handle(), "x", at(89), 1).is_empty(), "the lease holds");
    assert_eq!(ask(32), [Directive::Cancel]);
    assert_eq!(ask(33), [Directive::Cancel]);

    let ended = world.settle(&claimed, &Settlement::Cancelled, at(34));
    assert_eq!((ended.status(), world.standing(&claimed)), (Status::Cancelled, Standing::Unwanted));
    assert_eq!(world.execution(&claimed), ended);
    assert_eq!(ask(35), [Directive::Fenced]);
}

#[test]
fn whatever_ends_the_attempt_then_ends_the_execution() {
    for settlement in [failed(true), failed(false), Settlement::Released, Settlement::Cancelled] {
        let world = World::new();
        let claimed = running(&world);
        cancel(&world, &claimed, 1);
        let ended = world.settle(&claimed, &settlement, at(2));
        assert_eq!((ended.status(), ended.finished_at), (Status::Cancelled, Some(at(2))), "{settlement:?}");
        assert!(claim(&world.catalog, "w", day(1), 1).is_empty());
    }
}

#[test]
fn e8_what_a_dead_worker_had_ends_at_once_and_leaves_nothing_that_is_wanted() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let dying = world.second_handle();
    let claimed = claim(&dying, "dying", at(0), 1).remove(0);
    let worker = || world.overview(&claimed, at(1)).unwrap().worker;
    let of_job = || block_on(world.catalog.job(&job.owner, job.id)).unwrap().unwrap().latest.unwrap().worker;
    assert_eq!((worker(), of_job()), (Some(WorkerLife::Alive), Some(WorkerLife::Alive)));
    drop(dying);
    assert_eq!((worker(), of_job()), (Some(WorkerLife::Gone), Some(WorkerLife::Gone)), "its lease holds yet");

    let before = world.execution(&claimed);
    let after = before.clone().cancel_abandoned(at(2)).unwrap();
    block_on(world.catalog.change_execution(&before, &after, &[])).unwrap();
    assert_eq!(world.execution(&claimed), after);
    assert_eq!((after.status(), after.attempts[0].ended_at), (Status::Cancelled, Some(at(2))));
    let given_up = Standing::GivenUp { at: at(2), replaced: false };
    assert_eq!((worker(), world.standing(&claimed)), (None, given_up));
    // No worker takes it over, and a worker that comes back cannot publish.
    let next = block_on(world.catalog.at(day(1)).claim(&claim_of("w", 9))).unwrap();
    assert_eq!((next.executions.len(), next.given_up.len()), (0, 0));
    assert_eq!(world.publish(&claimed, at(3)).unwrap_err().kind(), CatalogErrorKind::Fenced);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().running, 0);
}

#[test]
fn a_crash_ends_it_and_says_so_once() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let dying = world.second_handle();
    let claimed = claim(&dying, "dying", at(0), 1).remove(0);
    cancel(&world, &claimed, 1);
    drop(dying);
    let next = block_on(world.catalog.at(at(2)).claim(&claim_of("w", 9))).unwrap();
    assert_eq!((next.executions.len(), next.given_up.len()), (0, 1));
    assert_eq!((next.given_up[0].id, next.given_up[0].status()), (claimed.id, Status::Cancelled));
    assert_eq!(world.execution(&claimed), next.given_up[0]);
    assert!(block_on(world.catalog.at(at(3)).claim(&claim_of("w", 9))).unwrap().given_up.is_empty());
}

#[test]
fn e8_what_somebody_was_told_to_be_stopped_is_never_published() {
    let world = World::new();
    let claimed = running(&world);
    cancel(&world, &claimed, 1);
    let refused = world.publish(&claimed, at(2)).unwrap_err();
    assert_eq!(refused.kind(), CatalogErrorKind::Cancelled, "{refused}");
    assert!(!refused.is_retryable() && refused.to_string().contains(&claimed.id.to_string()), "{refused}");
    // Nothing is visible, and its worker ends the execution.
    assert_eq!(world.execution(&claimed).status(), Status::InProgress);
    assert_eq!(block_on(world.catalog.artifact_set(&claimed.owner, claimed.id)).unwrap(), None);
    let ended = world.settle(&claimed, &Settlement::Cancelled, at(3));
    assert_eq!((ended.status(), world.standing(&claimed)), (Status::Cancelled, Standing::Unwanted));
}

#[test]
fn a_publication_that_came_first_stands() {
    let world = World::new();
    let claimed = running(&world);
    let before = world.execution(&claimed);
    world.publish(&claimed, at(1)).unwrap();
    let late = before.clone().cancel(at(2)).unwrap();
    let error = block_on(world.catalog.change_execution(&before, &late, &[])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict, "{error}");
    assert_eq!(world.execution(&claimed).status(), Status::Finished);
}

#[test]
fn a_cancel_of_what_moved_on_is_a_conflict() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    let waiting = world.history().remove(0);
    let cancelled = waiting.clone().cancel(at(1)).unwrap();
    let claimed = claim(&world.catalog, "w", at(1), 1).remove(0);
    let revision = world.job(job.id).revision;
    let change = |before, after| block_on(world.catalog.change_execution(before, after, &[]));
    assert_eq!(change(&waiting, &cancelled).unwrap_err().kind(), CatalogErrorKind::Conflict);

    // A change of another epoch is refused, and so is one by another owner.
    let asked = claimed.clone().cancel(at(2)).unwrap();
    let other_epoch = Execution { epoch: 2, ..claimed.clone() };
    assert_eq!(change(&other_epoch, &asked).unwrap_err().kind(), CatalogErrorKind::Conflict);
    let stolen = Execution { owner: Owner::new("stranger").unwrap(), ..asked.clone() };
    assert_eq!(change(&claimed, &stolen).unwrap_err().kind(), CatalogErrorKind::Conflict);
    assert_eq!((world.execution(&claimed), world.job(job.id).revision), (claimed, revision));
}
