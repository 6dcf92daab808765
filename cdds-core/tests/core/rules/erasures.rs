//! Rules D3 to D7: erasures, from their approval to their end, and after a backup was restored.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::access::audit::Object;
use cdds_core::domain::access::{Action, Principal, PrincipalName, Role};
use cdds_core::domain::id::{Owner, SubjectRequestId};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::domain::subject::request::{
    Evidence, RequestKind, RequestStatus, RequestText, Scope, SubjectRequest,
};
use cdds_core::domain::subject::{
    ErasureRule, Identifier, IdentifierKind, Kept, ON_HOLD, Subject, SubjectField, SubjectMatcher,
    SubjectTask, TaskReport, TaskStanding,
};
use cdds_core::ports::catalog::SubjectStore;
use cdds_core::ports::catalog::query::AuditQuery;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, SinkErrorKind, Upload};
use cdds_core::ports::source::{
    DataType, EraseRequest, Erased, Ownership, ReadRequest, RecordStream, Source, SourceDescription,
    SourceError, SourceErrorKind, Sources,
};
use cdds_core::service::ServiceError;
use cdds_core::service::audit::Audit;
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest};
use cdds_core::testing::sink::MemorySink;
use cdds_core::testing::{MemoryPorts, MemorySubjectKeys};
use cdds_core::{Engine, Subjects, Until};
use futures::executor::block_on;
use futures::stream::{self, BoxStream, StreamExt};

use crate::rules::support::instant;

const PHONE: &str = "+49 30 123456";

/// What an erasure does instead of what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It fails, and nothing is erased.
    Fails(SourceErrorKind),
    /// It erases, and nobody hears of it.
    Unheard,
    /// It says whom it is about, which it promised not to.
    Gossips,
    /// A worker that stood still and has lost its claim erases first.
    Overtaken,
}

/// Records in memory, by type: those of calls are deleted, those of invoices kept by law, and notes are not erased.
#[derive(Debug)]
struct Crm {
    description: SourceDescription,
    records: Mutex<BTreeMap<&'static str, Vec<String>>>,
    /// What happens to erasures, dry runs aside.
    fates: Mutex<VecDeque<Fate>>,
}

impl Crm {
    fn new(id: &str) -> Self {
        let named = |name: &str| {
            DataType::new(name.parse().unwrap())
                .with_ownership(Ownership::Shared)
                .with_subject_field(SubjectField::new("phone", IdentifierKind::Phone))
        };
        let law = ErasureRule::Keep { reason: "ten years by law".to_owned() };
        let description = SourceDescription::new(id.parse().unwrap(), "CRM")
            .with_type(named("call").with_erasure(ErasureRule::Delete))
            .with_type(named("invoice").with_erasure(law))
            .with_type(named("note"))
            .with_type(DataType::new("rate".parse().unwrap()).with_ownership(Ownership::Shared));
        let crm = Self { description, records: Mutex::default(), fates: Mutex::default() };
        crm.restore();
        crm
    }

