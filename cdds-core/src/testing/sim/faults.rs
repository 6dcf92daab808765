//! The faults of a call to a port: before it, after it, or with its caller.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::coverage::can_come;
use super::dice::Dice;
use super::executor::give_way;
use super::profile::Rates;
use super::report::{FaultKind, What, Who};
use super::shared::{Shared, lock};
use super::time::{MILLISECOND, Micros, SECOND};
use crate::ports::catalog::CatalogErrorKind;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::sink::SinkErrorKind;
use crate::ports::source::SourceErrorKind;

/// Injects the faults of one life of an engine or a person.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    pub(super) shared: Arc<Shared>,
    pub(super) who: Who,
    /// Its index among the lives.
    pub(super) place: usize,
    pub(super) dice: Arc<Mutex<Dice>>,
    /// For each port, the time until which it returns only errors.
    outages: Arc<[AtomicU64; 4]>,
    /// Whether a port has panicked.
    pub(super) panicked: Arc<AtomicBool>,
}

/// The importance of a call, which decides how likely it is to meet a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Made all the time, mostly without effect.
    Idle,
    /// Part of actual work.
    Busy,
}

/// Error kinds of a port that any of its calls may return.
pub(super) trait Expected: PortErrorKind {
    fn any(dice: &mut Dice) -> Self;

    /// The kind of error for data that changed during a read.
    fn changed() -> Self;
}

/// The message of a source for data that changed during a read.
pub(super) const CHANGED: &str = "simulated data changed while it was read";

impl Expected for CatalogErrorKind {
    fn any(dice: &mut Dice) -> Self {
        if dice.below(8) == 0 { Self::Full } else { Self::Unavailable }
    }

    fn changed() -> Self {
        Self::Unavailable
    }
}

impl Expected for SinkErrorKind {
    fn any(dice: &mut Dice) -> Self {
        match dice.below(20) {
            0 => Self::Refused,
            1 | 2 => Self::Full,
            _ => Self::Unavailable,
        }
    }

    fn changed() -> Self {
        Self::Unavailable
    }
}

impl Expected for SourceErrorKind {
    fn any(dice: &mut Dice) -> Self {
        match dice.below(12) {
            0 => Self::Missing,
            1..6 => Self::Interrupted,
            _ => Self::Unavailable,
        }
    }

    fn changed() -> Self {
        Self::Interrupted
    }
}

impl Faults {
    pub(super) fn new(shared: &Arc<Shared>, who: Who, place: usize, dice: Arc<Mutex<Dice>>) -> Self {
        Self {
            shared: Arc::clone(shared),
            who,
            place,
            dice,
            outages: Arc::default(),
            panicked: Arc::default(),
        }
    }

    /// Makes a call, with possible faults before and after it.
    pub(super) async fn around<T, K: Expected>(
        &self,
        call: &'static str,
        care: Care,
        work: impl Future<Output = Result<T, PortError<K>>>,
    ) -> Result<T, PortError<K>> {
        self.before(call, care).await?;
        let result = work.await;
        self.returned(call, care, result.is_err());
        self.after(call, care).await?;
        result
    }

    /// Injects a fault before the call has any effect.
    pub(super) async fn before<K: Expected>(
        &self,
        call: &'static str,
        care: Care,
    ) -> Result<(), PortError<K>> {
        if self.is_out(call) {
            return Err(self.fail(call, FaultKind::Outage));
        }
        let Some(fault) = self.draw(call, care, FaultKind::Error) else { return Ok(()) };
        self.befall(call, fault).await
    }

    /// Injects a fault after the call has taken effect.
    pub(super) async fn after<K: Expected>(
        &self,
        call: &'static str,
        care: Care,
    ) -> Result<(), PortError<K>> {
        let Some(fault) = self.draw(call, care, FaultKind::LostReply) else { return Ok(()) };
        self.befall(call, fault).await
    }

    pub(super) fn returned(&self, call: &'static str, care: Care, failed: bool) {
        match care {
            Care::Idle if !failed => self.shared.pass(self.who, call),
            _ => self.shared.tell(self.who, What::Call { call, failed }),
        }
    }

    /// Draws the fault of a call, if it meets one. `error` is the form of an error here: before or after the
    /// effect.
    fn draw(&self, call: &str, care: Care, error: FaultKind) -> Option<FaultKind> {
        if !self.shared.storms() {
            return None;
        }
        let rates = self.shared.profile.rates.of_care(care);
        let mut dice = lock(&self.dice);
        match dice.below(1_000_000) {
            throw if throw < rates.busy => {
                let kind = kind(&mut dice, &rates, error);
                // Only engines contain panics and end calls that hang. A person would not survive either.
                let rare = match (kind, self.who) {
                    (FaultKind::Yield, Who::Engine(_)) => rare(&mut dice),
                    _ => None,
                };
                Some(rare.filter(|rare| can_come(call, *rare)).unwrap_or(kind))
            }
            throw if throw < rates.busy + rates.latencies => Some(FaultKind::Latency),
            throw if throw < rates.busy + rates.latencies + rates.yields => Some(FaultKind::Yield),
            _ => None,
        }
    }

    /// Whether the port of a call has an outage.
    fn is_out(&self, call: &'static str) -> bool {
        let until = self.outages[port(call)].load(Ordering::Relaxed);
        until > 0 && self.shared.storms() && self.shared.timeline.elapsed() < until
    }

