//! Bars: one line each, redrawn in place.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::execution::progress::Progress;
use cdds_view::words as say;
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;
use crate::text::{fitted, printable};

/// How many columns a title gets.
const TITLE_COLUMNS: usize = 24;
/// Below this many columns, words take the place of title and bar.
const BAR_COLUMNS: u16 = 60;
const STYLE: &str = "{prefix} [{bar:14}] {percent:>3} %  {wide_msg}";
const NARROW_STYLE: &str = "{percent:>3} % {wide_msg}";
/// The styles without an expected total, where no share can be shown.
const UNKNOWN_STYLE: &str = "{prefix} {spinner} {wide_msg}";
const NARROW_UNKNOWN_STYLE: &str = "{spinner} {wide_msg}";
const IDLE_STYLE: &str = "{wide_msg}";
const WORK_STYLE: &str = "{spinner} {wide_msg}";

/// The pace of something since it was first seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    since: Duration,
    records: u64,
}

impl Pace {
    /// Starts measuring now, with `done` as the baseline.
    pub(super) fn from(monotonic: Duration, done: Progress) -> Self {
        Self { since: monotonic, records: done.records }
    }

    /// Returns records per second, or `None` until something was done.
    fn records_per_second(self, monotonic: Duration, done: Progress) -> Option<u64> {
        let millis = u64::try_from(monotonic.saturating_sub(self.since).as_millis()).ok()?;
        let records = done.records.checked_sub(self.records).filter(|records| *records > 0)?;
        records.saturating_mul(1_000).checked_div(millis)
    }
}

/// One execution under way.
#[derive(Debug)]
pub(super) struct ExportBar {
    bar: ProgressBar,
    pace: Pace,
}

impl ExportBar {
    /// Adds a bar at the foot of the terminal.
    pub(super) fn new(console: &Console, title: &str, pace: Pace) -> Self {
        let bar = console.bars().add(ProgressBar::new(100));
        bar.set_style(style(UNKNOWN_STYLE, NARROW_UNKNOWN_STYLE));
        bar.set_prefix(fitted(&printable(title), TITLE_COLUMNS));
        bar.tick();
        Self { bar, pace }
    }

    /// Shows the progress at `monotonic`.
    pub(super) fn show(&self, progress: Progress, monotonic: Duration) {
        if let Some(percent) = progress.percent {
            self.bar.set_style(style(STYLE, NARROW_STYLE));
            self.bar.set_position(u64::from(percent));
        }
        self.tell(words(progress, self.pace.records_per_second(monotonic, progress)));
    }

    /// Shows a remark while there is nothing to count.
    pub(super) fn tell(&self, words: String) {
        self.bar.set_message(words);
        self.bar.tick();
    }
}

impl Drop for ExportBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `13 s left, 51,234 records/s, 3 parts, 1,234 records, 5.60 MiB read`: the most important figure
/// comes first, since narrow terminals cut the rest.
fn words(progress: Progress, records_per_second: Option<u64>) -> String {
    let left = progress.remaining_seconds.map(say::remaining);
    let rate = records_per_second.map(|rate| format!("{} records/s", say::count(rate)));
    let parts = match progress.parts {
        0 => None,
        parts => Some(say::counted(u64::from(parts), "part")),
    };
    let records = say::counted(progress.records, "record");
    let read = format!("{} read", say::bytes(progress.bytes_read));
    let words: Vec<String> = [left, rate, parts, Some(records), Some(read)].into_iter().flatten().collect();
    words.join(", ")
}

/// The line of a run that has nothing to do.
#[derive(Debug)]
pub(crate) struct IdleBar(ProgressBar);

impl IdleBar {
    pub(super) fn new(console: &Console, words: &str) -> Self {
        let bar = console.bars().add(ProgressBar::new(1));
        bar.set_style(style(IDLE_STYLE, IDLE_STYLE));
        let bar = Self(bar);
        bar.tell(words);
        bar
    }

    /// Shows other words.
    pub(crate) fn tell(&self, words: &str) {
        self.0.set_message(printable(words).into_owned());
        self.0.tick();
    }
}

impl Drop for IdleBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How often the line of a command moves that cannot say how far it is.
const TICK: Duration = Duration::from_millis(200);

/// The line of a command that takes long and cannot say how much is left: what it does, until it is dropped.
#[derive(Debug)]
pub(crate) struct WorkBar(ProgressBar);

