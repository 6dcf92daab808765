//! `cdds bundle`: what is handed over in a support case, and what never is.

use serde_json::{Value, json};

use crate::support::{DAILY, NOON, Place, text};

#[test]
fn a_support_case_is_handed_over_without_secrets_and_records() {
    let place = Place::with_interactions(90);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let webhook = "[[webhook]]\nid = \"ops\"\nurl = \"https://hooks.example/s3cret-path\"\nsecret_file = \"hook.secret\"\n";
    std::fs::write(place.path("cdds.toml"), config + webhook).unwrap();
    std::fs::write(place.path("hook.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    place.recipient("ops");
    let of_one = ["--filter", "contact_id=c-17", "--retries", "0"];
    place.job_at(NOON, &[&DAILY[..], &of_one].concat());
    place.run_at("2020-01-02T02:00:01Z");
    place.fail_at("2020-01-03T02:00:01Z");

    let written = place.json(&["bundle"]);
    assert_eq!(written["bundle"], "cdds-bundle.json");
    let bundle = std::fs::read_to_string(place.path("cdds-bundle.json")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.path("cdds-bundle.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for secret in ["s3cret", "whsec", "c-17", "BEGIN"] {
        assert!(!bundle.contains(secret), "{secret} is in\n{bundle}");
    }
    let told: Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(told["program"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["failures"].as_array().unwrap().len(), 1);
    let error = told["failures"][0]["attempt_log"][0]["error"]["message"].as_str().unwrap();
    assert!(error.contains("started_at"), "{error}");
    assert_eq!(told["status"]["jobs"]["active"], 1);
    assert!(told["doctor"].as_array().unwrap().iter().any(|finding| finding["check"] == "catalog"));
    assert!(told["config"].as_array().unwrap().iter().any(|row| row["key"] == "webhook[ops].url"));

    assert_eq!(place.refused(&["bundle"]), (3, "file_exists".to_owned()));
    // Where little works, the reasons are told.
    std::fs::write(place.path("cdds.db"), "no catalog at all, but longer than the head of one").unwrap();
    let output = place.cdds(&["bundle", "--to", "-"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_ne!(told["failures"]["error"]["message"], json!(null), "{told}");
    assert!(told["config"].as_array().is_some());
}
