//! Checks for one's own [`Packager`].
//!
//! A fixture opens the archives that the checks make:
//!
//! ```
//! use std::error::Error;
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use cdds_core::ports::packager::Packager;
//! use cdds_core::testing::PlainPackager;
//! use cdds_core::testing::conformance::packager::{self, PackagerFixture};
//! use cdds_core::testing::packager::unpack;
//!
//! struct Plain;
//!
//! impl PackagerFixture for Plain {
//!     fn packager(&self) -> Arc<dyn Packager> {
//!         Arc::new(PlainPackager)
//!     }
//!
//!     fn open(&self, parts: &[Bytes]) -> Result<Vec<(String, Bytes)>, Box<dyn Error>> {
//!         Ok(unpack(parts)?)
//!     }
//! }
//!
//! packager::check(&Plain).assert();
//! ```

mod checks;
mod planted;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;

use super::{Contract, Report};
use crate::domain::archive::split_size::SplitSize;
use crate::ports::packager::Packager;

pub use self::planted::{Planted, PlantedFixture};

/// Makes one's own packagers, and opens their archives.
pub trait PackagerFixture {
    /// Makes a packager. Each of them has the same settings.
    fn packager(&self) -> Arc<dyn Packager>;

    /// Opens an archive, as its readers do: the parts are in reading order. Returns the path and the contents
    /// of each file, in any order.
    ///
    /// # Errors
    /// If these are not the parts of one whole archive.
    fn open(&self, parts: &[Bytes]) -> Result<Vec<(String, Bytes)>, Box<dyn Error>>;

    /// Returns a small size of parts that the packager accepts, in bytes: 64 KiB, the least that a job may
    /// have, unless this is replaced.
    fn part_bytes(&self) -> u64 {
        SplitSize::BYTES_MIN
    }
}

/// The promises of a [`Packager`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// Every file that was pushed comes out of the archive, whole and under its path. From: [`Packager`].
    ///
    /// Found by: [`Planted::LosesLastFile`], [`Planted::TruncatesFiles`], [`Planted::LosesEmptyFiles`].
    Whole,
    /// An archive without files has one part, and opens. From: [`Packager::begin`].
    ///
    /// Found by: [`Planted::NoPartWhenEmpty`].
    Empty,
    /// A packed file says its path and its size before compression. From:
    /// [`Packed`](crate::ports::packager::Packed).
    ///
    /// Found by: [`Planted::ForgetsSize`].
    PackedTold,
    /// Packing depends on path and contents alone: not on the files before, the thread or the packager. From:
    /// [`Packager`].
    ///
    /// Found by: [`Planted::PackCounts`].
    PackPure,
    /// The same files in the same order give the same bytes. From: rule A6.
    ///
    /// Found by: [`Planted::OrderVaries`].
    SameBytes,
    /// A part is closed before the next one is opened, and parts are numbered in the order of opening. From:
    /// [`PartEvent`](crate::ports::packager::PartEvent).
    ///
    /// Found by: [`Planted::LeavesPartOpen`], [`Planted::OpensEarly`].
    EventsInOrder,
    /// Each call appends its events and leaves alone those that are there. From:
    /// [`ArchiveWriter::push`](crate::ports::packager::ArchiveWriter::push).
    ///
    /// Found by: [`Planted::ReplacesEvents`].
    EventsAppend,
    /// The index has each part once, and the number of files. From:
    /// [`PartIndex`](crate::ports::packager::PartIndex).
    ///
    /// Found by: [`Planted::ForgetsPart`], [`Planted::CountsParts`].
    Index,
    /// No part but the last one of the reading order is larger than the plan says; without a size there is one
    /// part. From: rule A4.
    ///
    /// Found by: [`Planted::PartTooLarge`], [`Planted::SplitsUnasked`].
    PartsBounded,
    /// Archives that are made at the same time do not touch one another. From: [`Packager`].
    ///
    /// Found by: [`Planted::SharesState`].
    ArchivesApart,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::Whole,
        Self::Empty,
        Self::PackedTold,
        Self::PackPure,
        Self::SameBytes,
        Self::EventsInOrder,
        Self::EventsAppend,
        Self::Index,
        Self::PartsBounded,
        Self::ArchivesApart,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::Whole => "Every file comes out of the archive, whole and under its path.",
            Self::Empty => "An archive without files has one part, and opens.",
            Self::PackedTold => "A packed file says its path and its size before compression.",
            Self::PackPure => "Packing depends on path and contents alone.",
            Self::SameBytes => "The same files in the same order give the same bytes.",
            Self::EventsInOrder => "A part is closed before the next one is opened.",
            Self::EventsAppend => "Each call appends its events.",
            Self::Index => "The index has each part once, and the number of files.",
            Self::PartsBounded => "Parts are no larger than the plan says.",
            Self::ArchivesApart => "Archives that are made at the same time do not touch one another.",
        }
    }
}

/// Checks every clause. Packs about 20 MB.
pub fn check(fixture: &dyn PackagerFixture) -> Report<Clause> {
    check_each(Clause::ALL, fixture)
}

fn check_each(clauses: &[Clause], fixture: &dyn PackagerFixture) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        report.add(*clause, checks::check(*clause, fixture));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packager_without_a_bug_keeps_its_contract() {
        check(&PlantedFixture::sound()).assert();
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let report = check_each(&[planted.breaks()], &PlantedFixture::new(planted));
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
