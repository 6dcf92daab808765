//! The state that everything in one world shares.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::profile::Profile;
use super::report::{Event, Figures, Invariant, Trace, Violation, What, Who};
use super::time::{Micros, Timeline};
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, WorkerId};
use crate::engine::observe::{Event as EngineEvent, Observer};
use crate::ports::sink::Key;

/// The world as its engines, its people and its faults see it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) seed: u64,
    pub(super) profile: Profile,
    pub(super) timeline: Timeline,
    /// The lives of the engines, followed by those of the people.
    pub(super) lives: Vec<Life>,
    /// Whether jobs are computed by the newer database.
    pub(super) is_by_new_law: AtomicBool,
    storm: AtomicBool,
    trace: Mutex<Trace>,
    figures: Mutex<Figures>,
    violation: Mutex<Option<Violation>>,
    late: Mutex<Vec<LateUpload>>,
}

/// An upload that the store finishes although its caller is gone.
#[derive(Debug)]
pub(super) struct LateUpload {
    pub(super) at: Micros,
    pub(super) key: Key,
    pub(super) written: Vec<Bytes>,
    /// The place and the life of its caller.
    pub(super) place: usize,
    pub(super) life: u64,
    /// The number of troubles when its caller let it go.
    pub(super) troubles: u64,
}

/// The state of a task in its present life. A fault is decided at one of its awaits and carried out after the
/// poll.
#[derive(Debug, Default)]
pub(super) struct Life {
    up: AtomicBool,
    /// The time until which its round works on entries of the record.
    labours_until: AtomicU64,
    /// The number of this life.
    number: AtomicU64,
    crash: AtomicBool,
    pause_until: AtomicU64,
    /// The executions that its engine has begun and not ended.
    working: Mutex<BTreeSet<ExecutionId>>,
    worker: Mutex<Option<WorkerId>>,
}

impl Shared {
    pub(super) fn new(seed: u64, profile: Profile, trace: Trace) -> Self {
        let timeline = Timeline::starting_at(profile.began_at);
        let lives = (0..profile.engines + profile.people).map(|_| Life::default()).collect();
        let figures = Figures { seeds: 1, ..Figures::default() };
        Self {
            seed,
            profile,
            timeline,
            lives,
            is_by_new_law: AtomicBool::new(false),
            storm: AtomicBool::new(true),
            trace: Mutex::new(trace),
            figures: Mutex::new(figures),
            violation: Mutex::default(),
            late: Mutex::default(),
        }
    }

    pub(super) fn land_later(&self, upload: LateUpload) {
        lock(&self.late).push(upload);
    }

    /// Removes and returns the uploads that the store finishes by now, in order of their instants.
    pub(super) fn landing(&self) -> Vec<LateUpload> {
        let now = self.timeline.elapsed();
        let mut late = lock(&self.late);
        let (mut landing, still): (Vec<_>, Vec<_>) = late.drain(..).partition(|upload| upload.at <= now);
        *late = still;
        landing.sort_by(|one, other| (one.at, &one.key).cmp(&(other.at, &other.key)));
        landing
    }

    /// Whether faults are being injected.
    pub(super) fn storms(&self) -> bool {
        self.storm.load(Ordering::Relaxed)
    }

    pub(super) fn calm_down(&self) {
        self.storm.store(false, Ordering::Relaxed);
    }

    pub(super) fn tell(&self, who: Who, what: What) {
        let (elapsed, at) = (self.timeline.elapsed(), self.timeline.now());
        lock(&self.trace).add(elapsed, Event { at, who, what });
    }

    pub(super) fn note(&self, who: Who, note: impl Into<String>) {
        self.tell(who, What::Note(note.into()));
    }

    /// Notes a frequent event that found nothing, in the hash only.
    pub(super) fn pass(&self, who: Who, call: &'static str) {
        lock(&self.trace).pass(self.timeline.elapsed(), who, call);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Figures)) {
        count(&mut lock(&self.figures));
    }

    /// Notes a violation. Only the first one counts.
    pub(super) fn violate(&self, invariant: Invariant, what: impl Into<String>) {
        let mut violation = lock(&self.violation);
        if violation.is_none() {
            let (seed, at, events) = (self.seed, self.timeline.now(), lock(&self.trace).last());
            *violation = Some(Violation { seed, invariant, at, what: what.into(), events });
        }
    }

    pub(super) fn is_violated(&self) -> bool {
        lock(&self.violation).is_some()
    }

    /// Returns the figures of a world that has ended, or its violation.
    pub(super) fn outcome(&self) -> Result<Figures, Box<Violation>> {
        if let Some(violation) = lock(&self.violation).take() {
            return Err(Box::new(violation));
        }
        let simulated_seconds = self.timeline.elapsed() / super::time::SECOND;
        Ok(Figures { simulated_seconds, trace_hash: lock(&self.trace).hash(), ..lock(&self.figures).clone() })
    }
}

impl Life {
    pub(super) fn crash(&self) {
        self.crash.store(true, Ordering::Relaxed);
    }

    pub(super) fn takes_crash(&self) -> bool {
        self.crash.swap(false, Ordering::Relaxed)
    }

    pub(super) fn pause_until(&self, at: Micros) {
        self.pause_until.store(at, Ordering::Relaxed);
    }

    pub(super) fn takes_pause(&self) -> Option<Micros> {
        Some(self.pause_until.swap(0, Ordering::Relaxed)).filter(|at| *at > 0)
    }

    pub(super) fn labours_until(&self, at: Micros) {
        self.labours_until.store(at, Ordering::Relaxed);
    }

    pub(super) fn is_labouring(&self, now: Micros) -> bool {
        now < self.labours_until.load(Ordering::Relaxed)
    }

    pub(super) fn works_on(&self, execution: ExecutionId) -> bool {
        lock(&self.working).contains(&execution)
    }

    pub(super) fn is_working(&self) -> bool {
        !lock(&self.working).is_empty()
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Starts a new life. Its worker id is not known yet.
    pub(super) fn begin(&self) {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.up.store(true, Ordering::Relaxed);
    }

    /// Ends the life, by a shutdown or a crash.
    pub(super) fn end(&self) {
        self.up.store(false, Ordering::Relaxed);
        lock(&self.working).clear();
        *lock(&self.worker) = None;
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Notes the worker id under which it claims work.
    pub(super) fn works_as(&self, worker: &WorkerId) {
        if !self.is_of(worker) {
            *lock(&self.worker) = Some(worker.clone());
        }
    }

    /// Returns the id under which it has claimed work.
    pub(super) fn worker(&self) -> Option<WorkerId> {
        lock(&self.worker).clone()
    }

    pub(super) fn is_of(&self, worker: &WorkerId) -> bool {
        lock(&self.worker).as_ref() == Some(worker)
    }
}

/// Observes which executions an engine works on.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) place: usize,
}

impl Observer for Listening {
    fn notice(&self, event: &EngineEvent<'_>) {
        let Some(life) = self.shared.lives.get(self.place) else { return };
        match event {
            EngineEvent::Started { execution: Execution { id, .. } } => {
                lock(&life.working).insert(*id);
            }
            EngineEvent::Ended { execution: Execution { id, .. } }
            | EngineEvent::Abandoned { execution: id } => {
                lock(&life.working).remove(id);
            }
            EngineEvent::Progressed { .. }
            | EngineEvent::Waiting { .. }
            | EngineEvent::DeliveryEnded { .. }
            | EngineEvent::NoticeEnded { .. } => {}
        }
    }
}

/// Locks a mutex, even a poisoned one: values are replaced whole, so a panic elsewhere leaves them usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
