//! Lets an embedder follow the work of the engine.

use std::fmt::Debug;

use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::ExecutionId;

/// Receives events as they happen, on the thread that drives the engine; must return at once. If it panics,
/// the execution that the event was about ends, if it still runs, and nothing else.
pub trait Observer: Debug + Send + Sync {
    /// Receives an event.
    fn notice(&self, event: &Event<'_>);
}

/// An event in the engine.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An attempt began.
    Started {
        /// The execution.
        execution: &'a Execution,
    },
    /// A running execution has progressed; sent about once a second.
    Progressed {
        /// The execution.
        execution: ExecutionId,
        /// Its progress.
        progress: Progress,
    },
    /// This engine has nothing more to do with an execution: another worker has it, or the outcome of its
    /// commit could not be determined.
    Abandoned {
        /// The execution.
        execution: ExecutionId,
    },
    /// An attempt ended; the execution's state says how, and whether it is queued again. Also sent for
    /// executions that were given up after the crash of their last worker.
    Ended {
        /// The execution as the catalog has it now.
        execution: &'a Execution,
    },
}

/// An observer that ignores every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notice(&self, _event: &Event<'_>) {}
}
