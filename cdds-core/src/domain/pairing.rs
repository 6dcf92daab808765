//! Whether a catalog and an artifact store belong together (rule A11).
//!
//! An unmounted disk leaves an empty folder behind. An engine that took the folder for the store would
//! publish sets that vanish under the disk when it is mounted again, and confirm removals that never
//! happened. The catalog therefore keeps the id of its store, the store keeps a mark with the same id, and
//! every process that changes either compares the two first. Until the mark is written, the catalog's id is
//! unconfirmed: a crash between the two writes leaves a state that the next check completes.

use crate::domain::id::StoreId;

/// The catalog's entry about its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLink {
    /// The store's id.
    pub id: StoreId,
    /// Whether the store's mark is known to be written.
    pub confirmed: bool,
}

/// The contents of a store, as far as the catalog knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holdings {
    /// It holds files of this catalog.
    Ours,
    /// It holds no file of an export, and the catalog has published none.
    Empty,
    /// It holds none of the sets that this catalog has published.
    Missing,
    /// It holds files of exports that this catalog does not know, and none that it does.
    Foreign,
}

/// The step that brings a catalog and its store together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingStep {
    /// Do nothing: they belong together.
    Keep,
    /// Neither knows the other: record a fresh id without confirming it, then go on.
    Begin,
    /// Record the id of the mark in the catalog.
    Join(StoreId),
    /// Write this mark to the store, then confirm it in the catalog.
    Mark(StoreId),
    /// Confirm the id in the catalog, since the mark is written.
    Confirm(StoreId),
}

/// Why a catalog and a store do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The store lacks its mark and everything that the catalog has stored in it.
    #[error(
        "the artifact store holds none of the files that this catalog has stored in it: mount it if it is \
         not mounted, restore it if it was emptied, or correct its address"
    )]
    StoreGone,
    /// The id of the store's mark differs from that in the catalog.
    #[error("the artifact store belongs to another catalog: correct the address of one of them")]
    OtherStore,
    /// The store is in use, and the catalog knows nothing of it.
    #[error(
        "the artifact store is in use, but this catalog has no record of it: restore the catalog if it was \
         emptied or replaced, or correct the address of one of them"
    )]
    OtherCatalog,
}

/// Decides from the catalog's entry and the store's mark (rule A11). Holdings count only if one of the two is
/// missing, as in installations that are older than marks, or if a copy has lost the mark.
///
/// # Errors
/// [`Mismatch`] if going on could lose something.
pub fn decide(
    link: Option<StoreLink>,
    mark: Option<StoreId>,
    holdings: Holdings,
) -> Result<PairingStep, Mismatch> {
    match (link, mark) {
        (Some(link), Some(mark)) if link.id != mark => Err(Mismatch::OtherStore),
        (Some(link), Some(_)) if link.confirmed => Ok(PairingStep::Keep),
        (Some(link), Some(_)) => Ok(PairingStep::Confirm(link.id)),
        (Some(link), None) if !link.confirmed || holdings == Holdings::Ours => Ok(PairingStep::Mark(link.id)),
        (Some(_), None) => Err(Mismatch::StoreGone),
        (None, Some(mark)) if holdings == Holdings::Ours => Ok(PairingStep::Join(mark)),
        (None, Some(_)) => Err(Mismatch::OtherCatalog),
        (None, None) => match holdings {
            Holdings::Ours | Holdings::Empty => Ok(PairingStep::Begin),
            Holdings::Missing => Err(Mismatch::StoreGone),
            Holdings::Foreign => Err(Mismatch::OtherCatalog),
        },
    }
}

/// Whether [`decide`] needs to know the store's holdings. Looking for them takes a while.
pub fn needs_holdings(link: Option<StoreLink>, mark: Option<StoreId>) -> bool {
    !matches!((link, mark), (Some(_), Some(_)) | (Some(StoreLink { confirmed: false, .. }), None))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Holdings::{Empty, Foreign, Missing, Ours};
    use super::*;

    const A: StoreId = StoreId(Uuid::from_u128(1));
    const B: StoreId = StoreId(Uuid::from_u128(2));
    const ALL: [Holdings; 4] = [Ours, Empty, Missing, Foreign];

    fn link(confirmed: bool) -> Option<StoreLink> {
        Some(StoreLink { id: A, confirmed })
    }

    #[test]
    fn what_has_met_is_compared_by_id_alone() {
        for holdings in ALL {
            assert_eq!(decide(link(true), Some(A), holdings), Ok(PairingStep::Keep));
            assert_eq!(decide(link(false), Some(A), holdings), Ok(PairingStep::Confirm(A)));
            for confirmed in [true, false] {
                assert_eq!(decide(link(confirmed), Some(B), holdings), Err(Mismatch::OtherStore));
                assert!(!needs_holdings(link(confirmed), Some(B)));
            }
        }
    }

    #[test]
    fn a11_a_store_without_its_mark_has_to_hold_what_the_catalog_stored() {
        for holdings in ALL {
            assert_eq!(decide(link(false), None, holdings), Ok(PairingStep::Mark(A)), "interrupted before");
        }
        assert!(!needs_holdings(link(false), None) && needs_holdings(link(true), None));
        assert_eq!(decide(link(true), None, Ours), Ok(PairingStep::Mark(A)), "a copy without the mark");
        for holdings in [Empty, Missing, Foreign] {
            assert_eq!(decide(link(true), None, holdings), Err(Mismatch::StoreGone), "{holdings:?}");
        }
    }

    #[test]
    fn a_catalog_that_knows_no_store_has_to_know_what_is_in_it() {
        assert_eq!(decide(None, Some(B), Ours), Ok(PairingStep::Join(B)), "a backup from before the mark");
        for holdings in [Empty, Missing, Foreign] {
            assert_eq!(decide(None, Some(B), holdings), Err(Mismatch::OtherCatalog), "{holdings:?}");
        }
        assert!(needs_holdings(None, Some(B)) && needs_holdings(None, None));
        assert_eq!(decide(None, None, Empty), Ok(PairingStep::Begin));
        assert_eq!(decide(None, None, Ours), Ok(PairingStep::Begin), "from before there were marks");
        assert_eq!(decide(None, None, Missing), Err(Mismatch::StoreGone));
        assert_eq!(decide(None, None, Foreign), Err(Mismatch::OtherCatalog));
    }
}
