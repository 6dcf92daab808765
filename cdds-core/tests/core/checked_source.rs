//! A source that is checked while it is read.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, TypeId};
use cdds_core::domain::record::handover::Breach;
use cdds_core::domain::record::selection::{CategoryDimension, CategorySelection};
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder, RejectedRecord};
use cdds_core::ports::source::{
    BadRecordMode, BrokenClause, CheckedSource, DataType, Estimate, ReadRequest, Source, SourceDescription,
    SourceError, SourceErrorKind,
};
use cdds_core::testing::conformance::source::{PlantedFixture, Row, SourceFixture, check};
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use futures::stream::{self, BoxStream, StreamExt};

type Item = Result<RecordBatch, SourceError>;

/// Yields what it is given, whatever it is asked for.
#[derive(Debug)]
struct Scripted {
    descriptions: [SourceDescription; 2],
    described: AtomicUsize,
    items: Mutex<Vec<Item>>,
    answers: Mutex<Vec<Option<DateTime<Utc>>>>,
    /// One reference for each stream that is held.
    held: Arc<()>,
}

impl Scripted {
    fn yielding(items: Vec<Item>) -> Self {
        let values = vec!["voice".to_owned(), "chat".to_owned()];
        let call = DataType::new(TypeId::new("call").unwrap())
            .with_event_instant()
            .with_category(CategoryDimension { name: "media".to_owned(), values })
            .with_fields(["id"]);
        let description = SourceDescription::new("calls".parse().unwrap(), "Calls").with_type(call);
        Self {
            descriptions: [description.clone(), description],
            described: AtomicUsize::new(0),
            items: Mutex::new(items),
            answers: Mutex::default(),
            held: Arc::default(),
        }
    }
}

#[async_trait]
impl Source for Scripted {
    fn describe(&self) -> &SourceDescription {
        &self.descriptions[self.described.fetch_add(1, Ordering::Relaxed).min(1)]
    }

    async fn estimate(&self, _: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        Ok(None)
    }

    async fn complete_until(&self, _: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        Ok(self.answers.lock().unwrap().remove(0))
    }

