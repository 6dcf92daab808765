//! Rules J1–J5: what a job exports, how often and for whom.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, SubsecRound, TimeDelta, Utc};

use crate::domain::archive::retention::RetentionDays;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::calendar::frequency::Frequency;
use crate::domain::calendar::schedule::Schedule;
use crate::domain::calendar::timeframe::{Timeframe, Unit};
use crate::domain::calendar::wall_clock::WallClock;
use crate::domain::delivery::JobDestinations;
use crate::domain::id::{RecipientName, SourceId, SubjectRequestId, TypeId};
use crate::domain::job::policy::Policies;
use crate::domain::job::reads::{Read, Reads};
use crate::domain::notice::subscription::Subscriptions;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;
use crate::domain::violation::{Code, RuleViolation};
use crate::setters::setters;

/// What a job exports, how often and for whom. Each value is valid by itself. [`admission`](super::admission)
/// checks whether they fit together and match what is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobSettings {
    /// The title shown to people.
    pub title: Title,
    /// The purpose of the job. May be empty.
    pub description: Description,
    /// The source (rule J2).
    pub source: SourceId,
    /// The data types of that source, each with its own categories, fields and filters (rules J2–J4, J17).
    pub reads: Reads,
    /// How often the job is due (section F).
    pub frequency: Frequency,
    /// The clock by which the frequency, the days of the timeframe and the folders of days are meant (rule F9).
    pub clock: WallClock,
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
    /// Where each set is delivered besides the artifact store (rule N1).
    pub destinations: JobDestinations,
    /// Who is told (rule N2).
    pub subscriptions: Subscriptions,
    /// The request of a data subject that the job answers (rule D9): it reads records about that person alone, from the
    /// source of each read. `None` for a job that people have submitted.
    pub request: Option<SubjectRequestId>,
}

setters! {
    JobSettings {
        with_title => title: value Title;
        with_description => description: value Description;
        with_source => source: value SourceId;
        with_reads => reads: value Reads;
        with_frequency => frequency: value Frequency;
        with_clock => clock: value WallClock;
        with_starts_at => starts_at: option DateTime<Utc>;
        with_ends_at => ends_at: option DateTime<Utc>;
        with_timeframe => timeframe: value Timeframe;
        with_split_size => split_size: option SplitSize;
        with_protection => protection: value Protection;
        with_retention => retention: option RetentionDays;
        with_policies => policies: value Policies;
        with_destinations => destinations: value JobDestinations;
        with_subscriptions => subscriptions: value Subscriptions;
        with_request => request: option SubjectRequestId;
    }
}

impl JobSettings {
    /// Returns the names of the settings that differ in `other`, in the order of this struct (rule C2).
    pub fn changed(&self, other: &Self) -> Vec<&'static str> {
        // A new setting does not compile before it has a name here.
        let Self {
            title,
            description,
            source,
            reads,
            frequency,
            clock,
            starts_at,
            ends_at,
            timeframe,
            split_size,
            protection,
            retention,
            policies,
            destinations,
            subscriptions,
            request,
        } = self;
        let categories = |read: &Read| read.categories.clone();
        let template = |read: &Read| read.template.clone();
        let differ = [
            ("title", *title != other.title),
            ("description", *description != other.description),
            ("source", *source != other.source),
            ("type", reads.types() != other.reads.types()),
            ("categories", reads.iter().map(categories).ne(other.reads.iter().map(categories))),
            ("template", reads.iter().map(template).ne(other.reads.iter().map(template))),
            ("frequency", *frequency != other.frequency),
            ("clock", *clock != other.clock),
            ("starts_at", *starts_at != other.starts_at),
            ("ends_at", *ends_at != other.ends_at),
            ("timeframe", *timeframe != other.timeframe),
            ("split_size", *split_size != other.split_size),
            ("recipients", *protection != other.protection),
            ("retention", *retention != other.retention),
            ("policies", *policies != other.policies),
            ("destinations", *destinations != other.destinations),
            ("subscribers", *subscriptions != other.subscriptions),
            ("request", *request != other.request),
        ];
        differ.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

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
        Self::of_reads(title, source, Reads::one(Read::of(data_type)), frequency, protection)
    }

    /// Creates settings like [`new`](Self::new) for one or several data types (rule J17).
    pub fn of_reads(
        title: Title,
        source: SourceId,
        reads: Reads,
        frequency: Frequency,
        protection: Protection,
    ) -> Self {
        Self {
            title,
            description: Description::default(),
            source,
            reads,
            frequency,
            clock: WallClock::UTC,
            starts_at: None,
            ends_at: None,
            timeframe: Timeframe::All,
            split_size: None,
            protection,
            retention: None,
            policies: Policies::default(),
            destinations: JobDestinations::default(),
            subscriptions: Subscriptions::default(),
            request: None,
        }
    }
}

impl JobSettings {
    /// Exports only this data type. The categories, fields and filters stay those of the first read.
    #[must_use]
    pub fn with_data_type(self, data_type: TypeId) -> Self {
        Self { reads: self.reads.retyped(data_type), ..self }
    }

    /// Sets the categories of every read.
    #[must_use]
    pub fn with_categories(self, categories: CategorySelection) -> Self {
        Self { reads: self.reads.each(move |read| read.categories.clone_from(&categories)), ..self }
    }

