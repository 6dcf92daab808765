//! One catalog under check, and the one in memory that is asked the same.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::seen::{self, Seen};
use crate::ports::catalog::{Catalog, CatalogError, CatalogErrorKind};
use crate::ports::clock::Clock;
use crate::testing::{ManualClock, MemoryCatalog};

/// What a check found: nothing, or what was done, what should have come of it, and what did.
pub(super) type Found<T = ()> = Result<T, String>;

/// Opens one more handle to the catalog under check.
type Open = Box<dyn Fn() -> Arc<dyn Catalog> + Send + Sync>;

/// A fresh catalog, and its twin in memory.
pub(super) struct Case {
    pub(super) clock: Arc<ManualClock>,
    open: Open,
    ours: Arc<dyn Catalog>,
    other: Arc<dyn Catalog>,
    twin: Arc<MemoryCatalog>,
    counted: AtomicU64,
    looks: AtomicU64,
}

/// Gives one step to both catalogs, whose answers must be the same. Returns the answer. Evaluates the arguments
/// twice: a new entry of the audit has to be made before.
macro_rules! both {
    ($case:expr, $told:expr, $method:ident($($arg:expr),* $(,)?)) => {{
        let ours = $case.ours().$method($($arg),*).await;
        let twins = $case.twin().$method($($arg),*).await;
        $case.same(stringify!($method), $told, ours, twins)
    }};
}

/// Gives both catalogs a step that must succeed, and compares what the record shows afterwards.
macro_rules! done {
    ($case:expr, $told:expr, $method:ident($($arg:expr),* $(,)?)) => {{
        let answer = $crate::testing::conformance::catalog::case::both!($case, $told, $method($($arg),*))?;
        let answer = answer
            .map_err(|kind| format!("{}, {}: was refused as {kind:?}", stringify!($method), $told))?;
        $case.agree(stringify!($method), $told).await?;
        answer
    }};
}

/// Gives both catalogs a step that must be refused as this kind, and must change nothing.
macro_rules! refused {
    ($case:expr, $kind:ident, $told:expr, $method:ident($($arg:expr),* $(,)?)) => {{
        let before = $case.seen().await?;
        let answer = $crate::testing::conformance::catalog::case::both!($case, $told, $method($($arg),*))?;
        if answer.as_ref().err() != Some(&$crate::ports::catalog::CatalogErrorKind::$kind) {
            let kind = $crate::ports::catalog::CatalogErrorKind::$kind;
            let what = stringify!($method);
            return Err(format!("{what}, {}: should be refused as {kind:?}, and was {answer:?}", $told));
        }
        $case.unchanged(stringify!($method), $told, &before).await?;
    }};
}

/// Gives a step to the catalog under check that may be refused or not, but must change nothing.
macro_rules! idle {
    ($case:expr, $told:expr, $method:ident($($arg:expr),* $(,)?)) => {{
        let before = $case.seen().await?;
        let _refused = $case.ours().$method($($arg),*).await;
        $case.unchanged(stringify!($method), $told, &before).await?;
    }};
}

pub(super) use {both, done, idle, refused};

impl Case {
    /// Prepares a fresh catalog and its twin, on 2026-03-01 at noon.
    pub(super) fn new(make: impl FnOnce(Arc<dyn Clock>) -> Open) -> Self {
        let noon = DateTime::from_timestamp(1_772_366_400, 0).unwrap_or_default();
        let clock = Arc::new(ManualClock::at(noon));
        let open = make(Arc::clone(&clock) as Arc<dyn Clock>);
        let twin = Arc::new(MemoryCatalog::new().with_clock(Arc::clone(&clock) as Arc<dyn Clock>));
        let (ours, other) = (open(), open());
        Self { clock, ours, other, open, twin, counted: AtomicU64::new(0), looks: AtomicU64::new(0) }
    }

    /// Returns the handle through which workers and people ask.
    pub(super) fn ours(&self) -> &dyn Catalog {
        &*self.ours
    }

    /// Returns a second handle to the same catalog.
    pub(super) fn other(&self) -> &dyn Catalog {
        &*self.other
    }

    /// Opens one more handle.
    pub(super) fn reopened(&self) -> Arc<dyn Catalog> {
        (self.open)()
    }

    /// Returns the catalog in memory that is asked the same.
    pub(super) fn twin(&self) -> &dyn Catalog {
        &*self.twin
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets time pass.
    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Returns the next number, from 1.
    pub(super) fn count(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns an id that is new to this case, and neither rises nor falls with time.
    pub(super) fn id(&self) -> Uuid {
        let number = self.count();
        Uuid::from_u64_pair(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number)
    }

    /// Compares the answers of both catalogs, errors by their kind.
    pub(super) fn same<T: Debug>(
        &self,
        what: &str,
        told: impl AsRef<str>,
        ours: Result<T, CatalogError>,
        twins: Result<T, CatalogError>,
    ) -> Found<Result<T, CatalogErrorKind>> {
        let told = told.as_ref();
        let ours = ours.map_err(|error| error.kind());
        let twins = twins.map_err(|error| error.kind());
        match seen::difference(&seen::text(&ours), &seen::text(&twins)) {
            Some(differs) => Err(format!("{what}, {told}: {differs}")),
            None => Ok(twins),
        }
    }

    /// Returns everything that the record shows, through one handle after the other.
    pub(super) async fn seen(&self) -> Found<Seen> {
        let reopened;
        let handle = match self.looks.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => self.ours(),
            1 => self.other(),
            _ => {
                reopened = self.reopened();
                &*reopened
            }
        };
        Seen::of(handle, &self.twin).await
    }

    /// Compares everything that both records show.
    pub(super) async fn agree(&self, what: &str, told: impl AsRef<str>) -> Found {
        let twins = Seen::of(&*self.twin, &self.twin).await?;
        self.unchanged(what, told, &twins).await
    }

    /// Compares everything that the record shows with what it should show.
    pub(super) async fn unchanged(&self, what: &str, told: impl AsRef<str>, should: &Seen) -> Found {
        match self.seen().await?.differs_from(should) {
            Some(differs) => Err(format!("after {what}, {}: {differs}", told.as_ref())),
            None => Ok(()),
        }
    }
}

/// Requires a fact.
pub(super) fn require(holds: bool, told: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(told()) }
}
