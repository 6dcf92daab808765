//! The recipients of owners.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{CatalogError, RecipientRemoval};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, RecipientName};
use crate::domain::recipient::Recipient;

/// Stores the certificates that jobs of an owner may name (rule S1).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait RecipientStore: Debug + Send + Sync {
    /// Stores a recipient.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the owner already has a recipient
    /// with this name.
    async fn insert_recipient(
        &self,
        recipient: &Recipient,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Replaces the certificate of a recipient, which keeps its name and with it its jobs, if its present one
    /// has the fingerprint `expected` (rule S3). All but owner and name is that of `recipient` afterwards.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the owner has no recipient with
    /// this name, or another certificate is stored for it by now.
    async fn replace_recipient(
        &self,
        recipient: &Recipient,
        expected: &str,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Returns the owner's recipients, ordered by name.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn recipients(&self, owner: &Owner) -> Result<Vec<Recipient>, CatalogError>;

    /// Removes a recipient of this owner unless a job, or an execution that has not ended, names it (rule
    /// J15).
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn remove_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Result<RecipientRemoval, CatalogError>;
}
