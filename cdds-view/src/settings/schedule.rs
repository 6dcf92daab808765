//! The parts of a frequency, each optional, over the present frequency of a job.

use cdds_core::domain::calendar::frequency::{
    CronExpression, Frequency, FrequencyKind, Hourly, MissingDay, Monthly, Start, TimeOfDay, parse_weekday,
    weekday_name,
};
use cdds_core::domain::violation::RuleViolation;
use chrono::{DateTime, Utc};

use FrequencyKind::{Cron, Daily, Hourly as EveryHours, Monthly as EveryMonth, Once, Weekly};

/// The parts of a frequency, as people give them. Times of day are by the clock of the job ([`ClockParts`](super::ClockParts)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// How often.
    pub run: Option<FrequencyKind>,
    /// once: when; `Some(None)` takes the start away, so that the job runs immediately.
    pub start: Option<Option<DateTime<Utc>>>,
    /// hourly: every so many hours from midnight, 1 to 23; 1 by default.
    pub every: Option<u32>,
    /// hourly: at which minute, 0 to 59; 0 by default.
    pub minute: Option<u32>,
    /// daily, weekly, monthly: the time of day, `HH:MM`.
    pub at: Option<String>,
    /// weekly: `mon` to `sun`; monthly: 1 to 31.
    pub day: Option<String>,
    /// monthly: what a month without the day does, `skip` or `last`; `skip` by default.
    pub missing_day: Option<String>,
    /// cron: minute, hour, day of month, month, day of week.
    pub cron: Option<String>,
}

/// Parts that make no frequency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Nothing says how often.
    #[error("a new job needs a frequency: add run")]
    NoFrequency,
    /// A part does not apply to this kind of frequency.
    #[error("{part} goes with run {}, but the job runs {kind}", or(.kinds))]
    Unfit {
        /// The part, by its key in job files.
        part: &'static str,
        /// The kinds that it applies to.
        kinds: &'static [FrequencyKind],
        /// The kind of the job.
        kind: FrequencyKind,
    },
    /// This kind of frequency needs another part.
    #[error("run {kind} needs {what}: add {part}, like {like}")]
    Lacks {
        /// The kind.
        kind: FrequencyKind,
        /// The missing thing, for people.
        what: &'static str,
        /// The part, by its key in job files.
        part: &'static str,
        /// The values that it takes.
        like: &'static str,
    },
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] RuleViolation),
}

/// `daily or weekly`
pub(crate) fn or(kinds: &[FrequencyKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
}

impl From<&Frequency> for Schedule {
    fn from(frequency: &Frequency) -> Self {
        let parts = Self { run: Some(frequency.kind()), ..Self::default() };
        match frequency {
            Frequency::Once(Start::Immediately) => parts,
            Frequency::Once(Start::At(start)) => Self { start: Some(Some(*start)), ..parts },
            Frequency::Hourly(hourly) => {
                Self { every: Some(hourly.every()), minute: Some(hourly.minute()), ..parts }
            }
            Frequency::Daily(at) => Self { at: Some(at.to_string()), ..parts },
            Frequency::Weekly { day, at } => {
                Self { day: Some(weekday_name(*day).to_owned()), at: Some(at.to_string()), ..parts }
            }
            Frequency::Monthly(monthly) => Self {
                day: Some(monthly.day().to_string()),
                at: Some(monthly.at().to_string()),
                missing_day: (monthly.missing() == MissingDay::Last)
                    .then(|| monthly.missing().as_str().to_owned()),
                ..parts
            },
            Frequency::Cron(expression) => Self { cron: Some(expression.as_str().to_owned()), ..parts },
        }
    }
}

impl Schedule {
    /// Returns the frequency. If the kind is left out, it is that of `present`; a part of the same kind that
    /// is left out keeps its present value, and so does the time of day when the kind changes.
    ///
    /// # Errors
    /// [`ScheduleError`] if a part is missing, does not go with the kind, or is refused.
    pub fn over(&self, present: Option<&Frequency>) -> Result<Frequency, ScheduleError> {
        let kind = self.run.or_else(|| present.map(Frequency::kind)).ok_or(ScheduleError::NoFrequency)?;
        self.check_fitting(kind)?;
        let details = Details { given: self, present, kind };
        Ok(match kind {
            Once => Frequency::Once(details.start()),
            EveryHours => Frequency::Hourly(details.hourly()?),
            Daily => Frequency::Daily(details.at()?),
            Weekly => details.weekly()?,
            EveryMonth => Frequency::Monthly(details.monthly()?),
            Cron => details.cron()?,
        })
    }

    /// Refuses parts that do not apply to this kind, rather than ignoring them.
    fn check_fitting(&self, kind: FrequencyKind) -> Result<(), ScheduleError> {
        let parts: [(&'static str, bool, &'static [FrequencyKind]); 7] = [
            ("start", self.start.is_some(), &[Once]),
            ("every", self.every.is_some(), &[EveryHours]),
            ("minute", self.minute.is_some(), &[EveryHours]),
            ("at", self.at.is_some(), &[Daily, Weekly, EveryMonth]),
            ("day", self.day.is_some(), &[Weekly, EveryMonth]),
            ("missing-day", self.missing_day.is_some(), &[EveryMonth]),
            ("cron", self.cron.is_some(), &[Cron]),
        ];
        match parts.into_iter().find(|(_, given, kinds)| *given && !kinds.contains(&kind)) {
            None => Ok(()),
            Some((part, _, kinds)) => Err(ScheduleError::Unfit { part, kinds, kind }),
        }
    }
}

struct Details<'a> {
    given: &'a Schedule,
    present: Option<&'a Frequency>,
    kind: FrequencyKind,
}

