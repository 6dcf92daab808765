//! The settings of a job, as people say them.

use cdds_core::domain::calendar::frequency::{Frequency, MissingDay, Start};
use cdds_core::domain::calendar::timeframe::{Span, Timeframe, Unit};
use cdds_core::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use cdds_core::domain::job::JobSettings;
use cdds_core::domain::job::policy::{BadRecords, CatchUp, Incomplete, Overlap};
use cdds_view::words;
use chrono::{DateTime, TimeDelta, Utc, Weekday};

use super::job::{BY_TIMEFRAME, COALESCE, EVERYTHING, QUEUE, SINCE_LAST, WAIT};

/// `Weekly on Monday at 02:00 UTC`, with the zone of the job: beside it, times stand in the visitor's own zone.
pub(crate) fn schedule(settings: &JobSettings) -> String {
    let (frequency, zone) = (&settings.frequency, settings.clock.zone());
    match frequency {
        Frequency::Once(Start::Immediately) => "Once".to_owned(),
        Frequency::Once(Start::At(start)) => format!("Once, {}", instant(*start)),
        Frequency::Weekly { day, at } => format!("Weekly on {} at {at} {zone}", weekday(*day)),
        Frequency::Monthly(monthly) => {
            let last = match monthly.missing() {
                MissingDay::Skip => "",
                MissingDay::Last => ", or on the last one of a shorter month",
            };
            format!("Monthly on day {} at {} {zone}{last}", monthly.day(), monthly.at())
        }
        Frequency::Hourly(_) => super::sentence(&frequency.to_string()),
        Frequency::Daily(_) | Frequency::Cron(_) => {
            format!("{} {zone}", super::sentence(&frequency.to_string()))
        }
    }
}

/// `Europe/Berlin`, and what happens when its clock is put forward or back, where that is not the default.
pub(crate) fn clock(clock: &WallClock) -> String {
    let gap = match clock.gap() {
        Gap::Shift => "",
        Gap::Skip => "; skips times that the clock leaves out",
    };
    let fold = match clock.fold() {
        Fold::First => "",
        Fold::Second => "; of times that come twice, the second",
        Fold::Both => "; times that come twice, both times",
    };
    format!("{}{gap}{fold}", clock.zone())
}

const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

/// `The last week`, `The previous whole month`: what each run exports.
pub(crate) fn timeframe(timeframe: &Timeframe) -> String {
    match timeframe {
        Timeframe::All => EVERYTHING.to_owned(),
        Timeframe::SinceLastExport { origin: None } => SINCE_LAST.to_owned(),
        Timeframe::SinceLastExport { origin: Some(origin) } => {
            format!("{SINCE_LAST}, the first time from {} on", instant(*origin))
        }
        Timeframe::Rolling(span) => format!("The last {}", spanned(*span, "")),
        Timeframe::Previous(span) => format!("The previous {}", spanned(*span, "whole ")),
        Timeframe::Fixed(range) => format!("{} to {}", instant(range.start()), instant(range.end())),
    }
}

/// `week`, `3 months`, `3 whole months`
fn spanned(span: Span, kind: &str) -> String {
    let unit = match span.unit {
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
    };
    match span.count.get() {
        1 => format!("{kind}{unit}"),
        count => format!("{} {kind}{unit}s", words::count(count.into())),
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y %H:%M UTC").to_string()
}

/// `36 hours`: a duration in its largest exact unit.
pub(crate) fn duration(duration: TimeDelta) -> String {
    const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let seconds = duration.num_seconds().unsigned_abs();
    let exact = UNITS.into_iter().find(|(_, length)| seconds != 0 && seconds.is_multiple_of(*length));
    match exact {
        Some((unit, length)) if length > 1 => words::counted(seconds / length, unit),
        _ => counted_seconds(seconds),
    }
}

/// `45 seconds`, `1 minute 30 seconds`
pub(crate) fn counted_seconds(seconds: u64) -> String {
    let (minutes, rest) = (seconds / 60, words::counted(seconds % 60, "second"));
    match (minutes, seconds % 60) {
        (0, _) => rest,
        (_, 0) => words::counted(minutes, "minute"),
        _ => format!("{} {rest}", words::counted(minutes, "minute")),
    }
}

/// `Up to 10 minutes`
pub(crate) fn up_to(longest: TimeDelta) -> String {
    format!("Up to {}", duration(longest))
}

/// Says what becomes of records that cannot be read.
pub(crate) fn bad_records(policy: BadRecords) -> String {
    match policy {
        BadRecords::Fail => "None: the first one fails the run".to_owned(),
        BadRecords::Skip { max } => {
            format!("Up to {}: one more fails the run", words::count(max.get().into()))
        }
    }
}

/// Says what becomes of starts that meet each other.
pub(crate) fn overlap(policy: Option<Overlap>) -> &'static str {
    match policy {
        None => BY_TIMEFRAME,
        Some(Overlap::Queue) => QUEUE,
        Some(Overlap::Coalesce) => COALESCE,
    }
}