    /// Sets the fields and filters of every read.
    #[must_use]
    pub fn with_template(self, template: Template) -> Self {
        Self { reads: self.reads.each(move |read| read.template.clone_from(&template)), ..self }
    }

    /// Exports this and nothing else.
    #[must_use]
    pub fn with_read(self, read: Read) -> Self {
        Self { reads: Reads::one(read), ..self }
    }

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

    /// Returns the source of one of the reads.
    pub fn source_of<'a>(&'a self, read: &'a Read) -> &'a SourceId {
        read.source.as_ref().unwrap_or(&self.source)
    }

    /// Checks that the job is one that people submit and change (rule D9).
    ///
    /// # Errors
    /// [`Code::SubjectJob`] if it answers a request of a data subject.
    pub fn check_own(&self) -> Result<(), RuleViolation> {
        match self.request {
            None => Ok(()),
            Some(request) => Err(RuleViolation::new(
                Code::SubjectJob,
                format!(
                    "this job hands over what request {request} of a data subject asks for, and lives with it: see the \
                     request; an execution that failed can be run again"
                ),
            )),
        }
    }

    /// Returns the frequency by the job's clock.
    pub fn schedule(&self) -> Schedule<'_> {
        Schedule::new(&self.frequency, &self.clock)
    }

    /// Returns the first slot strictly after `after` within the job's `starts_at` and `ends_at` (rules F7,
    /// J14).
    pub fn next_slot(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // `starts_at` is inclusive, and `next_after` is strict: search from the microsecond before it.
        let before_start = |start: DateTime<Utc>| start.checked_sub_signed(TimeDelta::microseconds(1));
        let after = self.starts_at.and_then(before_start).map_or(after, |start| after.max(start));
        self.schedule().next_after(after).filter(|slot| self.ends_at.is_none_or(|end| *slot < end))
    }

    /// Returns what the job's clock shows at an instant, if its slots go by the clock.
    pub(in crate::domain) fn shown(&self, at: DateTime<Utc>) -> Option<DateTime<FixedOffset>> {
        let goes_by_clock = !self.clock.is_utc() && self.schedule().goes_by_clock();
        goes_by_clock.then(|| self.clock.zone().local(at))
    }

    /// Whether the windows of successive occurrences join without a gap or an overlap, as those of a rolling
    /// or previous timeframe of the frequency's own period do (rule W3).
    pub fn tiles(&self) -> bool {
        match self.timeframe {
            Timeframe::Rolling(span) | Timeframe::Previous(span) => self.frequency.period() == Some(span),
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => false,
        }
    }

    /// Whether each occurrence has a window of its own. A later window then covers an earlier one only if it
    /// reaches back to it.
    pub(in crate::domain) fn slides(&self) -> bool {
        matches!(self.timeframe, Timeframe::Rolling(_) | Timeframe::Previous(_))
    }

    /// Whether windows under one of the settings continue where windows under the other end: both tile, over
    /// the same records.
    pub(in crate::domain) fn tiles_with(&self, other: &Self) -> bool {
        // The scope includes the timeframe, which may differ here as long as both tile.
        let of_same_records = self.has_scope_of(&Self { timeframe: self.timeframe.clone(), ..other.clone() });
        self.tiles() && other.tiles() && of_same_records
    }

    /// Whether both settings are due at the same instants.
    pub fn has_schedule_of(&self, other: &Self) -> bool {
        self.frequency == other.frequency
            && (self.clock == other.clock || !self.schedule().goes_by_clock())
            && self.starts_at == other.starts_at
            && self.ends_at == other.ends_at
    }

    /// Whether an occurrence at the same slot has the same window of its own under both settings.
    pub(in crate::domain) fn has_windows_of(&self, other: &Self) -> bool {
        let by_days = |settings: &Self| match settings.timeframe {
            Timeframe::Rolling(span) | Timeframe::Previous(span) => span.unit != Unit::Hour,
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => false,
        };
        let zone = self.clock.zone();
        self.timeframe == other.timeframe && (zone.has_days_of(other.clock.zone()) || !by_days(self))
    }

    /// Whether both settings export the same records, as far as the watermark is concerned (rule J11).
    pub fn has_scope_of(&self, other: &Self) -> bool {
        self.source == other.source
            && self.reads.has_scope_of(&other.reads)
            && self.timeframe == other.timeframe
    }
}

/// Who can read the artifacts (rule S1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Anybody who has the file. Plaintext must be asked for by name.
    Plaintext,
    /// The holders of the private keys of these recipients' certificates.
    Sealed(RecipientNames),
    /// The holder of the private key of the certificate that came with a request of a data subject (rule D9).
    Handed {
        /// SHA-256 of its DER form, 64 lower-case hexadecimal digits. The certificate itself may name the person, so it is
        /// sealed with the identifiers.
        fingerprint: String,
    },
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
    /// Returns the recipients that are stored under a name. Empty for plaintext, and for a certificate that came with a
    /// request.
    pub fn recipients(&self) -> &[RecipientName] {
        match self {
            Self::Plaintext | Self::Handed { .. } => &[],
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
                "the title contains characters that would break or reverse the line it is shown in: leave them out"
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

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
