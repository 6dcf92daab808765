//! Catalogs that earlier versions of the program left, with their stores: they open, list what they listed, go on,
//! and hold each record once. `tests/catalogs/make` made them, with the program of each version.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Place, string, text};

/// When the fixtures end, and when this program goes on.
const LEFT_AT: &str = "2027-03-04T03:30:00Z";
const LATER: &str = "2027-03-06T12:00:00Z";

/// Returns the fixture of one version in a folder of its own.
fn left_by(version: &str) -> Place {
    let dir = TempDir::new().unwrap();
    let place = Place::of(dir);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogs").join(format!("{version}.zip"));
    place.program("unzip", &["-q", &fixture.display().to_string()], &[]);
    for file in place.files(version) {
        let (from, to) = (place.path(version).join(&file), place.path(&file));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(from, to).unwrap();
    }
    let mark = place.path(version).join("artifacts/.cdds-store");
    if mark.exists() {
        std::fs::rename(mark, place.path("artifacts/.cdds-store")).unwrap();
    }
    place
}

/// Asserts that everything that the earlier program said is still said. Fields may have been added since.
fn assert_holds(now: &Value, then: &Value, at: &str) {
    // Rows of lists are compared by what names them: versions break ties of the default order differently.
    let by_name = |rows: &[Value]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| (row["id"].to_string(), row["name"].to_string()));
        rows
    };
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (key, then) in then {
                let now = now.get(key).unwrap_or_else(|| panic!("{at}.{key} is no longer said"));
                assert_holds(now, then, &format!("{at}.{key}"));
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{at}");
            for (number, (now, then)) in by_name(now).iter().zip(by_name(then)).enumerate() {
                assert_holds(now, &then, &format!("{at}[{number}]"));
            }
        }
        _ => assert_eq!(now, then, "{at}"),
    }
}

/// Runs what is due at an instant that may be far from the machine's clock, which is named on stderr.
fn run_at(place: &Place, now: &str) {
    let output = place.cdds(&["run", "--until-idle", "--no-progress", "--now", now]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Returns how often each record was exported by the job, by number.
fn exported(place: &Place, title: &str) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    for execution in place.at(LATER, &["history", "list"]).as_array().unwrap() {
        if execution["job_title"] != title || execution["status"] != "finished" {
            continue;
        }
        for record in place.exported(LATER, execution) {
            *counts.entry(record["id"].as_u64().unwrap()).or_default() += 1;
        }
    }
    counts
}

fn goes_on(version: &str) {
    let place = left_by(version);
    for list in ["job", "history", "artifact", "recipient"] {
        let then = std::fs::read_to_string(place.path(&format!("{list}.json"))).unwrap();
        let now = place.at(LEFT_AT, &[list, "list"]);
        assert_holds(&now, &serde_json::from_str(&then).unwrap(), &format!("{version} {list}"));
        assert!(now.as_array().is_some_and(|rows| !rows.is_empty()), "{version} {list}");
    }
    // The record of who did what came with version 8.
    if let Ok(then) = std::fs::read_to_string(place.path("audit.json")) {
        assert_holds(&place.at(LEFT_AT, &["audit"]), &serde_json::from_str(&then).unwrap(), version);
    }
    let held: Vec<Value> = place.at(LEFT_AT, &["artifact", "list"]).as_array().unwrap().clone();
    assert_eq!(held.iter().any(|file| file["hold"] == true), version != "v1", "{version} keeps its hold");

    run_at(&place, LATER);
    // A record of each hour since the beginning of March, up to the slots of the 6th at 03:00 and at 02:00.
    let once = |hours: u64| -> BTreeMap<u64, u32> { (0..hours).map(|number| (number, 1)).collect() };
    assert_eq!(exported(&place, "Daily"), once(123), "{version}: each record once");
    // The first version did not know watermarks.
    let incremental = if version == "v1" { once(0) } else { once(122) };
    assert_eq!(exported(&place, "Incremental"), incremental, "{version}: each record once");
    let sealed = place.at(LATER, &["artifact", "list", "--sort", "created_at"]);
    let sealed: Vec<&Value> =
        sealed.as_array().unwrap().iter().filter(|file| string(&file["name"]).ends_with(".smime")).collect();
    for file in [sealed.first().unwrap(), sealed.last().unwrap()] {
        let id = string(&file["execution_id"]);
        place.at(LATER, &["artifact", "download", "--execution", &id, "--to", &id]);
        place.done(&["verify", &format!("{id}/{}", string(&file["name"]))]);
    }
    let version_now =
        place.program("sqlite3", &["cdds.db"], &["pragma user_version; pragma integrity_check"]);
    assert_eq!(version_now, "21\nok\n");
}

macro_rules! versions {
    ($($test:ident $version:literal)*) => {
        $(
            #[test]
            fn $test() {
                goes_on($version);
            }
        )*
    };
}

versions! {
    the_catalog_of_version_1_goes_on "v1"
    the_catalog_of_version_2_goes_on "v2"
    the_catalog_of_version_3_goes_on "v3"
    the_catalog_of_version_4_goes_on "v4"
    the_catalog_of_version_5_goes_on "v5"
    the_catalog_of_version_6_goes_on "v6"
    the_catalog_of_version_7_goes_on "v7"
    the_catalog_of_version_8_goes_on "v8"
    the_catalog_of_version_9_goes_on "v9"
    the_catalog_of_version_10_goes_on "v10"
    the_catalog_of_version_11_goes_on "v11"
    the_catalog_of_version_12_goes_on "v12"
    the_catalog_of_version_13_goes_on "v13"
    the_catalog_of_version_15_goes_on "v15"
    the_catalog_of_version_16_goes_on "v16"
    the_catalog_of_version_17_goes_on "v17"
    the_catalog_of_version_18_goes_on "v18"
    the_catalog_of_version_19_goes_on "v19"
}
