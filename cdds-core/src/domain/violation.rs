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
    /// J4: a field that the type does not declare.
    UnknownField => "unknown_field",
    /// E3–E6, E10: a policy out of bounds.
    InvalidPolicy => "invalid_policy",
    /// F1: the start of a one-time job is not in the future.
    StartInPast => "start_in_past",
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
