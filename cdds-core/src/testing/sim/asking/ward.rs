//! The watch over a world in which people ask: what is on record of their requests, as each step left it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::super::faults::Faults;
use super::super::model::{Broken, Check, ensure};
use super::super::planted::PlantedBug;
use super::super::report::{Invariant, Who};
use super::super::shared::{Life, Shared, lock};
use super::super::source::OWNERS;
use super::super::time::Micros;
use super::super::watch::step;
use super::tasks::holds;
use super::town::{By, Row, RowType, Town, is_named};
use crate::domain::access::PrincipalName;
use crate::domain::id::{ExecutionId, Owner, SubjectRequestId, SubjectTaskId};
use crate::domain::subject::request::{RequestKind, SubjectRequest};
use crate::domain::subject::{EraseRequest, Erased, Kept, Subject, SubjectTask};
use crate::domain::work::row::WorkStatus;
use crate::keys;
use crate::ports::catalog::{Catalog, CatalogError};
use crate::testing::{MemoryCatalog, MemorySink, MemorySubjectKeys};

/// The owners of records and of requests.
pub(super) fn owners() -> Vec<Owner> {
    OWNERS.into_iter().filter_map(|name| Owner::new(name).ok()).collect()
}

/// Everything that is known of a world.
#[derive(Debug)]
pub(super) struct Ward {
    pub(super) shared: Arc<Shared>,
    /// The record itself, for checks.
    pub(super) catalog: Arc<dyn Catalog>,
    /// The same if it is in memory, for bugs that no other catalog can be made to have.
    pub(super) memory: Option<Arc<MemoryCatalog>>,
    pub(super) store: MemorySink,
    pub(super) keys: Arc<MemorySubjectKeys>,
    pub(super) town: Mutex<Town>,
    pub(super) model: Mutex<Model>,
    pub(super) bug: Option<PlantedBug>,
}

/// The expected state of the record.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) requests: BTreeMap<SubjectRequestId, Known>,
    pub(super) tasks: BTreeMap<SubjectTaskId, KnownTask>,
    /// The claims that each life of an engine has made, in order.
    pub(super) claims: BTreeMap<(usize, u64), Vec<(SubjectTaskId, u64)>>,
    /// Whom each published set names.
    pub(super) sets: BTreeMap<ExecutionId, BTreeSet<(By, usize)>>,
    /// The sets of which somebody may have a file.
    pub(super) had: BTreeSet<ExecutionId>,
    /// The sets that were recalled for each request.
    pub(super) recalled: BTreeSet<(SubjectRequestId, ExecutionId)>,
    /// The steps that people took.
    pub(super) steps: Vec<Step>,
    /// How often people asked again for what failed.
    pub(super) asked_again: BTreeMap<SubjectRequestId, usize>,
    /// The owners whose erasures are to be applied again, since sources were restored.
    pub(super) to_reapply: BTreeSet<Owner>,
}

/// A request and whom it is about.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) request: SubjectRequest,
    pub(super) subject: Subject,
    pub(super) certificate: Option<Vec<u8>>,
}

/// A step that a person took.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) request: SubjectRequestId,
    /// The version afterwards.
    pub(super) version: u64,
    pub(super) by: PrincipalName,
}

/// The erasure of a type, and what its source did for it.
#[derive(Debug, Clone)]
pub(super) struct KnownTask {
    pub(super) task: SubjectTask,
    /// How many records the source has erased.
    pub(super) erased: u64,
    /// What it kept when it was last asked.
    pub(super) kept: Vec<Kept>,
    /// When it was last asked by the claim that held.
    pub(super) asked: Option<Micros>,
    /// How many records each claim has put on record before it erased.
    pub(super) noted: BTreeMap<u64, u64>,
    /// Whether something else changed such records while they were counted, so that the count may differ.
    pub(super) is_blurred: bool,
}

impl KnownTask {
    pub(super) fn new(task: SubjectTask) -> Self {
        Self { task, erased: 0, kept: Vec::new(), asked: None, noted: BTreeMap::new(), is_blurred: false }
    }

    pub(super) fn is_of(&self, owner: &str, kind: &RowType) -> bool {
        let task = &self.task;
        task.work.owner.as_str() == owner
            && task.source.as_str() == kind.source
            && task.data_type.as_str() == kind.name
    }
}

impl Ward {
    /// Checks a step. The first check that fails ends the world.
    pub(super) fn look(&self, check: impl FnOnce(&mut Model) -> Check) {
        if let Err(Broken(invariant, what)) = check(&mut lock(&self.model)) {
            self.shared.violate(invariant, what);
        }
    }

    /// Reads the record without faults.
    pub(super) fn read<T>(&self, call: impl Future<Output = Result<T, CatalogError>>) -> Check<T> {
        step(call).map_err(|error| Broken(Invariant::Record, format!("cannot be read: {}", error.report())))
    }

    /// Describes what is still to be answered.
    pub(super) fn left(&self) -> String {
        let model = lock(&self.model);
        let open = model.requests.values().filter(|known| known.request.status().is_open());
        let told = open.map(|known| {
            let id = known.request.id;
            let tasks = model.tasks.values().filter(|task| task.task.request == id);
            let tasks: Vec<String> =
                tasks.map(|task| format!("{} {}", task.task.data_type, task.task.standing())).collect();
            format!("{id} for {} is {}: {}", known.request.kind, known.request.status(), tasks.join(", "))
        });
        let told: Vec<String> = told.collect();
        format!("{}; to be applied again: {:?}", told.join("; "), model.to_reapply)
    }

