use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::domain::id::SubjectKeyId;
use crate::domain::subject::KeyedHash;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn name(name: &str) -> PrincipalName {
    PrincipalName::new(name).unwrap()
}

fn hashed(number: u8) -> HashedIdentifier {
    let hash = KeyedHash { key: SubjectKeyId::new("k1").unwrap(), digest: [number; 32] };
    HashedIdentifier { kind: "phone".parse().unwrap(), hash }
}

pub(super) fn asked(kind: RequestKind) -> ReceivedRequest {
    ReceivedRequest {
        id: SubjectRequestId(Uuid::from_u128(1)),
        owner: Owner::default(),
        kind,
        scope: Scope::default(),
        identifiers: vec![hashed(1), hashed(2)],
        sealed: SealedIdentifiers { key: SubjectKeyId::new("k1").unwrap(), bytes: vec![1, 2, 3] },
        handover: kind.hands_over().then_some(Handover::Plaintext),
        due_at: None,
    }
}

pub(super) fn received(kind: RequestKind) -> SubjectRequest {
    SubjectRequest::receive(asked(kind), &name("ada"), at("2026-01-31T10:00:00Z")).unwrap()
}

pub(super) fn evidence() -> Evidence {
    Evidence { who: RequestText::new("desk").unwrap(), how: RequestText::new("passport").unwrap() }
}

pub(super) fn now() -> DateTime<Utc> {
    at("2026-02-01T00:00:00Z")
}

fn verified(kind: RequestKind) -> SubjectRequest {
    received(kind).verify(evidence(), &name("ada"), now()).unwrap()
}

fn code<T: fmt::Debug>(refused: Result<T, RuleViolation>) -> Code {
    refused.unwrap_err().code()
}

#[test]
fn d2_a_request_is_due_in_a_month_or_when_it_says_and_can_be_extended_once() {
    let one = received(RequestKind::Access);
    assert_eq!(one.due_at, at("2026-02-28T10:00:00Z"), "the last day of a shorter month");
    assert_eq!(one.version, 1);
    let chosen = |due: &str| {
        let asked = ReceivedRequest { due_at: Some(at(due)), ..asked(RequestKind::Access) };
        SubjectRequest::receive(asked, &name("ada"), at("2026-01-31T10:00:00Z"))
    };
    assert_eq!(chosen("2026-03-17T10:00:00Z").unwrap().due_at, at("2026-03-17T10:00:00Z"));
    assert!(chosen("2027-01-31T10:00:00Z").is_ok());
    for bad in ["2026-01-31T10:00:00Z", "2027-01-31T10:00:01Z"] {
        assert_eq!(code(chosen(bad)), Code::InvalidSubjectRequest, "{bad}");
    }

    let longer = one.clone().extend(None, &name("bob"), now()).unwrap();
    assert_eq!(longer.due_at, at("2026-04-28T10:00:00Z"));
    assert_eq!((longer.version, longer.extended.as_ref().map(|step| step.at)), (2, Some(now())));
    assert_eq!(code(longer.extend(None, &name("bob"), now())), Code::SubjectRequestState);
    let to = |to: &str| one.clone().extend(Some(at(to)), &name("bob"), now());
    assert_eq!(to("2026-03-15T00:00:00Z").unwrap().due_at, at("2026-03-15T00:00:00Z"));
    for bad in ["2026-02-28T10:00:00Z", "2027-02-01T00:00:00Z"] {
        assert_eq!(code(to(bad)), Code::InvalidSubjectRequest, "{bad}");
    }
    let overdue = one.clone().extend(None, &name("bob"), one.due_at);
    assert_eq!(code(overdue), Code::SubjectRequestState, "the person has to be told before");
}

#[test]
fn d2_near_and_passed_due_dates_are_told_apart_while_a_request_is_open() {
    let one = received(RequestKind::Access);
    let due = |left: TimeDelta| one.due(one.due_at - left);
    assert_eq!(due(TimeDelta::days(7)), Some(Due::Later));
    assert_eq!(due(TimeDelta::days(7) - TimeDelta::seconds(1)), Some(Due::Near));
    assert_eq!(due(TimeDelta::seconds(1)), Some(Due::Near));
    assert_eq!(due(TimeDelta::zero()), Some(Due::Passed));
    let withdrawn = one.clone().withdraw(&name("ada"), now()).unwrap();
    assert_eq!(withdrawn.due(one.due_at), None);
    assert_eq!(Due::ALL.map(Due::as_str), ["passed", "near", "later"]);
}

