//! The History page: what ran, what waits, what was skipped and why.

use super::ServiceError;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, Owner};
use crate::ports::Ports;
use crate::ports::catalog::query::{ExecutionQuery, Page};

/// The executions of all owners; each call names one.
#[derive(Debug, Clone)]
pub struct History {
    ports: Ports,
}

impl History {
    /// Over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// A page of the owner's executions (rule E9).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(&self, owner: &Owner, query: &ExecutionQuery) -> Result<Page<Execution>, ServiceError> {
        Ok(self.ports.catalog.executions(owner, query).await?)
    }

    /// One execution with its attempts.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], for another owner's execution too (rule J15).
    pub async fn show(&self, owner: &Owner, id: ExecutionId) -> Result<Execution, ServiceError> {
        let found = self.ports.catalog.execution(owner, id).await?;
        found.ok_or_else(|| ServiceError::NotFound { what: "execution", id: id.to_string() })
    }
}
