//! Rule D10: the copies that exports have made, and whom they may be about.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::access::audit::Object;
use cdds_core::domain::access::{Action, Principal, Role};
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{ExecutionId, Owner, SubjectRequestId, TypeId};
use cdds_core::domain::job::policy::BadRecords;
use cdds_core::domain::job::{JobSettings, Read, Reads, Title};
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_core::domain::record::{Place, RecordBatchBuilder, RejectedRecord};
use cdds_core::domain::subject::copies::{Holding, Unknown, is_filter};
use cdds_core::domain::subject::request::{Evidence, RequestKind, RequestText};
use cdds_core::domain::subject::{Identifier, IdentifierKind, Subject, SubjectField};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::Ports;
use cdds_core::ports::catalog::CopyStore;
use cdds_core::ports::catalog::query::{ArtifactQuery, AuditQuery};
use cdds_core::ports::sink::{Key, Prefix, Sink};
use cdds_core::ports::source::{DataType, Ownership, SourceDescription, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::audit::Audit;
use cdds_core::service::copies::{Copies, CopyOf, CopyOutcome};
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest, Subjects};
use cdds_core::testing::{MemoryPorts, MemorySubjectKeys, PreparedSource, administrator, principal};
use futures::executor::block_on;

use crate::rules::support::{instant, settings};

pub(super) struct World {
    pub(super) memory: MemoryPorts,
    keys: Arc<MemorySubjectKeys>,
    pub(super) copies: Copies,
    pub(super) by: Principal,
}

/// What a source of these calls is like.
#[derive(Default)]
pub(super) struct Calls {
    has_bad: bool,
    pushes_down: bool,
    /// Whether it has left out the callers, as a source does that applies templates itself.
    lacks_callers: bool,
}

impl World {
    fn new(calls: &Calls) -> Self {
        Self::with(calls, |ports| ports)
    }

    /// Changes the ports before any service is made of them.
    pub(super) fn with(calls: &Calls, change: impl FnOnce(Ports) -> Ports) -> Self {
        let mut batch = RecordBatchBuilder::new();
        for (number, caller) in [(1, "0049 (0)30 123"), (2, "+49 40 7"), (3, "+1 555")] {
            let mut record = batch.record(&Place::of(None, None));
            record.integer("n", number);
            if !calls.lacks_callers {
                record.text("caller", caller);
            }
            record.finish();
        }
        if calls.has_bad {
            batch.reject(RejectedRecord::new("line 4", "not valid JSON", b"{\"caller\":\"+99 1\""));
        }
        let caller = SubjectField::new("caller", IdentifierKind::Phone);
        let call = DataType::new("interaction".parse().unwrap())
            .with_ownership(Ownership::Shared)
            .with_subject_field(caller);
        let call = if calls.pushes_down { call.with_push_down() } else { call };
        let queue = DataType::new("queue".parse().unwrap()).with_ownership(Ownership::Shared);
        let description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History")
            .with_type(call)
            .with_type(queue);
        let source = PreparedSource::new(description, vec![batch.take()]);
        let sources = Sources::new().with(Arc::new(source));
        let mut memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
        let keys = Arc::new(MemorySubjectKeys::with_key("k1").unwrap());
        memory.ports = change(memory.ports.with_subject_keys(keys.clone()));
        let (copies, by) = (Copies::new(&memory.ports), administrator(&Owner::default()));
        Self { memory, keys, copies, by }
    }

    /// Exports once, and returns the execution.
    pub(super) fn export(&self, change: impl FnOnce(JobSettings) -> JobSettings) -> ExecutionId {
        let once = change(settings(Frequency::Once(Start::Immediately), "all"));
        let jobs = Jobs::new(&self.memory.ports, JobRules::default());
        let job = block_on(jobs.submit(&self.by, once)).unwrap();
        self.run();
        job.latest.unwrap().id
    }

    pub(super) fn run(&self) {
        let engine = Engine::builder(&self.memory.ports).build();
        block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
    }

