//! The JSON forms of version 1, and that a client reads back what a service wrote.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;

use cdds_core::domain::archive::artifact::{Artifact, Key, Sha256Digest};
use cdds_core::domain::calendar::schedule::SlotNote;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::schedule::Occurrence;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::execution::{Attempt, Execution, ExecutionState, Status, Trigger};
use cdds_core::domain::id::{ArtifactId, ExecutionId, JobId, Owner, RecipientName, WorkerId};
use cdds_core::domain::job::{Job, JobSettings, JobState, Title};
use cdds_core::domain::recipient::{CertificateDetails, CertificateFacts, KeyType, Recipient};
use cdds_core::domain::source::SourceTerms;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::domain::work::worker::{FactText, WorkerEntry, WorkerFacts};
use cdds_core::ports::catalog::query::{
    ArtifactOverview, Cursor, ExecutionColumn, ExecutionOverview, JobOverview, LatestExecution, Page,
    RunningExecution, RunningWork, Sort, SortKey, Total, WorkerOverview,
};
use cdds_core::ports::source::RegisteredSource;
use cdds_view::settings::SettingsForm;
use cdds_view::{
    ArtifactView, ExecutionDetailsView, ExecutionView, JobView, OccurrenceView, PageView, RecipientView,
    RenewalView, SourceView, WorkerView,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

const AT: DateTime<Utc> = DateTime::from_timestamp(1_900_000_000, 0).unwrap();

/// Returns the JSON of a view, after reading it back.
fn read_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(view: &T) -> String {
    let json = serde_json::to_string(view).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *view, "{json}");
    json
}

fn id<T: std::str::FromStr<Err: Debug>>(number: u8) -> T {
    format!("00000000-0000-0000-0000-0000000000{number:02x}").parse().unwrap()
}

fn settings() -> JobSettings {
    let form: SettingsForm = serde_json::from_str(
        r#"{"title": "Voice", "description": "for the audit", "source": "telephony", "type": "calls",
            "category": ["voice"], "field": ["id", "queue"], "filter": ["queue=sales"], "timeframe": "since-last",
            "run": "weekly", "day": "tue", "at": "02:00", "split-size": 1024, "recipient": ["ops"],
            "overlap": "queue", "catch-up": "queue:7d", "retries": 3, "jitter": "10m", "pause-after-failures": 2,
            "bad-records": "skip:5", "retention-days": 7, "starts-at": "2030-01-01T00:00:00Z"}"#,
    )
    .unwrap();
    form.try_into().unwrap()
}

fn job() -> Job {
    Job {
        id: id::<JobId>(1),
        owner: Owner::new("default").unwrap(),
        settings: settings(),
        state: JobState::Active,
        version: 2,
        created_at: AT,
        updated_at: AT + TimeDelta::milliseconds(1_500),
        next_due_at: Some(AT + TimeDelta::days(1)),
        decided_until: None,
        suspended_at: None,
        watermark: Some(Watermark { generation: 1, at: Some(AT) }),
        tiled_until: None,
        era: 0,
        unsettled: None,
        failures_in_row: 1,
        revision: 9,
    }
}

fn progress() -> Progress {
    Progress {
        records: 1_234,
        rejected: 1,
        undated: 2,
        bytes_read: 5 << 20,
        bytes_written: 1 << 20,
        parts: 1,
        percent: Some(42),
        remaining_seconds: Some(13),
    }
}

fn failure() -> Failure {
    Failure {
        step: Step::Read,
        kind: FailureKind::Unavailable,
        message: "no route".to_owned(),
        retryable: true,
    }
}

fn running() -> Execution {
    let attempt = |epoch, ended_at, failure| Attempt {
        epoch,
        nonce: None,
        worker: WorkerId::new("worker-1").unwrap(),
        started_at: AT,
        ended_at,
        failure,
        released: false,
    };
    Execution {
        state: ExecutionState::Running,
        epoch: 2,
        attempts: vec![attempt(1, Some(AT), Some(failure())), attempt(2, None, None)],
        started_at: Some(AT),
        progress: progress(),
        ..Execution::scheduled(&job(), AT, SourceTerms::default(), AT)
    }
}