impl WorkBar {
    /// Adds the line at the foot of the terminal, if a person watches.
    pub(crate) fn new(console: &Console, doing: &str) -> Self {
        let bar = console.bars().add(ProgressBar::new_spinner());
        bar.set_style(style(WORK_STYLE, WORK_STYLE));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        let bar = Self(bar);
        bar.tell(doing);
        bar
    }

    /// Shows other words.
    pub(crate) fn tell(&self, doing: &str) {
        self.0.set_message(printable(doing).into_owned());
        self.0.tick();
    }
}

impl Drop for WorkBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Follows bytes that are read or fetched. Clones show the same bar, which vanishes with the last of them; the default
/// is shown nowhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct BytesProgress(Arc<BytesBar>);

#[derive(Debug)]
struct BytesBar(ProgressBar);

impl BytesProgress {
    /// Adds a bar at the foot of the terminal, if a person watches.
    pub(crate) fn new(console: &Console) -> Self {
        let bar = console.bars().add(ProgressBar::no_length());
        bar.set_style(style(STYLE, NARROW_STYLE));
        Self(Arc::new(BytesBar(bar)))
    }

    /// Begins something with so many bytes: they are counted from 0 again.
    pub(crate) fn begin(&self, doing: &str, bytes: u64) {
        let bar = &self.0.0;
        bar.reset();
        bar.set_length(bytes);
        self.name(doing);
    }

    /// Goes on with the next file.
    pub(crate) fn name(&self, name: &str) {
        self.0.0.set_prefix(fitted(&printable(name), TITLE_COLUMNS));
    }

    /// Counts further bytes.
    pub(crate) fn add(&self, bytes: u64) {
        let bar = &self.0.0;
        bar.inc(bytes);
        if !bar.is_hidden() {
            let (done, all) = (bar.position(), bar.length().unwrap_or_default());
            bar.set_message(words_of_bytes(bar.eta(), bar.per_sec(), done.min(all), all));
        }
    }
}

impl Default for BytesBar {
    fn default() -> Self {
        Self(ProgressBar::hidden())
    }
}

impl Drop for BytesBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// `13 s left, 51.20 MiB/s, 1.10 GiB of 3.00 GiB`: the most important figure comes first, since narrow terminals cut
/// the rest.
fn words_of_bytes(left: Duration, per_second: f64, done: u64, all: u64) -> String {
    // A rate is a positive number of bytes, far from where floats end.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let rate = say::bytes(per_second as u64);
    format!("{}, {rate}/s, {} of {}", say::remaining(left.as_secs()), say::bytes(done), say::bytes(all))
}

/// Returns one of two styles, the one that fits the terminal. The templates are constants, which the tests parse;
/// falling back to the default bar is not an error.
fn style(wide: &str, narrow: &str) -> ProgressStyle {
    let columns = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
    let template = if columns.is_some_and(|columns| columns < BAR_COLUMNS) { narrow } else { wide };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// The bars' own figures and the words beside them look alike.
        #[test]
        fn sizes_and_counts_are_those_of_the_bars(number in proptest::prelude::any::<u64>(), bits in 0_u32..64) {
            let number = number >> bits;
            proptest::prop_assert_eq!(say::bytes(number), indicatif::HumanBytes(number).to_string());
            proptest::prop_assert_eq!(say::count(number), indicatif::HumanCount(number).to_string());
        }
    }

    #[test]
    fn the_templates_are_understood() {
        for template in [STYLE, NARROW_STYLE, UNKNOWN_STYLE, NARROW_UNKNOWN_STYLE, IDLE_STYLE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn bytes_are_told_with_the_most_important_figure_first() {
        let told = words_of_bytes(Duration::from_millis(13_900), 52_428_800.7, 1 << 20, 3 << 30);
        assert_eq!(told, "13 s left, 50.00 MiB/s, 1.00 MiB of 3.00 GiB");
    }

    #[test]
    fn e7_words_tell_remaining_time_and_rate() {
        let progress = Progress {
            records: 1_234,
            bytes_read: 4 << 20,
            parts: 3,
            remaining_seconds: Some(13),
            ..Progress::default()
        };
        let pace = Pace::from(Duration::from_secs(1), Progress { records: 234, ..Progress::default() });
        assert_eq!(
            words(progress, pace.records_per_second(Duration::from_secs(3), progress)),
            "13 s left, 500 records/s, 3 parts, 1,234 records, 4.00 MiB read"
        );
        let nothing = Progress::default();
        assert_eq!(pace.records_per_second(Duration::from_secs(3), nothing), None);
        assert_eq!(pace.records_per_second(Duration::from_secs(1), progress), None);
        assert_eq!(words(nothing, None), "0 records, 0 B read");
    }
}
