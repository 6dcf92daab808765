//! Rules J1–J5: what a job is.

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
    /// Which job.
    pub id: JobId,
    /// Whose job.
    pub owner: Owner,
    /// What it exports, how often and for whom.
    pub settings: JobSettings,
    /// Whether it starts anything new.
    pub state: JobState,
    /// Counts changes that people make, from 1; for optimistic concurrency between them (rule J1).
    pub version: u64,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// When it was last changed by a person.
    pub updated_at: DateTime<Utc>,
    /// The next slot that is not on the record yet; `None` when nothing will be due.
    pub next_due_at: Option<DateTime<Utc>>,
    /// Since when a person, or failures in a row, keep it suspended; `None` if nobody does.
    pub suspended_at: Option<DateTime<Utc>>,
    /// How far its incremental exports have come (rule W4); `None` if it never was incremental.
    pub watermark: Option<Watermark>,
    /// Where the last window on the record ended, of a rolling or previous timeframe: the next one starts there if
    /// windows tile (rule W3), or if it stands for occurrences that were missed (rule W3a). `None` before the first.
    pub tiled_until: Option<DateTime<Utc>>,
    /// Counts how often it was brought back from a clock that was ahead, from 0: a slot that was on the record by
    /// that clock comes again under another id ([`ahead`](crate::domain::execution::ahead)).
    pub era: u32,
    /// What the last change of the job still has to do to what waits; `None` once that is done.
    pub unsettled: Option<Unsettled>,
    /// Executions that failed since the last success (rule E5).
    pub failures_in_row: u32,
    /// Counts every stored change, from 1: whatever touches the job or what it has begun.
    pub revision: u64,
}

/// A job's next state and what it does to the record, to be stored in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobChange {
    /// The job's next state.
    pub job: Job,
    /// New entries of the record: queued and skipped ones.
    pub entries: Vec<Execution>,
    /// Executions that waited and are now skipped.
    pub superseded: Vec<Execution>,
    /// Executions that wait on with other settings (rule J10).
    pub edited: Vec<Execution>,
}

impl JobChange {
    /// A change of the job alone.
    pub fn of(job: Job) -> Self {
        Self { job, entries: Vec::new(), superseded: Vec::new(), edited: Vec::new() }
    }
}

/// Whether a job starts anything new (rules J7, J8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Due slots are run.
    Active,
    /// Nothing new is started by the frequency; what runs goes on.
    Suspended,
    /// A one-time job that was started, suspended for good (rule J8), or a recurring one past its end
    /// (rule J14).
    Completed,
    /// Removed by its owner (rule J12); kept only because of its history.
    Deleted,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Suspended, Self::Completed, Self::Deleted];

    /// The state as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Deleted => "deleted",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a job exports, how often and for whom. Each value is valid by itself; whether they fit
/// together and to what is registered is decided by [`admission`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// What people call the job.
    pub title: Title,
    /// What it is for; may be empty.
    pub description: Description,
    /// Which source (rule J2).
    pub source: SourceId,
    /// Which of its data types (rule J2).
    pub data_type: TypeId,
    /// Which categories (rule J3).
    pub categories: CategorySelection,
    /// Which fields, and which records (rule J4).
    pub template: Template,
    /// How often (section F).
    pub frequency: Frequency,
    /// No occurrence of a recurring job lies before this instant (rule J14).
    pub starts_at: Option<DateTime<Utc>>,
    /// No occurrence of a recurring job lies at or after this instant (rule J14).
    pub ends_at: Option<DateTime<Utc>>,
    /// Which stretch of time (section W).
    pub timeframe: Timeframe,
    /// Bound of each part; `None` for a single file (rule A4).
    pub split_size: Option<SplitSize>,
    /// For whom the parts are sealed (rule S1).
    pub protection: Protection,
    /// How long artifacts are kept; `None` for the service's own (rule A7).
    pub retention: Option<RetentionDays>,
    /// Overlap, downtime, failures, bad records (rules E3–E6, E10).
    pub policies: Policies,
}

impl JobSettings {
    /// Settings with what has no default: everything of one data type, up to the slot, in one file, kept
    /// as long as the service keeps artifacts. The fields are public for whatever is to be different.
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
    /// The same with its instants in whole microseconds, as slots are stored (rule W1).
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
    /// Anybody who has the file; must be asked for by name.
    Plaintext,
    /// The holders of these certificates' keys.
    Sealed(RecipientNames),
}

/// One or more names of recipients, each once, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientNames(Vec<RecipientName>);

impl RecipientNames {
    /// Takes the names; repeated ones count once.
    ///
    /// # Errors
    /// [`Code::RecipientRequired`] if there is none.
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
                "no recipient is named: name one whose certificate is stored, or ask for plaintext by name",
            ));
        }
        Ok(Self(distinct))
    }

    /// The names, at least one.
    pub fn as_slice(&self) -> &[RecipientName] {
        &self.0
    }
}

impl Protection {
    /// The recipients; none for plaintext.
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
    /// The longest title, characters.
    pub const CHARS_MAX: usize = 255;

    /// Trims and checks a title.
    ///
    /// # Errors
    /// [`Code::InvalidTitle`] if it is empty or too long, or holds control characters.
    pub fn new(title: &str) -> Result<Self, RuleViolation> {
        let title = title.trim();
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidTitle, why));
        if title.chars().any(disturbs_a_line) {
            return refuse(
                "the title holds characters that break or turn the line in which it is shown: leave them out"
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

    /// The title as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, line and paragraph separators, and marks that change the direction of text (UAX #9).
fn disturbs_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A description of up to 4,096 characters (rule J1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description(String);

impl Description {
    /// The longest description, characters.
    pub const CHARS_MAX: usize = 4_096;

    /// Checks a description; the empty one is none.
    ///
    /// # Errors
    /// [`Code::InvalidDescription`] if it is too long.
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

    /// The description as text.
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
