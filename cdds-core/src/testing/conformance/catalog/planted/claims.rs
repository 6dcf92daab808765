//! Bugs that do not look at the claim.

use std::time::Duration;

use chrono::TimeDelta;

use super::Planted;
use super::layer::Layer;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::WorkerId;
use crate::ports::catalog::{
    Beat, CatalogError, CatalogErrorKind, Directive, ExecutionStore, Fence, Publication, Settlement,
    Standing, WorkQueue, Writer,
};

impl Layer {
    /// Returns the present claim of the execution if this bug does not compare epochs.
    pub(super) fn present(&self, bug: Planted, fence: Fence) -> Fence {
        match self.has(bug) {
            true => self.known(fence.id).map_or(fence, |known| known.fence()),
            false => fence,
        }
    }

    pub(super) async fn publishes(
        &self,
        fence: Fence,
        publication: &Publication,
    ) -> Result<(), CatalogError> {
        let known = self.known(fence.id);
        let nonce = known.as_ref().and_then(|known| known.writer().nonce);
        let ignoring_nonce = Publication { nonce, ..publication.clone() };
        let present = self.present(self.bug, fence);
        match (self.bug, known) {
            (Planted::PublishIgnoresEpoch, _) => self.catalog.publish(present, publication).await,
            (Planted::PublishIgnoresNonce, _) => self.catalog.publish(fence, &ignoring_nonce).await,
            (Planted::PublishIgnoresClaim, _) => self.catalog.publish(present, &ignoring_nonce).await,
            (Planted::PublishesSettled, Some(known)) if known.state != ExecutionState::Running => {
                self.runs_again(&known).await?;
                self.catalog.publish(fence, publication).await
            }
            (Planted::PublishOvertakesCancel, Some(known)) if known.cancel_requested_at.is_some() => {
                let unasked = Execution { cancel_requested_at: None, ..known.clone() };
                self.catalog.change_execution(&known, &unasked, &[]).await?;
                self.catalog.publish(fence, publication).await
            }
            (Planted::LateClaimsEnd, Some(known)) => {
                let begun = known.attempts.last().map(|attempt| attempt.started_at);
                let now = self.catalog.now().await?;
                if begun.is_some_and(|begun| now - begun > TimeDelta::minutes(1)) {
                    return Err(CatalogError::new(CatalogErrorKind::Fenced, "a planted bug"));
                }
                self.catalog.publish(fence, publication).await
            }
            _ => self.catalog.publish(fence, publication).await,
        }
    }

    /// Lets an execution run that does not.
    async fn runs_again(&self, known: &Execution) -> Result<(), CatalogError> {
        let runs = Execution { state: ExecutionState::Running, finished_at: None, ..known.clone() };
        self.catalog.change_execution(known, &runs, &[]).await
    }

    pub(super) async fn settles(
        &self,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Execution, CatalogError> {
        let known = self.known(fence.id);
        let ended = known.filter(|known| known.state != ExecutionState::Running);
        if let Some(ended) = ended.filter(|_| self.has(Planted::SettlesPublished)) {
            self.runs_again(&ended).await?;
        }
        let fence = self.present(Planted::SettleIgnoresEpoch, fence);
        self.catalog.settle(fence, settlement).await
    }

    pub(super) async fn beats(
        &self,
        worker: &WorkerId,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let mut beats = beats.to_vec();
        let mut worker = worker.clone();
        for beat in &mut beats {
            let Some(known) = self.known(beat.fence.id) else { continue };
            match self.bug {
                Planted::BeatIgnoresEpoch => beat.fence = known.fence(),
                Planted::BeatLosesProgress => beat.progress = known.progress,
                Planted::BeatIgnoresWorker => {
                    worker = known.attempts.last().map_or(worker, |attempt| attempt.worker.clone());
                }
                _ => {}
            }
        }
        if self.has(Planted::BeatRenewsNothing) {
            return Ok(beats.iter().map(|beat| self.heard(&worker, beat)).collect());
        }
        let mut directives = self.catalog.beat(&worker, lease, &beats).await?;
        if self.has(Planted::BeatsOutOfOrder) {
            directives.reverse();
        }
        if self.has(Planted::CancelUntold) {
            for directive in directives.iter_mut().filter(|one| **one == Directive::Cancel) {
                *directive = Directive::Continue;
            }
        }
        Ok(directives)
    }

    /// Answers a beat without storing anything.
    fn heard(&self, worker: &WorkerId, beat: &Beat) -> Directive {
        let runs = |known: &Execution| {
            let of_worker = known.attempts.last().is_some_and(|attempt| attempt.worker == *worker);
            known.state == ExecutionState::Running && known.fence() == beat.fence && of_worker
        };
        match self.known(beat.fence.id).filter(runs) {
            Some(known) if known.cancel_requested_at.is_some() => Directive::Cancel,
            Some(_) => Directive::Continue,
            None => Directive::Fenced,
        }
    }

    pub(super) async fn stands(&self, mut writer: Writer) -> Result<Standing, CatalogError> {
        if let Some(known) = self.known(writer.fence.id) {
            let of = |same: &dyn Fn(&Writer) -> bool| {
                let claims = known.attempts.iter().map(|attempt| Writer {
                    fence: Fence { id: known.id, epoch: attempt.epoch },
                    nonce: attempt.nonce,
                });
                claims.filter(|claim| same(claim)).last()
            };
            let found = match self.bug {
                Planted::StandingIgnoresEpoch => of(&|claim| claim.nonce == writer.nonce),
                Planted::StandingIgnoresNonce => of(&|claim| claim.fence == writer.fence),
                _ => None,
            };
            writer = found.unwrap_or(writer);
            let now = self.catalog.now().await?;
            let is_deleted = self.catalog.execution(&known.owner, known.id, now).await?.is_none();
            if self.has(Planted::DeletedStandsUnknown) && is_deleted {
                return Ok(Standing::Unknown);
            }
        }
        self.catalog.standing(writer).await
    }
}
