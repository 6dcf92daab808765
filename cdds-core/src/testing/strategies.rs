//! [proptest](https://docs.rs/proptest) strategies for schedules and jobs, and in [`requests`] for reads of a
//! source. They produce valid values of every
//! kind, biased towards the edges of days, months, years and leap days, where calendar code tends to fail.
//!
//! ```
//! use cdds_core::domain::calendar::timeframe::Timeframe;
//! use cdds_core::testing::strategies::{instant, recurring_frequency};
//! use proptest::{prop_assert, proptest};
//!
//! proptest! {
//!     # #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8))]
//!     # /*
//!     #[test]
//!     # */
//!     fn an_export_ends_when_it_is_due(frequency in recurring_frequency(), now in instant()) {
//!         let slot = frequency.next_after(now).unwrap();
//!         let window = Timeframe::All.window(&frequency, slot).unwrap();
//!         prop_assert!(now < slot && window.end() == slot);
//!     }
//! }
//! # an_export_ends_when_it_is_due();
//! ```

pub mod requests;

use std::num::NonZeroU32;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::sample::select;

use super::records::template;

use crate::domain::archive::retention::RetentionDays;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::calendar::frequency::{
    CronExpression, Frequency, Hourly, MissingDay, Monthly, Start, TimeOfDay, weekday_name,
};
use crate::domain::calendar::timeframe::{FixedRange, Span, Timeframe, Unit};
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::calendar::zone::Zone;
use crate::domain::id::{RecipientName, TypeId};
use crate::domain::job::policy::{
    BadRecords, CatchUp, CatchUpLimit, Incomplete, Jitter, Overlap, Patience, Policies, Retries,
};
use crate::domain::job::{JobSettings, Protection, Read, Reads, RecipientNames, Title};
use crate::domain::record::selection::CategorySelection;

/// Instants in whole microseconds from 1971 to 2099. Half of them lie on the first or last days of a month,
/// within a microsecond of a whole minute; leap days are more frequent than in the calendar.
pub fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    const START: i64 = 31_536_000_000_000; // 1971-01-01
    const END: i64 = 4_102_444_800_000_000; // 2100-01-01
    let anywhere = (START..END).prop_filter_map("in the calendar", DateTime::from_timestamp_micros);
    let at_an_edge = (edge_date(), edge_time()).prop_map(|(date, time)| date.and_time(time).and_utc());
    prop_oneof![anywhere, at_an_edge]
}

/// The first day or one of the last days of a month, with February and December over-represented.
fn edge_date() -> impl Strategy<Value = NaiveDate> {
    let month = prop_oneof![2 => 1_u32..=12, 1 => Just(2), 1 => Just(12)];
    let day = prop_oneof![Just(1_u32), 28_u32..=31];
    (1971..=2099, month, day).prop_filter_map("in the calendar", |(year, month, day)| {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        first.with_day(day.min(u32::from(first.num_days_in_month())))
    })
}

/// A time within a microsecond of a whole minute, often midnight.
fn edge_time() -> impl Strategy<Value = NaiveTime> {
    let minute = prop_oneof![Just(0_u32), 0_u32..1_440];
    (minute, -1_i64..=1).prop_filter_map("in the day", |(minute, micros)| {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0)?;
        Some(time.overflowing_add_signed(TimeDelta::microseconds(micros)).0)
    })
}

/// Any time of day.
pub fn time_of_day() -> impl Strategy<Value = TimeOfDay> {
    (prop_oneof![Just(0_u32), 0_u32..24], prop_oneof![Just(0_u32), 0_u32..60])
        .prop_filter_map("a time of day", |(hour, minute)| TimeOfDay::new(hour, minute).ok())
}

/// Any frequency: one-time jobs and [`recurring_frequency`].
pub fn frequency() -> impl Strategy<Value = Frequency> {
    let start = prop_oneof![Just(Start::Immediately), instant().prop_map(Start::At)];
    prop_oneof![1 => start.prop_map(Frequency::Once), 5 => recurring_frequency()]
}

