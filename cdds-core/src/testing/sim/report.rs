//! The report of a world: its events, its figures and its violations.

use std::collections::VecDeque;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::coverage::Coverage;
pub use super::verdict::{Invariant, Violation};

/// The number of events that a [`Violation`] shows.
const EVENTS_SHOWN: usize = 200;

/// An event in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The true time of the event.
    pub at: DateTime<Utc>,
    /// The actor that the event concerns.
    pub who: Who,
    /// The kind of event.
    pub what: What,
}

/// An actor in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The world itself.
    World,
    /// The engine in this place. Each of its lives has another worker id.
    Engine(usize),
    /// A person who uses the services.
    Person(usize),
    /// The record, when it changes.
    Record,
}

/// The kind of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A call to a port returned.
    Call {
        /// The name of the call.
        call: &'static str,
        /// Whether it returned an error of its own, not an injected one.
        failed: bool,
    },
    /// A fault was injected.
    Fault {
        /// The name of the call.
        call: &'static str,
        /// The kind of fault.
        fault: FaultKind,
    },
    /// Anything else.
    Note(String),
}

/// A fault that can occur at a call to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The call fails before it has any effect.
    Error,
    /// The call takes effect, but returns an error.
    LostReply,
    /// The port returns only errors for minutes, beginning with this call.
    Outage,
    /// The call takes some milliseconds.
    Latency,
    /// The call takes up to minutes.
    Delay,
    /// Other tasks go first.
    Yield,
    /// The process dies here: all futures of the engine are dropped.
    Crash,
    /// The process stands still for longer than its lease, then continues.
    Pause,
    /// The port panics.
    Panic,
    /// The call never returns.
    Hang,
    /// The data changes during the read, and the source reports it.
    Change,
}

impl FaultKind {
    /// Every kind of fault.
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

    /// Returns the name of the fault, as traces print it.
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

/// Receives every event as it happens.
pub(super) type Listener = Box<dyn FnMut(&Event) + Send>;

/// The events so far: a hash of all of them, and the last ones in full.
pub(super) struct Trace {
    hash: u64,
    last: VecDeque<Event>,
    listener: Option<Listener>,
}

impl Trace {
    pub(super) fn new(listener: Option<Listener>) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, last: VecDeque::with_capacity(EVENTS_SHOWN), listener }
    }

    /// Adds an event to the hash alone. For events that nobody wants to see, such as a search for work that
    /// found none.
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

    /// Like FNV-1a, but eight bytes at a time.
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

/// Counts of what happened in one world, or in many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Worlds.
    pub seeds: u64,
    /// Virtual time, in seconds.
    pub simulated_seconds: u64,
    /// Polls of a task.
    pub steps: u64,
    /// Claims of executions.
    pub claims: u64,
    /// Executions that published their set.
    pub successes: u64,
    /// Executions that were given up.
    pub failures: u64,
    /// Executions that were cancelled.
    pub cancels: u64,
    /// Occurrences that were not run.
    pub skips: u64,
    /// Jobs that were submitted with a first run at once (rule J17).
    pub first_runs: u64,
    /// Published sets of several data types (rule J17).
    pub several_types: u64,
    /// Published sets that were filtered by a list (rule J4).
    pub filtered: u64,
    /// Records in published sets.
    pub records: u64,
    /// Those of the published records that are changed versions of earlier ones.
    pub changed: u64,
    /// Commands of people.
    pub commands: u64,
    /// Engines that died at an await.
    pub crashes: u64,
    /// Restores of the catalog from a backup; in worlds that ask, of the sources.
    pub restores: u64,
    /// Engines that stood still for longer than their lease.
    pub pauses: u64,
    /// Injected faults, except yields, latencies, crashes and pauses.
    pub faults: u64,
    /// Outages of a port, each for minutes.
    pub outages: u64,
    /// Panics of a port.
    pub panics: u64,
    /// Uploads that the store finished after their caller had gone.
    pub late_uploads: u64,
    /// Jobs that a newer database of time zones computed anew (rule F9).
    pub renewals: u64,
    /// Requests of data subjects that were put on record (rule D2).
    pub requests: u64,
    /// Copies that were handed over (rule D9).
    pub handed_over: u64,
    /// Records that were erased (rule D5).
    pub erased: u64,
    /// How often past erasures were applied again as a whole (rule D7).
    pub reapplied: u64,
    /// Sets whose filters were asked whether they hold a person (rule D10).
    pub filters_asked: u64,
    /// Sets that were recalled, each once for a request (rule D11).
    pub recalled: u64,
    /// The faults of each kind at each call.
    pub coverage: Coverage,
    /// Commits and settlements that were refused because the worker had lost its claim.
    pub fenced: u64,
    /// Sets that were removed.
    pub removals: u64,
    /// Rows of the record that were forgotten.
    pub forgotten: u64,
    /// Comparisons of the whole record.
    pub audits: u64,
    /// A hash of everything that happened, in order. For many worlds, the sum of their hashes.
    pub trace_hash: u64,
}

impl Figures {
    /// Adds the figures of another world.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.simulated_seconds += other.simulated_seconds;
        self.steps += other.steps;
        self.claims += other.claims;
        self.successes += other.successes;
        self.failures += other.failures;
        self.cancels += other.cancels;
        self.skips += other.skips;
        self.first_runs += other.first_runs;
        self.several_types += other.several_types;
        self.filtered += other.filtered;
        self.records += other.records;
        self.changed += other.changed;
        self.commands += other.commands;
        self.crashes += other.crashes;
        self.restores += other.restores;
        self.pauses += other.pauses;
        self.faults += other.faults;
        self.outages += other.outages;
        self.panics += other.panics;
        self.late_uploads += other.late_uploads;
        self.renewals += other.renewals;
        self.requests += other.requests;
        self.handed_over += other.handed_over;
        self.erased += other.erased;
        self.reapplied += other.reapplied;
        self.filters_asked += other.filters_asked;
        self.recalled += other.recalled;
        self.coverage.extend(&other.coverage);
        self.fenced += other.fenced;
        self.removals += other.removals;
        self.forgotten += other.forgotten;
        self.audits += other.audits;
        // A sum does not depend on the order in which threads finish.
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
            ("first runs", self.first_runs),
            ("sets of several types", self.several_types),
            ("sets with a filter", self.filtered),
            ("records published", self.records),
            ("changed records", self.changed),
            ("commands of people", self.commands),
            ("crashes", self.crashes),
            ("restores of the catalog", self.restores),
            ("pauses past the lease", self.pauses),
            ("faults injected", self.faults),
            ("outages of a port", self.outages),
            ("panics of a port", self.panics),
            ("uploads that came late", self.late_uploads),
            ("jobs by a newer database", self.renewals),
            ("requests of people", self.requests),
            ("copies handed over", self.handed_over),
            ("records erased", self.erased),
            ("erasures again", self.reapplied),
            ("sets asked for people", self.filters_asked),
            ("sets recalled", self.recalled),
            ("fenced commits", self.fenced),
            ("sets removed", self.removals),
            ("rows forgotten", self.forgotten),
            ("audits", self.audits),
        ];
        for (name, count) in rows {
            writeln!(f, "{name:<22} {count:>12}")?;
        }
        write!(f, "{:<22} {:>12x}", "trace", self.trace_hash)
    }
}
