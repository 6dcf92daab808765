//! Runs one world in which people ask, from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::dice::Dice;
use super::super::engines::Machine;
use super::super::executor::{Executor, TaskId};
use super::super::faults::Faults;
use super::super::planted::PlantedBug;
use super::super::profile::Profile;
use super::super::report::{Figures, Invariant, Trace, Violation, Who};
use super::super::shared::{Life, Shared, lock};
use super::super::source::{LossyWorkers, shared_dice};
use super::super::time::{CatalogClock, DAY, HOUR, Micros, SECOND, SkewedClock};
use super::super::watch::step;
use super::super::{OpenCatalog, PrepareCatalog, Prepared};
use super::clerk::Clerk;
use super::closer::{close, weather};
use super::desk::Desk;
use super::keys::{Has, Ring};
use super::record::Record;
use super::seal::Stamps;
use super::store::Shelf;
use super::town::{Town, descriptions};
use super::ward::{Model, Ward};
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::subject::SubjectTask;
use crate::domain::work::row::WorkState;
use crate::ports::Ports;
use crate::ports::catalog::Layered;
use crate::testing::{MemorySink, MemorySubjectKeys, PlainPackager, SeededIds};

/// For how long everything may take once faults have stopped.
const CALM: Micros = 4 * DAY;
/// How late a busy machine serves a timer.
const LATE_MAX: Micros = 4 * SECOND;
/// The most polls and jumps in time per day.
const TURNS_PER_DAY_MAX: u64 = 1_000_000;

/// A world in which people ask.
pub(in super::super) struct Run {
    shared: Arc<Shared>,
    ward: Arc<Ward>,
    ids: Arc<SeededIds>,
    open: OpenCatalog,
    bug: Option<PlantedBug>,
    executor: Executor,
    dice: Dice,
    /// The paused tasks, and when each of them continues.
    paused: Vec<(Micros, TaskId)>,
    /// The number of lives so far, of engines and people.
    lives: u64,
    calm_at: Micros,
    is_closed: Arc<AtomicBool>,
    turns: u64,
}

impl Run {
    pub(in super::super) fn new(
        seed: u64,
        days: u32,
        prepare: PrepareCatalog,
        bug: Option<PlantedBug>,
        trace: Trace,
    ) -> Self {
        let profile = Profile::of(seed).asking();
        let shared = Arc::new(Shared::new(seed, profile, trace));
        let clock = Arc::new(CatalogClock::new(&shared.timeline));
        let Prepared { open, restorable } = prepare(clock);
        let town = Town::of(&mut Dice::new(seed, 20), shared.profile.began_at);
        let keys = Arc::new(MemorySubjectKeys::default());
        // A name of two characters is one.
        let _named = keys.add("k1");
        let ward = Arc::new(Ward {
            shared: Arc::clone(&shared),
            catalog: open(),
            memory: restorable,
            store: MemorySink::new(),
            keys,
            town: Mutex::new(town),
            model: Mutex::new(Model::default()),
            bug,
        });
        Self {
            shared,
            ward,
            ids: Arc::new(SeededIds::new(seed)),
            open,
            bug,
            executor: Executor::new(),
            dice: Dice::new(seed, 21),
            paused: Vec::new(),
            lives: 0,
            calm_at: u64::from(days) * DAY,
            is_closed: Arc::default(),
            turns: 0,
        }
    }

