//! Every filter and every column of the three lists.

use cdds_core::ports::catalog::query::{ArtifactColumn, ExecutionColumn, JobColumn};
use serde_json::{Value, json};

use crate::support::{Place, string};

/// Returns one field of each row of a list.
fn shown(place: &Place, field: &str, args: &[&str]) -> Vec<String> {
    let listed = place.at("2020-02-01T12:00:00Z", args);
    listed.as_array().unwrap().iter().map(|row| string(&row[field])).collect()
}

fn create(place: &Place, now: &str, title: &str, options: &[&str]) -> String {
    let args = ["job", "create", "--title", title, "--source", "contact-history", "--plaintext"];
    string(&place.at(now, &[&args[..], options].concat())["id"])
}

/// Submits four jobs, a day apart: `late` has failed, `soon` has finished, `never` has not run, and `asleep`
/// is suspended.
fn jobs() -> Place {
    let place = Place::with_interactions(10);
    let interaction = ["--type", "interaction", "--run"];
    create(&place, "2020-01-01T12:00:00Z", "late", &[&interaction[..], &["daily", "--at", "02:00"]].concat());
    place.fail_at("2020-01-02T02:00:05Z");
    let weekly = ["weekly", "--day", "wed", "--at", "08:00"];
    create(&place, "2020-01-02T12:00:00Z", "soon", &[&interaction[..], &weekly].concat());
    let soon = string(&place.json(&["job", "list", "--search", "soon"])[0]["id"]);
    place.at("2020-01-02T12:00:00Z", &["job", "run", &soon]);
    place.run_at("2020-01-02T12:00:05Z");
    let hourly = ["--type", "note", "--run", "hourly"];
    create(&place, "2020-01-03T12:00:00Z", "never", &hourly);
    let cron = ["--type", "note", "--run", "cron", "--cron", "0 0 1 * *"];
    let asleep = create(&place, "2020-01-04T12:00:00Z", "asleep", &cron);
    place.at("2020-01-04T12:00:00Z", &["job", "suspend", &asleep]);
    place
}

#[test]
fn jobs_by_every_filter() {
    let place = jobs();
    for (filter, expected) in [
        (&["--source", "contact-history"][..], &["asleep", "late", "never", "soon"][..]),
        (&["--source", "events"], &[]),
        (&["--type", "note"], &["asleep", "never"]),
        (&["--search", "E"], &["asleep", "late", "never"]),
        (&["--frequency", "daily"], &["late"]),
        (&["--frequency", "weekly"], &["soon"]),
        (&["--frequency", "hourly"], &["never"]),
        (&["--frequency", "cron"], &["asleep"]),
        (&["--frequency", "monthly"], &[]),
        (&["--frequency", "once"], &[]),
        (&["--state", "suspended"], &["asleep"]),
        (&["--state", "active"], &["late", "never", "soon"]),
        (&["--state", "completed"], &[]),
        (&["--latest-status", "yet_to_run"], &["asleep", "never"]),
        (&["--latest-status", "failed"], &["late"]),
        (&["--latest-status", "finished"], &["soon"]),
        (&["--created-from", "2020-01-02T12:00:00Z"], &["asleep", "never", "soon"]),
        (&["--created-to", "2020-01-02T12:00:00Z"], &["late"]),
        (&["--latest-started-from", "2020-01-02T03:00:00Z"], &["soon"]),
        (&["--latest-started-to", "2020-01-02T03:00:00Z"], &["late"]),
        (&["--next-starts-from", "2020-01-03T12:30:00Z"], &["never", "soon"]),
        (&["--next-starts-to", "2020-01-03T12:30:00Z"], &["late"]),
        (&["--type", "note", "--state", "active"], &["never"]),
    ] {
        assert_eq!(
            shown(&place, "title", &[&["job", "list", "--sort", "title"], filter].concat()),
            expected,
            "{filter:?}"
        );
    }
}

#[test]
fn jobs_by_every_column() {
    let place = jobs();
    for (column, expected) in [
        ("title", ["asleep", "late", "never", "soon"]),
        ("title:desc", ["soon", "never", "late", "asleep"]),
        ("created_at", ["late", "soon", "never", "asleep"]),
        ("created_at:desc", ["asleep", "never", "soon", "late"]),
        // Jobs that never ran come last in either direction.
        ("latest_started_at", ["late", "soon", "", ""]),
        ("latest_started_at:desc", ["soon", "late", "", ""]),
        ("next_starts_at", ["late", "never", "soon", "asleep"]),
        ("next_starts_at:desc", ["soon", "never", "late", "asleep"]),
    ] {
        let titles = shown(&place, "title", &["job", "list", "--sort", column]);
        assert_eq!(titles.len(), 4);
        for (title, expected) in titles.iter().zip(expected) {
            assert!(expected.is_empty() || title == expected, "{column}: {titles:?}");
        }
    }
    let types = shown(&place, "type", &["job", "list", "--sort", "type:desc"]);
    assert_eq!(types, ["note", "note", "interaction", "interaction"]);
    assert_eq!(shown(&place, "latest_status", &["job", "list", "--sort", "latest_status"]).len(), 4);
}

/// Creates a history: a daily job over three days, the second of which failed, and one that was run by hand.
fn history() -> (Place, String) {
    let place = Place::with_interactions(3_000);
    let rolling = ["--timeframe", "rolling:1d", "--type"];
    let daily = ["interaction", "--run", "daily", "--at", "02:00"];
    let job = create(&place, "2020-01-01T12:00:00Z", "daily", &[&rolling[..], &daily].concat());
    place.run_at("2020-01-02T02:00:05Z");
    place.fail_at("2020-01-03T02:00:05Z");
    place.run_at("2020-01-04T02:00:05Z");
    place.at("2020-01-04T12:00:00Z", &["job", "suspend", &job]);
    create(&place, "2020-01-05T00:00:00Z", "all", &["--type", "note", "--run", "once"]);
    place.run_at("2020-01-05T00:00:05Z");
    (place, job)
}

