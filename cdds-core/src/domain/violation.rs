//! Refusals by the rules.
//!
#![doc = include_str!("../../CODES.md")]

use std::fmt;

/// What kind of error it is, for callers that do not tell every code from the others: an HTTP interface chooses
/// its status by it, a form the place of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The request cannot be carried out as it is, also because its settings name something that does not exist:
    /// change it.
    Invalid,
    /// The principal is not allowed it.
    Forbidden,
    /// The object of the request does not exist, or belongs to another owner.
    Missing,
    /// The state of something forbids it: it may be possible later, or after another change.
    State,
    /// It asks for more than is allowed at once.
    Limit,
    /// Something that the service needs does not answer: try again.
    Unavailable,
    /// The service failed, and an operator has to look into it.
    Internal,
}

impl ErrorClass {
    /// Returns the status with which an HTTP interface answers (RFC 9110, section 15): 422, 403, 404, 409,
    /// 413, 503 and 500.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::Forbidden => 403,
            Self::Missing => 404,
            Self::State => 409,
            Self::Limit => 413,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// Returns the class as it is printed: `invalid`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::State => "state",
            Self::Limit => "limit",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

macro_rules! codes {
    ($($variant:ident => $code:literal, $class:ident, $rules:literal, $meaning:literal;)*) => {
        /// The stable code of a refusal. Scripts and translations depend on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = concat!($rules, ": ", $meaning, ".")]
                $variant,
            )*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the code as it is printed: `one_time_cannot_resume`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// Returns the class of the code.
            pub const fn class(self) -> ErrorClass {
                match self {
                    $(Self::$variant => ErrorClass::$class,)*
                }
            }

            /// Returns the rules that refuse with this code: `J8, J9`.
            pub const fn rules(self) -> &'static str {
                match self {
                    $(Self::$variant => $rules,)*
                }
            }

            /// Returns when the code is used, as part of a sentence. The message of each refusal says what
            /// was refused, why, and what to do.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

codes! {
    InvalidName => "invalid_name", Invalid, "J1, J2, S1",
        "a name contains characters that are not allowed in names";
    InvalidTitle => "invalid_title", Invalid, "J1",
        "the title is missing, is longer than 255 characters, or contains control characters";
    InvalidDescription => "invalid_description", Invalid, "J1",
        "the description is longer than 4,096 characters";
    UnknownSource => "unknown_source", Invalid, "J2", "no source is registered under this name";
    UnsupportedSource => "unsupported_source", State, "J2", "the source is registered as unsupported";
    UnknownType => "unknown_type", Invalid, "J2", "the source has no such data type";
    OwnershipUnstated => "ownership_unstated", State, "J16",
        "the type does not say whose its records are, and the owner is not the default one";
    InvalidTypes => "invalid_types", Invalid, "J17",
        "the list of data types is empty or too long, or two of them would share a folder";
    UnknownCategory => "unknown_category", Invalid, "J3", "the type does not declare the category";
    EmptyCategories => "empty_categories", Invalid, "J3", "a selection names no category";
    InvalidTemplate => "invalid_template", Invalid, "J4",
        "a selection of fields or a filter is not possible";
    UnknownField => "unknown_field", Invalid, "J4", "the type does not declare the field";
    InvalidPolicy => "invalid_policy", Invalid, "E3–E6, E10", "a policy is out of bounds";
    StartInPast => "start_in_past", Invalid, "F1", "the start of a one-time job is not in the future";
    InvalidFrequency => "invalid_frequency", Invalid, "F2, F4, F5", "a frequency is out of bounds";
    InvalidCron => "invalid_cron", Invalid, "F6",
        "the cron expression is not understood, is ambiguous or never matches";
    InvalidTimeOfDay => "invalid_time_of_day", Invalid, "F3", "not a time of day";
    InvalidTimeZone => "invalid_time_zone", Invalid, "F9",
        "the time zone, or what happens to times that a clock leaves out or repeats, is not possible";
    InvalidTimeframe => "invalid_timeframe", Invalid, "W2", "the timeframe is not possible";
    TimeframeNeedsInstant => "timeframe_needs_instant", Invalid, "W7", "the data type has no event instant";
    InvalidSplitSize => "invalid_split_size", Invalid, "A4", "the split size is out of bounds";
    SplitSizeTooLargeToSeal => "split_size_too_large_to_seal", Invalid, "A4",
        "the split size is above what recipients' tools can decrypt";
    InvalidRetention => "invalid_retention", Invalid, "A7", "the retention is out of bounds";
    RecipientRequired => "recipient_required", Invalid, "S1", "a sealed job names no recipient";
    UnknownRecipient => "unknown_recipient", Invalid, "S1", "no certificate is stored under this name";
    RecipientExists => "recipient_exists", State, "S1", "a recipient is already stored under this name";
    InvalidCertificate => "invalid_certificate", Invalid, "S2", "the certificate cannot be used";
    OneTimeCannotResume => "one_time_cannot_resume", State, "J8, J9",
        "a one-time job that was started, or whose start has passed, cannot be resumed";
    OneTimeCannotEdit => "one_time_cannot_edit", State, "J10",
        "a one-time job has started, or the service never allows one-time jobs to be edited";
    VersionOvertaken => "version_overtaken", State, "J1, J10",
        "somebody else has changed the job since it was read";
    WatermarkChoiceRequired => "watermark_choice_required", Invalid, "J11",
        "the edit must say whether the watermark is reset or continued";
    NoWatermark => "no_watermark", State, "J11", "the job has no watermark to reset or to continue";
    JobBusy => "job_busy", State, "J10, J12, W5", "an execution of the job is running or about to run";
    RecurringOnly => "recurring_only", State, "J13, J17",
        "only recurring jobs have extra occurrences or a first run";
    InvalidPeriod => "invalid_period", Invalid, "J14", "the job's own period is not possible";
    JobEnded => "job_ended", State, "J14", "the recurring job has no occurrence left";
    RecipientInUse => "recipient_in_use", State, "J15", "jobs use the recipient";
    Covered => "covered", State, "W4, W5",
        "everything up to the end of the window has already been exported";
    CannotRerun => "cannot_rerun", State, "W5", "the execution neither failed nor was cancelled";
    RerunExists => "rerun_exists", State, "W5",
        "another execution of this occurrence is waiting, is running or has succeeded";
    CannotBackfill => "cannot_backfill", State, "W6",
        "All and Fixed have the same window at every occurrence";
    InvalidRange => "invalid_range", Invalid, "W6", "the range is empty, holds no occurrence, or too many";
    ExecutionEnded => "execution_ended", State, "E8", "the execution has ended";
    ExecutionOpen => "execution_open", State, "E9", "the execution has not ended";
    ExecutionHasArtifacts => "execution_has_artifacts", State, "E9", "the execution still has artifacts";
    OnHold => "on_hold", State, "A7", "a legal hold keeps the set";
    TooManyFiles => "too_many_files", Limit, "A8", "one request names more than 100 files";
    RequestKeyUsed => "request_key_used", Invalid, "J18", "another request had the same key";
    InvalidDestinations => "invalid_destinations", Invalid, "N1, N7",
        "a job names too many destinations, or two of them would write the same files";
    InvalidSubscribers => "invalid_subscribers", Invalid, "N2",
        "a job names too many subscribers, one twice, or one that cannot be told";
    UnknownDestination => "unknown_destination", Invalid, "N1",
        "no destination is registered under this name";
    PlaintextOverOpenTransport => "plaintext_over_open_transport", Invalid, "N5",
        "a plaintext set would travel over a connection that others can read";
    InvalidPath => "invalid_path", Invalid, "N7", "the path of a delivery is unsafe or too long";
    NoticeOpen => "notice_open", State, "N5", "the notice is still to be told, or is being told";
    NoticeGone => "notice_gone", State, "N5", "the execution that the notice is about was deleted";
    NothingToDeliver => "nothing_to_deliver", State, "N5",
        "the set is not kept whole, or no destination is named";
    DeliveryOpen => "delivery_open", State, "N5", "the delivery is being carried out";
    InvalidSubjectRequest => "invalid_subject_request", Invalid, "D2, D6",
        "an identifier, the due date, the scope or the words of a subject request are not possible";
    SubjectRequestRepeated => "subject_request_repeated", State, "D8",
        "the subject request repeats one that is open";
    SubjectRequestState => "subject_request_state", State, "D3",
        "the step does not follow from how far the subject request has come";
    OwnSubjectRequest => "own_subject_request", State, "D3",
        "who put the erasure on record cannot approve it";
    SubjectKeyMissing => "subject_key_missing", State, "D6",
        "the key under which identifiers are kept is not there";
    SubjectJob => "subject_job", State, "D9",
        "the job belongs to a subject request, and is neither changed nor copied by itself";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal by a rule of the domain: a stable code, and a message that says what was refused, why, and what
/// to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleViolation {
    code: Code,
    message: String,
}

/// Quotes user input for a message. Input of more than 60 characters is truncated.
pub(crate) fn quoted(typed: &str) -> String {
    const CHARS_MAX: usize = 60;
    match typed.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &typed[..end]),
        None => format!("{typed:?}"),
    }
}

