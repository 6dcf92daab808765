//! Sources of records.

mod checked;
mod owned;
mod shared;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

use self::owned::OwnedSource;
use super::error::{PortError, PortErrorKind};
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::job::TypeList;
use crate::domain::record::RecordBatch;
use crate::domain::source::SourceTerms;
use crate::domain::source::{Offer, OfferedSources};

pub use self::checked::{BrokenClause, CheckedSource};
pub use crate::domain::source::{
    BadRecordMode, DataType, Estimate, Field, FieldRole, Indexed, Ownership, ReadRequest, RecordInstant,
    SourceDescription, Visibility,
};
pub use crate::domain::subject::{EraseRequest, Erased, ErasureRule, Kept};

/// A system that holds records: a database, a set of files, a service.
///
/// # Contract
/// [`read`](Source::read) yields every record of the requested type that the request wants
/// ([`ReadRequest::wants`]) and whose category is selected, each exactly once, and nothing else. If the source
/// holds records of several owners, it yields those of the request's owner, and estimates no others
/// (rule J16). Two reads of unchanged data yield the same records in the same order (rule A6). Records move in
/// batches of bounded size (a few hundred kilobytes, 4 MiB at most besides the last record); memory use never
/// depends on the amount of data. [`CheckedSource`] checks much of this while a source is read.
///
/// A read stays a few batches ahead of whoever takes them, and no poll blocks or goes through a large part of the
/// records, also where none of them is asked for.
///
/// The engine applies the template (rule J4), unless the type is declared to
/// [push it down](DataType::pushes_down): then the source returns filtered records with only the selected
/// fields. Such a source may refuse a template that names a field that it does not have, as
/// [`Missing`](SourceErrorKind::Missing) or [`Invalid`](SourceErrorKind::Invalid), since a misspelt filter would
/// silently find nothing; or the field is missing in every record, as it is for the engine. If a type declares its
/// fields, no job names others.
///
/// A record of a category that the type does not declare is yielded if every category is selected, and
/// [placed](crate::domain::record::Place) without one. It then goes into the folder `all` (rule A1). A read of
/// selected categories leaves it out.
///
/// If the request names a [subject](ReadRequest::subject), a read yields only records about this person (rule D1):
/// those in which one of the type's [subject fields](DataType::subject_fields) names the person, in any spelling. A
/// record that names two people is yielded for each of them. A type without subject fields is never asked. A registered
/// source that yields a record about somebody else ends its read, where the record shows that.
///
/// # Errors
/// A record that cannot be read is a [`SourceErrorKind::BadRecord`] that names its location, never its
/// contents. If the request says [`BadRecordMode::Report`], a source that can continue after the record
/// reports it in a batch instead (rule E10). If the record's category, or the fields that the source filters
/// by, can be read and show that the record is not requested, the source skips it; the engine does the same
/// with its own filters. If nothing shows whether it is about the subject, it is reported without its contents.
///
/// # Cancel safety
/// Dropping the stream stops the read and frees its resources.
///
/// # Ordering
/// Any order, if it is stable. Sorting costs memory or a temporary file, and the archive does not need it.
///
/// # Idempotency
/// Reading changes nothing. A second erasure of the same person finds nothing but what stays.
///
/// # Owners
/// A source that holds the records of several owners says so of its types, and goes by the owner of each request
/// (rule J16):
///
/// ```
/// use async_trait::async_trait;
/// use cdds_core::domain::calendar::window::Window;
/// use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
/// use cdds_core::ports::source::{RecordStream,
///     DataType, Estimate, Ownership, ReadRequest, Source, SourceDescription, SourceError,
/// };
/// use futures::stream::{self, StreamExt, TryStreamExt};
///
/// #[derive(Debug)]
/// struct Tickets {
///     description: SourceDescription,
///     /// The owner of each ticket, and its summary.
///     tickets: Vec<(&'static str, &'static str)>,
/// }
///
/// impl Tickets {
///     fn of(&self, request: &ReadRequest) -> impl Iterator<Item = &'static str> {
///         let own = self.tickets.iter().filter(|(owner, _)| *owner == request.owner.as_str());
///         own.map(|(_, summary)| *summary)
///     }
/// }
///
/// #[async_trait]
/// impl Source for Tickets {
///     fn describe(&self) -> &SourceDescription {
///         &self.description
///     }
///
///     async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
///         Ok(Some(Estimate::Records(self.of(request).count() as u64)))
///     }
///
///     async fn read(
///         &self,
///         request: ReadRequest,
///     ) -> Result<RecordStream, SourceError> {
///         let mut batch = RecordBatchBuilder::new();
///         for summary in self.of(&request) {
///             let mut record = batch.record(&Place::of(None, None));
///             record.text("summary", summary);
///             record.finish();
///         }
///         Ok(stream::iter([Ok(batch.take())]).boxed())
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ticket = DataType::new("ticket".parse()?).with_ownership(Ownership::PerOwner);
/// let description = SourceDescription::new("tickets".parse()?, "Tickets").with_type(ticket);
/// let source = Tickets { description, tickets: vec![("north", "No dial tone"), ("south", "No light")] };
///
/// let window = Window::until("2026-03-01T00:00:00Z".parse()?);
/// let request = ReadRequest::new("north".parse()?, "ticket".parse()?, window);
/// let read = async { source.read(request).await?.try_collect::<Vec<_>>().await };
/// let batches = futures::executor::block_on(read)?;
/// assert_eq!(batches[0].lines()[..], b"{\"summary\":\"No dial tone\"}\n"[..]);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// Returns what the source offers. Fixed for the life of the value.
    fn describe(&self) -> &SourceDescription;

    /// Estimates the size of a read, if that is cheap (well under a second): it shows people how much remains. `None`,
    /// the default, if the source does not know.
    ///
    /// # Errors
    /// As for [`read`](Source::read).
    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let _ = request;
        Ok(None)
    }

    /// Returns the instant up to which the records that the request asks for are complete (rule W3b): no
    /// record with an earlier instant ([`ReadRequest::by`]) can still appear. Answers never go back. `None`,
    /// the default, if the source does not know; the declared settle lag then counts alone.
    ///
    /// The sources of SQLite databases and of files keep the default: neither shows the transactions and
    /// writers whose records are still to come.
    ///
    /// Called once or more often before a read, and again while work waits: every 30 seconds at first, later
    /// every five minutes. A database that rows are committed to answers with the start of its oldest open
    /// transaction, if rows get their instants after that start.
    ///
    /// # Errors
    /// As for [`read`](Source::read).
    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        let _ = request;
        Ok(None)
    }

    /// Returns remarks, in sentences, for a person of this owner who is about to export from the source: for
    /// instance, that its application cannot write meanwhile. A check of the source shows them. They say
    /// nothing about the records of other owners (rule J16). Most sources have none.
    ///
    /// # Errors
    /// As for [`read`](Source::read).
    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        let _ = owner;
        Ok(Vec::new())
    }

    /// Returns the fields that records of a type have, for a person of this owner who chooses among them: in the order in
    /// which records have them, each once, with what the source knows about each and nothing of any record. A
    /// database asks its schema, which takes well under a second. `None`, the default, if the source does not know;
    /// those that records are seen to have, and that the type declares, are then all that is known.
    ///
    /// If it knows only some, as a file of JSON does, it returns these. The fields that the type [declares to name
    /// people](DataType::subject_fields) have that role.
    ///
    /// # Errors
    /// As for [`read`](Source::read).
    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let _ = (owner, data_type);
        Ok(None)
    }

    /// Returns what the declaration of a type names and the source does not have, such as a misspelt column: for whoever
    /// set the source up, each in a sentence with the key at fault and the name that was probably meant. A database asks
    /// its schema, which takes well under a second. Empty, the default, if nothing is at fault or the source cannot know.
    /// A read of a type with such a fault may fail, or find nobody.
    ///
    /// # Errors
    /// As for [`read`](Source::read), but for the faults themselves.
    async fn faults(&self, owner: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        let _ = (owner, data_type);
        Ok(Vec::new())
    }

    /// Erases what the source holds about a person, by the type's [rule](DataType::erasure) (rules D4, D5): the
    /// records of the request's owner that a [read by subject](ReadRequest::subject) of all windows yields, but those
    /// that stay. `Unsupported`, the default, if the source does not erase; a type without a rule is never asked.
    ///
    /// It is all or nothing for the type, also if the program or the machine ends in the middle. A dry run answers what
    /// an erasure would, its refusals included, and changes nothing.
    ///
    /// # Errors
    /// [`SourceErrorKind::Unsupported`]; [`SourceErrorKind::Refused`] if something else in the source, such as a foreign
    /// key, needs the records: nothing is erased then. After an [`Interrupted`](SourceErrorKind::Interrupted) one
    /// everything may be erased: ask again. Errors hold nothing of a record or of the person.
    ///
    /// # Cancel safety
    /// If the future is dropped, the erasure is carried out or not.
    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        Err(SourceError::unsupported(&self.describe().id, &request.data_type))
    }

    /// Starts a read.
    ///
    /// # Errors
    /// If the source cannot be reached or lacks something that its description promises. Errors while reading
    /// are items of the stream, which ends with the first one.
    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError>;
}

