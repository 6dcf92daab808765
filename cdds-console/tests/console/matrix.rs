//! Every operation of the document as every role, as somebody else, and as nobody.

use std::sync::Arc;

use axum::body::Body;
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::testing::MemorySubjectKeys;
use cdds_core::{Owner, Role};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, ask, daily, request};
use crate::partner::{self, Postbox};

/// The methods that an address may have.
pub(crate) const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// One operation of the document.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) told: Value,
}

pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, told)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path: path.clone(),
            told: told.clone(),
        })
    });
    operations.collect()
}

/// What the owner `acme` has: a daily job with an execution, its set, a notice, a recipient, a destination and an
/// endpoint, and a request of a data subject.
#[derive(Debug)]
pub(crate) struct Places {
    job: String,
    execution: String,
    artifact: String,
    notice: String,
    worker: String,
    subject: String,
}

/// The title that nobody else may see.
const SECRET: &str = "Only for acme";

pub(crate) async fn filled() -> (Host, Places) {
    let mut memory = partner::ports(&[&partner::place()], &Postbox::default());
    memory.ports = memory.ports.with_subject_keys(Arc::new(MemorySubjectKeys::with_key("k1").unwrap()));
    let host = Host::with(memory);
    let job = host.job(ADA, partner::told(daily(SECRET))).await;
    let run = host.send(ADA, Method::POST, &format!("/api/v1/jobs/{job}/run"), &Value::Null).await;
    host.run().await;
    let recipient = Recipient {
        owner: Owner::new("acme").unwrap(),
        name: "law".parse().unwrap(),
        certificate: CertificateFacts {
            der: Vec::new(),
            fingerprint: "0".repeat(64),
            subject: "CN=acme-law".to_owned(),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2027-01-01T00:00:00Z".parse().unwrap(),
            warnings: Vec::new(),
        },
        added_at: "2026-11-01T00:00:00Z".parse().unwrap(),
    };
    host.memory.ports.catalog.insert_recipient(&recipient, &[]).await.unwrap();
    let first = async |list: &str| {
        let page = host.get(ADA, &format!("/api/v1/{list}")).await.json();
        page["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let asked = json!({"kind": "erasure", "identifier": ["phone=+49 30 7654321"]});
    host.send(OLGA, Method::POST, "/api/v1/subjects", &asked).await;
    let (artifact, notice) = (first("artifacts").await, first("notices").await);
    let subject = first("subjects").await;
    let worker = first("workers").await;
    let execution = run.json()["id"].as_str().unwrap().to_owned();
    (host, Places { job, execution, artifact, notice, worker, subject })
}

impl Places {
    /// Returns the address of what `acme` has.
    pub(crate) fn of(&self, path: &str) -> String {
        let name = match path.split('/').nth(1).unwrap() {
            "destinations" => partner::PARTNER,
            "endpoints" => partner::BILLING,
            _ => "law",
        };
        let id = match path.split('/').nth(1).unwrap() {
            "jobs" => &self.job,
            "executions" => &self.execution,
            "artifacts" => &self.artifact,
            "notices" => &self.notice,
            "workers" => &self.worker,
            "subjects" => &self.subject,
            _ => "calls",
        };
        let path = path.replace("{id}", id).replace("{execution}", &self.execution).replace("{name}", name);
        format!("/api/v1{path}")
    }

    fn ids(&self) -> [&str; 6] {
        [&self.job, &self.execution, &self.artifact, &self.notice, &self.subject, "acme"]
    }
}

async fn call(host: &Host, places: &Places, user: &str, operation: &Operation) -> Answer {
    let content = &operation.told["requestBody"]["content"]["application/json"];
    let mut body = content["example"].clone();
    if body["ids"].is_array() {
        body["ids"] = json!([places.artifact]);
    }
    let asked = request(operation.method.clone(), user, &places.of(&operation.path)).header("if-match", "*");
    let asked = if content.is_null() {
        asked.body(Body::empty())
    } else {
        asked.header("content-type", "application/json").body(body.to_string().into())
    };
    ask(&host.router, asked.unwrap()).await
}

async fn document() -> Value {
    Host::new().get(VIC, "/api/v1/openapi.json").await.json()
}

#[tokio::test]
async fn each_role_may_do_what_the_document_says_and_is_refused_the_rest() {
    let mut refused = 0;
    for operation in operations(&document().await) {
        let least = Role::parse(operation.told["x-least-role"].as_str().unwrap()).unwrap();
        for (user, role) in [(VIC, Role::Viewer), (OLGA, Role::Operator), (ADA, Role::Administrator)] {
            let (host, places) = filled().await;
            let answer = call(&host, &places, user, &operation).await;
            let place = format!("{user} {} {}: {}", operation.method, operation.path, answer.text);
            if role >= least {
                assert!(!matches!(answer.status.as_u16(), 401 | 403 | 405 | 500..), "{place}");
                let told = &operation.told["responses"][answer.status.as_str()];
                assert!(!told.is_null(), "{} is not in the document: {place}", answer.status);
                for (name, header) in told["headers"].as_object().into_iter().flatten() {
                    let is_there = answer.headers.contains_key(name);
                    assert!(is_there || header["required"] != true, "no {name}: {place}");
                }
                continue;
            }
            refused += 1;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{place}");
            let problem = answer.json();
            assert_eq!(problem["type"], "forbidden", "{place}");
            let asked = format!("ask an {} to do it", least.as_str());
            assert!(problem["detail"].as_str().unwrap().ends_with(&asked), "{place}");
        }
    }
    assert!(refused > 20, "{refused}");
}

#[tokio::test]
async fn what_belongs_to_another_owner_does_not_exist() {
    for operation in operations(&document().await) {
        let (host, places) = filled().await;
        let before = host.get(ADA, &places.of("/jobs/{id}")).await.text;
        let answer = call(&host, &places, MALLORY, &operation).await;
        let place = format!("{} {}: {}", operation.method, operation.path, answer.text);
        let names_one = operation.path.contains('{') || operation.path == "/artifacts/delete";
        // Sources and workers are of the service.
        let is_shared = ["/sources", "/workers"].iter().any(|shared| operation.path.starts_with(shared));
        if names_one && !is_shared {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{place}");
            assert_eq!(answer.json()["type"], "not_found", "{place}");
        } else {
            // Ids that the caller sent may come back in a refusal; nothing else of the other owner does.
            for known in places.ids().into_iter().chain([SECRET]) {
                assert!(!answer.text.contains(known), "{known}: {place}");
            }
        }
        assert!(!answer.text.contains(SECRET) && !answer.text.contains("acme"), "{place}");
        assert_eq!(host.get(ADA, &places.of("/jobs/{id}")).await.text, before, "{place}");
    }
}

#[tokio::test]
async fn nobody_is_told_anything() {
    let (host, places) = filled().await;
    for operation in operations(&document().await) {
        for path in [places.of(&operation.path), format!("/api/v1{}", operation.path.replace(['{', '}'], ""))]
        {
            let asked = Request::builder().method(operation.method.clone()).uri(&path);
            let answer = ask(&host.router, asked.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {path}", operation.method);
            assert_eq!(
                (answer.header("www-authenticate"), &answer.json()["type"]),
                ("Bearer", &"not_signed_in".into())
            );
        }
    }
}