/// Hourly, daily, weekly, monthly and cron frequencies: those that always have a next occurrence.
pub fn recurring_frequency() -> impl Strategy<Value = Frequency> {
    prop_oneof![
        4 => named_frequency(),
        1 => cron_expression().prop_map(Frequency::Cron),
    ]
}

/// Hourly, daily, weekly and monthly frequencies: those with a [period](Frequency::period) of their own.
pub fn named_frequency() -> impl Strategy<Value = Frequency> {
    let hourly = (1_u32..=23, 0_u32..60).prop_filter_map("an hourly frequency", |(every, minute)| {
        Hourly::new(every, minute).ok().map(Frequency::Hourly)
    });
    let weekly = (weekday(), time_of_day()).prop_map(|(day, at)| Frequency::Weekly { day, at });
    let day = prop_oneof![1_u32..=31, 28_u32..=31];
    let missing = select(&[MissingDay::Skip, MissingDay::Last][..]);
    let monthly = (day, time_of_day(), missing)
        .prop_filter_map("a monthly frequency", |(day, at, missing)| {
            Monthly::new(day, at, missing).ok().map(Frequency::Monthly)
        });
    prop_oneof![hourly, time_of_day().prop_map(Frequency::Daily), weekly, monthly]
}

fn weekday() -> impl Strategy<Value = Weekday> {
    (0_u8..7).prop_filter_map("a day of the week", |number| Weekday::try_from(number).ok())
}

/// Cron expressions with lists, ranges, steps and names in any case. Day of month or day of week is always
/// `*`.
pub fn cron_expression() -> impl Strategy<Value = CronExpression> {
    let days = prop_oneof![
        Just(("*".to_owned(), "*".to_owned())),
        cron_field(1, 31, number).prop_map(|day_of_month| (day_of_month, "*".to_owned())),
        cron_field(0, 7, day_of_week).prop_map(|day_of_week| ("*".to_owned(), day_of_week)),
    ];
    let fields = (cron_field(0, 59, number), cron_field(0, 23, number), days, cron_field(1, 12, month));
    fields.prop_filter_map("an expression that matches", |(minute, hour, days, month)| {
        let (day_of_month, day_of_week) = days;
        CronExpression::new(&format!("{minute} {hour} {day_of_month} {month} {day_of_week}")).ok()
    })
}

/// `*`, or a list of one to three items. `write` formats a value in the requested form.
fn cron_field(first: u32, last: u32, write: fn(u32, Form) -> String) -> impl Strategy<Value = String> {
    let form = || select(&[Form::Number, Form::Lower, Form::Upper][..]);
    let value = (first..=last, form()).prop_map(move |(value, form)| write(value, form));
    let range = (first..=last, first..=last, form(), form())
        .prop_map(move |(a, b, form, other)| format!("{}-{}", write(a.min(b), form), write(a.max(b), other)));
    let step = 1..=last;
    let stepped = (prop_oneof![Just("*".to_owned()), range.clone()], step)
        .prop_map(|(range, step)| format!("{range}/{step}"));
    let item = prop_oneof![3 => value, 1 => range, 1 => stepped];
    let list = proptest::collection::vec(item, 1..=3).prop_map(|items| items.join(","));
    prop_oneof![1 => Just("*".to_owned()), 2 => list]
}

/// How to write a value that has a name.
#[derive(Debug, Clone, Copy)]
enum Form {
    Number,
    Lower,
    Upper,
}

impl Form {
    fn of(self, value: u32, name: Option<&str>) -> String {
        match (self, name) {
            (Self::Lower, Some(name)) => name.to_owned(),
            (Self::Upper, Some(name)) => name.to_ascii_uppercase(),
            (_, None) | (Self::Number, _) => value.to_string(),
        }
    }
}

