//! Rules C1 and C2: services check the principal themselves, and put on record what it did.

use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::access::link::LinkLifetime;
use cdds_core::domain::access::{Action, Actions, Principal, Role};
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{
    ArtifactId, DestinationId, ExecutionId, JobId, NoticeId, Owner, SubjectRequestId, Subscriber, WorkerId,
};
use cdds_core::domain::job::Title;
use cdds_core::domain::subject::request::{Evidence, RequestKind, RequestText};
use cdds_core::domain::subject::{Identifier, Subject};
use cdds_core::ports::catalog::query::{
    ArtifactQuery, AuditColumn, AuditQuery, DeliveryQuery, ExecutionQuery, JobQuery, NoticeQuery, Sort,
    SubjectRequestQuery,
};
use cdds_core::ports::source::Sources;
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::audit::Audit;
use cdds_core::service::copies::Copies;
use cdds_core::service::deliveries::Deliveries;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::service::outbox::Outbox;
use cdds_core::service::recipients::Recipients;
use cdds_core::service::sources::SourceChecks;
use cdds_core::service::subjects::NewSubjectRequest;
use cdds_core::service::subscribers::Subscribers;
use cdds_core::testing::{MemoryPorts, PreparedSource, principal};
use futures::executor::block_on;
use uuid::Uuid;

use crate::rules::support::{daily, instant, settings};

/// All services, over a source without records.
struct Services {
    memory: MemoryPorts,
    jobs: Jobs,
    history: History,
    artifacts: Artifacts,
    recipients: Recipients,
    checks: SourceChecks,
    audit: Audit,
}

impl Services {
    fn new() -> Self {
        let source = PreparedSource::of("contact-history", "interaction", Vec::new()).unwrap();
        let now = instant("2026-03-01T12:00:00Z");
        let memory = MemoryPorts::new(now, Sources::new().with(std::sync::Arc::new(source)));
        let ports = &memory.ports;
        Self {
            jobs: Jobs::new(ports, JobRules::default()),
            history: History::new(ports),
            artifacts: Artifacts::new(ports),
            recipients: Recipients::new(ports),
            checks: SourceChecks::new(ports),
            audit: Audit::new(ports),
            memory,
        }
    }

