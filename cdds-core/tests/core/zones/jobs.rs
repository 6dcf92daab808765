//! Rule F9 over the life of a job: the record of its occurrences, edits, backfills and previews.

use cdds_core::domain::calendar::schedule::SlotNote;
use cdds_core::domain::execution::manual::backfill;
use cdds_core::domain::execution::schedule::{materialise, preview};
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, edit};
use cdds_core::domain::job::{Job, JobSettings};

use super::*;
use crate::rules::support::{settings, source_terms, submit_settings, terms};

fn zoned(time: &str, timeframe: &str, zone: &str, fold: Fold) -> JobSettings {
    settings(daily(time), timeframe).with_clock(clock(zone, Gap::Shift, fold))
}

fn windows(job: &Job, now: &str) -> Vec<(String, String)> {
    let change = materialise(job, &[], terms(), at(now)).unwrap();
    let text = |at: DateTime<Utc>| at.format("%dT%H:%M").to_string();
    let windows = change.entries.iter().map(|entry| entry.window);
    windows.map(|window| (text(window.start().unwrap()), text(window.end()))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(start, end)| ((*start).to_owned(), (*end).to_owned())).collect()
}

#[test]
fn f9_w3_both_passes_of_a_repeated_time_share_the_records() {
    let submitted = at("2026-10-24T12:00:00Z");
    for (timeframe, expected) in [
        ("rolling:1d", [("24T00:30", "25T00:30"), ("25T00:30", "25T01:30"), ("25T01:30", "26T01:30")]),
        // The second finds the day exported already.
        ("previous:1d", [("23T22:00", "24T22:00"), ("24T22:00", "24T22:00"), ("24T22:00", "25T23:00")]),
    ] {
        let job = submit_settings(zoned("02:30", timeframe, "Europe/Berlin", Fold::Both), submitted).job;
        assert_eq!(windows(&job, "2026-10-26T12:00:00Z"), pairs(&expected), "{timeframe}");
        // A backfill of the same days does the same.
        let change =
            backfill(&job, submitted, at("2026-10-27T00:00:00Z"), source_terms(), at("2026-10-28T00:00:00Z"));
        let filled: Vec<_> = change.unwrap().entries.iter().map(|entry| entry.window).collect();
        let text = |at: DateTime<Utc>| at.format("%dT%H:%M").to_string();
        let filled: Vec<_> = filled.iter().map(|one| (text(one.start().unwrap()), text(one.end()))).collect();
        assert_eq!(filled, pairs(&expected), "{timeframe}");
    }
}

#[test]
fn f9_w3_a_day_that_does_not_exist_is_exported_with_no_other() {
    let job = submit_settings(
        zoned("12:00", "previous:1d", "Pacific/Apia", Fold::First),
        at("2011-12-29T12:00:00Z"),
    )
    .job;
    let expected = [
        ("28T10:00", "29T10:00"), // 12:00 on the 29th: the 28th
        ("29T10:00", "30T10:00"), // when the 30th is left out: the 29th
        ("30T10:00", "30T10:00"), // 12:00 on the 31st: the 30th, which has no records
        ("30T10:00", "31T10:00"),
    ];
    assert_eq!(windows(&job, "2011-12-31T23:00:00Z"), pairs(&expected));
}

#[test]
fn f9_j10_another_zone_is_another_schedule_and_its_windows_go_on() {
    let job =
        submit_settings(zoned("02:00", "previous:1d", "UTC", Fold::First), at("2026-03-01T12:00:00Z")).job;
    let job = materialise(&job, &[], terms(), at("2026-03-02T02:00:00Z")).unwrap().job;
    for (zone, next, window) in [
        // Tokyo's day begins earlier: its first window is shorter. New York's begins later: longer.
        ("Asia/Tokyo", "2026-03-02T17:00:00Z", ("02T00:00", "02T15:00")),
        ("America/New_York", "2026-03-03T07:00:00Z", ("02T00:00", "03T05:00")),
    ] {
        let changed = zoned("02:00", "previous:1d", zone, Fold::First);
        let asked = Edit { settings: changed, watermark: None, one_time: OneTimeEdit::UntilStarted };
        let edited = edit(&job, Vec::new(), asked, terms(), at("2026-03-02T10:00:00Z")).unwrap().job;
        assert_eq!(edited.next_due_at, Some(at(next)), "{zone}");
        assert_eq!(windows(&edited, next), pairs(&[window]), "{zone}");
    }
}

#[test]
fn f9_j10_a_waiting_window_follows_the_zone_unless_it_tiles() {
    for (timeframe, expected) in [
        ("previous:2d", between("2026-02-27T15:00:00Z", "2026-03-01T15:00:00Z")),
        ("previous:1d", between("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")),
        ("previous:3h", between("2026-03-01T23:00:00Z", "2026-03-02T02:00:00Z")),
    ] {
        let job =
            submit_settings(zoned("02:00", timeframe, "UTC", Fold::First), at("2026-03-01T12:00:00Z")).job;
        let queued = materialise(&job, &[], terms(), at("2026-03-02T02:00:00Z")).unwrap();
        let changed = zoned("02:00", timeframe, "Asia/Tokyo", Fold::First);
        let asked = Edit { settings: changed, watermark: None, one_time: OneTimeEdit::UntilStarted };
        let edited = edit(&queued.job, queued.entries, asked, terms(), at("2026-03-02T02:00:10Z")).unwrap();
        assert_eq!(edited.edited[0].window, expected, "{timeframe}");
    }
}

fn between(start: &str, end: &str) -> cdds_core::domain::calendar::window::Window {
    cdds_core::domain::calendar::window::Window::between(at(start), at(end))
}

#[test]
fn f9_f8_a_preview_shows_the_clock_and_what_is_unusual() {
    let job =
        submit_settings(zoned("02:30", "all", "Europe/Berlin", Fold::Both), at("2026-03-28T12:00:00Z")).job;
    let seen = |now: &str, count| -> Vec<(String, Option<SlotNote>)> {
        let ahead = preview(&job, source_terms(), count, at(now)).into_iter();
        ahead.map(|next| (next.local.unwrap().to_rfc3339(), next.note)).collect()
    };
    assert_eq!(
        seen("2026-03-28T12:00:00Z", 2),
        [
            ("2026-03-29T03:00:00+02:00".to_owned(), Some(SlotNote::Shifted)),
            ("2026-03-30T02:30:00+02:00".to_owned(), None),
        ]
    );
    assert_eq!(
        seen("2026-10-24T12:00:00Z", 3),
        [
            ("2026-10-25T02:30:00+02:00".to_owned(), None),
            ("2026-10-25T02:30:00+01:00".to_owned(), Some(SlotNote::Second)),
            ("2026-10-26T02:30:00+01:00".to_owned(), None),
        ]
    );
    let utc = submit_settings(settings(daily("02:30"), "all"), at("2026-03-28T12:00:00Z")).job;
    let ahead = preview(&utc, source_terms(), 1, at("2026-03-28T12:00:00Z"));
    assert_eq!((ahead[0].local, ahead[0].note), (None, None));
}