fn number(value: u32, form: Form) -> String {
    form.of(value, None)
}

fn month(value: u32, form: Form) -> String {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    form.of(value, (1..).zip(NAMES).find(|(number, _)| *number == value).map(|(_, name)| name))
}

/// Writes a day of the week, where both 0 and 7 mean Sunday.
fn day_of_week(value: u32, form: Form) -> String {
    let day = u8::try_from((value + 6) % 7).ok().and_then(|number| Weekday::try_from(number).ok());
    form.of(value, day.map(weekday_name))
}

/// Zones of all kinds: UTC, fixed offsets, and clocks that are put forward and back by an hour, by half an hour, by
/// two hours, at midnight, for a month of fasting, or over the date line. One in three is any of the database.
pub fn zone() -> impl Strategy<Value = Zone> {
    const NAMED: &[&str] = &[
        "Etc/GMT-5",
        "Europe/Berlin",
        "America/New_York",
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/Sao_Paulo",
        "America/St_Johns",
        "America/Vancouver",
        "Antarctica/Troll",
        "Asia/Tehran",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ];
    let any = select(Zone::names());
    prop_oneof![2 => select(NAMED), 1 => any].prop_filter_map("a zone", |name| Zone::new(name).ok())
}

/// Clocks in any zone, every third in UTC, with any way to treat what they leave out or show twice.
pub fn wall_clock() -> impl Strategy<Value = WallClock> {
    let zoned = (zone(), select(Gap::ALL), select(Fold::ALL));
    prop_oneof![
        1 => Just(WallClock::UTC),
        2 => zoned.prop_map(|(zone, gap, fold)| WallClock::new(zone, gap, fold)),
    ]
}

/// Spans in any unit, from one unit to a hundred years, with small counts more frequent.
pub fn span() -> impl Strategy<Value = Span> {
    (select(Unit::ALL), prop_oneof![3 => 1_u32..=12, 1 => 1_u32..=876_600]).prop_filter_map(
        "within a hundred years",
        |(unit, count)| {
            let count = NonZeroU32::new(count.min(unit.count_max()))?;
            Some(Span { count, unit })
        },
    )
}

/// Any timeframe. Fixed ranges last at most ten years.
pub fn timeframe() -> impl Strategy<Value = Timeframe> {
    let ten_years = 315_576_000_000_000_i64; // microseconds
    let fixed = (instant(), 1..=ten_years).prop_filter_map("a range", |(start, micros)| {
        FixedRange::new(start, start + TimeDelta::microseconds(micros)).ok().map(Timeframe::Fixed)
    });
    let origin = (any::<bool>(), instant()).prop_map(|(with, origin)| with.then_some(origin));
    prop_oneof![
        Just(Timeframe::All),
        fixed,
        span().prop_map(Timeframe::Rolling),
        span().prop_map(Timeframe::Previous),
        origin.prop_map(|origin| Timeframe::SinceLastExport { origin }),
    ]
}

