//! Rules J1–J5: the definition of a job.

pub mod admission;
pub mod edit;
pub mod lifecycle;
pub mod policy;
pub mod settling;
pub(in crate::domain) mod tiling;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

use crate::domain::archive::retention::RetentionDays;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::calendar::frequency::Frequency;
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::Execution;
use crate::domain::execution::watermark::Watermark;
use crate::domain::id::{JobId, Owner, RecipientName, SourceId, TypeId};
use crate::domain::job::policy::Policies;
use crate::domain::job::settling::Unsettled;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;
use crate::domain::violation::{Code, RuleViolation};

/// A stored definition of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job's identifier.
    pub id: JobId,
    /// The owner of the job (rule J15).
    pub owner: Owner,
    /// What it exports, how often and for whom.
    pub settings: JobSettings,
    /// Whether it starts anything new.
    pub state: JobState,
    /// Counts changes made by people, starting at 1, for optimistic concurrency between them (rule J1).
    pub version: u64,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// When it was last changed by a person.
    pub updated_at: DateTime<Utc>,
    /// The next slot that is not on the record yet. `None` if nothing more will be due.
    pub next_due_at: Option<DateTime<Utc>>,
    /// Since when the job has been suspended by a person or by failures in a row (rules J7, E5). `None` if it
    /// is not suspended for either reason.
    pub suspended_at: Option<DateTime<Utc>>,
    /// How far the job's incremental exports have come (rule W4). `None` if it was never incremental.
    pub watermark: Option<Watermark>,
    /// The end of the last window on the record of a rolling or previous timeframe. The next window starts
    /// there if windows tile (rule W3), or if it covers occurrences that were missed (rule W3a). `None`
    /// before the first window.
    pub tiled_until: Option<DateTime<Utc>>,
    /// Counts how often the job was brought back from a clock that was ahead, starting at 0. A slot that the
    /// fast clock put on the record comes again under another execution id
    /// ([`ahead`](crate::domain::execution::ahead)).
    pub era: u32,
    /// Work that the last change of the job has yet to do on waiting executions. `None` once all of it is
    /// done.
    pub unsettled: Option<Unsettled>,
    /// How many executions have failed in a row since the last success (rule E5).
    pub failures_in_row: u32,
    /// Counts every stored change of the job or of the work that it has begun, starting at 1.
    pub revision: u64,
}

/// The next state of a job and the changes to its record, to be stored in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobChange {
    /// The job's next state.
    pub job: Job,
    /// New entries of the record, queued or skipped.
    pub entries: Vec<Execution>,
    /// Executions that were waiting and are now skipped.
    pub superseded: Vec<Execution>,
    /// Executions that keep waiting, with other settings (rule J10).
    pub edited: Vec<Execution>,
}

impl JobChange {
    /// Creates a change of the job alone.
    pub fn of(job: Job) -> Self {
        Self { job, entries: Vec::new(), superseded: Vec::new(), edited: Vec::new() }
    }
}

/// Whether a job starts new work (rules J7, J8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Due slots are run.
    Active,
    /// The frequency starts nothing new. Running executions go on.
    Suspended,
    /// A one-time job that has started and is suspended for good (rule J8), or a recurring job past its end
    /// (rule J14).
    Completed,
    /// Deleted by its owner (rule J12). The row is kept only because of its history.
    Deleted,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Suspended, Self::Completed, Self::Deleted];

    /// Returns the state as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the state with this name, or `None` if there is no such state.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a job exports, how often and for whom. Each value is valid by itself. [`admission`] checks whether
/// they fit together and match what is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// The title shown to people.
    pub title: Title,
    /// The purpose of the job. May be empty.
    pub description: Description,
    /// The source (rule J2).
    pub source: SourceId,
    /// The data type of that source (rule J2).
    pub data_type: TypeId,
    /// The categories to export (rule J3).
    pub categories: CategorySelection,
    /// The fields to export, and filters for the records (rule J4).
    pub template: Template,
    /// How often the job is due (section F).
    pub frequency: Frequency,
    /// No occurrence of a recurring job lies before this instant (rule J14).
    pub starts_at: Option<DateTime<Utc>>,
    /// No occurrence of a recurring job lies at or after this instant (rule J14).
    pub ends_at: Option<DateTime<Utc>>,
    /// The stretch of time that each occurrence exports (section W).
    pub timeframe: Timeframe,
    /// The largest size of a part. `None` for a single file (rule A4).
    pub split_size: Option<SplitSize>,
    /// The recipients for whom parts are sealed, if any (rule S1).
    pub protection: Protection,
    /// How long artifacts are kept. `None` for the service's own retention (rule A7).
    pub retention: Option<RetentionDays>,
    /// Policies for overlap, downtime, failures and bad records (rules E3–E6, E10).
    pub policies: Policies,
}

impl JobSettings {
    /// Creates settings from the values that have no default. The defaults export everything of one data type
    /// up to the slot, in one file, and keep it as long as the service keeps artifacts. All fields are
    /// public, so set those that differ.
    pub fn new(
        title: Title,
        source: SourceId,
        data_type: TypeId,
        frequency: Frequency,
        protection: Protection,
    ) -> Self {
        Self {
            title,
            description: Description::default(),
            source,
            data_type,
            categories: CategorySelection::All,
            template: Template::default(),
            frequency,
            starts_at: None,
            ends_at: None,
            timeframe: Timeframe::All,
            split_size: None,
            protection,
            retention: None,
            policies: Policies::default(),
        }
    }
}

