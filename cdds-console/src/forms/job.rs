//! The form of a job: its answers as settings, and settings as its answers.
//!
//! Every value is checked by the type of the core that holds it, so that each refusal stands beside its own field. Fields
//! that do not apply to what was chosen are ignored: a browser may send them although it does not show them.

mod arrival;
mod groups;
mod place;
mod reads;
mod spell;
mod times;

use std::num::NonZeroU32;

use cdds_core::JobSettings;
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::calendar::frequency::{Frequency, FrequencyKind};
use cdds_core::domain::calendar::timeframe::{FixedRange, Timeframe};
use cdds_core::domain::calendar::wall_clock::WallClock;
use cdds_core::domain::id::{RecipientName, SourceId};
use cdds_core::domain::job::edit::WatermarkChoice;
use cdds_core::domain::job::policy::{BadRecords, Policies, Retries};
use cdds_core::domain::job::{Description, Protection, RecipientNames, Title};
use cdds_core::domain::violation::{Code, RuleViolation};
use cdds_view::settings::{ClockParts, Schedule, ScheduleError, parse_split_bytes};
use chrono::{DateTime, Utc};

use super::{Fault, Faults};
use crate::answers::Answers;
use crate::texts::job as texts;

pub(crate) use self::arrival::{spelled_destination, subscriber};
pub(crate) use self::groups::{Groups, PLACES, READS, SUBSCRIBERS};
pub(crate) use self::place::{fault_of, of_range};
pub(crate) use self::spell::spelled;
pub(crate) use self::times::TIME_PATTERN;

/// Reads the settings.
pub(crate) fn settings(answers: &Answers) -> Result<JobSettings, Vec<Fault>> {
    let mut faults = Faults::default();
    let title = faults.take("title", Title::new(answers.one("title").unwrap_or_default()));
    let description = answers.one("description").unwrap_or_default().replace("\r\n", "\n");
    let description = faults.take("description", Description::new(&description));
    let source = faults.take("source", SourceId::new(answers.one("source").unwrap_or_default()));
    let reads = reads::reads(answers, &mut faults);
    let frequency = frequency(answers, &mut faults);
    let clock = clock(answers, &mut faults);
    let timeframe = timeframe(answers, &mut faults);
    let starts_at = times::instant(answers, "starts", &mut faults);
    let ends_at = times::instant(answers, "ends", &mut faults);
    let protection = faults.take("recipient", protection(answers));
    let split_size = split_size(answers, &mut faults);
    let retention = number(answers, "retention-days", &mut faults)
        .and_then(|days| faults.take("retention-days", RetentionDays::new(days)));
    let policies = policies(answers, &mut faults);
    let destinations = arrival::destinations(answers, &mut faults);
    let subscriptions = arrival::subscriptions(answers, &mut faults);
    match (title, description, source, reads, frequency, clock, timeframe, protection) {
        (
            Some(title),
            Some(description),
            Some(source),
            Some(reads),
            Some(frequency),
            Some(clock),
            Some(timeframe),
            Some(protection),
        ) if faults.0.is_empty() => Ok(JobSettings::of_reads(title, source, reads, frequency, protection)
            .with_description(description)
            .with_clock(clock)
            .with_timeframe(timeframe)
            .with_starts_at(starts_at)
            .with_ends_at(ends_at)
            .with_split_size(split_size)
            .with_retention(retention)
            .with_policies(policies)
            .with_destinations(destinations)
            .with_subscriptions(subscriptions)),
        _ => Err(faults.0),
    }
}

/// Reads a range: `from` and `to`, which are both needed.
pub(crate) fn range(answers: &Answers) -> Result<(DateTime<Utc>, DateTime<Utc>), Vec<Fault>> {
    let mut faults = Faults::default();
    let mut end = |name: &str| {
        let before = faults.0.len();
        let at = times::instant(answers, name, &mut faults);
        if at.is_none() && faults.0.len() == before {
            faults.say(&format!("{name}-date"), texts::NEEDED);
        }
        at
    };
    match (end("from"), end("to")) {
        (Some(from), Some(to)) => Ok((from, to)),
        _ => Err(faults.0),
    }
}

/// Reads what becomes of the watermark; nothing was chosen if it is `None`.
pub(crate) fn watermark(answers: &Answers) -> Option<WatermarkChoice> {
    match answers.one("watermark") {
        Some("reset") => Some(WatermarkChoice::Reset),
        Some("continue") => Some(WatermarkChoice::Continue),
        _ => None,
    }
}

/// Returns the frequency that was chosen.
pub(crate) fn kind(answers: &Answers) -> Option<FrequencyKind> {
    let name = answers.one("run")?;
    FrequencyKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
}

/// Reads a whole number.
fn number<T: std::str::FromStr>(answers: &Answers, field: &str, faults: &mut Faults) -> Option<T> {
    let read = answers.one(field)?.trim().parse().ok();
    if read.is_none() {
        faults.say(field, texts::WHOLE_NUMBER);
    }
    read
}

/// Reads the clock by which the times of day are meant (rule F9).
fn clock(answers: &Answers, faults: &mut Faults) -> Option<WallClock> {
    let text = |field: &str| answers.one(field).map(|text| text.trim().to_owned());
    let parts = ClockParts { time_zone: text("time-zone"), gap: text("gap"), fold: text("fold") };
    faults.take("time-zone", parts.over(&WallClock::UTC))
}

