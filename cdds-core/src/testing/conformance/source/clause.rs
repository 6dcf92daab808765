//! The clauses.

#[cfg(doc)]
use super::{Planted, SourceFixture};
#[cfg(doc)]
use crate::ports::source::Source;
use crate::testing::conformance::Contract;

/// The promises of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// The start of a window is in it, the end is not, to the step. From: rule W1.
    ///
    /// Found by: [`Planted::EndIncluded`], [`Planted::StartExcluded`], [`Planted::ComparesMillis`].
    WindowBounds,
    /// Undated records belong to windows without a start only. From: rule W7.
    ///
    /// Found by: [`Planted::UndatedAlways`], [`Planted::UndatedNever`].
    Undated,
    /// Instants before 1970 are instants like others. From: rule W1.
    ///
    /// Found by: [`Planted::NothingBeforeEpoch`].
    BeforeEpoch,
    /// Windows that adjoin one another yield each record once. From: rule W1.
    ///
    /// Found by: [`Planted::SkipsFirstOfWindow`].
    Tiling,
    /// By change, the change instant decides, or the event instant of a record without one. From:
    /// [`ReadRequest::wants`](crate::ports::source::ReadRequest::wants).
    ///
    /// Found by: [`Planted::IgnoresChange`], [`Planted::ChangeOnly`].
    ByChange,
    /// A read yields the records of the selected categories; all of them, also undeclared ones, if every
    /// category is selected. From: rule J3.
    ///
    /// Found by: [`Planted::IgnoresCategories`], [`Planted::CategoryByText`],
    /// [`Planted::DropsUndeclared`].
    Categories,
    /// Every record comes exactly once, however many there are. From: [`Source`].
    ///
    /// Found by: [`Planted::LosesLastBatch`], [`Planted::RepeatsBatch`].
    EachOnce,
    /// The fields of a record come back as they were written. From: [`Source`].
    ///
    /// Found by: [`Planted::CutsText`], [`Planted::TrimsText`].
    Contents,
    /// A record's place has its category and the day of its event in the zone of the request, unless it is a
    /// folder of the source's choice. A record of an undeclared category is placed without one. From: rules A1, F9.
    ///
    /// Found by: [`Planted::PlacesByChange`], [`Planted::PlacesUndeclared`], [`Planted::PlacesByUtc`].
    Places,
    /// Two reads of unchanged rows yield the same records in the same order. From: rule A6.
    ///
    /// Found by: [`Planted::OrderVaries`].
    StableOrder,
    /// A read that finds nothing ends without records and without an error. From: [`Source`].
    ///
    /// Found by: [`Planted::EmptyIsError`].
    Empty,
    /// Batches are bounded: 4 MiB at most besides the last record. From: [`Source`].
    ///
    /// Found by: [`Planted::OneBatch`].
    BoundedBatches,
    /// Dropping a stream after any batch frees what it holds. From: [`Source`]. Checked if the fixture counts
    /// the [handles](SourceFixture::handles).
    ///
    /// Found by: [`Planted::LeaksHandles`].
    DropFrees,
    /// A source that applies templates does so exactly as the engine. From: rule J4.
    ///
    /// Found by: [`Planted::IgnoresFilters`], [`Planted::IgnoresFields`].
    PushDown,
    /// An estimate is of the right order. From: [`Estimate`](crate::ports::source::Estimate).
    ///
    /// Found by: [`Planted::EstimatesNothing`], [`Planted::EstimatesTooMuch`].
    Estimates,
    /// A source of several owners yields and counts the records of the request's owner alone. From: rule J16.
    ///
    /// Found by: [`Planted::IgnoresOwner`], [`Planted::EstimatesAllOwners`].
    Owners,
    /// A read by subject yields the records that name the person, in any spelling, and no others. From: rule D1.
    ///
    /// Found by: [`Planted::IgnoresSubject`], [`Planted::ComparesSpellings`], [`Planted::FirstSubjectField`],
    /// [`Planted::SubjectByBeginning`].
    Subjects,
    /// A dry run of an erasure counts what an erasure would erase, and changes nothing. From: rule D5. Checked if the
    /// type's rule is [`Delete`](crate::domain::subject::ErasureRule::Delete).
    ///
    /// Found by: [`Planted::DryRunErases`], [`Planted::DryRunCountsAll`].
    DryRun,
    /// An erasure erases the owner's records about the person and no others, and a second one finds nothing. From: rule
    /// D5. Checked as [`DryRun`](Self::DryRun) is.
    ///
    /// Found by: [`Planted::ErasesNothing`], [`Planted::ErasesForAllOwners`], [`Planted::ErasesOneSpelling`],
    /// [`Planted::ErasesAll`].
    Erasure,
    /// The instant up to which a source is complete never goes back. From: rule W3b.
    ///
    /// Found by: [`Planted::CompleteGoesBack`].
    CompleteUntil,
    /// The fields that a source names are those that its records have and it can know of, each once; those that name
    /// people have that role. From: [`Source::fields`]. Checked if the source knows fields; a type that is
    /// [pushed down](crate::ports::source::DataType::pushes_down) knows all of them. A type that has all that it declares
    /// has no [faults](Source::faults).
    ///
    /// Found by: [`Planted::FieldsLeftOut`], [`Planted::FieldsTwice`], [`Planted::FieldsWithoutSubjects`],
    /// [`Planted::FaultsWithoutReason`].
    Fields,
    /// A record that cannot be read is an error, or a rejected record if the request says so. Either names the
    /// place and none of the contents, and no record is lost with it. From: rule E10. Checked if the fixture can
    /// [damage](SourceFixture::damaged) a row.
    ///
    /// Found by: [`Planted::QuotesRecord`], [`Planted::NamesNoPlace`], [`Planted::DropsBadRecords`],
    /// [`Planted::BadIsInterrupted`].
    BadRecords,
    /// A source that applies templates refuses a field that it does not have, with an error that no retry
    /// mends, or treats it as missing in every record. From: [`Source`].
    ///
    /// Found by: [`Planted::UnknownIsUnavailable`].
    UnknownField,
    /// No poll goes through a large part of the rows, even if none of them is asked for. From: [`Source`].
    /// Checked if the fixture counts the [rows](SourceFixture::rows_read) that are read.
    ///
    /// Found by: [`Planted::ScansInOnePoll`].
    PollsReturn,
    /// A source reads only a few batches ahead of whoever takes them. From: [`Source`]. Checked if the fixture
    /// counts the [rows](SourceFixture::rows_read) that are read.
    ///
    /// Found by: [`Planted::ReadsAllAtOnce`].
    FewBatchesAhead,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::WindowBounds,
        Self::Undated,
        Self::BeforeEpoch,
        Self::Tiling,
        Self::ByChange,
        Self::Categories,
        Self::EachOnce,
        Self::Contents,
        Self::Places,
        Self::StableOrder,
        Self::Empty,
        Self::BoundedBatches,
        Self::DropFrees,
        Self::PushDown,
        Self::Estimates,
        Self::Owners,
        Self::Subjects,
        Self::DryRun,
        Self::Erasure,
        Self::CompleteUntil,
        Self::Fields,
        Self::BadRecords,
        Self::UnknownField,
        Self::PollsReturn,
        Self::FewBatchesAhead,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::WindowBounds => "The start of a window is in it, the end is not.",
            Self::Undated => "Undated records belong to windows without a start only.",
            Self::BeforeEpoch => "Instants before 1970 are instants like others.",
            Self::Tiling => "Windows that adjoin one another yield each record once.",
            Self::ByChange => "By change, the change instant decides, or else the event instant.",
            Self::Categories => "A read yields the records of the selected categories.",
            Self::EachOnce => "Every record comes exactly once.",
            Self::Contents => "The fields of a record come back as they were written.",
            Self::Places => {
                "A record's place has its category and the day of its event in the zone of the request."
            }
            Self::StableOrder => "Two reads of unchanged rows yield the same order.",
            Self::Empty => "A read that finds nothing ends without an error.",
            Self::BoundedBatches => "Batches are bounded.",
            Self::DropFrees => "Dropping a stream frees what it holds.",
            Self::PushDown => "A source that applies templates does so exactly as the engine.",
            Self::Estimates => "An estimate is of the right order.",
            Self::Owners => "A source of several owners yields the records of the request's owner alone.",
            Self::Subjects => "A read by subject yields the records about the person alone, in any spelling.",
            Self::DryRun => "A dry run of an erasure counts what it would erase, and changes nothing.",
            Self::Erasure => "An erasure erases the owner's records about the person and no others.",
            Self::CompleteUntil => "The instant up to which a source is complete never goes back.",
            Self::Fields => "The fields that a source names are those of its records, each once.",
            Self::BadRecords => "A record that cannot be read is told by its place alone.",
            Self::UnknownField => "A field that the source does not have is refused, or missing.",
            Self::PollsReturn => "No poll goes through a large part of the rows.",
            Self::FewBatchesAhead => "A source reads only a few batches ahead.",
        }
    }
}
