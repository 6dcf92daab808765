//! Checks each step of a request (rules D3, D6 to D9), and that the audit has it (rule C2).

use std::collections::BTreeMap;

use super::super::model::{Broken, Check, ensure};
use super::super::report::{Invariant, Who};
use super::super::watch::step;
use super::town::reaches_anything;
use super::ward::{Known, KnownTask, Model, Step, Ward};
use crate::domain::access::Action;
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::subject::request::{RequestKind, RequestStatus, SubjectRequest};
use crate::domain::work::row::{GivenUp, WorkState};
use crate::identifiers;
use crate::ports::catalog::query::{AuditQuery, Slice};
use crate::ports::catalog::{Catalog, CatalogError, CatalogErrorKind};

/// Who takes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Person,
    /// An engine that has found all tasks answered.
    Engine,
    /// The publication of the copy.
    Publication,
}

impl From<Who> for By {
    fn from(who: Who) -> Self {
        if matches!(who, Who::Person(_)) { Self::Person } else { Self::Engine }
    }
}

impl Ward {
    /// Stores a new request. Rule D8: one that repeats an open one is refused, and no other.
    pub(super) fn insert(
        &self,
        catalog: &dyn Catalog,
        request: &SubjectRequest,
        audit: &[AuditRecord],
        takes_repeated: bool,
    ) -> Result<Option<SubjectRequestId>, CatalogError> {
        let mut result = step(catalog.insert_subject_request(request, audit));
        if let (Ok(Some(_)), true, Some(memory)) = (&result, takes_repeated, &self.memory) {
            memory.put_subject_request(request.clone());
            result = Ok(None);
        }
        self.look(|model| {
            let told = |why: &str| format!("request {}: {why}", request.id);
            let person = identifiers::person(&*self.keys, request)
                .map_err(|error| Broken(Invariant::D6, told(&error.report())))?;
            let known = Known {
                request: request.clone(),
                subject: person.subject,
                certificate: person.certificate.map(|der| der.to_vec()),
            };
            let answer = result.as_ref().map_err(|error| Broken(Invariant::Answer, error.report()))?;
            let repeated = model.repeated(&known);
            ensure(answer.is_some() == repeated.is_some(), Invariant::D8, || {
                format!("request {} repeats {repeated:?}, and the answer is {answer:?}", request.id)
            })?;
            if answer.is_some() {
                return Ok(());
            }
            // What two owners know of one person has no hash in common.
            let mut others = model.requests.values().filter(|one| one.request.owner != request.owner);
            let shared = others
                .any(|one| one.request.identifiers.iter().any(|hash| request.identifiers.contains(hash)));
            ensure(!shared, Invariant::D6, || told("another owner has one of its hashes"))?;
            let stored = self.stored(&request.owner, request.id)?;
            ensure(stored.as_ref() == Some(request), Invariant::Answer, || format!("{stored:?} was stored"))?;
            self.shared.count(|figures| figures.requests += 1);
            self.shared.note(Who::Record, format!("request {} for {}", request.id, request.kind));
            model.requests.insert(request.id, known);
            model.noted(request, audit)
        });
        result
    }

    fn stored(&self, owner: &Owner, id: SubjectRequestId) -> Check<Option<SubjectRequest>> {
        self.read(self.catalog.subject_request(owner, id))
    }

    /// Checks a change of a request that was made or refused.
    pub(super) fn changed(
        &self,
        (request, expected): (&SubjectRequest, u64),
        audit: &[AuditRecord],
        by: By,
        result: &Result<(), CatalogError>,
    ) {
        self.look(|model| {
            let Some(known) = model.requests.get(&request.id) else {
                let what = format!("request {} was never received", request.id);
                return Err(Broken(Invariant::Answer, what));
            };
            let before = known.request.clone();
            let stored = self.stored(&request.owner, request.id)?;
            if let Err(error) = result {
                let overtaken = error.kind() == CatalogErrorKind::Conflict && before.version != expected;
                ensure(overtaken, Invariant::Answer, || format!("refused without need: {}", error.report()))?;
                return ensure(stored.as_ref() == Some(&before), Invariant::Answer, || {
                    format!("a change was refused, and {before:?} became {stored:?}")
                });
            }
            ensure(before.version == expected, Invariant::Record, || {
                format!("a change of version {expected} was stored over {}", before.version)
            })?;
            self.step_taken(model, &before, request, stored.as_ref(), by)?;
            if by == By::Person { model.noted(request, audit) } else { Ok(()) }
        });
    }