/// The records of a read, batch by batch.
pub type RecordStream = BoxStream<'static, Result<RecordBatch, SourceError>>;

/// The kinds of source error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// Not reachable at the moment; a retry may help.
    Unavailable,
    /// A table, file or column that the description names is missing.
    Missing,
    /// The request does not fit the source, or the source breaks its contract ([`BrokenClause`]).
    Invalid,
    /// A record cannot be read (rule E10).
    BadRecord,
    /// The source broke off in the middle; a retry may help.
    Interrupted,
    /// The source does not erase (rule D5).
    Unsupported,
    /// Something else in the source needs the records that were to be erased (rule D5).
    Refused,
}

impl PortErrorKind for SourceErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Interrupted)
    }
}

/// An error of a [`Source`].
pub type SourceError = PortError<SourceErrorKind>;

impl SourceError {
    /// Creates an error of the kind [`Unavailable`](SourceErrorKind::Unavailable): the engine tries again.
    pub fn unavailable(context: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::Unavailable, context)
    }

    /// Creates an error of the kind [`Missing`](SourceErrorKind::Missing).
    pub fn missing(context: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::Missing, context)
    }

    /// Creates an error of the kind [`Invalid`](SourceErrorKind::Invalid).
    pub fn invalid(context: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::Invalid, context)
    }

    /// Creates an error of the kind [`BadRecord`](SourceErrorKind::BadRecord). `place` says where the record is, such
    /// as its line, and nothing of what it holds.
    pub fn bad_record(place: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::BadRecord, place)
    }

    /// Creates an error of the kind [`Unsupported`](SourceErrorKind::Unsupported).
    pub fn unsupported(source: &SourceId, data_type: &TypeId) -> Self {
        Self::new(
            SourceErrorKind::Unsupported,
            format!("source {source} does not erase records of type {data_type}"),
        )
    }

    /// Creates an error of the kind [`Interrupted`](SourceErrorKind::Interrupted): the engine tries again.
    pub fn interrupted(context: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::Interrupted, context)
    }
}

