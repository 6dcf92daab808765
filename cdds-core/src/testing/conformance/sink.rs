//! Checks for one's own [`Sink`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use cdds_core::testing::MemorySink;
//! use cdds_core::testing::conformance::sink;
//! use futures::executor::block_on;
//!
//! let store = MemorySink::new();
//! // Each call opens another handle on the same store, as another process does.
//! block_on(sink::check(|| Arc::new(store.clone()))).assert();
//! ```
//!
//! A store that shows unfinished uploads is found out:
//!
//! ```
//! # use std::sync::Arc;
//! # use cdds_core::testing::MemorySink;
//! # use cdds_core::testing::conformance::sink;
//! # use futures::executor::block_on;
//! use sink::{Clause, Planted, PlantedSink};
//!
//! let store = PlantedSink::new(Planted::VisibleEarly);
//! let report = block_on(sink::check(|| Arc::new(store.clone())));
//! assert!(report.found(Clause::HiddenUntilFinished));
//! ```

mod checks;
mod full;
mod planted;

use std::sync::Arc;

use super::{Contract, Report};
use crate::ports::sink::Sink;

pub use self::full::check_full;
pub use self::planted::{Planted, PlantedSink};

/// The promises of a [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// An object cannot be read before its upload is finished, through any handle. From: [`Sink`].
    ///
    /// Found by: [`Planted::VisibleEarly`].
    HiddenUntilFinished,
    /// A finished object has the bytes that were written, whatever their number and the sizes of the writes.
    /// From: [`Sink`].
    ///
    /// Found by: [`Planted::TruncatesWrites`], [`Planted::LosesLastWrite`], [`Planted::DropsFullChunk`],
    /// [`Planted::LosesEmptyObjects`].
    Whole,
    /// A finished object can be read and listed through every handle, also one that is opened later. From:
    /// [`Sink`].
    ///
    /// Found by: [`Planted::PerHandle`].
    SeenByEveryHandle,
    /// The report on a finished object has its size. From:
    /// [`Stored`](crate::ports::sink::Stored).
    ///
    /// Found by: [`Planted::CountsWrites`].
    SizeReported,
    /// A read starts at the byte that it names. From: [`Sink::read`].
    ///
    /// Found by: [`Planted::IgnoresFrom`], [`Planted::FromIsOneLate`].
    ReadsFrom,
    /// A read from the end or behind it yields no bytes and no error. From: [`Sink::read`].
    ///
    /// Found by: [`Planted::FailsPastTheEnd`].
    NothingPastTheEnd,
    /// A read of a range yields its bytes and no others. From: [`Sink::read_range`].
    ///
    /// Found by: [`Planted::RangeRunsOn`], [`Planted::RangeEndsEarly`], [`Planted::EmptyRangeFindsAll`].
    RangeExact,
    /// Other bytes have another version, and a read yields those of the version that it tells, or an error. From:
    /// [`Sink::read_range`].
    ///
    /// Found by: [`Planted::VersionIsSize`], [`Planted::VersionBeforeBytes`].
    VersionOfBytes,
    /// Chunks of a read are bounded. From: [`Sink::read`].
    ///
    /// Found by: [`Planted::ReadsInOneChunk`].
    BoundedChunks,
    /// An object that does not exist is answered with `NotFound`. From: [`Sink::read`].
    ///
    /// Found by: [`Planted::MissingIsUnavailable`], [`Planted::MissingIsEmpty`].
    MissingIsNotFound,
    /// A list has every key in the folder and below it, each once. From: [`Sink::list`].
    ///
    /// Found by: [`Planted::ListsTwice`], [`Planted::ListsOneLevel`], [`Planted::ListsOnePage`].
    ListComplete,
    /// A prefix is a folder: a list has no key that merely begins with the same text. From:
    /// [`Prefix`](crate::ports::sink::Prefix).
    ///
    /// Found by: [`Planted::ListsByText`], [`Planted::ListsAll`].
    PrefixIsFolder,
    /// Deleting what does not exist succeeds. From: [`Sink::delete`].
    ///
    /// Found by: [`Planted::DeletesOnce`].
    DeleteIdempotent,
    /// A deleted object can be neither read nor listed. From: [`Sink::delete`].
    ///
    /// Found by: [`Planted::KeepsDeleted`], [`Planted::ListsDeleted`].
    DeleteRemoves,
    /// Deleting removes no object under another key. From: [`Sink::delete`].
    ///
    /// Found by: [`Planted::DeletesByText`], [`Planted::DeletesBelow`].
    DeleteExact,
    /// Deleting a key ends its unfinished uploads of which something is stored. From: [`Sink::delete`].
    ///
    /// Found by: [`Planted::DeleteSparesUploads`].
    DeleteEndsUploads,
    /// Nothing of an aborted upload can be read or listed. From:
    /// [`Upload::abort`](crate::ports::sink::Upload::abort).
    ///
    /// Found by: [`Planted::AbortFinishes`], [`Planted::AbortLeavesRemains`].
    AbortLeavesNothing,
    /// A dropped upload cannot be read, and deleting its key takes it off the list. From: [`Sink`].
    ///
    /// Found by: [`Planted::DropFinishes`].
    DropLeavesNothing,
    /// Uploads do not touch one another. From: [`Sink`].
    ///
    /// Found by: [`Planted::SharesBuffer`], [`Planted::AbortDeletes`].
    UploadsApart,
    /// A store without room answers with `Full`, a retryable error, and shows nothing of the upload. From:
    /// [`SinkErrorKind`](crate::ports::sink::SinkErrorKind). Checked by [`check_full`] alone.
    ///
    /// Found by: [`Planted::FullIsRefused`], [`Planted::FullIsSilent`].
    FullIsSaid,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::HiddenUntilFinished,
        Self::Whole,
        Self::SeenByEveryHandle,
        Self::SizeReported,
        Self::ReadsFrom,
        Self::NothingPastTheEnd,
        Self::RangeExact,
        Self::VersionOfBytes,
        Self::BoundedChunks,
        Self::MissingIsNotFound,
        Self::ListComplete,
        Self::PrefixIsFolder,
        Self::DeleteIdempotent,
        Self::DeleteRemoves,
        Self::DeleteExact,
        Self::DeleteEndsUploads,
        Self::AbortLeavesNothing,
        Self::DropLeavesNothing,
        Self::UploadsApart,
        Self::FullIsSaid,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::HiddenUntilFinished => "An object cannot be read before its upload is finished.",
            Self::Whole => "A finished object has the bytes that were written.",
            Self::SeenByEveryHandle => "A finished object can be read and listed through every handle.",
            Self::SizeReported => "The report on a finished object has its size.",
            Self::ReadsFrom => "A read starts at the byte that it names.",
            Self::NothingPastTheEnd => "A read from the end or behind it yields no bytes and no error.",
            Self::RangeExact => "A read of a range yields its bytes and no others.",
            Self::VersionOfBytes => "A read yields the bytes of the version that it tells.",
            Self::BoundedChunks => "Chunks of a read are bounded.",
            Self::MissingIsNotFound => "An object that does not exist is answered with NotFound.",
            Self::ListComplete => "A list has every key in the folder and below it, each once.",
            Self::PrefixIsFolder => "A prefix is a folder.",
            Self::DeleteIdempotent => "Deleting what does not exist succeeds.",
            Self::DeleteRemoves => "A deleted object can be neither read nor listed.",
            Self::DeleteExact => "Deleting removes no object under another key.",
            Self::DeleteEndsUploads => "Deleting a key ends its unfinished uploads.",
            Self::AbortLeavesNothing => "Nothing of an aborted upload can be read or listed.",
            Self::DropLeavesNothing => "A dropped upload cannot be read, and deleting removes it.",
            Self::UploadsApart => "Uploads do not touch one another.",
            Self::FullIsSaid => "A store without room answers with Full and shows nothing.",
        }
    }
}

