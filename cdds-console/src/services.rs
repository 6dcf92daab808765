//! What the console calls.

use cdds_core::domain::access::{Action, Principal};
use cdds_core::domain::id::SourceId;
use cdds_core::ports::source::RegisteredSource;
use cdds_core::service::outbox::Outbox;
use cdds_core::{Artifacts, Audit, History, JobRules, Jobs, Ports, Recipients, ServiceError, Sources};

/// The services of the core behind the console. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Services {
    /// Jobs, their settings and their schedule.
    pub jobs: Jobs,
    /// Executions.
    pub history: History,
    /// Stored files.
    pub artifacts: Artifacts,
    /// Certificates.
    pub recipients: Recipients,
    /// Notices.
    pub outbox: Outbox,
    /// Who changed and downloaded what.
    pub audit: Audit,
    sources: Sources,
}

impl Services {
    /// Creates the services over these ports. The rules are those of the host's own [`Jobs`], so that both refuse the
    /// same.
    pub fn new(ports: &Ports, rules: JobRules) -> Self {
        Self {
            jobs: Jobs::new(ports, rules),
            history: History::new(ports),
            artifacts: Artifacts::new(ports),
            recipients: Recipients::new(ports),
            outbox: Outbox::new(ports),
            audit: Audit::new(ports),
            sources: ports.sources.clone(),
        }
    }

    /// Returns the sources that the principal's owner sees, by their ids.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a principal that may not see.
    pub(crate) fn sources(&self, by: &Principal) -> Result<Vec<(SourceId, RegisteredSource)>, ServiceError> {
        by.check(Action::See)?;
        let seen = self.sources.for_owner(&by.owner);
        Ok(seen.iter().map(|(id, source)| (id.clone(), source.clone())).collect())
    }
}
