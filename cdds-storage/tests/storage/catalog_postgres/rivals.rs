//! Many workers at the same time: what one reads and another changes is never both.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::queue::SourceLimits;
use cdds_core::domain::id::{JobId, Owner, SourceId, TypeId, WorkerId};
use cdds_core::domain::job::lifecycle::submit;
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::domain::source::SourceTerms;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::catalog::{
    CatalogError, Claim, ExecutionStore, Fence, JobStore, Nonce, Settlement, WorkQueue,
};
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use cdds_core::testing::ManualClock;
use cdds_storage::catalog::PostgresCatalog;
use chrono::TimeDelta;
use futures::executor::block_on;
use uuid::Uuid;

use super::scene::Scene;
use crate::postgres_server::Server;

const LEASE: Duration = Duration::from_secs(600);

fn source() -> SourceId {
    SourceId::new("contact-history").unwrap()
}

/// Stores a job that runs at once.
pub(super) fn insert(catalog: &PostgresCatalog, id: JobId, title: &str) -> Result<(), CatalogError> {
    let settings = JobSettings::new(
        Title::new(title).unwrap(),
        source(),
        TypeId::new("interaction").unwrap(),
        Frequency::Once(Start::Immediately),
        Protection::Plaintext,
    );
    let now = SystemClock::new().now();
    let submission = submit(id, Owner::default(), settings, SourceTerms::default(), now);
    block_on(catalog.insert_job(&submission.job, submission.first.as_ref(), &[]))
}

