//! How an embedder follows what the engine does.

use std::fmt::Debug;

use crate::domain::execution::Execution;
use crate::domain::id::ExecutionId;
use crate::domain::progress::Progress;

/// Is told what happens, as it happens, on the thread that drives the engine; must return at once. One that panics
/// ends the execution that it was told of, if that still runs, and nothing else.
pub trait Observer: Debug + Send + Sync {
    /// Something happened.
    fn notice(&self, event: &Event<'_>);
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An attempt began.
    Started {
        /// Of this execution.
        execution: &'a Execution,
    },
    /// A running execution moved on; told about once a second.
    Progressed {
        /// Which execution.
        execution: ExecutionId,
        /// How far it is.
        progress: Progress,
    },
    /// This engine has nothing more to do with an execution: another worker has it, or the outcome of its
    /// commit could not be learned.
    Abandoned {
        /// Which execution.
        execution: ExecutionId,
    },
    /// An attempt ended; the execution's state says how, and whether it is queued again. Also told of
    /// executions that were given up after the crash of their last worker.
    Ended {
        /// The execution as the catalog has it now.
        execution: &'a Execution,
    },
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notice(&self, _event: &Event<'_>) {}
}
