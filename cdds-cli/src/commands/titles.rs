//! The titles of jobs, looked up for the rows of other lists, many at once.

use std::collections::{BTreeMap, BTreeSet};

use cdds_core::domain::access::audit::{AuditRecord, Object};
use cdds_core::domain::id::{ArtifactId, ExecutionId, JobId};
use cdds_core::ports::catalog::query::{ExecutionQuery, JobQuery, Slice};
use cdds_core::service::ServiceError;

use crate::compose::App;
use crate::session::Session;

/// Titles by the ids of jobs and of executions, and the executions that files belong to.
#[derive(Debug, Default)]
pub(super) struct Titles {
    jobs: BTreeMap<JobId, String>,
    executions: BTreeMap<ExecutionId, String>,
    files: BTreeMap<ArtifactId, ExecutionId>,
}

impl Titles {
    /// Looks up the titles of executions. Those that have left the history have none.
    pub(super) async fn of_executions(
        ids: BTreeSet<ExecutionId>,
        app: &App,
        session: &Session,
    ) -> Result<Self, ServiceError> {
        let mut titles = Self::default();
        titles.add_executions(ids, app, session).await?;
        Ok(titles)
    }

    /// Looks up the titles of what entries are about.
    pub(super) async fn of_entries(
        entries: &[AuditRecord],
        app: &App,
        session: &Session,
    ) -> Result<Self, ServiceError> {
        let (mut titles, by) = (Self::default(), &session.principal);
        let objects = || entries.iter().filter_map(|entry| entry.object.as_ref());
        let (mut jobs, mut executions) = (BTreeSet::new(), BTreeSet::new());
        for object in objects() {
            match object {
                Object::Job(id) => drop(jobs.insert(*id)),
                Object::Execution(id)
                | Object::ArtifactSet(id)
                | Object::Manifest(id)
                | Object::Signature(id) => drop(executions.insert(*id)),
                Object::Artifact(id) if !titles.files.contains_key(id) => {
                    match app.artifacts.execution_of(by, *id).await {
                        Ok(execution) => {
                            titles.files.insert(*id, execution);
                            executions.insert(execution);
                        }
                        Err(ServiceError::NotFound { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                _ => {}
            }
        }
        if !jobs.is_empty() {
            let query = JobQuery::default()
                .with_slice(Slice::first(jobs.len() as u64))
                .with_ids(jobs.into_iter().collect::<Vec<_>>());
            let known = app.jobs.list(by, &query).await?.items;
            let titled =
                known.into_iter().map(|one| (one.job.id, one.job.settings.title.as_str().to_owned()));
            titles.jobs.extend(titled);
        }
        titles.add_executions(executions, app, session).await?;
        Ok(titles)
    }

    async fn add_executions(
        &mut self,
        ids: BTreeSet<ExecutionId>,
        app: &App,
        session: &Session,
    ) -> Result<(), ServiceError> {
        if ids.is_empty() {
            return Ok(());
        }
        let query = ExecutionQuery::default()
            .with_slice(Slice::first(ids.len() as u64))
            .with_ids(ids.into_iter().collect::<Vec<_>>());
        let known = app.history.list(&session.principal, &query).await?.items;
        self.executions.extend(known.into_iter().map(|one| {
            let execution = one.execution;
            (execution.id, execution.settings.title.as_str().to_owned())
        }));
        Ok(())
    }

    /// Returns the title of an execution's job, as the execution had it.
    pub(super) fn of_execution(&self, id: ExecutionId) -> Option<&str> {
        self.executions.get(&id).map(String::as_str)
    }

    /// Returns the title of the job that an entry is about.
    pub(super) fn of_entry(&self, entry: &AuditRecord) -> Option<&str> {
        match entry.object.as_ref()? {
            Object::Job(id) => self.jobs.get(id).map(String::as_str),
            Object::Execution(id)
            | Object::ArtifactSet(id)
            | Object::Manifest(id)
            | Object::Signature(id) => self.of_execution(*id),
            Object::Artifact(id) => self.of_execution(*self.files.get(id)?),
            _ => None,
        }
    }
}
