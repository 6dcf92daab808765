//! Runs one world of deliveries from its beginning to its end.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::dice::Dice;
use super::super::executor::{Executor, TaskId};
use super::super::report::{Invariant, Violation, Who};
use super::super::time::{CatalogClock, DAY, HOUR, Micros, SECOND, SkewedClock, Timeline, micros_delta};
use super::super::watch::step;
use super::DeliveryFigures;
use super::board::Board;
use super::bug::DeliveryBug;
use super::hearer::Hearer;
use super::models::{Life, State};
use super::place::Way;
use super::record::Record;
use super::sets::{People, mend, owners, publisher};
use super::spots::{Place, places};
use crate::domain::delivery::health::{Health, TargetId};
use crate::domain::id::DestinationId;
use crate::domain::notice::{Channel, NoticeKind};
use crate::domain::work::row::{GivenUp, WorkRow, WorkState};
use crate::engine::{Engine, EngineSettings, Until};
use crate::ports::Ports;
use crate::ports::catalog::query::{DeliveryQuery, NoticeQuery};
use crate::ports::catalog::{DeliveryStore, Layered, Outbox};
use crate::ports::destination::Destinations;
use crate::ports::notifier::Notifiers;
use crate::testing::{InlineWorkers, MemoryCatalog, MemorySink, PlainPackager, SeededIds};

/// For how long everything may take once faults have stopped.
const CALM: Micros = 2 * DAY;
/// How late a busy machine serves a timer.
const LATE_MAX: Micros = 8 * SECOND;
/// The most polls and jumps in time per day.
const TURNS_PER_DAY_MAX: u64 = 4_000_000;

/// Makes the places of a world.
type MakePlaces = fn(&Arc<Board>) -> Vec<Arc<Place>>;
/// Who is told in a world, as jobs name them.
type Subscribed = fn() -> Vec<String>;

/// What a world has of everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) engines: usize,
    /// How long things go wrong, and sets are published.
    pub(super) over: Micros,
    /// How often things go wrong, per thousand calls.
    pub(super) rate: u64,
    /// The time between two sets, at most.
    pub(super) distance: Micros,
    /// The places, by the seed and the days; `None` for those of a world as it comes.
    pub(super) places: Option<MakePlaces>,
    pub(super) subscribed: Subscribed,
}

impl Plan {
    /// The plan of a world as it comes.
    pub(super) fn world(days: u32) -> Self {
        Self {
            engines: 0,
            over: u64::from(days.max(1)) * DAY,
            rate: 1,
            distance: 4 * HOUR,
            places: None,
            subscribed,
        }
    }
}

/// Who is told in a world as it comes.
pub(super) fn subscribed() -> Vec<String> {
    ["mailto:ada@example.com", "webhook:orders"].map(str::to_owned).to_vec()
}

/// A world of deliveries that runs.
pub(super) struct Run {
    pub(super) board: Arc<Board>,
    places: Vec<Arc<Place>>,
    by_id: Arc<BTreeMap<DestinationId, Arc<Place>>>,
    store: MemorySink,
    ids: Arc<SeededIds>,
    executor: Executor,
    dice: Dice,
    engines: usize,
    over: Micros,
    distance: Micros,
    one_by_one: bool,
    subscribed: Subscribed,
    turns: u64,
}

impl Run {
    pub(super) fn new(seed: u64, bug: Option<DeliveryBug>, plan: Plan) -> Self {
        let mut dice = Dice::new(seed, 500);
        let engines = if plan.engines == 0 { dice.index(3) + 1 } else { plan.engines };
        let rate = if plan.rate == 0 { 0 } else { dice.pick(&[2, 6, 15]).unwrap_or(1) };
        let began_at = DateTime::<Utc>::UNIX_EPOCH + micros_delta(1_772_000_000 * SECOND);
        let timeline = Timeline::starting_at(began_at);
        let clock = Arc::new(CatalogClock::new(&timeline));
        let catalog = Arc::new(MemoryCatalog::new().with_clock(clock));
        let board = Arc::new(Board::new(seed, timeline, catalog, bug, (engines, rate)));
        let days = u32::try_from(plan.over / DAY).unwrap_or(1);
        let places = plan.places.map_or_else(|| places(&board, seed, days), |places| places(&board));
        let by_id = places.iter().map(|place| (place.id.clone(), Arc::clone(place))).collect();
        Self {
            board,
            places,
            by_id: Arc::new(by_id),
            store: MemorySink::new(),
            ids: Arc::new(SeededIds::new(seed)),
            executor: Executor::new(),
            dice,
            engines,
            over: plan.over,
            distance: plan.distance,
            one_by_one: plan.places.is_some(),
            subscribed: plan.subscribed,
            turns: 0,
        }
    }

