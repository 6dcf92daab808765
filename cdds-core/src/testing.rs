//! Test support for embedders and for this workspace: every port in memory, and [`strategies`] for property
//! tests.
//!
//! This module is outside of semantic versioning: a minor or patch version may check more, and then a port that
//! passed may fail; it may also change what is here. CHANGELOG.md names what callers notice.
//!
//! A complete service that embeds the library and runs in memory:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cdds_core::domain::calendar::frequency::{Frequency, Start};
//! use cdds_core::domain::id::Owner;
//! use cdds_core::domain::job::{JobSettings, Protection, Title};
//! use cdds_core::domain::record::{Place, RecordBatchBuilder};
//! use cdds_core::engine::{Engine, EngineSettings, Until};
//! use cdds_core::ports::source::Sources;
//! use cdds_core::service::jobs::{JobRules, Jobs};
//! use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
//! use futures::executor::block_on;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut batch = RecordBatchBuilder::new();
//! batch.serialize(&Place::of(None, None), &std::collections::BTreeMap::from([("caller", "+49 30 1")]))?;
//! let source = PreparedSource::of("calls", "call", vec![batch.take()])?;
//! let memory = MemoryPorts::new("2026-03-01T10:00:00Z".parse()?, Sources::new().with(Arc::new(source)));
//!
//! let jobs = Jobs::new(&memory.ports, JobRules::default());
//! let settings = JobSettings::new(
//!     Title::new("All calls")?,
//!     "calls".parse()?,
//!     "call".parse()?,
//!     Frequency::Once(Start::Immediately),
//!     Protection::Plaintext,
//! );
//! block_on(jobs.submit(&administrator(&Owner::default()), settings))?;
//! let engine = Engine::builder(&memory.ports).build();
//! let report = block_on(engine.run(Until::Idle, futures::future::pending()))?;
//! assert_eq!(report.finished, 1);
//! let archive: Vec<_> = memory.sink.objects().into_values().take(1).collect();
//! let files = cdds_core::testing::packager::unpack(&archive)?;
//! assert_eq!(files[0].1, b"{\"caller\":\"+49 30 1\"}\n"[..]);
//! # Ok(())
//! # }
//! ```

pub mod commands;
pub mod conformance;
pub mod destination;
pub mod memory;
pub mod packager;
pub mod records;
pub mod sim;
pub mod sink;
pub mod strategies;
mod subject_keys;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::destination::MemoryDestination;
pub use self::memory::{MemoryBackup, MemoryCatalog};
pub use self::packager::PlainPackager;
pub use self::sink::MemorySink;
pub use self::subject_keys::MemorySubjectKeys;
use crate::domain::access::{Principal, PrincipalName, Role};
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::record::RecordBatch;
use crate::domain::subject::{Subject, SubjectField, SubjectMatcher};
use crate::domain::violation::RuleViolation;
use crate::ports::Ports;
use crate::ports::clock::Clock;
use crate::ports::destination::Destinations;
use crate::ports::ids::Ids;
use crate::ports::notifier::Notifiers;
pub use crate::ports::sealer::NoCertificates;
use crate::ports::source::{
    DataType, EraseRequest, Erased, ErasureRule, Estimate, Field, FieldRole, Ownership, ReadRequest,
    RecordStream, Source, SourceDescription, SourceError, Sources,
};
use crate::ports::subject_keys::NoSubjectKeys;
use crate::ports::workers::Workers;

/// Returns a principal who is allowed everything with an owner's data (rule C1).
pub fn administrator(owner: &Owner) -> Principal {
    principal(owner, Role::Administrator)
}

/// Returns a principal with the actions of a role, named after the role.
pub fn principal(owner: &Owner, role: Role) -> Principal {
    Principal::new(PrincipalName::of(role), owner.clone(), role)
}

/// A clock that moves only when a test moves it. A sleep advances it as soon as it is polled, and never waits.
#[derive(Debug)]
pub struct ManualClock {
    hands: Arc<Hands>,
}

/// What a [`ManualClock`] shows; its sleeps share it.
#[derive(Debug)]
struct Hands {
    now: Mutex<DateTime<Utc>>,
    elapsed_micros: AtomicU64,
}

