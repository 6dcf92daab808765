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
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = \"{schema}\"; \
         SET LOCAL idle_in_transaction_session_timeout = '{SILENCE_MAX}'"
    )
}

/// Returns the statements that begin a transaction that writes. It waits for its locks before it sees anything: a
/// statement that takes a lock by `LOCK TABLE` needs no snapshot.
pub(super) fn writing(schema: &str, writing: Writing, beside: Beside) -> String {
    let durability = match writing {
        Writing::Change | Writing::Claim => "",
        Writing::Sign => "SET LOCAL synchronous_commit = off; ",
    };
    let claims = match writing {
        Writing::Claim => "LOCK TABLE claiming IN EXCLUSIVE MODE; ",
        Writing::Change | Writing::Sign => "",
    };
    let mode = match beside {
        Beside::Others => "ROW SHARE",
        Beside::Nobody => "EXCLUSIVE",
    };
    // What a transaction has read by an index is compared with what others write, and not the whole table.
    format!(
        "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL search_path = \"{schema}\"; \
         SET LOCAL idle_in_transaction_session_timeout = '{SILENCE_MAX}'; SET LOCAL lock_timeout = '{LOCK_MAX}'; \
         SET LOCAL enable_seqscan = off; {durability}{claims}LOCK TABLE writing IN {mode} MODE"
    )
}
