//! Measured durations: how they are collected, summed up and printed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Durations by what took them.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<Duration>>);

#[allow(clippy::disallowed_methods, reason = "it measures")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Figures {
    pub(crate) fn add(&mut self, what: &str, took: Duration) {
        self.0.entry(what.to_owned()).or_default().push(took);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (what, took) in other.0 {
            self.0.entry(what).or_default().extend(took);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Returns the median, the 99th of a hundred, and the longest, in milliseconds; zeros without any.
    pub(crate) fn of(&mut self, what: &str) -> (f64, f64, f64) {
        let Some(took) = self.0.get_mut(what) else { return Default::default() };
        took.sort_unstable();
        let of = |hundredths: usize| {
            let at = (took.len() * hundredths).div_ceil(100).clamp(1, took.len());
            took[at - 1].as_secs_f64() * 1_000.0
        };
        (of(50), of(99), of(100))
    }

    /// Prints a line for each kind.
    pub(crate) fn print(&mut self, title: &str) {
        println!("\n{title:<44} {:>7} {:>9} {:>9} {:>9}", "times", "p50 ms", "p99 ms", "most ms");
        let counts: Vec<(String, usize)> =
            self.0.iter().map(|(what, took)| (what.clone(), took.len())).collect();
        for (what, count) in counts {
            let (median, nearly_most, most) = self.of(&what);
            println!("{what:<44} {count:>7} {median:>9.1} {nearly_most:>9.1} {most:>9.1}");
        }
    }
}