#[test]
fn d3_an_erasure_is_verified_then_approved_by_somebody_else_and_every_step_has_its_name() {
    for kind in [RequestKind::Erasure, RequestKind::Both] {
        let one = received(kind);
        assert_eq!(code(one.clone().approve(&name("bob"), now())), Code::SubjectRequestState, "not verified");
        let one = one.verify(evidence(), &name("cyd"), now()).unwrap();
        assert_eq!(one.verified, Some((evidence(), RequestStep { by: name("cyd"), at: now() })));
        assert_eq!(code(one.clone().verify(evidence(), &name("cyd"), now())), Code::SubjectRequestState);
        assert_eq!(code(one.clone().approve(&name("ada"), now())), Code::OwnSubjectRequest);
        // Who checked the identity may approve: the two people are those who ask and who approve.
        assert!(one.clone().approve(&name("cyd"), now()).is_ok());
        let one = one.approve(&name("bob"), now()).unwrap();
        assert_eq!((one.status(), one.version), (RequestStatus::Approved, 3));
        assert_eq!(one.approved, Some(RequestStep { by: name("bob"), at: now() }));
        assert_eq!(one.received.by, name("ada"));
        assert_eq!(code(one.approve(&name("bob"), now())), Code::SubjectRequestState);
    }
    let access = verified(RequestKind::Access);
    assert_eq!(code(access.approve(&name("bob"), now())), Code::SubjectRequestState);
}

#[test]
fn d3_d6_refusal_and_withdrawal_end_a_request_at_any_stage_and_its_identifiers_with_it() {
    let reason = || RequestText::new("not our customer").unwrap();
    let stages = [
        received(RequestKind::Both),
        verified(RequestKind::Both),
        verified(RequestKind::Both).approve(&name("bob"), now()).unwrap(),
        verified(RequestKind::Both).approve(&name("bob"), now()).unwrap().run(true).unwrap(),
    ];
    for open in stages {
        assert!(open.sealed().is_some() && open.ended().is_none());
        let refused = open.clone().refuse(reason(), &name("bob"), now()).unwrap();
        let step = RequestStep { by: name("bob"), at: now() };
        assert_eq!(refused.ended(), Some((&step, Some(&reason()))));
        let withdrawn = open.clone().withdraw(&name("bob"), now()).unwrap();
        assert_eq!(withdrawn.ended(), Some((&step, None)));
        for (ended, status) in [(refused, RequestStatus::Refused), (withdrawn, RequestStatus::Withdrawn)] {
            assert_eq!((ended.status(), ended.sealed()), (status, None));
            assert_eq!(ended.version, open.version + 1);
            assert_eq!(ended.identifiers, open.identifiers, "the hashes stay");
            let by = name("cyd");
            let refusals = [
                code(ended.clone().verify(evidence(), &by, now())),
                code(ended.clone().approve(&by, now())),
                code(ended.clone().extend(None, &by, now())),
                code(ended.clone().refuse(reason(), &by, now())),
                code(ended.withdraw(&by, now())),
            ];
            assert!(refusals.iter().all(|code| *code == Code::SubjectRequestState), "{refusals:?}");
        }
    }
}

#[test]
fn d3_an_erasure_begins_once_it_is_approved_and_its_copy_was_handed_over() {
    for (kind, export_done, may) in [
        (RequestKind::Erasure, false, true),
        (RequestKind::Erasure, true, true),
        (RequestKind::Both, false, false),
        (RequestKind::Both, true, true),
    ] {
        let approved = verified(kind).approve(&name("bob"), now()).unwrap();
        assert_eq!(approved.may_erase(export_done), may, "{kind} {export_done}");
        let running = approved.clone().run(export_done);
        assert_eq!(running.is_ok(), may, "{kind} {export_done}");
        let Ok(running) = running else { continue };
        assert_eq!((running.status(), running.version), (RequestStatus::Running, approved.version + 1));
        assert!(running.sealed().is_some(), "the identifiers are needed until it ends");
        assert_eq!(code(running.clone().run(true)), Code::SubjectRequestState);
        assert!(!running.may_erase(true));
    }
    for early in
        [received(RequestKind::Erasure), verified(RequestKind::Erasure), verified(RequestKind::Access)]
    {
        assert!(!early.may_erase(true));
        assert_eq!(code(early.run(true)), Code::SubjectRequestState);
    }
}

