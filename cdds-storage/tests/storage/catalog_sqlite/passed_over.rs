//! A row that this version does not understand does not stop any other work.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::JobState;
use cdds_core::domain::job::policy::Overlap;
use cdds_core::ports::catalog::{CatalogErrorKind, ExecutionStore, JobStore, WorkQueue};
use futures::executor::block_on;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::catalog_sqlite::world::*;

/// Contents of an execution that a newer version, or a defect, may have written.
const STRANGE: [&str; 5] = [
    "progress = '{\"v\":2}'",
    "settings = 'x'",
    "attempts = CAST(x'ff' AS TEXT)",
    "created_at = 9223372036854775807",
    "\"trigger\" = 'whim'",
];

impl World {
    fn spoil(&self, table: &str, id: &impl ToString, change: &str) {
        let sql = format!("UPDATE {table} SET {change} WHERE id = ?1");
        assert_eq!(self.raw().execute(&sql, [id.to_string()]).unwrap(), 1, "{sql}");
    }

    fn due(&self, seconds: i64, limit: usize) -> Vec<JobId> {
        block_on(self.catalog.due(at(seconds), limit, Clocks::default()))
            .unwrap()
            .iter()
            .map(|due| due.job.id)
            .collect()
    }
}

fn jobs(executions: &[Execution]) -> Vec<JobId> {
    executions.iter().map(|execution| execution.job_id).collect()
}

#[test]
fn other_jobs_are_due() {
    for change in ["settings = 'x'", "owner = CAST(x'ff' AS TEXT)", "updated_at = -9223372036854775808"] {
        let world = World::new();
        let [bad, good, last] =
            [10, 20, 30].map(|seconds| world.submit("Once", Frequency::Once(Start::At(at(seconds))), at(0)));
        assert_eq!(world.due(30, 1), [bad.id]);
        world.spoil("job", &bad.id, change);
        assert_eq!(world.due(30, 1), [good.id], "{change}: it does not count");
        assert_eq!(world.due(30, 10), [good.id, last.id]);
        assert_eq!(world.due(30, 0), []);
        if !change.contains("owner") {
            let asked = block_on(world.catalog.job(&Owner::default(), bad.id)).unwrap_err();
            assert_eq!(asked.kind(), CatalogErrorKind::Corrupt);
        }
    }
}

#[test]
fn a_job_is_due_without_what_waits_and_is_not_understood() {
    let world = World::new();
    let mut rolling = settings("Rolling", daily());
    rolling.timeframe = "rolling:1d".parse().unwrap();
    rolling.policies.overlap = Some(Overlap::Coalesce);
    rolling.policies.catch_up.missed = Some(Overlap::Queue);
    let job = world.submit_as(&Owner::default(), rolling, at(0));
    world.materialise(day(2));
    let waiting = |now| block_on(world.catalog.due(now, 1, Clocks::default())).unwrap().remove(0).waiting;
    let before = waiting(day(3));
    assert_eq!(before.len(), 2);
    world.spoil("execution", &before[0].id, STRANGE[0]);
    assert_eq!(waiting(day(3)), before[1..]);

    // Nor does it hold up the job's next slot.
    let claimed = claim(&world.catalog, "w", day(3), 10);
    assert_eq!((jobs(&claimed), claimed[0].slot), (vec![job.id], day(2)));
}

#[test]
fn other_executions_are_claimed() {
    for change in STRANGE {
        let world = World::new();
        let submitted = [0, 1, 2].map(|seconds| world.submit("Once", immediately(), at(seconds)));
        let bad = world.history().remove(2);
        world.spoil("execution", &bad.id, change);
        let claimed = claim(&world.catalog, "w", at(3), 1);
        assert_eq!(jobs(&claimed), [submitted[1].id], "{change}: it does not count");
        assert_eq!(jobs(&claim(&world.catalog, "w", at(3), 10)), [submitted[2].id]);
        let asked = block_on(world.catalog.execution(&bad.owner, bad.id, at(3))).unwrap_err();
        assert_eq!(asked.kind(), CatalogErrorKind::Corrupt);
    }
}

#[test]
fn j8_an_execution_waits_until_its_job_is_understood() {
    let world = World::new();
    let [bad, good] = [0, 1].map(|seconds| world.submit("Once", immediately(), at(seconds)));
    world.spoil("job", &bad.id, "state = 'dreaming'");
    assert_eq!(jobs(&claim(&world.catalog, "w", at(3), 1)), [good.id]);
    world.spoil("job", &bad.id, "state = 'suspended'");
    assert_eq!(jobs(&claim(&world.catalog, "w", at(4), 1)), [bad.id]);
    assert_eq!([bad, good].map(|job| world.job(job.id).state), [JobState::Completed; 2]);
}

