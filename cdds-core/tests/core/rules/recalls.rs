//! Rule D11: those who have copies of records about somebody who asked for their erasure are told.

use cdds_core::domain::access::audit::Object;
use cdds_core::domain::access::{Action, Role};
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::id::{ExecutionId, Owner, SubjectRequestId};
use cdds_core::domain::job::Title;
use cdds_core::domain::subject::request::RequestKind;
use cdds_core::domain::subject::{Identifier, IdentifierKind, Subject};
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::Outbox;
use cdds_core::ports::catalog::query::{AuditQuery, NoticeQuery};
use cdds_core::ports::notifier::{Channel, Message, Notice, NoticeKind};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::audit::Audit;
use cdds_core::service::copies::{CopyRecall, RecallOutcome};
use cdds_core::service::history::History;
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest, Subjects};
use cdds_core::testing::{MemoryDestination, administrator, principal};
use futures::executor::block_on;

use crate::rules::copies::{ADA, BOB, Calls, World, only, template};
use crate::rules::delivery::{Postbox, delivering, id};

struct Told {
    world: World,
    postbox: Postbox,
}

impl Told {
    fn new() -> Self {
        let postbox = Postbox::default();
        let place = MemoryDestination::new(id("place"));
        let notifier = postbox.clone();
        let world =
            World::with(&Calls::default(), |ports| ports.with_notifier(notifier).with_destination(place));
        Self { world, postbox }
    }

    /// Exports for these destinations and subscribers.
    fn export(&self, to: &[&str], subscribers: &[&str]) -> ExecutionId {
        let wanted = delivering(to, subscribers);
        self.world.export(|settings| {
            settings.with_destinations(wanted.destinations).with_subscriptions(wanted.subscriptions)
        })
    }

    fn artifacts(&self) -> Artifacts {
        Artifacts::new(&self.world.memory.ports)
    }

    fn download(&self, of: ExecutionId) {
        let file = block_on(self.artifacts().set(&self.world.by, of)).unwrap().artifacts.remove(0);
        let mut download = block_on(self.artifacts().download(&self.world.by, file.id, 0)).unwrap();
        while block_on(download.next()).unwrap().is_some() {}
    }

    fn notify(&self, request: SubjectRequestId) -> Vec<CopyRecall> {
        let survey = block_on(self.world.copies.survey(&self.world.by, request)).unwrap();
        block_on(self.world.copies.notify(&self.world.by, request, &survey.had)).unwrap()
    }

    /// The notices that sets are recalled.
    fn recalls(&self) -> Vec<Notice> {
        let all = NoticeQuery::default().with_kind(NoticeKind::Recall);
        block_on(self.world.memory.catalog.notices(&Owner::default(), &all)).unwrap().items
    }

    fn sent(&self) -> Vec<Message> {
        let sent = self.postbox.sent.lock().unwrap();
        sent.iter().filter(|message| message.kind() == NoticeKind::Recall).cloned().collect()
    }

    fn entries(&self) -> Vec<(Option<Object>, &'static str)> {
        let query = AuditQuery::default().with_action(Action::RecallCopies);
        let entries = block_on(Audit::new(&self.world.memory.ports).list(&self.world.by, &query)).unwrap();
        entries.items.into_iter().map(|entry| (entry.object, entry.outcome.as_str())).collect()
    }
}

fn outcome(recalls: &[CopyRecall], of: ExecutionId) -> Option<(RecallOutcome, usize)> {
    let recall = recalls.iter().find(|recall| recall.copy.set.execution == of)?;
    Some((recall.outcome, recall.notices.len()))
}

