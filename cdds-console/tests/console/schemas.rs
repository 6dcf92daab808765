//! The schemas of the document: closed sets of words, bounds of numbers, and examples that keep to them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::host::{Host, VIC};
use crate::matrix::operations;
use crate::openapi::{SNAPSHOT, python};

/// Asks a validator of JSON schemas about every example of the document.
const EXAMPLES: &str = r##"
import json, sys
from jsonschema import Draft202012Validator as Validator
document = json.load(open(sys.argv[1]))
count = 0
def look(value, place):
    global count
    if isinstance(value, list):
        for number, item in enumerate(value): look(item, f"{place}/{number}")
    if not isinstance(value, dict): return
    schema = value if "/schemas/" in place else value.get("schema")
    if schema is not None:
        examples = [value["example"]] if "example" in value else []
        listed = value.get("examples", [])
        examples += [one["value"] for one in listed.values()] if isinstance(listed, dict) else listed
        rooted = {**schema, "components": document["components"]}
        validator = Validator(rooted, format_checker=Validator.FORMAT_CHECKER)
        for example in examples:
            count += 1
            for error in validator.iter_errors(example): sys.exit(f"{place}: {error.message}")
    for key, item in value.items():
        if key not in ("example", "examples"): look(item, f"{place}/{key}")
look(document, "")
print(count)
"##;

#[test]
fn every_example_is_one_of_its_schema() {
    let output = python(&["-c", EXAMPLES]);
    assert!(output.status.success(), "{output:?}");
    let count: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(count > 12, "{count}");
}

#[test]
fn the_certificate_of_the_examples_is_one() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = crate_folder.join("src/api/recipients/example.pem");
    let pem = std::fs::read_to_string(&path).unwrap();
    let document = std::fs::read_to_string(crate_folder.join(SNAPSHOT)).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    for path in ["/recipients", "/recipients/{name}/renew"] {
        let content = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(content["example"]["certificate"], pem);
    }
    // For ten years to come.
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-checkend", "315360000", "-in"]).arg(&path);
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Returns the words that a key of a view may have.
fn words(document: &Value, view: &str, key: &str) -> Vec<Value> {
    let of = &document["components"]["schemas"][view];
    // A view that another one is part of is a list of both.
    let mut parts = of["allOf"].as_array().into_iter().flatten().chain([of]);
    let schema = parts.find_map(|part| part["properties"].get(key)).unwrap_or(&Value::Null);
    let ways = schema["oneOf"].as_array().and_then(|ways| ways.iter().find(|way| way["type"] != "null"));
    let reference = ways.unwrap_or(schema)["$ref"].as_str().unwrap_or_else(|| panic!("{view} {key}"));
    let known = document.pointer(reference.trim_start_matches('#')).unwrap();
    known["enum"].as_array().unwrap_or_else(|| panic!("{view} {key}: {known}")).clone()
}

#[tokio::test]
async fn closed_sets_are_closed_in_the_document() {
    let document = Host::new().get(VIC, "/api/v1/openapi.json").await.json();
    for (view, key, some) in [
        ("JobView", "state", "suspended"),
        ("JobView", "latest_status", "yet_to_run"),
        ("JobView", "overlap", "coalesce"),
        ("ExecutionView", "status", "in_progress"),
        ("ExecutionView", "trigger", "rerun"),
        ("FailureView", "step", "publish"),
        ("FailureView", "kind", "bad_record"),
        ("AuditView", "action", "edit_job"),
        ("AuditView", "outcome", "broken_off"),
        ("ObjectView", "kind", "artifact_set"),
        ("NoticeView", "kind", "published"),
        ("NoticeView", "channel", "webhook"),
        ("NoticeView", "status", "given_up"),
        ("NoticeView", "given_up", "exhausted"),
        ("NoticeView", "state", "sent"),
        ("ExecutionView", "delivery", "failed"),
        ("DeliveryView", "state", "pending"),
        ("DeliveryView", "receipt", "digest"),
        ("DestinationView", "kind", "sftp"),
        ("DestinationView", "naming", "rename"),
        ("HealthView", "state", "failing"),
        ("CheckStepView", "step", "read_back"),
        ("RecipientView", "key_type", "RSA"),
        ("WorkerView", "state", "gone"),
        ("SettingsForm", "run", "weekly"),
        ("SettingsForm", "overlap", "queue"),
        ("SettingsForm", "missing-day", "last"),
        ("SettingsChanges", "run", "weekly"),
        ("SubjectRequestView", "state", "verified"),
        ("SubjectRequestView", "kind", "both"),
        ("SubjectRequestView", "due", "near"),
        ("SubjectErasureView", "outcome", "on_hold"),
        ("CopyView", "holds", "unknown"),
        ("CopyView", "unknown", "filter_lost"),
        ("CopyDownloadView", "outcome", "linked"),
        ("CopyDeletionView", "outcome", "gone"),
        ("CopyRecallView", "outcome", "told_before"),
        ("SpelledFilter", "operator", "<="),
    ] {
        let words = words(&document, view, key);
        assert!(words.iter().any(|word| word == some), "{view} {key}: {words:?}");
    }
    let closed = [
        "sort",
        "status",
        "state",
        "latest_status",
        "frequency",
        "action",
        "on_hold",
        "dry_run",
        "open",
        "all",
    ];
    for operation in operations(&document) {
        for told in operation.told["parameters"].as_array().unwrap() {
            let is_closed = closed.iter().any(|name| told["name"] == *name);
            assert!(!is_closed || told["schema"]["enum"].is_array(), "{} {told}", operation.path);
        }
    }
}

#[tokio::test]
async fn a_whole_number_has_a_bound_that_its_format_can_hold() {
    fn look(value: &Value, count: &mut usize) {
        let is_integer = match &value["type"] {
            Value::Array(types) => types.iter().any(|one| one == "integer"),
            one => one == "integer",
        };
        if is_integer {
            *count += 1;
            let most = value["maximum"].as_i64().unwrap_or_else(|| panic!("{value}"));
            assert!(value["format"] != "int32" || most <= i64::from(i32::MAX), "{value}");
        }
        match value {
            Value::Object(keys) => keys.values().for_each(|value| look(value, count)),
            Value::Array(items) => items.iter().for_each(|value| look(value, count)),
            _ => {}
        }
    }
    let mut count = 0;
    look(&Host::new().get(VIC, "/api/v1/openapi.json").await.json(), &mut count);
    assert!(count > 40, "{count}");
}
