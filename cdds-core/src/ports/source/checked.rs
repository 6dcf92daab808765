//! A source whose contract is checked while it is read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};

use super::{
    BadRecordMode, EraseRequest, Erased, Estimate, Field, ReadRequest, Source, SourceDescription,
    SourceError, SourceErrorKind,
};
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::record::RecordBatch;
use crate::domain::record::handover::{Breach, Handover};

/// A source that checks another one while it is read, for services that try out a source of their own.
///
/// It passes every call on. A read ends with an error as soon as the source breaks a clause that costs next to
/// nothing to check ([`BrokenClause`]), so that a wrong export fails rather than being published. What a read
/// loses or repeats cannot be seen here: in tests, `testing::conformance::source` finds that.
///
/// The engine makes some of these checks in any case, those of [`Handover`]. A source that is read by
/// other code has none without this type.
///
/// ```
/// use std::error::Error;
/// use std::sync::Arc;
///
/// use cdds_core::domain::calendar::window::Window;
/// use cdds_core::domain::record::{Place, RecordBatchBuilder};
/// use cdds_core::ports::source::{BrokenClause, CheckedSource, DataType, ReadRequest, Source};
/// use cdds_core::ports::source::{SourceDescription, SourceErrorKind};
/// use cdds_core::testing::PreparedSource;
/// use futures::TryStreamExt;
/// use futures::executor::block_on;
///
/// # fn main() -> Result<(), Box<dyn Error>> {
/// // A source that yields calls of March, whatever it is asked for.
/// let mut batch = RecordBatchBuilder::new();
/// batch.raw_line(&Place::of(None, Some("2026-03-02T09:00:00Z".parse()?)), br#"{"caller":"+49 30 1"}"#)?;
/// let call = DataType::new("call".parse()?).with_event_instant();
/// let description = SourceDescription::new("calls".parse()?, "Calls").with_type(call);
/// let source = CheckedSource::new(Arc::new(PreparedSource::new(description, vec![batch.take()])));
///
/// let february = Window::between("2026-02-01T00:00:00Z".parse()?, "2026-03-01T00:00:00Z".parse()?);
/// let request = ReadRequest::new("acme".parse()?, "call".parse()?, february);
/// let read = async { source.read(request).await?.try_collect::<Vec<_>>().await };
/// let error = block_on(read).expect_err("the day lies outside of the window");
/// assert_eq!(error.kind(), SourceErrorKind::Invalid);
/// assert!(matches!(BrokenClause::of(&error), Some(BrokenClause::Handover(_))));
/// assert!(error.report().starts_with("source calls, type call: it broke its contract: a record of a day outside"));
/// # Ok(())
/// # }
/// ```
///
/// # Contract
/// That of the source. A clause that is broken costs the whole read, never a single record.
///
/// # Errors
/// Those of the source, unchanged, and for a broken clause one of [`SourceErrorKind::Invalid`], which names the
/// source, the type and the clause, but nothing of a record.
///
/// # Cancel safety
/// That of the source.
#[derive(Debug)]
pub struct CheckedSource {
    source: Arc<dyn Source>,
    /// As it was at first, which every later one must equal.
    description: SourceDescription,
    answers: Mutex<Answers>,
}

/// A clause of the contract of [`Source`] that a source broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenClause {
    /// A record was not asked for: its day, its category or a field of it (rules W1, W7, J3, J4).
    #[error(transparent)]
    Handover(#[from] Breach),
    /// A batch holds more than 4 MiB, even without its last record.
    #[error("a batch of more than 4 MiB: hand over a batch every few hundred kilobytes")]
    BoundedBatches,
    /// Unreadable records were reported, although the request says that the first one ends the read (rule E10).
    #[error("an unreadable record in a batch, although the first one was to end the read")]
    UnaskedRejection,
    /// The read went on after an error, which is the last item of a stream.
    #[error("an item after an error: the stream must end with the error")]
    GoesOnAfterError,
    /// The description is no longer the one that the source gave at first.
    #[error("another description than at first: it is fixed for the life of the source")]
    DescriptionFixed,
    /// An answer to [`complete_until`](Source::complete_until) lies before an earlier one to the same request
    /// (rule W3b).
    #[error("an instant of completeness that lies before an earlier answer")]
    CompleteUntil,
}

impl BrokenClause {
    /// Returns the clause that an error is about, or `None` if the error is one of the source's own.
    pub fn of(error: &SourceError) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }
}

