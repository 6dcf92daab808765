//! Applies the typed schedule options to the present frequency of a job.

use cdds_core::domain::calendar::frequency::{
    CronExpression, Frequency, FrequencyKind, Hourly, Monthly, Start, TimeOfDay, parse_weekday,
};

use crate::args::{ScheduleOptions, Setting};
use crate::error::CliError;

use FrequencyKind::{Cron, Daily, Hourly as EveryHours, Monthly as EveryMonth, Once, Weekly};

/// Returns the typed frequency. If the kind is left out, it is that of `present`; an option of the same kind
/// that is left out keeps its present value, and so does the time of day when the kind changes.
pub(super) fn frequency(typed: &ScheduleOptions, present: Option<&Frequency>) -> Result<Frequency, CliError> {
    let kind = typed.run.or_else(|| present.map(Frequency::kind));
    let kind = kind.ok_or_else(|| CliError::usage("a new job needs a frequency: say run"))?;
    check_fitting(typed, kind)?;
    let details = Details { typed, present, kind };
    Ok(match kind {
        Once => Frequency::Once(details.start()),
        EveryHours => Frequency::Hourly(details.hourly()?),
        Daily => Frequency::Daily(details.at()?),
        Weekly => details.weekly()?,
        EveryMonth => Frequency::Monthly(details.monthly()?),
        Cron => details.cron()?,
    })
}

/// Refuses options that do not apply to this kind, rather than ignoring them.
fn check_fitting(typed: &ScheduleOptions, kind: FrequencyKind) -> Result<(), CliError> {
    let options: [(&str, bool, &[FrequencyKind]); 7] = [
        ("--start", typed.start.is_some(), &[Once]),
        ("--every", typed.every.is_some(), &[EveryHours]),
        ("--minute", typed.minute.is_some(), &[EveryHours]),
        ("--at", typed.at.is_some(), &[Daily, Weekly, EveryMonth]),
        ("--day", typed.day.is_some(), &[Weekly, EveryMonth]),
        ("--missing-day", typed.missing_day.is_some(), &[EveryMonth]),
        ("--cron", typed.cron.is_some(), &[Cron]),
    ];
    let strange = options.into_iter().find(|(_, given, kinds)| *given && !kinds.contains(&kind));
    match strange {
        None => Ok(()),
        Some((option, _, kinds)) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let (option, kinds) = (option, kinds.join(" or "));
            Err(CliError::usage(format!("{option} goes with --run {kinds}, but the job runs {kind}")))
        }
    }
}

struct Details<'a> {
    typed: &'a ScheduleOptions,
    present: Option<&'a Frequency>,
    kind: FrequencyKind,
}

