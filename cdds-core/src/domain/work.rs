//! Rules E2, N4: work that one worker at a time holds.

pub mod lease;
pub mod pick;
pub mod retry;
pub mod row;
pub mod turns;

use crate::domain::id::ExecutionId;

/// One claim of one piece of work: by default, of an execution. A guarded operation takes effect only while
/// its claim holds (invariant I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence<Id = ExecutionId> {
    /// The piece of work.
    pub id: Id,
    /// Its epoch, which counts its claims.
    pub epoch: u64,
}