    async fn read(&self, _: ReadRequest) -> Result<BoxStream<'static, Item>, SourceError> {
        let (items, held) = (std::mem::take(&mut *self.items.lock().unwrap()), self.held.clone());
        Ok(stream::iter(items).inspect(move |_| assert!(Arc::strong_count(&held) > 0)).boxed())
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Asks for the calls of March.
fn request() -> ReadRequest {
    let march = Window::between(at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z"));
    ReadRequest::new(Owner::default(), TypeId::new("call").unwrap(), march)
}

/// A batch of one record.
fn batch(category: Option<&str>, day: Option<&str>, json: &str) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    let day = day.map(|day| at(&format!("{day}T12:00:00Z")));
    builder.raw_line(&Place::of(category.map(Into::into), day), json.as_bytes()).unwrap();
    builder.take()
}

fn good() -> RecordBatch {
    batch(Some("voice"), Some("2026-03-31"), r#"{"id":"secret"}"#)
}

/// A batch of records of these sizes.
fn sized(bytes: &[usize]) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for bytes in bytes {
        let json = format!(r#"{{"id":"{}"}}"#, "x".repeat(bytes - 10));
        builder.raw_line(&Place::of(None, Some(at("2026-03-01T00:00:00Z"))), json.as_bytes()).unwrap();
    }
    builder.take()
}

fn rejecting() -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    builder.reject(RejectedRecord::new("line 7", "it is not JSON", b"secret"));
    builder.take()
}

/// Reads to the end, past any error. Returns how many batches came first, and the errors.
fn read(source: &CheckedSource, request: ReadRequest) -> (usize, Vec<SourceError>) {
    let items: Vec<Item> = match block_on(source.read(request)) {
        Ok(stream) => block_on(stream.collect()),
        Err(error) => vec![Err(error)],
    };
    let batches = items.iter().take_while(|item| item.is_ok()).count();
    (batches, items.into_iter().filter_map(Result::err).collect())
}

fn found(items: Vec<Item>, request: ReadRequest) -> (usize, Option<BrokenClause>) {
    let (batches, errors) = read(&CheckedSource::new(Arc::new(Scripted::yielding(items))), request);
    assert!(errors.len() <= 1, "a read ends with the first error");
    for error in &errors {
        assert_eq!(error.kind(), SourceErrorKind::Invalid);
        let told = error.report();
        assert!(told.starts_with("source calls, type call: it broke its contract: "), "{told}");
        assert!(!told.contains("secret") && !format!("{error:?}").contains("secret"), "{told}");
    }
    (batches, errors.first().and_then(BrokenClause::of))
}

#[test]
fn a_record_that_was_not_asked_for_ends_the_read() {
    let voice = request().with_categories(CategorySelection::Only(["voice".to_owned()].into()));
    for (category, day, json, breach) in [
        (Some("voice"), Some("2026-04-01"), r#"{"id":"secret"}"#, Breach::OutsideWindow),
        (Some("voice"), None, r#"{"id":"secret"}"#, Breach::Undated),
        (Some("chat"), Some("2026-03-02"), r#"{"id":"secret"}"#, Breach::DeselectedCategory),
        (Some("secret"), Some("2026-03-02"), r#"{"id":"secret"}"#, Breach::UndeclaredCategory),
        (Some("voice"), Some("2026-03-02"), r#"{"id":1,"secret":2}"#, Breach::UndeclaredField),
    ] {
        let items = vec![Ok(good()), Ok(batch(category, day, json)), Ok(good())];
        assert_eq!(found(items, voice.clone()), (1, Some(BrokenClause::Handover(breach))));
    }
    assert_eq!(found(vec![Ok(good()), Ok(good())], voice), (2, None));
}

#[test]
fn a_batch_is_bounded_besides_its_last_record() {
    const MIB: usize = 1 << 20;
    assert_eq!(found(vec![Ok(sized(&[4 * MIB, 16 * MIB]))], request()), (1, None));
    let too_large = (0, Some(BrokenClause::BoundedBatches));
    assert_eq!(found(vec![Ok(sized(&[4 * MIB, 100, 100]))], request()), too_large);
}

#[test]
fn e10_rejected_records_come_only_if_they_were_asked_for() {
    assert_eq!(found(vec![Ok(rejecting())], request()), (0, Some(BrokenClause::UnaskedRejection)));
    assert_eq!(found(vec![Ok(rejecting())], request().with_bad_records(BadRecordMode::Report)), (1, None));
}

#[test]
fn an_item_after_an_error_is_told_once() {
    let failed = || SourceError::new(SourceErrorKind::Interrupted, "the connection broke off");
    let source = |items| CheckedSource::new(Arc::new(Scripted::yielding(items)));
    let (batches, errors) = read(&source(vec![Ok(good()), Err(failed())]), request());
    assert_eq!((batches, errors.len()), (1, 1));
    assert_eq!((errors[0].kind(), BrokenClause::of(&errors[0])), (SourceErrorKind::Interrupted, None));
    let (batches, errors) = read(&source(vec![Err(failed()), Ok(good()), Ok(good())]), request());
    assert_eq!((batches, errors.len()), (0, 2));
    assert_eq!(BrokenClause::of(&errors[1]), Some(BrokenClause::GoesOnAfterError));
}

#[test]
fn a_broken_read_holds_nothing_any_more() {
    let source = Scripted::yielding(vec![Ok(rejecting()), Ok(good())]);
    let held = source.held.clone();
    let checked = CheckedSource::new(Arc::new(source));
    let mut stream = block_on(checked.read(request())).unwrap();
    assert_eq!(Arc::strong_count(&held), 3);
    assert!(block_on(stream.next()).is_some_and(|item| item.is_err()));
    assert_eq!(Arc::strong_count(&held), 2);
    assert!(block_on(stream.next()).is_none() && block_on(stream.next()).is_none());
}

#[test]
fn the_description_is_fixed() {
    let mut source = Scripted::yielding(vec![Ok(good())]);
    source.descriptions[1].title = "Other calls".to_owned();
    let checked = CheckedSource::new(Arc::new(source));
    let (batches, errors) = read(&checked, request());
    assert_eq!((batches, BrokenClause::of(&errors[0])), (0, Some(BrokenClause::DescriptionFixed)));
    assert_eq!(checked.describe().title, "Calls");
    let unknown = request().with_data_type(TypeId::new("fax").unwrap());
    let (_, errors) = read(&CheckedSource::new(Arc::new(Scripted::yielding(Vec::new()))), unknown);
    assert_eq!((errors[0].kind(), BrokenClause::of(&errors[0])), (SourceErrorKind::Invalid, None));
}

#[test]
fn w3b_answers_about_completeness_never_go_back() {
    let (early, late) = (Some(at("2026-03-01T00:00:00Z")), Some(at("2026-03-01T00:00:01Z")));
    let source = Scripted::yielding(Vec::new());
    *source.answers.lock().unwrap() = [vec![early, late, None, late], vec![early; 19]].concat();
    let checked = CheckedSource::new(Arc::new(source));
    let ask = |request: &ReadRequest| block_on(checked.complete_until(request));
    for expected in [early, late, None, late] {
        assert_eq!(ask(&request()).unwrap(), expected);
    }
    let error = ask(&request()).unwrap_err();
    assert_eq!(BrokenClause::of(&error), Some(BrokenClause::CompleteUntil));
    // Another window has an answer of its own: an earlier window may be complete up to its end.
    let other = request().with_window(Window::until(at("2026-02-01T00:00:00Z")));
    assert_eq!(ask(&other).unwrap(), early);
    // What was answered to many other requests is forgotten.
    for days in 0..16 {
        let window = Window::until(at("2026-01-01T00:00:00Z") + TimeDelta::days(days));
        assert_eq!(ask(&request().with_window(window)).unwrap(), early);
    }
    assert_eq!(ask(&request()).unwrap(), early);
}

/// Puts the check in front of another fixture's source.
struct Checked(PlantedFixture);

impl SourceFixture for Checked {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        Ok(Arc::new(CheckedSource::new(self.0.source(rows)?)))
    }

    fn handles(&self) -> Option<usize> {
        self.0.handles()
    }
}

#[test]
fn a_sound_source_stays_sound() {
    block_on(check(&Checked(PlantedFixture::sound()))).assert();
}
