//! Many workers at the same time: what one reads and another changes is never both.

use std::collections::BTreeSet;
use std::time::Duration;

use cdds_core::domain::calendar::frequency::{Frequency, Start};
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
use cdds_storage::catalog::PostgresCatalog;
use futures::executor::block_on;
use uuid::Uuid;

use super::scene::Scene;

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
                        let query = ExecutionQuery::default()
                            .with_status(Some(cdds_core::domain::execution::Status::InProgress));
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