    /// Runs the world to its end, and reports a panic as a violation.
    pub(super) fn run(mut self) -> Result<DeliveryFigures, Box<Violation>> {
        let board = Arc::clone(&self.board);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_to_the_end())) {
            let told = panic.downcast_ref::<&str>().map(|told| (*told).to_owned());
            let told = told.or_else(|| panic.downcast_ref::<String>().cloned());
            board.violate(Invariant::Ends, format!("a panic: {}", told.unwrap_or_default()));
        }
        let mut state = board.state();
        if let Some(violation) = state.violation.take() {
            return Err(Box::new(violation));
        }
        state.figures.simulated_seconds = board.timeline.elapsed() / SECOND;
        Ok(state.figures.clone())
    }

    /// Runs until faults have stopped and everything has arrived, or until an invariant is broken.
    pub(super) fn run_to_the_end(&mut self) {
        for place in 0..self.engines {
            let delay = self.dice.below(10 * SECOND);
            let engine = self.engine(place, delay);
            self.executor.spawn(engine);
        }
        let people = self.people().live(self.over).boxed();
        self.executor.spawn(people);
        while !self.board.is_violated() {
            self.turns += 1;
            if self.turns > TURNS_PER_DAY_MAX * (1 + self.over / DAY) {
                self.board.violate(Invariant::Ends, "it goes on and on, and comes to no end");
            }
            match self.executor.step(&mut self.dice) {
                Some(task) => self.heed(task),
                None if self.is_over() => break,
                None => self.advance(),
            }
        }
    }

    /// Carries out what struck an engine during its poll.
    fn heed(&mut self, task: TaskId) {
        let mut state = self.board.state();
        let Some(life) = state.lives.get_mut(task) else { return };
        if std::mem::take(&mut life.dies) {
            *life = Life::default();
            state.figures.crashes += 1;
            drop(state);
            let longest = if self.dice.below(5) == 0 { 2 * HOUR } else { 60 * SECOND };
            let delay = self.dice.below(longest);
            let engine = self.engine(task, delay);
            self.executor.replace(task, engine);
        } else if life.stops_until.is_some() && !life.stopped {
            life.stopped = true;
            state.figures.pauses += 1;
            drop(state);
            self.executor.pause(task, true);
        }
    }

    /// Moves time to the next event. No task can run at present.
    fn advance(&mut self) {
        let board = Arc::clone(&self.board);
        let now = board.timeline.elapsed();
        let ends = self.stops().into_iter().map(|(_, until)| until).min();
        let Some(next) = board.timeline.next().into_iter().chain(ends).min() else {
            return board.violate(Invariant::Ends, "nobody waits for anything");
        };
        let mut next = next.max(self.nap(now, ends));
        if board.storms() && next >= self.over {
            next = self.over;
        }
        board.timeline.advance(next);
        for (task, _) in self.stops().into_iter().filter(|(_, until)| *until <= next) {
            self.goes_on(task);
        }
        if board.storms() && next >= self.over {
            board.note(Who::World, "faults stop");
            board.calm_down();
            self.stops().into_iter().for_each(|(task, _)| self.goes_on(task));
            mend(&board);
        }
    }

    /// Returns the engines that stand still, and until when.
    fn stops(&self) -> Vec<(TaskId, Micros)> {
        let state = self.board.state();
        let lives = state.lives.iter().enumerate().filter(|(_, life)| life.stopped);
        lives.filter_map(|(task, life)| Some((task, life.stops_until?))).collect()
    }

    fn goes_on(&mut self, task: TaskId) {
        self.board.note(Who::Engine(task), "goes on");
        if let Some(life) = self.board.state().lives.get_mut(task) {
            (life.stopped, life.stops_until) = (false, None);
            life.thawed.extend(life.holds.keys().copied());
        }
        self.executor.pause(task, false);
    }

    /// Returns the time until which engines may sleep, however often they meant to look around: nothing is being done,
    /// and there is nothing to do before that time.
    fn nap(&self, now: Micros, ends: Option<Micros>) -> Micros {
        let is_working = |state: &State| {
            let mut lives = state.lives.iter().filter(|life| !life.stopped);
            lives.any(|life| !life.holds.is_empty() || !life.tells.is_empty())
        };
        let exact = self.board.timeline.next_exact();
        let bounds = if is_working(&self.board.state()) {
            // While engines wait for nothing but an answer, their timers may be served a little late.
            let late = if self.one_by_one { 0 } else { LATE_MAX };
            [ends, exact, None, Some(now + late)]
        } else {
            [ends, exact, self.due(), Some(now + HOUR)]
        };
        bounds.into_iter().flatten().min().unwrap_or(now)
    }

    /// Returns when the next delivery or notice may be taken, or taken back.
    fn due(&self) -> Option<Micros> {
        let catalog = &self.board.catalog;
        let health: BTreeMap<TargetId, Health> =
            step(catalog.health()).unwrap_or_default().into_iter().collect();
        let mut due: Vec<DateTime<Utc>> = Vec::new();
        for owner in owners() {
            let rows = step(catalog.deliveries(&owner, &DeliveryQuery::default()));
            let open = |target: &TargetId| health.get(target).is_none_or(Health::is_enabled);
            for row in rows.map(|page| page.items).unwrap_or_default() {
                due.extend(next_of(&row.work, open(&TargetId::Destination(row.to.destination.clone()))));
            }
            let rows = step(catalog.notices(&owner, &NoticeQuery::default()));
            for row in rows.map(|page| page.items).unwrap_or_default() {
                if row.channel != Channel::Host {
                    let open =
                        row.channel != Channel::Webhook || open(&TargetId::Webhook(row.subscriber.clone()));
                    due.extend(next_of(&row.work, open));
                }
            }
        }
        due.into_iter().min().map(|at| self.board.timeline.micros(at))
    }

    /// Whether faults have stopped and everything has arrived. What is overdue is a violation.
    fn is_over(&self) -> bool {
        if self.board.storms() {
            return false;
        }
        let now = self.board.timeline.elapsed();
        match self.board.left().or_else(|| self.untold()) {
            None => now >= self.over + 3 * HOUR,
            Some(left) if now > self.over + CALM => {
                self.board.violate(Invariant::Arrives, format!("still to be done: {left}"));
                true
            }
            Some(_) => false,
        }
    }

    /// N-I2: returns what is still to be told.
    fn untold(&self) -> Option<String> {
        for owner in owners() {
            let rows = step(self.board.catalog.notices(&owner, &NoticeQuery::default()));
            for row in rows.map(|page| page.items).unwrap_or_default() {
                let was_told = self.board.state().told.contains(&row.work.id);
                let is_done = matches!(row.work.state, WorkState::Done { .. });
                // Of a certificate that was renewed before anybody could be told, nothing is left to tell.
                let is_gone = matches!(row.work.state, WorkState::GivenUp { reason: GivenUp::Gone, .. });
                let is_overtaken = is_gone && row.kind == NoticeKind::Certificate;
                if row.channel != Channel::Host && !(was_told && is_done) && !is_overtaken {
                    return Some(format!("{} over {}: {:?}", row.kind, row.channel, row.work));
                }
            }
        }
        None
    }

    fn people(&self) -> People {
        People {
            board: Arc::clone(&self.board),
            catalog: Arc::new(Layered(publisher(&self.board))),
            store: self.store.clone(),
            ids: Arc::clone(&self.ids),
            places: self.places.clone(),
            distance: self.distance,
            one_by_one: self.one_by_one,
            subscribed: (self.subscribed)(),
        }
    }

    /// The lives of an engine: it works for a while and is stopped in good order, or dies.
    fn engine(&mut self, place: TaskId, delay: Micros) -> BoxFuture<'static, ()> {
        let ports = self.ports(place);
        let board = Arc::clone(&self.board);
        let mut dice = Dice::new(self.board.seed, 1_000 + self.dice.throw());
        async move {
            let mut delay = delay;
            loop {
                board.timeline.sleep(delay).await;
                let settings = EngineSettings::default()
                    .with_doubt_clock(false)
                    .with_concurrency(NonZeroUsize::MIN)
                    .with_grace(Duration::from_secs(20));
                let engine = Engine::builder(&ports).settings(settings).build();
                board.note(Who::Engine(place), "starts");
                let shutdown = board.timeline.sleep(dice.between(6 * HOUR, 48 * HOUR));
                let _report = engine.run(Until::Stopped, shutdown).await;
                if let Some(life) = board.state().lives.get_mut(place) {
                    life.holds.clear();
                    life.tells.clear();
                }
                delay = dice.below(60 * SECOND);
            }
        }
        .boxed()
    }

    fn ports(&mut self, engine: TaskId) -> Ports {
        let board = &self.board;
        let record =
            Record { board: Arc::clone(board), engine: Some(engine), places: Arc::clone(&self.by_id) };
        let skew = TimeDelta::seconds(i64::try_from(self.dice.below(600)).unwrap_or(0) - 300);
        let ports = Ports::new(
            Arc::new(Layered(record)),
            Arc::new(self.store.clone()),
            Arc::new(PlainPackager),
            Arc::new(InlineWorkers),
        );
        let way = |place: &Arc<Place>| Way { board: Arc::clone(board), engine, place: Arc::clone(place) };
        let destinations = self.places.iter().fold(Destinations::new(), |all, place| all.with(way(place)));
        let notifiers =
            [Channel::Email, Channel::Webhook].into_iter().fold(Notifiers::new(), |all, channel| {
                all.with(Hearer { board: Arc::clone(board), engine, channel })
            });
        ports
            .with_clock(Arc::new(SkewedClock::new(&board.timeline, skew)))
            .with_ids(self.ids.clone())
            .with_destinations(destinations)
            .with_notifiers(notifiers)
    }
}

/// Returns when work may be taken, or taken back.
fn next_of<Id>(work: &WorkRow<Id>, is_open: bool) -> Option<DateTime<Utc>> {
    match &work.state {
        WorkState::Waiting { next_attempt_at } if is_open => Some(*next_attempt_at),
        WorkState::Held { lease, .. } => Some(lease.expires_at),
        _ => None,
    }
}