impl CheckedSource {
    /// Checks a source from now on.
    pub fn new(source: Arc<dyn Source>) -> Self {
        let description = source.describe().clone();
        Self { source, description, answers: Mutex::default() }
    }

    fn error(&self, data_type: &TypeId, clause: BrokenClause) -> SourceError {
        broken(&self.description.id, data_type, clause)
    }

    fn with_answers<T>(&self, change: impl FnOnce(&mut Answers) -> T) -> T {
        change(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn broken(source: &SourceId, data_type: &TypeId, clause: BrokenClause) -> SourceError {
    let context = format!("source {source}, type {data_type}: it broke its contract");
    SourceError::with_source(SourceErrorKind::Invalid, context, clause)
}

#[async_trait]
impl Source for CheckedSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        self.source.estimate(request).await
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        // What was known when the question was put: an answer may be overtaken by a later one.
        let known = self.with_answers(|answers| answers.latest(request));
        let until = self.source.complete_until(request).await?;
        if until.is_some() && until < known {
            return Err(self.error(&request.data_type, BrokenClause::CompleteUntil));
        }
        if let Some(until) = until {
            self.with_answers(|answers| answers.note(request, until));
        }
        Ok(until)
    }

    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        self.source.remarks(owner).await
    }

    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        self.source.fields(owner, data_type).await
    }

    async fn faults(&self, owner: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        self.source.faults(owner, data_type).await
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        self.source.erase(request).await
    }

    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
        if *self.source.describe() != self.description {
            return Err(self.error(&request.data_type, BrokenClause::DescriptionFixed));
        }
        let id = &self.description.id;
        let data_type = self.description.data_type(&request.data_type).ok_or_else(|| {
            let context = format!("source {id} has no data type {}", request.data_type);
            SourceError::new(SourceErrorKind::Invalid, context)
        })?;
        let reading = Reading {
            source: id.clone(),
            data_type: data_type.id.clone(),
            handover: Handover::new(id, data_type, &request),
            bad_records: request.bad_records,
            batches: self.source.read(request).await?,
            has_failed: false,
        };
        let items = stream::unfold(Some(reading), |reading| async move { reading?.next().await });
        Ok(items.fuse().boxed())
    }
}

/// A read under way.
struct Reading {
    source: SourceId,
    data_type: TypeId,
    handover: Handover,
    bad_records: BadRecordMode,
    batches: BoxStream<'static, Result<RecordBatch, SourceError>>,
    /// Whether the last item was an error of the source.
    has_failed: bool,
}

impl Reading {
    /// Returns the next item, and the read unless it ends here. A read that has ended holds nothing any more.
    async fn next(mut self) -> Option<(Result<RecordBatch, SourceError>, Option<Self>)> {
        let item = self.batches.next().await?;
        let checked = match &item {
            _ if self.has_failed => Err(BrokenClause::GoesOnAfterError),
            Ok(batch) => self.check(batch),
            Err(_) => Ok(()),
        };
        if let Err(clause) = checked {
            return Some((Err(broken(&self.source, &self.data_type, clause)), None));
        }
        self.has_failed = item.is_err();
        Some((item, Some(self)))
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), BrokenClause> {
        if batch.is_too_large() {
            return Err(BrokenClause::BoundedBatches);
        }
        if self.bad_records == BadRecordMode::Fail && !batch.rejected().is_empty() {
            return Err(BrokenClause::UnaskedRejection);
        }
        // No place counts as known, since their number has no bound. A batch has few places.
        Ok(self.handover.check_batch(batch, |_| false)?)
    }
}

/// The latest answers about completeness, each with the request that it is about.
#[derive(Debug, Default)]
struct Answers(VecDeque<(ReadRequest, DateTime<Utc>)>);

impl Answers {
    /// The most requests that are remembered. The engine repeats a question while work waits for its source.
    const MAX: usize = 16;

    fn latest(&self, request: &ReadRequest) -> Option<DateTime<Utc>> {
        self.0.iter().find(|(asked, _)| asked == request).map(|(_, until)| *until)
    }

    fn note(&mut self, request: &ReadRequest, until: DateTime<Utc>) {
        if let Some((_, latest)) = self.0.iter_mut().find(|(asked, _)| asked == request) {
            *latest = until.max(*latest);
            return;
        }
        self.0.push_back((request.clone(), until));
        if self.0.len() > Self::MAX {
            self.0.pop_front();
        }
    }
}
