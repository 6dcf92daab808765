//! What programs are told: problems, versions, places of what was created, files.

use axum::body::Body;
use cdds_core::testing::PreparedSource;
use cdds_core::{DataType, Ownership, SourceDescription};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, ask, daily, request};

/// Asserts that an answer is a problem with this status and code.
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.json()["type"].as_str()), (status, Some(code)), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["status"], status);
}

async fn with(host: &Host, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let asked =
        headers.iter().fold(request(method, OLGA, path), |asked, (name, value)| asked.header(*name, *value));
    ask(&host.router, asked.body(body.to_owned().into()).unwrap()).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let job = format!("/api/v1/jobs/{id}");
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(3 << 20));
    for (method, path, headers, body, status, code) in [
        (Method::POST, "/api/v1/jobs", vec![JSON], "{\"title\": ", 400, "invalid_json"),
        (Method::POST, "/api/v1/jobs", vec![JSON], "{} {}", 422, "invalid_form"),
        (
            Method::POST,
            "/api/v1/jobs",
            vec![("content-type", "text/plain")],
            "{}",
            415,
            "unsupported_media_type",
        ),
        (Method::POST, "/api/v1/jobs", vec![], "{}", 415, "unsupported_media_type"),
        (Method::POST, "/api/v1/jobs", vec![JSON], &large, 413, "body_too_large"),
        (Method::GET, "/api/v1/jobs/7", vec![], "", 404, "not_found"),
        (Method::GET, "/api/v1/jobs/%ff", vec![], "", 404, "not_found"),
        (Method::GET, "/api/v1/nothing", vec![], "", 404, "not_found"),
        (Method::GET, "/api/v1/jobs?limit=0", vec![], "", 422, "invalid_parameter"),
        (Method::GET, "/api/v1/notices?sort=job", vec![], "", 422, "invalid_parameter"),
        (Method::POST, &job, vec![JSON], "{}", 405, "method_not_allowed"),
        (Method::POST, "/api/v1/jobs", vec![("sec-fetch-site", "cross-site")], "{}", 403, "cross_site"),
    ] {
        let answer = with(&host, method, path, &headers, body).await;
        assert_problem(&answer, status, code);
    }
    let not_allowed = with(&host, Method::POST, &job, &[], "").await;
    let mut allowed: Vec<_> = not_allowed.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH", "PUT"]);
}

#[tokio::test]
async fn a_refused_key_is_named() {
    let host = Host::new();
    let refused = async |change: Value| {
        let mut form = daily("Calls");
        for (key, value) in change.as_object().unwrap() {
            form[key] = value.clone();
        }
        let answer = host.send(OLGA, Method::POST, "/api/v1/jobs", &form).await;
        let problem = answer.json();
        let told = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        (answer.status.as_u16(), told("type"), told("field"))
    };
    for (change, status, code, field) in [
        (json!({"title": ""}), 422, "invalid_title", "title"),
        (json!({"titel": "x"}), 422, "invalid_form", "titel"),
        (json!({"title": 7}), 422, "invalid_form", "title"),
        (json!({"retention-days": "x"}), 422, "invalid_form", "retention-days"),
        (json!({"split-size": "much"}), 422, "invalid_split_size", "split-size"),
        (json!({"recipient": ["ops"], "plaintext": false}), 422, "unknown_recipient", "recipient"),
    ] {
        assert_eq!(refused(change).await, (status, code.to_owned(), field.to_owned()));
    }
    let missing = host.send(OLGA, Method::POST, "/api/v1/jobs", &json!({"title": "x"})).await;
    assert_eq!(missing.json()["field"], "source");
}

