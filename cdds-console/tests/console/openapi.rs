//! The OpenAPI document: that of the repository is the one that is served, and it tells of every answer what it has.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use http::{Method, StatusCode};
use serde_json::Value;

use crate::host::{ADA, Host, VIC};
use crate::matrix::{METHODS, filled, operations};

/// The document in the repository; written anew by a test run with `CDDS_BLESS=1`.
pub(crate) const SNAPSHOT: &str = "openapi.json";

#[tokio::test]
async fn the_document_of_the_repository_is_the_one_that_is_served() {
    let served = Host::new().get(VIC, "/api/v1/openapi.json").await;
    assert_eq!((served.status, served.header("content-type")), (StatusCode::OK, "application/json"));
    let served = serde_json::to_string_pretty(&served.json()).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOT);
    if std::env::var_os("CDDS_BLESS").is_some() {
        std::fs::write(&path, &served).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == served,
        "{SNAPSHOT} is stale: run this test with CDDS_BLESS=1 and look at the difference"
    );
}

#[test]
fn the_document_of_the_repository_is_one_of_openapi() {
    let output = python(&["-m", "openapi_spec_validator"]);
    assert!(output.status.success(), "{output:?}");
}

/// Runs Python with the document of the repository as the last argument.
pub(crate) fn python(args: &[&str]) -> Output {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new("python3");
    python.args(args).arg(crate_folder.join(SNAPSHOT));
    python.env("PYTHONPATH", crate_folder.join("../target/tools/python")).output().unwrap()
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = Host::new().get(VIC, "/api/v1/openapi.json").await.json();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(used.contains(&format!("#/components/schemas/{name}")), "{name}");
    }
}

fn references(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                used.insert(reference.clone());
            }
            fields.values().for_each(|value| references(value, used));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, used)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_says_what_it_is_and_has_an_id_of_its_own() {
    let document = Host::new().get(VIC, "/api/v1/openapi.json").await.json();
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        for key in ["operationId", "summary", "description", "x-least-role"] {
            let told = operation.told[key].as_str().unwrap_or_default();
            assert!(!told.is_empty(), "{} {} has no {key}", operation.method, operation.path);
        }
        assert!(ids.insert(operation.told["operationId"].to_string()), "{}", operation.told["operationId"]);
        let answers = operation.told["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{}", operation.path);
        for parameter in operation.told["parameters"].as_array().unwrap() {
            assert!(!parameter["description"].as_str().unwrap_or_default().is_empty(), "{parameter}");
        }
    }
}

#[tokio::test]
async fn the_router_answers_the_methods_of_the_document_and_no_others() {
    let (host, places) = filled().await;
    let document = host.get(VIC, "/api/v1/openapi.json").await.json();
    for path in document["paths"].as_object().unwrap().keys() {
        let told: BTreeSet<String> =
            document["paths"][path].as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in METHODS.iter().filter(|method| !told.contains(**method)) {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = host.send(ADA, method.clone(), &places.of(path), &Value::Null).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.json()["type"], "method_not_allowed");
            let allowed: BTreeSet<String> = answer
                .header("allow")
                .split(',')
                .filter(|method| *method != "HEAD")
                .map(str::to_owned)
                .collect();
            assert_eq!(allowed, told, "{path}");
        }
    }
}

/// What is answered has the keys of its schema, and only those.
#[tokio::test]
async fn what_is_answered_has_the_keys_of_its_schema() {
    let (host, places) = filled().await;
    let document = host.get(VIC, "/api/v1/openapi.json").await.json();
    let mut compared = 0;
    for operation in operations(&document).into_iter().filter(|operation| operation.method == Method::GET) {
        let schema = &operation.told["responses"]["200"]["content"]["application/json"]["schema"];
        let answer = host.get(ADA, &places.of(&operation.path)).await;
        if schema.is_null() || operation.path == "/openapi.json" || answer.status != StatusCode::OK {
            continue;
        }
        compared += 1;
        compare(&document, schema, &answer.json(), &operation.path);
    }
    assert!(compared > 15, "{compared}");
}

fn compare(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return compare(document, document.pointer(reference.trim_start_matches('#')).unwrap(), value, place);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut all = serde_json::json!({"properties": {}, "required": []});
        for part in parts {
            let part = match part["$ref"].as_str() {
                Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
                None => part,
            };
            for (key, value) in part["properties"].as_object().unwrap() {
                all["properties"][key] = value.clone();
            }
            let required = part["required"].as_array().cloned().unwrap_or_default();
            all["required"].as_array_mut().unwrap().extend(required);
        }
        return compare(document, &all, value, place);
    }
    match value {
        Value::Array(items) => {
            items.iter().for_each(|item| compare(document, &schema["items"], item, &format!("{place}[]")));
        }
        Value::Object(fields) if schema["properties"].is_object() => {
            for (key, value) in fields {
                let known = &schema["properties"][key];
                assert!(!known.is_null(), "{place}: the schema has no {key}");
                compare(document, known, value, &format!("{place}.{key}"));
            }
            for key in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(key.as_str().unwrap()), "{place}: the answer has no {key}");
            }
        }
        _ => {}
    }
}
