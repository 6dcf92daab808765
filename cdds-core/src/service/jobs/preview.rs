//! Rule F8: when a job is next due, and what it would export then.

use super::{EditRequest, Jobs};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::execution::Execution;
use crate::domain::execution::schedule::{self, Occurrence};
use crate::domain::id::JobId;
use crate::domain::job::lifecycle::NewJob;
use crate::domain::job::{Job, JobState, edit};
use crate::service::ServiceError;
use crate::service::access::check;

impl Jobs {
    /// Returns the next `count` occurrences of a job, at most [`PREVIEW_MAX`](schedule::PREVIEW_MAX), each
    /// with the window that it would export (rule F8). That of a one-time job which waits for a worker comes first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn preview(
        &self,
        by: &Principal,
        id: JobId,
        count: usize,
    ) -> Result<Vec<Occurrence>, ServiceError> {
        Ok(self.ahead(by, id, count).await?.1)
    }

    /// Returns a job and its next occurrences.
    pub(super) async fn ahead(
        &self,
        by: &Principal,
        id: JobId,
        count: usize,
    ) -> Result<(Job, Vec<Occurrence>), ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Job(id))).await?;
        let job = self.find(&by.owner, id).await?.job;
        let terms = self.source_terms(&job.owner, &job.settings);
        let awaited = match job.state {
            JobState::Suspended => schedule::awaited(&job, &self.open(&job).await?.executions),
            _ => None,
        };
        let later = schedule::preview(&job, terms, count, self.now().await?);
        Ok((job, awaited.into_iter().chain(later).take(count).collect()))
    }

    /// Previews a job that is not submitted yet, like [`preview`](Self::preview). Checks first that it can be
    /// admitted; stores nothing.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with the first rule that the settings or the first run break.
    pub async fn preview_draft(
        &self,
        by: &Principal,
        new: impl Into<NewJob>,
        count: usize,
    ) -> Result<Vec<Occurrence>, ServiceError> {
        let new = new.into();
        check(&self.ports, by, Action::See, None).await?;
        let now = self.now().await?;
        let (submission, terms) = self.new_submission(by, &new, now).await?;
        Ok(submission.preview(terms, count, now))
    }

    /// Previews an edit that is not made yet: decides it, but stores nothing. Occurrences that the edit would
    /// queue at once come first.
    ///
    /// # Errors
    /// As for [`edit`](Self::edit).
    pub async fn preview_edit(
        &self,
        by: &Principal,
        id: JobId,
        request: &EditRequest,
        count: usize,
    ) -> Result<Vec<Occurrence>, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Job(id))).await?;
        let (job, now) = (self.find(&by.owner, id).await?.job, self.now().await?);
        let (job, queued) = self.as_if_caught_up(job, count, now).await?;
        let mut change = self.decide_edit(&job, request, now).await?;
        self.as_if_settled(&mut change).await?;
        let terms = self.source_terms(&job.owner, &request.settings);
        let queued = queued.into_iter().map(|entry| edit::taken_on(&job, &change.job, entry, terms, now));
        let queued = queued.collect::<Vec<_>>().into_iter().chain(change.entries);
        let queued = queued.filter(Execution::is_waiting);
        let immediate = queued.map(|entry| Occurrence::of(&entry.settings, entry.slot, entry.window));
        let later = schedule::preview(&change.job, terms, count, now);
        Ok(immediate.chain(later).take(count).collect())
    }
}