    /// Puts a request of somebody on record.
    pub(super) fn asked(&self, phone: &str) -> SubjectRequestId {
        self.asked_for(RequestKind::Erasure, phone)
    }

    fn asked_for(&self, kind: RequestKind, phone: &str) -> SubjectRequestId {
        let person = Subject::new([Identifier::new(IdentifierKind::Phone, phone).unwrap()]).unwrap();
        let handover = kind.hands_over().then_some(NewHandover::Plaintext);
        let new = NewSubjectRequest::new(person, kind).with_handover(handover);
        block_on(Subjects::new(&self.memory.ports).create(&self.by, &new)).unwrap().id
    }

    fn found(&self, request: SubjectRequestId) -> Vec<CopyOf> {
        let page = block_on(self.copies.page(&self.by, request, None)).unwrap();
        assert_eq!(page.next, None);
        page.items
    }

    /// Asks of the only set.
    fn holding(&self, phone: &str) -> Holding {
        let request = self.asked(phone);
        let found = self.found(request);
        block_on(Subjects::new(&self.memory.ports).withdraw(&self.by, request)).unwrap();
        let [copy] = &found[..] else { panic!("one set: {found:?}") };
        copy.holding
    }

    fn filters(&self) -> Vec<Key> {
        let mut keys = block_on(self.memory.sink.list(&Prefix::new(""))).unwrap();
        keys.retain(is_filter);
        keys
    }

    fn days_pass(&self, days: u64) {
        self.memory.clock.advance(Duration::from_secs(days * 86_400));
        self.run();
    }
}

pub(super) const ADA: &str = "+49 30 123";
pub(super) const BOB: &str = "+49407";
const NOBODY: &str = "+49 30 124";

pub(super) fn only(names: &[&str]) -> FieldSelection {
    FieldSelection::Only(FieldNames::new(names.iter().map(|name| (*name).to_owned())).unwrap())
}

pub(super) fn template(fields: FieldSelection, filters: &[&str]) -> Template {
    Template::new(fields, filters.iter().map(|filter| filter.parse().unwrap()).collect()).unwrap()
}

#[test]
fn d10_who_is_in_a_set_is_found_and_who_is_not_is_not() {
    let world = World::new(&Calls::default());
    world.export(|settings| settings);
    assert_eq!(world.filters().len(), 1);
    assert_eq!((world.holding(ADA), world.holding(BOB)), (Holding::May, Holding::May));
    assert_eq!(world.holding(NOBODY), Holding::Not);
}

#[test]
fn d10_who_is_left_out_by_a_filter_is_not_in_it_and_a_field_that_is_left_out_hides_nobody() {
    let world = World::new(&Calls::default());
    world.export(|settings| settings.with_template(template(only(&["n"]), &["n<=1"])));
    assert_eq!((world.holding(ADA), world.holding(BOB)), (Holding::May, Holding::Not));
    let world = World::new(&Calls::default());
    world.export(|settings| settings.with_template(template(only(&["n"]), &[])));
    assert_eq!((world.holding(ADA), world.holding(NOBODY)), (Holding::May, Holding::Not));
    let world = World::new(&Calls::default());
    world.export(|settings| settings.with_template(template(FieldSelection::All, &["n>=2"])));
    assert_eq!((world.holding(ADA), world.holding(BOB)), (Holding::Not, Holding::May));
}

