//! Checks that those who have copies are told, and told once (rule D11).

use uuid::Uuid;

use super::super::model::{Broken, Check, ensure};
use super::super::planted::PlantedBug;
use super::super::report::Invariant;
use super::super::watch::step;
use super::ward::{Model, Ward};
use crate::domain::access::Action;
use crate::domain::access::audit::{AuditRecord, Outcome};
use crate::domain::id::{ExecutionId, Owner, SubjectRequestId};
use crate::domain::notice::recall::Recalled;
use crate::domain::notice::{Channel, NoticeKind};
use crate::domain::subject::copies::Holding;
use crate::ports::catalog::query::{AuditQuery, NoticeQuery, Slice};
use crate::ports::catalog::{Catalog, CatalogError};
use crate::service::copies::{CopyOf, CopyRecall};

type Answer = Result<Vec<Recalled>, CatalogError>;

impl Ward {
    /// Recalls sets in one step of the world, and checks who is told.
    pub(super) fn recall(
        &self,
        catalog: &dyn Catalog,
        (owner, request): (&Owner, SubjectRequestId),
        sets: &[(ExecutionId, AuditRecord)],
    ) -> Answer {
        let answer = match self.bug {
            Some(PlantedBug::RecallUnheard) => Ok(Vec::new()),
            Some(PlantedBug::RecallAgain) => {
                let another = Uuid::from_u128(self.shared.timeline.elapsed().into());
                step(catalog.recall(owner, SubjectRequestId(another), sets))
            }
            _ => step(catalog.recall(owner, request, sets)),
        };
        self.look(|model| {
            check_asked(model, (owner, request), sets)?;
            let Ok(told) = &answer else { return Ok(()) };
            for (set, _) in sets {
                let is_new = model.recalled.insert((request, *set));
                self.shared.count(|figures| figures.recalled += u64::from(is_new));
                check_told(told, *set, is_new)?;
            }
            self.check_entries(model, owner)
        });
        answer
    }

    /// Each set has one entry of the audit for a request, whoever asked how often.
    fn check_entries(&self, model: &Model, owner: &Owner) -> Check {
        let query = AuditQuery::default().with_action(Action::RecallCopies);
        let query = AuditQuery { slice: Slice::first(u64::from(u32::MAX)), ..query };
        let entries = self.read(self.catalog.audit(owner, &query))?.items;
        let entries = entries.iter().filter(|entry| entry.outcome == Outcome::Done).count();
        let is_theirs = |(request, _): &&(SubjectRequestId, ExecutionId)| {
            model.requests.get(request).is_some_and(|known| known.request.owner == *owner)
        };
        let recalled = model.recalled.iter().filter(is_theirs).count();
        ensure(entries == recalled, Invariant::Audit, || {
            format!("{recalled} sets of {owner} were recalled, and {entries} are on the audit")
        })
    }

    /// What may hold the person and was downloaded is answered for.
    pub(super) fn check_recalls(&self, found: &[CopyOf], recalls: &[CopyRecall]) {
        self.look(|model| {
            for copy in found {
                let set = copy.set.execution;
                let is_had = copy.holding == Holding::May && !copy.downloads.is_empty();
                let answers = recalls.iter().filter(|recall| recall.copy.set.execution == set).count();
                let expected = usize::from(is_had && model.sets.contains_key(&set));
                ensure(answers == expected, Invariant::D11, || {
                    format!("set {set} has {answers} answers instead of {expected}: {copy:?}")
                })?;
            }
            Ok(())
        });
    }

    /// At the end, what was acknowledged is on record, once for each request.
    pub(super) fn check_notices_of_recalls(&self, model: &Model) -> Check {
        for (request, set) in &model.recalled {
            let Some(known) = model.requests.get(request) else { continue };
            let query = NoticeQuery::default().with_execution(*set);
            let query = NoticeQuery { slice: Slice::first(u64::from(u32::MAX)), ..query };
            let notices = self.read(self.catalog.notices(&known.request.owner, &query))?.items;
            let told = notices.iter().filter(|notice| notice.kind == NoticeKind::Recall).count();
            let wanted = model.recalled.iter().filter(|(_, recalled)| recalled == set).count();
            ensure(told == wanted, Invariant::D11, || {
                format!("set {set} was recalled for {wanted} requests, and has {told} notices of that")
            })?;
        }
        Ok(())
    }
}

/// Only for who asked for erasure, of their owner's sets that somebody has, and never of a copy for a person.
fn check_asked(
    model: &Model,
    (owner, request): (&Owner, SubjectRequestId),
    sets: &[(ExecutionId, AuditRecord)],
) -> Check {
    let Some(known) = model.requests.get(&request) else {
        return Err(Broken(Invariant::D11, format!("sets are recalled for {request}, which nobody knows")));
    };
    let theirs = known.request.owner == *owner && known.request.kind.erases();
    ensure(theirs, Invariant::D11, || format!("{owner} recalls sets for {:?}", known.request))?;
    let is_had = |set: &ExecutionId| model.sets.contains_key(set) && model.had.contains(set);
    let other = sets.iter().map(|(set, _)| set).find(|set| !is_had(set));
    ensure(other.is_none(), Invariant::D11, || format!("{other:?} is recalled, which nobody has"))
}

/// Jobs of these worlds have no subscribers, so the embedding service is who is told.
fn check_told(told: &[Recalled], set: ExecutionId, is_new: bool) -> Check {
    let of_set: Vec<&Recalled> = told.iter().filter(|one| one.notice.execution_id() == Some(set)).collect();
    let one = match of_set[..] {
        [one] => one.notice.channel == Channel::Host && one.notice.kind == NoticeKind::Recall,
        _ => false,
    };
    let is_right = one && of_set.iter().all(|one| one.is_new == is_new);
    ensure(is_right, Invariant::D11, || {
        format!("set {set} is recalled, {} before: {of_set:?}", if is_new { "not" } else { "as" })
    })
}