    /// Runs the world to its end, and reports a panic as a violation.
    pub(in super::super) fn run(self) -> Result<Figures, Box<Violation>> {
        let shared = Arc::clone(&self.shared);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_to_the_end())) {
            let told = panic.downcast_ref::<&str>().map(|told| (*told).to_owned());
            let told = told.or_else(|| panic.downcast_ref::<String>().cloned());
            shared.violate(Invariant::Ends, format!("a panic: {}", told.unwrap_or_default()));
        }
        shared.outcome()
    }

    fn run_to_the_end(mut self) {
        let (engines, people) = (self.shared.profile.engines, self.shared.profile.people);
        for place in 0..engines {
            let delay = self.dice.below(10 * SECOND);
            let engine = self.engine(place, delay);
            self.executor.spawn(engine);
        }
        for place in engines..engines + people {
            let clerk = self.clerk(place, place == engines);
            self.executor.spawn(clerk);
        }
        let dice = Dice::new(self.shared.seed, 22);
        self.executor.spawn(weather(Arc::clone(&self.ward), dice).boxed());
        while !self.shared.is_violated() {
            self.turns += 1;
            if self.turns > TURNS_PER_DAY_MAX * (1 + self.calm_at / DAY) {
                self.shared.violate(Invariant::Ends, "it goes on and on, and comes to no end");
            }
            match self.executor.step(&mut self.dice) {
                Some(task) => self.heed(task),
                None if self.is_over() => break,
                None => self.advance(),
            }
        }
        if !self.shared.is_violated() {
            self.ward.check_end();
        }
    }

    /// Carries out a crash or a pause that struck a task during its poll.
    fn heed(&mut self, task: TaskId) {
        self.shared.count(|figures| figures.steps += 1);
        let shared = Arc::clone(&self.shared);
        let Some(life) = shared.lives.get(task) else { return };
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
            self.clerk(task, false)
        };
        self.executor.replace(task, next);
    }

    /// Moves time to the next event. No task can run at present.
    fn advance(&mut self) {
        let now = self.shared.timeline.elapsed();
        let ends = self.paused.iter().map(|(until, _)| *until).min();
        let Some(next) = self.shared.timeline.next().into_iter().chain(ends).min() else {
            return self.shared.violate(Invariant::I11, "nobody waits for anything");
        };
        let mut next = next.max(self.nap(now, ends)).max(now);
        if self.shared.storms() && next >= self.calm_at {
            next = self.calm_at;
        }
        self.shared.timeline.advance(next);
        self.wake(next);
        if self.shared.storms() && next == self.calm_at {
            self.calm_down();
        }
    }

    /// Returns the time until which engines may sleep, however often they meant to look around.
    fn nap(&self, now: Micros, ends: Option<Micros>) -> Micros {
        let stands_still = |place: TaskId| self.paused.iter().any(|(_, task)| *task == place);
        let mut lives = self.shared.lives.iter().take(self.shared.profile.engines).enumerate();
        let works = lives.any(|(place, life)| life.is_working() && !stands_still(place));
        let until = match self.due().map(|due| due.max(now)) {
            _ if works => now + LATE_MAX,
            // It is due, and nobody has taken it yet.
            Some(due) if due <= now => now + LATE_MAX,
            Some(due) => due.min(now + HOUR),
            None => now + HOUR,
        };
        [ends, self.shared.timeline.next_exact(), Some(until)].into_iter().flatten().min().unwrap_or(now)
    }

    /// Returns when something is to be done: an occurrence, an execution, an erasure, or the end of a request. What a worker
    /// has counts as due.
    fn due(&self) -> Option<Micros> {
        let catalog = &self.ward.catalog;
        let agenda = step(catalog.agenda(Clocks::default())).unwrap_or_default();
        let now = self.shared.timeline.now();
        let running = (agenda.running > 0).then_some(now);
        let mut due: Vec<_> =
            [agenda.next_due_at, agenda.next_queued_at, running].into_iter().flatten().collect();
        for (_, tasks) in step(catalog.running_subject_requests()).unwrap_or_default() {
            let answered = tasks.iter().all(SubjectTask::is_answered);
            due.extend(answered.then_some(now));
            due.extend(tasks.iter().filter_map(|task| match task.work.state {
                WorkState::Waiting { next_attempt_at } => Some(next_attempt_at),
                WorkState::Held { .. } => Some(now),
                WorkState::Done { .. } | WorkState::GivenUp { .. } => None,
            }));
        }
        due.into_iter().min().map(|at| self.shared.timeline.micros(at))
    }

    /// Resumes the tasks whose pause is over.
    fn wake(&mut self, now: Micros) {
        let (over, still): (Vec<_>, _) = self.paused.drain(..).partition(|(until, _)| *until <= now);
        self.paused = still;
        for (_, task) in over {
            self.shared.note(self.who(task), "goes on");
            self.executor.pause(task, false);
        }
    }

    /// Stops all faults, ends all pauses, starts the engines that are down, and lets people answer what is open.
    fn calm_down(&mut self) {
        self.shared.note(Who::World, "faults stop");
        self.shared.calm_down();
        self.wake(Micros::MAX);
        lock(&self.ward.town).release_all();
        for place in 0..self.shared.profile.engines {
            let is_up = self.shared.lives.get(place).is_some_and(Life::is_up);
            if !is_up {
                self.restart(place, SECOND);
            }
        }
        let faults = self.next_life(self.shared.profile.engines);
        let ports = self.ports(&faults)();
        let closing = close(Arc::clone(&self.ward), ports, Arc::clone(&self.is_closed));
        self.executor.spawn(closing.boxed());
    }

    /// Whether every request is answered. What takes too long breaks invariant I11.
    fn is_over(&self) -> bool {
        if self.is_closed.load(Ordering::Relaxed) {
            return true;
        }
        if !self.shared.storms() && self.shared.timeline.elapsed() > self.calm_at + CALM {
            let open = self.ward.left();
            self.shared.violate(Invariant::I11, format!("still to be answered: {open}"));
            return true;
        }
        false
    }

    fn who(&self, task: TaskId) -> Who {
        let engines = self.shared.profile.engines;
        if task < engines { Who::Engine(task) } else { Who::Person(task - engines) }
    }

    fn next_life(&mut self, task: TaskId) -> Faults {
        self.lives += 1;
        let dice = shared_dice(self.shared.seed, 2_000 + self.lives);
        Faults::new(&self.shared, self.who(task), task, dice)
    }

    fn engine(&mut self, place: TaskId, delay: Micros) -> BoxFuture<'static, ()> {
        let faults = self.next_life(place);
        let dice = Dice::new(self.shared.seed, 2_000_000 + self.lives);
        Machine { shared: Arc::clone(&self.shared), place, ports: self.ports(&faults), dice }.live(delay)
    }

    fn clerk(&mut self, task: TaskId, first: bool) -> BoxFuture<'static, ()> {
        let faults = self.next_life(task);
        let ports = self.ports(&faults)();
        let dice = Dice::new(self.shared.seed, 2_000_000 + self.lives);
        Clerk { ward: Arc::clone(&self.ward), who: faults.who, ports, dice }.live(first).boxed()
    }

    /// Returns a function that opens the ports of one program anew each time.
    fn ports(&self, faults: &Faults) -> Box<dyn Fn() -> Ports + Send> {
        let (ward, faults) = (Arc::clone(&self.ward), faults.clone());
        let (open, ids, bug) = (Arc::clone(&self.open), Arc::clone(&self.ids), self.bug);
        Box::new(move || {
            let mut dice = lock(&faults.dice);
            let skew = ward.shared.profile.skew(&mut dice);
            let has = match faults.who {
                Who::Engine(_) => Has::of_engine(&mut dice),
                _ => Has::of_person(&mut dice),
            };
            drop(dice);
            let (ward, faults) = (Arc::clone(&ward), faults.clone());
            let record = Record { catalog: open(), ward: Arc::clone(&ward), faults: faults.clone(), bug };
            let store = Shelf { store: ward.store.clone(), faults: faults.clone(), bug };
            let all = Arc::clone(&ward.keys);
            let ring = Ring { all, has, shared: Arc::clone(&ward.shared), forgets: false };
            let ports = Ports::new(
                Arc::new(Layered(record)),
                Arc::new(store),
                Arc::new(PlainPackager),
                Arc::new(LossyWorkers(faults.clone())),
            );
            let ports = ports
                .with_clock(Arc::new(SkewedClock::new(&ward.shared.timeline, skew)))
                .with_ids(ids.clone())
                .with_certificates(Arc::new(Stamps))
                .with_subject_keys(Arc::new(ring));
            let sources = descriptions().unwrap_or_default();
            sources.into_iter().fold(ports, |ports, description| {
                let (ward, faults) = (Arc::clone(&ward), faults.clone());
                ports.with_source(Desk { description, ward, faults, bug })
            })
        })
    }
}
