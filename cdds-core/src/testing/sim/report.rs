//! What a world tells: what happened, how much of it, and what must not have happened.

use std::collections::VecDeque;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::coverage::Coverage;
pub use super::verdict::{Invariant, Violation};

/// The last events that a [`Violation`] shows.
const EVENTS_SHOWN: usize = 200;

/// Something that happened in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by true time.
    pub at: DateTime<Utc>,
    /// To whom or by whom.
    pub who: Who,
    /// What.
    pub what: What,
}

/// Who does something in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The world itself.
    World,
    /// The engine in this place; another life of it has another worker id.
    Engine(usize),
    /// One of the people who use the services.
    Person(usize),
    /// The record changed.
    Record,
}

/// What happens in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A call to a port returned.
    Call {
        /// Which.
        call: &'static str,
        /// Whether with an error of its own.
        failed: bool,
    },
    /// A fault was injected.
    Fault {
        /// At which call.
        call: &'static str,
        /// Which.
        fault: FaultKind,
    },
    /// Anything else.
    Note(String),
}

/// What can go wrong at a call to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// It fails before anything was done.
    Error,
    /// It was done, and an error is returned.
    LostReply,
    /// The port answers nothing but errors, from here on for minutes.
    Outage,
    /// It takes some milliseconds.
    Latency,
    /// It takes long.
    Delay,
    /// Others go first.
    Yield,
    /// The process dies here: every future of the engine is dropped.
    Crash,
    /// The process stands still for longer than its lease, then goes on.
    Pause,
    /// The port panics.
    Panic,
    /// The port never answers.
    Hang,
    /// What is read changes meanwhile, and the source says so.
    Change,
}

impl FaultKind {
    /// Everything that can go wrong.
    pub const ALL: [Self; 11] = [
        Self::Error,
        Self::LostReply,
        Self::Outage,
        Self::Latency,
        Self::Delay,
        Self::Yield,
        Self::Crash,
        Self::Pause,
        Self::Panic,
        Self::Hang,
        Self::Change,
    ];

    /// The fault as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::LostReply => "lost reply",
            Self::Outage => "outage",
            Self::Latency => "latency",
            Self::Delay => "delay",
            Self::Yield => "yield",
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::Change => "change",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World => f.write_str("world"),
            Self::Engine(place) => write!(f, "engine {place}"),
            Self::Person(place) => write!(f, "person {place}"),
            Self::Record => f.write_str("record"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(f, "{at} {:<9} ", self.who.to_string())?;
        match &self.what {
            What::Call { call, failed: false } => f.write_str(call),
            What::Call { call, failed: true } => write!(f, "{call} failed"),
            What::Fault { call, fault } => write!(f, "{} at {call}", fault.as_str()),
            What::Note(note) => f.write_str(note),
        }
    }
}

/// Is told every event as it happens.
pub(super) type Listener = Box<dyn FnMut(&Event) + Send>;

/// What happened so far: a hash of everything, and the last events.
pub(super) struct Trace {
    hash: u64,
    last: VecDeque<Event>,
    listener: Option<Listener>,
}

