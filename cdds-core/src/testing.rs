//! For tests of embedders and of this workspace: a clock that is moved by hand, workers without threads,
//! identifiers from a seed, a source of prepared records, and property-test strategies.

mod plain;
pub mod records;

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use uuid::Uuid;

pub use self::plain::NoCertificates;
use crate::domain::record::RecordBatch;
use crate::ports::clock::Clock;
use crate::ports::ids::Ids;
use crate::ports::source::{Description, Estimate, ReadRequest, Source, SourceError};
use crate::ports::workers::Workers;

/// A clock that stands still until it is moved. Sleeping moves it: who waits for an instant, gets it.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<DateTime<Utc>>,
    elapsed_micros: AtomicU64,
}

impl ManualClock {
    /// Stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: Mutex::new(now), elapsed_micros: AtomicU64::new(0) }
    }

    /// Moves on by `step`.
    pub fn advance(&self, step: Duration) {
        let delta = TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        self.elapsed_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.elapsed_micros.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        futures::future::ready(()).boxed()
    }
}

/// Runs work where it is submitted.
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

/// Identifiers that count up from a seed.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    next: AtomicU64,
}

impl SeededIds {
    /// The same seed gives the same identifiers.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(1) }
    }
}

impl Ids for SeededIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(self.seed, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// A source that gives the same batches to every read, whatever it asks for.
#[derive(Debug)]
pub struct PreparedSource {
    description: Description,
    batches: Vec<RecordBatch>,
}

impl PreparedSource {
    /// Gives `batches`, in order.
    pub fn new(description: Description, batches: Vec<RecordBatch>) -> Self {
        Self { description, batches }
    }
}

#[async_trait]
impl Source for PreparedSource {
    fn describe(&self) -> &Description {
        &self.description
    }

    async fn estimate(&self, _request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let records = self.batches.iter().map(|batch| batch.records() as u64).sum();
        Ok(Some(Estimate { records }))
    }

    async fn read(
        &self,
        _request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
        Ok(futures::stream::iter(self.batches.clone()).map(Ok).boxed())
    }
}
