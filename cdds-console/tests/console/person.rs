//! A host whose source names people, and whose requests of data subjects are about one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cdds_console::{Services, router};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::domain::subject::{ErasureRule, IdentifierKind, SubjectField, SubjectMatcher};
use cdds_core::ports::source::{EraseRequest, Erased};
use cdds_core::testing::{MemoryPorts, MemorySubjectKeys};
use cdds_core::{
    DataType, JobRules, Ownership, ReadRequest, RecordStream, Source, SourceDescription, SourceError, Sources,
};
use futures::{StreamExt, stream};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Answer, Host, OLGA, users};
use crate::partner::{Postbox, telling};
use crate::pretended::Pretended;

pub(crate) const PHONE: &str = "+49 30 7654321";
pub(crate) const EMAIL: &str = "ada.lovelace@example.com";

/// Asserts that a text has nothing of an identifier, in whatever spelling.
pub(crate) fn assert_nothing_of_the_person(text: &str, place: &str) {
    for part in ["7654321", "765 4321", "30 7", "lovelace", "Lovelace"] {
        assert!(!text.contains(part), "{part} is in {place}: {text}");
    }
}

/// Records in memory, by type: those of calls are deleted, those of invoices kept by law, and notes are not erased.
#[derive(Debug)]
pub(crate) struct Crm {
    description: SourceDescription,
    records: Mutex<BTreeMap<&'static str, Vec<String>>>,
    /// Whether erasures fail, for a reason that every repetition would meet.
    pub(crate) fails: Mutex<bool>,
}

impl Crm {
    fn new() -> Self {
        let named = |name: &str| {
            DataType::new(name.parse().unwrap())
                .with_ownership(Ownership::Shared)
                .with_subject_field(SubjectField::new("phone", IdentifierKind::Phone))
        };
        let law = ErasureRule::Keep { reason: "ten years by <law>".to_owned() };
        let description = SourceDescription::new("crm".parse().unwrap(), "Customers & calls")
            .with_type(named("call").with_erasure(ErasureRule::Delete))
            .with_type(named("invoice").with_erasure(law))
            .with_type(named("note"));
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let records = BTreeMap::from([
            ("call", lines(&[r#"{"phone":"0049 30 7654321"}"#, r#"{"phone":"+49 40 9"}"#])),
            ("invoice", lines(&[r#"{"phone":"+49307654321"}"#])),
            ("note", lines(&[r#"{"phone":"+49307654321"}"#])),
        ]);
        Self { description, records: Mutex::new(records), fails: Mutex::new(false) }
    }
}

#[async_trait]
impl Source for Crm {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        if !request.dry_run && *self.fails.lock().unwrap() {
            return Err(SourceError::invalid("a contract <b>needs</b> one of the rows"));
        }
        let data_type = self.description.data_type(&request.data_type).unwrap();
        let person = SubjectMatcher::new(&data_type.subject_fields, &request.subject);
        let mut records = self.records.lock().unwrap();
        let lines = records.get_mut(request.data_type.as_str()).unwrap();
        let about = |line: &String| person.matches_line(line.as_bytes());
        let found = lines.iter().filter(|line| about(line)).count() as u64;
        if let Some(ErasureRule::Keep { reason }) = &data_type.erasure {
            return Ok(Erased::default().with_kept(reason, found));
        }
        if !request.dry_run {
            lines.retain(|line| !about(line));
        }
        Ok(Erased { records: found, kept: Vec::new() })
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let mut batch = RecordBatchBuilder::new();
        for line in &self.records.lock().unwrap()[request.data_type.as_str()] {
            batch.raw_line(&Place::of(None, None), line.as_bytes()).unwrap();
        }
        let mut batch = batch.take();
        if let Some(subject) = &request.subject {
            let described = self.description.data_type(&request.data_type).unwrap();
            batch = SubjectMatcher::new(&described.subject_fields, subject).apply(&batch);
        }
        Ok(stream::iter([Ok(batch)]).boxed())
    }
}

/// A host that takes requests of data subjects, with its source and its keys.
pub(crate) struct People {
    pub(crate) host: Host,
    pub(crate) crm: Arc<Crm>,
    pub(crate) keys: Arc<MemorySubjectKeys>,
}

impl People {
    pub(crate) fn new() -> Self {
        let crm = Arc::new(Crm::new());
        let now = "2026-11-26T14:32:08Z".parse().unwrap();
        let mut memory = MemoryPorts::new(now, Sources::new().with(Arc::clone(&crm)));
        let keys = Arc::new(MemorySubjectKeys::with_key("k1").unwrap());
        memory.ports = telling(memory.ports.with_subject_keys(keys.clone()), &Postbox::default());
        memory.ports.certificates = Arc::new(Pretended);
        let router = router(Services::new(&memory.ports, JobRules::default()), users());
        Self { host: Host { memory, router }, crm, keys }
    }

    /// Sends JSON to an address of requests, below `/api/v1/subjects`.
    pub(crate) async fn send(&self, user: &str, path: &str, body: &Value) -> Answer {
        self.host.send(user, Method::POST, &format!("/api/v1/subjects{path}"), body).await
    }

    /// Puts a request of the operator on record, and returns its id.
    pub(crate) async fn asked(&self, kind: &str) -> String {
        let created = self.send(OLGA, "", &asks(kind)).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        created.json()["id"].as_str().unwrap().to_owned()
    }

    /// Puts a request on record that is verified.
    pub(crate) async fn verified(&self, kind: &str) -> String {
        let id = self.asked(kind).await;
        let verified = self.send(OLGA, &format!("/{id}/verify"), &evidence()).await;
        assert_eq!(verified.status, StatusCode::OK, "{}", verified.text);
        id
    }

    /// Puts a request on record that is approved.
    pub(crate) async fn approved(&self, kind: &str) -> String {
        let id = self.verified(kind).await;
        let approved = self.send(ADA, &format!("/{id}/approve"), &Value::Null).await;
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
        id
    }

    /// Returns a request as the API shows it.
    pub(crate) async fn shown(&self, id: &str) -> Value {
        let shown = self.host.get(OLGA, &format!("/api/v1/subjects/{id}")).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        shown.json()
    }

    /// Exports the calls, and returns the execution.
    pub(crate) async fn exported(&self, title: &str) -> String {
        self.exported_to(title, &[]).await
    }

    /// Exports calls, and tells these.
    pub(crate) async fn exported_to(&self, title: &str, subscribers: &[&str]) -> String {
        let settings = json!({"title": title, "source": "crm", "type": "call", "run": "once", "timeframe": "all", "plaintext": true, "notify": subscribers});
        let job = self.host.job(ADA, settings).await;
        self.host.run().await;
        self.host.execution(&job)
    }

    /// Downloads a file of a set.
    pub(crate) async fn fetched(&self, execution: &str) {
        let artifact = self.host.get(ADA, &format!("/api/v1/artifacts?execution={execution}")).await.json();
        let artifact = artifact["items"][0]["id"].as_str().unwrap().to_owned();
        self.host.get(ADA, &format!("/api/v1/artifacts/{artifact}/content")).await;
    }
}

/// What a person asks for, in plaintext.
pub(crate) fn asks(kind: &str) -> Value {
    let identifiers = [format!("phone={PHONE}"), format!("email={EMAIL}")];
    json!({"kind": kind, "identifier": identifiers, "plaintext": kind != "erasure"})
}

pub(crate) fn evidence() -> Value {
    json!({"by": "the front desk", "how": "passport shown"})
}
