//! The moment at which a worker is killed, and its activity at that moment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use fastrand::Rng;
use futures::executor::block_on;

use crate::support::Place;

/// How long a worker may live without reaching its moment, because nothing was due.
const LIFE_MAX: Duration = Duration::from_secs(2);

/// A moment shortly after an event that is visible from outside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// The process was started.
    Born,
    /// It has claimed an execution.
    Claimed,
    /// It has stored a manifest, so that only the commit is left.
    Stored,
    /// An execution has ended.
    Ended,
    /// It has removed an orphan or an expired set.
    Removed,
}

/// The activity of a worker when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It had logged nothing yet.
    Idle,
    /// It was reading, and had stored nothing.
    Reading,
    /// It had stored some parts, or a part of one.
    Storing,
    /// It had stored a whole set, but not published it yet.
    Publishing,
    /// It had ended an execution.
    Settled,
    /// It had just removed files, and had more to remove.
    Removing,
}

impl Phase {
    pub(super) const ALL: [Self; 6] =
        [Self::Idle, Self::Reading, Self::Storing, Self::Publishing, Self::Settled, Self::Removing];
}

impl Moment {
    pub(super) fn any(rng: &mut Rng) -> Self {
        match rng.u8(0..9) {
            0..2 => Self::Born,
            2..5 => Self::Claimed,
            5..7 => Self::Stored,
            _ => Self::Ended,
        }
    }

    /// The maximum delay between the event and the kill, in microseconds.
    fn delay_max(self) -> u64 {
        match self {
            Self::Born => 40_000,
            Self::Claimed => 400_000,
            Self::Stored => 10_000,
            Self::Ended | Self::Removed => 30_000,
        }
    }

    /// Whether a line of the log reports the event.
    fn is_told_by(self, line: &str) -> bool {
        match self {
            Self::Born | Self::Stored => false,
            Self::Claimed => line.ends_with(": started"),
            Self::Ended => line.contains(": ended "),
            Self::Removed => line.contains("orphan removed") || line.contains("files removed"),
        }
    }

    /// Starts a worker and kills it at this moment, or once it has nothing to do.
    pub(super) fn kill(self, mut worker: Command, before: &Stored, rng: &mut Rng) -> Killed {
        let mut child = worker.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = Log::of(&mut child);
        self.wait_for(&mut log, before);
        block_on(SystemClock::new().sleep(Duration::from_micros(rng.u64(..self.delay_max()))));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        log.read_to_end();
        assert_eq!(ended.code(), None, "the worker ended by itself: {:?}", log.lines);
        Killed { log: log.lines }
    }

    fn wait_for(self, log: &mut Log, before: &Stored) {
        let clock = SystemClock::new();
        while clock.monotonic() < LIFE_MAX {
            let come = match self {
                Self::Born => true,
                Self::Stored => before.has_new_manifest(),
                _ => log.lines.iter().any(|line| self.is_told_by(line)),
            };
            if come {
                return;
            }
            log.read_for(Duration::from_micros(200));
        }
    }
}

/// The log of a worker, line by line.
struct Log {
    lines: Vec<String>,
    more: Receiver<String>,
}

impl Log {
    fn of(worker: &mut Child) -> Self {
        let (sender, more) = channel();
        let stderr = BufReader::new(worker.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().try_for_each(|line| sender.send(line.unwrap())));
        Self { lines: Vec::new(), more }
    }

    fn read_for(&mut self, wait: Duration) {
        match self.more.recv_timeout(wait) {
            Ok(line) => self.lines.push(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the worker ended by itself: {:?}", self.lines),
        }
    }

    fn read_to_end(&mut self) {
        self.lines.extend(self.more.iter());
    }
}

/// A worker that was killed.
pub(super) struct Killed {
    log: Vec<String>,
}

impl Killed {
    /// Determines its activities from its last log lines and from the attempts that it left `broken_off`.
    pub(super) fn phases(&self, place: &Place, broken_off: &BTreeSet<String>) -> BTreeSet<Phase> {
        let stored = place.files("artifacts");
        let stage_of = |execution: &String| {
            let files = stored.iter().filter(|file| file.starts_with(execution));
            let stages = files.map(|file| if is_manifest(file) { Phase::Publishing } else { Phase::Storing });
            stages.max().unwrap_or(Phase::Reading)
        };
        let mut phases: BTreeSet<Phase> = broken_off.iter().map(stage_of).collect();
        if self.log.last().is_some_and(|last| Moment::Removed.is_told_by(last)) {
            phases.insert(Phase::Removing);
        }
        if self.log.iter().any(|line| Moment::Ended.is_told_by(line)) {
            phases.insert(Phase::Settled);
        }
        if self.log.is_empty() {
            phases.insert(Phase::Idle);
        }
        phases
    }
}

/// Whether this is `<execution>/<epoch>/manifest`, or its unfinished upload.
fn is_manifest(file: &str) -> bool {
    file.split('/').nth(2).is_some_and(|name| name.starts_with("manifest"))
}

/// The store, and the executions whose whole set was stored at some time.
pub(super) struct Stored {
    root: PathBuf,
    whole: BTreeSet<OsString>,
}

impl Stored {
    pub(super) fn found(place: &Place) -> Self {
        let nothing = Self { root: place.path("artifacts"), whole: BTreeSet::new() };
        Self { whole: nothing.new_manifests().collect(), ..nothing }
    }

    fn has_new_manifest(&self) -> bool {
        self.new_manifests().next().is_some()
    }

    /// Finds executions with a new manifest. Files may be removed while they are examined.
    fn new_manifests(&self) -> impl Iterator<Item = OsString> {
        let folders = entries(&self.root).filter(|folder| !self.whole.contains(&folder.file_name()));
        let is_whole = |folder: &DirEntry| {
            let mut files = entries(&folder.path()).flat_map(|epoch| entries(&epoch.path()));
            files.any(|file| file.file_name().to_string_lossy().starts_with("manifest"))
        };
        folders.filter(is_whole).map(|folder| folder.file_name())
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}
