//! Rule D9: what a data subject is handed, from the step after which it may be until the request ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::Subjects;
use cdds_core::domain::access::link::LinkLifetime;
use cdds_core::domain::access::{Action, Actions, Principal, PrincipalName, Role};
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::execution::failure::FailureKind;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{JobId, Owner, SubjectRequestId};
use cdds_core::domain::job::{JobSettings, Protection};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::domain::subject::request::{
    Evidence, HandedOver, Handover, RequestKind, RequestStatus, RequestText, SubjectRequest,
};
use cdds_core::domain::subject::{ErasureRule, Identifier, IdentifierKind, Subject, SubjectField};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::SubjectStore;
use cdds_core::ports::catalog::query::ArtifactQuery;
use cdds_core::ports::source::{DataType, Ownership, SourceDescription, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest};
use cdds_core::testing::{MemoryPorts, MemorySubjectKeys, PreparedSource};
use futures::executor::block_on;

use crate::rules::encrypted_for::{Open, print};
use crate::rules::support::{daily, instant, settings};

const PHONE: &str = "+49 30 7654321";

struct World {
    memory: MemoryPorts,
    keys: Arc<MemorySubjectKeys>,
    subjects: Subjects,
}

fn data_type(id: &str, field: &str) -> DataType {
    let shared = DataType::new(id.parse().unwrap()).with_ownership(Ownership::Shared);
    let named = shared.with_subject_field(SubjectField::new(field, IdentifierKind::Phone));
    named.with_erasure(ErasureRule::Delete)
}

/// A source of one type with these records, each in a folder of its own.
fn source(id: &str, title: &str, data_type: DataType, records: &[&str]) -> Arc<PreparedSource> {
    let mut batch = RecordBatchBuilder::new();
    for (number, record) in records.iter().enumerate() {
        let folder = Place::Folder(format!("{}/{number}", data_type.id).as_str().into());
        batch.raw_line(&folder, record.as_bytes()).unwrap();
    }
    let description = SourceDescription::new(id.parse().unwrap(), title).with_type(data_type);
    let prices = DataType::new("price".parse().unwrap()).with_ownership(Ownership::Shared);
    Arc::new(PreparedSource::new(description.with_type(prices), vec![batch.take()]))
}

fn somebody(name: &str, role: Role) -> Principal {
    Principal::new(PrincipalName::new(name).unwrap(), Owner::default(), role)
}

fn ada() -> Principal {
    somebody("ada", Role::Administrator)
}

fn bob() -> Principal {
    somebody("bob", Role::Administrator)
}

fn asks(kind: RequestKind, handover: NewHandover) -> NewSubjectRequest {
    let phone = Identifier::new(IdentifierKind::Phone, PHONE).unwrap();
    NewSubjectRequest::new(Subject::new([phone]).unwrap(), kind).with_handover(handover)
}

fn code<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    result.unwrap_err().code().to_owned()
}