impl JobSettings {
    /// Truncates its instants to whole microseconds, as slots are stored (rule W1).
    #[must_use]
    pub fn in_microseconds(self) -> Self {
        let trunc = |instant: DateTime<Utc>| instant.trunc_subsecs(6);
        Self {
            frequency: self.frequency.in_microseconds(),
            starts_at: self.starts_at.map(trunc),
            ends_at: self.ends_at.map(trunc),
            ..self
        }
    }
}

/// Who can read the artifacts (rule S1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Anybody who has the file. Plaintext must be asked for by name.
    Plaintext,
    /// The holders of the private keys of these recipients' certificates.
    Sealed(RecipientNames),
}

/// The names of one or more recipients, without repetitions, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientNames(Vec<RecipientName>);

impl RecipientNames {
    /// Creates the list of names. Repeated names count once.
    ///
    /// # Errors
    /// [`Code::RecipientRequired`] if `names` is empty.
    pub fn new(names: impl IntoIterator<Item = RecipientName>) -> Result<Self, RuleViolation> {
        let mut distinct: Vec<RecipientName> = Vec::new();
        for name in names {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        if distinct.is_empty() {
            return Err(RuleViolation::new(
                Code::RecipientRequired,
                "no recipient is named: name one whose certificate is stored, or ask for plaintext explicitly",
            ));
        }
        Ok(Self(distinct))
    }

    /// Returns the names, at least one.
    pub fn as_slice(&self) -> &[RecipientName] {
        &self.0
    }
}

impl Protection {
    /// Returns the recipients. Empty for plaintext.
    pub fn recipients(&self) -> &[RecipientName] {
        match self {
            Self::Plaintext => &[],
            Self::Sealed(names) => names.as_slice(),
        }
    }
}

/// A title of 1 to 255 characters after trimming (rule J1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Title(Arc<str>);

impl Title {
    /// The longest title, in characters.
    pub const CHARS_MAX: usize = 255;

    /// Trims and checks a title.
    ///
    /// # Errors
    /// [`Code::InvalidTitle`] if the trimmed title is empty, longer than [`CHARS_MAX`](Self::CHARS_MAX), or
    /// holds control characters, line or paragraph separators, or marks that change the direction of text.
    pub fn new(title: &str) -> Result<Self, RuleViolation> {
        let title = title.trim();
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidTitle, why));
        if title.chars().any(disturbs_a_line) {
            return refuse(
                "the title contains characters that would break or reverse the line it is shown in: leave \
                 them out"
                    .to_owned(),
            );
        }
        match title.chars().count() {
            0 => refuse("the title is empty: give the job a title".to_owned()),
            1..=Self::CHARS_MAX => Ok(Self(title.into())),
            count => refuse(format!(
                "the title has {count} characters: shorten it to {} or fewer",
                Self::CHARS_MAX
            )),
        }
    }

    /// Returns the title as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the character breaks or reorders the line in which a title is shown: control characters, line and
/// paragraph separators, and marks that change the direction of text (UAX #9).
fn disturbs_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A description of up to 4,096 characters (rule J1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description(String);

impl Description {
    /// The longest description, in characters.
    pub const CHARS_MAX: usize = 4_096;

    /// Checks a description. An empty one means that the job has none.
    ///
    /// # Errors
    /// [`Code::InvalidDescription`] if it is longer than [`CHARS_MAX`](Self::CHARS_MAX).
    pub fn new(description: &str) -> Result<Self, RuleViolation> {
        let count = description.chars().count();
        if count > Self::CHARS_MAX {
            return Err(RuleViolation::new(
                Code::InvalidDescription,
                format!("the description has {count} characters: shorten it to {} or fewer", Self::CHARS_MAX),
            ));
        }
        Ok(Self(description.to_owned()))
    }

    /// Returns the description as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_titles_are_trimmed_and_bounded_in_characters() {
        assert_eq!(Title::new("  Weekly voice \n").unwrap().as_str(), "Weekly voice");
        assert!(Title::new(&"ü".repeat(255)).is_ok());
        for bad in ["", " \t\n", &"x".repeat(256), "a\nb", "a\u{1b}[31mb", "a\u{202e}b", "a\0"] {
            assert_eq!(Title::new(bad).unwrap_err().code(), Code::InvalidTitle);
        }
    }

    #[test]
    fn j1_descriptions_are_optional_and_bounded() {
        assert!(Description::new("").is_ok() && Description::new(&"x".repeat(4_096)).is_ok());
        assert_eq!(Description::new(&"x".repeat(4_097)).unwrap_err().code(), Code::InvalidDescription);
    }

    #[test]
    fn s1_sealing_needs_a_recipient() {
        assert_eq!(RecipientNames::new([]).unwrap_err().code(), Code::RecipientRequired);
        let ops = RecipientName::new("ops").unwrap();
        assert_eq!(RecipientNames::new([ops.clone(), ops.clone()]).unwrap().as_slice(), &[ops]);
    }
}