fn frequency(answers: &Answers, faults: &mut Faults) -> Option<Frequency> {
    let Some(kind) = kind(answers) else {
        faults.say("run", texts::CHOOSE_ONE);
        return None;
    };
    let before = faults.0.len();
    let text = |field: &str| answers.one(field).map(str::to_owned);
    let parts = Schedule { run: Some(kind), ..Schedule::default() };
    let parts = match kind {
        FrequencyKind::Once => Schedule { start: Some(times::instant(answers, "once", faults)), ..parts },
        FrequencyKind::Hourly => Schedule {
            every: number(answers, "every", faults),
            minute: number(answers, "minute", faults),
            ..parts
        },
        FrequencyKind::Daily => Schedule { at: text("daily-at"), ..parts },
        FrequencyKind::Weekly => Schedule { day: text("weekly-day"), at: text("weekly-at"), ..parts },
        FrequencyKind::Monthly => Schedule {
            day: text("monthly-day"),
            at: text("monthly-at"),
            missing_day: text("missing-day"),
            ..parts
        },
        FrequencyKind::Cron => Schedule { cron: text("cron"), ..parts },
    };
    if faults.0.len() > before {
        return None;
    }
    match parts.over(None) {
        Ok(frequency) => Some(frequency),
        Err(ScheduleError::Refused(refusal)) => faults.take(place::of_schedule(&refusal, kind), Err(refusal)),
        Err(ScheduleError::Lacks { part, .. }) => {
            faults.say(place::of_part(part, kind), texts::NEEDED);
            None
        }
        Err(error) => {
            faults.say("run", error.to_string());
            None
        }
    }
}

fn timeframe(answers: &Answers, faults: &mut Faults) -> Option<Timeframe> {
    let frame = answers.one("frame").unwrap_or_default();
    match frame {
        "all" => Some(Timeframe::All),
        "since-last" => {
            Some(Timeframe::SinceLastExport { origin: times::instant(answers, "origin", faults) })
        }
        "rolling" | "previous" => {
            let (field, unit) = (format!("{frame}-count"), format!("{frame}-unit"));
            let Some(count) = answers.one(&field) else {
                faults.say(&field, texts::NEEDED);
                return None;
            };
            let unit = answers.one(&unit).unwrap_or_default();
            faults.take(&field, format!("{frame}:{}{unit}", count.trim()).parse())
        }
        "fixed" => {
            let before = faults.0.len();
            let from = times::instant(answers, "fixed-from", faults);
            let to = times::instant(answers, "fixed-to", faults);
            match (from, to) {
                (Some(from), Some(to)) => {
                    faults.take("fixed-to-date", FixedRange::new(from, to)).map(Timeframe::Fixed)
                }
                (from, _) => {
                    if faults.0.len() == before {
                        let missing = if from.is_none() { "fixed-from-date" } else { "fixed-to-date" };
                        faults.say(missing, texts::NEEDED);
                    }
                    None
                }
            }
        }
        _ => {
            faults.say("frame", texts::CHOOSE_ONE);
            None
        }
    }
}

fn protection(answers: &Answers) -> Result<Protection, RuleViolation> {
    if answers.one("seal") == Some("plaintext") {
        return Ok(Protection::Plaintext);
    }
    let names = answers.all("recipient").map(RecipientName::new).collect::<Result<Vec<_>, _>>()?;
    RecipientNames::new(names).map(Protection::Sealed)
}

fn split_size(answers: &Answers, faults: &mut Faults) -> Option<SplitSize> {
    let Some(bytes) = parse_split_bytes(answers.one("split-size")?.trim()) else {
        faults.say("split-size", texts::SPLIT_SIZE_FORM);
        return None;
    };
    faults.take("split-size", SplitSize::from_bytes(bytes))
}

fn policies(answers: &Answers, faults: &mut Faults) -> Policies {
    let catch_up = [answers.one("catch-up"), answers.one("catch-up-limit").map(str::trim)];
    let catch_up: Vec<&str> = catch_up.into_iter().flatten().collect();
    let catch_up = if catch_up.is_empty() { "default".to_owned() } else { catch_up.join(":") };
    let overlap = answers.one("overlap").and_then(|word| faults.take("overlap", word.parse()));
    let retries =
        number(answers, "retries", faults).and_then(|count| faults.take("retries", Retries::new(count)));
    let jitter = answers.one("jitter").and_then(|text| faults.take("jitter", text.trim().parse()));
    let pause: Option<NonZeroU32> = number(answers, "pause-after-failures", faults);
    let bad_records = answers.one("bad-records").map(|most| format!("skip:{}", most.trim()));
    let bad_records = match bad_records {
        None => BadRecords::default(),
        Some(text) => faults.take("bad-records", text.parse()).unwrap_or_default(),
    };
    let incomplete = match (answers.one("incomplete"), answers.one("go-on-after")) {
        (Some("go-on"), Some(after)) => faults.take("go-on-after", format!("go-on:{}", after.trim()).parse()),
        (Some("go-on"), None) => {
            faults.say("go-on-after", texts::NEEDED);
            None
        }
        _ => None,
    };
    Policies::default()
        .with_overlap(overlap)
        .with_catch_up(faults.take("catch-up-limit", catch_up.parse()).unwrap_or_default())
        .with_retries(retries)
        .with_jitter(jitter)
        .with_pause_after_failures(pause)
        .with_bad_records(bad_records)
        .with_incomplete(incomplete.unwrap_or_default())
}

/// Returns the refusal of a rule, if that is what an error is.
pub(crate) fn refusal(error: &cdds_core::ServiceError) -> Option<&RuleViolation> {
    match error {
        cdds_core::ServiceError::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

/// Returns whether an error says that somebody else changed the job meanwhile.
pub(crate) fn is_overtaken(error: &cdds_core::ServiceError) -> bool {
    refusal(error).is_some_and(|refusal| refusal.code() == Code::VersionOvertaken)
        || matches!(error, cdds_core::ServiceError::Conflict { .. })
}

#[cfg(test)]
mod tests;
