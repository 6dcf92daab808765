//! Rule C1: services check the principal themselves.

use cdds_core::domain::access::{Action, Actions, Principal, Role};
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{ArtifactId, ExecutionId, JobId, Owner};
use cdds_core::ports::catalog::query::{ArtifactQuery, ExecutionQuery, JobQuery};
use cdds_core::ports::source::Sources;
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::service::recipients::Recipients;
use cdds_core::testing::{MemoryPorts, PreparedSource, principal};
use futures::executor::block_on;
use uuid::Uuid;

use crate::rules::support::{instant, settings};

/// All services, over a source without records.
struct Services {
    memory: MemoryPorts,
    jobs: Jobs,
    history: History,
    artifacts: Artifacts,
    recipients: Recipients,
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
            memory,
        }
    }

    /// Calls every method with ids of nothing, and returns each with the action that it needs and its error.
    fn call_all(&self, by: &Principal) -> Vec<(Action, &'static str, Option<ServiceError>)> {
        let (jobs, history, artifacts, recipients) =
            (&self.jobs, &self.history, &self.artifacts, &self.recipients);
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
            jobs.preview_draft(&draft, 1);
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
            recipients.sample(&name());
        }
        call! { CreateJob: jobs.submit(draft.clone()); }
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
        call! { Download:
            artifacts.read(file);
            artifacts.read_manifest(execution);
            artifacts.read_signature(execution);
        }
        call! { DeleteArtifacts: artifacts.delete(&[file]); artifacts.delete_set(execution); }
        call! { HoldSet: artifacts.hold(execution); }
        call! { ReleaseSet: artifacts.release(execution); }
        call! { AddRecipient: recipients.add(name(), b"no certificate"); }
        call! { RemoveRecipient: recipients.remove(&name()); }
        said
    }
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
        assert_eq!(is_forbidden(error.as_ref()), action != Action::See, "{method}");
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