    /// Calls every method with ids of nothing, and returns each with the action that it needs and its error.
    fn call_all(&self, by: &Principal) -> Vec<(Action, &'static str, Option<ServiceError>)> {
        let Self { jobs, history, artifacts, recipients, checks, audit, .. } = self;
        let outbox = Outbox::new(&self.memory.ports);
        let (job, execution, file) = (JobId(Uuid::nil()), ExecutionId(Uuid::nil()), ArtifactId(Uuid::nil()));
        let draft = settings(Frequency::Once(Start::Immediately), "all");
        let edit = EditRequest::new(draft.clone());
        let name = || "ops".parse().unwrap();
        let (from, to) = (instant("2026-02-01T00:00:00Z"), instant("2026-03-01T00:00:00Z"));
        let mut said = Vec::new();
        let mut note = |action, method, error| said.push((action, method, error));
        macro_rules! call {
            ($action:ident: $($service:ident.$method:ident($($arg:expr),*);)*) => {
                $(note(
                    Action::$action,
                    concat!(stringify!($service), ".", stringify!($method)),
                    error(block_on($service.$method(by, $($arg),*))),
                );)*
            };
        }
        call! { See:
            jobs.show(job);
            jobs.list(&JobQuery::default());
            jobs.draft(job);
            jobs.preview(job, 1);
            jobs.preview_draft(draft.clone(), 1);
            jobs.preview_edit(job, &edit, 1);
            history.list(&ExecutionQuery::default());
            history.show(execution);
            history.draft(execution);
            artifacts.list(&ArtifactQuery::default());
            artifacts.select(&[file]);
            artifacts.set(execution);
            artifacts.complete_set(execution);
            artifacts.torn_by(&[file]);
            artifacts.execution_of(file);
            recipients.list();
            recipients.show(&name());
            recipients.sample(&name());
            outbox.list(&NoticeQuery::default());
        }
        call! { CreateJob: jobs.submit(draft.clone()); jobs.sample(&draft, 1); checks.check(&draft.source); }
        call! { EditJob: jobs.edit(job, &edit); }
        call! { SuspendJob: jobs.suspend(job); }
        call! { ResumeJob: jobs.resume(job); }
        call! { RunJob: jobs.run_now(job); }
        call! { BackfillJob: jobs.backfill(job, from, to); }
        call! { BringBackJob: jobs.bring_back(job); }
        call! { DeleteJob: jobs.delete(job); }
        call! { CancelExecution: history.cancel(execution); }
        call! { RerunExecution: history.rerun(execution); }
        call! { DeleteExecution: history.delete(execution, WithArtifacts::Keep); }
        call! { SendAgain: outbox.send_again(NoticeId(Uuid::nil())); }
        call! { Download:
            artifacts.download(file, 0);
            artifacts.link(file, LinkLifetime::default());
            artifacts.download_manifest(execution);
            artifacts.download_signature(execution);
        }
        call! { DeleteArtifacts: artifacts.delete(&[file]); artifacts.delete_set(execution); }
        call! { HoldSet: artifacts.hold(execution); }
        call! { ReleaseSet: artifacts.release(execution); }
        call! { AddRecipient: recipients.add(name(), b"no certificate"); }
        call! { RenewRecipient: recipients.renew(&name(), b"no certificate", None); }
        call! { RemoveRecipient: recipients.remove(&name()); }
        call! { SeeAudit: audit.list(&AuditQuery::default()); }
        let (fleet, worker) = (cdds_core::Fleet::new(&self.memory.ports), WorkerId::new("w").unwrap());
        call! { SeeWorkers: fleet.list(); fleet.show(&worker); }
        call! { DrainWorker: fleet.drain(&worker); }
        call! { ResumeWorker: fleet.resume(&worker); }
        let subjects = cdds_core::Subjects::new(&self.memory.ports);
        let (request, asked) = (SubjectRequestId(Uuid::nil()), asked());
        let text = |text| RequestText::new(text).unwrap();
        let evidence = Evidence { who: text("desk"), how: text("passport") };
        call! { SeeSubjectRequests:
            subjects.show(request);
            subjects.list(&SubjectRequestQuery::default());
            subjects.tasks(request);
        }
        call! { RunSubjectRequest: subjects.preview(request); subjects.run(request); }
        call! { ReapplyErasures: subjects.reapply(false); }
        let copies = Copies::new(&self.memory.ports);
        call! { FindSubjectCopies: copies.page(request, None); }
        call! { RecallCopies: copies.notify(request, &[]); }
        call! { CreateSubjectRequest: subjects.create(&asked); }
        call! { VerifySubjectRequest: subjects.verify(request, &evidence); }
        call! { ExtendSubjectRequest: subjects.extend(request, None); }
        call! { WithdrawSubjectRequest: subjects.withdraw(request); }
        call! { ApproveSubjectRequest: subjects.approve(request); }
        call! { RefuseSubjectRequest: subjects.refuse(request, &text("unknown")); }
        self.call_deliveries(by, &mut note);
        said
    }