    /// Follows a step: `after` is what should be on record, `stored` what is.
    pub(super) fn step_taken(
        &self,
        model: &mut Model,
        before: &SubjectRequest,
        after: &SubjectRequest,
        stored: Option<&SubjectRequest>,
        by: By,
    ) -> Check {
        let told = || {
            let (from, to) = (before.status(), after.status());
            format!("request {} for {}: {from} became {to} by {by:?}", after.id, after.kind)
        };
        self.shared.note(Who::Record, told());
        ensure(before.status().is_open(), Invariant::D3, || format!("it had ended, and {}", told()))?;
        let ended = !after.status().is_open();
        let sealed = stored.is_some_and(|stored| stored.sealed().is_some());
        ensure(!(ended && sealed), Invariant::D6, || format!("its identifiers are kept: {}", told()))?;
        ensure(stored == Some(after), Invariant::Answer, || format!("{}, but {stored:?}", told()))?;
        ensure(is_lawful(before, after, by), Invariant::D3, told)?;
        self.follow_tasks(model, after)?;
        let of_request = |known: &&KnownTask| known.task.request == after.id;
        let tasks: Vec<KnownTask> = model.tasks.values().filter(of_request).cloned().collect();
        match after.status() {
            RequestStatus::Done if after.kind.erases() => {
                let open = tasks.iter().find(|known| !known.task.is_answered());
                ensure(open.is_none() && !tasks.is_empty(), Invariant::D3, || {
                    format!("{}: {open:?}", told())
                })?;
                ensure(self.is_in_ledger(after.id), Invariant::D7, || {
                    format!("the ledger has no entry, and {}", told())
                })?;
            }
            RequestStatus::Refused | RequestStatus::Withdrawn => {
                let gone = |known: &KnownTask| match known.task.work.state {
                    WorkState::GivenUp { reason, .. } => reason == GivenUp::Gone,
                    _ => known.task.is_answered(),
                };
                ensure(tasks.iter().all(gone), Invariant::D3, || format!("{} with {tasks:?}", told()))?;
            }
            _ => {}
        }
        let hands_over = after.status() == RequestStatus::Done && after.kind.hands_over();
        ensure(!hands_over || after.handed_over.is_some(), Invariant::D9, told)?;
        if let Some(known) = model.requests.get_mut(&after.id) {
            known.request = after.clone();
        }
        Ok(())
    }

    /// Rule C2: at the end the audit has each step that a person took once, and no other.
    pub(super) fn check_audit(&self, model: &Model) -> Check {
        let mut found = Vec::new();
        let mut again = BTreeMap::<SubjectRequestId, usize>::new();
        for owner in super::ward::owners() {
            let query = AuditQuery { slice: Slice::first(u64::from(u32::MAX)), ..AuditQuery::default() };
            for entry in self.read(self.catalog.audit(&owner, &query))?.items {
                let Some(Object::SubjectRequest(request)) = entry.object else { continue };
                if entry.outcome != Outcome::Done {
                    continue;
                }
                match entry.version_after {
                    Some(version) => found.push(Step { request, version, by: entry.principal }),
                    None if entry.action == Action::RunSubjectRequest => {
                        *again.entry(request).or_default() += 1;
                    }
                    None => {}
                }
            }
        }
        let mut taken = model.steps.clone();
        found.sort();
        taken.sort();
        let differs = found.iter().zip(&taken).find(|(found, taken)| found != taken);
        ensure(found.len() == taken.len() && differs.is_none(), Invariant::Audit, || {
            format!("{} steps were taken, {} are on the audit: {differs:?}", taken.len(), found.len())
        })?;
        ensure(again == model.asked_again, Invariant::Audit, || {
            format!("people asked again {:?}, the audit says {again:?}", model.asked_again)
        })
    }
}

impl Model {
    /// Returns the open request that this one repeats.
    fn repeated(&self, new: &Known) -> Option<SubjectRequestId> {
        let is_same = |known: &&Known| {
            let (open, asks) = (&known.request, &new.request);
            let names = known.subject.identifiers().iter().any(|one| new.subject.identifiers().contains(one));
            let kind = open.kind == RequestKind::Both || open.kind == asks.kind;
            open.status().is_open()
                && open.owner == asks.owner
                && names
                && kind
                && open.scope.covers(&asks.scope)
        };
        self.requests.values().find(is_same).map(|known| known.request.id)
    }

    /// Notes a step with its entry of the audit, which names who took it.
    fn noted(&mut self, after: &SubjectRequest, audit: &[AuditRecord]) -> Check {
        let [entry] = audit else {
            return Err(Broken(Invariant::Audit, format!("a step has {} entries", audit.len())));
        };
        let by = match after.status() {
            _ if after.extended.as_ref().is_some_and(|step| step.at == entry.at) => after.extended.as_ref(),
            RequestStatus::Received => Some(&after.received),
            RequestStatus::Verified => after.verified.as_ref().map(|(_, step)| step),
            RequestStatus::Approved | RequestStatus::Running => after.approved.as_ref(),
            _ => after.ended().map(|(step, _)| step),
        };
        let of = entry.object == Some(Object::SubjectRequest(after.id))
            && entry.version_after == Some(after.version)
            && by.is_some_and(|step| step.by == entry.principal);
        ensure(of, Invariant::Audit, || format!("{entry:?} is the entry of {after:?}"))?;
        let (request, version) = (after.id, after.version);
        self.steps.push(Step { request, version, by: entry.principal.clone() });
        Ok(())
    }
}

/// Rule D3: each step is taken from the one before, and by whom it may be.
fn is_lawful(before: &SubjectRequest, after: &SubjectRequest, by: By) -> bool {
    use RequestStatus::{Approved, Done, Received, Refused, Running, Verified, Withdrawn};
    let kind = after.kind;
    let own = after.approved.as_ref().is_some_and(|step| step.by == after.received.by);
    let same = before.kind == kind && before.scope == after.scope && before.identifiers == after.identifiers;
    let way = match (by, before.status(), after.status()) {
        (By::Person, Received, Verified) => true,
        (By::Person, Verified, Approved) => kind == RequestKind::Both,
        (By::Person, Verified, Running) => kind == RequestKind::Erasure,
        (By::Person, _, Refused | Withdrawn) => true,
        (By::Person, one, other) if one == other => {
            before.extended.is_none() && after.extended.is_some() && after.due_at > before.due_at
        }
        (By::Engine, Running, Done) => kind.erases(),
        (By::Publication, Verified, Done) => kind == RequestKind::Access,
        (By::Publication, Approved, Running) => kind == RequestKind::Both,
        _ => false,
    };
    let is_approval = before.approved.is_none() && after.approved.is_some();
    way && same && !own && (!is_approval || reaches_anything(&after.scope))
}
