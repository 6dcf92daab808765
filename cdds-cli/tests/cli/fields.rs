//! The names in the JSON and their order, which scripts depend on.

use crate::support::{Place, string};

/// Returns the keys of the object that follows `open` in the output of a command, in their order.
fn keys(place: &Place, args: &[&str], open: &str) -> String {
    let printed = place.done(&[args, &["--output", "json"]].concat());
    // Top-level keys have the same indentation as the first one after `open`.
    let start = printed.find(open).unwrap() + open.len();
    let lines: Vec<&str> = printed[start..].lines().filter(|line| !line.trim().is_empty()).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let level = indent(lines[0]);
    let keys = lines.iter().take_while(|line| indent(line) >= level).filter(|line| indent(line) == level);
    let names = keys.filter_map(|line| line.trim().strip_prefix('"')?.split_once("\":").map(|(key, _)| key));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_json_has_exactly_the_fields_of_the_contract() {
    let place = Place::with_interactions(3);
    place.recipient("ops");
    let job = place.plaintext_job(&[]);
    let job_keys = "id title description source type category state suspension run time_zone timeframe split_size recipients \
                    created_at updated_at version latest_status latest_started_at latest_error next_starts_at next_reading \
                    progress starts_at ends_at fields filters overlap catch_up retries jitter pause_after_failures \
                    bad_records incomplete destinations notify retention_days watermark failures_in_row warnings \
                    worker_alive";
    assert_eq!(keys(&place, &["job", "show", &job], "{"), job_keys);
    place.done(&["run", "--until-idle", "-q"]);
    assert_eq!(keys(&place, &["job", "list"], "{"), job_keys);
    assert_eq!(
        keys(&place, &["job", "show", &job], "\"progress\": {"),
        "percent remaining_seconds records bytes_read bytes_written parts rejected"
    );

    let execution_keys = "id job_id job_title source type status slot slot_reading window started_at finished_at attempts \
                          records bytes_read bytes_written files error progress skip_reason skip_kind trigger rerun_of \
                          cancel_requested_at job_deleted rejected worker_alive undated waits_since \
                          complete_until incomplete_from delivery";
    assert_eq!(keys(&place, &["history", "list"], "{"), execution_keys);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let shown = ["history", "show", &execution];
    assert_eq!(keys(&place, &shown, "{"), format!("{execution_keys} attempt_log deliveries notices"));
    assert_eq!(keys(&place, &shown, "\"window\": {"), "start end");
    assert_eq!(keys(&place, &shown, "\"attempt_log\": [\n    {"), "number worker started_at ended_at error");

    assert_eq!(
        keys(&place, &["artifact", "list"], "{"),
        "id execution_id job_id name type created_at size sha256 part parts remaining_days hold \
         job_deleted downloads last_downloaded_at job_title"
    );
    assert_eq!(
        keys(&place, &["artifact", "download", "--execution", &execution, "--to", "out"], "{"),
        "id name path size sha256"
    );
    assert_eq!(
        keys(&place, &["recipient", "list"], "{"),
        "name fingerprint subject issuer serial key_type key_bits not_before not_after added_at warnings"
    );
    assert_eq!(keys(&place, &["source", "list"], "{"), "id title supported reason types");

    let daily = place.job_at("2020-01-01T00:00:00Z", &["--run", "daily", "--at", "02:00"]);
    let daily = string(&daily["id"]);
    let forecast = "slot local note window estimated_records so_far";
    assert_eq!(keys(&place, &["job", "preview", &daily], "{"), forecast);
    assert_eq!(keys(&place, &["job", "run", &daily], "{"), execution_keys);
    assert_eq!(keys(&place, &["recipient", "remove", "ops"], "{"), "deleted ids");
}

#[test]
fn values_are_what_the_contract_says() {
    let place = Place::with_interactions(3);
    place.recipient("ops");
    let args =
        ["job", "create", "--title", " Voice ", "--source", "contact-history", "--type", "interaction"];
    let more = ["--category", "voice,chat", "--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d"];
    let rest = ["--split-size", "1", "--recipient", "ops"];
    let job = place.json(&[&args[..], &more[..], &rest[..]].concat());
    let expected = serde_json::json!({
        "id": job["id"], "title": "Voice", "description": "", "source": "contact-history",
        "type": "interaction", "category": ["chat", "voice"], "state": "active", "suspension": null, "run": "daily at 02:00", "time_zone": "UTC",
        "timeframe": "rolling:1d", "split_size": 1_048_576, "recipients": ["ops"],
        "created_at": job["created_at"], "updated_at": job["updated_at"], "version": 1,
        "latest_status": "yet_to_run", "latest_started_at": null, "latest_error": null,
        "next_starts_at": job["next_starts_at"], "next_reading": null, "progress": null, "starts_at": null, "ends_at": null,
        "fields": "all", "filters": [], "overlap": null, "catch_up": null, "retries": null, "jitter": null,
        "pause_after_failures": null, "bad_records": "fail", "incomplete": "wait",
        "destinations": [], "notify": [],
        "retention_days": null, "watermark": null,
        "failures_in_row": 0, "warnings": [], "worker_alive": null,
    });
    assert_eq!(job, expected);
    assert!(string(&job["next_starts_at"]).ends_with("T02:00:00Z"), "{}", job["next_starts_at"]);
    assert_eq!(job["created_at"], job["updated_at"]);
    assert_eq!(place.json(&["job", "show", &place.plaintext_job(&[])])["category"], "all");
}

#[test]
fn what_is_set_is_shown() {
    let place = Place::with_interactions(3);
    let options: [&[&str]; 5] = [
        &["--run", "daily", "--at", "02:00", "--timeframe", "since-last:2026-01-01T00:00:00Z"],
        &["--starts-at", "2030-01-01T00:00:00+01:00", "--ends-at", "2031-01-01T00:00:00Z", "--retries", "0"],
        &["--field", "contact_id,seconds", "--filter", "media_type!=chat", "--filter", "seconds>=5"],
        &["--overlap", "queue", "--catch-up", "coalesce:36h", "--jitter", "10m"],
        &[
            "--pause-after-failures",
            "3",
            "--bad-records",
            "skip:10",
            "--retention-days",
            "7",
            "--incomplete",
            "go-on:6h",
        ],
    ];
    let job = place.job_at("2026-01-15T00:00:00Z", &options.concat());
    let expected = serde_json::json!({
        "timeframe": "since-last:2026-01-01T00:00:00Z", "starts_at": "2029-12-31T23:00:00Z",
        "ends_at": "2031-01-01T00:00:00Z", "retries": 0, "fields": ["contact_id", "seconds"],
        "filters": ["media_type!=chat", "seconds>=5"], "overlap": "queue", "catch_up": "coalesce:36h",
        "jitter": "10m", "pause_after_failures": 3, "bad_records": "skip:10", "retention_days": 7,
        "incomplete": "go-on:6h",
        "watermark": { "generation": 1, "at": "2026-01-01T00:00:00Z" }, "failures_in_row": 0,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&job[field], value, "{field}");
    }
    let shown = place.done(&["job", "show", job["id"].as_str().unwrap()]);
    for line in ["fields                contact_id,seconds", "catch-up              coalesce:36h"] {
        assert!(shown.contains(line), "{shown}");
    }
}
