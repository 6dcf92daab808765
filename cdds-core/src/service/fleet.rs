//! The Workers page: who works.

use super::ServiceError;
use super::access::check;
use crate::domain::access::{Action, Principal};
use crate::ports::Ports;
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
}