    fn fail<K: Expected>(&self, call: &'static str, fault: FaultKind) -> PortError<K> {
        self.record(call, fault);
        self.shared.count(|figures| figures.faults += 1);
        let kind = K::any(&mut lock(&self.dice));
        PortError::new(kind, format!("a simulated fault of {call}"))
    }

    fn record(&self, call: &'static str, fault: FaultKind) {
        self.shared.count(|figures| figures.coverage.add(call, fault));
        match fault {
            // Too frequent for the trace.
            FaultKind::Yield | FaultKind::Latency => self.shared.pass(self.who, call),
            _ => self.shared.tell(self.who, What::Fault { call, fault }),
        }
    }

    async fn befall<K: Expected>(&self, call: &'static str, fault: FaultKind) -> Result<(), PortError<K>> {
        match fault {
            FaultKind::Error | FaultKind::LostReply => return Err(self.fail(call, fault)),
            FaultKind::Outage => {
                let length = lock(&self.dice).between(61, 900) * SECOND;
                let until = self.shared.timeline.elapsed() + length;
                self.outages[port(call)].store(until, Ordering::Relaxed);
                self.shared.count(|figures| figures.outages += 1);
                return Err(self.fail(call, fault));
            }
            FaultKind::Panic => {
                self.record(call, fault);
                self.shared.count(|figures| {
                    figures.faults += 1;
                    figures.panics += 1;
                });
                self.panicked.store(true, Ordering::Relaxed);
                std::panic::resume_unwind(Box::new("a simulated panic"));
            }
            FaultKind::Hang => {
                self.record(call, fault);
                self.shared.count(|figures| figures.faults += 1);
                std::future::pending::<()>().await;
            }
            FaultKind::Change => {
                self.record(call, fault);
                self.shared.count(|figures| figures.faults += 1);
                return Err(PortError::new(K::changed(), CHANGED));
            }
            FaultKind::Latency => {
                self.record(call, fault);
                let length = lock(&self.dice).between(1, 20) * MILLISECOND;
                self.shared.timeline.sleep(length).await;
            }
            FaultKind::Delay => {
                self.record(call, fault);
                self.shared.count(|figures| figures.faults += 1);
                let length = self.delay();
                self.shared.timeline.sleep(length).await;
            }
            FaultKind::Yield => {
                self.record(call, fault);
                give_way().await;
            }
            FaultKind::Crash => {
                self.record(call, fault);
                if let Some(life) = self.shared.lives.get(self.place) {
                    life.crash();
                }
                std::future::pending::<()>().await;
            }
            FaultKind::Pause => {
                self.record(call, fault);
                let length = lock(&self.dice).between(61, 400) * SECOND;
                if let Some(life) = self.shared.lives.get(self.place) {
                    life.pause_until(self.shared.timeline.elapsed() + length);
                }
                give_way().await;
            }
        }
        Ok(())
    }

    /// Takes the time that the source needs for a batch.
    pub(super) async fn work(&self) {
        let pace = self.shared.profile.pace;
        if pace > 0 {
            let length = lock(&self.dice).below(pace);
            self.shared.timeline.sleep(length).await;
        }
    }

    /// Takes the time that an engine needs for this many entries of the record. This is slowness, and no
    /// fault.
    pub(super) async fn labour(&self, entries: usize) {
        let length = self.shared.profile.labour * entries as u64;
        if length > 0 && matches!(self.who, Who::Engine(_)) {
            if let Some(life) = self.shared.lives.get(self.place) {
                life.labours_until(self.shared.timeline.elapsed() + length);
            }
            self.shared.timeline.sleep(length).await;
        }
    }

    fn delay(&self) -> Micros {
        let mut dice = lock(&self.dice);
        let long = dice.below(100) < self.shared.profile.rates.long_delays;
        if long { dice.between(5, 120) * SECOND } else { dice.below(3 * SECOND) }
    }

    /// Whether a piece of submitted work is lost.
    pub(super) fn loses_work(&self) -> bool {
        let hit = self.draw("workers.submit", Care::Busy, FaultKind::Error) == Some(FaultKind::Error);
        if hit {
            self.record("workers.submit", FaultKind::Error);
            self.shared.count(|figures| figures.faults += 1);
        }
        hit
    }
}

/// The index of the port of a call, by the name before the dot.
fn port(call: &str) -> usize {
    match call.as_bytes().first() {
        Some(b'c') => 0,
        Some(b's') if call.starts_with("source") => 1,
        Some(b's' | b'u') => 2,
        _ => 3,
    }
}

/// Draws a fault that only few calls can meet.
fn rare(dice: &mut Dice) -> Option<FaultKind> {
    match dice.below(12) {
        0 => Some(FaultKind::Panic),
        1 => Some(FaultKind::Hang),
        2 => Some(FaultKind::Change),
        _ => None,
    }
}

fn kind(dice: &mut Dice, rates: &Rates, error: FaultKind) -> FaultKind {
    if error == FaultKind::Error && dice.below(1_000) < rates.outages {
        return FaultKind::Outage;
    }
    let failing = if error == FaultKind::Error { rates.errors } else { rates.lost };
    let shares = [
        (failing, error),
        (rates.delays, FaultKind::Delay),
        (rates.crashes, FaultKind::Crash),
        (rates.pauses, FaultKind::Pause),
    ];
    let mut throw = dice.below(100);
    for (share, kind) in shares {
        if throw < share {
            return kind;
        }
        throw -= share;
    }
    FaultKind::Yield
}