/// `Run each, up to 36 hours back`: what becomes of starts that were missed.
pub(crate) fn catch_up(policy: CatchUp) -> String {
    let missed = overlap(policy.missed);
    match policy.limit {
        None => missed.to_owned(),
        Some(limit) => format!("{missed}, up to {} back", duration(limit.duration())),
    }
}

/// Says what a job does while its source is not complete.
pub(crate) fn incomplete(policy: Incomplete) -> String {
    match policy {
        Incomplete::Wait => WAIT.to_owned(),
        Incomplete::GoOn { after } => format!("Go on after {}", duration(after.duration())),
    }
}

/// Says why a run exists.
pub(crate) fn trigger(name: &str) -> String {
    match name {
        "manual" => "Run by hand".to_owned(),
        "rerun" => "Run again".to_owned(),
        "backfill" => "Export of the past".to_owned(),
        name => super::sentence(name),
    }
}

#[cfg(test)]
mod tests {
    use cdds_core::JobSettings;
    use cdds_view::settings::SettingsForm;
    use serde_json::json;

    use super::*;

    fn settings(more: &serde_json::Value) -> JobSettings {
        let mut form = json!({"title": "Calls", "source": "calls", "type": "call", "plaintext": true});
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value::<SettingsForm>(form).unwrap().try_into().unwrap()
    }

    #[test]
    fn when_a_job_runs_is_told_in_english() {
        for (form, told) in [
            (json!({"run": "once"}), "Once"),
            (json!({"run": "once", "start": "2026-12-01T02:30:00Z"}), "Once, 1 Dec 2026 02:30 UTC"),
            (json!({"run": "hourly", "every": 4, "minute": 15}), "Every 4 hours at :15"),
            (json!({"run": "daily", "at": "02:00"}), "Daily at 02:00 UTC"),
            (json!({"run": "weekly", "day": "wed", "at": "03:15"}), "Weekly on Wednesday at 03:15 UTC"),
            (
                json!({"run": "daily", "at": "02:00", "time-zone": "europe/berlin"}),
                "Daily at 02:00 Europe/Berlin",
            ),
            (json!({"run": "monthly", "day": 31, "at": "02:00"}), "Monthly on day 31 at 02:00 UTC"),
            (
                json!({"run": "monthly", "day": 31, "at": "02:00", "missing-day": "last"}),
                "Monthly on day 31 at 02:00 UTC, or on the last one of a shorter month",
            ),
            (json!({"run": "cron", "cron": "0 2 * * 1-5"}), "Cron 0 2 * * 1-5 UTC"),
        ] {
            assert_eq!(schedule(&settings(&form)), told);
        }
    }

    #[test]
    fn what_a_run_exports_is_told_in_english() {
        for (typed, told) in [
            ("all", "Everything"),
            ("rolling:1w", "The last week"),
            ("rolling:48h", "The last 48 hours"),
            ("previous:1mo", "The previous whole month"),
            ("previous:3d", "The previous 3 whole days"),
            ("since-last", "New or changed since the last export"),
            (
                "since-last:2026-01-01T00:00:00Z",
                "New or changed since the last export, the first time from 1 Jan 2026 00:00 UTC on",
            ),
            (
                "fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00Z",
                "1 Jan 2026 00:00 UTC to 1 Feb 2026 00:00 UTC",
            ),
        ] {
            assert_eq!(timeframe(&typed.parse().unwrap()), told);
        }
    }

    #[test]
    fn what_happens_when_things_go_wrong_is_told_in_english() {
        assert_eq!(bad_records("fail".parse().unwrap()), "None: the first one fails the run");
        assert_eq!(bad_records("skip:5".parse().unwrap()), "Up to 5: one more fails the run");
        assert_eq!(catch_up(CatchUp::default()), "As fits the date range");
        assert_eq!(catch_up("queue:36h".parse().unwrap()), "Run each, up to 36 hours back");
        assert_eq!(
            catch_up("coalesce:7d".parse().unwrap()),
            "Let the newest cover the others, up to 7 days back"
        );
        assert_eq!(incomplete("wait".parse().unwrap()), "Wait");
        assert_eq!(incomplete("go-on:90s".parse().unwrap()), "Go on after 1 minute 30 seconds");
        assert_eq!(duration(TimeDelta::zero()), "0 seconds");
    }
}
