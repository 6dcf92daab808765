//! The record of who did what.

use std::fmt::Debug;

use async_trait::async_trait;

use super::CatalogError;
use super::query::{AuditQuery, Page};
use crate::domain::access::audit::AuditRecord;
use crate::domain::access::download::DownloadEnd;
use crate::domain::id::{AuditId, Owner};

/// Stores the audit (rules C2, C3).
///
/// The entry of a change is stored by the method that stores the change, in the same transaction: every such
/// method takes the entries as its last argument. It is empty for a change that no person made. Either the
/// change and its entries are stored, or nothing is; an entry whose id is already on record is a
/// [`Conflict`](super::CatalogErrorKind::Conflict). Nothing changes an entry, except that a download
/// gets its end, and nothing but [`forget`](super::Housekeeping::forget) removes one.
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait AuditStore: Debug + Send + Sync {
    /// Returns a page of the owner's entries.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn audit(&self, owner: &Owner, query: &AuditQuery) -> Result<Page<AuditRecord>, CatalogError>;

    /// Stores an entry of something that changes nothing else: a refused call, or a download that begins.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if its id is already on record.
    async fn record(&self, entry: &AuditRecord) -> Result<(), CatalogError>;

    /// Stores the end of a download that has begun, and counts it as a download of its artifact if it was
    /// verified (rule A8). Has no effect on one whose end is on record.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if there is no such download.
    async fn end_download(&self, id: AuditId, end: &DownloadEnd) -> Result<(), CatalogError>;
}