impl Details<'_> {
    fn start(&self) -> Start {
        match (self.given.start, self.present) {
            (Some(Some(start)), _) => Start::At(start),
            (None, Some(Frequency::Once(start))) => *start,
            _ => Start::Immediately,
        }
    }

    fn hourly(&self) -> Result<Hourly, ScheduleError> {
        let (every, minute) = match self.present {
            Some(Frequency::Hourly(hourly)) => (hourly.every(), hourly.minute()),
            _ => (1, 0),
        };
        Ok(Hourly::new(self.given.every.unwrap_or(every), self.given.minute.unwrap_or(minute))?)
    }

    fn at(&self) -> Result<TimeOfDay, ScheduleError> {
        match (&self.given.at, self.present) {
            (Some(given), _) => Ok(given.parse()?),
            (None, Some(Frequency::Daily(at) | Frequency::Weekly { at, .. })) => Ok(*at),
            (None, Some(Frequency::Monthly(monthly))) => Ok(monthly.at()),
            _ => Err(self.lacks("the time of day", "at", "HH:MM")),
        }
    }

    fn weekly(&self) -> Result<Frequency, ScheduleError> {
        let day = match (&self.given.day, self.present) {
            (Some(given), _) => parse_weekday(given)?,
            (None, Some(Frequency::Weekly { day, .. })) => *day,
            _ => return Err(self.lacks("the day", "day", "mon to sun")),
        };
        Ok(Frequency::Weekly { day, at: self.at()? })
    }

    fn monthly(&self) -> Result<Monthly, ScheduleError> {
        let present = match self.present {
            Some(Frequency::Monthly(monthly)) => Some(monthly),
            _ => None,
        };
        let day = match (&self.given.day, present) {
            (Some(given), _) => given.parse().map_err(|_| self.lacks("a number", "day", "1 to 31"))?,
            (None, Some(monthly)) => monthly.day(),
            (None, None) => return Err(self.lacks("the day", "day", "1 to 31")),
        };
        let missing = match &self.given.missing_day {
            Some(given) => given.parse()?,
            None => present.map(|monthly| monthly.missing()).unwrap_or_default(),
        };
        Ok(Monthly::new(day, self.at()?, missing)?)
    }

    fn cron(&self) -> Result<Frequency, ScheduleError> {
        match (&self.given.cron, self.present) {
            (Some(given), _) => Ok(Frequency::Cron(CronExpression::new(given)?)),
            (None, Some(Frequency::Cron(present))) => Ok(Frequency::Cron(present.clone())),
            _ => Err(self.lacks("an expression", "cron", "'0 2 * * 1-5'")),
        }
    }

    fn lacks(&self, what: &'static str, part: &'static str, like: &'static str) -> ScheduleError {
        ScheduleError::Lacks { kind: self.kind, what, part, like }
    }
}
