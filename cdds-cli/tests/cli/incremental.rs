//! Since-last jobs over a growing table, with filters and fields.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Place, string};

/// One version of a row: its contact and the instant of its change.
type Version = (String, String);

/// Inserts rows that changed on this day of January 2020, and changes some rows of the day before.
fn grow(place: &Place, day: u32) {
    place.sqlite(&format!(
        "with recursive n(i) as (select 0 union all select i + 1 from n where i < 9)
         insert into interactions select 'd{day}-' || i, strftime('%Y-%m-%dT%H:%M:%SZ', '2020-01-{day:02}',
           '+' || (i * 131) || ' minutes'), null, 'voice', null, i from n;
         update interactions set updated_at = '2020-01-{day:02}T13:00:0' || seconds || '.5Z'
           where contact_id like 'd{}-%' and seconds % 3 = 0;",
        day - 1
    ));
}

/// Returns the present contents of the table.
fn present(place: &Place) -> Vec<Version> {
    let rows = place.sqlite("select contact_id || ' ' || coalesce(updated_at, started_at) from interactions");
    let version = |row: &str| row.split_once(' ').map(|(contact, at)| (contact.to_owned(), at.to_owned()));
    rows.lines().filter_map(version).collect()
}

fn versions(records: &[Value]) -> Vec<Version> {
    let changed = |record: &Value| record.get("updated_at").unwrap_or(&record["started_at"]).clone();
    records.iter().map(|record| (string(&record["contact_id"]), string(&changed(record)))).collect()
}

#[test]
fn w4_i4_every_version_of_every_row_is_exported_exactly_once() {
    let place = Place::with_interactions(1);
    place.sqlite("delete from interactions");
    grow(&place, 1);
    let daily = ["--run", "daily", "--at", "00:00", "--timeframe", "since-last"];
    let job = place.job_at("2020-01-01T12:00:00Z", &daily);
    let job = job["id"].as_str().unwrap();
    // Every version that was present when an export succeeded.
    let mut seen = BTreeSet::new();
    for day in 2..=9 {
        let now = format!("2020-01-{day:02}T00:00:05Z");
        match day {
            // No engine runs, so the next occurrence covers this one.
            4 => {}
            6 => place.fail_at(&now),
            _ => {
                assert_eq!(place.run_at(&now)["finished"], 1, "{now}");
                seen.extend(present(&place));
            }
        }
        grow(&place, day);
    }
    assert_eq!(place.run_at("2020-01-10T00:00:05Z")["finished"], 1);
    seen.extend(present(&place));

    let history = place.json(&["history", "list", "--job", job, "--sort", "slot"]);
    let finished =
        || history.as_array().unwrap().iter().filter(|execution| execution["status"] == "finished");
    let exported: Vec<Version> = finished()
        .flat_map(|execution| versions(&place.exported("2020-01-10T01:00:00Z", execution)))
        .collect();
    let distinct: BTreeSet<Version> = exported.iter().cloned().collect();
    assert_eq!(exported.len(), distinct.len(), "nothing twice");
    assert_eq!(distinct.difference(&seen).next(), None, "nothing else");
    assert_eq!(seen.difference(&distinct).next(), None, "nothing is missing");
    // The windows of successful executions tile (invariant I1), over the missed and the failed day, too.
    let windows: Vec<&Value> = finished().map(|execution| &execution["window"]).collect();
    assert_eq!(windows.len(), 7);
    assert_eq!(windows[0]["start"], json!(null));
    for pair in windows.windows(2) {
        assert_eq!(pair[0]["end"], pair[1]["start"]);
    }
    let job = place.json(&["job", "show", job]);
    assert_eq!(job["watermark"], json!({ "generation": 1, "at": "2020-01-10T00:00:00Z" }));
}

#[test]
fn j4_only_the_records_and_fields_that_were_asked_for() {
    let place = Place::with_interactions(100);
    let options = ["--run", "once", "--field", "seconds,media_type", "--filter", "media_type!=chat"];
    let filters = ["--filter", "seconds>=90", "--filter", "contact_id*=9"];
    place.job_at("2026-01-01T00:00:00Z", &[&options[..], &filters[..]].concat());
    place.run_at("2026-01-01T00:00:05Z");
    let execution = place.json(&["history", "list"])[0].clone();
    let mut records = place.exported("2026-01-01T01:00:00Z", &execution);
    records.sort_by_key(|record| record["seconds"].as_u64());
    let expected: Vec<Value> = (90..100)
        .filter(|second| second % 3 != 1)
        .map(|second| json!({ "seconds": second, "media_type": if second % 3 == 0 { "voice" } else { "email" } }))
        .collect();
    assert_eq!(records, expected);
    let printed = place.done(&["job", "list", "--output", "json"]);
    assert!(printed.contains("media_type!=chat"), "the owner sees the filters");
    let log = place.cdds(&["run", "--until-idle", "-vv"]).output().unwrap();
    assert!(!crate::support::text(&log.stderr).contains("media_type"), "nobody else does");
}
