//! Bugs of claims: too much, too early, twice, or out of turn.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Planted;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::{Beginning, Execution, ExecutionState};
use crate::domain::id::WorkerId;
use crate::domain::job::{Job, JobChange};
use crate::ports::catalog::{
    Beat, Catalog, CatalogError, CatalogLayer, Claim, Claimed, ExecutionStore, Fence, JobStore, WorkQueue,
};
use crate::testing::MemoryCatalog;

/// A catalog that claims wrongly.
#[derive(Debug)]
pub(super) struct Claiming {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
}

/// Lets others go first, once.
pub(super) async fn gives_way() {
    let mut waits = true;
    std::future::poll_fn(|context| {
        if std::mem::take(&mut waits) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

impl Claiming {
    fn has(&self, bug: Planted) -> bool {
        self.bug == bug
    }

    fn executions(&self, wanted: impl Fn(&Execution) -> bool) -> Vec<Execution> {
        let mut found = MemoryCatalog::record(&self.catalog);
        found.retain(wanted);
        found
    }

    fn running(&self) -> Vec<Execution> {
        self.executions(|one| one.state == ExecutionState::Running)
    }

    /// Stores an execution in place of its present state.
    async fn replace(&self, before: &Execution, after: &Execution) -> Result<(), CatalogError> {
        self.catalog.change_execution(before, after, &[]).await
    }

    /// Gives every claim but those of `spared` a lease of this length from now on.
    async fn leases(&self, length: Duration, spared: Option<&WorkerId>) -> Result<(), CatalogError> {
        for one in self.running() {
            let Some(attempt) = one.attempts.last().filter(|attempt| spared != Some(&attempt.worker)) else {
                continue;
            };
            let beat = Beat { fence: one.fence(), progress: one.progress };
            self.catalog.beat(&attempt.worker, length, &[beat]).await?;
        }
        Ok(())
    }

    /// Makes the claim that this bug makes instead of the one that was asked for.
    async fn prepared(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Claim, CatalogError> {
        let mut claim = claim.clone();
        match self.bug {
            Planted::ClaimsForgetTurns => self.catalog.forget_turns(),
            Planted::ClaimsIgnoreLimit => claim.limit += 1,
            Planted::ClaimsIgnoreSourceLimits => claim.source_limits.clear(),
            Planted::SourceLimitsPerClaim => {
                let running = self.running();
                for (source, limit) in &mut claim.source_limits {
                    let reading = running.iter().filter(|one| one.settings.source == *source).count();
                    *limit = limit.saturating_add(u32::try_from(reading).unwrap_or(u32::MAX));
                }
            }
            Planted::ClaimsIgnoreHolding => claim.holding.clear(),
            Planted::ClaimsTrustHolding => {
                for one in self.running().iter().filter(|one| claim.holding.contains(&one.fence())) {
                    let Some(attempt) = one.attempts.last() else { continue };
                    let beat = Beat { fence: one.fence(), progress: one.progress };
                    self.catalog.beat(&attempt.worker, claim.lease, &[beat]).await?;
                }
            }
            Planted::ClaimsTakeLive => self.leases(Duration::ZERO, Some(&claim.worker)).await?,
            Planted::ClaimsNeverTakeOver => self.leases(claim.lease, None).await?,
            Planted::ClaimsTooEarly => {
                for one in self.executions(|one| one.state == ExecutionState::Queued && one.not_before > now)
                {
                    self.replace(&one, &Execution { not_before: now, ..one.clone() }).await?;
                }
            }
            Planted::ClaimsRace => {
                let before = self.catalog.back_up();
                gives_way().await;
                self.catalog.restore(&before);
            }
            _ => {}
        }
        Ok(claim)
    }

    /// Begins the newest execution of an owner who has several, in place of the oldest.
    async fn newest(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Option<Execution>, CatalogError> {
        let waiting = self.executions(|one| one.is_waiting() && one.not_before <= now);
        let newest = waiting.iter().max_by_key(|one| one.place());
        let has_older = |one: &&Execution| {
            waiting.iter().any(|other| other.owner == one.owner && other.place() < one.place())
        };
        match newest.filter(has_older) {
            Some(newest) if claim.limit > 0 => self.begins(claim, newest, now).await,
            _ => Ok(None),
        }
    }

    /// Begins an execution of a job of which another one blocks it.
    async fn blocked(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
        blocks: impl Fn(&Execution) -> bool,
    ) -> Result<Option<Execution>, CatalogError> {
        let blocking = self.executions(blocks);
        let is_blocked = |one: &Execution| blocking.iter().any(|other| other.job_id == one.job_id);
        let waiting = self.executions(|one| one.is_waiting() && one.not_before <= now && is_blocked(one));
        match waiting.first() {
            Some(waiting) => self.begins(claim, waiting, now).await,
            None => Ok(None),
        }
    }

    async fn begins(
        &self,
        claim: &Claim,
        waiting: &Execution,
        now: DateTime<Utc>,
    ) -> Result<Option<Execution>, CatalogError> {
        let jobs = self.catalog.all_jobs();
        let Some(job) = jobs.into_iter().find(|job| job.id == waiting.job_id) else { return Ok(None) };
        match waiting.clone().begin(&job, claim.worker.clone(), claim.nonce, now) {
            Beginning::Running(begun) => {
                let change =
                    JobChange { edited: vec![begun.clone()], ..JobChange::of(Job { ..job.clone() }) };
                self.catalog.change_job(&change, job.revision, &[]).await?;
                Ok(Some(begun))
            }
            Beginning::Covered(_) => Ok(None),
        }
    }

    /// Gives a claim that was taken over the epoch or the nonce of the one before.
    async fn repeats(&self, claimed: &mut Claimed) -> Result<(), CatalogError> {
        for one in &mut claimed.executions {
            let before = one.clone();
            let [.., earlier, last] = one.attempts.as_mut_slice() else { continue };
            match self.bug {
                Planted::TakeOverKeepsEpoch => {
                    last.epoch = earlier.epoch;
                    one.epoch = earlier.epoch;
                }
                Planted::TakeOverKeepsNonce => last.nonce = earlier.nonce,
                _ => continue,
            }
            self.replace(&before, one).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl CatalogLayer for Claiming {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let now = self.catalog.now().await?;
        let wrongly = match self.bug {
            Planted::ClaimsNewestFirst => self.newest(claim, now).await?,
            Planted::ClaimsJobTwice => {
                self.blocked(claim, now, |one| one.state == ExecutionState::Running).await?
            }
            Planted::RetriesOvertaken => {
                self.blocked(claim, now, |one| one.is_begun() && one.state == ExecutionState::Queued).await?
            }
            _ => None,
        };
        if let Some(begun) = wrongly {
            return Ok(Claimed { executions: vec![begun], ..Claimed::default() });
        }
        if self.has(Planted::ClaimsTooLate)
            && self.executions(|one| one.not_before == now).iter().any(Execution::is_open)
        {
            return Ok(Claimed::default());
        }
        let claim = self.prepared(claim, now).await?;
        let mut claimed = self.catalog.claim(&claim).await?;
        self.repeats(&mut claimed).await?;
        if self.has(Planted::GivenUpUntold) {
            claimed.given_up.clear();
        }
        Ok(claimed)
    }

    async fn begin(
        &self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError> {
        let known = self.executions(|one| one.fence() == fence && one.state == ExecutionState::Running).pop();
        match (self.bug, known) {
            (Planted::BeginStoresNothing, Some(known)) => {
                let now = self.catalog.now().await?;
                let policy = known.settings.policies.incomplete;
                Ok(known.freeze(policy, complete_until, now))
            }
            (Planted::BeginFreezesAgain, Some(mut known)) if known.is_frozen() => {
                known.completeness.frozen_at = None;
                let now = self.catalog.now().await?;
                let policy = known.settings.policies.incomplete;
                Ok(known.freeze(policy, complete_until, now))
            }
            (Planted::HeldRunsOn, Some(known)) => match self.catalog.begin(fence, complete_until).await? {
                Frozen::Held(_) => Ok(Frozen::Running(known)),
                running => Ok(running),
            },
            _ => self.catalog.begin(fence, complete_until).await,
        }
    }
}
