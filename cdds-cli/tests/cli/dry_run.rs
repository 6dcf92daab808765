//! `--dry-run`: as strict as the real command, but it stores nothing.

use serde_json::{Value, json};

use crate::support::{DAILY, Place, id, text};

const NOW: &str = "2020-01-02T00:00:00Z";

/// Prints everything on the record.
fn everything(place: &Place) -> String {
    let lists = [["job", "list"], ["history", "list"], ["artifact", "list"]];
    let shown: Vec<String> = lists.iter().map(|list| place.json(list).to_string()).collect();
    shown.join("\n")
}

fn slots(dry: &Value) -> Vec<&str> {
    dry["occurrences"].as_array().unwrap().iter().map(|row| row["slot"].as_str().unwrap()).collect()
}

#[test]
fn f8_a_new_job_is_tried_out() {
    let place = Place::with_interactions(2_000);
    let dry = place.job_at(NOW, &[&DAILY[..], &["--dry-run", "--split-size", "64KiB"]].concat());
    assert_eq!(dry["dry_run"], true);
    assert_eq!(slots(&dry).len(), 5);
    let first = &dry["occurrences"][0];
    assert_eq!(first["slot"], "2020-01-02T02:00:00Z");
    assert_eq!(first["window"], json!({ "start": "2020-01-01T02:00:00Z", "end": "2020-01-02T02:00:00Z" }));
    // Without an index the source cannot estimate.
    assert_eq!((&first["estimated_records"], &first["estimated_parts"]), (&json!(null), &json!(null)));
    assert_eq!(place.json(&["job", "list"]), json!([]));

    let all = place.job_at(NOW, &["--run", "once", "--dry-run", "--split-size", "64KiB"]);
    assert!(matches!(slots(&all)[..], [at] if at.starts_with("2020-01-02T00:00:00")), "{all}");
    let first = &all["occurrences"][0];
    assert_eq!((&first["estimated_records"], &first["so_far"]), (&json!(2_000), &json!(false)));
    assert_eq!((&all["bytes_per_record"], &all["measured_by"]), (&json!(100), &json!(null)));
    assert_eq!(first["estimated_parts"], 4, "200,000 bytes in parts of 65,536");
    assert_eq!(place.json(&["history", "list"]), json!([]));
    assert_eq!(place.run_at(NOW)["finished"], 0);
}

#[test]
fn what_was_exported_before_tells_how_long_records_are() {
    let place = Place::with_interactions(2_000);
    place.job_at(NOW, &["--run", "once"]);
    place.run_at(NOW);
    let finished = place.json(&["history", "list"])[0].clone();
    let dry = place.job_at(NOW, &["--run", "once", "--dry-run"]);
    let expected =
        finished["bytes_written"].as_u64().unwrap().div_ceil(finished["records"].as_u64().unwrap());
    assert_eq!((&dry["measured_by"], &dry["bytes_per_record"]), (&finished["id"], &json!(expected)));
    assert_eq!(dry["occurrences"][0]["estimated_parts"], 1, "one file without a split size");
}

#[test]
fn edits_and_clones_are_tried_out_and_the_job_stays() {
    let place = Place::with_interactions(2_000);
    let job = place.job_at(NOW, &DAILY);
    place.run_at("2020-01-03T03:00:00Z");
    let execution = place.json(&["history", "list"])[0].clone();
    let before = everything(&place);
    let now = "2020-01-03T04:00:00Z";
    let edit = place.at(now, &["job", "edit", id(&job), "--at", "06:00", "--dry-run"]);
    assert_eq!(slots(&edit)[0], "2020-01-03T06:00:00Z");
    // The window continues where the last one ended.
    assert_eq!(edit["occurrences"][0]["window"]["start"], "2020-01-03T02:00:00Z");
    let clone = place.at(now, &["job", "clone", id(&job), "--dry-run"]);
    assert_eq!(slots(&clone)[0], "2020-01-04T02:00:00Z");
    let clone = place.at(now, &["history", "clone", id(&execution), "--run", "hourly", "--dry-run"]);
    assert_eq!(slots(&clone)[0], "2020-01-03T05:00:00Z");
    // An edit that would replace a waiting execution and queue another one at once.
    let once = place.at(now, &["job", "edit", id(&job), "--run", "once", "--dry-run"]);
    assert!(matches!(slots(&once)[..], [at] if at.starts_with("2020-01-03T04:00:00")), "{once}");
    let refused =
        place.refused_at(now, &["job", "edit", id(&job), "--title", "T", "--if-version", "9", "--dry-run"]);
    assert_eq!(refused, (3, "version_overtaken".to_owned()));
    assert_eq!(everything(&place), before);
    // The real edit does what the dry run said.
    let edited = place.at(now, &["job", "edit", id(&job), "--at", "06:00"]);
    let previewed = place.at(now, &["job", "preview", id(&edited), "-n", "5"]);
    let windows =
        |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["window"].clone()).collect::<Vec<_>>();
    assert_eq!(windows(&previewed), windows(&edit["occurrences"]));
}

#[test]
fn f8_a_preview_and_a_dry_run_estimate_alike() {
    let place = Place::with_interactions(2_000);
    let dry = place.job_at(NOW, &[&DAILY[..4], &["--dry-run"]].concat());
    let job = place.job_at(NOW, &DAILY[..4]);
    let preview = place.at(NOW, &["job", "preview", id(&job), "-n", "5"]);
    let (dry, preview) = (dry["occurrences"].as_array().unwrap(), preview.as_array().unwrap());
    assert_eq!((dry.len(), preview.len()), (5, 5));
    for (dry, preview) in dry.iter().zip(preview) {
        for key in ["slot", "window", "estimated_records", "so_far"] {
            assert_eq!(dry[key], preview[key], "{key}");
        }
        assert_eq!((&preview["estimated_records"], &preview["so_far"]), (&json!(2_000), &json!(true)));
    }
}

#[test]
fn people_are_told_in_a_table() {
    let place = Place::with_interactions(2_000);
    let args = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let args = [&args[..], &DAILY[..4], &["--plaintext", "--split-size", "64KiB", "--dry-run", "--now", NOW]]
        .concat();
    let output = place.cdds(&args).output().unwrap();
    insta::assert_snapshot!(text(&output.stdout), @r#"
    Nothing was stored. "T" would run daily at 02:00 over timeframe all:
    SLOT                  WINDOW FROM    WINDOW TO             RECORDS            PARTS
    2020-01-02T02:00:00Z  the beginning  2020-01-02T02:00:00Z  about 2000 so far  4
    2020-01-03T02:00:00Z  the beginning  2020-01-03T02:00:00Z  about 2000 so far  4
    2020-01-04T02:00:00Z  the beginning  2020-01-04T02:00:00Z  about 2000 so far  4
    2020-01-05T02:00:00Z  the beginning  2020-01-05T02:00:00Z  about 2000 so far  4
    2020-01-06T02:00:00Z  the beginning  2020-01-06T02:00:00Z  about 2000 so far  4
    Parts are estimated at 100 bytes a record, which is a guess: nothing of this type has been exported yet.
    "#);
    assert_eq!(text(&output.stderr), "");
}
