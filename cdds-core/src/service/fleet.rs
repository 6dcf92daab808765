//! The Workers page: who works, and who is to claim nothing more.

use super::ServiceError;
use super::access::{check, entry};
use super::error::Entity;
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::WorkerId;
use crate::domain::work::worker::WORKERS_KEPT_MAX;
use crate::ports::Ports;
use crate::ports::catalog::ZoneRecord;
use crate::ports::catalog::query::WorkerOverview;

/// The most workers that a list has.
pub const LISTED_MAX: usize = 200;

/// The workers of the service, which belong to no owner; what they run does (rule E19).
#[derive(Debug, Clone)]
pub struct Fleet {
    ports: Ports,
}

impl Fleet {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Returns the workers, those that have not ended first and then the latest first, up to [`LISTED_MAX`]; each with
    /// what it runs of the principal's owner, and how many executions of others.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`]; otherwise if the catalog cannot be read.
    pub async fn list(&self, by: &Principal) -> Result<Vec<WorkerOverview>, ServiceError> {
        check(&self.ports, by, Action::SeeWorkers, None).await?;
        let now = self.ports.catalog.now().await?;
        Ok(self.ports.catalog.workers(&by.owner, now, LISTED_MAX).await?)
    }

    /// Returns a worker.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Forbidden`]; otherwise if the catalog cannot be read.
    pub async fn show(&self, by: &Principal, worker: &WorkerId) -> Result<WorkerOverview, ServiceError> {
        check(&self.ports, by, Action::SeeWorkers, Some(Object::Worker(worker.clone()))).await?;
        self.find(by, worker).await
    }

    /// Returns by which version of the database of time zones jobs are computed (rule F9); `None` before the first worker.
    /// A worker with an older one ([`WorkerFacts::zones`](crate::domain::work::worker::WorkerFacts)) leaves jobs with a
    /// zone to others.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn zones(&self) -> Result<Option<ZoneRecord>, ServiceError> {
        Ok(self.ports.catalog.zones().await?)
    }

    /// Asks a worker to drain: to end what it holds, and to claim nothing more, until somebody lets it
    /// [`resume`](Self::resume) or it ends (rule E20). It heeds that from its next sign of life on, ten seconds later at
    /// most. Returns it. One that drains already, or has ended, stays as it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Forbidden`]; otherwise if the catalog cannot be written.
    pub async fn drain(&self, by: &Principal, worker: &WorkerId) -> Result<WorkerOverview, ServiceError> {
        self.change(by, worker, (Action::DrainWorker, true)).await
    }

    /// Lets a worker that drains claim again (rule E20). Returns it. One that does not drain stays as it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Forbidden`]; otherwise if the catalog cannot be written.
    pub async fn resume(&self, by: &Principal, worker: &WorkerId) -> Result<WorkerOverview, ServiceError> {
        self.change(by, worker, (Action::ResumeWorker, false)).await
    }

    async fn change(
        &self,
        by: &Principal,
        worker: &WorkerId,
        (action, draining): (Action, bool),
    ) -> Result<WorkerOverview, ServiceError> {
        let object = Object::Worker(worker.clone());
        check(&self.ports, by, action, Some(object.clone())).await?;
        let now = self.ports.catalog.now().await?;
        let entry = entry(&self.ports, by, action, now).with_object(object);
        if self.ports.catalog.drain(worker, draining, &[entry]).await?.is_none() {
            return Err(ServiceError::not_found(Entity::Worker, worker));
        }
        self.find(by, worker).await
    }

    async fn find(&self, by: &Principal, worker: &WorkerId) -> Result<WorkerOverview, ServiceError> {
        let now = self.ports.catalog.now().await?;
        let all = self.ports.catalog.workers(&by.owner, now, WORKERS_KEPT_MAX).await?;
        let found = all.into_iter().find(|one| one.entry.worker == *worker);
        found.ok_or_else(|| ServiceError::not_found(Entity::Worker, worker))
    }
}
