//! What is meant by a typed id: all of it, its beginning, or the title of a job.

use std::fmt::Display;

use cdds_core::domain::access::Principal;
use cdds_core::domain::id::{ArtifactId, AuditId, ExecutionId, JobId, NoticeId, SubjectRequestId, WorkerId};
use cdds_core::ports::catalog::query::{
    ArtifactQuery, ExecutionQuery, IdBeginning, JobQuery, NoticeQuery, Slice, SubjectRequestQuery,
};
use cdds_core::service::Entity;
use cdds_view::Instant;

use crate::compose::App;
use crate::config::nearest;
use crate::error::{CliError, shown};
use crate::text::escaped;

/// The least characters of a beginning, so that a mistyped word is not taken for one.
const CHARS_MIN: usize = 4;

/// The most that are named when several are meant.
const NAMED_MAX: usize = 8;

/// How many titles are looked at for one that was probably meant.
const TITLES_MAX: u64 = 1_000;

/// One more than is named, to know that there are more.
fn candidates() -> Slice {
    Slice::first(NAMED_MAX as u64 + 1)
}

/// Returns a typed beginning, unless it is too short for one.
fn beginning(typed: &str) -> Option<IdBeginning> {
    typed.parse().ok().filter(|_| typed.len() >= CHARS_MIN)
}

/// Finds a job by its id, by the beginning of its id, or by its exact title.
pub(super) async fn job(typed: &str, app: &App, by: &Principal) -> Result<JobId, CliError> {
    if let Ok(id) = typed.parse() {
        return Ok(id);
    }
    let mut found = Vec::new();
    if let Some(beginning) = beginning(typed) {
        let query = JobQuery::default().with_id_begins(beginning).with_slice(candidates());
        found = app.jobs.list(by, &query).await?.items;
    }
    if found.is_empty() && !typed.is_empty() {
        let query = JobQuery::default().with_search(typed.to_owned());
        found = app.jobs.list(by, &query).await?.items;
        found.retain(|one| one.job.settings.title.as_str() == typed);
    }
    if found.is_empty() {
        let some = app.jobs.list(by, &JobQuery::default().with_slice(Slice::first(TITLES_MAX))).await?.items;
        let titles: Vec<&str> = some.iter().map(|one| one.job.settings.title.as_str()).collect();
        let error = CliError::not_found(Entity::Job, typed);
        return Err(match nearest(typed, &titles) {
            Some(title) => error.followed_by(&format!(", did you mean {title:?}?")),
            None => error,
        });
    }
    let told = found.iter().map(|one| {
        let job = &one.job;
        (job.id, format!("{}, created {}", escaped(job.settings.title.as_str()), Instant(job.created_at)))
    });
    only(Entity::Job, typed, told)
}

/// Finds an execution by its id or the beginning of it.
pub(super) async fn execution(typed: &str, app: &App, by: &Principal) -> Result<ExecutionId, CliError> {
    let Some(beginning) = partly::<ExecutionId>(Entity::Execution, typed)? else {
        return super::id(Entity::Execution, typed);
    };
    let query = ExecutionQuery::default().with_id_begins(beginning).with_slice(candidates());
    let found = app.history.list(by, &query).await?.items;
    let told = found.iter().map(|one| {
        let execution = &one.execution;
        let title = escaped(execution.settings.title.as_str());
        (execution.id, format!("{title}, {}, due {}", execution.status().as_str(), Instant(execution.slot)))
    });
    only(Entity::Execution, typed, told)
}

/// Finds a file by its id or the beginning of it.
pub(super) async fn artifact(typed: &str, app: &App, by: &Principal) -> Result<ArtifactId, CliError> {
    let Some(beginning) = partly::<ArtifactId>(Entity::Artifact, typed)? else {
        return super::id(Entity::Artifact, typed);
    };
    let query = ArtifactQuery::default().with_id_begins(beginning).with_slice(candidates());
    let found = app.artifacts.list(by, &query).await?.items;
    only(Entity::Artifact, typed, found.iter().map(|one| (one.artifact.id, one.artifact.name.clone())))
}

/// Finds a notice by its id or the beginning of it.
pub(super) async fn notice(typed: &str, app: &App, by: &Principal) -> Result<NoticeId, CliError> {
    let Some(beginning) = partly::<NoticeId>(Entity::Notice, typed)? else {
        return super::id(Entity::Notice, typed);
    };
    let query = NoticeQuery::default().with_id_begins(beginning).with_slice(candidates());
    let found = app.outbox.list(by, &query).await?.items;
    let told = found.iter().map(|one| (one.work.id, format!("to {}", escaped(one.subscriber.as_str()))));
    only(Entity::Notice, typed, told)
}