/// Policies in which each setting has any valid value or keeps its default (rules E3–E6, E10).
pub fn policies() -> impl Strategy<Value = Policies> {
    let overlap = || prop::option::of(select(vec![Overlap::Queue, Overlap::Coalesce]));
    let limit = (0..=CatchUpLimit::MAX.num_seconds())
        .prop_filter_map("in bounds", |seconds| CatchUpLimit::new(TimeDelta::seconds(seconds)).ok());
    let catch_up = (overlap(), prop::option::of(limit)).prop_map(|(missed, limit)| CatchUp { missed, limit });
    let retries = (0..=Retries::MAX).prop_filter_map("in bounds", |retries| Retries::new(retries).ok());
    let jitter = (0..=Jitter::MAX.num_seconds())
        .prop_filter_map("in bounds", |seconds| Jitter::new(TimeDelta::seconds(seconds)).ok());
    let skip = (1..=BadRecords::SKIP_MAX)
        .prop_filter_map("not zero", |max| Some(BadRecords::Skip { max: NonZeroU32::new(max)? }));
    let pause = (1_u32..100).prop_map(NonZeroU32::new);
    let go_on = (0..=Patience::MAX.num_seconds()).prop_filter_map("in bounds", |seconds| {
        Some(Incomplete::GoOn { after: Patience::new(TimeDelta::seconds(seconds)).ok()? })
    });
    (
        overlap(),
        catch_up,
        prop::option::of(retries),
        prop::option::of(jitter),
        prop_oneof![Just(None), pause],
        prop_oneof![Just(BadRecords::Fail), skip],
        prop_oneof![Just(Incomplete::Wait), go_on],
    )
        .prop_map(
            |(overlap, catch_up, retries, jitter, pause_after_failures, bad_records, incomplete)| Policies {
                overlap,
                catch_up,
                retries,
                jitter,
                pause_after_failures,
                bad_records,
                incomplete,
            },
        )
}

/// One or more reads of different types, with any selections (rule J17).
fn reads() -> impl Strategy<Value = Reads> {
    // Most jobs have one type.
    let count = prop_oneof![3 => Just(1_usize), 1 => 2..4_usize];
    let reads = count.prop_flat_map(|count| prop::collection::vec(read(), count));
    reads.prop_filter_map("different types", |reads| Reads::new(reads).ok())
}

fn read() -> impl Strategy<Value = Read> {
    let categories = prop_oneof![
        Just(CategorySelection::All),
        prop::collection::btree_set("[a-z]{1,9}", 1..4).prop_map(CategorySelection::Only),
    ];
    ("[a-z]{1,9}", categories, template()).prop_filter_map("a name", |(name, categories, template)| {
        let read = Read::of(TypeId::new(name).ok()?);
        Some(read.with_categories(categories).with_template(template))
    })
}

/// Job settings that are valid in themselves and use every option. Whether they may be saved depends also on
/// the registered sources and on the instant.
pub fn job_settings() -> impl Strategy<Value = JobSettings> {
    let name = || "[a-z][a-z0-9-]{0,20}".prop_filter_map("a name", |name| name.parse().ok());
    let protection = prop_oneof![
        Just(Protection::Plaintext),
        prop::collection::vec("[a-z]{1,9}", 1..4).prop_filter_map("names", |names| {
            let names = names.into_iter().map(RecipientName::new).collect::<Result<Vec<_>, _>>().ok()?;
            RecipientNames::new(names).ok().map(Protection::Sealed)
        }),
    ];
    let title = "[^\\s]\\PC{0,40}".prop_filter_map("a title", |title| Title::new(&title).ok());
    let what = (title, name(), reads());
    let split_size = (SplitSize::BYTES_MIN..=SplitSize::BYTES_MAX)
        .prop_filter_map("in bounds", |bytes| SplitSize::from_bytes(bytes).ok());
    let retention =
        (1..=RetentionDays::DAYS_MAX).prop_filter_map("in bounds", |days| RetentionDays::new(days).ok());
    let bounds = (prop::option::of(instant()), prop::option::of(instant()));
    let extras = (prop::option::of(split_size), prop::option::of(retention), policies());
    // On the heap: the tree of a value would take much of a thread's stack.
    let (what, extras, schedule) = (what.boxed(), extras.boxed(), (frequency(), wall_clock()).boxed());
    (what, schedule, timeframe(), protection, bounds, extras).prop_map(
        |((title, source, reads), (frequency, clock), timeframe, protection, bounds, extras)| {
            let (split_size, retention, policies) = extras;
            JobSettings {
                clock,
                starts_at: bounds.0,
                ends_at: bounds.1,
                timeframe,
                split_size,
                retention,
                policies,
                ..JobSettings::of_reads(title, source, reads, frequency, protection)
            }
        },
    )
}
