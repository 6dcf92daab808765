//! Runs one world from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::dice::Dice;
use super::engines::Machine;
use super::executor::{Executor, TaskId};
use super::faults::Faults;
use super::faulty_catalog::FaultyCatalog;
use super::faulty_store::{FaultySink, WatchedSink};
use super::people::{Person, owners};
use super::planted::{PlantedBug, Tampered};
use super::planted_store::TamperedSink;
use super::profile::Profile;
use super::report::{Figures, Invariant, Trace, Violation, Who};
use super::restore::Restores;
use super::shared::{Shared, lock};
use super::source::{LossyWorkers, RowSource, Rows, descriptions, shared_dice};
use super::time::{CatalogClock, DAY, HOUR, Micros, SECOND, SkewedClock};
use super::twins::TwinSink;
use super::watch::Watch;
use super::{AroundSource, Kind, OpenCatalog, PrepareCatalog, Prepared};
use crate::domain::access::Role;
use crate::domain::id::Owner;
use crate::ports::Ports;
use crate::ports::destination::Destinations;
use crate::ports::notifier::Notifiers;
use crate::ports::sink::Sink;
use crate::ports::source::{Source, Sources, Visibility};
use crate::ports::subject_keys::NoSubjectKeys;
use crate::service::artifacts::Artifacts;
use crate::testing::{MemorySink, NoCertificates, PlainPackager, SeededIds};

/// The minimum time without faults at the end of a world. Every engine sweeps the store once an hour.
const CALM: Micros = 3 * HOUR;

/// The number of turns after which a world is considered endless: a base, plus a share for each of its days.
/// A world of ten days takes some thousands.
const TURNS_MAX: u64 = 100_000;
const TURNS_PER_DAY_MAX: u64 = 400_000;

/// A running world.
pub(super) struct Run {
    shared: Arc<Shared>,
    watch: Arc<Watch>,
    sink: Arc<TamperedSink>,
    ids: Arc<SeededIds>,
    open: OpenCatalog,
    around_source: Option<AroundSource>,
    restores: Option<Restores>,
    /// The clock of the catalog.
    clock: Arc<CatalogClock>,
    bug: Option<PlantedBug>,
    /// For planted bugs: the owner who was served last.
    served: Arc<Mutex<Option<Owner>>>,
    executor: Executor,
    dice: Dice,
    /// The paused tasks, and when each of them continues.
    paused: Vec<(Micros, TaskId)>,
    /// The number of lives so far, of engines and people.
    lives: u64,
    calm_at: Micros,
    audit_at: Micros,
    /// The number of polls and jumps in time so far.
    turns: u64,
}

impl Run {
    pub(super) fn new(
        seed: u64,
        days: u32,
        prepare: PrepareCatalog,
        (own_store, around_source): (Option<Arc<dyn Sink>>, Option<AroundSource>),
        Kind { restoring, zoned }: Kind,
        bug: Option<PlantedBug>,
        trace: Trace,
    ) -> Self {
        let profile = Profile::of(seed);
        let mut profile = if zoned { profile.zoned(seed) } else { profile };
        if bug == Some(PlantedBug::StallUnnoticed) {
            profile.engine.stall = Duration::MAX;
        }
        // Beats are held up for long only in worlds in which a round takes long.
        if bug == Some(PlantedBug::RoundHoldsBeats) {
            profile.labour = 65 * SECOND;
        }
        let rows = Arc::new(Rows::of(&profile, seed, days));
        let shared = Arc::new(Shared::new(seed, profile, trace));
        let clock = Arc::new(CatalogClock::new(&shared.timeline));
        let Prepared { open, restorable } = prepare(clock.clone());
        let restores = restorable.filter(|_| restoring);
        let restores = restores.map(|catalog| Restores::new(catalog, Dice::new(seed, 77)));
        let store = MemorySink::new();
        let plain: Arc<dyn Sink> = match own_store {
            None => Arc::new(store.clone()),
            Some(own) => Arc::new(TwinSink { memory: store.clone(), own, shared: Arc::clone(&shared) }),
        };
        let watched =
            WatchedSink { inner: Arc::clone(&plain), store: store.clone(), shared: Arc::clone(&shared) };
        let sink = Arc::new(TamperedSink::new(Arc::new(watched), bug));
        let watch = Watch {
            shared: Arc::clone(&shared),
            catalog: open(),
            sink: sink.clone(),
            store,
            plain,
            rows,
            model: Mutex::default(),
        };
        Self {
            shared,
            watch: Arc::new(watch),
            sink,
            ids: Arc::new(SeededIds::new(seed)),
            open,
            around_source,
            restores,
            clock,
            bug,
            served: Arc::default(),
            executor: Executor::new(),
            dice: Dice::new(seed, 3),
            paused: Vec::new(),
            lives: 0,
            calm_at: u64::from(days) * DAY,
            audit_at: DAY,
            turns: 0,
        }
    }