#[test]
fn d3_d6_a_request_is_done_after_its_last_step_and_its_identifiers_end_with_that() {
    let approved = |kind| verified(kind).approve(&name("bob"), now()).unwrap();
    let last = [
        verified(RequestKind::Access),
        approved(RequestKind::Erasure).run(false).unwrap(),
        approved(RequestKind::Both).run(true).unwrap(),
    ];
    for open in last {
        let done = open.clone().finish(now()).unwrap();
        assert_eq!(
            (done.status(), done.done_at(), done.version),
            (RequestStatus::Done, Some(now()), open.version + 1)
        );
        assert_eq!((done.sealed(), done.ended(), done.due(now())), (None, None, None));
        assert_eq!(done.identifiers, open.identifiers, "the hashes stay");
        let by = name("cyd");
        let refusals = [
            code(done.clone().finish(now())),
            code(done.clone().withdraw(&by, now())),
            code(done.clone().refuse(RequestText::new("late").unwrap(), &by, now())),
            code(done.clone().extend(None, &by, now())),
            code(done.run(true)),
        ];
        assert!(refusals.iter().all(|code| *code == Code::SubjectRequestState), "{refusals:?}");
        assert_eq!(open.done_at(), None);
    }
    for early in [
        received(RequestKind::Access),
        verified(RequestKind::Both),
        approved(RequestKind::Erasure),
        approved(RequestKind::Both),
    ] {
        assert_eq!(code(early.finish(now())), Code::SubjectRequestState);
    }
}

#[test]
fn d8_a_request_repeats_an_open_one_that_asks_for_as_much_of_the_same_person() {
    let open = received(RequestKind::Both);
    let new = |change: &dyn Fn(&mut ReceivedRequest)| {
        let mut asked =
            ReceivedRequest { id: SubjectRequestId(Uuid::from_u128(2)), ..asked(RequestKind::Both) };
        change(&mut asked);
        SubjectRequest::receive(asked, &name("bob"), now()).unwrap()
    };
    let repeats = |change: &dyn Fn(&mut ReceivedRequest)| open.is_repeated_by(&new(change));
    assert!(repeats(&|_| {}));
    assert!(repeats(&|asked| asked.identifiers = vec![hashed(9), hashed(2)]), "one in common is enough");
    assert!(!repeats(&|asked| asked.identifiers = vec![hashed(9)]));
    let other_kind = HashedIdentifier { kind: "fax".parse().unwrap(), ..hashed(1) };
    assert!(!repeats(&|asked| asked.identifiers = vec![other_kind.clone()]));
    assert!(!repeats(&|asked| asked.owner = Owner::new("other").unwrap()));
    assert!(repeats(&|asked| (asked.kind, asked.handover) = (RequestKind::Erasure, None)));
    assert!(repeats(&|asked| asked.scope = Scope::new(["crm".parse().unwrap()]).unwrap()));
    for (kind, covered) in [(RequestKind::Access, 1), (RequestKind::Erasure, 1), (RequestKind::Both, 3)] {
        assert_eq!(
            RequestKind::ALL.into_iter().filter(|other| kind.covers(*other)).count(),
            covered,
            "{kind}"
        );
    }
    let access = received(RequestKind::Access);
    assert!(access.is_repeated_by(&new(&|asked| asked.kind = RequestKind::Access)));
    assert!(!access.is_repeated_by(&new(&|_| {})), "it asks for more than the open one");
    let ended = open.clone().withdraw(&name("ada"), now()).unwrap();
    assert!(!ended.is_repeated_by(&new(&|_| {})), "one that has ended is no obstacle");
}

#[test]
fn names_of_kinds_and_states_are_read_back() {
    for kind in RequestKind::ALL {
        assert_eq!(RequestKind::parse(kind.as_str()), Some(kind));
    }
    for status in RequestStatus::ALL {
        assert_eq!(RequestStatus::parse(status.as_str()), Some(*status));
    }
    let open = RequestStatus::ALL.iter().filter(|status| status.is_open()).count();
    assert_eq!((open, RequestStatus::parse("gone")), (4, None));
}
