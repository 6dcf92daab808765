//! Bugs of the requests of data subjects.

use std::sync::Arc;

use async_trait::async_trait;

use super::Planted;
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::subject::request::SubjectRequest;
use crate::ports::catalog::query::{Page, SubjectRequestQuery};
use crate::ports::catalog::{AuditStore, Catalog, CatalogError, CatalogLayer, SubjectStore};
use crate::testing::MemoryCatalog;

/// A catalog that keeps requests wrongly.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Asking {
    /// Returns a request of any owner.
    fn known(&self, id: SubjectRequestId) -> Option<SubjectRequest> {
        self.catalog.all_subject_requests().into_iter().find(|request| request.id == id)
    }
}

#[async_trait]
impl CatalogLayer for Asking {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Stored<Option<SubjectRequestId>> {
        match self.bug {
            Planted::SubjectInsertReplaces if self.known(request.id).is_some() => {
                self.catalog.put_subject_request(request.clone());
                Ok(None)
            }
            Planted::SubjectRepeatsUnseen => {
                // By another person's hash it repeats nothing, and is then corrected.
                let mut unlike = request.clone();
                unlike.identifiers.clear();
                let repeated = self.catalog.insert_subject_request(&unlike, audit).await?;
                self.catalog.put_subject_request(request.clone());
                Ok(repeated)
            }
            Planted::SubjectRepeatsEnded => {
                let like = |known: &SubjectRequest| {
                    known.owner == request.owner && known.identifiers == request.identifiers
                };
                match self.catalog.all_subject_requests().into_iter().find(like) {
                    Some(known) => Ok(Some(known.id)),
                    None => self.catalog.insert_subject_request(request, audit).await,
                }
            }
            Planted::SubjectRepeatAudited => {
                let repeated = self.catalog.insert_subject_request(request, audit).await?;
                if repeated.is_some() {
                    for entry in audit {
                        self.catalog.record(entry).await?;
                    }
                }
                Ok(repeated)
            }
            Planted::SubjectAuditLost => self.catalog.insert_subject_request(request, &[]).await,
            _ => self.catalog.insert_subject_request(request, audit).await,
        }
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Stored {
        let known = self.known(request.id);
        match (self.bug, known) {
            (Planted::SubjectChangeIgnoresVersion, Some(known)) => {
                self.catalog.change_subject_request(request, known.version, audit).await
            }
            (Planted::SubjectChangesOfAnyone, Some(known)) => {
                let request = SubjectRequest { owner: known.owner, ..request.clone() };
                self.catalog.change_subject_request(&request, expected, audit).await
            }
            (Planted::SubjectChangeAuditLost, _) => {
                self.catalog.change_subject_request(request, expected, &[]).await
            }
            (Planted::SubjectChangeKeepsDue, Some(known)) => {
                let request = SubjectRequest { due_at: known.due_at, ..request.clone() };
                self.catalog.change_subject_request(&request, expected, audit).await
            }
            _ => self.catalog.change_subject_request(request, expected, audit).await,
        }
    }

    async fn subject_request(&self, owner: &Owner, id: SubjectRequestId) -> Stored<Option<SubjectRequest>> {
        match self.bug {
            Planted::SubjectOfAnyone => Ok(self.known(id)),
            _ => self.catalog.subject_request(owner, id).await,
        }
    }

    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Stored<Page<SubjectRequest>> {
        let mut query = query.clone();
        match self.bug {
            Planted::SubjectsIgnoreIdBeginning => query.id_begins = None,
            Planted::SubjectsIgnoreStatus => query.status = None,
            Planted::SubjectsIgnoreOpen => query.open = None,
            Planted::SubjectsIgnoreKind => query.kind = None,
            Planted::SubjectsIgnoreDirection => query.sort.descending = true,
            _ => {}
        }
        let mut page = self.catalog.subject_requests(owner, &query).await?;
        if self.bug == Planted::SubjectsOfAnyone {
            let others = self.catalog.all_subject_requests().into_iter();
            page.items.extend(others.filter(|request| request.owner != *owner));
        }
        Ok(page)
    }
}
