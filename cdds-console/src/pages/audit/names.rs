//! What people call the objects of entries: each is looked up once, and jobs and executions together. What is gone
//! keeps its id.

use std::collections::{BTreeMap, BTreeSet};

use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::Slice;
use cdds_core::{ArtifactId, ExecutionId, ExecutionQuery, JobId, JobQuery, Principal, ServiceError};
use cdds_view::{AuditView, ObjectView};
use chrono::{DateTime, Utc};

use super::ROWS;
use crate::Services;

/// What an object is called.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) words: String,
    /// The instant for which an execution ran.
    pub(super) slot: Option<DateTime<Utc>>,
    /// Whether it is a job that was deleted, which is known by its history.
    pub(super) is_deleted: bool,
    /// The execution whose set a file belongs to.
    pub(super) set: Option<ExecutionId>,
}

impl Name {
    fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), slot: None, is_deleted: false, set: None }
    }
}

/// The names of the objects of a page of entries.
#[derive(Default)]
pub(super) struct Names(BTreeMap<(String, String), Name>);

impl Names {
    /// Looks up the names, as far as the principal may see them.
    pub(super) async fn of(
        services: &Services,
        by: &Principal,
        entries: &[AuditView],
    ) -> Result<Self, ServiceError> {
        // A refused look would be an entry of its own.
        if by.check(Action::See).is_err() {
            return Ok(Self::default());
        }
        let mut names = BTreeMap::new();
        jobs(services, by, entries, &mut names).await?;
        executions(services, by, entries, &mut names).await?;
        for ObjectView { kind, id, .. } in objects(entries) {
            let key = (kind.clone(), id.clone());
            if !names.contains_key(&key)
                && let Some(name) = name(services, by, kind, id).await?
            {
                names.insert(key, name);
            }
        }
        Ok(Self(names))
    }

    pub(super) fn find(&self, object: &ObjectView) -> Option<&Name> {
        self.0.get(&(object.kind.clone(), object.id.clone()))
    }
}

type Found = BTreeMap<(String, String), Name>;

fn objects(entries: &[AuditView]) -> impl Iterator<Item = &ObjectView> {
    entries.iter().filter_map(|entry| entry.object.as_ref())
}

/// Finds the titles of jobs by one look; those that were deleted are not found.
async fn jobs(
    services: &Services,
    by: &Principal,
    entries: &[AuditView],
    found: &mut Found,
) -> Result<(), ServiceError> {
    let ids: BTreeSet<JobId> = objects(entries)
        .filter(|object| object.kind == "job")
        .filter_map(|object| object.id.parse().ok())
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    let query =
        JobQuery::default().with_slice(Slice::first(ROWS)).with_ids(ids.into_iter().collect::<Vec<_>>());
    for overview in services.jobs.list(by, &query).await?.items {
        let key = ("job".to_owned(), overview.job.id.to_string());
        found.insert(key, Name::new(overview.job.settings.title.as_str()));
    }
    Ok(())
}

/// The kinds of object that an execution stands behind.
const OF_EXECUTIONS: [&str; 4] = ["execution", "artifact_set", "manifest", "signature"];

/// Finds what executions exported by one look.
async fn executions(
    services: &Services,
    by: &Principal,
    entries: &[AuditView],
    found: &mut Found,
) -> Result<(), ServiceError> {
    let of_executions = || objects(entries).filter(|object| OF_EXECUTIONS.contains(&object.kind.as_str()));
    let ids: BTreeSet<ExecutionId> = of_executions().filter_map(|object| object.id.parse().ok()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let query = ExecutionQuery::default()
        .with_slice(Slice::first(ROWS))
        .with_ids(ids.into_iter().collect::<Vec<_>>());
    let known = services.history.list(by, &query).await?.items;
    let named: BTreeMap<String, Name> = known
        .into_iter()
        .map(|overview| {
            let execution = overview.execution;
            let name = Name { slot: Some(execution.slot), ..Name::new(execution.settings.title.as_str()) };
            (execution.id.to_string(), name)
        })
        .collect();
    for object in of_executions() {
        if let Some(name) = named.get(&object.id) {
            found.insert((object.kind.clone(), object.id.clone()), name.clone());
        }
    }
    Ok(())
}

/// Looks up what has no list of its own: files, and jobs that were deleted.
async fn name(
    services: &Services,
    by: &Principal,
    kind: &str,
    id: &str,
) -> Result<Option<Name>, ServiceError> {
    let name = match kind {
        "job" => match id.parse() {
            Ok(id) => deleted_job(services, by, id).await,
            Err(_) => return Ok(None),
        },
        "artifact" => match id.parse() {
            Ok(id) => file(services, by, id).await,
            Err(_) => return Ok(None),
        },
        "recipient" => return Ok(Some(Name::new(id))),
        _ => return Ok(None),
    };
    match name {
        Err(ServiceError::NotFound { .. }) => Ok(None),
        name => name,
    }
}

/// A job that was deleted is known by its history.
async fn deleted_job(services: &Services, by: &Principal, id: JobId) -> Result<Option<Name>, ServiceError> {
    let query = ExecutionQuery::default().with_job(Some(id)).with_slice(Slice::first(1));
    let runs = services.history.list(by, &query).await?.items;
    let title = runs.first().map(|overview| overview.execution.settings.title.as_str().to_owned());
    Ok(title.map(|title| Name { is_deleted: true, ..Name::new(title) }))
}

async fn file(services: &Services, by: &Principal, id: ArtifactId) -> Result<Option<Name>, ServiceError> {
    let file = services.artifacts.show(by, id).await?.artifact;
    Ok(Some(Name { set: Some(file.execution_id), ..Name::new(file.name) }))
}
