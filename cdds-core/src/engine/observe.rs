//! Lets an embedder follow the work of the engine.

use std::fmt::Debug;

use crate::domain::delivery::Delivery;
use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::ExecutionId;
use crate::domain::notice::Notice;

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
    /// An attempt began: its source is complete up to the end of the window, and it is about to be read.
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
    /// An execution has waited for its source for longer than the engine's settings say (rule W3b). Each engine
    /// that asks the source sends it once for an execution, so several engines may send it.
    Waiting {
        /// The execution, which is queued; [`Completeness`](crate::domain::execution::completeness::Completeness)
        /// says since when, and how far the source was complete.
        execution: &'a Execution,
    },
    /// This engine has nothing more to do with an execution: another worker has it, or the outcome of its
    /// commit could not be determined.
    Abandoned {
        /// The execution.
        execution: ExecutionId,
    },
    /// An attempt ended, perhaps before it had [started](Event::Started); the execution's state says how, and whether it is queued again. Also sent for
    /// executions that were given up after the crash of their last worker.
    Ended {
        /// The execution as the catalog has it now.
        execution: &'a Execution,
    },
    /// An attempt to deliver a set ended; the delivery's state says how, and whether it is tried again (rule N5).
    DeliveryEnded {
        /// The delivery as the catalog has it now.
        delivery: &'a Delivery,
    },
    /// An attempt to tell a subscriber ended; the notice's state says how, and whether it is tried again (rule N5).
    NoticeEnded {
        /// The notice as the catalog has it now.
        notice: &'a Notice,
    },
}

/// An observer that ignores every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notice(&self, _event: &Event<'_>) {}
}
