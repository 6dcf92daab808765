//! The settings that people give a job.

use std::num::NonZeroU32;

use chrono::{DateTime, DurationRound, TimeDelta, Utc, Weekday};

use super::dice::Dice;
use super::profile::Profile;
use super::source::{CATEGORIES, GROUP, GROUPS, types};
use super::time::{HOUR, micros_delta};
use super::wall::ZONES;
use crate::domain::archive::retention::RetentionDays;
use crate::domain::calendar::frequency::{
    CronExpression, Frequency, Hourly, MissingDay, Monthly, Start, TimeOfDay,
};
use crate::domain::calendar::timeframe::{FixedRange, Span, Timeframe, Unit};
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::calendar::zone::Zone;
use crate::domain::calendar::zone::database::Database;
use crate::domain::id::{SourceId, TypeId};
use crate::domain::job::policy::{
    CatchUp, CatchUpLimit, Incomplete, Jitter, Overlap, Patience, Policies, Retries,
};
use crate::domain::job::{JobSettings, Protection, Read, Reads, Title};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::{FieldSelection, Filter, Template};
use crate::domain::violation::RuleViolation;

/// Describes what is exported, with the values of filters, which `Debug` leaves out.
pub(super) fn told(reads: &Reads) -> String {
    let told = |read: &Read| {
        let filters: Vec<String> = read.template.filters.iter().map(ToString::to_string).collect();
        format!("{} {:?} {}", read.data_type, read.categories, filters.join(" and "))
    };
    reads.iter().map(told).collect::<Vec<_>>().join(", ")
}

const WEEKDAYS: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

const CRON: [&str; 4] = ["15 */6 * * *", "0 8-18/5 * * MON-FRI", "30 2 1,11,21,30 * *", "59 23 * * 0,3"];

/// Draws the settings of a job. Most jobs run a few times a day.
pub(super) fn draft(
    dice: &mut Dice,
    profile: &Profile,
    zones: &Database,
    now: DateTime<Utc>,
) -> Result<JobSettings, RuleViolation> {
    let frequency = match dice.below(10) {
        0 => Frequency::Once(Start::Immediately),
        1 | 2 => Frequency::Once(Start::At(later(dice, now))),
        _ => recurring(dice)?,
    };
    let (starts_at, ends_at) = if frequency.is_once() { (None, None) } else { period(dice, now) };
    let draft = JobSettings {
        starts_at,
        ends_at,
        timeframe: timeframe(dice, &frequency, now)?,
        reads: reads(dice, profile)?,
        split_size: profile.split_size(),
        retention: retention(dice, profile),
        policies: policies(dice),
        ..JobSettings::new(
            Title::new(&format!("Calls {}", dice.below(1_000)))?,
            SourceId::new("calls")?,
            TypeId::new("call")?,
            frequency,
            Protection::Plaintext,
        )
    };
    let draft = covering(draft)?;
    if profile.zoned { zoned(dice, draft, zones, now) } else { Ok(draft) }
}

/// Gives a draft a clock, and often a time of day at which clocks change.
fn zoned(
    dice: &mut Dice,
    draft: JobSettings,
    zones: &Database,
    now: DateTime<Utc>,
) -> Result<JobSettings, RuleViolation> {
    let clock = clock(dice, zones, now)?;
    if draft.frequency.is_once() || dice.below(3) == 0 {
        return Ok(JobSettings { clock, ..draft });
    }
    let minute = u32::try_from(dice.pick(&[0, 15, 30, 45]).unwrap_or(0)).unwrap_or(0);
    let at = TimeOfDay::new(u32::try_from(dice.below(4)).unwrap_or(0), minute)?;
    let day = Span { count: NonZeroU32::MIN, unit: Unit::Day };
    let timeframe = match dice.below(4) {
        0 => draft.timeframe,
        1 => Timeframe::Rolling(day),
        _ => Timeframe::Previous(day),
    };
    Ok(JobSettings { clock, frequency: Frequency::Daily(at), timeframe, ..draft })
}

