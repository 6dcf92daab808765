//! A host of the console, whose users say in a header who they are.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use cdds_console::access::{Denied, Visitor, by_request};
use cdds_console::{Access, Services, router};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::testing::{MemoryPorts, PreparedSource};
use cdds_core::{
    DataType, JobRules, JobSettings, Jobs, Owner, Ownership, Principal, PrincipalName, Role,
    SourceDescription, Sources,
};
use cdds_view::settings::SettingsForm;
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The header of the tests' users: `name/owner/role`.
const USER: &str = "x-user";

pub(crate) const ADA: &str = "ada/acme/administrator";
pub(crate) const OLGA: &str = "olga/acme/operator";
pub(crate) const VIC: &str = "vic/acme/viewer";
/// An administrator of another owner.
pub(crate) const MALLORY: &str = "mallory/other/administrator";

pub(crate) struct Host {
    pub(crate) memory: MemoryPorts,
    pub(crate) router: Router,
}

/// What the console answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Host {
    /// A host with the source `calls`, whose records every owner sees.
    pub(crate) fn new() -> Self {
        Self::with_records(1)
    }

    /// A host whose source has so many records.
    pub(crate) fn with_records(count: u64) -> Self {
        let mut batch = RecordBatchBuilder::new();
        for number in 1..=count {
            let record = json!({"caller": format!("+49 30 {number}"), "queue": "sales"});
            batch.serialize(&Place::of(None, None), &record).unwrap();
        }
        let call = DataType::new("call".parse().unwrap()).with_ownership(Ownership::Shared);
        let description = SourceDescription::new("calls".parse().unwrap(), "Telephony").with_type(call);
        Self::over(PreparedSource::new(description, vec![batch.take()]))
    }

    /// A host with this source alone.
    pub(crate) fn over(source: impl cdds_core::Source + 'static) -> Self {
        let now = "2026-11-26T14:32:08Z".parse().unwrap();
        Self::with(MemoryPorts::new(now, Sources::new().with(Arc::new(source))))
    }

    /// A host over these ports.
    pub(crate) fn with(memory: MemoryPorts) -> Self {
        let router = router(Services::new(&memory.ports, JobRules::default()), users());
        Self { memory, router }
    }

    /// Submits a job of the owner of a user, and returns its id.
    pub(crate) async fn job(&self, user: &str, settings: Value) -> String {
        let form: SettingsForm = serde_json::from_value(settings).unwrap();
        let jobs = Jobs::new(&self.memory.ports, JobRules::default());
        let settings = JobSettings::try_from(form).unwrap();
        jobs.submit(&principal(user), settings).await.unwrap().job.id.to_string()
    }

    /// Lets an engine run what is due.
    pub(crate) async fn run(&self) {
        let engine = Engine::builder(&self.memory.ports).build();
        engine.run(Until::Idle, std::future::pending()).await.unwrap();
    }

    /// Runs a job at once, and returns its execution.
    pub(crate) async fn exported(&self, user: &str, title: &str) -> String {
        let job = self.job(user, once(title)).await;
        self.run().await;
        self.execution(&job)
    }

    /// Returns the only execution of a job.
    pub(crate) fn execution(&self, job: &str) -> String {
        let record = self.memory.catalog.record();
        let execution = record.iter().find(|execution| execution.job_id.to_string() == job);
        execution.unwrap().id.to_string()
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> Answer {
        ask(&self.router, request(Method::GET, user, path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form as a browser does from a page of the console.
    pub(crate) async fn post(&self, user: &str, path: &str, form: &str) -> Answer {
        let request = request(Method::POST, user, path)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        ask(&self.router, request.body(form.to_owned().into()).unwrap()).await
    }

    /// Sends JSON as a program does.
    pub(crate) async fn send(&self, user: &str, method: Method, path: &str, body: &Value) -> Answer {
        let request = request(method, user, path).header("content-type", "application/json");
        ask(&self.router, request.body(body.to_string().into()).unwrap()).await
    }
}

/// The settings of a job that runs at once, in plaintext.
pub(crate) fn once(title: &str) -> Value {
    json!({"title": title, "source": "calls", "type": "call", "run": "once", "plaintext": true})
}

/// The settings of a daily job in plaintext.
pub(crate) fn daily(title: &str) -> Value {
    json!({"title": title, "source": "calls", "type": "call", "run": "daily", "at": "02:00", "plaintext": true})
}

pub(crate) fn request(method: Method, user: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(USER, user)
}

pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

pub(crate) fn users() -> impl Access {
    by_request(|request: &Parts| {
        let user = request.headers.get(USER).ok_or(Denied::sign_in())?.to_str().unwrap();
        Ok(Visitor::new(principal(user)))
    })
}

pub(crate) fn principal(user: &str) -> Principal {
    let [name, owner, role] = user.split('/').collect::<Vec<_>>().try_into().unwrap();
    let role = match role {
        "administrator" => Role::Administrator,
        "operator" => Role::Operator,
        _ => Role::Viewer,
    };
    Principal::new(PrincipalName::new(name).unwrap(), Owner::new(owner).unwrap(), role)
}
