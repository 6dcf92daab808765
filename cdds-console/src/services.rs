//! What the console calls.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cdds_core::domain::access::{Action, Principal};
use cdds_core::domain::id::SourceId;
use cdds_core::domain::subject::request::SubjectRequest;
use cdds_core::ports::clock::Clock;
use cdds_core::ports::source::RegisteredSource;
use cdds_core::service::copies::Copies;
use cdds_core::service::deliveries::Deliveries;
use cdds_core::service::outbox::Outbox;
use cdds_core::service::sources::SourceChecks;
use cdds_core::service::subscribers::Subscribers;
use cdds_core::{
    ArtifactId, Artifacts, Audit, DownloadLink, Fleet, History, JobRules, Jobs, LinkLifetime, Ports,
    Recipients, ServiceError, Sources, Subjects,
};
use cdds_view::SubjectRequestView;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http::{HeaderMap, Method, header};

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
    /// Destinations, and deliveries to them.
    pub deliveries: Deliveries,
    /// Notices.
    pub outbox: Outbox,
    /// Endpoints, and tests of subscribers.
    pub subscribers: Subscribers,
    /// Who changed and downloaded what.
    pub audit: Audit,
    /// Requests of data subjects.
    pub subjects: Subjects,
    /// The copies that exports have made of a data subject's records.
    pub copies: Copies,
    /// Who works.
    pub fleet: Fleet,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopped: Stopped,
    pub(crate) checks: SourceChecks,
    sources: Sources,
    links: Option<LinkLifetime>,
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
            deliveries: Deliveries::new(ports),
            outbox: Outbox::new(ports),
            subscribers: Subscribers::new(ports),
            audit: Audit::new(ports),
            subjects: Subjects::new(ports),
            copies: Copies::new(ports),
            fleet: Fleet::new(ports),
            clock: Arc::clone(&ports.clock),
            stopped: Stopped(futures::future::pending().boxed().shared()),
            checks: SourceChecks::new(ports),
            sources: ports.sources.clone(),
            links: None,
        }
    }

    /// Ends the streams that keep pages up to date when `stopped` is ready. A server that waits for its connections
    /// before it stops would wait for them for ever; give it the signal that stops the server.
    #[must_use]
    pub fn until(self, stopped: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { stopped: Stopped(stopped.boxed().shared()), ..self }
    }

    /// Answers downloads of artifacts by links to the store, which last so long, where the store gives links
    /// ([`Artifacts::link`], rule C3): a GET request is sent on by status 307, one for a range, too. What a HEAD request
    /// or one with `If-None-Match` asks for is told here, and so are manifests and signatures, which are small. Without
    /// this, and by default, all bytes come from here.
    ///
    /// Whoever has a link can fetch the file until it expires, without signing in. The audit says that a link was handed
    /// out (`linked`) and not what was fetched, downloads are not counted, and only the client compares the digest.
    ///
    /// The store must be reachable for the users, and be one that gives links: a bucket of S3 or Google Cloud Storage.
    /// `cdds serve` calls this if `store.links` says so.
    #[must_use]
    pub fn with_links(self, lifetime: LinkLifetime) -> Self {
        Self { links: Some(lifetime), ..self }
    }

    /// Returns a link in answer to a request for an artifact, if there is to be one.
    pub(crate) async fn link(
        &self,
        by: &Principal,
        id: ArtifactId,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<DownloadLink>, ServiceError> {
        match self.links {
            Some(lifetime) if *method == Method::GET && !headers.contains_key(header::IF_NONE_MATCH) => {
                self.artifacts.link(by, id, lifetime).await
            }
            _ => Ok(None),
        }
    }

    /// Returns the view of a request of a data subject, with how its copy and its erasure stand.
    pub(crate) async fn subject_request(
        &self,
        by: &Principal,
        request: &SubjectRequest,
    ) -> Result<SubjectRequestView, ServiceError> {
        let tasks = self.subjects.tasks(by, request.id).await?;
        let missing = self.subjects.missing_key(request);
        let export = self.subjects.export(by, request.id).await?;
        let view = SubjectRequestView::new(request, self.jobs.now().await?);
        Ok(view.with_export(export.as_ref()).with_erasures(&tasks, missing.as_ref()))
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