/// Draws a clock, mostly one that is about to be put forward or back; every eighth is UTC.
pub(super) fn clock(
    dice: &mut Dice,
    zones: &Database,
    now: DateTime<Utc>,
) -> Result<WallClock, RuleViolation> {
    if dice.below(8) == 0 {
        return Ok(WallClock::UTC);
    }
    let mut zones = ZONES.into_iter().map(|name| zones.zone(name)).collect::<Result<Vec<_>, _>>()?;
    let offset = |zone: &Zone, at| *zone.local(at).offset();
    let changes = |zone: &Zone| offset(zone, now) != offset(zone, now + TimeDelta::days(3));
    if zones.iter().any(changes) && dice.below(8) != 0 {
        zones.retain(changes);
    }
    let zone = zones.swap_remove(dice.index(zones.len()));
    let gap = dice.pick(&[Gap::Shift, Gap::Shift, Gap::Skip]).unwrap_or_default();
    let fold = dice.pick(&[Fold::First, Fold::First, Fold::Second, Fold::Both]).unwrap_or_default();
    Ok(WallClock::new(zone, gap, fold))
}

/// Makes a tiling job that covers missed occurrences hourly, so that it often misses some (rule W3a). Other
/// drafts stay as they are.
fn covering(draft: JobSettings) -> Result<JobSettings, RuleViolation> {
    let CatchUp { missed, limit } = draft.policies.catch_up;
    let covers = [draft.policies.overlap, missed].contains(&Some(Overlap::Coalesce));
    let Frequency::Hourly(hourly) = &draft.frequency else { return Ok(draft) };
    if !covers || !draft.tiles() {
        return Ok(draft);
    }
    let frequency = Frequency::Hourly(Hourly::new(1, hourly.minute())?);
    let hour = Span { count: NonZeroU32::MIN, unit: Unit::Hour };
    let coalesce = Some(Overlap::Coalesce);
    let catch_up = CatchUp { missed: coalesce, limit };
    let policies = Policies { overlap: coalesce, catch_up, ..draft.policies };
    Ok(JobSettings { frequency, timeframe: Timeframe::Rolling(hour), policies, ..draft })
}

/// Draws a whole minute within about the next two days.
pub(super) fn later(dice: &mut Dice, now: DateTime<Utc>) -> DateTime<Utc> {
    let minute = TimeDelta::minutes(1);
    let at = now + minute + micros_delta(dice.below(48 * HOUR));
    at.duration_trunc(minute).unwrap_or(at) + minute
}

pub(super) fn recurring(dice: &mut Dice) -> Result<Frequency, RuleViolation> {
    let minute = u32::try_from(dice.pick(&[0, 0, 30, 7]).unwrap_or(0)).unwrap_or(0);
    let at = TimeOfDay::new(u32::try_from(dice.below(24)).unwrap_or(0), minute)?;
    Ok(match dice.below(25) {
        0..4 => Frequency::Daily(at),
        4 => Frequency::Weekly { day: dice.pick(&WEEKDAYS).unwrap_or(Weekday::Mon), at },
        // Worlds begin near the end of a month, so that these days occur.
        5 => {
            let missing = if dice.coin() { MissingDay::Skip } else { MissingDay::Last };
            let day = dice.pick(&[1, 5, 10, 15, 20, 25, 28, 29, 30, 31]).unwrap_or(31);
            Frequency::Monthly(Monthly::new(day, at, missing)?)
        }
        6 => Frequency::Cron(CronExpression::new(dice.pick(&CRON).unwrap_or("0 0 * * *"))?),
        _ => {
            let every = dice.pick(&[1_u32, 3, 4, 5, 6, 8, 12]).unwrap_or(6);
            Frequency::Hourly(Hourly::new(every, minute)?)
        }
    })
}

/// Draws the period of a recurring job, mostly unlimited (rule J14).
pub(super) fn period(dice: &mut Dice, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let starts_at = (dice.below(8) == 0).then(|| later(dice, now));
    let ends_at = (dice.below(8) == 0).then(|| later(dice, now) + TimeDelta::hours(48));
    (starts_at, ends_at)
}

