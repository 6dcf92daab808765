//! The actions of people and engines on a job, as values. They drive state-machine tests of services that
//! embed this library, and tests of the library's own rules.
//!
//! ```
//! use cdds_core::testing::commands::{Command, commands};
//! use proptest::prelude::*;
//!
//! proptest!(|(commands in commands(1..20))| {
//!     for command in commands {
//!         match command {
//!             Command::Advance(time) => prop_assert!(time.num_seconds() > 0),
//!             _ => { /* do it to the system under test, and to a model of it */ }
//!         }
//!     }
//! });
//! ```

use std::ops::Range;

use chrono::TimeDelta;
use proptest::prelude::*;

use crate::domain::job::edit::WatermarkChoice;

/// An action on one job and its executions. An execution is named by a number: take it modulo the number of
/// executions to find the one that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Time passes, from a second to several days.
    Advance(TimeDelta),
    /// An engine puts due slots on the record.
    Tick,
    /// A worker claims the next execution in the queue.
    Claim,
    /// The running execution succeeds.
    Succeed,
    /// The running execution fails.
    Fail {
        /// Whether another attempt may help.
        retryable: bool,
    },
    /// The worker of the running execution dies.
    Crash,
    /// The worker of the running execution shuts down and releases it.
    Release,
    /// A person suspends the job.
    Suspend,
    /// A person resumes it.
    Resume,
    /// A person runs the job now.
    RunNow,
    /// A person reruns an execution.
    Rerun(usize),
    /// A person backfills the last days.
    Backfill {
        /// The number of days.
        days: u8,
    },
    /// A person cancels an execution.
    Cancel(usize),
    /// A person edits the job.
    Edit(EditOf),
    /// A person deletes the job.
    Delete,
}

/// The part of the job that a person edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditOf {
    /// Only the title.
    Title,
    /// The time of day of the schedule.
    Hour(u8),
    /// The selection of records, with the effect on the watermark.
    Scope(WatermarkChoice),
}

/// Any command. Passing time, engine work and success are the most frequent.
pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => advance().prop_map(Command::Advance),
        12 => Just(Command::Tick),
        12 => Just(Command::Claim),
        10 => Just(Command::Succeed),
        4 => any::<bool>().prop_map(|retryable| Command::Fail { retryable }),
        2 => Just(Command::Crash),
        2 => Just(Command::Release),
        2 => Just(Command::Suspend),
        3 => Just(Command::Resume),
        2 => Just(Command::RunNow),
        4 => any::<usize>().prop_map(Command::Rerun),
        2 => (1_u8..5).prop_map(|days| Command::Backfill { days }),
        2 => any::<usize>().prop_map(Command::Cancel),
        3 => edit().prop_map(Command::Edit),
        1 => Just(Command::Delete),
    ]
}

/// A sequence of commands whose length lies in `count`.
pub fn commands(count: Range<usize>) -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(command(), count)
}

fn advance() -> impl Strategy<Value = TimeDelta> {
    let seconds = prop_oneof![1_i64..10, 1_i64..3_600, 3_600_i64..90_000, 86_400_i64..864_000];
    seconds.prop_map(TimeDelta::seconds)
}

fn edit() -> impl Strategy<Value = EditOf> {
    prop_oneof![
        2 => Just(EditOf::Title),
        2 => (0_u8..24).prop_map(EditOf::Hour),
        1 => Just(EditOf::Scope(WatermarkChoice::Reset)),
        1 => Just(EditOf::Scope(WatermarkChoice::Continue)),
    ]
}