    fn call_deliveries(
        &self,
        by: &Principal,
        note: &mut impl FnMut(Action, &'static str, Option<ServiceError>),
    ) {
        let ports = &self.memory.ports;
        let (deliveries, subscribers) = (Deliveries::new(ports), Subscribers::new(ports));
        let (execution, partner) = (ExecutionId(Uuid::nil()), DestinationId::new("partner").unwrap());
        let (subscription, endpoint) =
            ("webhook:billing".parse().unwrap(), Subscriber::new("billing").unwrap());
        macro_rules! call {
            ($action:ident: $($service:ident.$method:ident($($arg:expr),*);)*) => {
                $(note(
                    Action::$action,
                    concat!(stringify!($service), ".", stringify!($method)),
                    error(block_on($service.$method(by, $($arg),*))),
                );)*
            };
        }
        call! { See:
            deliveries.destinations();
            deliveries.destination(&partner);
            deliveries.list(&DeliveryQuery::default());
            subscribers.endpoints();
        }
        call! { CheckDestination: deliveries.check(&partner); }
        call! { Redeliver: deliveries.redeliver(execution, None); }
        call! { EnableDestination: deliveries.enable(&partner); }
        call! { DisableDestination: deliveries.disable(&partner); }
        call! { PinDestination: deliveries.pin(&partner, None); }
        call! { TestNotice: subscribers.test(&subscription); }
        call! { EnableEndpoint: subscribers.enable(&endpoint); }
        call! { DisableEndpoint: subscribers.disable(&endpoint); }
    }
}

fn asked() -> NewSubjectRequest {
    let identifier = Identifier::new("phone".parse().unwrap(), "+49 30 123").unwrap();
    NewSubjectRequest::new(Subject::new([identifier]).unwrap(), RequestKind::Erasure)
}

fn error<T>(result: Result<T, ServiceError>) -> Option<ServiceError> {
    result.err()
}

fn is_forbidden(error: Option<&ServiceError>) -> bool {
    matches!(error, Some(ServiceError::Forbidden(_)))
}

#[test]
fn c1_every_method_is_forbidden_without_its_action_and_allowed_with_it_alone() {
    let services = Services::new();
    let everybody = principal(&Owner::default(), Role::Administrator);
    let methods = services.call_all(&everybody);
    for (action, method, error) in &methods {
        assert!(!is_forbidden(error.as_ref()), "{method} needs {action}: {error:?}");
    }
    for action in methods.iter().map(|(action, ..)| *action) {
        let only = everybody.clone().with_actions(Actions::NONE.with(action));
        for (needed, method, error) in services.call_all(&only) {
            let forbidden = is_forbidden(error.as_ref());
            assert_eq!(forbidden, needed != action, "{method} with {action} alone: {error:?}");
        }
    }
}

#[test]
fn c1_a_viewer_changes_nothing_and_is_told_nothing_of_what_exists() {
    let services = Services::new();
    let owner = Owner::default();
    let (viewer, operator) = (principal(&owner, Role::Viewer), principal(&owner, Role::Operator));
    let draft = settings(Frequency::Once(Start::Immediately), "all");
    let job = block_on(services.jobs.submit(&operator, draft.clone())).unwrap().job;

    let record = services.memory.catalog.record();
    for (action, method, error) in services.call_all(&viewer) {
        assert_eq!(is_forbidden(error.as_ref()), action.least_role() != Role::Viewer, "{method}");
    }
    assert_eq!(services.memory.catalog.record(), record);
    assert_eq!(block_on(services.jobs.show(&viewer, job.id)).unwrap().job, job);
    // The answer is the same whether or not the job exists.
    for id in [job.id, JobId(Uuid::nil())] {
        let refused = block_on(services.jobs.delete(&operator, id)).unwrap_err();
        assert_eq!(refused.code(), "forbidden");
        let told = "operator may not delete jobs: ask an administrator to do it";
        assert_eq!(refused.to_string(), told);
    }
}

#[test]
fn c1_j15_the_owner_of_a_principal_is_the_only_one_it_sees() {
    let services = Services::new();
    let administrator = principal(&Owner::default(), Role::Administrator);
    let draft = settings(Frequency::Once(Start::Immediately), "all");
    let job = block_on(services.jobs.submit(&administrator, draft)).unwrap().job;
    let stranger = administrator.with_owner("other".parse().unwrap());
    let found = block_on(services.jobs.delete(&stranger, job.id));
    assert!(matches!(found, Err(ServiceError::NotFound { .. })), "{found:?}");
}

/// An entry: action, object, versions before and after, outcome.
type Entry = (Action, Option<Object>, [Option<u64>; 2], Outcome);

/// Returns the owner's audit, oldest first.
fn audit(services: &Services) -> Vec<Entry> {
    let oldest = Sort { column: AuditColumn::At, descending: false };
    let by = principal(&Owner::default(), Role::Administrator);
    let entries = block_on(services.audit.list(&by, &AuditQuery::default().with_sort(oldest))).unwrap().items;
    let versions = |entry: &AuditRecord| [entry.version_before, entry.version_after];
    entries.iter().map(|one| (one.action, one.object.clone(), versions(one), one.outcome)).collect()
}

#[test]
fn c2_each_change_is_one_entry_with_its_versions_and_what_changes_nothing_is_none() {
    let services = Services::new();
    let by = principal(&Owner::default(), Role::Administrator);
    let tick = || services.memory.clock.advance(std::time::Duration::from_secs(1));
    let mut expected = Vec::new();
    let jobs = &services.jobs;

    let mut draft = settings(daily("02:00"), "all");
    let job = block_on(jobs.submit(&by, draft.clone())).unwrap().job.id;
    expected.push((Action::CreateJob, Some(Object::Job(job)), [None, Some(1)]));
    tick();
    draft.title = Title::new("another").unwrap();
    draft.split_size = None;
    block_on(jobs.edit(&by, job, &EditRequest::new(draft))).unwrap();
    expected.push((Action::EditJob, Some(Object::Job(job)), [Some(1), Some(2)]));
    for _ in 0..2 {
        tick();
        block_on(jobs.suspend(&by, job)).unwrap();
    }
    let version = |services: &Services| block_on(services.jobs.show(&by, job)).unwrap().job.version;
    let suspended = version(&services);
    expected.push((Action::SuspendJob, Some(Object::Job(job)), [Some(2), Some(suspended)]));
    tick();
    block_on(jobs.resume(&by, job)).unwrap();
    let resumed = version(&services);
    expected.push((Action::ResumeJob, Some(Object::Job(job)), [Some(suspended), Some(resumed)]));
    tick();
    let queued = block_on(jobs.run_now(&by, job)).unwrap().id;
    expected.push((Action::RunJob, Some(Object::Job(job)), [Some(resumed); 2]));
    for _ in 0..2 {
        tick();
        drop(block_on(services.history.cancel(&by, queued)));
    }
    expected.push((Action::CancelExecution, Some(Object::Execution(queued)), [None; 2]));
    tick();
    let again = block_on(services.history.rerun(&by, queued)).unwrap().id;
    expected.push((Action::RerunExecution, Some(Object::Execution(queued)), [None; 2]));
    tick();
    assert!(block_on(jobs.delete(&by, job)).is_err(), "refused by a rule");
    block_on(services.history.cancel(&by, again)).unwrap();
    expected.push((Action::CancelExecution, Some(Object::Execution(again)), [None; 2]));
    tick();
    block_on(services.history.delete(&by, again, WithArtifacts::Keep)).unwrap();
    expected.push((Action::DeleteExecution, Some(Object::Execution(again)), [None; 2]));

    let done = |(action, object, versions)| (action, object, versions, Outcome::Done);
    assert_eq!(audit(&services), expected.into_iter().map(done).collect::<Vec<_>>());
    let edits = AuditQuery::default().with_action(Action::EditJob);
    let edit = block_on(services.audit.list(&by, &edits)).unwrap().items.remove(0);
    assert_eq!((edit.principal, edit.settings), (by.name.clone(), vec!["title".to_owned()]));
}

#[test]
fn c1_c2_a_forbidden_call_is_put_on_record() {
    let services = Services::new();
    let viewer = principal(&Owner::default(), Role::Viewer);
    let called = services.call_all(&viewer);
    let refused = called.iter().filter(|(action, ..)| action.least_role() != Role::Viewer).count();
    let audit = audit(&services);
    assert_eq!(audit.len(), refused);
    assert!(audit.iter().all(|(.., outcome)| *outcome == Outcome::Forbidden));
    let job = Some(Object::Job(JobId(Uuid::nil())));
    assert!(audit.contains(&(Action::DeleteJob, job, [None; 2], Outcome::Forbidden)));
}
