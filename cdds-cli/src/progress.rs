//! Progress on stderr: bars for a person who watches, lines for a log.

mod bar;
mod event;
mod outcome;
mod post;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::{Execution, ExecutionState};
use cdds_core::domain::id::ExecutionId;
use cdds_core::engine::observe::{Event, Observer};
use cdds_core::ports::clock::Clock;
use cdds_view::{Tone, words};
use chrono::{DateTime, SecondsFormat, Utc};

pub(crate) use self::bar::{BytesProgress, IdleBar, WorkBar};
use self::bar::{ExportBar, Pace};
use self::event::{Record, Subject};
pub(crate) use self::outcome::outcome;
pub(crate) use self::post::Post;
use crate::console::{Console, Telling};
use crate::output::paint;
use crate::text::escaped;

/// In lines, progress is reported whenever another tenth is done,
const STEP_PERCENT: u8 = 10;
/// and after a silence of this length.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Follows executions: those of a run, or one of another process.
#[derive(Debug)]
pub(crate) struct Follower {
    console: Console,
    clock: Arc<dyn Clock>,
    running: Mutex<BTreeMap<ExecutionId, Watched>>,
    post: Mutex<Post>,
}

/// One running execution.
#[derive(Debug)]
struct Watched {
    subject: Subject,
    bar: Option<ExportBar>,
    /// The last tenth that was reported, in percent.
    told_percent: u8,
    told_at: Duration,
}

impl Watched {
    fn new(subject: Subject, monotonic: Duration, bar: Option<ExportBar>) -> Self {
        Self { subject, bar, told_percent: 0, told_at: monotonic }
    }

    /// Returns whether a line about `progress` is due; if so, it counts as reported.
    fn is_news(&mut self, progress: Progress, monotonic: Duration) -> bool {
        let tenth = progress.percent.map_or(0, |percent| percent - percent % STEP_PERCENT);
        let is_news = tenth > self.told_percent || monotonic.saturating_sub(self.told_at) >= SILENCE_MAX;
        if is_news {
            (self.told_percent, self.told_at) = (tenth, monotonic);
        }
        is_news
    }
}

impl Follower {
    pub(crate) fn new(console: &Console, clock: Arc<dyn Clock>) -> Self {
        Self { console: console.clone(), clock, running: Mutex::default(), post: Mutex::default() }
    }

    /// Guards plain values that are replaced whole: a panic elsewhere leaves them usable.
    fn running(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Watched>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows an attempt that began, or that is seen for the first time, at its present progress.
    pub(crate) fn started(&self, execution: &Execution) {
        let (subject, monotonic) = (Subject::of(execution), self.clock.monotonic());
        let bar = (self.console.telling() == Telling::Bars).then(|| {
            ExportBar::new(&self.console, &subject.title, Pace::from(monotonic, execution.progress))
        });
        self.line(|now| Record::started(now, &subject, execution));
        self.running().insert(execution.id, Watched::new(subject, monotonic, bar));
    }

    /// Shows that a running execution advanced.
    pub(crate) fn progressed(&self, id: ExecutionId, progress: Progress) {
        let monotonic = self.clock.monotonic();
        let mut running = self.running();
        let Some(watched) = running.get_mut(&id) else { return };
        if let Some(bar) = &watched.bar {
            bar.show(progress, monotonic);
        } else if matches!(self.console.telling(), Telling::Lines { progress: true, .. })
            && watched.is_news(progress, monotonic)
        {
            self.line(|now| Record::progress(now, &watched.subject, progress));
        }
    }

    /// Returns whether something is told, and nothing runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.console.telling() != Telling::Nothing && self.running().is_empty()
    }

    /// Returns whether bars are shown.
    pub(crate) fn has_bars(&self) -> bool {
        self.console.telling() == Telling::Bars
    }

    /// Writes a line of the log: nothing runs, and this execution is waited for.
    pub(crate) fn awaiting(&self, execution: &Execution) {
        self.line(|now| Record::awaiting(now, &Subject::of(execution), execution));
    }