impl Hands {
    fn advance(&self, step: Duration) {
        let delta = TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        self.elapsed_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl ManualClock {
    /// Creates a clock that shows `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { hands: Arc::new(Hands { now: Mutex::new(now), elapsed_micros: AtomicU64::new(0) }) }
    }

    /// Moves the clock forward by `step`, at most to the last representable instant.
    pub fn advance(&self, step: Duration) {
        self.hands.advance(step);
    }

    /// Sets the civil time, forward or back, as a person or NTP does. The monotonic time stays as it is.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.hands.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.hands.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.hands.elapsed_micros.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let hands = Arc::clone(&self.hands);
        async move { hands.advance(duration) }.boxed()
    }
}

/// Runs each piece of work immediately, on the thread that submits it. Tests are then the same each time, but a
/// panic of the work reaches whoever submits it.
#[derive(Debug, Clone, Copy, Default)]
pub struct InlineWorkers;

impl Workers for InlineWorkers {
    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn submit(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// Generates identifiers by counting up from a seed.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    next: AtomicU64,
}

impl SeededIds {
    /// Creates a generator. The same seed yields the same identifiers.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(1) }
    }
}

impl Ids for SeededIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(self.seed, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// A source that returns the same batches for every request of an owner, and of these the records about the person whom
/// a request names (rule D1). It deletes these, if the type's rule says so, and empties no fields (rule D5).
#[derive(Debug)]
pub struct PreparedSource {
    description: SourceDescription,
    held: Mutex<Held>,
    complete_until: Mutex<Option<DateTime<Utc>>>,
}

/// The batches of a [`PreparedSource`].
#[derive(Debug, Default)]
struct Held {
    of_all: Vec<RecordBatch>,
    by_owner: BTreeMap<Owner, Vec<RecordBatch>>,
}

impl PreparedSource {
    /// Creates a source with one data type that has no instants and is shared by all owners (rule J16).
    ///
    /// # Errors
    /// [`Code::InvalidName`](crate::domain::violation::Code::InvalidName) if `id` or `data_type` is not a
    /// valid name.
    pub fn of(id: &str, data_type: &str, batches: Vec<RecordBatch>) -> Result<Self, RuleViolation> {
        let data_type = DataType::new(TypeId::new(data_type)?).with_ownership(Ownership::Shared);
        let description = SourceDescription::new(SourceId::new(id)?, id).with_type(data_type);
        Ok(Self::new(description, batches))
    }

    /// Creates a source that returns `batches` in order to every owner.
    pub fn new(description: SourceDescription, batches: Vec<RecordBatch>) -> Self {
        let held = Held { of_all: batches, by_owner: BTreeMap::new() };
        Self { description, held: Mutex::new(held), complete_until: Mutex::default() }
    }

    /// Adds batches that only this owner receives, after those of all owners (rule J16).
    #[must_use]
    pub fn with_owned(self, owner: Owner, batches: Vec<RecordBatch>) -> Self {
        self.held().by_owner.entry(owner).or_default().extend(batches);
        self
    }

    /// Sets the instant up to which the source is complete (rule W3b). `None`, as at first, if it does not
    /// know.
    pub fn set_complete_until(&self, until: Option<DateTime<Utc>>) {
        *self.complete_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_owner(&self, owner: &Owner) -> Vec<RecordBatch> {
        let held = self.held();
        held.of_all.iter().chain(held.by_owner.get(owner).into_iter().flatten()).cloned().collect()
    }

    fn matcher(&self, data_type: &TypeId, subject: &Subject) -> SubjectMatcher {
        let described = self.description.data_type(data_type);
        let fields = described.map(|data_type| data_type.subject_fields.as_slice()).unwrap_or_default();
        SubjectMatcher::new(fields, subject)
    }
}

#[async_trait]
impl Source for PreparedSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let records = self.of_owner(&request.owner).iter().map(|batch| batch.records() as u64).sum();
        Ok(Some(Estimate::Records(records)))
    }

    async fn complete_until(&self, _request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        Ok(*self.complete_until.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fields that its records have, and that its description declares to name people.
    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let described = self.description.data_type(data_type);
        let subjects = described.map(|known| known.subject_fields.as_slice()).unwrap_or_default();
        let mut names: Vec<String> = subjects.iter().map(SubjectField::key).collect();
        for batch in self.of_owner(owner) {
            let records = batch
                .iter()
                .filter_map(|record| serde_json::from_slice::<Map<String, Value>>(record.line).ok());
            names.extend(records.flat_map(|record| record.into_iter().map(|(name, _)| name)));
        }
        let mut seen = BTreeSet::new();
        let fields = names.iter().filter(|name| seen.insert(*name));
        Ok(Some(
            fields.map(|name| Field::new(name).with_roles(FieldRole::of_subjects(subjects, name))).collect(),
        ))
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let matcher = self.matcher(&request.data_type, &request.subject);
        let found =
            self.of_owner(&request.owner).iter().map(|batch| matcher.apply(batch).records() as u64).sum();
        let described = self.description.data_type(&request.data_type);
        match described.and_then(|data_type| data_type.erasure.as_ref()) {
            Some(ErasureRule::Keep { reason }) => return Ok(Erased::default().with_kept(reason, found)),
            Some(ErasureRule::Delete) => {}
            Some(ErasureRule::Empty { .. }) | None => {
                return Err(SourceError::unsupported(&self.description.id, &request.data_type));
            }
        }
        if !request.dry_run {
            let mut held = self.held();
            let Held { of_all, by_owner } = &mut *held;
            for batch in of_all.iter_mut().chain(by_owner.get_mut(&request.owner).into_iter().flatten()) {
                *batch = matcher.without(batch);
            }
        }
        Ok(Erased { records: found, kept: Vec::new() })
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let mut batches = self.of_owner(&request.owner);
        if let Some(subject) = &request.subject {
            let matcher = self.matcher(&request.data_type, subject);
            batches = batches.iter().map(|batch| matcher.apply(batch)).collect();
        }
        Ok(futures::stream::iter(batches).map(Ok).boxed())
    }
}

/// Reads all that a request asks a source for, and returns its lines: a first look at a source of one's own. Blocks the
/// thread meanwhile.
///
/// # Errors
/// The error of the read, or of its stream.
pub fn read_lines(source: &dyn Source, request: ReadRequest) -> Result<String, SourceError> {
    let read = async { source.read(request).await?.try_collect::<Vec<_>>().await };
    let batches = futures::executor::block_on(read)?;
    Ok(batches.iter().map(|batch| String::from_utf8_lossy(batch.lines())).collect())
}

/// Every port in memory, with direct access to those that tests control or inspect.
#[derive(Debug, Clone)]
pub struct MemoryPorts {
    /// The ports to pass to services and engines.
    pub ports: Ports,
    /// The clock of the catalog and of the ports, for tests to move.
    pub clock: Arc<ManualClock>,
    /// The catalog, for tests to inspect.
    pub catalog: Arc<MemoryCatalog>,
    /// The store, for tests to inspect.
    pub sink: MemorySink,
}

impl MemoryPorts {
    /// Creates ports over these sources, with the clock at `now`. Sealing is unavailable
    /// ([`NoCertificates`]).
    pub fn new(now: DateTime<Utc>, sources: Sources) -> Self {
        let clock = Arc::new(ManualClock::at(now));
        let (catalog, sink) = (Arc::new(MemoryCatalog::new().with_clock(clock.clone())), MemorySink::new());
        let ports = Ports {
            clock: clock.clone(),
            ids: Arc::new(SeededIds::new(1)),
            workers: Arc::new(InlineWorkers),
            sources,
            packager: Arc::new(PlainPackager),
            certificates: Arc::new(NoCertificates),
            sink: Arc::new(sink.clone()),
            catalog: catalog.clone(),
            destinations: Destinations::new(),
            notifiers: Notifiers::new(),
            subject_keys: Arc::new(NoSubjectKeys),
        };
        Self { ports, clock, catalog, sink }
    }
}
