//! Bars: one line each, redrawn in place.

use std::time::Duration;

use cdds_core::domain::execution::progress::Progress;
use cdds_view::words as say;
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;
use crate::text::{fitted, printable};

/// How many columns a title gets.
const TITLE_COLUMNS: usize = 24;
const EXPORT_STYLE: &str = "{prefix} [{bar:14}] {pos:>3} %  {wide_msg}";
/// The style without an expected total, where no share can be shown.
const UNKNOWN_STYLE: &str = "{prefix} {spinner} {wide_msg}";
const IDLE_STYLE: &str = "{wide_msg}";
const DOWNLOAD_STYLE: &str =
    "{prefix} [{bar:14}] {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

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
        bar.set_style(style(UNKNOWN_STYLE));
        bar.set_prefix(fitted(&printable(title), TITLE_COLUMNS));
        bar.tick();
        Self { bar, pace }
    }

    /// Shows the progress at `monotonic`.
    pub(super) fn show(&self, progress: Progress, monotonic: Duration) {
        if let Some(percent) = progress.percent {
            self.bar.set_style(style(EXPORT_STYLE));
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
        bar.set_style(style(IDLE_STYLE));
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

/// Follows a download.
#[derive(Debug)]
pub(crate) struct DownloadProgress {
    bar: ProgressBar,
}

impl DownloadProgress {
    /// Expects `bytes` in all files together.
    pub(crate) fn new(console: &Console, bytes: u64) -> Self {
        let bar = console.bars().add(ProgressBar::new(bytes));
        bar.set_style(style(DOWNLOAD_STYLE));
        Self { bar }
    }

    /// Begins the next file.
    pub(crate) fn begin(&self, name: &str) {
        self.bar.set_prefix(fitted(&printable(name), TITLE_COLUMNS));
    }

    /// Counts further bytes of it.
    pub(crate) fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for DownloadProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Returns the style of a template. The templates are constants, which the tests parse; falling back to the
/// default bar is not an error.
fn style(template: &str) -> ProgressStyle {
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
        for template in [EXPORT_STYLE, UNKNOWN_STYLE, IDLE_STYLE, DOWNLOAD_STYLE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
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