impl Details<'_> {
    fn start(&self) -> Start {
        match (self.typed.start, self.present) {
            (Some(Setting::Is(start)), _) => Start::At(start),
            (None, Some(Frequency::Once(start))) => *start,
            _ => Start::Immediately,
        }
    }

    fn hourly(&self) -> Result<Hourly, CliError> {
        let (every, minute) = match self.present {
            Some(Frequency::Hourly(hourly)) => (hourly.every(), hourly.minute()),
            _ => (1, 0),
        };
        Ok(Hourly::new(self.typed.every.unwrap_or(every), self.typed.minute.unwrap_or(minute))?)
    }

    fn at(&self) -> Result<TimeOfDay, CliError> {
        match (&self.typed.at, self.present) {
            (Some(typed), _) => Ok(typed.parse()?),
            (None, Some(Frequency::Daily(at) | Frequency::Weekly { at, .. })) => Ok(*at),
            (None, Some(Frequency::Monthly(monthly))) => Ok(monthly.at()),
            _ => Err(self.lacks("the time of day", "--at HH:MM")),
        }
    }

    fn weekly(&self) -> Result<Frequency, CliError> {
        let day = match (&self.typed.day, self.present) {
            (Some(typed), _) => parse_weekday(typed)?,
            (None, Some(Frequency::Weekly { day, .. })) => *day,
            _ => return Err(self.lacks("the day", "--day mon to sun")),
        };
        Ok(Frequency::Weekly { day, at: self.at()? })
    }

    fn monthly(&self) -> Result<Monthly, CliError> {
        let present = match self.present {
            Some(Frequency::Monthly(monthly)) => Some(monthly),
            _ => None,
        };
        let day = match (&self.typed.day, present) {
            (Some(typed), _) => typed.parse().map_err(|_| self.lacks("a number", "--day 1 to 31"))?,
            (None, Some(monthly)) => monthly.day(),
            (None, None) => return Err(self.lacks("the day", "--day 1 to 31")),
        };
        let missing = match &self.typed.missing_day {
            Some(typed) => typed.parse()?,
            None => present.map(|monthly| monthly.missing()).unwrap_or_default(),
        };
        Ok(Monthly::new(day, self.at()?, missing)?)
    }

    fn cron(&self) -> Result<Frequency, CliError> {
        match (&self.typed.cron, self.present) {
            (Some(typed), _) => Ok(Frequency::Cron(CronExpression::new(typed)?)),
            (None, Some(Frequency::Cron(present))) => Ok(Frequency::Cron(present.clone())),
            _ => Err(self.lacks("an expression", "--cron '0 2 * * 1-5'")),
        }
    }

    fn lacks(&self, what: &str, option: &str) -> CliError {
        CliError::usage(format!("--run {} needs {what}: add {option}", self.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, FromArgMatches, Parser};

    #[derive(Debug, Parser)]
    #[command(no_binary_name = true)]
    struct Typed {
        #[command(flatten)]
        schedule: ScheduleOptions,
    }

    fn read(line: &str, present: Option<&Frequency>) -> Result<String, String> {
        let words = line.split(' ').filter(|word| !word.is_empty()).map(|word| word.replace('_', " "));
        let matches = Typed::command().try_get_matches_from(words).unwrap();
        let typed = Typed::from_arg_matches(&matches).unwrap();
        let read = frequency(&typed.schedule, present);
        read.map(|frequency| frequency.to_string()).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn every_frequency_can_be_typed() {
        for (line, printed) in [
            ("--run once", "once"),
            ("--run once --start none", "once"),
            ("--run once --start 2030-01-01T00:00:00Z", "once at 2030-01-01T00:00:00Z"),
            ("--run hourly", "hourly at :00"),
            ("--run hourly --every 4 --minute 15", "every 4 hours at :15"),
            ("--run daily --at 02:00", "daily at 02:00"),
            ("--run weekly --day tue --at 02:00", "weekly on tue at 02:00"),
            ("--run monthly --day 31 --at 02:00", "monthly on 31 at 02:00"),
            (
                "--run monthly --day 31 --at 02:00 --missing-day last",
                "monthly on 31 at 02:00 (last day if missing)",
            ),
            ("--run cron --cron 0_2_*_*_1-5", "cron 0 2 * * 1-5"),
        ] {
            assert_eq!(read(line, None).unwrap(), printed, "{line}");
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        let at = TimeOfDay::new(2, 0).unwrap();
        let hourly = Frequency::Hourly(Hourly::new(4, 15).unwrap());
        let weekly = Frequency::Weekly { day: parse_weekday("tue").unwrap(), at };
        let monthly = Frequency::Monthly(Monthly::new(31, at, "last".parse().unwrap()).unwrap());
        let once = Frequency::Once(Start::At(chrono::DateTime::UNIX_EPOCH));
        for (present, line, printed) in [
            (&hourly, "", "every 4 hours at :15"),
            (&hourly, "--every 6", "every 6 hours at :15"),
            (&hourly, "--run hourly --minute 0", "every 4 hours at :00"),
            (&weekly, "--at 03:00", "weekly on tue at 03:00"),
            (&weekly, "--day fri", "weekly on fri at 02:00"),
            (&weekly, "--run daily", "daily at 02:00"),
            (&weekly, "--run monthly --day 1", "monthly on 1 at 02:00"),
            (&monthly, "--day 30", "monthly on 30 at 02:00 (last day if missing)"),
            (&monthly, "--missing-day skip", "monthly on 31 at 02:00"),
            (&once, "", "once at 1970-01-01T00:00:00Z"),
            (&once, "--start none", "once"),
            (&monthly, "--run once", "once"),
        ] {
            assert_eq!(read(line, Some(present)).unwrap(), printed, "{line:?} over {present}");
        }
    }

    #[test]
    fn what_does_not_fit_names_the_option_and_what_it_goes_with() {
        let daily = Frequency::Daily(TimeOfDay::new(2, 0).unwrap());
        for (present, line, told) in [
            (
                None,
                "--run once --at 02:00",
                "--at goes with --run daily or weekly or monthly, but the job runs once",
            ),
            (None, "--run daily --at 02:00 --day tue", "--day goes with --run weekly or monthly"),
            (None, "--run hourly --start none", "--start goes with --run once"),
            (None, "--run weekly --day tue --at 02:00 --every 2", "--every goes with --run hourly"),
            (None, "--run cron --cron 0_2_*_*_* --minute 5", "--minute goes with --run hourly"),
            (
                None,
                "--run weekly --day tue --at 02:00 --missing-day last",
                "--missing-day goes with --run monthly",
            ),
            (Some(&daily), "--cron 0_2_*_*_*", "--cron goes with --run cron, but the job runs daily"),
            (None, "--run daily", "--run daily needs the time of day: add --at"),
            (None, "--run weekly --at 02:00", "--run weekly needs the day: add --day mon"),
            (None, "--run monthly --at 02:00", "--run monthly needs the day: add --day 1 to 31"),
            (None, "--run monthly --at 02:00 --day tue", "--run monthly needs a number: add --day 1 to 31"),
            (Some(&daily), "--run weekly", "--run weekly needs the day"),
            (None, "--run cron", "--run cron needs an expression: add --cron"),
        ] {
            let error = read(line, present).unwrap_err();
            assert!(error.contains(told), "{line:?} gave {error:?}");
        }
    }
}
