use chrono::DateTime;

use super::*;
use crate::domain::access::PrincipalName;
use crate::domain::execution::failure::FailureKind;
use crate::domain::id::{Owner, SubjectKeyId, WorkerId};
use crate::domain::subject::request::{ReceivedRequest, RequestKind, Scope};
use crate::domain::subject::{Identifier, SealedIdentifiers};

const LEASE: Duration = Duration::from_secs(60);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn request() -> SubjectRequest {
    let key = SubjectKeyId::new("k1").unwrap();
    let asked = ReceivedRequest {
        id: SubjectRequestId(Uuid::from_u128(1)),
        owner: Owner::default(),
        kind: RequestKind::Erasure,
        scope: Scope::default(),
        identifiers: Vec::new(),
        sealed: SealedIdentifiers { key, bytes: vec![1] },
        handover: None,
        due_at: None,
    };
    SubjectRequest::receive(asked, &PrincipalName::new("ada").unwrap(), at(0)).unwrap()
}

fn task() -> SubjectTask {
    SubjectTask::new(&request(), SourceId::new("crm").unwrap(), TypeId::new("call").unwrap(), at(0))
}

fn held(task: SubjectTask, seconds: i64) -> SubjectTask {
    let work = task.work.clone().taken(WorkerId::of(Uuid::nil()), at(seconds), LEASE).unwrap();
    SubjectTask { work, ..task }
}

fn erased(records: u64) -> Erased {
    Erased { records, kept: Vec::new() }
}

#[test]
fn d4_what_was_erased_is_known_also_if_its_worker_died_before_it_said_so() {
    let first = held(task(), 0).beaten(1, Some(5), at(1), LEASE).unwrap();
    assert_eq!((first.erased, first.looked), (0, Some(5)));
    // It erases, and dies.
    let work = first.work.clone().abandoned(&WorkRetry::default(), at(61)).unwrap();
    let second = held(SubjectTask { work, ..first.clone() }, 120);
    let found = second.beaten(2, Some(0), at(121), LEASE).unwrap();
    let settled = found.settled(2, &TaskReport::Erased(erased(0)), at(122)).unwrap();
    assert_eq!((settled.erased, settled.looked, settled.standing()), (5, None, TaskStanding::Done));
    // It dies before it erases: the second one finds all of them.
    let work = first.work.clone().abandoned(&WorkRetry::default(), at(61)).unwrap();
    let second = held(SubjectTask { work, ..first }, 120).beaten(2, Some(5), at(121), LEASE).unwrap();
    let settled = second.settled(2, &TaskReport::Erased(erased(5)), at(122)).unwrap();
    assert_eq!(settled.erased, 5);
    let again = settled.clone().settled(2, &TaskReport::Erased(erased(5)), at(123)).unwrap();
    assert_eq!(again, settled, "a report that comes twice counts once");
}

#[test]
fn d4_a_late_worker_notes_and_settles_nothing() {
    let first = held(task(), 0);
    let work = first.work.clone().abandoned(&WorkRetry::default(), at(61)).unwrap();
    let second = held(SubjectTask { work, ..first }, 120);
    assert!(second.clone().beaten(1, Some(3), at(121), LEASE).is_err());
    for report in [TaskReport::Erased(erased(3)), TaskReport::Unsupported] {
        assert!(second.clone().settled(1, &report, at(121)).is_err());
    }
}

#[test]
fn d4_each_answer_has_its_standing_and_only_what_failed_is_asked_for_again() {
    let settle = |report: TaskReport| held(task(), 0).settled(1, &report, at(1)).unwrap();
    let failure = |retryable| TaskReport::Failed(WorkFailure::new(FailureKind::Refused, "no", retryable));
    let kept = |reason: &str| TaskReport::Erased(erased(1).with_kept(reason, 2));
    for (report, standing, is_answered, may_again) in [
        (TaskReport::Erased(erased(1)), TaskStanding::Done, true, false),
        (kept("ten years by law"), TaskStanding::Partial, true, false),
        (TaskReport::Unsupported, TaskStanding::Unsupported, true, false),
        (failure(false), TaskStanding::Failed, false, true),
        (failure(true), TaskStanding::Waiting, false, true),
        (kept(ON_HOLD), TaskStanding::OnHold, false, true),
    ] {
        let settled = settle(report.clone());
        assert_eq!((settled.standing(), settled.is_answered()), (standing, is_answered), "{report:?}");
        let again = settled.clone().again(at(2));
        assert_eq!(again.is_some(), may_again, "{report:?}");
        assert!(again.is_none_or(|again| again.is_due(at(2)) && again.erased == settled.erased));
        assert_eq!(answered_at(&[settled]).is_some(), is_answered);
    }
    assert_eq!(task().again(at(0)), None, "it waits and may be tried");
    assert_eq!(held(task(), 0).again(at(0)), None, "a worker has it");
    assert_eq!(answered_at(&[]), None);
}

#[test]
fn d5_records_on_hold_are_looked_at_a_day_later_and_what_was_erased_adds_up() {
    let report = TaskReport::Erased(erased(3).with_kept(ON_HOLD, 2));
    let waiting = held(task(), 0).settled(1, &report, at(0)).unwrap();
    let day = HOLD_LOOKED_AT.num_seconds();
    assert!(!waiting.is_due(at(day - 1)) && waiting.is_due(at(day)));
    let found = held(waiting, day).beaten(2, Some(2), at(day), LEASE).unwrap();
    assert_eq!(found.erased, 3, "what was reported is not counted again");
    let done = found.settled(2, &TaskReport::Erased(erased(2)), at(day)).unwrap();
    assert_eq!((done.erased, done.standing(), done.kept()), (5, TaskStanding::Done, &[][..]));
}

#[test]
fn d3_a_task_ends_with_its_request_and_what_is_done_stays_done() {
    let done = held(task(), 0).settled(1, &TaskReport::Erased(erased(1)), at(1)).unwrap();
    assert_eq!(done.clone().cancelled(at(2)), done);
    let cancelled = held(task(), 0).cancelled(at(2));
    assert_eq!((cancelled.standing(), cancelled.clone().again(at(3))), (TaskStanding::Cancelled, None));
    assert!(cancelled.settled(1, &TaskReport::Erased(erased(1)), at(3)).is_err());
}

#[test]
fn d6_words_that_name_the_person_are_not_put_on_record() {
    let phone = Identifier::new("phone".parse().unwrap(), "+49 30 123456").unwrap();
    let person = Subject::new([phone]).unwrap();
    let failed = |words: &str| TaskReport::Failed(WorkFailure::permanent(words)).without_names(&person);
    let TaskReport::Failed(hidden) = failed("no row (0049 30 123456)") else { panic!("it failed") };
    assert!(!hidden.message.contains("123456") && !hidden.retryable, "{hidden:?}");
    assert_eq!(failed("no table"), TaskReport::Failed(WorkFailure::permanent("no table")));
    let kept = erased(1).with_kept("asked by +4930123456", 2).with_kept("law", 1);
    let TaskReport::Erased(kept) = TaskReport::Erased(kept).without_names(&person) else { panic!() };
    assert!(!format!("{kept:?}").contains("123456"), "{kept:?}");
    assert_eq!((kept.records, kept.found()), (1, 4));
}

#[test]
fn names_of_standings_are_read_back() {
    for standing in TaskStanding::ALL {
        assert_eq!(TaskStanding::parse(standing.as_str()), Some(standing));
    }
    assert_eq!(TaskStanding::parse("gone"), None);
}