#[test]
fn history_by_every_filter() {
    let (place, job) = history();
    let (second, third, fourth, fifth) =
        ("2020-01-02T02:00:00Z", "2020-01-03T02:00:00Z", "2020-01-04T02:00:00Z", "2020-01-05T00:00:0");
    for (filter, expected) in [
        (&["--job", job.as_str()][..], &[second, third, fourth][..]),
        (&["--status", "failed"], &[third]),
        (&["--status", "finished"], &[second, fourth, fifth]),
        (&["--status", "skipped"], &[]),
        (&["--source", "contact-history"], &[second, third, fourth, fifth]),
        (&["--source", "events"], &[]),
        (&["--type", "note"], &[fifth]),
        (&["--from", third], &[third, fourth, fifth]),
        (&["--to", third], &[second]),
        (&["--from", third, "--to", fourth], &[third]),
        (&["--started-from", "2020-01-04T00:00:00Z"], &[fourth, fifth]),
        (&["--started-to", "2020-01-04T00:00:00Z"], &[second, third]),
    ] {
        let slots = shown(&place, "slot", &[&["history", "list", "--sort", "slot"], filter].concat());
        assert_eq!(slots.len(), expected.len(), "{filter:?}: {slots:?}");
        assert!(slots.iter().zip(expected).all(|(slot, expected)| slot.starts_with(expected)), "{filter:?}");
    }
}

#[test]
fn every_column_of_every_list_sorts_both_ways() {
    let (place, _) = history();
    let lists: [(&str, Vec<&str>, usize); 3] = [
        ("job", JobColumn::ALL.iter().map(|column| column.as_str()).collect(), 2),
        ("history", ExecutionColumn::ALL.iter().map(|column| column.as_str()).collect(), 4),
        ("artifact", ArtifactColumn::ALL.iter().map(|column| column.as_str()).collect(), 3),
    ];
    for (list, columns, rows) in lists {
        for column in columns {
            let sorted = |direction: &str| -> Vec<Value> {
                let args = [list, "list", "--sort", &format!("{column}:{direction}")];
                let listed = place.at("2020-01-10T00:00:00Z", &args);
                // For some columns the list shows nothing, or not the value that it is sorted by.
                listed.as_array().unwrap().iter().map(|row| row[column].clone()).collect()
            };
            let (up, down) = (sorted("asc"), sorted("desc"));
            assert_eq!((up.len(), down.len()), (rows, rows), "{list} by {column}");
            let number = |values: &[Value]| values.iter().filter_map(Value::as_u64).collect::<Vec<_>>();
            let text = |values: &[Value]| -> Vec<String> {
                values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
            };
            assert!(number(&up).is_sorted() && number(&down).iter().rev().is_sorted(), "{list} by {column}");
            // Statuses are not sorted by name.
            if !column.ends_with("status") {
                assert!(
                    text(&up).is_sorted() && text(&down).iter().rev().is_sorted(),
                    "{list} by {column}: {up:?}"
                );
            }
        }
    }
}

#[test]
fn artifacts_by_every_filter() {
    let (place, job) = history();
    let all = place.at("2020-01-10T00:00:00Z", &["artifact", "list", "--sort", "created_at"]);
    let [first, second, third] = [0, 1, 2].map(|row| string(&all[row]["id"]));
    let name = string(&all[1]["name"]);
    let execution = string(&all[0]["execution_id"]);
    let sizes: Vec<u64> = [0, 1, 2].map(|row| all[row]["size"].as_u64().unwrap()).to_vec();
    let largest = sizes.iter().max().unwrap().to_string();
    let with_largest = string(&all[sizes.iter().position(|size| size.to_string() == largest).unwrap()]["id"]);
    place.at("2020-01-10T00:00:00Z", &["artifact", "hold", &second]);
    let (first, second, third) = (first.as_str(), second.as_str(), third.as_str());
    for (filter, expected) in [
        (&["--job", job.as_str()][..], vec![first, second]),
        (&["--execution", &execution], vec![first]),
        (&["--search", &name[7..20].to_uppercase()], vec![second]),
        (&["--type", "note"], vec![third]),
        (&["--created-from", "2020-01-04T00:00:00Z"], vec![second, third]),
        (&["--created-to", "2020-01-04T00:00:00Z"], vec![first]),
        (&["--expires-from", "2020-02-03T00:00:00Z"], vec![second, third]),
        (&["--expires-to", "2020-02-03T00:00:00Z"], vec![first]),
        (&["--size-min", &largest], vec![with_largest.as_str()]),
        (&["--size-max", "10"], vec![]),
        (&["--size-max", "1GiB"], vec![first, second, third]),
        (&["--on-hold"], vec![second]),
        (&["--on-hold=false"], vec![first, third]),
    ] {
        let args = [&["artifact", "list", "--sort", "created_at"], filter].concat();
        let listed = place.at("2020-01-10T00:00:00Z", &args);
        let ids: Vec<String> = listed.as_array().unwrap().iter().map(|row| string(&row["id"])).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
    assert_eq!(
        place.json(&["artifact", "list", "--now", "2021-01-01T00:00:00Z", "--on-hold=false"]),
        json!([])
    );
}
