//! The artifact store that belongs to the catalog.

use std::fmt::Debug;

use async_trait::async_trait;

use super::CatalogError;
use crate::domain::access::audit::AuditRecord;
use crate::domain::pairing::StoreLink;

/// Remembers which artifact store belongs to the catalog (rule A11;
/// [`domain::pairing`](crate::domain::pairing)).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait StoreRegister: Debug + Send + Sync {
    /// Returns the artifact store that belongs to the catalog; `None` before the two are first paired. See
    /// [`domain::pairing`](crate::domain::pairing).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn store(&self) -> Result<Option<StoreLink>, CatalogError>;

    /// Records which store belongs to the catalog.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the recorded store is no longer
    /// `expected`.
    async fn set_store(
        &self,
        expected: Option<StoreLink>,
        link: StoreLink,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;
}