#[test]
fn d10_what_was_not_seen_may_be_about_anybody() {
    let incomplete = Holding::Unknown(Unknown::Incomplete);
    let world = World::new(&Calls { pushes_down: true, lacks_callers: true, ..Calls::default() });
    world.export(|settings| settings.with_template(template(only(&["n"]), &[])));
    assert_eq!(world.holding(NOBODY), incomplete, "the source may have left the field out");
    let world = World::new(&Calls { pushes_down: true, ..Calls::default() });
    world.export(|settings| settings.with_template(template(only(&["n", "caller"]), &[])));
    assert_eq!(world.holding(NOBODY), Holding::Not);
    let world = World::new(&Calls { has_bad: true, ..Calls::default() });
    let skip = BadRecords::Skip { max: NonZeroU32::new(5).unwrap() };
    world.export(|mut settings| {
        settings.policies.bad_records = skip;
        settings
    });
    assert_eq!((world.holding(ADA), world.holding(NOBODY)), (Holding::May, incomplete));
    let world = World::new(&Calls::default());
    world.export(|mut settings| {
        let reads = ["interaction", "queue"].map(|name| Read::of(TypeId::new(name).unwrap()));
        settings.reads = Reads::new(reads).unwrap();
        settings
    });
    assert_eq!((world.holding(ADA), world.holding(NOBODY)), (Holding::May, incomplete));
    let world = World::new(&Calls::default());
    world.export(|settings| settings.with_data_type(TypeId::new("queue").unwrap()));
    assert_eq!(world.holding(ADA), Holding::Unknown(Unknown::NoFilter));
    assert!(world.filters().is_empty());
}

#[test]
fn d10_nobody_can_tell_without_filter_or_key() {
    let world = World::new(&Calls::default());
    world.keys.lose();
    world.export(|settings| settings);
    assert!(world.filters().is_empty());
    world.keys.add("k2").unwrap();
    assert_eq!(world.holding(ADA), Holding::Unknown(Unknown::NoFilter));

    let world = World::new(&Calls::default());
    world.export(|settings| settings);
    world.keys.lose();
    world.keys.add("k2").unwrap();
    assert_eq!(world.holding(ADA), Holding::Unknown(Unknown::KeyMissing));

    let world = World::new(&Calls::default());
    world.export(|settings| settings);
    let filter = world.filters().remove(0);
    let file = world.memory.sink.objects()[&filter].clone();
    let put = |bytes: Vec<u8>| {
        block_on(async {
            let mut upload = world.memory.sink.begin(&filter).await.unwrap();
            upload.write(bytes.into()).await.unwrap();
            upload.finish().await.unwrap();
        });
    };
    let lost = Holding::Unknown(Unknown::FilterLost);
    put(file[..file.len() - 1].to_vec());
    assert_eq!(world.holding(ADA), lost);
    let mut emptied = file.to_vec();
    let end = emptied.len() - 32;
    emptied[end - 8..end].fill(0);
    put(emptied);
    assert_eq!(world.holding(ADA), lost, "it would hide people");
    put(vec![0; 4 << 20]);
    assert_eq!(world.holding(ADA), lost);
    block_on(world.memory.sink.delete(&filter)).unwrap();
    assert_eq!(world.holding(ADA), lost);
}

#[test]
fn d10_a_filter_outlives_its_set_and_goes_with_the_history() {
    let world = World::new(&Calls::default());
    let first = world.export(|settings| settings);
    let second = world.export(|settings| settings);
    assert_eq!(world.filters().len(), 2);
    block_on(Artifacts::new(&world.memory.ports).delete_set(&world.by, first)).unwrap();
    world.run();
    let stored = block_on(world.memory.sink.list(&Prefix::new(first.to_string()))).unwrap();
    assert!(stored.iter().all(is_filter) && stored.len() == 1, "nothing else is left of it: {stored:?}");
    // The other one expires.
    world.days_pass(31);
    world.days_pass(1);
    assert_eq!(world.filters().len(), 2);
    let found = world.found(world.asked(ADA));
    assert_eq!(found.len(), 2);
    for copy in &found {
        assert_eq!(copy.holding, Holding::May);
        assert!(copy.set.removed_at.is_some() && !copy.set.is_kept(instant("2026-03-01T12:00:00Z")));
    }
    let history = History::new(&world.memory.ports);
    block_on(history.delete(&world.by, second, WithArtifacts::Delete)).unwrap();
    world.run();
    let left = world.filters();
    assert_eq!(left.len(), 1);
    assert!(left[0].as_str().starts_with(&first.to_string()));
    assert_eq!(world.found(world.asked(BOB)).len(), 1);
    // The newest execution of a job that is not deleted stays.
    let jobs = Jobs::new(&world.memory.ports, JobRules::default());
    for job in block_on(jobs.list(&world.by, &Default::default())).unwrap().items {
        block_on(jobs.delete(&world.by, job.job.id)).unwrap();
    }
    world.days_pass(400);
    world.days_pass(1);
    assert!(world.filters().is_empty());
    assert_eq!(block_on(world.memory.catalog.subject_filter(first)).unwrap(), None);
    assert!(world.memory.sink.objects().is_empty());
}

