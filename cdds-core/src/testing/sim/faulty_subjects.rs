//! Requests of data subjects, of which there are none in these worlds.

use async_trait::async_trait;

use super::faulty_catalog::FaultyCatalog;
use super::watch::step;
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::subject::request::SubjectRequest;
use crate::ports::catalog::query::{Page, SubjectRequestQuery};
use crate::ports::catalog::{CatalogError, SubjectStore};

#[async_trait]
impl SubjectStore for FaultyCatalog {
    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Result<Option<SubjectRequestId>, CatalogError> {
        step(self.catalog.inner.insert_subject_request(request, audit))
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.change_subject_request(request, expected, audit))
    }

    async fn subject_request(
        &self,
        owner: &Owner,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequest>, CatalogError> {
        step(self.catalog.inner.subject_request(owner, id))
    }

    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, CatalogError> {
        step(self.catalog.inner.subject_requests(owner, query))
    }
}
