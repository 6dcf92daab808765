//! What holds for every operation of the document alike: how a request is refused that does not fit it.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::host::{ADA, Answer, Host, VIC, ask, request};
use crate::matrix::{Operation, Places, filled, operations};

async fn everything() -> (Host, Places, Vec<Operation>) {
    let (host, places) = filled().await;
    let document = host.get(VIC, "/api/v1/openapi.json").await.json();
    (host, places, operations(&document))
}

async fn with(
    host: &Host,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<axum::body::Body>,
) -> Answer {
    let asked = request(method.clone(), ADA, path).header("if-match", "*");
    let asked = headers.iter().fold(asked, |asked, (name, value)| asked.header(*name, *value));
    ask(&host.router, asked.body(body.into()).unwrap()).await
}

/// Asserts that an answer is a problem of the status that the document has.
fn assert_refused(operation: &Operation, answer: &Answer, status: u16, code: &str) {
    let place = format!("{} {}: {}", operation.method, operation.path, answer.text);
    assert_eq!(answer.status.as_u16(), status, "{place}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{place}");
    assert_eq!((&answer.json()["type"], &answer.json()["status"]), (&code.into(), &status.into()), "{place}");
    assert!(!operation.told["responses"][status.to_string()].is_null(), "not in the document: {place}");
}

fn gives_json(operation: &Operation) -> bool {
    let answers = operation.told["responses"].as_object().unwrap();
    answers.values().any(|answer| !answer["content"]["application/json"].is_null())
}

#[tokio::test]
async fn json_is_not_given_to_those_who_do_not_accept_it_and_files_are() {
    let (host, places, operations) = everything().await;
    let mut others = Vec::new();
    for operation in &operations {
        let path = places.of(&operation.path);
        let answer = with(&host, &operation.method, &path, &[("accept", "text/csv, text/*;q=0.5")], "").await;
        if gives_json(operation) {
            assert_refused(operation, &answer, 406, "not_acceptable");
        } else {
            assert_ne!(answer.status, StatusCode::NOT_ACCEPTABLE, "{}", operation.path);
            others.push(operation.method.as_str());
        }
    }
    others.sort_unstable();
    others.dedup();
    assert_eq!(others, ["DELETE", "GET", "POST"], "files, and what answers that it is done");
}

#[tokio::test]
async fn a_parameter_that_an_operation_does_not_have_is_named() {
    let (host, places, operations) = everything().await;
    for operation in &operations {
        for query in ["unheard=1", "unheard="] {
            let path = format!("{}?{query}", places.of(&operation.path));
            let answer = with(&host, &operation.method, &path, &[], "").await;
            assert_refused(operation, &answer, 422, "invalid_parameter");
            assert!(answer.json()["detail"].as_str().unwrap().starts_with("`unheard`: "), "{}", answer.text);
        }
    }
    let executions = host.get(ADA, "/api/v1/executions").await.json();
    assert_eq!(executions["items"].as_array().unwrap().len(), 1, "nothing was done");
}

#[tokio::test]
async fn a_slash_at_the_end_leads_to_the_address_without_it() {
    let (host, places, operations) = everything().await;
    for operation in &operations {
        let path = places.of(&operation.path);
        let answer = with(&host, &operation.method, &format!("{path}/?a=b"), &[], "").await;
        assert_eq!(
            answer.status,
            StatusCode::PERMANENT_REDIRECT,
            "{} {path}: {}",
            operation.method,
            answer.text
        );
        let last = path.rsplit('/').next().unwrap();
        assert_eq!(answer.header("location"), format!("../{last}?a=b"), "{path}");
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let (host, places, operations) = everything().await;
    for operation in operations.iter().filter(|operation| operation.method == Method::GET) {
        let path = places.of(&operation.path);
        let (get, head) = (host.get(ADA, &path).await, with(&host, &Method::HEAD, &path, &[], "").await);
        assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
        for name in ["content-type", "etag", "cache-control", "repr-digest"] {
            assert_eq!(head.header(name), get.header(name), "{name} {path}");
        }
        let length = head.header("content-length");
        assert!(length.is_empty() || length == get.text.len().to_string(), "{length} {path}");
    }
}

#[tokio::test]
async fn options_and_a_wrong_method_are_told_the_methods_of_the_document() {
    let (host, places, operations) = everything().await;
    for path in operations.iter().map(|operation| &operation.path).collect::<BTreeSet<_>>() {
        let told = operations.iter().filter(|operation| operation.path == *path);
        let mut told: BTreeSet<&str> = told.map(|operation| operation.method.as_str()).collect();
        if told.contains("GET") {
            told.insert("HEAD");
        }
        for (method, status) in [
            (Method::OPTIONS, StatusCode::NO_CONTENT),
            (Method::TRACE, StatusCode::METHOD_NOT_ALLOWED),
            ("BREW".parse().unwrap(), StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let answer = with(&host, &method, &places.of(path), &[], "").await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
            assert_eq!(answer.header("allow").split(',').collect::<BTreeSet<_>>(), told, "{path}");
            if status == StatusCode::NO_CONTENT {
                assert_eq!(answer.text, "");
            } else {
                assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
                assert_eq!(answer.json()["type"], "method_not_allowed");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_a_problem() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    let (host, places, operations) = everything().await;
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(3 << 20));
    let mut count = 0;
    for operation in &operations {
        let content = &operation.told["requestBody"]["content"];
        if content.is_null() {
            continue;
        }
        count += 1;
        let path = places.of(&operation.path);
        let example = content["application/json"]["example"].to_string();
        for (headers, body, status, code) in [
            (vec![("content-type", "text/plain")], &*example, 415, "unsupported_media_type"),
            (
                vec![("content-type", "application/x-www-form-urlencoded")],
                "a=b",
                415,
                "unsupported_media_type",
            ),
            (vec![], &*example, 415, "unsupported_media_type"),
            (vec![JSON], &*large, 413, "body_too_large"),
            (vec![JSON], "{", 400, "invalid_json"),
            (vec![JSON], "", 400, "invalid_json"),
            (vec![JSON], "{\"titel\": 7}", 422, "invalid_form"),
            (vec![JSON], "[]", 422, "invalid_form"),
        ] {
            let answer = with(&host, &operation.method, &path, &headers, body.to_owned()).await;
            assert_refused(operation, &answer, status, code);
        }
    }
    assert!(count > 8, "{count}");
}

#[tokio::test]
async fn every_operation_has_the_refusals_that_all_have() {
    let (_, _, operations) = everything().await;
    for operation in &operations {
        let told = |status: &str| !operation.told["responses"][status].is_null();
        let place = format!("{} {}", operation.method, operation.path);
        for status in ["401", "403", "422", "429", "500", "503"] {
            assert!(told(status), "{status} {place}");
        }
        let parameters = operation.told["parameters"].as_array().unwrap();
        let takes = |name: &str, required: bool| {
            parameters
                .iter()
                .any(|one| one["name"] == name && (!required || one["required"] == Value::Bool(true)))
        };
        for (status, expected) in [
            ("404", operation.path.contains('{')),
            ("406", gives_json(operation)),
            // What these answer is possible in some states of a request only.
            ("409", operation.method != Method::GET || operation.path.starts_with("/subjects/{id}/")),
            ("412", takes("If-Match", false)),
            ("428", takes("If-Match", true)),
            ("416", takes("Range", false)),
            ("413", !operation.told["requestBody"].is_null()),
        ] {
            let is_named_in_body = status == "404" && !expected;
            assert!(told(status) == expected || is_named_in_body, "{status} {place}");
        }
    }
}
