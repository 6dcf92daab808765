//! Durations of calls, and how they are printed.

use std::time::{Duration, Instant};

#[allow(clippy::disallowed_methods, reason = "it measures")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// How long calls took, in microseconds, and what they took together.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) micros: Vec<u64>,
    /// How many executions or rows were taken.
    pub(crate) taken: usize,
    pub(crate) whole: Duration,
}

impl Figures {
    /// Returns how many were taken in a second.
    pub(crate) fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.taken).unwrap_or(u32::MAX)) / self.whole.as_secs_f64().max(1e-9)
    }

    /// Returns the duration that so many hundredths of the calls did not exceed, in milliseconds.
    fn of(&self, hundredths: usize) -> f64 {
        let mut micros = self.micros.clone();
        micros.sort_unstable();
        let at = (micros.len() * hundredths).div_ceil(100).max(1) - 1;
        micros.get(at).map_or(0.0, |micros| Duration::from_micros(*micros).as_secs_f64() * 1_000.0)
    }

    pub(crate) fn title(what: &str) {
        println!(
            "\n{what:<44} {:>7} {:>9} {:>9} {:>8} {:>8}",
            "taken", "seconds", "a second", "p50 ms", "p95 ms"
        );
    }

    pub(crate) fn print(&self, what: &str, more: &str) {
        println!(
            "{what:<44} {:>7} {:>9.2} {:>9.0} {:>8.2} {:>8.2}{more}",
            self.taken,
            self.whole.as_secs_f64(),
            self.per_second(),
            self.of(50),
            self.of(95)
        );
    }
}
