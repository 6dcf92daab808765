//! Checks for one's own [`Destination`].
//!
//! ```
//! use cdds_core::domain::id::DestinationId;
//! use cdds_core::testing::MemoryDestination;
//! use cdds_core::testing::conformance::destination;
//! use futures::executor::block_on;
//!
//! let place = MemoryDestination::new(DestinationId::new("partner")?);
//! block_on(destination::check(&place)).assert();
//! # Ok::<_, cdds_core::RuleViolation>(())
//! ```
//!
//! One that shows files of an object store before they are whole is found out:
//!
//! ```
//! # use cdds_core::domain::id::DestinationId;
//! # use cdds_core::testing::conformance::destination;
//! # use futures::executor::block_on;
//! use destination::{Clause, Planted, PlantedDestination};
//!
//! let place = PlantedDestination::new(DestinationId::new("partner")?, Planted::VisibleEarly);
//! assert!(block_on(destination::check(&place)).found(Clause::AppearsWhole));
//! # Ok::<_, cdds_core::RuleViolation>(())
//! ```
//!
//! What needs a server that hangs, is full, or breaks off is left to tests with a server.

mod checks;
mod planted;
mod steps;

use super::{Contract, Report};
use crate::domain::delivery::path::RemotePath;
use crate::ports::destination::Destination;

pub use self::planted::{Planted, PlantedDestination};

/// The promises of a [`Destination`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// A server that shows the pinned identity is connected to, and one that shows another one is refused as
    /// [`IdentityChanged`](crate::ports::destination::DestinationErrorKind::IdentityChanged). Skipped without identities.
    /// From: [`Destination::connect`].
    ///
    /// Found by: [`Planted::IgnoresPinned`], [`Planted::RefusesPinned`].
    IdentityPinned,
    /// A finished file has the bytes that were written, whatever their number, also the fifth of one session. From:
    /// [`Session::create`](crate::ports::destination::Session::create).
    ///
    /// Found by: [`Planted::LosesLastWrite`], [`Planted::EndsLines`], [`Planted::LosesEmptyFiles`],
    /// [`Planted::TwoFilesPerSession`].
    Whole,
    /// The size of a file is that of its bytes, in the report on the upload and when it is asked for. From:
    /// [`Session::size`](crate::ports::destination::Session::size).
    ///
    /// Found by: [`Planted::CountsWrites`], [`Planted::SizesInBlocks`].
    SizeReported,
    /// Folders that are missing are created. From:
    /// [`Session::create`](crate::ports::destination::Session::create).
    ///
    /// Found by: [`Planted::NeedsFolders`].
    FoldersMade,
    /// A file that is there already is replaced, also by a shorter one. From:
    /// [`Session::create`](crate::ports::destination::Session::create).
    ///
    /// Found by: [`Planted::KeepsOldTail`], [`Planted::RefusesToReplace`].
    Replaces,
    /// With [`Naming::Whole`](crate::ports::destination::Naming::Whole) a file appears only when its upload is finished.
    /// Skipped with others. From: [`Session::create`](crate::ports::destination::Session::create).
    ///
    /// Found by: [`Planted::VisibleEarly`].
    AppearsWhole,
    /// A file that does not exist has no size, and reading it is answered with `NotFound`. From:
    /// [`Session::read`](crate::ports::destination::Session::read).
    ///
    /// Found by: [`Planted::MissingIsEmpty`], [`Planted::MissingIsUnavailable`], [`Planted::MissingHasSize`].
    MissingIsNotFound,
    /// A renamed file is there under its new name alone, with its bytes. Skipped unless files are renamed. From:
    /// [`Session::rename`](crate::ports::destination::Session::rename).
    ///
    /// Found by: [`Planted::RenameCopies`], [`Planted::RenameForgets`].
    RenameMoves,
    /// Renaming a file that does not exist is answered with `NotFound`, and creates none. Skipped unless files are
    /// renamed. From: [`Session::rename`](crate::ports::destination::Session::rename).
    ///
    /// Found by: [`Planted::RenamesNothing`].
    RenameOfMissing,
    /// A removed file is gone, and removing it again succeeds. From:
    /// [`Session::remove`](crate::ports::destination::Session::remove).
    ///
    /// Found by: [`Planted::KeepsRemoved`], [`Planted::RemovesOnce`].
    Removes,
    /// Removing a file leaves those whose names begin alike. From:
    /// [`Session::remove`](crate::ports::destination::Session::remove).
    ///
    /// Found by: [`Planted::RemovesByText`].
    RemovesExactly,
    /// A list has the name of every file in the folder once, and of none below it; a folder that does not exist is
    /// empty. Skipped if the destination cannot list. From: [`Session::list`](crate::ports::destination::Session::list).
    ///
    /// Found by: [`Planted::ListsBelow`], [`Planted::ListsTwice`], [`Planted::ListsPaths`],
    /// [`Planted::MissingFolderFails`].
    Lists,
    /// An aborted upload leaves nothing. From: [`Upload::abort`](crate::ports::destination::Upload::abort).
    ///
    /// Found by: [`Planted::AbortFinishes`].
    AbortLeavesNothing,
    /// After an upload and its session were dropped in the middle, another session writes the file whole. From:
    /// [`Destination`], cancel safety.
    ///
    /// Found by: [`Planted::DropLocks`].
    DropLeavesPlace,
    /// What one session has finished another one sees. From: [`Destination`].
    ///
    /// Found by: [`Planted::PerSession`].
    SeenByEverySession,
    /// Names are taken as they are: blanks, letters of any language, and signs that shells, patterns and addresses read.
    /// From: [`RemotePath`].
    ///
    /// Found by: [`Planted::DecodesPercent`], [`Planted::CutsAtBlank`], [`Planted::AsciiOnly`].
    NamesKept,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::IdentityPinned,
        Self::Whole,
        Self::SizeReported,
        Self::FoldersMade,
        Self::Replaces,
        Self::AppearsWhole,
        Self::MissingIsNotFound,
        Self::RenameMoves,
        Self::RenameOfMissing,
        Self::Removes,
        Self::RemovesExactly,
        Self::Lists,
        Self::AbortLeavesNothing,
        Self::DropLeavesPlace,
        Self::SeenByEverySession,
        Self::NamesKept,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::IdentityPinned => "A server that shows another identity than the pinned one is refused.",
            Self::Whole => "A finished file has the bytes that were written.",
            Self::SizeReported => "The size of a file is that of its bytes.",
            Self::FoldersMade => "Folders that are missing are created.",
            Self::Replaces => "A file that is there already is replaced.",
            Self::AppearsWhole => "A file appears only when its upload is finished.",
            Self::MissingIsNotFound => "A file that does not exist is answered as such.",
            Self::RenameMoves => "A renamed file is there under its new name alone.",
            Self::RenameOfMissing => "Renaming a file that does not exist is answered with NotFound.",
            Self::Removes => "A removed file is gone, and removing it again succeeds.",
            Self::RemovesExactly => "Removing a file leaves those whose names begin alike.",
            Self::Lists => "A list has the name of every file in the folder once.",
            Self::AbortLeavesNothing => "An aborted upload leaves nothing.",
            Self::DropLeavesPlace => "After an upload was dropped, another session writes the file whole.",
            Self::SeenByEverySession => "What one session has finished another one sees.",
            Self::NamesKept => "Names are taken as they are.",
        }
    }
}