#[test]
fn d10_c3_it_is_told_who_has_a_set_and_filters_are_no_files_of_it() {
    let world = World::new(&Calls::default());
    let execution = world.export(|settings| settings);
    let artifacts = Artifacts::new(&world.memory.ports);
    let set = block_on(artifacts.complete_set(&world.by, execution)).unwrap();
    assert!(set.files().all(|(_, key)| !is_filter(key)));
    let listed = block_on(artifacts.list(&world.by, &ArtifactQuery::default())).unwrap().items;
    assert_eq!(listed.len(), set.artifacts.len());
    let manifest = world.memory.sink.objects()[&set.manifest.key].clone();
    assert!(!String::from_utf8_lossy(&manifest).contains("bloom"));

    let id = set.artifacts[0].id;
    let mut download = block_on(artifacts.download(&world.by, id, 0)).unwrap();
    while block_on(download.next()).unwrap().is_some() {}
    block_on(artifacts.hold(&world.by, execution)).unwrap();
    let found = world.found(world.asked(ADA));
    let [copy] = &found[..] else { panic!("one set") };
    let downloads: Vec<_> = copy.downloads.iter().map(|entry| (&entry.principal, &entry.object)).collect();
    assert_eq!(downloads, [(&world.by.name, &Some(Object::Artifact(id)))]);
    assert!(copy.set.hold && copy.set.removed_at.is_none());
    assert_eq!(copy.title.as_ref().map(Title::as_str), Some("Interactions"));
    // Of a set that does not hold the person, nothing is told.
    let found = world.found(world.asked(NOBODY));
    assert!(found[0].downloads.is_empty() && found[0].title.is_none());
}

#[test]
fn d10_c1_c2_j15_whoever_asks_is_on_record_and_sees_their_own_sets() {
    let world = World::new(&Calls::default());
    world.export(|settings| settings);
    let request = world.asked(ADA);
    let viewer = principal(&Owner::default(), Role::Viewer);
    let refused = block_on(world.copies.page(&viewer, request, None));
    assert!(matches!(refused, Err(ServiceError::Forbidden(_))), "{refused:?}");
    let stranger = administrator(&Owner::new("other").unwrap());
    let refused = block_on(world.copies.page(&stranger, request, None));
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
    world.found(request);
    let query = AuditQuery::default().with_action(Action::FindSubjectCopies);
    let entries = block_on(Audit::new(&world.memory.ports).list(&world.by, &query)).unwrap().items;
    let told: Vec<_> = entries.iter().map(|entry| (&entry.object, entry.outcome.as_str())).collect();
    let object = Some(Object::SubjectRequest(request));
    assert_eq!(told.len(), 2);
    assert!(told.contains(&(&object, "done")) && told.contains(&(&object, "forbidden")));
    block_on(Subjects::new(&world.memory.ports).withdraw(&world.by, request)).unwrap();
    let ended = block_on(world.copies.page(&world.by, request, None)).unwrap_err();
    assert_eq!(ended.code(), "subject_request_state");
}

#[test]
fn d10_sets_come_in_pages_the_latest_first() {
    let world = World::new(&Calls::default());
    for _ in 0..101 {
        world.memory.clock.advance(Duration::from_secs(1));
        world.export(|settings| settings);
    }
    let request = world.asked(ADA);
    let first = block_on(world.copies.page(&world.by, request, None)).unwrap();
    let second = block_on(world.copies.page(&world.by, request, first.next)).unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (100, 1, None));
    let all: Vec<_> = first.items.iter().chain(&second.items).map(|copy| copy.set.place()).collect();
    assert!(all.is_sorted_by(|one, other| one > other));
    assert!(first.items.iter().all(|copy| copy.holding == Holding::May));
    let query = AuditQuery::default().with_action(Action::FindSubjectCopies);
    let entries = block_on(Audit::new(&world.memory.ports).list(&world.by, &query)).unwrap().items;
    assert_eq!(entries.len(), 1);
}