    /// `waiting to try T again in 12 s (at 2026-01-31T02:00:35Z): why it failed`: for what a run waits that ends when it
    /// is idle.
    pub(crate) fn awaits(execution: &Execution, now: DateTime<Utc>) -> String {
        let title = execution.settings.title.as_str();
        let at = execution.not_before;
        let when =
            format!("{} (at {})", words::relative(at - now), at.to_rfc3339_opts(SecondsFormat::Secs, true));
        match (execution.waits_for_source(), execution.last_failure()) {
            (Some(since), _) => {
                let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("waiting for the source of {title}, which is not complete, since {since}")
            }
            (None, Some(failure)) => format!("waiting to try {title} again {when}: {}", failure.message),
            (None, None) => format!("waiting to begin {title} {when}"),
        }
    }

    /// Shows a line while nothing runs, until the value is dropped.
    pub(crate) fn idles(&self, words: &str) -> IdleBar {
        IdleBar::new(&self.console, words)
    }

    /// Shows that an execution waits for a worker, or for a retry.
    pub(crate) fn waits(&self, execution: &Execution) {
        self.is_over(execution);
        if self.console.telling() == Telling::Bars {
            let (subject, monotonic) = (Subject::of(execution), self.clock.monotonic());
            let bar =
                ExportBar::new(&self.console, &subject.title, Pace::from(monotonic, execution.progress));
            bar.tell(format!("queued{}: `cdds run` runs it", outcome(execution)));
            self.running().insert(execution.id, Watched::new(subject, monotonic, Some(bar)));
        }
    }

    /// Removes the bar of an ended attempt and, in log mode, writes a line.
    pub(crate) fn is_over(&self, execution: &Execution) {
        let watched = self.running().remove(&execution.id);
        drop(watched);
        self.line(|now| Record::ended(now, &Subject::of(execution), execution));
    }

    fn ended(&self, execution: &Execution) {
        self.is_over(execution);
        if self.console.telling() == Telling::Bars {
            self.ended_line(execution);
        }
    }

    /// Writes the line that scrolls by above the bars.
    fn ended_line(&self, execution: &Execution) {
        let status = execution.status().as_str();
        let status = if self.console.colour() { paint(Tone::of(status), status) } else { status.to_owned() };
        let Subject { title, execution: id, .. } = Subject::of(execution);
        let title = escaped(&title);
        let lasting = match (&execution.state, event::lasting(execution)) {
            (ExecutionState::Succeeded, Some(lasting)) => format!(", {}", words::lasting(lasting)),
            _ => String::new(),
        };
        let now = self.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        self.console.note(&format!("{now} {status} {title} ({id}){}{lasting}", outcome(execution)));
    }

    /// Reports that an execution has waited long for its source. It is queued, so it has no bar.
    fn waiting(&self, execution: &Execution) {
        self.line(|now| Record::waiting(now, &Subject::of(execution), execution));
        if let (Telling::Bars, Some(since)) = (self.console.telling(), execution.waits_for_source()) {
            let Subject { title, execution: id, .. } = Subject::of(execution);
            let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
            self.console.note(&format!("{} ({id}) waits for its source since {since}", escaped(&title)));
        }
    }

    fn abandoned(&self, id: ExecutionId) {
        let Some(watched) = self.running().remove(&id) else { return };
        let Watched { subject, bar, .. } = watched;
        drop(bar);
        if self.console.telling() == Telling::Bars {
            self.console.note(&format!("left {} ({id}) to another worker", escaped(&subject.title)));
        }
        self.line(|now| Record::abandoned(now, &subject));
    }

    /// Writes a line of the log, if one is kept.
    fn line(&self, record: impl FnOnce(DateTime<Utc>) -> Record) {
        if let Telling::Lines { form, .. } = self.console.telling() {
            self.console.note(&record(self.clock.now()).line(form));
        }
    }
}

impl Observer for Follower {
    fn notice(&self, event: &Event<'_>) {
        match event {
            Event::Started { execution } => self.started(execution),
            Event::Progressed { execution, progress } => self.progressed(*execution, *progress),
            Event::Waiting { execution } => self.waiting(execution),
            Event::Ended { execution } => self.ended(execution),
            Event::Abandoned { execution } => self.abandoned(*execution),
            Event::DeliveryEnded { delivery } => self.delivery_ended(delivery),
            Event::NoticeEnded { notice } => self.notice_ended(notice),
            _ => {}
        }
    }
}