/// Checks every clause of a destination, each by sessions of its own, with the
/// [naming](crate::ports::destination::Naming) that it describes.
///
/// Writes less than 4 MiB in all, into the folder `conformance` below the destination's own, and removes the files. The
/// folders stay. Reads files back: a destination whose files may only be written does not pass.
///
/// # Cancel safety
/// Files remain in the folder `conformance` if the future is dropped; the next check replaces them.
pub async fn check(destination: &dyn Destination) -> Report<Clause> {
    check_only(Clause::ALL, destination).await
}

/// Checks some clauses of a destination, like [`check`].
///
/// # Cancel safety
/// As that of [`check`].
pub async fn check_only(clauses: &[Clause], destination: &dyn Destination) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        match checks::checked(*clause, destination).await {
            checks::Outcome::Checked(found) => report.add(*clause, found),
            checks::Outcome::Skipped(reason) => report.skip(*clause, reason),
        }
    }
    report
}

/// Returns a path of the checks.
fn path(path: &str) -> Result<RemotePath, String> {
    RemotePath::new(&format!("conformance/{path}")).map_err(|violation| violation.to_string())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::domain::id::DestinationId;
    use crate::ports::destination::{Naming, ServerIdentity};
    use crate::testing::MemoryDestination;

    #[test]
    fn the_destination_in_memory_keeps_its_contract() {
        let place = MemoryDestination::new(DestinationId::new("memory").unwrap())
            .with_identity(ServerIdentity::new("SHA256:one"));
        for naming in Naming::ALL {
            let place = place.clone().described(|description| description.with_naming(naming));
            let report = block_on(check(&place));
            let skipped: Vec<Clause> = report.skipped.iter().map(|skipped| skipped.clause).collect();
            let should: &[Clause] = match naming {
                Naming::Rename => &[Clause::AppearsWhole],
                Naming::Whole => &[Clause::RenameMoves, Clause::RenameOfMissing],
                Naming::Direct => &[Clause::AppearsWhole, Clause::RenameMoves, Clause::RenameOfMissing],
            };
            assert_eq!(skipped, should, "{naming}");
            report.assert();
            assert!(place.files().is_empty(), "{:?}", place.files().keys());
        }
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let place = PlantedDestination::new(DestinationId::new("memory").unwrap(), planted);
            let report = block_on(check_only(&[planted.breaks()], &place));
            assert!(report.found(planted.breaks()), "{planted:?}: {report}");
        }
    }

    #[test]
    fn each_clause_is_broken_by_a_planted_bug() {
        for clause in Clause::ALL {
            assert!(Planted::ALL.iter().any(|planted| planted.breaks() == *clause), "{clause:?}");
        }
    }
}