/// Finds a request of a data subject by its id or the beginning of it.
pub(super) async fn subject_request(
    typed: &str,
    app: &App,
    by: &Principal,
) -> Result<SubjectRequestId, CliError> {
    let Some(beginning) = partly::<SubjectRequestId>(Entity::SubjectRequest, typed)? else {
        return super::id(Entity::SubjectRequest, typed);
    };
    let query = SubjectRequestQuery::default().with_id_begins(beginning).with_slice(candidates());
    let found = app.subjects.list(by, &query).await?.items;
    let told = found.iter().map(|one| {
        (one.id, format!("{}, {}, received {}", one.kind, one.status(), Instant(one.received.at)))
    });
    only(Entity::SubjectRequest, typed, told)
}

/// Finds a worker by its id or the beginning of it.
pub(super) async fn worker(typed: &str, app: &App, by: &Principal) -> Result<WorkerId, CliError> {
    let mut found = app.fleet.list(by).await?;
    if found.iter().any(|one| one.entry.worker.as_str() == typed) || typed.len() < CHARS_MIN {
        return Ok(WorkerId::new(typed)?);
    }
    found.retain(|one| one.entry.worker.as_str().starts_with(typed));
    let told = found.iter().map(|one| {
        let since = Instant(one.entry.started_at);
        (one.entry.worker.clone(), format!("{}, since {since}", one.state.as_str()))
    });
    only(Entity::Worker, typed, told)
}

/// Checks that there is a source that the principal's owner sees.
///
/// # Errors
/// `not_found`, with the known sources.
pub(super) fn source(typed: &str, app: &App, by: &Principal) -> Result<(), CliError> {
    let sources = app.sources.for_owner(&by.owner);
    let known: Vec<&str> = sources.iter().map(|(id, _)| id.as_str()).collect();
    if known.contains(&typed) {
        return Ok(());
    }
    Err(CliError::no_source(typed, &known))
}

/// Finds what the audit may be asked about, spelled as it is there: by an id or the beginning of one, by the title of a job
/// or, since it may be gone from the lists, by whatever was typed, like the name of a recipient.
pub(super) async fn object(typed: &str, app: &App, by: &Principal) -> Result<String, CliError> {
    if let Ok(id) = typed.parse::<AuditId>() {
        return Ok(id.to_string());
    }
    let mut ids = Vec::new();
    for found in [
        job(typed, app, by).await.map(|id| id.to_string()),
        execution(typed, app, by).await.map(|id| id.to_string()),
        artifact(typed, app, by).await.map(|id| id.to_string()),
        notice(typed, app, by).await.map(|id| id.to_string()),
        subject_request(typed, app, by).await.map(|id| id.to_string()),
    ] {
        match found {
            Ok(id) => ids.push(id),
            Err(error) if error.missing().is_some() => {}
            Err(error) => return Err(error),
        }
    }
    match ids.as_slice() {
        [] => Ok(typed.to_owned()),
        [id] => Ok(id.clone()),
        several => {
            let why =
                format!("{} can mean several: type more of the id: {}", shown(typed), several.join(", "));
            Err(CliError::refused("ambiguous_id", why))
        }
    }
}

/// Returns the beginning that was typed; `None` for a whole id.
fn partly<T: std::str::FromStr>(what: Entity, typed: &str) -> Result<Option<IdBeginning>, CliError> {
    if typed.parse::<T>().is_ok() {
        return Ok(None);
    }
    beginning(typed).map(Some).ok_or_else(|| CliError::not_found(what, typed))
}

/// Returns the only one.
///
/// # Errors
/// `not_found` without any, `ambiguous_id` if there are several, which it names.
fn only<T: Clone + Display>(
    what: Entity,
    typed: &str,
    found: impl Iterator<Item = (T, String)>,
) -> Result<T, CliError> {
    let found: Vec<(T, String)> = found.collect();
    match found.as_slice() {
        [] => Err(CliError::not_found(what, typed)),
        [(id, _)] => Ok(id.clone()),
        several => {
            let named = several.iter().take(NAMED_MAX).map(|(id, told)| format!("{id} {told}"));
            let named: Vec<String> = named.collect();
            let more = if several.len() > NAMED_MAX { "; …" } else { "" };
            let why =
                format!("{} can mean several: type more of the id: {}{more}", shown(typed), named.join("; "));
            Err(CliError::refused("ambiguous_id", why))
        }
    }
}
