//! Applies the typed schedule options to the present frequency of a job.

use cdds_core::domain::calendar::frequency::{Frequency, FrequencyKind};
use cdds_core::domain::calendar::wall_clock::WallClock;
use cdds_view::settings::{ClockParts, Schedule, ScheduleError};

use crate::args::{ScheduleOptions, Setting};
use crate::error::CliError;

/// Returns the typed frequency. If the kind is left out, it is that of `present`; an option of the same kind
/// that is left out keeps its present value, and so does the time of day when the kind changes.
pub(super) fn frequency(typed: &ScheduleOptions, present: Option<&Frequency>) -> Result<Frequency, CliError> {
    let typed = typed.clone();
    let schedule = Schedule {
        run: typed.run,
        start: typed.start.map(Setting::value),
        every: typed.every,
        minute: typed.minute,
        at: typed.at,
        day: typed.day,
        missing_day: typed.missing_day,
        cron: typed.cron,
    };
    schedule.over(present).map_err(mistake)
}

/// Returns the typed clock. A part that is left out stays as it is in `present`.
pub(super) fn clock(typed: &ScheduleOptions, present: &WallClock) -> Result<WallClock, CliError> {
    let (time_zone, gap, fold) = (typed.time_zone.clone(), typed.gap.clone(), typed.fold.clone());
    Ok(ClockParts { time_zone, gap, fold }.over(present)?)
}

/// Words the mistake with the options of the command line.
fn mistake(error: ScheduleError) -> CliError {
    match error {
        ScheduleError::Refused(violation) => violation.into(),
        ScheduleError::Unfit { part, kinds, kind } => {
            let kinds: Vec<&str> = kinds.iter().copied().map(FrequencyKind::as_str).collect();
            let kinds = kinds.join(" or ");
            CliError::usage(format!("--{part} goes with --run {kinds}, but the job runs {kind}"))
        }
        ScheduleError::Lacks { kind, what, part, like } => {
            CliError::usage(format!("--run {kind} needs {what}: add --{part} {like}"))
        }
        // Both ways of giving options are meant: a command line and a job file.
        error => CliError::usage(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::domain::calendar::frequency::{Hourly, Monthly, Start, TimeOfDay, parse_weekday};
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
