//! The options of a job, shared by `create`, `edit` and `clone`. An option that is left out keeps the value
//! of the job that is edited or cloned; a new job gets the default.

use std::num::NonZeroU32;

use cdds_core::domain::calendar::frequency::FrequencyKind;
use chrono::{DateTime, Utc};
use clap::Args;

use super::super::value::{self, Setting};

#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct JobOptions {
    #[command(flatten)]
    pub(crate) content: ContentOptions,
    #[command(flatten)]
    pub(crate) schedule: ScheduleOptions,
    #[command(flatten)]
    pub(crate) archive: ArchiveOptions,
    #[command(flatten)]
    pub(crate) delivery: DeliveryOptions,
    #[command(flatten)]
    pub(crate) policies: PolicyOptions,
}

impl JobOptions {
    /// Fills in from `others` the options that a new job requires and that are missing here.
    pub(crate) fn completed_by(mut self, others: &Self) -> Self {
        let (own, other) = (&mut self.content, &others.content);
        for (own, other) in [(&mut own.title, &other.title), (&mut own.source, &other.source)] {
            *own = own.take().or_else(|| other.clone());
        }
        own.data_type = own.data_type.take().or_else(|| other.data_type.clone());
        if self.schedule.run.is_none() {
            self.schedule = ScheduleOptions {
                starts_at: self.schedule.starts_at,
                ends_at: self.schedule.ends_at,
                time_zone: self.schedule.time_zone,
                gap: self.schedule.gap,
                fold: self.schedule.fold,
                ..others.schedule.clone()
            };
        }
        if self.archive.recipient.is_empty() && !self.archive.plaintext {
            self.archive.recipient.clone_from(&others.archive.recipient);
            self.archive.plaintext = others.archive.plaintext;
        }
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "What is exported")]
pub(crate) struct ContentOptions {
    /// What to call the job
    #[arg(long)]
    pub(crate) title: Option<String>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// The source; see `cdds source list`
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,

    /// The source's data types that go into each set. A type with categories, fields or filters of its own is
    /// an object, like '{"type": "contact", "filter": ["status=open"]}'; may be repeated
    #[arg(long = "type", value_name = "A,B|OBJECT")]
    pub(crate) data_type: Option<Vec<String>>,

    /// The categories [default: all]; a backslash makes the next character literal, like 'a\,b'
    #[arg(long, value_name = "A,B|all")]
    pub(crate) category: Option<Vec<String>>,

    /// The fields of the records [default: all]
    #[arg(long, value_name = "F,G|all")]
    pub(crate) field: Option<Vec<String>>,

    /// Only records that match, like 'status=open'; with =, !=, <, <=, >, >= or *= (contains), or like
    /// 'status in new,open', 'status in ["a,b"]' or 'id in @FILE' with a value on each line; may be repeated;
    /// none for all records
    #[arg(long, value_name = "FILTER|none")]
    pub(crate) filter: Option<Vec<String>>,

    /// Which records, by their instant: all, rolling:1w, previous:1d (h, d, w, mo), since-last,
    /// since-last:START or fixed:START..END, of instants or days [default: all]
    #[arg(long)]
    pub(crate) timeframe: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Schedule, in UTC or the job's time zone")]
pub(crate) struct ScheduleOptions {
    /// How often
    #[arg(long, value_name = "FREQUENCY", value_parser = value::frequency())]
    pub(crate) run: Option<FrequencyKind>,

    /// once: when to start; immediately if left out or none
    #[arg(long, value_name = "RFC3339|none", value_parser = value::instant_or_none)]
    pub(crate) start: Option<Setting<DateTime<Utc>>>,

    /// hourly: every so many hours from midnight, 1 to 23 [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = value::whole::<u32>("1 to 23"))]
    pub(crate) every: Option<u32>,

    /// hourly: at which minute, 0 to 59 [default: 0]
    #[arg(long, value_name = "M", allow_negative_numbers = true, value_parser = value::whole::<u32>("0 to 59"))]
    pub(crate) minute: Option<u32>,

    /// daily, weekly, monthly: the time of day
    #[arg(long, value_name = "HH:MM")]
    pub(crate) at: Option<String>,

    /// weekly: mon to sun; monthly: 1 to 31
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) day: Option<String>,

    /// monthly: in a month without the day, skip it or use its last day [default: skip]
    #[arg(long, value_name = "skip|last")]
    pub(crate) missing_day: Option<String>,

    /// cron: minute, hour, day of month, month, day of week, like '0 2 * * 1-5'
    #[arg(long, value_name = "EXPR")]
    pub(crate) cron: Option<String>,