    /// Runs the world to its end, and reports a panic as a violation.
    pub(super) fn run(self) -> Result<Figures, Box<Violation>> {
        let shared = Arc::clone(&self.shared);
        // A panic may leave anything else half done, but the figures and the trace are whole, and only they
        // are used afterwards.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_to_the_end())) {
            let told = panic.downcast_ref::<&str>().map(|told| (*told).to_owned());
            let told = told.or_else(|| panic.downcast_ref::<String>().cloned());
            shared.violate(Invariant::Ends, format!("a panic: {}", told.unwrap_or_default()));
        }
        shared.outcome()
    }

    /// Runs until faults have stopped and all work is done, or until an invariant is broken.
    fn run_to_the_end(mut self) {
        let (engines, people) = (self.shared.profile.engines, self.shared.profile.people);
        for place in 0..engines {
            let delay = self.dice.below(10 * SECOND);
            let engine = self.engine(place, delay);
            self.executor.spawn(engine);
        }
        for place in engines..engines + people {
            let person = self.person(place, place == engines);
            self.executor.spawn(person);
        }
        while !self.shared.is_violated() {
            self.count_turn();
            // Time stands still as long as any task can run. Which one runs next is left to the dice, so that
            // seeds try different interleavings.
            match self.executor.step(&mut self.dice) {
                Some(task) => self.heed(task),
                None if self.is_over() => break,
                None => self.advance(),
            }
        }
        if !self.shared.is_violated() {
            self.watch.audit(&owners());
            self.watch.check_end();
        }
    }

    /// Counts polls and jumps in time, so that a world that never ends is detected.
    fn count_turn(&mut self) {
        self.turns += 1;
        if self.turns > TURNS_MAX + self.calm_at / DAY * TURNS_PER_DAY_MAX {
            self.shared.violate(Invariant::Ends, "it goes on and on, and comes to no end");
        }
    }

    /// Carries out a crash or a pause that struck a task during its poll.
    fn heed(&mut self, task: TaskId) {
        self.shared.count(|figures| figures.steps += 1);
        let shared = Arc::clone(&self.shared);
        let Some(life) = shared.lives.get(task) else { return };
        // A future cannot drop itself at one of its awaits. The fault only sets a flag and waits, and the
        // task is replaced here, after its poll.
        if life.takes_crash() {
            self.shared.count(|figures| figures.crashes += 1);
            life.end();
            self.paused.retain(|(_, paused)| *paused != task);
            let delay = Machine::absence(&mut self.dice);
            self.restart(task, delay);
        } else if let Some(until) = life.takes_pause() {
            self.shared.count(|figures| figures.pauses += 1);
            self.executor.pause(task, true);
            self.paused.push((until, task));
        }
    }

    /// Starts a new life in this place. All futures of the old one are dropped.
    fn restart(&mut self, task: TaskId, delay: Micros) {
        let next = if task < self.shared.profile.engines {
            self.engine(task, delay)
        } else {
            self.person(task, false)
        };
        self.executor.replace(task, next);
    }

    /// Moves time to the next event. No task can run at present.
    fn advance(&mut self) {
        let now = self.shared.timeline.elapsed();
        let ends = self.paused.iter().map(|(until, _)| *until).min();
        let Some(next) = self.shared.timeline.next().into_iter().chain(ends).min() else {
            self.shared.violate(Invariant::I11, "nobody waits for anything");
            return;
        };
        // While all engines are idle, the jump passes the timers with which they would look around for
        // nothing. It never passes the end of the faults, which is an event of its own.
        let mut next = next.max(self.nap(now, ends)).max(now);
        if self.shared.storms() && next >= self.calm_at {
            next = self.calm_at;
        }
        self.shared.timeline.advance(next);
        self.watch.land(&self.shared.landing());
        self.wake(next);
        self.back_up_or_restore(next);
        if self.shared.storms() && next == self.calm_at {
            self.calm_down();
        }
        if next >= self.audit_at {
            self.audit_at = next + DAY;
            self.watch.audit(&owners());
        }
    }

    /// Backs the catalog up, or restores it. Everybody who uses the catalog is stopped for that.
    fn back_up_or_restore(&mut self, now: Micros) {
        let storms = self.shared.storms();
        let Some(mut restores) = self.restores.take().filter(|_| storms) else { return };
        if restores.is_due(&self.watch, now) {
            self.shared.count(|figures| figures.crashes += 1);
            let shared = Arc::clone(&self.shared);
            for (task, life) in shared.lives.iter().enumerate() {
                life.end();
                self.paused.retain(|(_, paused)| *paused != task);
                let delay = Machine::absence(&mut self.dice);
                self.restart(task, delay);
            }
            restores.restore(&self.watch);
        }
        self.restores = Some(restores);
    }

    /// Returns the time until which engines may sleep, however often they meant to look around. Nothing is
    /// being done, and there is nothing to do before that time.
    fn nap(&mut self, now: Micros, ends: Option<Micros>) -> Micros {
        let engines = self.shared.profile.engines;
        let stands_still = |place: TaskId| self.paused.iter().any(|(_, task)| *task == place);
        let mut lives = self.shared.lives.iter().take(engines).enumerate();
        if lives.any(|(place, life)| life.is_working() && !stands_still(place)) {
            return now;
        }
        let doze = self.watch.doze();
        let longest = match self.shared.storms() {
            _ if self.watch.runs_something() => doze,
            true => Profile::nap(&mut self.dice),
            // Near the end, an expired set must not stay only because all engines slept or one was just
            // stopped.
            false if now + HOUR < self.calm_at + CALM => HOUR / 4,
            false => HOUR / 30,
        };
        let due = self.watch.next_event().map(|at| self.shared.timeline.micros(at));
        let bounds = [ends, self.shared.timeline.next_exact(), due, Some(now + longest)];
        bounds.into_iter().flatten().min().unwrap_or(now)
    }

    /// Resumes the tasks whose pause is over.
    fn wake(&mut self, now: Micros) {
        let (over, still) = self.paused.drain(..).partition(|(until, _)| *until <= now);
        self.paused = still;
        let over: Vec<(Micros, TaskId)> = over;
        for (_, task) in over {
            self.shared.note(self.who(task), "goes on");
            self.executor.pause(task, false);
        }
    }

    /// Stops all faults, ends all pauses and starts the engines that are down.
    fn calm_down(&mut self) {
        self.shared.note(Who::World, "faults stop");
        self.shared.calm_down();
        self.wake(Micros::MAX);
        self.watch.end_drains();
        for place in 0..self.shared.profile.engines {
            let Some(life) = self.shared.lives.get(place) else { continue };
            // Nobody is left with an older database, by which the jobs of the newer one would wait.
            let is_outdated = self.shared.profile.law.as_ref().is_some_and(|law| law.at <= self.calm_at);
            if is_outdated && life.is_up() {
                self.shared.count(|figures| figures.crashes += 1);
                life.end();
            }
            if !life.is_up() {
                self.restart(place, SECOND);
            }
        }
    }

    /// Whether faults have stopped and everything is done. Work that is overdue breaks invariant I11.
    fn is_over(&self) -> bool {
        let now = self.shared.timeline.elapsed();
        if self.shared.storms() || now < self.calm_at + CALM {
            return false;
        }
        let Some(left) = self.watch.backlog() else { return true };
        if self.watch.is_overdue() {
            self.shared.violate(Invariant::I11, format!("still to be done: {left}"));
        }
        self.shared.is_violated()
    }

    fn who(&self, task: TaskId) -> Who {
        let engines = self.shared.profile.engines;
        if task < engines { Who::Engine(task) } else { Who::Person(task - engines) }
    }

    fn next_life(&mut self, task: TaskId) -> Faults {
        self.lives += 1;
        let dice = shared_dice(self.shared.seed, 1_000 + self.lives);
        Faults::new(&self.shared, self.who(task), task, dice)
    }

    fn engine(&mut self, place: TaskId, delay: Micros) -> BoxFuture<'static, ()> {
        let faults = self.next_life(place);
        let dice = Dice::new(self.shared.seed, 1_000_000 + self.lives);
        Machine { shared: Arc::clone(&self.shared), place, ports: self.ports(&faults), dice }.live(delay)
    }

    fn person(&mut self, task: TaskId, first: bool) -> BoxFuture<'static, ()> {
        let faults = self.next_life(task);
        let who = faults.who;
        let ports = self.ports(&faults)();
        let dice = Dice::new(self.shared.seed, 1_000_000 + self.lives);
        let (shared, watch) = (Arc::clone(&self.shared), Arc::clone(&self.watch));
        Person {
            shared,
            watch,
            who,
            artifacts: Artifacts::new(&ports),
            ports,
            dice,
            role: Role::Administrator,
            bug: self.bug,
        }
        .live(first)
        .boxed()
    }

    /// Returns a function that opens the ports of one caller anew each time, with a new deviation of its
    /// clock.
    fn ports(&self, faults: &Faults) -> Box<dyn Fn() -> Ports + Send> {
        let (shared, watch, faults) = (Arc::clone(&self.shared), Arc::clone(&self.watch), faults.clone());
        let (open, sink, ids, bug) =
            (Arc::clone(&self.open), Arc::clone(&self.sink), Arc::clone(&self.ids), self.bug);
        let (served, clock_of_catalog) = (Arc::clone(&self.served), Arc::clone(&self.clock));
        let around_source = self.around_source.clone();
        Box::new(move || {
            let skew = shared.profile.skew(&mut lock(&faults.dice));
            let (served, clock_of_catalog) = (Arc::clone(&served), Arc::clone(&clock_of_catalog));
            let catalog = Tampered { inner: open(), clock: clock_of_catalog, skew, bug, served };
            let clock = SkewedClock::new(&shared.timeline, skew);
            let (faults, watch) = (faults.clone(), Arc::clone(&watch));
            Ports {
                clock: Arc::new(match bug {
                    Some(PlantedBug::PanicEndsEngine) => clock.panicking(Arc::clone(&faults.panicked)),
                    _ => clock,
                }),
                ids: ids.clone(),
                workers: Arc::new(LossyWorkers(faults.clone())),
                sources: sources(&shared, &watch, &faults, bug, around_source.as_ref()),
                packager: Arc::new(PlainPackager),
                certificates: Arc::new(NoCertificates),
                sink: Arc::new(FaultySink {
                    inner: sink.clone(),
                    faults: faults.clone(),
                    watch: Arc::clone(&watch),
                    bug,
                }),
                catalog: Arc::new(FaultyCatalog { catalog, faults, watch }),
                destinations: Destinations::new(),
                notifiers: Notifiers::new(),
                subject_keys: Arc::new(NoSubjectKeys),
            }
        })
    }
}

fn sources(
    shared: &Shared,
    watch: &Watch,
    faults: &Faults,
    bug: Option<PlantedBug>,
    around: Option<&AroundSource>,
) -> Sources {
    let Ok(descriptions) = descriptions(&shared.profile) else { return Sources::new() };
    descriptions.into_iter().fold(Sources::new(), |sources, mut description| {
        match bug {
            Some(PlantedBug::NoSettleLag) => {
                description.types.iter_mut().for_each(|data_type| data_type.settle_lag = TimeDelta::zero());
            }
            Some(PlantedBug::InvisibleShown) => description.visibility = Visibility::AllOwners,
            _ => {}
        }
        let source: Arc<dyn Source> = Arc::new(RowSource {
            description,
            rows: Arc::clone(&watch.rows),
            timeline: shared.timeline.clone(),
            padding: shared.profile.padding,
            knows_completeness: shared.profile.knows_completeness,
            bug,
            faults: faults.clone(),
        });
        sources.with(around.map_or(Arc::clone(&source), |around| around(source)))
    })
}
