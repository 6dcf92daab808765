//! What people call the objects of entries: each is looked up once, and what is gone keeps its id.

use std::collections::BTreeMap;

use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::Slice;
use cdds_core::{ArtifactId, ExecutionId, ExecutionQuery, JobId, Principal, ServiceError};
use cdds_view::{AuditView, ObjectView};
use chrono::{DateTime, Utc};

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
        for ObjectView { kind, id, .. } in entries.iter().filter_map(|entry| entry.object.as_ref()) {
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

async fn name(
    services: &Services,
    by: &Principal,
    kind: &str,
    id: &str,
) -> Result<Option<Name>, ServiceError> {
    let name = match kind {
        "job" => match id.parse() {
            Ok(id) => job(services, by, id).await,
            Err(_) => return Ok(None),
        },
        "execution" | "artifact_set" | "manifest" | "signature" => match id.parse() {
            Ok(id) => execution(services, by, id).await,
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

async fn job(services: &Services, by: &Principal, id: JobId) -> Result<Option<Name>, ServiceError> {
    match services.jobs.show(by, id).await {
        Ok(overview) => return Ok(Some(Name::new(overview.job.settings.title.as_str()))),
        Err(ServiceError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    let query = ExecutionQuery::default().with_job(Some(id)).with_slice(Slice::first(1));
    let runs = services.history.list(by, &query).await?.items;
    let title = runs.first().map(|overview| overview.execution.settings.title.as_str().to_owned());
    Ok(title.map(|title| Name { is_deleted: true, ..Name::new(title) }))
}

async fn execution(
    services: &Services,
    by: &Principal,
    id: ExecutionId,
) -> Result<Option<Name>, ServiceError> {
    let execution = services.history.show(by, id).await?.execution;
    let title = execution.settings.title.as_str();
    Ok(Some(Name { slot: Some(execution.slot), ..Name::new(title) }))
}

async fn file(services: &Services, by: &Principal, id: ArtifactId) -> Result<Option<Name>, ServiceError> {
    let file = services.artifacts.show(by, id).await?.artifact;
    Ok(Some(Name { set: Some(file.execution_id), ..Name::new(file.name) }))
}