#[test]
fn e2_workers_that_claim_at_once_share_the_work_and_keep_to_the_limit() {
    let scene = Scene::new();
    let catalog = scene.open("rivals");
    for number in 0..40 {
        insert(&catalog, JobId(Uuid::new_v4()), &format!("job {number}")).unwrap();
    }
    let scene = &scene;
    let taken: Vec<Vec<_>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn(move || {
                    // As another machine does.
                    let catalog = scene.open("rivals");
                    let worker = WorkerId::new(format!("w{number}")).unwrap();
                    let mut taken = Vec::new();
                    for turn in 0..30 {
                        let limits = SourceLimits::from([(source(), 3.try_into().unwrap())]);
                        let claim = Claim::new(worker.clone(), Nonce(number * 100 + turn), LEASE, 2)
                            .with_source_limits(limits);
                        let claimed = block_on(catalog.claim(&claim)).unwrap().executions;
                        let now = block_on(catalog.now()).unwrap();
                        let query = ExecutionQuery::default().with_status(Some(Status::InProgress));
                        let running = block_on(catalog.executions(&Owner::default(), &query, now)).unwrap();
                        assert!(running.items.len() <= 3, "{} run", running.items.len());
                        for execution in claimed {
                            let fence = Fence { id: execution.id, epoch: execution.epoch };
                            block_on(catalog.settle(fence, &Settlement::Cancelled)).unwrap();
                            taken.push(execution.id);
                        }
                    }
                    taken
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let all: Vec<_> = taken.into_iter().flatten().collect();
    let different: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(different.len(), all.len(), "nothing is handed out twice");
    assert_eq!(all.len(), 40, "nothing is left");
}

/// Over a network each statement that is waited for costs a round trip.
#[test]
fn e2_a_claim_reads_as_often_for_ten_executions_as_for_one() {
    let scene = Scene::with(Server::start(&["shared_preload_libraries=pg_stat_statements"]));
    let catalog = scene.open("counted");
    scene.server.run("postgres", "CREATE EXTENSION pg_stat_statements");
    let read_by_claim = |limit: usize| {
        for number in 0..limit {
            insert(&catalog, JobId(Uuid::new_v4()), &format!("job {number}")).unwrap();
        }
        scene.server.run("postgres", "SELECT pg_stat_statements_reset()");
        let claim = Claim::new(WorkerId::new("w").unwrap(), Nonce::of(Uuid::new_v4()), LEASE, limit);
        assert_eq!(block_on(catalog.claim(&claim)).unwrap().executions.len(), limit);
        scene.server.within(async {
            let client = scene.server.client("postgres").await;
            let sql = "SELECT calls, query FROM pg_stat_statements WHERE toplevel AND query LIKE 'SELECT%'
                AND query NOT LIKE '%pg_stat_statements%' ORDER BY query";
            let rows = client.query_typed(sql, &[]).await.unwrap();
            rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(i64, String)>>()
        })
    };
    // The first one looks for abandoned executions, too, as one does each second.
    let _first = read_by_claim(1);
    let (one, ten) = (read_by_claim(1), read_by_claim(10));
    let without_looks = |read: Vec<(i64, String)>| {
        read.into_iter().filter(|(_, sql)| !sql.contains("FROM lease")).collect::<Vec<_>>()
    };
    let (one, ten) = (without_looks(one), without_looks(ten));
    assert!(one.iter().all(|(calls, _)| *calls == 1), "{one:#?}");
    assert_eq!(one, ten);
    assert_eq!(ten.len(), 4, "the clock, whose turn it is, who looked last, and the work: {ten:#?}");
}

/// A look reads all that runs, in the transaction of a claim, for which all others wait.
#[test]
fn e5_one_process_looks_for_all_and_what_is_abandoned_is_taken_over_in_time() {
    let scene = Scene::new();
    let begun = SystemClock::new().now();
    let clock = Arc::new(ManualClock::at(begun));
    let open = || scene.open("looks").with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let (one, other) = (open(), open());
    for title in ["abandoned", "held for longer"] {
        insert(&one, JobId(Uuid::new_v4()), title).unwrap();
    }
    clock.advance(Duration::from_secs(1));
    let leased = |of: &PostgresCatalog, worker: &str, lease: Duration, holding: Vec<Fence>| {
        let claim = Claim::new(WorkerId::new(worker).unwrap(), Nonce::of(Uuid::new_v4()), lease, 1);
        block_on(of.claim(&claim.with_holding(holding))).unwrap().executions
    };
    let claim = |of: &PostgresCatalog, worker: &str, holding: Vec<Fence>| leased(of, worker, LEASE, holding);
    let looked = || {
        let sql = "SELECT at, first_expires_at FROM looks.looked";
        let rows = scene
            .server
            .within(async { scene.server.client("postgres").await.query_typed(sql, &[]).await.unwrap() });
        rows.first().map(|row| (row.get::<_, i64>(0), row.get::<_, i64>(1)))
    };
    let now = || clock.now().timestamp_micros();
    let held = claim(&one, "w", Vec::new()).pop().unwrap();
    assert_eq!(leased(&one, "v", LEASE * 2, Vec::new()).len(), 1);
    assert_eq!(looked(), None, "nothing ran, so the look cost nothing");
    let expires_at = now() + i64::try_from(LEASE.as_micros()).unwrap();

    // The other process has never looked.
    assert_eq!(claim(&other, "x", Vec::new()), []);
    let first = Some((now(), expires_at));
    assert_eq!(looked(), first);
    clock.advance(Duration::from_millis(999));
    assert_eq!(claim(&one, "w", Vec::new()), []);
    assert_eq!(claim(&open(), "y", Vec::new()), []);
    assert_eq!(looked(), first, "one of them has looked in this second");
    clock.advance(Duration::from_millis(1));
    assert_eq!(claim(&one, "w", Vec::new()), []);
    assert_eq!(looked(), Some((now(), expires_at)), "by now it was time again");

    // When the lease runs out, nobody waits for the second to end.
    clock.set(
        begun + TimeDelta::seconds(1) + TimeDelta::from_std(LEASE).unwrap() - TimeDelta::milliseconds(1),
    );
    assert_eq!(claim(&other, "x", Vec::new()), []);
    let last = Some((now(), expires_at));
    assert_eq!(looked(), last);
    clock.advance(Duration::from_millis(1));
    let fence = Fence { id: held.id, epoch: held.epoch };
    assert_eq!(claim(&one, "w", vec![fence]), [], "it says that it still does it");
    assert_eq!(looked(), last, "and leaves it to the others to look");
    let taken = claim(&other, "x", Vec::new());
    assert_eq!(taken.iter().map(|one| (one.id, one.epoch)).collect::<Vec<_>>(), [(held.id, held.epoch + 1)]);
}
