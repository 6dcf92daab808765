//! Checks for one's own [`Sealer`].
//!
//! A fixture makes sealers for people of the checks' choice, and opens what they sealed:
//!
//! ```
//! use cdds_core::testing::conformance::sealer::{self, Clause, Planted, PlantedFixture};
//!
//! // A fixture of one's own goes here.
//! sealer::check(&PlantedFixture::sound()).assert();
//!
//! // A sealer whose key is the same each time is found out.
//! let report = sealer::check(&PlantedFixture::new(Planted::ReusesKey));
//! assert!(report.found(Clause::FreshKeys));
//! ```

mod checks;
mod planted;

use std::error::Error;
use std::sync::Arc;

use super::{Contract, Report};
use crate::ports::sealer::Sealer;

pub use self::planted::{Planted, PlantedFixture};

/// A person with a key of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Is a recipient of all that is sealed.
    Anna,
    /// Is a recipient of some of it.
    Bert,
    /// Is never a recipient.
    Eve,
}

/// Makes one's own sealers, and opens what they sealed.
pub trait SealerFixture {
    /// Returns a sealer for these people, one or two of them.
    ///
    /// # Errors
    /// If it cannot be made.
    fn sealer(&self, recipients: &[Person]) -> Result<Arc<dyn Sealer>, Box<dyn Error>>;

    /// Opens a whole sealed part with the key of one person, with the program that recipients use.
    ///
    /// # Errors
    /// If the part is not complete, or not for this person.
    fn open(&self, sealed: &[u8], person: Person) -> Result<Vec<u8>, Box<dyn Error>>;

    /// Whether [`sealed_bytes`](Sealer::sealed_bytes) is exact rather than an upper bound, which it is unless
    /// this is replaced.
    fn is_exact(&self) -> bool {
        false
    }
}

/// The promises of a [`Sealer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// A part opens to the bytes that were sealed, whatever their number and the sizes of the pieces. From:
    /// [`Sealing::update`](crate::ports::sealer::Sealing::update).
    ///
    /// Found by: [`Planted::LosesLastPiece`], [`Planted::TruncatesPieces`], [`Planted::DropsFullBlock`].
    Whole,
    /// Every recipient can open a part. From: [`Sealer`].
    ///
    /// Found by: [`Planted::FirstRecipientOnly`].
    EachRecipientOpens,
    /// Nobody else can. From: [`Sealer`].
    ///
    /// Found by: [`Planted::AnybodyOpens`].
    NobodyElseOpens,
    /// The sealed bytes contain nothing of the content. From: [`Sealer`].
    ///
    /// Found by: [`Planted::PassesThrough`].
    Hidden,
    /// Each part has a key of its own: equal contents never look alike. From: [`Sealer`].
    ///
    /// Found by: [`Planted::ReusesKey`].
    FreshKeys,
    /// Parts that are sealed at the same time do not touch one another. From: [`Sealer`].
    ///
    /// Found by: [`Planted::SharesState`].
    SealingsApart,
    /// Each call appends to the output and leaves alone what is there. From:
    /// [`Sealing`](crate::ports::sealer::Sealing).
    ///
    /// Found by: [`Planted::ReplacesOutput`].
    Appends,
    /// A part that is not finished cannot be opened, and neither can a finished one without its last 16 bytes.
    /// From: [`Sealing::finish`](crate::ports::sealer::Sealing::finish).
    ///
    /// Found by: [`Planted::NeedsNoFinish`].
    UnfinishedStaysClosed,
    /// A sealed part is never longer than `sealed_bytes` says, nor is a longer part said to be shorter. From:
    /// [`Sealer::sealed_bytes`].
    ///
    /// Found by: [`Planted::BoundTooSmall`], [`Planted::BoundFalls`].
    SealedBytes,
    /// A sealed part is as long as `sealed_bytes` says, if the fixture states so. From:
    /// [`Sealer::sealed_bytes`].
    ///
    /// Found by: [`Planted::BoundNotExact`].
    SealedBytesExact,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::Whole,
        Self::EachRecipientOpens,
        Self::NobodyElseOpens,
        Self::Hidden,
        Self::FreshKeys,
        Self::SealingsApart,
        Self::Appends,
        Self::UnfinishedStaysClosed,
        Self::SealedBytes,
        Self::SealedBytesExact,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::Whole => "A part opens to the bytes that were sealed.",
            Self::EachRecipientOpens => "Every recipient can open a part.",
            Self::NobodyElseOpens => "Nobody but the recipients can open a part.",
            Self::Hidden => "The sealed bytes contain nothing of the content.",
            Self::FreshKeys => "Each part has a key of its own.",
            Self::SealingsApart => "Parts that are sealed at the same time do not touch one another.",
            Self::Appends => "Each call appends to the output.",
            Self::UnfinishedStaysClosed => "A part that is not finished cannot be opened.",
            Self::SealedBytes => "A sealed part is never longer than sealed_bytes says.",
            Self::SealedBytesExact => "A sealed part is as long as sealed_bytes says.",
        }
    }
}

/// Checks every clause. Seals about 12 MB.
pub fn check(fixture: &dyn SealerFixture) -> Report<Clause> {
    check_each(Clause::ALL, fixture)
}

fn check_each(clauses: &[Clause], fixture: &dyn SealerFixture) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        if *clause == Clause::SealedBytesExact && !fixture.is_exact() {
            report.skip(*clause, "the fixture does not state that sizes are exact");
        } else {
            report.add(*clause, checks::check(*clause, fixture));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sealer_without_a_bug_keeps_its_contract() {
        let report = check(&PlantedFixture::sound());
        assert_eq!(report.checked, Clause::ALL);
        report.assert();
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
