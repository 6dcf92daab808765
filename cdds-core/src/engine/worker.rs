//! The engine as embedders hold it, and the state that its executions share.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::error;

use super::EngineSettings;
use super::attend::Attendance;
use super::calls::contained;
use super::failing::ToFailing;
use super::heartbeat::Running;
use super::house::House;
use super::observe::{Event, Observer, Unobserved};
use super::subjects::Erasures;
use super::zones::Zones;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, WorkerId};
use crate::domain::work::worker::WorkerFacts;
use crate::ports::Ports;
use crate::ports::sealer::ManifestSigner;

/// One worker: claims executions and runs them. Several may share a catalog and a store.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) shared: Arc<Shared>,
}

/// The state shared by the engine and the executions that it runs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ports: Ports,
    pub(super) settings: EngineSettings,
    pub(super) worker: WorkerId,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) signer: Option<Arc<dyn ManifestSigner>>,
    pub(super) running: Running,
    /// When the clock was last examined, and whether it was in doubt.
    pub(super) doubt: Mutex<Option<(Duration, bool)>>,
    /// The executions of which this engine has told that they wait long for their source.
    pub(super) told_waiting: Mutex<BTreeSet<ExecutionId>>,
    pub(super) house: House,
    /// What it says of itself in the register of workers.
    pub(super) facts: WorkerFacts,
    pub(super) attendance: Attendance,
    pub(super) zones: Zones,
    /// When it was last looked whether destinations are to be checked, by the clock's monotonic time.
    pub(super) looked_for_probes: Mutex<Option<Duration>>,
    /// The deliveries under way to destinations whose last use failed.
    pub(super) to_failing: ToFailing,
    /// The notices under way to endpoints whose last use failed.
    pub(super) to_failing_endpoints: ToFailing,
    pub(super) erasures: Erasures,
}

impl Engine {
    /// Starts to build an engine over these ports.
    pub fn builder(ports: &Ports) -> EngineBuilder {
        EngineBuilder {
            ports: ports.clone(),
            settings: EngineSettings::default(),
            observer: Arc::new(Unobserved),
            signer: None,
            facts: WorkerFacts::default(),
        }
    }
}

/// Builds an [`Engine`].
#[derive(Debug, Clone)]
#[must_use = "an engine is made by `build`"]
pub struct EngineBuilder {
    ports: Ports,
    settings: EngineSettings,
    observer: Arc<dyn Observer>,
    signer: Option<Arc<dyn ManifestSigner>>,
    facts: WorkerFacts,
}

impl EngineBuilder {
    /// Uses these settings instead of the defaults.
    pub fn settings(self, settings: EngineSettings) -> Self {
        Self { settings, ..self }
    }

    /// Sends events to `observer`.
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Signs the manifest of every published set (rule A5).
    pub fn signer(self, signer: Arc<dyn ManifestSigner>) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// Says which program this is, and where it runs, for the register of workers (rule E19). The core looks
    /// nothing of it up. How many executions run at once, and the version of the database of time zones, are taken from the settings.
    pub fn facts(self, facts: WorkerFacts) -> Self {
        Self { facts, ..self }
    }

    /// Returns the engine, which is a worker under an id of its own.
    pub fn build(self) -> Engine {
        let Self { ports, settings, observer, signer, facts } = self;
        let facts = facts
            .with_concurrency(settings.concurrency.try_into().unwrap_or(NonZeroU32::MAX))
            .with_zones(settings.zones.version());
        // Never a name that was used before: catalogs would take the claims under it for those of this worker
        // or of a dead one.
        let worker = WorkerId::of(ports.ids.next());
        let (running, doubt, told_waiting) = (Running::default(), Mutex::default(), Mutex::default());
        Engine {
            shared: Arc::new(Shared {
                ports,
                settings,
                worker,
                observer,
                signer,
                running,
                doubt,
                told_waiting,
                house: House::default(),
                facts,
                attendance: Attendance::default(),
                zones: Zones::default(),
                looked_for_probes: Mutex::new(None),
                to_failing: ToFailing::default(),
                to_failing_endpoints: ToFailing::default(),
                erasures: Erasures::default(),
            }),
        }
    }
}

impl Shared {
    /// Notifies the observer. Returns whether it received the event without a panic.
    pub(super) fn notice(&self, event: &Event<'_>) -> bool {
        let told = contained(|| self.observer.notice(event));
        if told.is_err() {
            error!(name: "observer.panicked", target: "cdds", "the observer panicked, which is a bug in it");
        }
        told.is_ok()
    }

    /// Forgets that it has told of an execution that does not wait any more.
    pub(super) fn waits_no_more(&self, execution: &Execution) {
        let mut told = self.told_waiting.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&execution.id);
    }

    /// Notifies the observer, once, of an execution that waits for its source for longer than the settings
    /// say (rule W3b).
    pub(super) fn tell_waiting(&self, execution: &Execution, since: DateTime<Utc>, now: DateTime<Utc>) {
        let patience = TimeDelta::from_std(self.settings.tell_waiting_after).unwrap_or(TimeDelta::MAX);
        if now.signed_duration_since(since) < patience {
            return;
        }
        let mut told = self.told_waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.insert(execution.id);
        drop(told);
        if is_new {
            self.notice(&Event::Waiting { execution });
        }
    }
}