    /// The zone whose clock times and days go by, like Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,

    /// A time that the zone's clock leaves out: run right after, or not at all [default: shift]
    #[arg(long, value_name = "shift|skip")]
    pub(crate) gap: Option<String>,

    /// A time that the zone's clock shows twice: when to run [default: first]
    #[arg(long, value_name = "first|second|both")]
    pub(crate) fold: Option<String>,

    /// No occurrence before this instant
    #[arg(long, value_name = "RFC3339|none", value_parser = value::instant_or_none)]
    pub(crate) starts_at: Option<Setting<DateTime<Utc>>>,

    /// No occurrence at or after this instant
    #[arg(long, value_name = "RFC3339|none", value_parser = value::instant_or_none)]
    pub(crate) ends_at: Option<Setting<DateTime<Utc>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Archive")]
pub(crate) struct ArchiveOptions {
    /// Split the archive into parts of this size: MB (2^20 bytes), or with a unit like 64KiB
    #[arg(long, value_name = "SIZE|none", allow_negative_numbers = true, value_parser = value::split_bytes_or_none)]
    pub(crate) split_size: Option<Setting<u64>>,

    /// Seal the export for this recipient; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "plaintext")]
    pub(crate) recipient: Vec<String>,

    /// Do not seal the export: anybody who has the files can read them
    #[arg(long)]
    pub(crate) plaintext: bool,

    /// Keep the artifacts for this many days [default: as long as the service does]
    #[arg(long, value_name = "N|default", allow_negative_numbers = true, value_parser = value::whole_or::<u16>("default", "1 to the service's own limit"))]
    pub(crate) retention_days: Option<Setting<u16>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Where it goes, and who is told")]
pub(crate) struct DeliveryOptions {
    /// Deliver each set to this destination, besides the store; see `cdds destination list`. May be repeated.
    /// PATH is a folder below the destination's own, like 'in/{job}' [default: {job}/{yyyy}-{mm}-{dd}]
    #[arg(long, value_name = "ID[:PATH]|none")]
    pub(crate) destination: Option<Vec<String>>,

    /// What is compared before a delivered file has its final name: its size, or its digest, for which it is
    /// read back [default: size]
    #[arg(long, value_name = "size|digest")]
    pub(crate) receipt: Option<String>,

    /// Tell this address, or this endpoint of the configuration; may be repeated
    #[arg(long, value_name = "mailto:ADDRESS|webhook:ID|none")]
    pub(crate) notify: Option<Vec<String>>,

    /// Events to tell them about: published, delivered, delivery_failed, failed, certificate, expiring, paused, disabled,
    /// recall [default: final failures, copies to be deleted, and successes once they have arrived]
    #[arg(long, value_name = "KIND,KIND|default")]
    pub(crate) notify_on: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "When things do not go to plan")]
pub(crate) struct PolicyOptions {
    /// If due again while waiting or running: queue runs each, coalesce the latest for all
    /// [default: by timeframe]
    #[arg(long, value_name = "queue|coalesce|default")]
    pub(crate) overlap: Option<String>,

    /// Occurrences missed while no engine ran: queue, coalesce, a limit like 7d, or both like queue:7d
    /// [default: by timeframe, as far back as the service says]
    #[arg(long, value_name = "POLICY|default")]
    pub(crate) catch_up: Option<String>,

    /// How often a failed attempt is repeated [default: as the engine does]
    #[arg(long, value_name = "N|default", allow_negative_numbers = true, value_parser = value::whole_or::<u32>("default", "0 to 100"))]
    pub(crate) retries: Option<Setting<u32>>,

    /// Delay each start by up to this long, like 10m [default: none]
    #[arg(long, value_name = "DURATION|none")]
    pub(crate) jitter: Option<String>,

    /// Suspend the job after this many failures in a row [default: none]
    #[arg(long, value_name = "N|none", allow_negative_numbers = true, value_parser = value::whole_or::<NonZeroU32>("none", "1 or more"))]
    pub(crate) pause_after_failures: Option<Setting<NonZeroU32>>,

    /// Records that cannot be read: fail the execution, or skip up to MAX and set them aside [default: fail]
    #[arg(long, value_name = "fail|skip:MAX")]
    pub(crate) bad_records: Option<String>,

    /// While the source is not complete up to the end of a window: wait, or go on after a while without the
    /// records that are missing [default: wait]
    #[arg(long, value_name = "wait|go-on:DURATION")]
    pub(crate) incomplete: Option<String>,
}
