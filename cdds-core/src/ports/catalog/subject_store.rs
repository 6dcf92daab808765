//! The requests of data subjects.

use std::fmt::Debug;

use async_trait::async_trait;

use super::CatalogError;
use super::query::{Page, SubjectRequestQuery};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::subject::request::SubjectRequest;

/// Stores the requests of data subjects (rules D2 to D8).
///
/// What a request [seals](SubjectRequest::sealed) is stored with it while it is open. A change that ends the request takes
/// it away for good: afterwards nothing of it is in what the catalog itself keeps on disk, as far as its database lets it
/// (rule D6). Requests are never forgotten: a ledger of erasures is needed for as long as there are backups.
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait SubjectStore: Debug + Send + Sync {
    /// Stores a new request, unless it repeats an open one ([`SubjectRequest::is_repeated_by`]; rule D8). Then nothing is
    /// stored, also none of the entries of the audit, and the open one's id is returned: of several, that of the one that
    /// was received first.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if its id is already on record.
    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Result<Option<SubjectRequestId>, CatalogError>;

    /// Replaces a request of its owner by a later state of it, if it has still the version `expected`.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the owner has no such request, or another
    /// version of it is stored by now.
    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Returns a request of this owner; `None` if there is no such request.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn subject_request(
        &self,
        owner: &Owner,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequest>, CatalogError>;

    /// Returns a page of the owner's requests.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, CatalogError>;
}