#[test]
fn others_are_taken_over() {
    for change in STRANGE.into_iter().chain(["worker = '/'", "worker = NULL"]) {
        let world = World::new();
        for seconds in 0..3 {
            world.submit("Once", immediately(), at(seconds));
        }
        let dying = world.second_handle();
        let lost = claim(&dying, "dying", at(3), 3);
        drop(dying);
        world.spoil("execution", &lost[0].id, change);
        let mut taken = claim(&world.catalog, "w", at(4), 3);
        taken.sort_by_key(|execution| execution.slot);
        assert_eq!(jobs(&taken), jobs(&lost[1..]), "{change}");
    }
}

#[test]
fn the_agenda_is_that_of_the_others() {
    let world = World::new();
    let [bad, _good] = [0, 1].map(|_| world.submit("Daily", daily(), at(0)));
    world.spoil("job", &bad.id, "next_due_at = -9223372036854775808");
    world.submit("Once", immediately(), at(5));
    let first = world.history().remove(0);
    world.submit("Once", immediately(), at(6));
    world.spoil("execution", &first.id, "not_before = -9223372036854775808");
    let agenda = block_on(world.catalog.agenda(Clocks::default())).unwrap();
    assert_eq!((agenda.next_due_at, agenda.next_queued_at), (Some(day(1)), Some(at(6))));
}

#[test]
fn what_nothing_will_come_of_does_not_lie_ahead() {
    let ahead = |world: &World| {
        let agenda = block_on(world.catalog.agenda(Clocks::default())).unwrap();
        (agenda.next_due_at, agenda.next_queued_at, agenda.running)
    };
    let world = World::new();
    let due = world.submit("Daily", daily(), at(0));
    assert_eq!(ahead(&world), (Some(day(1)), None, 0));
    world.spoil("job", &due.id, "settings = 'x'");
    assert_eq!(ahead(&world), (None, None, 0));

    for change in STRANGE {
        let world = World::new();
        world.submit("Once", immediately(), at(0));
        let queued = world.history().remove(0);
        world.spoil("execution", &queued.id, change);
        assert_eq!(ahead(&world), (None, None, 0), "{change}");
    }
    let world = World::new();
    let orphan = world.submit("Once", immediately(), at(0));
    world.spoil("job", &orphan.id, "state = 'whim'");
    assert_eq!(ahead(&world), (None, None, 0), "it has no job to begin with");
}

#[test]
fn what_runs_and_is_not_understood_lies_ahead_while_its_worker_lives() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let living = world.second_handle();
    let running = claim(&living, "newer", at(0), 1).remove(0);
    world.spoil("execution", &running.id, STRANGE[0]);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().running, 1);
    drop(living);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().running, 0);
}

/// Keeps everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?}\n"));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("cdds_storage") && *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn warnings_name_the_row_and_quote_nothing_of_it() {
    // The subscriber is set for the whole process, since the catalog works on threads of its own.
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let world = World::new();
    let due = world.submit("Once", Frequency::Once(Start::At(at(1))), at(0));
    world.spoil("job", &due.id, "state = 'active', settings = '{\"v\":\"1\",\"confidential\":1}'");
    for seconds in 0..3 {
        world.submit("Once", immediately(), at(seconds));
    }
    let queued = world.history();
    let [orphan, strange, nameless] = [0, 1, 2].map(|index: usize| &queued[index]);
    world.spoil("job", &orphan.job_id, "state = 'confidential'");
    world.spoil("execution", &strange.id, "progress = '\"confidential\"'");
    world.spoil("execution", &nameless.id, "id = 'line' || char(10) || 'break'");
    assert_eq!((world.due(3, 9), claim(&world.catalog, "w", at(3), 9)), (Vec::new(), Vec::new()));

    let logged = log.0.lock().unwrap();
    for named in [
        format!("job {} is", due.id),
        format!("job {} is", orphan.job_id),
        format!("execution {} is", strange.id),
        "execution line\\nbreak is".to_owned(),
    ] {
        assert!(logged.contains(&named), "{named}: {logged}");
    }
    assert!(!logged.contains("confidential"), "{logged}");
}
