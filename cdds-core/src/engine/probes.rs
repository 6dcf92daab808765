//! Checks destinations once a day, beside the exports (rule N3).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::EngineError;
use super::worker::Shared;
use crate::probe::{due, probe_all};

/// How often it looks whether a check is due.
const LOOK: Duration = Duration::from_secs(300);
/// How long a check may take.
const PROBE_MAX: Duration = Duration::from_secs(120);

impl Shared {
    /// Returns the check of all destinations that are due, unless one is under way or it looked a moment ago. Several
    /// workers may do the same check, which does no harm: the first of them to end puts it off for the others by a day.
    pub(super) async fn due_probes(
        self: &Arc<Self>,
        under_way: usize,
    ) -> Result<Vec<BoxFuture<'static, ()>>, EngineError> {
        let now = self.ports.clock.monotonic();
        {
            let mut looked = self.looked_for_probes.lock().unwrap_or_else(PoisonError::into_inner);
            let is_early = looked.is_some_and(|at| now.saturating_sub(at) < LOOK);
            if under_way > 0 || is_early || self.ports.destinations.is_empty() {
                return Ok(Vec::new());
            }
            *looked = Some(now);
        }
        let destinations = due(&self.ports).await?;
        if destinations.is_empty() {
            return Ok(Vec::new());
        }
        let shared = Arc::clone(self);
        let check = async move { probe_all(&shared.ports, destinations, PROBE_MAX).await };
        Ok(vec![check.boxed()])
    }
}
