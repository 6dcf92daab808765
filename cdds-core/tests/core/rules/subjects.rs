//! Rules D2, D3, D6, D8: requests of data subjects, as services carry them out.

use std::sync::Arc;
use std::time::Duration;

use cdds_core::Subjects;
use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::access::{Action, Principal, PrincipalName, Role};
use cdds_core::domain::id::{Owner, SubjectRequestId};
use cdds_core::domain::request::RequestKey;
use cdds_core::domain::subject::request::{
    Evidence, RequestKind, RequestStatus, RequestText, Scope, SubjectRequest,
};
use cdds_core::domain::subject::{ErasureRule, Identifier, IdentifierKind, Subject, SubjectField};
use cdds_core::domain::violation::Code;
use cdds_core::ports::catalog::SubjectStore;
use cdds_core::ports::catalog::query::{AuditColumn, AuditQuery, Sort, SubjectRequestQuery};
use cdds_core::ports::source::{DataType, Ownership, SourceDescription, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::audit::Audit;
use cdds_core::service::subjects::{ExpectedSubjectRequest, NewHandover, NewSubjectRequest};
use cdds_core::testing::{MemoryPorts, MemorySubjectKeys, PreparedSource};
use futures::executor::block_on;
use uuid::Uuid;

use crate::rules::support::instant;

struct World {
    memory: MemoryPorts,
    keys: Arc<MemorySubjectKeys>,
    subjects: Subjects,
}

const PHONE: &str = "+49 30 123456";
const EMAIL: &str = "Ada.Lovelace@Example.com";

fn person() -> Subject {
    let identifier = |kind: &str, value| Identifier::new(kind.parse().unwrap(), value).unwrap();
    Subject::new([identifier("phone", PHONE), identifier("email", EMAIL)]).unwrap()
}

fn asks(kind: RequestKind) -> NewSubjectRequest {
    NewSubjectRequest::new(person(), kind).with_handover(kind.hands_over().then_some(NewHandover::Plaintext))
}

fn somebody(name: &str, owner: &str, role: Role) -> Principal {
    Principal::new(PrincipalName::new(name).unwrap(), Owner::new(owner).unwrap(), role)
}

fn ada() -> Principal {
    somebody("ada", "default", Role::Administrator)
}

fn bob() -> Principal {
    somebody("bob", "default", Role::Administrator)
}

fn text(text: &str) -> RequestText {
    RequestText::new(text).unwrap()
}

fn evidence(how: &str) -> Evidence {
    Evidence { who: text("the desk"), how: text(how) }
}

impl World {
    fn new() -> Self {
        let named = SubjectField::new("phone", IdentifierKind::Phone);
        let contact = DataType::new("contact".parse().unwrap())
            .with_ownership(Ownership::Shared)
            .with_erasure(ErasureRule::Delete);
        let description = SourceDescription::new("crm".parse().unwrap(), "CRM");
        let source =
            PreparedSource::new(description.with_type(contact.with_subject_field(named)), Vec::new());
        let sources =
            Sources::new().with(Arc::new(source)).with_unsupported("mart".parse().unwrap(), "Mart", "old");
        let mut memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
        let keys = Arc::new(MemorySubjectKeys::with_key("k1").unwrap());
        memory.ports = memory.ports.with_subject_keys(keys.clone());
        Self { subjects: Subjects::new(&memory.ports), memory, keys }
    }

    fn created(&self, kind: RequestKind) -> SubjectRequest {
        self.memory.clock.advance(Duration::from_secs(1));
        block_on(self.subjects.create(&ada(), &asks(kind))).unwrap()
    }

    fn stored(&self, id: SubjectRequestId) -> SubjectRequest {
        block_on(self.memory.catalog.subject_request(&Owner::default(), id)).unwrap().unwrap()
    }

    fn audit(&self) -> Vec<AuditRecord> {
        let oldest = Sort { column: AuditColumn::At, descending: false };
        let audit = Audit::new(&self.memory.ports);
        block_on(audit.list(&ada(), &AuditQuery::default().with_sort(oldest))).unwrap().items
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    result.unwrap_err().code().to_owned()
}

#[test]
fn d2_a_request_chooses_from_the_sources_that_there_are() {
    let world = World::new();
    let create = |part: &str| {
        let scope = Scope::new([part.parse().unwrap()]).unwrap();
        block_on(world.subjects.create(&ada(), &asks(RequestKind::Access).with_scope(scope)))
    };
    for (part, code) in
        [("none", Code::UnknownSource), ("mart", Code::UnsupportedSource), ("crm/none", Code::UnknownType)]
    {
        assert_eq!(create(part).unwrap_err().code(), code.as_str(), "{part}");
    }
    assert_eq!(create("crm/contact").unwrap().scope.to_string(), "crm/contact");
    let late = asks(RequestKind::Erasure).with_due_at(instant("2027-03-02T00:00:00Z"));
    assert_eq!(code(block_on(world.subjects.create(&ada(), &late))), "invalid_subject_request");
}

#[test]
fn d3_c2_each_step_is_stored_with_its_entry_and_its_principal() {
    let world = World::new();
    let subjects = &world.subjects;
    let id = world.created(RequestKind::Both).id;
    let tick = || world.memory.clock.advance(Duration::from_secs(1));
    tick();
    let cyd = somebody("cyd", "default", Role::Operator);
    block_on(subjects.verify(&cyd, id, &evidence("passport"))).unwrap();
    tick();
    assert_eq!(code(block_on(subjects.approve(&ada(), id))), "own_subject_request");
    block_on(subjects.approve(&bob(), id)).unwrap();
    tick();
    block_on(subjects.extend(&cyd, id, None)).unwrap();
    tick();
    let refused = block_on(subjects.refuse(&bob(), id, &text("not our customer"))).unwrap();
    assert_eq!(refused, world.stored(id));
    assert_eq!(code(block_on(subjects.withdraw(&ada(), id))), "subject_request_state");
    let done: Vec<_> = world
        .audit()
        .into_iter()
        .map(|entry| {
            assert_eq!((entry.object, entry.outcome), (Some(Object::SubjectRequest(id)), Outcome::Done));
            (entry.action, entry.principal.to_string(), entry.version_before, entry.version_after)
        })
        .collect();
    let step =
        |action, name: &str, after| (action, name.to_owned(), (after > 1).then(|| after - 1), Some(after));
    assert_eq!(
        done,
        [
            step(Action::CreateSubjectRequest, "ada", 1),
            step(Action::VerifySubjectRequest, "cyd", 2),
            step(Action::ApproveSubjectRequest, "bob", 3),
            step(Action::ExtendSubjectRequest, "cyd", 4),
            step(Action::RefuseSubjectRequest, "bob", 5),
        ]
    );
    let names =
        [&refused.received, &refused.verified.as_ref().unwrap().1, refused.approved.as_ref().unwrap()];
    assert_eq!(names.map(|step| step.by.to_string()), ["ada", "cyd", "bob"]);
}

#[test]
fn d6_nothing_of_an_identifier_is_in_the_clear_in_catalog_audit_answers_or_errors() {
    let world = World::new();
    let subjects = &world.subjects;
    let open = world.created(RequestKind::Both);
    block_on(subjects.verify(&bob(), open.id, &evidence("passport"))).unwrap();
    let mut said = vec![format!("{:?}", block_on(subjects.show(&ada(), open.id)))];
    said.push(format!("{:?}", block_on(subjects.create(&ada(), &asks(RequestKind::Access)))));
    said.push(format!(
        "{:?}",
        block_on(subjects.refuse(&bob(), open.id, &text("wrote from ada.lovelace@example.com")))
    ));
    said.push(format!("{:?}", world.audit()));
    let stored = world.stored(open.id);
    said.push(String::from_utf8_lossy(&stored.sealed().unwrap().bytes).into_owned());
    said.push(format!("{:?}", world.memory.catalog.back_up()));
    for text in &said {
        for part in ["4930123456", "30 123456", "lovelace", "Lovelace"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
    assert_eq!(stored.identifiers.len(), 2);
    block_on(subjects.withdraw(&ada(), open.id)).unwrap();
    let ended = world.stored(open.id);
    assert_eq!((ended.sealed(), &ended.identifiers), (None, &stored.identifiers));
}

#[test]
fn d6_identifiers_of_one_request_open_for_no_other() {
    let world = World::new();
    let one = world.created(RequestKind::Both);
    let other = NewSubjectRequest::new(
        Subject::new([Identifier::new("phone".parse().unwrap(), "1").unwrap()]).unwrap(),
        RequestKind::Access,
    )
    .with_handover(NewHandover::Plaintext);
    let other = block_on(world.subjects.create(&ada(), &other)).unwrap();
    // Somebody with access to the catalog exchanges what is sealed.
    let swapped = SubjectRequest { state: one.state.clone(), version: 2, ..other.clone() };
    block_on(world.memory.catalog.change_subject_request(&swapped, 1, &[])).unwrap();
    let refused = block_on(world.subjects.verify(&bob(), other.id, &evidence("passport")));
    assert_eq!(code(refused), "subject_keys_failed");
    assert_eq!(world.stored(other.id).status(), RequestStatus::Received);
}

#[test]
fn d6_without_its_key_a_request_is_withdrawn_and_nothing_more() {
    let world = World::new();
    let id = world.created(RequestKind::Both).id;
    world.keys.lose();
    let subjects = &world.subjects;
    assert_eq!(code(block_on(subjects.create(&ada(), &asks(RequestKind::Access)))), "subject_key_missing");
    assert_eq!(code(block_on(subjects.verify(&ada(), id, &evidence("passport")))), "subject_key_missing");
    // Another key does not help.
    world.keys.add("k2").unwrap();
    assert_eq!(code(block_on(subjects.verify(&ada(), id, &evidence("passport")))), "subject_key_missing");
    assert_eq!(code(block_on(subjects.refuse(&bob(), id, &text("unknown")))), "subject_key_missing");
    assert_eq!(world.stored(id).version, 1, "nothing was changed");
    let withdrawn = block_on(subjects.withdraw(&ada(), id)).unwrap();
    assert_eq!(withdrawn.status(), RequestStatus::Withdrawn);
    world.keys.add("k1").unwrap();
    block_on(subjects.create(&ada(), &asks(RequestKind::Access))).unwrap();
}

#[test]
fn d8_a_repeated_request_is_refused_with_the_id_of_the_open_one_also_under_a_newer_key() {
    let world = World::new();
    let open = world.created(RequestKind::Both);
    let again = || block_on(world.subjects.create(&bob(), &asks(RequestKind::Erasure)));
    let before = world.audit().len();
    for round in 0..2 {
        let refused = again().unwrap_err();
        assert_eq!(refused.code(), "subject_request_repeated");
        assert!(refused.to_string().contains(&open.id.to_string()), "{refused}");
        assert_eq!(world.audit().len(), before, "nothing is stored, round {round}");
        world.keys.add("k2").unwrap();
    }
    // The same spelling is not needed, and another owner's request is none of theirs.
    let spelled =
        Subject::new([Identifier::new("phone".parse().unwrap(), "0049 (30) 12 34 56").unwrap()]).unwrap();
    let new = NewSubjectRequest::new(spelled, RequestKind::Access).with_handover(NewHandover::Plaintext);
    assert_eq!(code(block_on(world.subjects.create(&ada(), &new))), "subject_request_repeated");
    let stranger = somebody("eve", "other", Role::Operator);
    let theirs = block_on(world.subjects.create(&stranger, &asks(RequestKind::Both))).unwrap();
    let hashes = |request: &SubjectRequest| -> Vec<_> {
        request.identifiers.iter().map(|one| one.hash.clone()).collect()
    };
    assert!(hashes(&theirs).iter().all(|hash| !hashes(&open).contains(hash)), "owners share no hash");
    block_on(world.subjects.withdraw(&ada(), open.id)).unwrap();
    again().unwrap();
}

#[test]
fn d2_j15_c1_requests_are_their_owners_alone_and_each_step_needs_its_action() {
    let world = World::new();
    let subjects = &world.subjects;
    let id = world.created(RequestKind::Both).id;
    for stranger in ["other", "another"].map(|owner| somebody("ada", owner, Role::Administrator)) {
        for known in [id, SubjectRequestId(Uuid::nil())] {
            let answers = [
                block_on(subjects.show(&stranger, known)),
                block_on(subjects.verify(&stranger, known, &evidence("passport"))),
                block_on(subjects.approve(&stranger, known)),
                block_on(subjects.extend(&stranger, known, None)),
                block_on(subjects.refuse(&stranger, known, &text("unknown"))),
                block_on(subjects.withdraw(&stranger, known)),
            ];
            for answer in answers {
                let error = answer.unwrap_err();
                assert_eq!((error.code(), error.http_status()), ("not_found", 404), "{error}");
            }
        }
        let page = block_on(subjects.list(&stranger, &SubjectRequestQuery::default())).unwrap();
        assert!(page.items.is_empty());
    }
    let viewer = somebody("vic", "default", Role::Viewer);
    let operator = somebody("ola", "default", Role::Operator);
    assert_eq!(code(block_on(subjects.list(&viewer, &SubjectRequestQuery::default()))), "forbidden");
    assert_eq!(code(block_on(subjects.create(&viewer, &asks(RequestKind::Access)))), "forbidden");
    assert_eq!(block_on(subjects.list(&operator, &SubjectRequestQuery::default())).unwrap().items.len(), 1);
    block_on(subjects.verify(&operator, id, &evidence("passport"))).unwrap();
    assert_eq!(code(block_on(subjects.approve(&operator, id))), "forbidden");
    assert_eq!(code(block_on(subjects.refuse(&operator, id, &text("unknown")))), "forbidden");
    assert_eq!(world.stored(id).status(), RequestStatus::Verified);
}

#[test]
fn d3_a_step_is_refused_if_its_author_has_not_seen_the_one_before() {
    let world = World::new();
    let subjects = &world.subjects;
    let id = world.created(RequestKind::Erasure).id;
    let seen = |version: u64| ExpectedSubjectRequest::from(id).with_if_version(version);
    block_on(subjects.verify(&ada(), seen(1), &evidence("passport"))).unwrap();
    let stale = [
        block_on(subjects.approve(&bob(), seen(1))),
        block_on(subjects.extend(&bob(), seen(1), None)),
        block_on(subjects.refuse(&bob(), seen(1), &text("no"))),
        block_on(subjects.withdraw(&bob(), seen(3))),
        block_on(subjects.run(&bob(), seen(1))),
    ];
    for refused in stale {
        assert_eq!(code(refused), "version_overtaken");
    }
    assert_eq!(world.stored(id).version, 2);
    assert_eq!(world.audit().len(), 2, "what was refused left nothing");
    assert_eq!(block_on(subjects.approve(&bob(), seen(2))).unwrap().version, 4);
}

#[test]
fn j18_a_request_that_is_sent_again_with_its_key_is_answered_by_the_first_one() {
    let world = World::new();
    let keyed = |new: NewSubjectRequest| {
        block_on(world.subjects.create(&ada(), &new.with_key(RequestKey::new("k-1", b"").unwrap())))
    };
    let first = keyed(asks(RequestKind::Access)).unwrap();
    // Also after a step, and under a newer key of the service.
    block_on(world.subjects.verify(&bob(), first.id, &evidence("passport"))).unwrap();
    world.keys.add("k2").unwrap();
    let again = keyed(asks(RequestKind::Access)).unwrap();
    assert_eq!((again.id, again.version), (first.id, 2));
    assert_eq!(world.audit().len(), 2, "nothing was put on record again");
    let other = Subject::new([Identifier::new(IdentifierKind::Phone, "+49 30 99").unwrap()]).unwrap();
    let other =
        NewSubjectRequest::new(other, RequestKind::Access).with_handover(Some(NewHandover::Plaintext));
    let scoped = asks(RequestKind::Access).with_scope(Scope::new(["crm".parse().unwrap()]).unwrap());
    let due = asks(RequestKind::Access).with_due_at(instant("2026-04-20T00:00:00Z"));
    for new in [asks(RequestKind::Erasure), other, scoped, due] {
        assert_eq!(code(keyed(new)), "request_key_used");
    }
    // Once it has ended, the key still belongs to it.
    block_on(world.subjects.withdraw(&ada(), first.id)).unwrap();
    assert_eq!(keyed(asks(RequestKind::Access)).unwrap().status(), RequestStatus::Withdrawn);
    let elsewhere = somebody("eve", "other", Role::Operator);
    let new = asks(RequestKind::Access).with_key(RequestKey::new("k-1", b"").unwrap());
    assert_ne!(block_on(world.subjects.create(&elsewhere, &new)).unwrap().id, first.id);
    world.keys.lose();
    assert_eq!(code(keyed(asks(RequestKind::Access))), "subject_key_missing");
}

#[test]
fn d6_the_key_of_a_request_leaves_no_hash_of_identifiers_without_a_secret() {
    let stored = |phone: &str| {
        let world = World::new();
        let person = Subject::new([Identifier::new(IdentifierKind::Phone, phone).unwrap()]).unwrap();
        let new = NewSubjectRequest::new(person, RequestKind::Erasure);
        let new = new.with_key(RequestKey::new("k-1", b"").unwrap());
        let id = block_on(world.subjects.create(&ada(), &new)).unwrap().id;
        let entry = world.audit().remove(0);
        (id, entry.id, entry.object)
    };
    assert_eq!(stored("+49 30 1"), stored("+49 30 2"));
}
