//! Whether sets have arrived where their jobs deliver them, for all rows of a page at once.

use std::collections::BTreeMap;

use cdds_core::domain::delivery::Delivery;
use cdds_core::ports::catalog::query::DeliveryQuery;
use cdds_core::{ExecutionId, Principal, ServiceError};
use cdds_view::{DeliveryState, ExecutionView};

use crate::Services;

/// The deliveries of some executions.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(BTreeMap<ExecutionId, Vec<Delivery>>);

impl Arrivals {
    /// Looks up the deliveries of these executions, which belong to one page.
    pub(crate) async fn of(
        services: &Services,
        by: &Principal,
        executions: impl IntoIterator<Item = ExecutionId>,
    ) -> Result<Self, ServiceError> {
        let ids: Vec<ExecutionId> = executions.into_iter().collect();
        let mut found = BTreeMap::<_, Vec<_>>::new();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let mut query = DeliveryQuery::default().with_executions(ids);
        loop {
            // One page of it, unless sets went to very many places.
            let page = services.deliveries.list(by, &query).await?;
            for delivery in page.items {
                found.entry(delivery.execution_id).or_default().push(delivery);
            }
            match page.next {
                Some(next) => query.slice.after = Some(next),
                None => return Ok(Self(found)),
            }
        }
    }

    /// Returns the deliveries of an execution's set.
    pub(crate) fn of_set(&self, execution: ExecutionId) -> &[Delivery] {
        self.0.get(&execution).map_or(&[], Vec::as_slice)
    }

    /// Returns where the deliveries of an execution's set stand together; `None` if there are none.
    pub(crate) fn state(&self, execution: ExecutionId) -> Option<DeliveryState> {
        DeliveryState::of_all(self.of_set(execution))
    }

    /// Says in a view of an execution where its deliveries stand.
    pub(crate) fn told(&self, view: ExecutionView) -> ExecutionView {
        let id = view.id;
        view.with_deliveries(self.of_set(id))
    }
}
