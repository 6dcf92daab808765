//! What the console calls.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cdds_core::domain::access::{Action, Principal};
use cdds_core::domain::id::SourceId;
use cdds_core::ports::clock::Clock;
use cdds_core::ports::source::RegisteredSource;
use cdds_core::service::outbox::Outbox;
use cdds_core::service::sources::SourceChecks;
use cdds_core::{Artifacts, Audit, Fleet, History, JobRules, Jobs, Ports, Recipients, ServiceError, Sources};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

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
    /// Who works.
    pub fleet: Fleet,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopped: Stopped,
    pub(crate) checks: SourceChecks,
    sources: Sources,
}

/// Is ready when the service stops.
#[derive(Clone)]
pub(crate) struct Stopped(Shared<BoxFuture<'static, ()>>);

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopped")
    }
}

impl Future for Stopped {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_unpin(context)
    }
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
            fleet: Fleet::new(ports),
            clock: Arc::clone(&ports.clock),
            stopped: Stopped(futures::future::pending().boxed().shared()),
            checks: SourceChecks::new(ports),
            sources: ports.sources.clone(),
        }
    }

    /// Ends the streams that keep pages up to date when `stopped` is ready. A server that waits for its connections
    /// before it stops would wait for them for ever; give it the signal that stops the server.
    #[must_use]
    pub fn until(self, stopped: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { stopped: Stopped(stopped.boxed().shared()), ..self }
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
