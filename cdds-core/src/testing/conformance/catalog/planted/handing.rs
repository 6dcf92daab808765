//! Bugs of the copies that are handed over to data subjects.

use std::sync::Arc;

use async_trait::async_trait;

use super::Planted;
use crate::domain::access::audit::AuditRecord;
use crate::domain::job::lifecycle::Submission;
use crate::domain::subject::request::{RequestState, Stage, SubjectRequest};
use crate::domain::subject::{SealedIdentifiers, SubjectTask};
use crate::ports::catalog::{
    Catalog, CatalogError, CatalogLayer, Fence, Publication, SubjectStore, WorkQueue,
};
use crate::testing::MemoryCatalog;

/// A catalog that hands copies over wrongly.
#[derive(Debug)]
pub(super) struct Handing {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Handing {
    /// Returns the request that a publication answers.
    fn answered(&self, publication: &Publication) -> Option<SubjectRequest> {
        let id = publication.request?;
        self.catalog.all_subject_requests().into_iter().find(|request| request.id == id)
    }

    /// Publishes as if the request were as it was when its copy was queued.
    async fn publish_ended(&self, fence: Fence, publication: &Publication, ended: SubjectRequest) -> Stored {
        let sealed = SealedIdentifiers {
            key: match ended.identifiers.first() {
                Some(first) => first.hash.key.clone(),
                None => return self.catalog.publish(fence, publication).await,
            },
            bytes: Vec::new(),
        };
        let stage = Stage::Verified;
        let open = SubjectRequest { state: RequestState::Open { stage, sealed }, ..ended.clone() };
        self.catalog.put_subject_request(open);
        let published = self.catalog.publish(fence, publication).await;
        self.catalog.put_subject_request(ended);
        published
    }
}

#[async_trait]
impl CatalogLayer for Handing {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn hand_over_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        job: &Submission,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Stored {
        let catalog = &self.catalog;
        match self.bug {
            Planted::HandOverLosesJob => {
                catalog.lay_out_subject_request(request, expected, tasks, audit).await
            }
            Planted::HandOverLosesTasks => {
                catalog.hand_over_subject_request(request, expected, job, &[], audit).await
            }
            Planted::HandOverIgnoresVersion => {
                let known = catalog.all_subject_requests().into_iter().find(|known| known.id == request.id);
                let present = known.map_or(expected, |known| known.version);
                catalog.hand_over_subject_request(request, present, job, tasks, audit).await
            }
            Planted::HandOverAuditLost => {
                catalog.hand_over_subject_request(request, expected, job, tasks, &[]).await
            }
            _ => catalog.hand_over_subject_request(request, expected, job, tasks, audit).await,
        }
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Stored {
        let before = self.answered(publication);
        match (self.bug, before) {
            (Planted::PublishLeavesRequest, Some(before)) => {
                let published = self.catalog.publish(fence, publication).await;
                self.catalog.put_subject_request(before);
                published
            }
            (Planted::PublishAnswersEnded, Some(ended)) if !ended.status().is_open() => {
                self.publish_ended(fence, publication, ended).await
            }
            _ => self.catalog.publish(fence, publication).await,
        }
    }
}
