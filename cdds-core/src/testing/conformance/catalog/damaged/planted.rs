//! A catalog in memory whose rows can be damaged, and the mistakes that one could make about them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Clause, Row};
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::id::{ExecutionId, JobId, Owner};
use crate::domain::notice::Notice;
use crate::ports::catalog::query::{ExecutionOverview, JobOverview};
use crate::ports::catalog::{
    Catalog, CatalogError, CatalogErrorKind, CatalogLayer, Claim, Claimed, DueJob, Layered, NoticeClaim,
};
use crate::testing::MemoryCatalog;

planted! {
    /// A mistake about rows that cannot be decoded.
    enum Planted;
    /// No job is due while one of those that are due is damaged.
    DueFails => JobPassedOver,
    /// A damaged job is due.
    DueGivesAll => JobPassedOver,
    /// Nothing is claimed while one of those that are next is damaged.
    ClaimFails => ExecutionPassedOver,
    /// A damaged execution is claimed.
    ClaimGivesAll => ExecutionPassedOver,
    /// No notice is handed out while one of those that are due is damaged.
    NoticesFail => NoticePassedOver,
    /// A damaged notice is handed out.
    NoticesGiveAll => NoticePassedOver,
    /// A damaged job is missing.
    JobMissing => AskedForIsCorrupt,
    /// A damaged execution is missing.
    ExecutionMissing => AskedForIsCorrupt,
}

/// A catalog in memory whose rows can be marked as damaged. It passes them over, unless a bug is planted.
#[derive(Debug, Clone)]
pub struct Damageable {
    catalog: Arc<MemoryCatalog>,
    damaged: Arc<Mutex<BTreeSet<Uuid>>>,
    bug: Option<Planted>,
}

impl Damageable {
    /// Puts it in front of a catalog.
    pub fn over(catalog: Arc<MemoryCatalog>, bug: Option<Planted>) -> Self {
        Self { catalog, damaged: Arc::default(), bug }
    }

    /// Returns the catalog.
    pub fn catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(Layered(self.clone()))
    }

    /// Marks a row as damaged.
    pub fn damage(&self, row: Row) {
        let id = match row {
            Row::Job(id) => id.0,
            Row::Execution(id) => id.0,
            Row::Notice(id) => id.0,
        };
        self.marked().insert(id);
    }

    fn marked(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, bug: Planted) -> bool {
        self.bug == Some(bug)
    }

    /// Takes the damaged rows out, unless one of two bugs is planted.
    fn passed_over<T>(
        &self,
        (fails, gives_all): (Planted, Planted),
        mut rows: Vec<T>,
        limit: usize,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Vec<T>, CatalogError> {
        let marked = self.marked();
        if self.has(fails) && rows.iter().any(|row| marked.contains(&id(row))) {
            return Err(damaged());
        }
        rows.retain(|row| self.has(gives_all) || !marked.contains(&id(row)));
        rows.truncate(limit);
        Ok(rows)
    }
}

fn damaged() -> CatalogError {
    CatalogError::new(CatalogErrorKind::Corrupt, "a row is damaged")
}

#[async_trait]
impl CatalogLayer for Damageable {
    fn inner(&self) -> &dyn Catalog {
        &*self.catalog
    }

    async fn due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
        clocks: Clocks,
    ) -> Result<Vec<DueJob>, CatalogError> {
        let all = self.inner().due(now, usize::MAX, clocks).await?;
        self.passed_over((Planted::DueFails, Planted::DueGivesAll), all, limit, |due| due.job.id.0)
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let (bugs, limit) = ((Planted::ClaimFails, Planted::ClaimGivesAll), claim.limit);
        let mut wide = claim.clone();
        wide.limit = limit.saturating_add(self.marked().len());
        let mut claimed = self.inner().claim(&wide).await?;
        claimed.executions = self.passed_over(bugs, claimed.executions, limit, |one| one.id.0)?;
        Ok(claimed)
    }

    async fn claim_notices(&self, claim: &NoticeClaim) -> Result<Vec<Notice>, CatalogError> {
        let bugs = (Planted::NoticesFail, Planted::NoticesGiveAll);
        let all = self.inner().claim_notices(claim).await?;
        self.passed_over(bugs, all, claim.limit, |notice| notice.work.id.0)
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
        match self.marked().contains(&id.0) {
            true if self.has(Planted::JobMissing) => return Ok(None),
            true => return Err(damaged()),
            false => {}
        }
        self.inner().job(owner, id).await
    }

    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ExecutionOverview>, CatalogError> {
        match self.marked().contains(&id.0) {
            true if self.has(Planted::ExecutionMissing) => return Ok(None),
            true => return Err(damaged()),
            false => {}
        }
        self.inner().execution(owner, id, now).await
    }
}