fn overview(execution: Execution, worker: Option<WorkerLife>) -> ExecutionOverview {
    ExecutionOverview { execution, job_deleted: false, files: vec!["a.zip".to_owned()], worker }
}

#[test]
fn a_job() {
    let latest = LatestExecution {
        id: id::<ExecutionId>(2),
        status: Status::InProgress,
        started_at: Some(AT),
        progress: progress(),
        failure: None,
        worker: Some(WorkerLife::Alive),
    };
    let view = JobView::new(JobOverview { job: job(), latest: Some(latest.clone()) }, &[], AT);
    insta::assert_snapshot!(read_back(&view), @r#"{"id":"00000000-0000-0000-0000-000000000001","title":"Voice","description":"for the audit","source":"telephony","type":"calls","category":["voice"],"state":"active","suspension":null,"run":"weekly on tue at 02:00","time_zone":"UTC","timeframe":"since-last","split_size":1073741824,"recipients":["ops"],"created_at":"2030-03-17T17:46:40Z","updated_at":"2030-03-17T17:46:41.500Z","version":2,"latest_status":"in_progress","latest_started_at":"2030-03-17T17:46:40Z","latest_error":null,"next_starts_at":"2030-03-18T17:46:40Z","next_reading":null,"progress":{"percent":42,"remaining_seconds":13,"records":1234,"bytes_read":5242880,"bytes_written":1048576,"parts":1,"rejected":1},"starts_at":"2030-01-01T00:00:00Z","ends_at":null,"fields":["id","queue"],"filters":["queue=sales"],"overlap":"queue","catch_up":"queue:7d","retries":3,"jitter":"10m","pause_after_failures":2,"bad_records":"skip:5","incomplete":"wait","destinations":[],"notify":[],"retention_days":7,"watermark":{"generation":1,"at":"2030-03-17T17:46:40Z"},"failures_in_row":1,"warnings":[],"worker_alive":true}"#);
    assert_eq!(view.latest().words, "13 s left, 1,234 records");
    let failed = LatestExecution { status: Status::Failed, failure: Some(failure()), ..latest };
    let failed = JobView::new(JobOverview { job: job(), latest: Some(failed) }, &[], AT);
    let error =
        r#""latest_error":{"step":"read","kind":"unavailable","message":"no route","retryable":true}"#;
    assert!(read_back(&failed).contains(error));
    let never = JobView::new(JobOverview { job: job(), latest: None }, &[], AT);
    assert!(read_back(&never).contains(r#""latest_status":"yet_to_run""#));
}

#[test]
fn an_execution_and_its_attempts() {
    let mut details = ExecutionDetailsView::from(overview(running(), Some(WorkerLife::Alive)));
    details.execution.has_open_start = false;
    insta::assert_snapshot!(read_back(&details), @r#"{"id":"dc8cb5d6-e1fa-5777-832d-1071642306be","job_id":"00000000-0000-0000-0000-000000000001","job_title":"Voice","source":"telephony","type":"calls","status":"in_progress","slot":"2030-03-17T17:46:40Z","slot_reading":null,"window":{"start":null,"end":"2030-03-17T17:46:39Z"},"started_at":"2030-03-17T17:46:40Z","finished_at":null,"attempts":2,"records":1234,"bytes_read":5242880,"bytes_written":1048576,"files":["a.zip"],"error":null,"progress":{"percent":42,"remaining_seconds":13,"records":1234,"bytes_read":5242880,"bytes_written":1048576,"parts":1,"rejected":1},"skip_reason":null,"skip_kind":null,"trigger":"scheduled","rerun_of":null,"cancel_requested_at":null,"job_deleted":false,"rejected":1,"worker_alive":true,"undated":2,"waits_since":null,"complete_until":null,"incomplete_from":null,"delivery":null,"attempt_log":[{"number":1,"worker":"worker-1","started_at":"2030-03-17T17:46:40Z","ended_at":"2030-03-17T17:46:40Z","error":{"step":"read","kind":"unavailable","message":"no route","retryable":true}},{"number":2,"worker":"worker-1","started_at":"2030-03-17T17:46:40Z","ended_at":null,"error":null}],"deliveries":[],"notices":[]}"#);
    let read: ExecutionView = serde_json::from_str(&read_back(&details)).unwrap();
    assert_eq!(read, details.execution, "the details hold the fields of the list");
    assert_eq!(details.execution.duration(AT + TimeDelta::seconds(5)), Some(TimeDelta::seconds(5)));
}

#[test]
fn every_state_of_an_execution_is_read_back() {
    let rerun = Trigger::Rerun { of: id(9), of_backfill: false };
    let ended = |state| Execution { state, finished_at: Some(AT), trigger: rerun, ..running() };
    for execution in [
        Execution { state: ExecutionState::Queued, started_at: None, ..running() },
        ended(ExecutionState::Succeeded),
        ended(ExecutionState::Failed(failure())),
        ended(ExecutionState::Cancelled),
    ] {
        let status = execution.status();
        let mut view = ExecutionView::from(overview(execution, None));
        view.has_open_start = false;
        assert_eq!(view.status, status);
        read_back(&view);
    }
    let gone = ExecutionView::from(overview(running(), Some(WorkerLife::Gone)));
    assert_eq!(gone.remark().to_string(), "its worker is gone");
    assert_eq!(gone.progress.unwrap().remaining_seconds, None);
}

#[test]
fn an_artifact() {
    let artifact = Artifact {
        id: id::<ArtifactId>(3),
        execution_id: id(2),
        job_id: id(1),
        owner: Owner::new("default").unwrap(),
        types: "calls".parse().unwrap(),
        name: "a.zip".to_owned(),
        key: Key::new("k"),
        bytes: 7,
        sha256: Sha256Digest([7; 32]),
        part: 1,
        parts: 1,
        created_at: AT,
        expires_at: AT + TimeDelta::days(3),
        hold: false,
    };
    let overview =
        ArtifactOverview { artifact, job_deleted: true, downloads: 1, last_downloaded_at: Some(AT) };
    let view = ArtifactView::new(overview, AT);
    insta::assert_snapshot!(read_back(&view), @r#"{"id":"00000000-0000-0000-0000-000000000003","execution_id":"00000000-0000-0000-0000-000000000002","job_id":"00000000-0000-0000-0000-000000000001","name":"a.zip","type":"calls","created_at":"2030-03-17T17:46:40Z","size":7,"sha256":"0707070707070707070707070707070707070707070707070707070707070707","part":1,"parts":1,"remaining_days":3,"hold":false,"job_deleted":true,"downloads":1,"last_downloaded_at":"2030-03-17T17:46:40Z"}"#);
    assert_eq!(view.days_left(), Some(3));
}

#[test]
fn workers() {
    let facts = WorkerFacts::default().with_host(FactText::new("host")).with_process(7);
    let entry = WorkerEntry::attended(None, &"w".parse().unwrap(), &facts, AT, std::time::Duration::ZERO);
    let named = vec![RunningExecution {
        id: id(1),
        job_id: id(2),
        title: Title::new("Calls").unwrap(),
        started_at: Some(AT),
    }];
    let running = RunningWork { named, own: 1, others: 2 };
    let view = WorkerView::from(WorkerOverview { state: entry.state(None, AT), entry, running });
    assert_eq!((view.place().as_str(), view.running_all()), ("host, process 7", 3));
    insta::assert_snapshot!(read_back(&view), @r#"{"id":"w","state":"gone","program":null,"host":"host","process":7,"concurrency":1,"zones":null,"started_at":"2030-03-17T17:46:40Z","seen_at":"2030-03-17T17:46:40Z","draining_since":null,"left_at":null,"running":[{"id":"00000000-0000-0000-0000-000000000001","job_id":"00000000-0000-0000-0000-000000000002","job_title":"Calls","started_at":"2030-03-17T17:46:40Z"}],"running_own":1,"running_others":2}"#);
}

#[test]
fn recipients_sources_and_occurrences() {
    let recipient = Recipient {
        owner: Owner::new("default").unwrap(),
        name: RecipientName::new("ops").unwrap(),
        certificate: CertificateFacts {
            der: vec![1],
            fingerprint: "00".repeat(32),
            subject: "CN=ops".to_owned(),
            not_before: AT,
            not_after: AT,
            warnings: Vec::new(),
        },
        added_at: AT,
    };
    let renewed = recipient.clone();
    insta::assert_snapshot!(read_back(&RecipientView::from(recipient)), @r#"{"name":"ops","fingerprint":"0000000000000000000000000000000000000000000000000000000000000000","subject":"CN=ops","issuer":null,"serial":null,"key_type":null,"key_bits":null,"not_before":"2030-03-17T17:46:40Z","not_after":"2030-03-17T17:46:40Z","added_at":"2030-03-17T17:46:40Z","warnings":[]}"#);
    let details = CertificateDetails::new("CN=ca", "0A", KeyType::Rsa, 3072);
    let view = RecipientView::new(renewed, Some(details));
    assert_eq!(view.key_words(), "RSA 3072");
    insta::assert_snapshot!(read_back(&RenewalView::new(view, Some("11".repeat(32)))), @r#"{"recipient":{"name":"ops","fingerprint":"0000000000000000000000000000000000000000000000000000000000000000","subject":"CN=ops","issuer":"CN=ca","serial":"0A","key_type":"RSA","key_bits":3072,"not_before":"2030-03-17T17:46:40Z","not_after":"2030-03-17T17:46:40Z","added_at":"2030-03-17T17:46:40Z","warnings":[]},"replaced":"1111111111111111111111111111111111111111111111111111111111111111"}"#);
    let source = RegisteredSource::Unsupported { title: "Old".to_owned(), reason: "no instants".to_owned() };
    insta::assert_snapshot!(read_back(&SourceView::new(&"old".parse().unwrap(), &source)), @r#"{"id":"old","title":"Old","supported":false,"reason":"no instants","types":[]}"#);
    let occurrence = Occurrence { slot: AT, local: None, note: None, window: Window::until(AT) };
    insta::assert_snapshot!(read_back(&OccurrenceView::from(occurrence)), @r#"{"slot":"2030-03-17T17:46:40Z","local":null,"note":null,"window":{"start":null,"end":"2030-03-17T17:46:40Z"}}"#);
    let local = "2030-03-17T18:46:40+01:00".parse().ok();
    let occurrence = Occurrence { local, note: Some(SlotNote::Shifted), ..occurrence };
    insta::assert_snapshot!(read_back(&OccurrenceView::from(occurrence)), @r#"{"slot":"2030-03-17T17:46:40Z","local":"2030-03-17T18:46:40+01:00","note":"shifted","window":{"start":null,"end":"2030-03-17T17:46:40Z"}}"#);
}

#[test]
fn a_page_names_the_next_one() {
    let sort = Sort { column: ExecutionColumn::Slot, descending: true };
    let next = Cursor { key: SortKey::Number(7), at: 5, id: "x".to_owned(), part: 0 };
    let page = Page { items: vec![1_u32, 2], total: Some(Total::Exactly(3)), next: Some(next.clone()) };
    let view = PageView::new(page.clone(), sort, |row| row);
    assert_eq!((view.total, view.total_more_than), (Some(3), None));
    let uncounted = Page { total: Some(Total::MoreThan(10_000)), ..page };
    let uncounted = PageView::new(uncounted, sort, |row| row);
    assert_eq!((uncounted.total, uncounted.total_more_than), (None, Some(10_000)));
    let read: PageView<u32> = serde_json::from_str(&read_back(&view)).unwrap();
    assert_eq!(cdds_view::token::decode(sort, &read.next.unwrap()), Ok(next));
}