#[test]
fn d11_n2_those_who_have_copies_are_told_once_and_never_who_it_is() {
    let told = Told::new();
    let downloaded = told.export(&[], &["webhook:billing"]);
    let delivered = told.export(&["place"], &["webhook:billing"]);
    let [alone, untouched] = [&[][..], &["webhook:billing"]].map(|to| told.export(&[], to));
    let without = told.export(&[], &["webhook:billing?on=failed"]);
    let others = told.world.export(|settings| {
        settings
            .with_template(template(only(&["n"]), &["n>=2"]))
            .with_subscriptions(delivering(&[], &["webhook:billing"]).subscriptions)
    });
    for set in [downloaded, alone, without, others] {
        told.download(set);
    }
    block_on(told.artifacts().hold(&told.world.by, downloaded)).unwrap();
    let request = told.world.asked(ADA);
    let survey = block_on(told.world.copies.survey(&told.world.by, request)).unwrap();
    assert_eq!((survey.may, survey.had.len(), survey.subscribers().len()), (5, 4, 1));
    let recalls = told.notify(request);
    assert_eq!(recalls.len(), 4);
    // A legal hold keeps the set here, and no copy of it elsewhere.
    assert_eq!(outcome(&recalls, downloaded), Some((RecallOutcome::Told, 1)));
    assert_eq!(outcome(&recalls, delivered), Some((RecallOutcome::Told, 1)));
    assert_eq!(outcome(&recalls, alone), Some((RecallOutcome::Nobody, 0)));
    assert_eq!(outcome(&recalls, without), Some((RecallOutcome::Nobody, 0)), "it chose other kinds");
    assert_eq!([untouched, others].map(|set| outcome(&recalls, set)), [None, None]);
    let by_hand = recalls.iter().find(|recall| recall.copy.set.execution == alone).unwrap();
    assert_eq!(by_hand.copy.downloads[0].principal, told.world.by.name);
    assert_eq!(by_hand.copy.title.as_ref().map(Title::as_str), Some("Interactions"));

    told.world.run();
    let sent = told.sent();
    let mut about: Vec<_> = sent.iter().map(|message| message.execution.as_ref().unwrap().id).collect();
    about.sort_unstable();
    let mut expected = [downloaded, delivered];
    expected.sort_unstable();
    assert_eq!(about, expected);
    for message in &sent {
        let words = format!("{message:?}");
        for part in ["30 123", "30123", "phone", &request.to_string()] {
            assert!(!words.contains(part), "{part} is told: {words}");
        }
        assert_eq!((message.files.len(), message.expires_at), (1, None));
    }
    let mut entries: Vec<_> =
        [downloaded, delivered, alone, without].map(|set| (Some(Object::ArtifactSet(set)), "done")).to_vec();
    let mut found = told.entries();
    let order = |entry: &(Option<Object>, &str)| format!("{entry:?}");
    entries.sort_by_key(order);
    found.sort_by_key(order);
    assert_eq!(found, entries, "one for each set");

    let again = told.notify(request);
    assert_eq!(outcome(&again, downloaded), Some((RecallOutcome::ToldBefore, 1)));
    let notice = &again.iter().find(|recall| recall.copy.set.execution == downloaded).unwrap().notices[0];
    assert_eq!(notice.work.status(), WorkStatus::Done);
    assert_eq!(outcome(&again, alone), Some((RecallOutcome::Nobody, 0)));
    told.world.run();
    assert_eq!((told.sent().len(), told.entries().len()), (2, 4), "nobody is told twice");
    // One for each subscriber, and one for the embedding service for each set.
    let channels = told.recalls().iter().filter(|notice| notice.channel == Channel::Host).count();
    assert_eq!((told.recalls().len(), channels), (6, 4));
    // Somebody else in the same set.
    let survey = block_on(told.world.copies.survey(&told.world.by, told.world.asked(BOB))).unwrap();
    assert!(survey.had.iter().any(|copy| copy.set.execution == others));
}