/// A source as registered with the library.
#[derive(Debug, Clone)]
pub enum RegisteredSource {
    /// Jobs may use it.
    Supported(Arc<dyn Source>),
    /// Known by name but refused, with a reason that is shown to people (rule J2).
    Unsupported {
        /// The name shown to people.
        title: String,
        /// Why it cannot be chosen.
        reason: String,
    },
}

/// All registered sources, by identifier. Services and engine look a source up
/// [for an owner](Self::for_owner) (rule J16).
#[derive(Debug, Clone, Default)]
pub struct Sources {
    by_id: BTreeMap<SourceId, Registered>,
}

/// The visibility is read once, so that no look-up for one owner depends on the code of another's source.
#[derive(Debug, Clone)]
struct Registered {
    visibility: Visibility,
    source: RegisteredSource,
}

impl Sources {
    /// Creates an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source under the identifier of its description, visible to the owners that the description
    /// names; replaces an earlier one. A source that is shared is passed as its `Arc`.
    ///
    /// The registered source refuses each request of an owner other than the default one for a type that does
    /// not say whose its records are, and each by subject for a type that names no subject field, as
    /// [`SourceErrorKind::Invalid`] (rules J16, D1). It is asked to erase records of types alone that declare a rule
    /// for it (rule D5).
    #[must_use]
    pub fn with(mut self, source: impl Source + 'static) -> Self {
        let source: Arc<dyn Source> = Arc::new(source);
        let description = source.describe();
        let (id, visibility) = (description.id.clone(), description.visibility.clone());
        let source = Arc::new(OwnedSource(source));
        self.by_id.insert(id, Registered { visibility, source: RegisteredSource::Supported(source) });
        self
    }

