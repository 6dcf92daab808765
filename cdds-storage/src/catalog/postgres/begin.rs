//! How transactions begin.

use super::super::sql::database::Writing;

/// The server ends a transaction whose worker has fallen silent in the middle of it: one that was stopped, or whose
/// machine is gone. Others wait for one that writes, and its statements follow each other within milliseconds.
const SILENCE_MAX: &str = "5s";

/// How long a statement waits for a lock, as long as SQLite waits for another process.
const LOCK_MAX: &str = "10s";

/// Beside whom a transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Others that write.
    Others,
    /// Nobody: it was overtaken before.
    Nobody,
}

/// Returns the statements that begin a transaction that only reads.
pub(super) fn reading(schema: &str) -> String {
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = \"{schema}\"; SET LOCAL jit = off; \
         SET LOCAL idle_in_transaction_session_timeout = '{SILENCE_MAX}'"
    )
}

/// Returns the statements that begin a transaction that writes. It waits for its locks before it sees anything: a
/// statement that takes a lock by `LOCK TABLE` needs no snapshot.
pub(super) fn writing(schema: &str, writing: Writing, beside: Beside) -> String {
    let durability = if writing.is_repeated() { "SET LOCAL synchronous_commit = off; " } else { "" };
    let claims = if writing == Writing::Claim { "LOCK TABLE claiming IN EXCLUSIVE MODE; " } else { "" };
    // Beats of many workers are in the same pages, so that each would seem to have overtaken the others.
    let isolation = if writing == Writing::Beat { "READ COMMITTED" } else { "SERIALIZABLE" };
    let mode = match beside {
        Beside::Others => "ROW SHARE",
        Beside::Nobody => "EXCLUSIVE",
    };
    // What a transaction has read by an index is compared with what others write, and not the whole table. Where a
    // table has to be read whole, this makes the plan seem so dear that the server would compile it, for many
    // milliseconds.
    format!(
        "BEGIN ISOLATION LEVEL {isolation}; SET LOCAL search_path = \"{schema}\"; \
         SET LOCAL idle_in_transaction_session_timeout = '{SILENCE_MAX}'; SET LOCAL lock_timeout = '{LOCK_MAX}'; \
         SET LOCAL enable_seqscan = off; SET LOCAL jit = off; {durability}{claims}LOCK TABLE writing IN {mode} MODE"
    )
}