impl World {
    fn new() -> Self {
        let calls = [
            r#"{"caller":"+49 40 1","n":1}"#,
            r#"{"caller":"0049 (0)30 765 43 21","n":2}"#,
            r#"{"caller":"+49307654321","n":3}"#,
        ];
        let sources = Sources::new()
            .with(source("crm", "Customers <b>", data_type("call", "caller"), &calls))
            .with(source("shop", "Shop", data_type("call", "phone"), &[r#"{"phone":"+49 30 7654321"}"#]))
            .with(source("tape", "Tape", data_type("note", "of"), &[r#"{"of":"+49 40 1"}"#]))
            .with_unsupported("mart".parse().unwrap(), "Mart", "old");
        let mut memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
        let keys = Arc::new(MemorySubjectKeys::with_key("k1").unwrap());
        memory.ports = memory.ports.with_subject_keys(keys.clone()).with_certificates(Arc::new(Open));
        Self { subjects: Subjects::new(&memory.ports), memory, keys }
    }

    /// Takes a request as far as its copy may be made.
    fn ready(&self, kind: RequestKind, handover: NewHandover) -> SubjectRequest {
        let id = block_on(self.subjects.create(&ada(), &asks(kind, handover))).unwrap().id;
        let text = |text| RequestText::new(text).unwrap();
        let evidence = Evidence { who: text("desk"), how: text("passport") };
        let verified = block_on(self.subjects.verify(&bob(), id, &evidence)).unwrap();
        match kind {
            RequestKind::Both => block_on(self.subjects.approve(&bob(), id)).unwrap(),
            _ => verified,
        }
    }

    fn plain(&self) -> SubjectRequest {
        self.ready(RequestKind::Access, NewHandover::Plaintext)
    }

    /// Runs everything that is due, retries included.
    fn run(&self) {
        let engine = Engine::builder(&self.memory.ports).build();
        block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    }

    fn stored(&self, id: SubjectRequestId) -> SubjectRequest {
        block_on(self.memory.catalog.subject_request(&Owner::default(), id)).unwrap().unwrap()
    }

    /// Returns the executions of a request's job, the first one first.
    fn executions(&self, request: &SubjectRequest) -> Vec<Execution> {
        let mut all = self.memory.catalog.record();
        all.retain(|execution| execution.settings.request == Some(request.id));
        all.sort_by_key(|execution| execution.created_at);
        all
    }

    /// Returns the files of the only set: each path with its contents.
    fn files(&self, execution: &Execution) -> BTreeMap<String, String> {
        let artifacts = Artifacts::new(&self.memory.ports);
        let set = block_on(artifacts.set(&ada(), execution.id)).unwrap();
        let mut archive = Vec::new();
        for part in &set.artifacts {
            archive.extend(block_on(async {
                artifacts.download(&ada(), part.id, 0).await.unwrap().collect().await.unwrap()
            }));
        }
        let (mut rest, mut files) = (archive.as_slice(), BTreeMap::new());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = std::str::from_utf8(&rest[..end]).unwrap();
            let (length, path) = head.split_once(' ').unwrap();
            let (contents, behind) = rest[end + 1..].split_at(length.parse().unwrap());
            files.insert(path.to_owned(), String::from_utf8(contents.to_vec()).unwrap());
            rest = behind;
        }
        files
    }

    fn manifest(&self, execution: &Execution) -> serde_json::Value {
        let artifacts = Artifacts::new(&self.memory.ports);
        let json = block_on(async {
            artifacts.download_manifest(&ada(), execution.id).await.unwrap().collect().await.unwrap()
        });
        serde_json::from_slice(&json).unwrap()
    }
}

#[test]
fn d9_a_verified_request_for_access_is_answered_by_one_set_over_all_sources_and_is_done() {
    let world = World::new();
    let request = world.plain();
    let [waiting] = world.executions(&request).try_into().unwrap();
    assert_eq!((waiting.status(), waiting.job_id), (Status::Queued, request.job_id()));
    world.run();
    let [execution] = world.executions(&request).try_into().unwrap();
    assert_eq!(execution.status(), Status::Finished, "{execution:?}");
    let done = world.stored(request.id);
    let at = execution.finished_at.unwrap();
    assert_eq!((done.status(), done.done_at(), done.sealed()), (RequestStatus::Done, Some(at), None));
    assert_eq!(done.handed_over, Some(HandedOver { execution: execution.id, at }));

    let files = world.files(&execution);
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(paths, ["crm/call/call-00001.json", "index.html", "shop/call/call-00001.json"]);
    let calls = &files["crm/call/call-00001.json"];
    assert_eq!(calls.lines().count(), 2, "of all folders in one file: {calls}");
    assert!(calls.contains("\"n\":2") && calls.contains("\"n\":3"), "{calls}");
    let page = &files["index.html"];
    for part in [
        "<strong>3 records</strong> about you in 2 files",
        "<h2>Customers &lt;b&gt;</h2>",
        "<a href=\"shop/call/call-00001.json\">",
        "<th scope=\"row\">note<td class=\"n\">0<td>none",
        "<li>Customers &lt;b&gt;, price: its records name nobody",
        "<li>Mart: it cannot be read",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("7654321") && !page.contains("Customers <b>"), "{page}");

    let manifest = world.manifest(&execution);
    assert_eq!((&manifest["files"], &manifest["records"]), (&3.into(), &3.into()));
    let by_source = serde_json::json!({"crm": {"call": 2}, "shop": {"call": 1}, "tape": {"note": 0}});
    assert_eq!(manifest["records_by_source"], by_source);
    assert_eq!(manifest["settings"]["request"], request.id.to_string());
    assert!(!manifest.to_string().contains("7654321"), "{manifest}");
    let backup = format!("{:?}", world.memory.catalog.back_up());
    assert!(!backup.contains("7654321") && !backup.contains("30 765"), "{backup}");
}

#[test]
fn a6_d9_the_same_records_give_the_same_copy() {
    let copy = |handover: NewHandover| {
        let world = World::new();
        let request = world.ready(RequestKind::Access, handover);
        world.run();
        let [execution] = world.executions(&request).try_into().unwrap();
        (world.files(&execution), execution.window.end())
    };
    let (one, other) = (copy(NewHandover::Plaintext), copy(NewHandover::Certificate(b"cert".to_vec())));
    assert_eq!(one, other);
    assert!(one.0["index.html"].contains("1 March 2026 at 12:00 UTC"), "{}", one.0["index.html"]);
}

#[test]
fn d9_a_person_of_whom_nothing_is_known_is_told_so() {
    let world = World::new();
    let phone = Identifier::new(IdentifierKind::Phone, "+1 555 0100").unwrap();
    let new = NewSubjectRequest::new(Subject::new([phone]).unwrap(), RequestKind::Access)
        .with_handover(NewHandover::Plaintext);
    let id = block_on(world.subjects.create(&ada(), &new)).unwrap().id;
    let text = |text| RequestText::new(text).unwrap();
    let evidence = Evidence { who: text("desk"), how: text("passport") };
    let request = block_on(world.subjects.verify(&bob(), id, &evidence)).unwrap();
    world.run();
    let [execution] = world.executions(&request).try_into().unwrap();
    let files = world.files(&execution);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["index.html"]);
    assert!(files["index.html"].contains("No record about you was found."), "{}", files["index.html"]);
    assert_eq!(world.stored(id).status(), RequestStatus::Done);
}

#[test]
fn d9_what_is_to_be_erased_too_is_handed_over_first() {
    let world = World::new();
    let request = world.ready(RequestKind::Both, NewHandover::Plaintext);
    world.run();
    let [execution] = world.executions(&request).try_into().unwrap();
    // The sources of this world do not erase, whatever rule they declare, which answers the erasure.
    let done = world.stored(request.id);
    assert_eq!(done.handed_over.map(|handed| handed.execution), Some(execution.id));
    assert_eq!((done.status(), done.sealed()), (RequestStatus::Done, None));
    assert!(done.handed_over.map(|handed| handed.at) <= done.done_at(), "{done:?}");
    // An erasure alone hands nothing over.
    let phone = Identifier::new(IdentifierKind::Phone, "+1 555 0100").unwrap();
    let new = NewSubjectRequest::new(Subject::new([phone]).unwrap(), RequestKind::Erasure);
    let erasure = block_on(world.subjects.create(&ada(), &new)).unwrap();
    assert_eq!(world.executions(&erasure), []);
    let refused = block_on(world.subjects.create(&ada(), &new.with_handover(NewHandover::Plaintext)));
    assert_eq!(code(refused), "invalid_subject_request");
}

#[test]
fn d9_a_copy_is_sealed_for_the_certificate_that_came_with_the_request() {
    let world = World::new();
    let certificate = "CN=Ada Lovelace";
    let request = world.ready(RequestKind::Access, NewHandover::Certificate(certificate.as_bytes().to_vec()));
    assert_eq!(request.handover, Some(Handover::Sealed { fingerprint: print(certificate) }));
    // It may name the person, so it is nowhere in the clear.
    assert!(!format!("{:?}", world.memory.catalog.back_up()).contains("Lovelace"));
    world.run();
    let [execution] = world.executions(&request).try_into().unwrap();
    let manifest = world.manifest(&execution);
    assert_eq!(manifest["recipients"][0]["fingerprint"], print(certificate));
    assert_eq!(manifest["settings"]["protection"], "certificate");
    assert!(manifest["parts"][0]["name"].as_str().unwrap().ends_with(".smime"), "{manifest}");
    assert!(!manifest.to_string().contains("Lovelace"), "{manifest}");
    // Nobody else's job is sealed that way, and none is plaintext for want of a name.
    let handed = Protection::Handed { fingerprint: print(certificate) };
    let jobs = Jobs::new(&world.memory.ports, JobRules::default());
    let own = |settings: JobSettings| {
        settings.with_source("crm".parse().unwrap()).with_data_type("call".parse().unwrap())
    };
    let refused = block_on(jobs.submit(&ada(), own(settings(daily("02:00"), "all")).with_protection(handed)));
    assert_eq!(code(refused), "subject_job");
    let refused =
        block_on(jobs.submit(&ada(), own(settings(daily("02:00"), "all")).with_request(request.id)));
    assert_eq!(code(refused), "subject_job");
}

#[test]
fn d9_a_request_that_could_ask_nobody_is_refused_at_once() {
    let world = World::new();
    let asks = |kind: &str, parts: &[&str]| {
        let identifier = Identifier::new(kind.parse().unwrap(), "17").unwrap();
        let scope = parts.iter().map(|part| part.parse().unwrap());
        let new = NewSubjectRequest::new(Subject::new([identifier]).unwrap(), RequestKind::Access)
            .with_handover(NewHandover::Plaintext)
            .with_scope(cdds_core::domain::subject::request::Scope::new(scope).unwrap());
        block_on(world.subjects.create(&ada(), &new))
    };
    assert_eq!(code(asks("customer-id", &[])), "invalid_subject_request");
    assert_eq!(code(asks("phone", &["crm/price"])), "invalid_subject_request");
    asks("phone", &["crm/price", "shop"]).unwrap();
    let new = NewSubjectRequest::new(
        Subject::new([Identifier::new(IdentifierKind::Phone, "18").unwrap()]).unwrap(),
        RequestKind::Access,
    );
    assert_eq!(code(block_on(world.subjects.create(&ada(), &new))), "invalid_subject_request");
}

#[test]
fn d9_without_the_key_it_is_tried_again_and_once_the_key_is_back_it_can_be_run_again() {
    let world = World::new();
    let request = world.plain();
    world.keys.lose();
    world.run();
    let [failed] = world.executions(&request).try_into().unwrap();
    assert_eq!((failed.status(), failed.attempts.len()), (Status::Failed, 5), "{failed:?}");
    let latest = block_on(world.subjects.export(&ada(), request.id)).unwrap().unwrap();
    let failure = latest.failure.unwrap();
    assert_eq!((failure.kind, latest.id), (FailureKind::Missing, failed.id));
    assert!(failure.message.contains("cannot open the identifiers"), "{}", failure.message);
    assert_eq!(world.stored(request.id), request);

    // The execution by which it goes on cannot be deleted.
    let history = History::new(&world.memory.ports);
    let deleted = block_on(history.delete(&ada(), failed.id, WithArtifacts::Keep));
    assert_eq!(code(deleted), "subject_job");
    world.keys.add("k1").unwrap();
    world.memory.clock.advance(Duration::from_secs(1));
    let again = block_on(history.rerun(&ada(), failed.id)).unwrap();
    world.run();
    let done = world.stored(request.id);
    assert_eq!((done.status(), done.handed_over.unwrap().execution), (RequestStatus::Done, again.id));
    block_on(history.delete(&ada(), failed.id, WithArtifacts::Keep)).unwrap();
    assert_eq!(code(block_on(history.rerun(&ada(), again.id))), "cannot_rerun");
}

#[test]
fn d9_nothing_is_handed_over_of_a_request_that_has_ended_meanwhile() {
    let world = World::new();
    let request = world.plain();
    block_on(world.subjects.withdraw(&ada(), request.id)).unwrap();
    world.run();
    let [failed] = world.executions(&request).try_into().unwrap();
    assert_eq!((failed.status(), failed.attempts.len()), (Status::Failed, 1), "{failed:?}");
    assert!(block_on(world.subjects.export(&ada(), request.id)).unwrap().unwrap().failure.is_some());
    assert_eq!(world.memory.sink.objects().len(), 0);
    assert_eq!(world.stored(request.id).status(), RequestStatus::Withdrawn);
    // The person may ask again.
    let again = world.plain();
    world.run();
    assert_eq!(world.stored(again.id).status(), RequestStatus::Done);
}

#[test]
fn d9_the_job_of_a_request_is_seen_and_neither_changed_nor_copied() {
    let world = World::new();
    let request = world.plain();
    let jobs = Jobs::new(&world.memory.ports, JobRules::default());
    let history = History::new(&world.memory.ports);
    let (by, id) = (ada(), request.job_id());
    let refuses = |jobs: &Jobs, id: JobId| {
        let edit = EditRequest::new(settings(daily("02:00"), "all"));
        let answers = [
            code(block_on(jobs.draft(&by, id))),
            code(block_on(jobs.suspend(&by, id))),
            code(block_on(jobs.resume(&by, id))),
            code(block_on(jobs.bring_back(&by, id))),
            code(block_on(jobs.edit(&by, id, &edit))),
            code(block_on(jobs.delete(&by, id))),
        ];
        assert!(answers.iter().all(|code| code == "subject_job"), "{answers:?}");
        let now = instant("2026-03-01T12:00:00Z");
        let others =
            [code(block_on(jobs.run_now(&by, id))), code(block_on(jobs.backfill(&by, id, now, now)))];
        assert_eq!(others, ["recurring_only", "recurring_only"]);
    };
    refuses(&jobs, id);
    assert_eq!(
        block_on(jobs.show(&by, id)).unwrap().job.settings.title.as_str(),
        format!("Request {}", request.id)
    );
    world.run();
    refuses(&jobs, id);
    let [execution] = world.executions(&request).try_into().unwrap();
    assert_eq!(code(block_on(history.draft(&by, execution.id))), "subject_job");
    // A cancelled one is as good as one that failed.
    let other = world.plain();
    let [waiting] = world.executions(&other).try_into().unwrap();
    block_on(history.cancel(&by, waiting.id)).unwrap();
    world.memory.clock.advance(Duration::from_secs(1));
    block_on(history.rerun(&by, waiting.id)).unwrap();
    world.run();
    assert_eq!(world.stored(other.id).status(), RequestStatus::Done);
}

#[test]
fn d9_c1_a_copy_is_fetched_by_those_alone_who_may_see_requests_and_download() {
    let world = World::new();
    let request = world.plain();
    world.run();
    let [execution] = world.executions(&request).try_into().unwrap();
    let artifacts = Artifacts::new(&world.memory.ports);
    let part = block_on(artifacts.list(&ada(), &ArtifactQuery::default())).unwrap().items.remove(0).artifact;
    let name = || PrincipalName::new("eve").unwrap();
    let chosen =
        |actions: Actions| Principal::new(name(), Owner::default(), Role::Viewer).with_actions(actions);
    let all = Role::Administrator.actions();
    let fetched = |by: &Principal| {
        [
            block_on(artifacts.download(by, part.id, 0)).map(drop),
            block_on(artifacts.link(by, part.id, LinkLifetime::default())).map(drop),
            block_on(artifacts.download_manifest(by, execution.id)).map(drop),
        ]
        .map(|answer| answer.err().map_or("given".to_owned(), |error| error.code().to_owned()))
    };
    let by = |owner: &str, role| Principal::new(name(), Owner::new(owner).unwrap(), role);
    for (by, answer) in [
        (by("default", Role::Viewer), "forbidden"),
        (by("default", Role::Operator), "given"),
        (by("default", Role::Administrator), "given"),
        (by("north", Role::Viewer), "forbidden"),
        (by("north", Role::Operator), "not_found"),
        (by("north", Role::Administrator), "not_found"),
        (chosen(all.without(Action::SeeSubjectRequests)), "forbidden"),
        (chosen(all.without(Action::Download)), "forbidden"),
        (chosen(Actions::NONE.with(Action::Download).with(Action::SeeSubjectRequests)), "given"),
    ] {
        assert_eq!(fetched(&by), [answer; 3], "{by:?}");
    }
}
