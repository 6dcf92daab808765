//! Where the workers of an execution ran.

use cdds_core::domain::access::Action;
use cdds_core::domain::execution::Attempt;
use cdds_core::domain::id::WorkerId;
use cdds_core::{Principal, ServiceError};
use cdds_view::WorkerView;
use maud::{Markup, html};

use crate::Services;
use crate::texts::execution as said;
use crate::visit::Visit;

/// The machine and process of each worker on record. People cannot tell a worker by its id.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(WorkerId, String)>);

impl Places {
    /// Looks up the workers of these attempts, for those who may see workers.
    pub(super) async fn of(
        services: &Services,
        by: &Principal,
        attempts: &[Attempt],
    ) -> Result<Self, ServiceError> {
        if attempts.is_empty() || by.check(Action::SeeWorkers).is_err() {
            return Ok(Self::default());
        }
        let known = services.fleet.list(by).await?.into_iter().map(WorkerView::from);
        let ours = known.filter(|worker| attempts.iter().any(|attempt| attempt.worker == worker.id));
        let placed = ours.map(|worker| (worker.id.clone(), worker.place()));
        Ok(Self(placed.filter(|(_, place)| !place.is_empty()).collect()))
    }

    /// Says which worker it was: `host, process 7`, or its id where no more is known.
    pub(super) fn told(&self, worker: &WorkerId) -> String {
        match self.0.iter().find(|(known, _)| known == worker) {
            Some((_, place)) => format!("{} {place}", said::ON),
            None => format!("{} {worker}", said::WORKER),
        }
    }

    /// Says the same, as a link to the workers if it is one of them.
    pub(super) fn linked(&self, visit: &Visit, worker: &WorkerId) -> Markup {
        let is_known = self.0.iter().any(|(known, _)| known == worker);
        html! {
            @if is_known { a href=(visit.to("workers")) { (self.told(worker)) } } @else { (self.told(worker)) }
        }
    }
}
