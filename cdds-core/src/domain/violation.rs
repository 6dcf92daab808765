//! A refusal: a rule said no.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $code:literal,)*) => {
        /// The stable code of a refusal; scripts and translations depend on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it is printed: `one_time_cannot_resume`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

codes! {
    /// A name holds characters that names cannot have (rules J1, J2, S1).
    InvalidName => "invalid_name",
    /// J1: the title is missing or longer than 255 characters.
    InvalidTitle => "invalid_title",
    /// J1: the description is longer than 4,096 characters.
    InvalidDescription => "invalid_description",
    /// J2: no source is registered under this name.
    UnknownSource => "unknown_source",
    /// J2: the source is registered as unsupported.
    UnsupportedSource => "unsupported_source",
    /// J2: the source has no such data type.
    UnknownType => "unknown_type",
    /// J3: a category that the type does not declare.
    UnknownCategory => "unknown_category",
    /// J3: a selection without a category.
    EmptyCategories => "empty_categories",
    /// J4: a selection of fields or a filter that is not possible.
    InvalidTemplate => "invalid_template",
    /// E3–E6, E10: a policy out of bounds.
    InvalidPolicy => "invalid_policy",
    /// F1: the start of a one-time job is not in the future.
    StartInPast => "start_in_past",
    /// F2, F4, F5: a frequency out of bounds.
    InvalidFrequency => "invalid_frequency",
    /// F6: the cron expression is not understood, is ambiguous or never matches.
    InvalidCron => "invalid_cron",
    /// F3: not a time of day.
    InvalidTimeOfDay => "invalid_time_of_day",
    /// W2: the timeframe is not possible.
    InvalidTimeframe => "invalid_timeframe",
    /// W7: the data type has no event instant.
    TimeframeNeedsInstant => "timeframe_needs_instant",
    /// A4: the split size is out of bounds.
    InvalidSplitSize => "invalid_split_size",
    /// A4: the split size is above what recipients' tools can decrypt.
    SplitSizeTooLargeToSeal => "split_size_too_large_to_seal",
    /// A7: the retention is out of bounds.
    InvalidRetention => "invalid_retention",
    /// S1: a sealed job names no recipient.
    RecipientRequired => "recipient_required",
    /// S1: no certificate is stored under this name.
    UnknownRecipient => "unknown_recipient",
    /// S1: a recipient of this name is stored already.
    RecipientExists => "recipient_exists",
    /// S2: the certificate cannot be used.
    InvalidCertificate => "invalid_certificate",
    /// J8, J9: a one-time job that was started, or whose start has passed, cannot be resumed.
    OneTimeCannotResume => "one_time_cannot_resume",
    /// J10: a one-time job that has started, or where one-time jobs are never edited.
    OneTimeCannotEdit => "one_time_cannot_edit",
    /// J10: somebody else changed the job since it was looked at.
    VersionOvertaken => "version_overtaken",
    /// J11: what becomes of the watermark has to be said.
    WatermarkChoiceRequired => "watermark_choice_required",
    /// J11: the job has no watermark to reset or to continue.
    NoWatermark => "no_watermark",
    /// J10, J12, W5: an execution of the job runs or is about to.
    JobBusy => "job_busy",
    /// J13: only recurring jobs have extra occurrences.
    RecurringOnly => "recurring_only",
    /// J14: the job's own period is not possible.
    InvalidPeriod => "invalid_period",
    /// J14: a recurring job that has no occurrence left.
    JobEnded => "job_ended",
    /// J15: a recipient that jobs use.
    RecipientInUse => "recipient_in_use",
    /// W4, W5: everything up to the end of the window was exported already.
    Covered => "covered",
    /// W5: an execution that neither failed nor was cancelled.
    CannotRerun => "cannot_rerun",
    /// W5: another execution of this occurrence waits, runs or has succeeded.
    RerunExists => "rerun_exists",
    /// W6: All and Fixed have the same window at every occurrence.
    CannotBackfill => "cannot_backfill",
    /// W6: the range is empty, holds no occurrence, or too many.
    InvalidRange => "invalid_range",
    /// E8: an execution that has ended.
    ExecutionEnded => "execution_ended",
    /// E9: an execution that has not ended.
    ExecutionOpen => "execution_open",
    /// E9: an execution that still has artifacts.
    ExecutionHasArtifacts => "execution_has_artifacts",
    /// A7: a legal hold keeps the set.
    OnHold => "on_hold",
    /// A8: more than 100 files in one request.
    TooManyFiles => "too_many_files",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal by a rule of the domain: a stable code, and a message that says what, why and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleViolation {
    code: Code,
    message: String,
}

impl RuleViolation {
    /// A refusal with its message for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let distinct: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(distinct.len(), Code::ALL.len());
        for code in distinct {
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code}");
        }
    }
}
