//! Everything that is done to the record passes here, one step at a time, and is compared with what is known: what
//! people and the schedule ask for in [`asked`](super::asked), the work of the engines in [`claims`](super::claims),
//! what becomes of sets in [`sets`](super::sets).

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

/// Looks on.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) shared: Arc<Shared>,
    /// To look things up; nobody else uses it.
    pub(super) catalog: Arc<dyn Catalog>,
    /// The store without faults, as the engines know it.
    pub(super) sink: Arc<dyn Sink>,
    /// What it really holds.
    pub(super) store: MemorySink,
    pub(super) rows: Arc<Rows>,
    pub(super) model: Mutex<Model>,
}

/// Waits for a call here and now, so that nothing happens in between: a step of the catalog is one step of the
/// world. A catalog may do its work on other threads.
pub(super) fn step<T>(call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(futures::task::noop_waker_ref())) {
        Poll::Ready(value) => value,
        Poll::Pending => futures::executor::block_on(call),
    }
}

impl Watch {
    /// Looks at what a step did; the first check that breaks ends the world.
    pub(super) fn look(&self, at: impl FnOnce(&mut Model) -> Check) {
        if let Err(Broken(invariant, what)) = at(&mut lock(&self.model)) {
            self.shared.violate(invariant, what);
        }
    }

    /// Reads without faults. A catalog that cannot be read is broken.
    pub(super) fn read<T>(&self, call: impl Future<Output = Result<T, CatalogError>>) -> Check<T> {
        step(call).map_err(|error| Broken(Invariant::Record, format!("cannot be read: {}", error.report())))
    }

    /// The jobs and executions that somebody asked for and was promised are there (durability).
    pub(super) fn check_promise(&self, job: Option<JobId>, executions: &[ExecutionId]) {
        self.look(|model| {
            job.map_or(Ok(()), |job| model.job(job).map(|_| ()))?;
            executions.iter().try_for_each(|id| model.execution(*id).map(|_| ()))
        });
    }

    /// What has gone wrong so far, beside errors: whatever takes longer than it should has a reason.
    pub(super) fn troubles(&self) -> u64 {
        let mut troubles = 0;
        self.shared.count(|figures| troubles = figures.faults + figures.pauses + figures.crashes);
        troubles
    }
    /// The store finishes uploads that nobody waits for. Those of the dead are orphans, which the sweep removes; a
    /// worker that lives lets none go without waiting for its end (rule E8, invariant I8).
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
                let mut late = self.store.begin(&upload.key).await?;
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