impl Trace {
    pub(super) fn new(listener: Option<Listener>) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, last: VecDeque::with_capacity(EVENTS_SHOWN), listener }
    }

    /// Counts an event that nobody wants to see, such as a look for work that found none.
    pub(super) fn pass(&mut self, at: u64, who: Who, call: &str) {
        self.mix(at);
        self.mix_who(who);
        self.mix_text(call);
    }

    pub(super) fn add(&mut self, at: u64, event: Event) {
        self.mix(at);
        self.mix_who(event.who);
        match &event.what {
            What::Call { call, failed } => {
                self.mix_text(call);
                self.mix(u64::from(*failed));
            }
            What::Fault { call, fault } => {
                self.mix_text(call);
                self.mix_text(fault.as_str());
            }
            What::Note(note) => self.mix_text(note),
        }
        if let Some(listener) = &mut self.listener {
            listener(&event);
        }
        if self.last.len() == EVENTS_SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn last(&self) -> Vec<Event> {
        self.last.iter().cloned().collect()
    }

    fn mix_who(&mut self, who: Who) {
        self.mix(match who {
            Who::World => 0,
            Who::Record => 1,
            Who::Engine(place) => 2 + 2 * place as u64,
            Who::Person(place) => 3 + 2 * place as u64,
        });
    }

    /// FNV-1a, eight bytes at a time.
    fn mix(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }

    fn mix_text(&mut self, text: &str) {
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(text.len() as u64);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// How much happened, in one world or in many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Worlds.
    pub seeds: u64,
    /// Virtual time, seconds.
    pub simulated_seconds: u64,
    /// Polls of a task.
    pub steps: u64,
    /// Claims of executions.
    pub claims: u64,
    /// Executions that published their set.
    pub successes: u64,
    /// Executions that were given up.
    pub failures: u64,
    /// Executions that a person stopped.
    pub cancels: u64,
    /// Occurrences that were not run.
    pub skips: u64,
    /// Records in published sets.
    pub records: u64,
    /// Of these, versions of records that were changed before.
    pub changed: u64,
    /// What people asked for.
    pub commands: u64,
    /// Engines that died at an await.
    pub crashes: u64,
    /// Engines that stood still for longer than their lease.
    pub pauses: u64,
    /// Errors, lost replies and delays.
    pub faults: u64,
    /// Times that a port was out of order for minutes.
    pub outages: u64,
    /// Times that a port panicked.
    pub panics: u64,
    /// Uploads that the store finished after whoever began them was dead.
    pub late_uploads: u64,
    /// Which faults there were, and at which calls.
    pub coverage: Coverage,
    /// Commits and ends of workers that had lost their claim: refused.
    pub fenced: u64,
    /// Sets that were removed.
    pub removals: u64,
    /// Times the whole record was compared.
    pub audits: u64,
    /// A hash of everything that happened, in order; of many worlds, of their hashes.
    pub trace_hash: u64,
}

impl Figures {
    /// Adds those of another world.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.simulated_seconds += other.simulated_seconds;
        self.steps += other.steps;
        self.claims += other.claims;
        self.successes += other.successes;
        self.failures += other.failures;
        self.cancels += other.cancels;
        self.skips += other.skips;
        self.records += other.records;
        self.changed += other.changed;
        self.commands += other.commands;
        self.crashes += other.crashes;
        self.pauses += other.pauses;
        self.faults += other.faults;
        self.outages += other.outages;
        self.panics += other.panics;
        self.late_uploads += other.late_uploads;
        self.coverage.extend(&other.coverage);
        self.fenced += other.fenced;
        self.removals += other.removals;
        self.audits += other.audits;
        // The order in which threads are done is no part of it.
        self.trace_hash = self.trace_hash.wrapping_add(other.trace_hash);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("seeds", self.seeds),
            ("simulated hours", self.simulated_seconds / 3_600),
            ("steps", self.steps),
            ("claims", self.claims),
            ("successes", self.successes),
            ("failures", self.failures),
            ("cancels", self.cancels),
            ("skips", self.skips),
            ("records published", self.records),
            ("changed records", self.changed),
            ("commands of people", self.commands),
            ("crashes", self.crashes),
            ("pauses past the lease", self.pauses),
            ("faults injected", self.faults),
            ("outages of a port", self.outages),
            ("panics of a port", self.panics),
            ("uploads that came late", self.late_uploads),
            ("fenced commits", self.fenced),
            ("sets removed", self.removals),
            ("audits", self.audits),
        ];
        for (name, count) in rows {
            writeln!(f, "{name:<22} {count:>12}")?;
        }
        write!(f, "{:<22} {:>12x}", "trace", self.trace_hash)
    }
}