#[test]
fn d10_c2_those_that_may_hold_the_person_are_deleted_but_for_those_on_hold() {
    let world = World::new(&Calls::default());
    let [gone, held, deleted] = [(); 3].map(|()| world.export(|settings| settings));
    let other = world.export(|settings| settings.with_template(template(only(&["n"]), &["n>=2"])));
    let untold = world.export(|settings| settings.with_data_type(TypeId::new("queue").unwrap()));
    let artifacts = Artifacts::new(&world.memory.ports);
    block_on(artifacts.hold(&world.by, held)).unwrap();
    let request = world.asked(ADA);
    let survey = block_on(world.copies.survey(&world.by, request)).unwrap();
    assert_eq!((survey.may, survey.not, survey.unknown), (3, 1, 1));
    let mut kept: Vec<ExecutionId> = survey.kept.iter().map(|copy| copy.set.execution).collect();
    let mut expected = vec![gone, held, deleted];
    kept.sort_unstable();
    expected.sort_unstable();
    assert_eq!(kept, expected);

    let operator = principal(&Owner::default(), Role::Operator);
    let refused = block_on(world.copies.delete(&operator, request, &survey.kept)).unwrap_err();
    assert!(matches!(refused, ServiceError::Forbidden { .. }), "{refused}");
    // Whoever asks for access alone asks for no deletion.
    let access = world.asked_for(RequestKind::Access, ADA);
    let refused = block_on(world.copies.delete(&world.by, access, &survey.kept)).unwrap_err();
    assert_eq!(refused.code(), "subject_request_state");
    block_on(artifacts.delete_set(&world.by, gone)).unwrap();
    let done = block_on(world.copies.delete(&world.by, request, &survey.kept)).unwrap();
    for (execution, outcome) in
        [(gone, CopyOutcome::Gone), (held, CopyOutcome::OnHold), (deleted, CopyOutcome::Deleted)]
    {
        assert_eq!(done.iter().find(|one| one.execution == execution).unwrap().outcome, outcome);
    }
    let left = |execution| block_on(artifacts.set(&world.by, execution)).is_ok();
    assert_eq!([gone, held, deleted, other, untold].map(left), [false, true, false, true, true]);
    // Nor is the copy that somebody asked for, or a set that does not hold the person, whatever is handed in.
    let text = |text| RequestText::new(text).unwrap();
    let evidence = Evidence { who: text("the desk"), how: text("passport shown") };
    let subjects = Subjects::new(&world.memory.ports);
    block_on(subjects.verify(&world.by, access, &evidence)).unwrap();
    world.run();
    let copy = block_on(subjects.export(&world.by, access)).unwrap().unwrap().id;
    let survey = block_on(world.copies.survey(&world.by, request)).unwrap();
    assert!(survey.kept.iter().all(|kept| kept.set.execution != copy), "{survey:?}");
    let page = block_on(world.copies.page(&world.by, request, None)).unwrap().items;
    assert!(page.iter().any(|one| one.set.execution == copy));
    block_on(world.copies.delete(&world.by, request, &page)).unwrap();
    assert_eq!([copy, held, other, untold].map(left), [true; 4]);
    let query = AuditQuery::default().with_action(Action::DeleteArtifacts);
    let entries = block_on(Audit::new(&world.memory.ports).list(&world.by, &query)).unwrap().items;
    let deletions = entries.iter().filter(|entry| entry.object == Some(Object::ArtifactSet(deleted))).count();
    assert_eq!((deletions, entries.len()), (1, 3), "one of each, and the refused call: {entries:?}");
    let again = block_on(world.copies.survey(&world.by, request)).unwrap();
    assert_eq!((again.may, again.kept.len()), (survey.may, 1), "sets that are gone are still told");
}
