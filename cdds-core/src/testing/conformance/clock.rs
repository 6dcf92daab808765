//! Checks for one's own [`Clock`].
//!
//! ```
//! use cdds_core::system::SystemClock;
//! use cdds_core::testing::conformance::clock;
//! use futures::executor::block_on;
//!
//! block_on(clock::check(&SystemClock::new())).assert();
//! ```

mod planted;

use std::thread;
use std::time::Duration;

use futures::FutureExt;

use super::{Contract, Report};
use crate::ports::clock::Clock;

pub use self::planted::{Planted, PlantedClock};

/// The promises of a [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// The monotonic time never goes back, whichever thread reads it. From: [`Clock::monotonic`].
    ///
    /// Found by: [`Planted::GoesBack`].
    Monotonic,
    /// A sleep lasts as long as it was asked to, by the monotonic time. From: [`Clock::sleep`].
    ///
    /// Found by: [`Planted::SleepsShort`], [`Planted::SleepsInMillis`].
    SleepsLongEnough,
    /// A sleep of no time completes when it is first polled. From: [`Clock::sleep`].
    ///
    /// Found by: [`Planted::ZeroWaits`].
    ZeroAtOnce,
    /// A sleep that is dropped has no effect, whether it has begun or not. From: [`Clock`].
    ///
    /// Found by: [`Planted::SleepsWhenAsked`].
    DroppedSleep,
}

impl Contract for Clause {
    const ALL: &'static [Self] =
        &[Self::Monotonic, Self::SleepsLongEnough, Self::ZeroAtOnce, Self::DroppedSleep];

    fn promise(self) -> &'static str {
        match self {
            Self::Monotonic => "The monotonic time never goes back.",
            Self::SleepsLongEnough => "A sleep lasts as long as it was asked to.",
            Self::ZeroAtOnce => "A sleep of no time completes when it is first polled.",
            Self::DroppedSleep => "A sleep that is dropped has no effect.",
        }
    }
}

/// Checks every clause. Sleeps for a quarter of a second altogether.
pub async fn check(clock: &dyn Clock) -> Report<Clause> {
    check_each(Clause::ALL, clock).await
}

async fn check_each(clauses: &[Clause], clock: &dyn Clock) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        let outcome = match clause {
            Clause::Monotonic => never_goes_back(clock),
            Clause::SleepsLongEnough => sleeps(clock).await,
            Clause::ZeroAtOnce => at_once(clock),
            Clause::DroppedSleep => dropped(clock),
        };
        report.add(*clause, outcome);
    }
    report
}

fn never_goes_back(clock: &dyn Clock) -> Result<(), String> {
    let rises = || {
        let mut last = clock.monotonic();
        for _reading in 0..10_000 {
            let now = clock.monotonic();
            if now < last {
                return Err(format!("{now:?} comes after {last:?}"));
            }
            last = now;
        }
        Ok(last)
    };
    let before = rises()?;
    let elsewhere = thread::scope(|scope| scope.spawn(rises).join());
    let elsewhere = elsewhere.map_err(|_told| "reading on another thread panicked".to_owned())??;
    let after = clock.monotonic();
    if before <= elsewhere && elsewhere <= after {
        return Ok(());
    }
    Err(format!("{before:?}, then {elsewhere:?} on another thread, then {after:?}"))
}

async fn sleeps(clock: &dyn Clock) -> Result<(), String> {
    for micros in [1, 900, 1_000, 1_999, 20_000, 50_500] {
        for _again in 0..3 {
            let (asked, before) = (Duration::from_micros(micros), clock.monotonic());
            clock.sleep(asked).await;
            let slept = clock.monotonic().saturating_sub(before);
            if slept < asked {
                return Err(format!("a sleep of {asked:?} lasts {slept:?}"));
            }
        }
    }
    Ok(())
}

fn at_once(clock: &dyn Clock) -> Result<(), String> {
    let slept = clock.sleep(Duration::ZERO).now_or_never();
    slept.ok_or_else(|| "a sleep of no time is pending".to_owned())
}

fn dropped(clock: &dyn Clock) -> Result<(), String> {
    let day = Duration::from_secs(86_400);
    let before = (clock.monotonic(), clock.now());
    drop(clock.sleep(day));
    let mut asleep = clock.sleep(day * 2);
    let has_passed = (&mut asleep).now_or_never().is_some();
    drop(asleep);
    let after = (clock.monotonic(), clock.now());
    // A clock moved by hand may let the second sleep pass at once, which then was not dropped.
    let passed = if has_passed { day * 2 } else { Duration::ZERO };
    let moved = after.0.saturating_sub(before.0);
    if moved >= passed + day || after.1 - before.1 >= chrono::TimeDelta::days(if has_passed { 3 } else { 1 })
    {
        return Err(format!("the clock moved by {moved:?} for a sleep that was dropped"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::system::SystemClock;
    use crate::testing::ManualClock;

    #[test]
    fn the_clocks_of_the_system_and_of_tests_keep_the_contract() {
        block_on(check(&SystemClock::new())).assert();
        let shifted = SystemClock::starting_at(chrono::DateTime::UNIX_EPOCH);
        block_on(check(&shifted)).assert();
        block_on(check(&ManualClock::at(chrono::DateTime::UNIX_EPOCH))).assert();
    }

    #[test]
    fn the_clock_without_a_bug_keeps_its_contract() {
        block_on(check(&PlantedClock::sound())).assert();
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let report = block_on(check_each(&[planted.breaks()], &PlantedClock::new(planted)));
            assert!(report.found(planted.breaks()), "{planted:?}: {report}");
        }
    }

    #[test]
    fn each_clause_is_broken_by_a_planted_bug() {
        for clause in Clause::ALL {
            assert!(Planted::ALL.iter().any(|planted| planted.breaks() == *clause), "{clause:?}");
        }
    }
}