/// Checks every clause but [`Clause::FullIsSaid`] of the store that `open` opens, each time anew.
///
/// Writes about 300 MiB in all under keys in the folder `conformance`, and removes them. Other keys stay as
/// they are, but for the folder `conformance-2`.
///
/// # Cancel safety
/// Objects remain in the folder `conformance` if the future is dropped; the next check removes them.
pub async fn check(open: impl Fn() -> Arc<dyn Sink> + Send + Sync) -> Report<Clause> {
    check_each(Clause::ALL, open).await
}

async fn check_each(clauses: &[Clause], open: impl Fn() -> Arc<dyn Sink> + Send + Sync) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        let store = checks::Store::new(open(), open(), &open);
        match store.checked(*clause) {
            Some(check) => {
                let outcome = match store.clear().await {
                    Ok(()) => check.await,
                    Err(case) => Err(case),
                };
                report.add(*clause, outcome);
            }
            None => report.skip(*clause, "it needs a store without room: use `check_full`"),
        }
    }
    let _left = checks::Store::new(open(), open(), &open).clear().await;
    report
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::testing::MemorySink;

    #[test]
    fn the_store_in_memory_keeps_its_contract() {
        let store = MemorySink::new();
        let report = block_on(check(|| Arc::new(store.clone())));
        assert_eq!(report.checked.len(), Clause::ALL.len() - 1);
        report.assert();
        assert!(store.objects().is_empty());
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let store = PlantedSink::new(planted);
            let report = if planted.breaks() == Clause::FullIsSaid {
                block_on(check_full(&store))
            } else {
                block_on(check_each(&[planted.breaks()], || Arc::new(store.handle())))
            };
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
