//! What the forms of pages say: the answers as they were typed, and what they mean to the core.

pub(crate) mod job;
pub(crate) mod subject;

use cdds_core::domain::violation::RuleViolation;

/// An answer that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The name of its field; empty if it is about the whole form.
    pub(crate) field: String,
    /// What was refused, why, and what to do.
    pub(crate) words: String,
}

/// Collects the answers that cannot be taken, so that all of them are told at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Puts a refusal beside a field.
    fn say(&mut self, field: &str, words: impl Into<String>) {
        self.0.push(Fault { field: field.to_owned(), words: words.into() });
    }

    /// Returns a value that can be taken; otherwise puts its refusal beside the field.
    fn take<T>(&mut self, field: &str, taken: Result<T, RuleViolation>) -> Option<T> {
        taken.map_err(|refusal| self.say(field, refusal.to_string())).ok()
    }
}