    /// Adds the name of a source that is refused with a reason (rule J2). All owners see both.
    #[must_use]
    pub fn with_unsupported(
        mut self,
        id: SourceId,
        title: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        let source = RegisteredSource::Unsupported { title: title.into(), reason: reason.into() };
        self.by_id.insert(id, Registered { visibility: Visibility::AllOwners, source });
        self
    }

    /// Returns the sources that an owner sees (rule J16).
    pub fn for_owner<'a>(&'a self, owner: &'a Owner) -> OwnersSources<'a> {
        OwnersSources { sources: self, owner }
    }

    /// Iterates over the sources of all owners, ordered by identifier. Show none of this to an owner.
    pub fn of_all_owners(&self) -> impl Iterator<Item = (&SourceId, &RegisteredSource)> {
        self.by_id.iter().map(|(id, registered)| (id, &registered.source))
    }
}

/// The registered sources that one owner sees (rule J16). One that the owner does not see is answered like
/// one that is not registered.
#[derive(Debug, Clone, Copy)]
pub struct OwnersSources<'a> {
    sources: &'a Sources,
    owner: &'a Owner,
}

impl<'a> OwnersSources<'a> {
    /// Returns the source registered under `id`, or `None` if there is none that the owner sees.
    pub fn find(&self, id: &SourceId) -> Option<&'a RegisteredSource> {
        let found = self.sources.by_id.get(id)?;
        found.visibility.is_visible_to(self.owner).then_some(&found.source)
    }

    /// Returns how rows of these types become visible together (rules W4, J17). A type that is not
    /// registered counts with the defaults.
    pub fn terms(&self, source: &SourceId, types: &TypeList) -> SourceTerms {
        let terms = |data_type| {
            self.data_type(source, data_type).map_or_else(SourceTerms::default, |data_type| SourceTerms {
                settle_lag: data_type.settle_lag,
                granularity: data_type.granularity,
            })
        };
        let all = types.as_slice().iter().map(terms);
        all.reduce(SourceTerms::joined).unwrap_or_default()
    }

    /// Returns a data type of a source that is registered and supported.
    pub fn data_type(&self, source: &SourceId, data_type: &TypeId) -> Option<&'a DataType> {
        match self.find(source)? {
            RegisteredSource::Supported(source) => source.describe().data_type(data_type),
            RegisteredSource::Unsupported { .. } => None,
        }
    }

    /// Iterates over the owner's sources, ordered by identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&'a SourceId, &'a RegisteredSource)> + use<'a> {
        let owner = self.owner;
        self.sources
            .by_id
            .iter()
            .filter(move |(_, registered)| registered.visibility.is_visible_to(owner))
            .map(|(id, registered)| (id, &registered.source))
    }
}

impl OfferedSources for OwnersSources<'_> {
    fn offer(&self, id: &SourceId) -> Option<Offer<'_>> {
        Some(match self.find(id)? {
            RegisteredSource::Supported(source) => Offer::Supported(source.describe()),
            RegisteredSource::Unsupported { reason, .. } => Offer::Unsupported { reason },
        })
    }

    fn ids(&self) -> Vec<&SourceId> {
        self.iter().map(|(id, _)| id).collect()
    }
}
