//! The whole way from rows to the files that the recipient unpacks.

use serde_json::{Value, json};

use crate::support::{Place, string};

/// Downloads the newest execution's set into `out`. Returns the names of its files.
fn download_set(place: &Place) -> Vec<String> {
    let execution = string(&place.json(&["history", "list", "--status", "finished"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    place.files("out")
}

/// Returns the rows as they must be exported, without empty values (rule A2).
fn expected_rows(place: &Place, condition: &str) -> Vec<Value> {
    let rows = place.sqlite(&format!(
        "select json_group_array(json_object('contact_id', contact_id, 'started_at', started_at, \
         'media_type', media_type, 'note', note, 'seconds', seconds)) from interactions where {condition}"
    ));
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    rows.into_iter()
        .map(|mut row| {
            row.as_object_mut().unwrap().retain(|_, value| *value != json!(""));
            row
        })
        .collect()
}

/// Asserts that every row was exported once. The order of the files does not matter.
fn assert_exported(mut records: Vec<Value>, rows: &[Value]) {
    records.sort_by_key(|record| record["seconds"].as_u64());
    assert_eq!(records.len(), rows.len());
    for (record, row) in records.iter().zip(rows) {
        assert_eq!(record, row);
    }
}

#[test]
fn a_sealed_export_reaches_its_recipient_whole() {
    let place = Place::with_interactions(3_000);
    place.recipient("ops");
    let args = ["job", "create", "--title", "Voice", "--source", "contact-history", "--type", "interaction"];
    let job =
        place.json(&[&args[..], &["--category", "voice", "--run", "once", "--recipient", "ops"]].concat());
    assert_eq!((&job["state"], &job["latest_status"]), (&json!("suspended"), &json!("queued")));
    let run = place.json(&["run", "--until-idle"]);
    assert_eq!(
        run,
        json!({
            "finished": 1, "failed": 0, "retries": 0, "other": 0, "housekeeping_failures": 0,
            "delivered": 0, "deliveries_failed": 0, "deliveries_waiting": 0, "told": 0, "notices_failed": 0,
        })
    );
    assert_eq!(place.json(&["job", "show", job["id"].as_str().unwrap()])["state"], "completed");

    let files = download_set(&place);
    let sealed = files.iter().find(|name| name.ends_with(".zip.smime")).unwrap();
    assert_eq!(files.len(), 2, "{files:?}");
    let sealed = format!("out/{sealed}");
    for (program, out) in [("cms", "cms.zip"), ("smime", "smime.zip")] {
        let args = ["-decrypt", "-inform", "DER", "-in", &sealed, "-inkey", "ops.key", "-out", out];
        place.program("openssl", &[program], &args);
        place.program("unzip", &["-tq"], &[out]);
        assert_exported(place.records(out), &expected_rows(&place, "media_type = 'voice'"));
    }
    let listed = place.program("unzip", &["-Z1"], &["cms.zip"]);
    assert!(listed.lines().all(|name| name.starts_with("interaction/voice/2020-01-0")), "{listed}");
}

#[test]
fn a3_a_split_export_can_be_joined_by_the_usual_means() {
    let place = Place::with_interactions(9_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    place.done(&["run", "--until-idle", "-q"]);
    let artifacts = place.json(&["artifact", "list", "--sort", "name"]);
    let artifacts = artifacts.as_array().unwrap();
    assert!(artifacts.len() > 2, "{artifacts:?}");
    for artifact in &artifacts[..artifacts.len() - 1] {
        assert!(artifact["size"].as_u64().unwrap() <= 65_536, "{artifact}");
        assert_eq!(artifact["parts"], artifacts.len());
    }
    let last = download_set(&place).into_iter().find(|name| name.ends_with(".zip")).unwrap();
    place.program("zip", &["-q", "-s", "0"], &[&format!("out/{last}"), "--out", "joined.zip"]);
    place.program("unzip", &["-tq"], &["joined.zip"]);
    assert_exported(place.records("joined.zip"), &expected_rows(&place, "true"));
}

#[test]
fn a8_downloads_are_verified_and_never_overwrite() {
    let place = Place::with_interactions(50);
    place.plaintext_job(&[]);
    place.done(&["run", "--until-idle", "-q"]);
    let artifact = place.json(&["artifact", "list"])[0].clone();
    let (id, name) = (string(&artifact["id"]), string(&artifact["name"]));
    let download = ["artifact", "download", &id, &id, "--to", "out"];
    let downloaded = place.json(&download);
    assert_eq!(downloaded.as_array().unwrap().len(), 1, "asked for twice, fetched once");
    let digest = place.program("sha256sum", &[], &[&format!("out/{name}")]);
    assert_eq!(digest.split(' ').next(), artifact["sha256"].as_str());

    std::fs::write(place.path(&format!("out/{name}")), "mine").unwrap();
    let execution = string(&artifact["execution_id"]);
    let set = ["artifact", "download", "--execution", &execution, "--to", "out"];
    for refused in [&download[..], &set[..]] {
        assert_eq!(place.refused(refused), (3, "file_exists".to_owned()));
    }
    assert_eq!(std::fs::read(place.path(&format!("out/{name}"))).unwrap(), b"mine");
    // All targets are checked before any is written. The manifest, which comes last, is in the way.
    std::fs::remove_file(place.path(&format!("out/{name}"))).unwrap();
    let manifest = name.replace(".zip", ".manifest.json");
    std::fs::write(place.path(&format!("out/{manifest}")), "mine").unwrap();
    assert_eq!(place.refused(&set), (3, "file_exists".to_owned()));
    assert_eq!(place.files("out"), [manifest]);
    place.json(&[&download[..], &["--force"]].concat());
    assert_eq!(std::fs::metadata(place.path(&format!("out/{name}"))).unwrap().len(), artifact["size"]);
}

#[test]
fn an_altered_file_is_not_handed_out() {
    let place = Place::with_interactions(50);
    place.plaintext_job(&[]);
    place.done(&["run", "--until-idle", "-q"]);
    for stored in place.files("artifacts") {
        let path = place.path("artifacts").join(stored);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[7] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let args = ["artifact", "download", "--execution", &execution, "--to", "out"];
    assert_eq!(place.refused(&args), (1, "store_failed".to_owned()));
    assert_eq!(place.files("out"), Vec::<String>::new(), "nothing half-made is left");
}

#[test]
fn e10_bad_records_fail_an_export_or_are_set_aside_and_counted() {
    let place = Place::new();
    std::fs::write(place.path("events-1.jsonl"), "{\"n\":1}\nnot json\n{\"n\":2}\n").unwrap();
    let args = ["job", "create", "--title", "T", "--source", "events", "--type", "event", "--plaintext"];
    let create =
        |policy: &str| place.json(&[&args[..], &["--run", "once", "--bad-records", policy]].concat());
    create("fail");
    assert_eq!(place.refused(&["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    let job = create("skip:1");
    assert_eq!(
        place.json(&["run", "--until-idle"])["finished"],
        1,
        "errors that were allowed are no failure"
    );
    let history = place.json(&["history", "list", "--status", "finished_with_errors"]);
    assert_eq!((&history[0]["records"], &history[0]["rejected"]), (&json!(2), &json!(1)));
    assert_eq!(history[0]["job_id"], job["id"]);
    let listed = place.json(&["job", "list", "--latest-status", "finished_with_errors"]);
    assert_eq!(listed[0]["id"], job["id"]);
    assert!(place.done(&["history", "list"]).contains("1 bad record set aside"));
}

#[test]
fn an_archive_is_compressed_as_hard_as_the_configuration_says() {
    let place = Place::with_interactions(3_000);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let set_level = |level: &str| {
        let changed = config.replace("level = \"default\"", &format!("level = \"{level}\""));
        assert!(changed.contains(level));
        std::fs::write(place.path("cdds.toml"), changed).unwrap();
    };
    let [stored, fast, default, best] = ["store", "fast", "default", "best"].map(|level| {
        set_level(level);
        place.plaintext_job(&[]);
        place.done(&["run", "--until-idle", "-q"]);
        let artifacts = place.json(&["artifact", "list", "--sort", "created_at:desc"]);
        artifacts[0]["size"].as_u64().unwrap()
    });
    assert!(stored > 3 * fast && fast > default && default >= best, "{stored} {fast} {default} {best}");
    set_level("fsat");
    assert_eq!(place.refused(&["job", "list"]), (2, "invalid_config".to_owned()));
}
