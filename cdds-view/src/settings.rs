//! The settings of a job both ways: as a job file spells them, and as the core's
//! [`JobSettings`](cdds_core::domain::job::JobSettings).
//!
//! [`SettingsForm`] is the canonical form of job files: `cdds job create --file` reads its JSON, an HTTP
//! interface takes it as the body of a new job. A missing key has its default. A form whose keys or types
//! are wrong is serde's error; values that do not fit together and refusals of the rules are a
//! [`SettingsError`].

mod clock;
mod delivery;
mod filter;
mod form;
mod json;
mod reads;
mod schedule;
mod size;
mod text;

use cdds_core::domain::violation::{Code, RuleViolation};

pub use self::clock::ClockParts;
pub use self::delivery::{DestinationForm, SpelledDestination, parse_notice_kinds, parse_receipt};
pub use self::filter::{FilterForm, ListedFilter, SpelledFilter, typed_filter};
pub use self::form::SettingsForm;
pub use self::reads::{ReadForm, SpelledRead, TypesForm, typed_read};
pub use self::schedule::{Schedule, ScheduleError};
pub use self::size::{parse_bytes, parse_split_bytes, spell_split_size};
pub use self::text::TextOrNumber;

/// Settings that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The schedule lacks something, or has something that does not go with its frequency.
    #[error(transparent)]
    Schedule(ScheduleError),
    /// Plaintext was asked for and recipients were named.
    #[error("plaintext and recipients exclude each other: leave one of them out")]
    PlaintextWithRecipients,
    /// The split size is neither a number nor a number with a unit.
    #[error("split-size is not a size: write whole MB like 1024, or a unit: \"64KiB\", \"100MiB\", \"1GiB\"")]
    SplitSize,
    /// A first run was asked for where only settings go.
    #[error("first-run-now goes with a new job alone: leave it out")]
    FirstRun,
    /// A rule says no; its code says which.
    #[error(transparent)]
    Refused(#[from] RuleViolation),
}

impl SettingsError {
    /// Returns a stable code: that of the rule, or of the part of the form that cannot be taken.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Schedule(_) => "invalid_schedule",
            Self::PlaintextWithRecipients => "plaintext_with_recipients",
            Self::SplitSize => Code::InvalidSplitSize.as_str(),
            Self::FirstRun => "first_run_not_new",
            Self::Refused(violation) => violation.code().as_str(),
        }
    }
}

impl From<ScheduleError> for SettingsError {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Refused(violation) => Self::Refused(violation),
            error => Self::Schedule(error),
        }
    }
}

#[cfg(test)]
mod tests;