/// Draws a timeframe that fits the frequency, often one that tiles with it.
pub(super) fn timeframe(
    dice: &mut Dice,
    frequency: &Frequency,
    now: DateTime<Utc>,
) -> Result<Timeframe, RuleViolation> {
    let day = Span { count: NonZeroU32::MIN, unit: Unit::Day };
    let tiling = frequency.period().map(Timeframe::Rolling);
    Ok(match dice.below(10) {
        0..4 => Timeframe::SinceLastExport { origin: dice.coin().then(|| now - TimeDelta::hours(30)) },
        4..8 => tiling.unwrap_or(Timeframe::Rolling(day)),
        8 if dice.coin() => Timeframe::Previous(day),
        8 => Timeframe::Rolling(day),
        _ if dice.coin() => Timeframe::All,
        _ => Timeframe::Fixed(FixedRange::new(now - TimeDelta::hours(40), now - TimeDelta::hours(2))?),
    })
}

/// Draws one or more of the world's data types, each with categories and, for some, a list of groups (rules
/// J4, J17).
pub(super) fn reads(dice: &mut Dice, profile: &Profile) -> Result<Reads, RuleViolation> {
    let mut names = types(profile).to_vec();
    if dice.below(3) == 0 {
        names.rotate_left(1);
    }
    if dice.below(3) == 0 {
        names.truncate(1);
    }
    let mut reads = Vec::new();
    for name in names {
        let read = Read::of(TypeId::new(name)?).with_categories(categories(dice));
        let filters = if dice.below(4) == 0 { vec![groups(dice)?] } else { Vec::new() };
        reads.push(read.with_template(Template::new(FieldSelection::All, filters)?));
    }
    Reads::new(reads)
}

/// Draws about half of the groups.
fn groups(dice: &mut Dice) -> Result<Filter, RuleViolation> {
    let all = (0..GROUPS).map(|group| group.to_string());
    let mut some: Vec<String> = all.filter(|_| dice.coin()).collect();
    if some.is_empty() {
        some.push("0".to_owned());
    }
    Filter::one_of(GROUP, some)
}

pub(super) fn categories(dice: &mut Dice) -> CategorySelection {
    match dice.pick(&CATEGORIES) {
        Some(category) if dice.below(3) == 0 => CategorySelection::Only([category.to_owned()].into()),
        _ => CategorySelection::All,
    }
}

/// Draws a retention of at most the service's own, or none.
pub(super) fn retention(dice: &mut Dice, profile: &Profile) -> Option<RetentionDays> {
    let most = u64::from(profile.engine.retention.days());
    let days = u16::try_from(dice.between(1, most)).ok()?;
    if dice.coin() { RetentionDays::new(days).ok() } else { None }
}

pub(super) fn policies(dice: &mut Dice) -> Policies {
    let mut one_in_six = |policies: &mut Policies, which: u64| {
        if dice.below(6) != 0 {
            return;
        }
        let overlap = dice.pick(&[Overlap::Queue, Overlap::Coalesce]);
        match which {
            0 => policies.overlap = overlap,
            1 => {
                policies.catch_up =
                    CatchUp { missed: overlap, limit: CatchUpLimit::new(TimeDelta::hours(9)).ok() }
            }
            2 => policies.retries = Retries::new(u32::try_from(dice.below(8)).unwrap_or(0)).ok(),
            3 => policies.jitter = Jitter::new(TimeDelta::minutes(5)).ok(),
            4 => {
                let after = Patience::new(TimeDelta::hours(i64::try_from(dice.below(4)).unwrap_or(0))).ok();
                policies.incomplete = after.map_or(Incomplete::Wait, |after| Incomplete::GoOn { after });
            }
            _ => policies.pause_after_failures = NonZeroU32::new(2),
        }
    };
    let mut policies = Policies::default();
    (0..6).for_each(|which| one_in_six(&mut policies, which));
    policies
}
