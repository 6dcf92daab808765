//! Probes the destinations of a job that was saved (rule N3).

use std::time::Duration;

use tracing::warn;

use super::Jobs;
use crate::domain::job::Job;
use crate::probe::{probe_all, unchecked};

/// How long the person who saves waits at most.
const PROBE_MAX: Duration = Duration::from_secs(10);

impl Jobs {
    /// Probes the destinations that were not used or checked within a day. Whatever comes of it, the job is saved.
    pub(super) async fn probe_destinations(&self, job: &Job) {
        let named = job.settings.destinations.iter();
        let named = named.filter_map(|one| self.ports.destinations.find(&one.destination, &job.owner));
        match unchecked(&self.ports, named.cloned().collect()).await {
            Ok(destinations) => probe_all(&self.ports, destinations, PROBE_MAX).await,
            Err(error) => warn!("the destinations of a saved job were not probed: {}", error.report()),
        }
    }
}