    /// Whether the ledger has the entry of a request.
    pub(super) fn is_in_ledger(&self, request: SubjectRequestId) -> bool {
        self.store.object(&keys::erasure(request)).is_some()
    }

    /// Notes that records of a type were changed by something else than this task.
    pub(super) fn stirs(&self, owner: &str, kind: &RowType, by: Option<SubjectTaskId>) {
        let mut model = lock(&self.model);
        for (id, known) in &mut model.tasks {
            let counts = known.task.looked.is_some() || known.task.work.status() == WorkStatus::Held;
            known.is_blurred |= counts && known.is_of(owner, kind) && Some(*id) != by;
        }
    }

    /// Checks what a source is about to erase, or would: that the person has asked for that, that nobody else's records
    /// are among it, and that they were counted on record before (rules D3 to D5, D7).
    pub(super) fn erases(
        &self,
        faults: &Faults,
        (kind, request): (&RowType, &EraseRequest),
        gone: &[usize],
        told: &Erased,
    ) {
        let mut changed = None;
        self.look(|model| {
            let town = lock(&self.town);
            for row in gone.iter().filter_map(|number| town.row(*number)) {
                check_theirs(row, request)?;
            }
            drop(town);
            let claim = match faults.who {
                Who::Engine(place) => {
                    let life = self.shared.lives.get(place).map_or(0, Life::number);
                    let claim = model.claim_of((place, life), kind, request);
                    Some(claim.ok_or_else(|| {
                        let what = format!("engine {place} erases {} of nobody who asked for it", kind.name);
                        Broken(Invariant::D5, what)
                    })?)
                }
                _ if request.dry_run => None,
                _ => {
                    self.check_reapplied(model, kind, request)?;
                    None
                }
            };
            let count = gone.len() as u64;
            if let Some((id, epoch)) = claim {
                model.check_erasure((id, epoch), request.dry_run, told)?;
                if let Some(known) = model.tasks.get_mut(&id) {
                    if holds(&known.task, epoch) {
                        known.asked = Some(self.shared.timeline.elapsed());
                        known.kept.clone_from(&told.kept);
                    }
                    known.erased += if request.dry_run { 0 } else { count };
                }
            }
            if !request.dry_run && count > 0 {
                changed = Some(claim.map(|(id, _)| id));
            }
            Ok(())
        });
        if let Some(by) = changed {
            self.shared.count(|figures| figures.erased += gone.len() as u64);
            self.shared.note(faults.who, format!("{} records of {} are erased", gone.len(), kind.name));
            self.stirs(request.owner.as_str(), kind, by);
        }
    }

    /// Rule D7: what people erase again was erased before, for the same owner and person.
    fn check_reapplied(&self, model: &Model, kind: &RowType, request: &EraseRequest) -> Check {
        let of_person = |known: &Known| {
            let same =
                request.subject.identifiers().iter().all(|one| known.subject.identifiers().contains(one));
            same && known.request.owner == request.owner && known.request.kind.erases()
        };
        let mut past = model.requests.iter().filter(|(_, known)| of_person(known)).map(|(id, _)| *id);
        let is_answered = |id| {
            let mut tasks = model.tasks.values().filter(|known| known.task.request == id);
            // Of a request that ended early, what was erased before.
            let is_past = |task: &SubjectTask| task.is_answered() || task.erased > 0;
            tasks.any(|known| known.is_of(request.owner.as_str(), kind) && is_past(&known.task))
        };
        ensure(past.any(|id| self.is_in_ledger(id) || is_answered(id)), Invariant::D7, || {
            "records are erased again that nobody has erased before".to_owned()
        })
    }
}

impl Model {
    /// Returns the claim by which an engine asks a source to erase.
    fn claim_of(
        &self,
        life: (usize, u64),
        kind: &RowType,
        request: &EraseRequest,
    ) -> Option<(SubjectTaskId, u64)> {
        let is_claim = |(id, _): &&(SubjectTaskId, u64)| {
            let Some(known) = self.tasks.get(id) else { return false };
            let asking = self.requests.get(&known.task.request);
            let same = asking.is_some_and(|asking| asking.subject == request.subject);
            same && known.is_of(request.owner.as_str(), kind)
        };
        self.claims.get(&life)?.iter().rev().find(is_claim).copied()
    }

    /// Rules D3, D4: a copy that is asked for as well was published before, and what is erased was counted before.
    fn check_erasure(&self, (id, epoch): (SubjectTaskId, u64), dry_run: bool, told: &Erased) -> Check {
        let Some(known) = self.tasks.get(&id) else { return Ok(()) };
        let Some(asking) = self.requests.get(&known.task.request) else { return Ok(()) };
        let early = asking.request.kind == RequestKind::Both && asking.request.handed_over.is_none();
        ensure(!early, Invariant::D3, || {
            format!("the erasure of request {} begins before its copy is published", asking.request.id)
        })?;
        if dry_run || told.records == 0 {
            return Ok(());
        }
        let noted = known.noted.get(&epoch);
        // Who has lost the claim has counted, too, and others may have changed something since.
        let may_differ = known.is_blurred || !holds(&known.task, epoch);
        let counted = noted.is_some_and(|noted| *noted == told.records || may_differ);
        ensure(counted, Invariant::D4, || {
            format!("{} records are erased, and {noted:?} were counted on record before", told.records)
        })
    }
}

/// Rule D5: a record is of the owner, and names the person.
fn check_theirs(row: &Row, request: &EraseRequest) -> Check {
    let about = row.named().any(|(by, person)| is_named(&request.subject, by, person));
    let theirs = row.owner == request.owner.as_str() && about;
    ensure(theirs, Invariant::D5, || format!("a record of somebody else is erased: {row:?}"))
}
