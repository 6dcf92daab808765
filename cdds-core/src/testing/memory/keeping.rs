//! What the catalog forgets (rule E14).

use std::convert::Infallible;

use chrono::{DateTime, Utc};

use super::state::State;
use crate::domain::access::audit::Object;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{AuditId, ExecutionId, JobId, NoticeId};
use crate::domain::job::JobState;
use crate::domain::keeping::sweep::{Chapter, OldRecord, OldRow, Place, Swept, sweep};
use crate::domain::keeping::{Cutoffs, Facts, Files};
use crate::domain::notice::Notice;
use crate::domain::work::row::WorkState;
use crate::ports::catalog::Forget;

impl State {
    pub(super) fn forget(&mut self, page: &Forget) -> Swept {
        let mut old = Old { state: self, cutoffs: page.cutoffs };
        match sweep(&mut old, &page.cutoffs, page.behind, page.limit) {
            Ok(swept) => swept,
            Err(never) => match never {},
        }
    }

    fn files(&self, execution: ExecutionId) -> Files {
        match self.sets.get(execution) {
            None => Files::None,
            Some(set) => set.confirmed_at.map_or(Files::MayExist, Files::GoneSince),
        }
    }

    fn is_on_hold(&self, execution: ExecutionId) -> bool {
        self.sets.get(execution).is_some_and(|set| !set.is_removed() && set.is_held())
    }

    /// Whether a job that was not deleted needs the execution.
    fn is_needed(&self, execution: &Execution) -> bool {
        let live = self.jobs.get(&execution.job_id).is_some_and(|job| job.state != JobState::Deleted);
        let shown = |one: &&Execution| !matches!(one.state, ExecutionState::Skipped(_));
        let newest = self.of(execution.job_id).rev().find(shown).map(|one| one.id);
        let succeeded = self.of(execution.job_id).filter(|one| one.state == ExecutionState::Succeeded);
        let last = succeeded.max_by_key(|one| (one.finished_at, one.id)).map(|one| one.id);
        live && [newest, last].contains(&Some(execution.id))
    }

    fn is_held_object(&self, object: Option<&Object>) -> bool {
        let execution = match object {
            Some(
                Object::Execution(id)
                | Object::ArtifactSet(id)
                | Object::Manifest(id)
                | Object::Signature(id),
            ) => Some(*id),
            Some(Object::Artifact(id)) => self.sets.execution_of(*id),
            _ => None,
        };
        execution.is_some_and(|id| self.is_on_hold(id))
    }

    fn forget_execution(&mut self, id: ExecutionId) -> usize {
        self.leave_filter(id);
        let mut rows = usize::from(self.executions.remove(id));
        if let Some(stored) = self.sets.remove(id) {
            rows += 1 + stored.set.artifacts.len();
            let downloads = stored.set.artifacts.iter().filter_map(|file| self.downloads.remove(&file.id));
            rows += downloads.map(|at| at.len()).sum::<usize>();
        }
        rows + self.notices.remove(id) + self.deliveries.remove(id)
    }
}

/// The old rows of the catalog.
struct Old<'s> {
    state: &'s mut State,
    cutoffs: Cutoffs,
}

impl Old<'_> {
    /// Returns all rows of a chapter, in any order.
    fn rows(&self, chapter: Chapter) -> Vec<OldRow> {
        let row = |at: DateTime<Utc>, id, facts| OldRow { place: Place { chapter, at, id }, facts };
        let state = &*self.state;
        match chapter {
            Chapter::Ended => {
                let ended = state.executions.values().filter(|entry| entry.deleted_at.is_none());
                let of = |execution: &Execution| {
                    let at = execution.finished_at.filter(|at| *at <= self.cutoffs.ended)?;
                    let (files, is_needed) = (state.files(execution.id), state.is_needed(execution));
                    Some(row(at, execution.id.0, Facts::Ended { files, is_needed }))
                };
                ended.filter_map(|entry| of(&entry.execution)).collect()
            }
            Chapter::Deleted => {
                let deleted = state.executions.values().filter_map(|entry| {
                    let (at, id) = (entry.deleted_at?, entry.execution.id);
                    Some(row(at, id.0, Facts::Deleted { files: state.files(id) }))
                });
                deleted.collect()
            }
            Chapter::Jobs => {
                let deleted = state.jobs.values().filter(|job| job.state == JobState::Deleted);
                let referenced = |id| state.executions.values().any(|entry| entry.execution.job_id == id);
                let facts = |id, unsettled| Facts::Job { is_referenced: unsettled || referenced(id) };
                deleted
                    .map(|job| row(job.updated_at, job.id.0, facts(job.id, job.unsettled.is_some())))
                    .collect()
            }
            Chapter::Notices => {
                let ended = state.notices.all.values().filter_map(|notice| match notice.work.state {
                    WorkState::Done { at } | WorkState::GivenUp { at, .. } => Some((at, notice)),
                    WorkState::Waiting { .. } | WorkState::Held { .. } => None,
                });
                let is_held = |notice: &Notice| notice.execution_id().is_some_and(|id| state.is_on_hold(id));
                let held = |notice| Facts::Notice { is_held: is_held(notice) };
                ended.map(|(at, notice)| row(at, notice.work.id.0, held(notice))).collect()
            }
            Chapter::Audit => {
                let held = |object| Facts::Audit { is_held: state.is_held_object(object) };
                let entries = state.audit.values();
                entries.map(|entry| row(entry.at, entry.id.0, held(entry.object.as_ref()))).collect()
            }
        }
    }
}

impl OldRecord for Old<'_> {
    type Error = Infallible;

    fn old(
        &mut self,
        chapter: Chapter,
        behind: Option<Place>,
        limit: usize,
    ) -> Result<Vec<OldRow>, Infallible> {
        let until = if chapter == Chapter::Deleted { self.cutoffs.gone } else { self.cutoffs.ended };
        let mut rows = self.rows(chapter);
        rows.retain(|row| row.place.at <= until && behind.is_none_or(|behind| row.place > behind));
        rows.sort_unstable_by_key(|row| row.place);
        rows.truncate(limit);
        Ok(rows)
    }

    fn remove(&mut self, place: Place) -> Result<usize, Infallible> {
        let Place { chapter, id, .. } = place;
        Ok(match chapter {
            Chapter::Ended | Chapter::Deleted => self.state.forget_execution(ExecutionId(id)),
            Chapter::Jobs => usize::from(self.state.jobs.remove(&JobId(id)).is_some()),
            Chapter::Notices => usize::from(self.state.notices.all.remove(&NoticeId(id)).is_some()),
            Chapter::Audit => usize::from(self.state.audit.remove(&AuditId(id)).is_some()),
        })
    }
}
