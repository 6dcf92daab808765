//! Checks notices that no execution causes: each is stored when it is due, once, and only if it is true (rule N8).

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::{check_refusal, never};
use super::model::{Check, ExecutionModel, Model, ensure};
use super::planted::Tampered;
use super::report::{Invariant, Who};
use super::watch::{Watch, step};
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::access::download::DownloadOutcome;
use crate::domain::execution::Execution;
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::work::row::WorkState;
use crate::ports::catalog::query::NoticeQuery;
use crate::ports::catalog::{CatalogError, Told};

impl Watch {
    /// Follows a page of sets that expire: after it, each set of the page has its notice if and only if that is true or
    /// was when it was stored.
    pub(super) fn tell_of_expiring(
        &self,
        catalog: &Tampered,
        behind: Option<SetPlace>,
        limit: usize,
    ) -> Result<Told<SetPlace>, CatalogError> {
        let result = step(catalog.tell_of_expiring(behind, limit));
        self.look(|model| {
            check_refusal("tell_of_expiring", &result, never)?;
            let Ok(told) = &result else { return Ok(()) };
            let now = self.shared.timeline.now();
            let is_in_page = |execution: &Execution, expires_at| {
                let place = SetPlace { expires_at, execution: execution.id };
                behind.is_none_or(|behind| place > behind) && told.next.is_none_or(|next| place <= next)
            };
            let published = model.executions.values().filter(|known| !known.deleted && !known.forgotten);
            let of_page: Vec<(Execution, bool)> = published
                .filter(|known| expiry(known).is_some_and(|at| is_in_page(&known.execution, at)))
                .map(|known| (known.execution.clone(), is_to_be_told(model, known, now)))
                .collect();
            let mut stored = 0;
            for (execution, is_true) in of_page {
                let new = self.new_reminders(model, &execution)?;
                ensure(new.is_empty() || is_true, Invariant::Record, || {
                    format!("{new:?} were stored at {now}, and are not true")
                })?;
                stored += new.len();
                for notice in new {
                    self.shared.note(Who::Record, format!("notice: {} expires", execution.id));
                    model.notices.insert(notice.work.id, notice);
                }
                let of_set = model.notices.values().filter(|one| is_reminder(one, &execution)).count();
                ensure(of_set == 1 || (of_set == 0 && !is_true), Invariant::Record, || {
                    format!("there are {of_set} notices that the set of {} expires: {is_true}", execution.id)
                })?;
            }
            ensure(stored == told.stored, Invariant::Answer, || {
                format!("{} notices are said to be stored, and {stored} were", told.stored)
            })
        });
        result
    }

    /// Returns the notices of a set that the model does not know yet.
    fn new_reminders(&self, model: &Model, of: &Execution) -> Check<Vec<Notice>> {
        let listed =
            self.read(self.catalog.notices(&of.owner, &NoticeQuery::default().with_execution(of.id)))?;
        let unknown =
            |notice: &Notice| is_reminder(notice, of) && !model.notices.contains_key(&notice.work.id);
        let new: Vec<Notice> = listed.items.into_iter().filter(unknown).collect();
        let waits = new.iter().all(|notice| matches!(notice.work.state, WorkState::Waiting { .. }));
        ensure(waits, Invariant::Record, || format!("{new:?} are new"))?;
        Ok(new)
    }
}

fn is_reminder(notice: &Notice, of: &Execution) -> bool {
    notice.kind == NoticeKind::Expiring && notice.execution_id() == Some(of.id)
}

/// Returns when the set of an execution expires, if it has one that is not removed.
fn expiry(known: &ExecutionModel) -> Option<DateTime<Utc>> {
    let set = known.set.as_ref().filter(|set| !set.removed)?;
    set.set.artifacts.iter().map(|file| file.expires_at).max()
}

/// Whether people are to be told at `now` that the set of an execution expires.
fn is_to_be_told(model: &Model, known: &ExecutionModel, now: DateTime<Utc>) -> bool {
    let (Some(set), Some(expires_at)) = (&known.set, expiry(known)) else { return false };
    let Some(published_at) = known.execution.finished_at else { return false };
    // Three days before it expires, or once half of a shorter time is over.
    let left = expires_at - now;
    let is_soon =
        TimeDelta::zero() < left && left <= TimeDelta::hours(72) && left + left <= expires_at - published_at;
    let was_downloaded = |entry: &AuditRecord| {
        let of_set = |file| set.set.artifacts.iter().any(|one| one.id == file);
        let is_whole = |end: DownloadOutcome| end == DownloadOutcome::Verified;
        matches!(entry.object, Some(Object::Artifact(file)) if of_set(file))
            && matches!(entry.outcome, Outcome::Ended(end) if is_whole(end.outcome))
    };
    let mut audit = model.audit.values().chain(&model.past_audit);
    is_soon && !set.is_held() && !audit.any(was_downloaded)
}