    /// Holds what it held at first.
    fn restore(&self) {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let records = BTreeMap::from([
            (
                "call",
                lines(&[
                    r#"{"phone":"0049 30 123456","n":1}"#,
                    r#"{"phone":"+49 30 9","n":2}"#,
                    r#"{"phone":["+4930123456"],"n":3}"#,
                ]),
            ),
            ("invoice", lines(&[r#"{"phone":"+4930123456"}"#])),
            ("note", lines(&[r#"{"phone":"+4930123456"}"#])),
            ("rate", lines(&[r#"{"phone":"+4930123456"}"#])),
        ]);
        *self.records.lock().unwrap() = records;
    }

    fn add(&self, data_type: &'static str, line: &str) {
        self.records.lock().unwrap().entry(data_type).or_default().push(line.to_owned());
    }

    fn count(&self, data_type: &str) -> usize {
        self.records.lock().unwrap()[data_type].len()
    }

    fn fate(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }
}

#[async_trait]
impl Source for Crm {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let data_type = self.description.data_type(&request.data_type).unwrap();
        let fate = if request.dry_run { None } else { self.fates.lock().unwrap().pop_front() };
        match fate {
            Some(Fate::Fails(kind)) => return Err(SourceError::new(kind, "planned")),
            Some(Fate::Gossips) => return Err(SourceError::invalid(format!("no row of {PHONE}"))),
            Some(Fate::Unheard | Fate::Overtaken) | None => {}
        }
        let person = SubjectMatcher::new(&data_type.subject_fields, &request.subject);
        let mut records = self.records.lock().unwrap();
        let lines = records.get_mut(request.data_type.as_str()).unwrap();
        let about = |line: &String| person.matches_line(line.as_bytes());
        if let Some(ErasureRule::Keep { reason }) = &data_type.erasure {
            let found = lines.iter().filter(|line| about(line)).count() as u64;
            return Ok(Erased::default().with_kept(reason, found));
        }
        let is_held = |line: &String| line.contains("\"hold\":true");
        let held = lines.iter().filter(|line| about(line) && is_held(line)).count() as u64;
        let erased = lines.iter().filter(|line| about(line) && !is_held(line)).count() as u64;
        if !request.dry_run {
            lines.retain(|line| !about(line) || is_held(line));
        }
        match fate {
            Some(Fate::Unheard) => Err(SourceError::interrupted("the connection broke")),
            Some(Fate::Overtaken) => Ok(Erased::default().with_kept(ON_HOLD, held)),
            _ => Ok(Erased { records: erased, kept: Vec::new() }.with_kept(ON_HOLD, held)),
        }
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

struct World {
    memory: MemoryPorts,
    keys: Arc<MemorySubjectKeys>,
    subjects: Subjects,
    crm: Arc<Crm>,
}

fn somebody(name: &str) -> Principal {
    Principal::new(PrincipalName::new(name).unwrap(), Owner::default(), Role::Administrator)
}

impl World {
    fn new() -> Self {
        Self::beside(Sources::new())
    }

    /// Has other sources, too.
    fn beside(others: Sources) -> Self {
        let crm = Arc::new(Crm::new("crm"));
        let sources = others.with(Arc::clone(&crm));
        let mut memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
        let keys = Arc::new(MemorySubjectKeys::with_key("k1").unwrap());
        memory.ports = memory.ports.with_subject_keys(keys.clone());
        Self { subjects: Subjects::new(&memory.ports), memory, keys, crm }
    }

    /// Puts a request on record that is approved.
    fn approved(&self, kind: RequestKind) -> SubjectRequest {
        let id = self.verified(kind, Scope::default());
        block_on(self.subjects.approve(&somebody("bob"), id)).unwrap()
    }

    /// Puts a request on record of a person whose identity was checked.
    fn verified(&self, kind: RequestKind, scope: Scope) -> SubjectRequestId {
        let person = Subject::new([Identifier::new(IdentifierKind::Phone, PHONE).unwrap()]).unwrap();
        let handover = kind.hands_over().then_some(NewHandover::Plaintext);
        let new = NewSubjectRequest::new(person, kind).with_handover(handover).with_scope(scope);
        let id = block_on(self.subjects.create(&somebody("ada"), &new)).unwrap().id;
        let text = |text| RequestText::new(text).unwrap();
        let evidence = Evidence { who: text("the desk"), how: text("passport shown") };
        block_on(self.subjects.verify(&somebody("ada"), id, &evidence)).unwrap();
        id
    }

    /// Runs an engine until nothing may be done at once.
    fn run(&self) {
        let engine = Engine::builder(&self.memory.ports).build();
        block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
    }

    fn stored(&self, id: SubjectRequestId) -> SubjectRequest {
        block_on(self.memory.catalog.subject_request(&Owner::default(), id)).unwrap().unwrap()
    }

    fn tasks(&self, id: SubjectRequestId) -> Vec<SubjectTask> {
        block_on(self.subjects.tasks(&somebody("ada"), id)).unwrap()
    }

    fn standings(&self, id: SubjectRequestId) -> Vec<TaskStanding> {
        self.tasks(id).iter().map(SubjectTask::standing).collect()
    }

    fn ledger(&self) -> Vec<String> {
        let listed = block_on(self.memory.sink.list(&Prefix::new("subjects"))).unwrap();
        listed.iter().map(ToString::to_string).collect()
    }

    fn reapply(&self, dry_run: bool) -> cdds_core::service::subjects::Reapplication {
        block_on(self.subjects.reapply(&somebody("bob"), dry_run)).unwrap()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    result.unwrap_err().code().to_owned()
}

use TaskStanding::{Done, Failed, OnHold, Partial, Unsupported, Waiting};

#[test]
fn d3_d4_d6_d7_an_approved_erasure_runs_to_its_end_and_tells_each_type() {
    let world = World::new();
    let approved = world.approved(RequestKind::Erasure);
    let id = approved.id;
    assert_eq!((approved.status(), world.standings(id)), (RequestStatus::Running, vec![Waiting; 3]));
    let preview = block_on(world.subjects.preview(&somebody("ada"), id)).unwrap();
    let counted = |one: &TaskReport| match one {
        TaskReport::Erased(erased) => (erased.records, erased.found()),
        _ => (0, 0),
    };
    let counts: Vec<_> = preview.iter().map(|one| counted(&one.report)).collect();
    assert_eq!(counts, [(2, 2), (0, 1), (0, 0)], "{preview:?}");
    let uncounted: Vec<_> = preview.iter().map(|one| one.not_erased).collect();
    assert_eq!(uncounted, [None, None, Some(1)], "what nobody erases is counted, too");
    let not_erased = block_on(world.subjects.not_erased(&somebody("ada"), id)).unwrap();
    assert_eq!(not_erased, [("crm".parse().unwrap(), "note".parse().unwrap())]);
    assert_eq!((preview[2].report.clone(), world.crm.count("call")), (TaskReport::Unsupported, 3));

    world.run();
    let (done, tasks) = (world.stored(id), world.tasks(id));
    assert_eq!((done.status(), world.standings(id)), (RequestStatus::Done, vec![Done, Partial, Unsupported]));
    assert_eq!((done.sealed(), done.identifiers.len()), (None, 1));
    assert_eq!((tasks[0].erased, tasks[1].kept()[0].records), (2, 1));
    assert_eq!(["call", "invoice", "note", "rate"].map(|name| world.crm.count(name)), [1, 1, 1, 1]);
    assert_eq!(world.ledger(), [format!("subjects/{id}.json")]);
    let said = format!("{:?} {:?} {:?}", done, tasks, world.memory.catalog.back_up());
    let stored: Vec<u8> = world.memory.sink.objects().into_values().flatten().collect();
    for part in ["4930123456", "123456"] {
        assert!(!said.contains(part) && !String::from_utf8_lossy(&stored).contains(part), "{part}");
    }
    assert_eq!(code(block_on(world.subjects.preview(&somebody("ada"), id))), "subject_request_state");
    assert_eq!(code(block_on(world.subjects.run(&somebody("ada"), id))), "subject_request_state");
}

#[test]
fn d3_an_erasure_that_reaches_no_type_is_not_approved() {
    let world = World::new();
    let scope = |parts: &[&str]| Scope::new(parts.iter().map(|part| part.parse().unwrap())).unwrap();
    for kind in [RequestKind::Erasure, RequestKind::Both] {
        let id = world.verified(kind, scope(&["crm/note"]));
        let preview = block_on(world.subjects.preview(&somebody("ada"), id)).unwrap();
        assert_eq!((preview.len(), preview[0].not_erased), (1, Some(1)));
        let refused = block_on(world.subjects.approve(&somebody("bob"), id)).unwrap_err();
        assert!(refused.to_string().contains("has a rule for erasures (crm/note)"), "{refused}");
        assert_eq!(
            (code::<()>(Err(refused)), world.tasks(id).len()),
            ("subject_request_state".to_owned(), 0)
        );
        assert_eq!(world.stored(id).status(), RequestStatus::Verified);
        block_on(world.subjects.withdraw(&somebody("ada"), id)).unwrap();
    }
    // A rule that keeps records answers the person as well.
    let kept = world.verified(RequestKind::Erasure, scope(&["crm/note", "crm/invoice"]));
    block_on(world.subjects.approve(&somebody("bob"), kept)).unwrap();
    assert_eq!(world.tasks(kept).len(), 2);
}

#[test]
fn d4_what_fails_is_asked_for_again_alone_and_the_request_stays_open_until_then() {
    let world = World::new();
    // Invoices are only counted, and notes not asked for, so the fate is that of calls.
    world.crm.fate(Fate::Fails(SourceErrorKind::Refused));
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    assert_eq!(world.standings(id), [Failed, Partial, Unsupported]);
    assert_eq!((world.stored(id).status(), world.crm.count("call")), (RequestStatus::Running, 3));
    assert!(world.ledger().is_empty() && world.stored(id).sealed().is_some());
    let failure = world.tasks(id)[0].work.attempts.failure.clone().unwrap();
    assert_eq!((failure.message.as_str(), failure.retryable), ("planned", false));
    world.run();
    assert_eq!(world.standings(id)[0], Failed, "nobody has asked");
    block_on(world.subjects.run(&somebody("ada"), id)).unwrap();
    let entries =
        block_on(Audit::new(&world.memory.ports).list(&somebody("bob"), &AuditQuery::default())).unwrap();
    let asked = entries.items.iter().filter(|entry| entry.action == Action::RunSubjectRequest);
    assert_eq!(
        asked.map(|entry| entry.object.clone()).collect::<Vec<_>>(),
        [Some(Object::SubjectRequest(id))]
    );
    let epochs = |at: usize| world.tasks(id)[at].work.epoch;
    let before = epochs(1);
    world.run();
    assert_eq!((world.standings(id), epochs(1)), (vec![Done, Partial, Unsupported], before));
    assert_eq!(world.stored(id).status(), RequestStatus::Done);
}

#[test]
fn d4_a_source_that_is_away_is_asked_again_by_itself_and_what_nobody_heard_of_is_counted() {
    let world = World::new();
    world.crm.fate(Fate::Fails(SourceErrorKind::Unavailable));
    world.crm.fate(Fate::Unheard);
    let id = world.approved(RequestKind::Erasure).id;
    for standing in [Waiting, Waiting, Done] {
        world.run();
        assert_eq!(world.standings(id)[0], standing);
        world.memory.clock.advance(Duration::from_secs(120));
    }
    assert_eq!(
        (world.tasks(id)[0].erased, world.crm.count("call")),
        (2, 1),
        "the second attempt has erased them"
    );
    world.run();
    assert_eq!(world.stored(id).status(), RequestStatus::Done);
}

#[test]
fn d4_what_a_worker_erases_that_has_lost_its_claim_is_counted() {
    let world = World::new();
    world.crm.fate(Fate::Overtaken);
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    assert_eq!((world.tasks(id)[0].erased, world.crm.count("call")), (2, 1));
}

#[test]
fn d5_records_on_hold_keep_a_request_open_until_they_are_released() {
    let world = World::new();
    world.crm.add("call", r#"{"phone":"+4930123456","hold":true}"#);
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    assert_eq!((world.standings(id)[0], world.crm.count("call")), (OnHold, 2));
    let held = Kept { reason: ON_HOLD.to_owned(), records: 1 };
    assert_eq!((world.tasks(id)[0].kept(), world.tasks(id)[0].erased), (&[held][..], 2));
    let day = Duration::from_secs(86_400);
    world.memory.clock.advance(day);
    world.run();
    assert_eq!((world.stored(id).status(), world.standings(id)[0]), (RequestStatus::Running, OnHold));
    // Released.
    let mut records = world.crm.records.lock().unwrap();
    records.get_mut("call").unwrap().iter_mut().for_each(|line| *line = line.replace("true", "false"));
    drop(records);
    world.memory.clock.advance(day);
    world.run();
    assert_eq!((world.stored(id).status(), world.tasks(id)[0].erased), (RequestStatus::Done, 3));
    assert_eq!(world.crm.count("call"), 1);
}

#[test]
fn d6_an_erasure_without_its_key_waits_for_it_and_a_source_that_gossips_is_not_quoted() {
    let world = World::new();
    let id = world.approved(RequestKind::Erasure).id;
    world.keys.lose();
    world.keys.add("k2").unwrap();
    world.run();
    assert_eq!((world.standings(id), world.crm.count("call")), (vec![Waiting; 3], 3));
    assert_eq!(world.tasks(id)[0].work.attempts.count, 0, "it was not even tried");
    let key = world.subjects.missing_key(&world.stored(id)).unwrap();
    assert_eq!(key.as_str(), "k1");
    world.keys.add("k1").unwrap();
    assert_eq!(world.subjects.missing_key(&world.stored(id)), None);
    world.crm.fate(Fate::Gossips);
    world.run();
    let failure = world.tasks(id)[0].work.attempts.failure.clone().unwrap();
    assert!(!failure.message.contains("123456"), "{failure:?}");
    assert_eq!(world.standings(id), [Failed, Partial, Unsupported]);
}

#[test]
fn d3_an_erasure_with_a_copy_waits_for_it_and_one_that_ends_early_is_given_up() {
    let world = World::new();
    let approved = world.approved(RequestKind::Both);
    // Without the key there is no copy.
    world.keys.lose();
    world.run();
    let id = approved.id;
    assert_eq!((world.stored(id).status(), world.crm.count("call")), (RequestStatus::Approved, 3));
    assert_eq!(world.standings(id), [TaskStanding::Waiting; 3]);
    world.keys.add("k1").unwrap();
    assert_eq!(code(block_on(world.subjects.run(&somebody("ada"), id))), "subject_request_state");
    let running = approved.clone().run(true).unwrap();
    block_on(world.memory.catalog.change_subject_request(&running, approved.version, &[])).unwrap();
    block_on(world.subjects.withdraw(&somebody("ada"), id)).unwrap();
    world.run();
    assert_eq!((world.standings(id), world.crm.count("call")), (vec![TaskStanding::Cancelled; 3], 3));
    assert!(world.ledger().is_empty());
}

#[test]
fn d3_d9_records_are_erased_once_they_are_handed_over() {
    use TaskStanding::{Done, Partial, Unsupported};
    let world = World::new();
    let id = world.approved(RequestKind::Both).id;
    world.run();
    let done = world.stored(id);
    assert_eq!((done.status(), done.sealed()), (RequestStatus::Done, None));
    assert!(done.handed_over.is_some_and(|handed| Some(handed.at) <= done.done_at()), "{done:?}");
    assert_eq!((world.standings(id), world.crm.count("call")), (vec![Done, Partial, Unsupported], 1));
    let objects = world.memory.sink.objects();
    let holds = |part: &str| objects.values().any(|bytes| String::from_utf8_lossy(bytes).contains(part));
    assert!(holds("\"n\":1") && holds("\"n\":3") && !holds("\"n\":2"), "the copy has what was erased");
}

#[test]
fn d7_what_was_erased_before_a_request_was_withdrawn_stays_erased_and_nothing_else_is() {
    for is_refused in [false, true] {
        let world = World::new();
        world.crm.add("call", r#"{"phone":"+4930123456","n":4,"hold":true}"#);
        let id = world.approved(RequestKind::Erasure).id;
        world.run();
        assert_eq!((world.standings(id)[0], world.crm.count("call")), (OnHold, 2));
        assert!(world.ledger().is_empty());
        if is_refused {
            let reason = RequestText::new("not who they said").unwrap();
            block_on(world.subjects.refuse(&somebody("bob"), id, &reason)).unwrap();
        } else {
            block_on(world.subjects.withdraw(&somebody("ada"), id)).unwrap();
        }
        assert_eq!(world.ledger(), [format!("subjects/{id}.json")]);
        for source_of in ["ledger and catalog", "the catalog alone"] {
            if source_of == "the catalog alone" {
                block_on(world.memory.sink.delete(&entry_of(id))).unwrap();
            }
            world.crm.restore();
            let done = world.reapply(false);
            let applied: Vec<_> = done.types.iter().map(|one| one.erasure.data_type.as_str()).collect();
            assert_eq!((done.erasures, applied), (1, vec!["call"]), "{source_of}");
            assert_eq!((world.crm.count("call"), done.is_whole()), (1, true), "{source_of}");
        }
    }
    // Of one that ended before anything was erased, nothing is.
    let world = World::new();
    let id = world.approved(RequestKind::Erasure).id;
    block_on(world.subjects.withdraw(&somebody("ada"), id)).unwrap();
    assert_eq!((world.reapply(false).erasures, world.ledger().len(), world.crm.count("call")), (0, 0, 3));
}

/// A store to which nothing can be written for a while.
#[derive(Debug)]
struct FullStore {
    sink: MemorySink,
    is_full: AtomicBool,
}

#[async_trait]
impl Sink for FullStore {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(SinkError::new(SinkErrorKind::Full, "no room left")),
            false => self.sink.begin(key).await,
        }
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        self.sink.read(key, from).await
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        self.sink.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        self.sink.list(prefix).await
    }
}

#[test]
fn d7_a_request_ends_only_once_its_entry_of_the_ledger_is_written() {
    let mut world = World::new();
    let store = Arc::new(FullStore { sink: world.memory.sink.clone(), is_full: AtomicBool::new(true) });
    world.memory.ports = world.memory.ports.with_sink(store.clone());
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    assert_eq!((world.stored(id).status(), world.standings(id)[0]), (RequestStatus::Running, Done));
    store.is_full.store(false, Ordering::Relaxed);
    world.memory.clock.advance(Duration::from_secs(60));
    world.run();
    assert_eq!((world.stored(id).status(), world.ledger().len()), (RequestStatus::Done, 1));
}

fn entry_of(id: SubjectRequestId) -> Key {
    Key::new(format!("subjects/{id}.json"))
}

#[test]
fn d7_erasures_are_applied_again_to_records_that_came_back_and_only_once() {
    let world = World::new();
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    for source_of in ["ledger and catalog", "the catalog alone"] {
        if source_of == "the catalog alone" {
            block_on(world.memory.sink.delete(&entry_of(id))).unwrap();
        }
        world.crm.restore();
        let dry = world.reapply(true);
        assert_eq!((dry.erasures, world.crm.count("call")), (1, 3), "{source_of}");
        let done = world.reapply(false);
        assert_eq!(done.types, dry.types, "a dry run tells what an application does: {source_of}");
        let [call, invoice, note] = &done.types[..] else { panic!("{done:?}") };
        let TaskReport::Erased(erased) = &call.erasure.report else { panic!("{call:?}") };
        assert_eq!((call.request, erased.records, world.crm.count("call")), (Some(id), 2, 1), "{source_of}");
        assert_eq!((invoice.request, &note.erasure.report), (Some(id), &TaskReport::Unsupported));
        assert!(done.is_whole());
        let again = world.reapply(false);
        let types: Vec<&str> = again.types.iter().map(|one| one.erasure.data_type.as_str()).collect();
        assert_eq!(types, ["invoice", "note"], "what stays is told again");
    }
    let entries =
        block_on(Audit::new(&world.memory.ports).list(&somebody("bob"), &AuditQuery::default())).unwrap();
    let applied = entries.items.iter().filter(|entry| entry.action == Action::ReapplyErasures).count();
    assert_eq!(applied, 4, "dry runs change nothing");
}

#[test]
fn d7_what_is_carried_out_of_an_erasure_that_goes_on_is_applied_again() {
    let erp = Arc::new(Crm::new("erp"));
    let world = World::beside(Sources::new().with(Arc::clone(&erp)));
    erp.add("call", r#"{"phone":"+4930123456","hold":true}"#);
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    assert_eq!((world.stored(id).status(), world.crm.count("call")), (RequestStatus::Running, 1));
    world.crm.restore();
    erp.restore();
    let done = world.reapply(false);
    assert!(done.is_whole() && done.erasures == 1, "{done:?}");
    assert_eq!(world.crm.count("call"), 1, "nobody asks this source again");
    assert_eq!(erp.count("call"), 3, "the erasure goes on here by itself");
    world.memory.clock.advance(Duration::from_secs(86_400));
    world.run();
    assert_eq!((world.stored(id).status(), erp.count("call")), (RequestStatus::Done, 1));
    assert_eq!(world.reapply(false).erasures, 1, "it counts once");
}

#[test]
fn d7_the_ledger_alone_brings_an_erasure_back_that_the_catalog_has_lost() {
    let world = World::new();
    let before = world.memory.catalog.back_up();
    let id = world.approved(RequestKind::Erasure).id;
    world.run();
    let restore = || {
        world.crm.restore();
        world.memory.catalog.restore(&before);
    };
    restore();
    let done = world.reapply(false);
    assert_eq!((done.erasures, world.crm.count("call")), (1, 1));
    assert!(done.types.iter().all(|one| one.request == Some(id)));
    // Another owner's records are none of this one's.
    restore();
    let other = Owner::new("other").unwrap();
    let eve = Principal::new(PrincipalName::new("eve").unwrap(), other, Role::Administrator);
    assert_eq!(block_on(world.subjects.reapply(&eve, false)).unwrap().erasures, 0);
    // A newer key hides nobody, and if the key of the hashes is missing, that is said.
    world.keys.add("k2").unwrap();
    world.reapply(false);
    assert_eq!(world.crm.count("call"), 1);
    restore();
    world.keys.lose();
    world.keys.add("k2").unwrap();
    let untold = world.reapply(false);
    assert!(!untold.is_whole() && untold.unapplied[0].why.contains("k1"), "{untold:?}");
    assert_eq!(world.crm.count("call"), 3);
    // What is no entry is named, and other files are none.
    world.keys.add("k1").unwrap();
    for (key, bytes) in
        [("subjects/x.json", "{}"), ("subjects/00000000-0000-0000-0000-000000000000.json", "{}")]
    {
        let mut upload = block_on(world.memory.sink.begin(&Key::new(key))).unwrap();
        block_on(upload.write(Bytes::from(bytes))).unwrap();
        block_on(upload.finish()).unwrap();
    }
    let untold = world.reapply(false);
    assert_eq!((untold.unapplied.len(), untold.erasures), (1, 1), "{untold:?}");
    assert!(untold.unapplied[0].what.contains("00000000") && world.crm.count("call") == 1);
}

#[test]
fn d3_an_erasure_of_types_that_name_nobody_is_not_approved() {
    let world = World::new();
    let person = Subject::new([Identifier::new(IdentifierKind::Phone, PHONE).unwrap()]).unwrap();
    let scope = Scope::new(["crm/rate".parse().unwrap()]).unwrap();
    let new = NewSubjectRequest::new(person, RequestKind::Erasure).with_scope(scope);
    let id = block_on(world.subjects.create(&somebody("ada"), &new)).unwrap().id;
    let text = |text| RequestText::new(text).unwrap();
    let evidence = Evidence { who: text("the desk"), how: text("passport shown") };
    block_on(world.subjects.verify(&somebody("ada"), id, &evidence)).unwrap();
    assert_eq!(code(block_on(world.subjects.approve(&somebody("bob"), id))), "subject_request_state");
    assert_eq!(world.stored(id).status(), RequestStatus::Verified);
}