#[tokio::test]
async fn a_change_of_another_version_is_refused() {
    let host = Host::new();
    let path = format!("/api/v1/jobs/{}", host.job(ADA, daily("Calls")).await);
    assert_eq!(host.get(OLGA, &path).await.header("etag"), "\"1\"");
    let settings = host.get(OLGA, &format!("{path}/settings")).await;
    assert_eq!(settings.header("etag"), "\"1\"");

    let mut form = settings.json();
    form["title"] = "Other".into();
    let form = form.to_string();
    assert_problem(&with(&host, Method::PUT, &path, &[JSON], &form).await, 428, "precondition_required");
    let replaced = with(&host, Method::PUT, &path, &[JSON, ("if-match", "\"1\"")], &form).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"2\""), "{}", replaced.text);
    assert_eq!(replaced.json()["title"], "Other");

    let stale = [JSON, ("if-match", "\"1\"")];
    for (method, path, body) in [
        (Method::PUT, path.clone(), &*form),
        (Method::PATCH, path.clone(), "{\"title\": \"Third\"}"),
        (Method::POST, format!("{path}/suspend"), ""),
        (Method::POST, format!("{path}/resume"), ""),
        (Method::POST, format!("{path}/bring-back"), ""),
    ] {
        assert_problem(&with(&host, method, &path, &stale, body).await, 412, "version_overtaken");
    }
    let delete = |tag: &str| request(Method::DELETE, ADA, &path).header("if-match", tag).body(Body::empty());
    assert_problem(&ask(&host.router, delete("\"1\"").unwrap()).await, 412, "version_overtaken");
    assert_eq!(host.get(OLGA, &path).await.json()["version"], 2);
    assert_eq!(ask(&host.router, delete("\"2\"").unwrap()).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_is_the_default() {
    let host = Host::new();
    let mut form = daily("Calls");
    form["description"] = "all of them".into();
    let path = format!("/api/v1/jobs/{}", host.job(ADA, form).await);
    let changed =
        host.send(OLGA, Method::PATCH, &path, &json!({"title": "Other", "description": null})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let job = changed.json();
    assert_eq!(
        (&job["title"], &job["description"], &job["run"]),
        (&"Other".into(), &"".into(), &"daily at 02:00".into())
    );
    let unknown = host.send(OLGA, Method::PATCH, &path, &json!({"titel": "x"})).await;
    assert_problem(&unknown, 422, "invalid_form");
    assert_eq!(unknown.json()["field"], "titel");
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let host = Host::new();
    let path = format!("/api/v1/jobs/{}", host.job(ADA, daily("Calls")).await);
    for (method, path) in [
        (Method::POST, "/api/v1/jobs?dry_run=true&count=3".to_owned()),
        (Method::PATCH, format!("{path}?dry_run=true&count=3")),
        (Method::POST, format!("{path}/clone?dry_run=true&count=3")),
    ] {
        let mut form = daily("Other");
        form["at"] = "03:00".into();
        let would = host.send(OLGA, method, &path, &form).await;
        assert_eq!(would.status, StatusCode::OK, "{}", would.text);
        let would = would.json();
        assert_eq!((&would["dry_run"], &would["settings"]["title"]), (&true.into(), &"Other".into()));
        assert_eq!(would["occurrences"].as_array().unwrap().len(), 3);
        assert_eq!(would["occurrences"][0]["slot"], "2026-11-27T03:00:00Z");
    }
    let refused = host.send(OLGA, Method::POST, "/api/v1/jobs?dry_run=true", &daily("")).await;
    assert_problem(&refused, 422, "invalid_title");
    let jobs = host.get(OLGA, "/api/v1/jobs").await.json();
    assert_eq!((jobs["items"].as_array().unwrap().len(), &jobs["items"][0]["title"]), (1, &"Calls".into()));
}

#[tokio::test]
async fn what_was_created_says_where_it_is() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let path = format!("/api/v1/jobs/{id}");
    let copy = host.send(OLGA, Method::POST, &format!("{path}/clone"), &json!({"title": "Copy"})).await;
    assert_eq!(copy.status, StatusCode::CREATED, "{}", copy.text);
    assert_eq!(copy.header("location"), format!("../{}", copy.json()["id"].as_str().unwrap()));
    let bare = with(&host, Method::POST, &format!("{path}/clone"), &[], "").await;
    assert_eq!((bare.status.as_u16(), bare.json()["title"].as_str()), (201, Some("Calls")));

    let run = with(&host, Method::POST, &format!("{path}/run"), &[], "").await;
    assert_eq!((run.status.as_u16(), run.header("retry-after")), (202, "2"), "{}", run.text);
    let execution = run.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(run.header("location"), format!("../../executions/{execution}"));
    let waiting = host.get(VIC, &format!("/api/v1/executions/{execution}")).await;
    assert_eq!((waiting.header("retry-after"), &waiting.json()["attempt_log"]), ("2", &json!([])));
    let cancelled =
        with(&host, Method::POST, &format!("/api/v1/executions/{execution}/cancel"), &[], "").await;
    assert_eq!(cancelled.json()["status"], "cancelled", "{}", cancelled.text);
    let again = with(&host, Method::POST, &format!("/api/v1/executions/{execution}/rerun"), &[], "").await;
    assert_eq!((again.status.as_u16(), &again.json()["rerun_of"]), (202, &execution.as_str().into()));
    assert_eq!(again.header("location"), format!("../{}", again.json()["id"].as_str().unwrap()));
}

#[tokio::test]
async fn files_are_given_with_their_digests_and_a_set_on_hold_is_kept() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let run = with(&host, Method::POST, &format!("/api/v1/jobs/{id}/run"), &[], "").await;
    host.run().await;
    let execution = run.json()["id"].as_str().unwrap().to_owned();
    let list = host.get(VIC, &format!("/api/v1/artifacts?execution={execution}")).await.json();
    let artifact = &list["items"][0];
    let path = format!("/api/v1/artifacts/{}", artifact["id"].as_str().unwrap());
    assert_eq!(host.get(VIC, &path).await.json(), *artifact);

    let set = format!("/api/v1/sets/{execution}");
    let files = host.get(VIC, &set).await.json();
    let kinds: Vec<_> = files["files"].as_array().unwrap().iter().map(|file| file["kind"].clone()).collect();
    assert_eq!(kinds, ["artifact", "manifest"]);
    assert_eq!((&files["files"][0]["sha256"], &files["hold"]), (&artifact["sha256"], &false.into()));
    assert_eq!(host.get(OLGA, &format!("{set}/manifest")).await.status, StatusCode::OK);
    assert_problem(&host.get(OLGA, &format!("{set}/signature")).await, 404, "not_found");

    let content = format!("{path}/content");
    let head = ask(&host.router, request(Method::HEAD, OLGA, &content).body(Body::empty()).unwrap()).await;
    let etag = format!("\"{}\"", artifact["sha256"].as_str().unwrap());
    assert_eq!((head.header("etag"), head.text.as_str()), (&*etag, ""));
    assert_eq!(head.header("content-length"), artifact["size"].to_string());
    assert_eq!(host.get(OLGA, &path).await.json()["downloads"], 0);
    let part = with(&host, Method::GET, &content, &[("range", "bytes=0-0")], "").await;
    assert_eq!((part.status.as_u16(), part.text.len()), (206, 1));
    assert_eq!(host.get(OLGA, &path).await.json()["downloads"], 1);
    assert_problem(&host.get(VIC, &content).await, 403, "forbidden");

    let send = async |method, path: &str| host.send(ADA, method, path, &json!({})).await;
    let hold = format!("{set}/hold");
    assert_eq!(send(Method::PUT, &hold).await.json()["hold"], true);
    assert_problem(&send(Method::DELETE, &path).await, 409, "on_hold");
    let several = json!({"ids": [artifact["id"]]});
    let kept = host.send(ADA, Method::POST, "/api/v1/artifacts/delete", &several).await;
    assert_problem(&kept, 409, "on_hold");
    assert_eq!(send(Method::DELETE, &hold).await.json()["hold"], false);
    let gone = host.send(ADA, Method::POST, "/api/v1/artifacts/delete", &several).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text);
    assert_problem(&host.get(ADA, &path).await, 404, "not_found");
    let history = format!("/api/v1/executions/{execution}?artifacts=delete");
    assert_eq!(send(Method::DELETE, &history).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn lists_page_by_their_tokens_and_show_the_owner_s_own() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    for _ in 0..3 {
        let run = with(&host, Method::POST, &format!("/api/v1/jobs/{id}/run"), &[], "").await;
        assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.text);
        host.run().await;
        host.memory.clock.advance(std::time::Duration::from_secs(60));
    }
    for list in ["executions", "artifacts", "notices", "audit"] {
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = host.get(ADA, &format!("/api/v1/{list}?limit=2{next}")).await.json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
            let Some(token) = page["next"].as_str() else { break };
            next = format!("&next={token}");
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "{list}: {seen:?}");
        assert!(all >= 3, "{list}: {all}");
        let others = host.get(MALLORY, &format!("/api/v1/{list}")).await.json();
        assert_eq!(others["items"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn sources_show_their_types_and_declared_fields() {
    let host = Host::new();
    let sources = host.get(VIC, "/api/v1/sources").await.json();
    assert_eq!((&sources["items"][0]["id"], &sources["next"]), (&"calls".into(), &Value::Null));
    assert_eq!(host.get(VIC, "/api/v1/sources/calls").await.json(), sources["items"][0]);
    let types = host.get(VIC, "/api/v1/sources/calls/types").await.json();
    assert_eq!(types["items"], sources["items"][0]["types"]);
    let fields = host.get(VIC, "/api/v1/sources/calls/fields?type=call").await.json();
    let field = |name: &str, kinds: Value, sample: Value| {
        json!({
            "type": "call", "name": name, "declared": null, "kinds": kinds, "indexed": "unknown", "roles": [],
            "identifiers": [], "sample": sample,
        })
    };
    let [caller, queue] = ["caller", "queue"].map(|name| field(name, json!([]), Value::Null));
    assert_eq!(fields["items"], json!([caller, queue]));
    // Those who may create jobs see how values look.
    let fields = host.get(OLGA, "/api/v1/sources/calls/fields").await.json();
    let seen = |name, sample: &str| field(name, json!(["text"]), sample.into());
    assert_eq!(fields["items"], json!([seen("caller", "+00 00 0"), seen("queue", "xxxxx")]));
    assert_problem(&host.get(VIC, "/api/v1/sources/calls/fields?type=mail").await, 422, "invalid_parameter");
    assert_problem(&host.get(VIC, "/api/v1/sources/mail").await, 404, "not_found");
}

#[tokio::test]
async fn a_request_that_is_sent_again_creates_nothing_more() {
    let host = Host::new();
    let post = async |path: &str, key: &str, body: &str| {
        let headers = [JSON, ("idempotency-key", key)];
        with(&host, Method::POST, path, &headers, body).await
    };
    let (one, other) = (daily("One").to_string(), daily("Other").to_string());
    let first = post("/api/v1/jobs", "k", &one).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    for key in ["k", "\"k\""] {
        let again = post("/api/v1/jobs", key, &one).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_problem(&post("/api/v1/jobs", "k", &other).await, 422, "request_key_used");
    assert_problem(&post("/api/v1/jobs", "k k", &other).await, 422, "invalid_name");

    let job = format!("/api/v1/jobs/{}", first.json()["id"].as_str().unwrap());
    let copy = post(&format!("{job}/clone"), "c", "{}").await;
    let renamed = host.send(OLGA, Method::PATCH, &job, &json!({"title": "Renamed"})).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
    assert_eq!(post(&format!("{job}/clone"), "c", "{}").await.text, copy.text);
    assert_problem(&post(&format!("{job}/clone"), "c", "{\"title\": \"x\"}").await, 422, "request_key_used");

    let run = post(&format!("{job}/run"), "k", "").await;
    host.memory.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(post(&format!("{job}/run"), "k", "").await.json()["id"], run.json()["id"]);
    let execution = format!("/api/v1/executions/{}", run.json()["id"].as_str().unwrap());
    host.send(OLGA, Method::POST, &format!("{execution}/cancel"), &Value::Null).await;
    let again = post(&format!("{execution}/rerun"), "k", "").await;
    host.memory.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(post(&format!("{execution}/rerun"), "k", "").await.json()["id"], again.json()["id"]);
    assert_eq!(host.get(OLGA, "/api/v1/jobs").await.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(host.get(OLGA, "/api/v1/executions").await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_range_that_is_asked_for_again_is_queued_once() {
    let call = DataType::new("call".parse().unwrap()).with_ownership(Ownership::Shared).with_event_instant();
    let description = SourceDescription::new("calls".parse().unwrap(), "Telephony").with_type(call);
    let host = Host::over(PreparedSource::new(description, Vec::new()));
    let mut form = daily("Calls");
    form["timeframe"] = "rolling:1d".into();
    let path = format!("/api/v1/jobs/{}/backfill", host.job(ADA, form).await);
    let fill = async |from: &str, to: &str| {
        let body = json!({"from": from, "to": to}).to_string();
        with(&host, Method::POST, &path, &[JSON, ("idempotency-key", "k")], &body).await
    };
    let filled = fill("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z").await;
    assert_eq!(filled.json()["items"].as_array().unwrap().len(), 2, "{}", filled.text);
    host.memory.clock.advance(std::time::Duration::from_secs(60));
    let again = fill("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z").await;
    assert_eq!((again.status.as_u16(), again.json()), (202, filled.json()));
    let other = fill("2026-11-10T00:00:00Z", "2026-11-12T00:00:00Z").await;
    assert_problem(&other, 422, "request_key_used");
    assert_eq!(host.get(OLGA, "/api/v1/executions").await.json()["items"].as_array().unwrap().len(), 2);
}