impl RuleViolation {
    /// Creates a refusal with a message for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Names the data type that is refused, for a job that reads several (rule J17).
    pub(in crate::domain) fn of_type(self, data_type: impl fmt::Display) -> Self {
        Self { message: format!("type {data_type}: {}", self.message), ..self }
    }

    /// Returns the stable code.
    pub fn code(&self) -> Code {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn long_values_are_told_by_their_beginning() {
        assert_eq!(quoted("tue\n"), r#""tue\n""#);
        assert_eq!(quoted(&"ü".repeat(60)), format!("{:?}", "ü".repeat(60)));
        assert_eq!(quoted(&"ü".repeat(10_000)), format!("{:?}…", "ü".repeat(60)));
    }

    /// Returns the expected text of the page.
    fn page() -> String {
        let rows = Code::ALL
            .iter()
            .map(|code| {
                let (class, rules) = (code.class().as_str(), code.rules());
                format!("| `{}` | {class} | {rules} | {} |\n", code.as_str(), code.meaning())
            })
            .collect::<String>();
        format!(
            "# Codes of refusals\n\nEvery refusal by a rule carries a stable code, for scripts and translations, and \
             a message that says what was\nrefused, why, and what to do. The command line exits with code 3; an HTTP interface answers by the \
             class:\n`invalid` 422, `state` 409, `limit` 413.\n\n\
             | code | class | rules | given when |\n|---|---|---|---|\n{rows}"
        )
    }

    #[test]
    fn every_code_is_in_the_table_of_the_documentation() {
        assert_eq!(include_str!("../../CODES.md"), page(), "CODES.md differs from the codes: write it again");
    }

    #[test]
    fn codes_are_unique_and_snake_case() {
        let distinct: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(distinct.len(), Code::ALL.len());
        assert_eq!(Code::InvalidTitle.to_string(), "invalid_title");
        for code in distinct {
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code}");
        }
    }
}