#[test]
fn d11_a_set_that_is_gone_is_recalled_with_its_files_and_digests_and_one_that_left_the_history_is_not() {
    let told = Told::new();
    let [gone, forgotten, late] = [(); 3].map(|()| told.export(&[], &["webhook:billing"]));
    let digest = block_on(told.artifacts().set(&told.world.by, gone)).unwrap().artifacts[0].sha256;
    for set in [gone, forgotten, late] {
        told.download(set);
    }
    block_on(told.artifacts().delete_set(&told.world.by, gone)).unwrap();
    told.world.run();
    let request = told.world.asked(ADA);
    let survey = block_on(told.world.copies.survey(&told.world.by, request)).unwrap();
    assert_eq!((survey.had.len(), survey.kept.len()), (3, 2));
    let history = History::new(&told.world.memory.ports);
    block_on(history.delete(&told.world.by, forgotten, WithArtifacts::Delete)).unwrap();
    let recalls = block_on(told.world.copies.notify(&told.world.by, request, &survey.had)).unwrap();
    assert_eq!(outcome(&recalls, gone), Some((RecallOutcome::Told, 1)));
    assert_eq!(outcome(&recalls, forgotten), Some((RecallOutcome::Gone, 0)));
    // Before the notice is sent.
    block_on(history.delete(&told.world.by, late, WithArtifacts::Delete)).unwrap();
    told.world.run();
    let sent = told.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].execution.as_ref().unwrap().id, gone);
    assert_eq!((sent[0].files[0].sha256, sent[0].manifest.is_some()), (digest, true));
    let of_late = told.recalls().into_iter().filter(|notice| notice.execution_id() == Some(late));
    assert!(of_late.into_iter().all(|notice| notice.work.status() == WorkStatus::GivenUp));
}

#[test]
fn d11_c1_j15_administrators_tell_for_open_requests_of_their_owner_that_ask_for_erasure() {
    let told = Told::new();
    let set = told.export(&[], &["webhook:billing"]);
    told.download(set);
    let request = told.world.asked(ADA);
    let had = block_on(told.world.copies.survey(&told.world.by, request)).unwrap().had;
    let operator = principal(&Owner::default(), Role::Operator);
    let refused = block_on(told.world.copies.notify(&operator, request, &had)).unwrap_err();
    assert!(matches!(refused, ServiceError::Forbidden(_)), "{refused}");
    let stranger = administrator(&Owner::new("other").unwrap());
    let refused = block_on(told.world.copies.notify(&stranger, request, &had)).unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound { .. }), "{refused}");
    assert_eq!(told.entries(), [(Some(Object::SubjectRequest(request)), "forbidden")]);

    let subjects = Subjects::new(&told.world.memory.ports);
    block_on(subjects.withdraw(&told.world.by, request)).unwrap();
    let person = Subject::new([Identifier::new(IdentifierKind::Phone, ADA).unwrap()]).unwrap();
    let access =
        NewSubjectRequest::new(person, RequestKind::Access).with_handover(Some(NewHandover::Plaintext));
    let access = block_on(subjects.create(&told.world.by, &access)).unwrap().id;
    for request in [request, access] {
        let refused = block_on(told.world.copies.notify(&told.world.by, request, &had)).unwrap_err();
        assert_eq!(refused.code(), "subject_request_state", "{refused}");
    }
    assert_eq!((told.recalls().len(), told.entries().len()), (0, 1));
    let request = told.world.asked(ADA);
    assert_eq!(outcome(&told.notify(request), set), Some((RecallOutcome::Told, 1)));
    // What somebody hands in is not trusted.
    let untouched = told.export(&[], &["webhook:billing"]);
    let survey = block_on(told.world.copies.survey(&told.world.by, request)).unwrap();
    let kept: Vec<_> = survey.kept.into_iter().filter(|copy| copy.set.execution == untouched).collect();
    assert_eq!(kept.len(), 1);
    assert!(block_on(told.world.copies.notify(&told.world.by, request, &kept)).unwrap().is_empty());
}

#[test]
fn d11_many_sets_are_recalled_in_several_transactions() {
    let told = Told::new();
    for _ in 0..41 {
        let set = told.export(&[], &["webhook:billing"]);
        told.download(set);
    }
    let request = told.world.asked(ADA);
    let recalls = told.notify(request);
    assert_eq!(recalls.len(), 41);
    assert!(recalls.iter().all(|recall| recall.outcome == RecallOutcome::Told && recall.notices.len() == 1));
}
