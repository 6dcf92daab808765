//! Progress on stderr: bars for a person who watches, lines for a log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cdds_core::domain::execution::{Execution, ExecutionState};
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::progress::Progress;
use cdds_core::engine::observe::{Event, Observer};
use cdds_core::ports::clock::Clock;
use indicatif::{FormattedDuration, HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use crate::console::{Console, Telling};
use crate::output::printable;
use crate::view::Instant;

const EXPORT_STYLE: &str = "{prefix:30!} [{bar:24}] {pos:>3} %  {msg}";
/// Without an expectation there is no share to show.
const UNKNOWN_STYLE: &str = "{prefix:30!} {spinner} {msg}";
const DOWNLOAD_STYLE: &str =
    "{msg:30!} [{bar:24}] {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta_precise} left";

/// In lines, progress is told whenever another tenth is done.
const STEP_PERCENT: u8 = 10;

/// Follows the executions of a run.
#[derive(Debug)]
pub(crate) struct RunProgress {
    console: Console,
    clock: Arc<dyn Clock>,
    running: Mutex<BTreeMap<ExecutionId, Watched>>,
}

/// One running execution.
#[derive(Debug)]
struct Watched {
    title: String,
    started: Duration,
    bar: ProgressBar,
    /// The last tenth that was told, in percent.
    told_percent: u8,
}

impl RunProgress {
    pub(crate) fn new(console: &Console, clock: Arc<dyn Clock>) -> Self {
        Self { console: console.clone(), clock, running: Mutex::default() }
    }

    /// Guards plain values that are replaced whole: a panic elsewhere leaves them usable.
    fn running(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Watched>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, execution: &Execution) {
        let title = printable(execution.settings.title.as_str()).into_owned();
        let bar = self.console.bars().add(ProgressBar::new(100));
        bar.set_style(style(UNKNOWN_STYLE));
        bar.set_prefix(title.clone());
        if self.console.telling() != Telling::Bars {
            self.event(&format!("started {title} ({}) for {}", execution.id, Instant(execution.slot)));
        }
        let watched = Watched { title, started: self.clock.monotonic(), bar, told_percent: 0 };
        self.running().insert(execution.id, watched);
    }

    fn progressed(&self, id: ExecutionId, progress: Progress) {
        let mut line = None;
        if let Some(watched) = self.running().get_mut(&id) {
            let words = words(progress, self.clock.monotonic().saturating_sub(watched.started));
            if let Some(percent) = progress.percent {
                watched.bar.set_style(style(EXPORT_STYLE));
                watched.bar.set_position(u64::from(percent));
                if percent >= watched.told_percent.saturating_add(STEP_PERCENT) {
                    watched.told_percent = percent - percent % STEP_PERCENT;
                    line = Some(format!("progress {} ({id}): {percent} %, {words}", watched.title));
                }
            }
            watched.bar.set_message(words);
            watched.bar.tick();
        }
        if let (Some(line), Telling::Lines { progress: true }) = (line, self.console.telling()) {
            self.event(&line);
        }
    }

    fn ended(&self, execution: &Execution) {
        if let Some(watched) = self.running().remove(&execution.id) {
            watched.bar.finish_and_clear();
        }
        let title = printable(execution.settings.title.as_str());
        self.event(&format!(
            "{} {title} ({}){}",
            execution.status().as_str(),
            execution.id,
            outcome(execution)
        ));
    }

    fn abandoned(&self, id: ExecutionId) {
        if let Some(watched) = self.running().remove(&id) {
            watched.bar.finish_and_clear();
            self.event(&format!("left {} ({id}) to another worker", watched.title));
        }
    }

    fn event(&self, words: &str) {
        let now = Instant(self.clock.now()).short();
        self.console.note(&format!("{now} {words}"));
    }
}

impl Observer for RunProgress {
    fn notice(&self, event: &Event<'_>) {
        match event {
            Event::Started { execution } => self.started(execution),
            Event::Progressed { execution, progress } => self.progressed(*execution, *progress),
            Event::Ended { execution } => self.ended(execution),
            Event::Abandoned { execution } => self.abandoned(*execution),
            _ => {}
        }
    }
}

/// What an ended attempt came to.
fn outcome(execution: &Execution) -> String {
    let progress = execution.progress;
    match &execution.state {
        ExecutionState::Succeeded => format!(
            ": {} records in {} file(s), {}{}",
            HumanCount(progress.records),
            progress.parts,
            HumanBytes(progress.bytes_written),
            bad_records(progress.rejected)
        ),
        ExecutionState::Failed(failure) => format!(": {}", printable(&failure.message)),
        ExecutionState::Queued => {
            let failure = execution.attempts.last().and_then(|attempt| attempt.failure.as_ref());
            failure.map_or_else(String::new, |failure| {
                let again = Instant(execution.not_before);
                format!(" again at {again}: {}", printable(&failure.message))
            })
        }
        ExecutionState::Skipped(reason) => format!(": {reason}"),
        _ => String::new(),
    }
}

/// What was set aside (rule E10); most often nothing.
fn bad_records(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", {} bad record(s) set aside", HumanCount(count)) }
}

/// `1,234 records, 5.6 MiB read, 1.2 MiB/s, 0:00:13 left`
fn words(progress: Progress, elapsed: Duration) -> String {
    let mut words =
        format!("{} records, {} read", HumanCount(progress.records), HumanBytes(progress.bytes_read));
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if let Some(rate) = progress.bytes_read.saturating_mul(1_000).checked_div(millis) {
        words += &format!(", {}/s", HumanBytes(rate));
    }
    if let Some(seconds) = progress.remaining_seconds {
        words += &format!(", {} left", FormattedDuration(Duration::from_secs(seconds)));
    }
    words
}

/// Follows a download.
#[derive(Debug)]
pub(crate) struct DownloadProgress {
    bar: ProgressBar,
}

impl DownloadProgress {
    /// `bytes` are expected in all files together.
    pub(crate) fn new(console: &Console, bytes: u64) -> Self {
        let bar = console.bars().add(ProgressBar::new(bytes));
        bar.set_style(style(DOWNLOAD_STYLE));
        Self { bar }
    }

    /// The next file.
    pub(crate) fn begin(&self, name: &str) {
        self.bar.set_message(printable(name).into_owned());
    }

    /// More of it is there.
    pub(crate) fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for DownloadProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The templates are constants, which the tests read; the default bar is no failure.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for template in [EXPORT_STYLE, UNKNOWN_STYLE, DOWNLOAD_STYLE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn e7_words_tell_rate_and_remaining_time() {
        let progress = Progress {
            records: 1_234,
            bytes_read: 4 << 20,
            remaining_seconds: Some(13),
            ..Progress::default()
        };
        assert_eq!(
            words(progress, Duration::from_secs(2)),
            "1,234 records, 4.00 MiB read, 2.00 MiB/s, 00:00:13 left"
        );
        assert_eq!(words(Progress::default(), Duration::ZERO), "0 records, 0 B read");
    }
}
