//! The watch over the record. Every call that changes the record passes through it, one step at a time, and
//! is compared with the model: the requests of people and the schedule in [`asked`](super::asked), the work
//! of engines in [`claims`](super::claims), the fate of sets in [`sets`](super::sets).

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::model::{Broken, Check, Model, ensure};
use super::report::Invariant;
use super::shared::{LateUpload, Shared, lock};
use super::source::Rows;
use crate::domain::id::{ExecutionId, JobId};
use crate::ports::catalog::{Catalog, CatalogError};
use crate::ports::sink::Sink;
use crate::testing::MemorySink;

/// Checks every step of a world.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) shared: Arc<Shared>,
    /// Used for checks only, so faults and planted bugs do not affect it.
    pub(super) catalog: Arc<dyn Catalog>,
    /// The store without faults, but with planted bugs.
    pub(super) sink: Arc<dyn Sink>,
    /// The real contents of the store.
    pub(super) store: MemorySink,
    /// The store without faults and planted bugs.
    pub(super) plain: Arc<dyn Sink>,
    pub(super) rows: Arc<Rows>,
    pub(super) model: Mutex<Model>,
}

/// Completes a call at once, so that nothing happens in between: a step of the catalog is one step of the
/// world. If the catalog works on other threads, this thread waits for them.
pub(super) fn step<T>(call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(futures::task::noop_waker_ref())) {
        Poll::Ready(value) => value,
        Poll::Pending => futures::executor::block_on(call),
    }
}

impl Watch {
    /// Checks the result of a step. The first check that fails ends the world.
    pub(super) fn look(&self, at: impl FnOnce(&mut Model) -> Check) {
        if let Err(Broken(invariant, what)) = at(&mut lock(&self.model)) {
            self.shared.violate(invariant, what);
        }
    }

    /// Reads from the catalog without faults. An error is a violation.
    pub(super) fn read<T>(&self, call: impl Future<Output = Result<T, CatalogError>>) -> Check<T> {
        step(call).map_err(|error| Broken(Invariant::Record, format!("cannot be read: {}", error.report())))
    }

    /// Checks that jobs and executions that a service has acknowledged are on the record (durability).
    pub(super) fn check_promise(&self, job: Option<JobId>, executions: &[ExecutionId]) {
        self.look(|model| {
            job.map_or(Ok(()), |job| model.job(job).map(|_| ()))?;
            executions.iter().try_for_each(|id| model.execution(*id).map(|_| ()))
        });
    }

    /// The number of faults, pauses and crashes so far. A step that takes longer than it should is excused if
    /// this number has grown meanwhile.
    pub(super) fn troubles(&self) -> u64 {
        let mut troubles = 0;
        self.shared.count(|figures| troubles = figures.faults + figures.pauses + figures.crashes);
        troubles
    }
    /// Lets the store finish uploads whose caller is gone. The uploads of a dead engine are orphans, which
    /// the sweep removes. A living worker must wait for the end of each upload that it abandons (rule E8,
    /// invariant I8).
    pub(super) fn land(&self, uploads: &[LateUpload]) {
        for upload in uploads {
            self.shared.count(|figures| figures.late_uploads += 1);
            let life = self.shared.lives.get(upload.place);
            let lives = life.is_some_and(|life| life.is_up() && life.number() == upload.life);
            let undisturbed = self.troubles() == upload.troubles;
            self.look(|_| {
                ensure(!lives || !undisturbed, Invariant::I8, || {
                    format!("{} came into the store after its worker had let it go", upload.key)
                })
            });
            let store = async {
                let mut late = self.plain.begin(&upload.key).await?;
                for bytes in &upload.written {
                    late.write(bytes.clone()).await?;
                }
                late.finish().await
            };
            self.look(|_| match step(store) {
                Ok(_stored) => Ok(()),
                Err(error) => Err(Broken(Invariant::I8, error.report())),
            });
        }
    }
}
