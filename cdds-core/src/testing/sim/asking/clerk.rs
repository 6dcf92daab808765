//! The people who answer requests, concurrently and at any time.

use std::sync::Arc;

use chrono::TimeDelta;

use super::super::dice::Dice;
use super::super::planted::PlantedBug;
use super::super::report::{Invariant, Who};
use super::super::shared::lock;
use super::super::time::{HOUR, MILLISECOND, Micros, SECOND};
use super::keys::{Has, Ring};
use super::town::{Rule, TYPES, subject};
use super::ward::{Known, KnownTask, Ward, owners};
use crate::domain::access::{Principal, PrincipalName, Role};
use crate::domain::calendar::frequency::{Frequency, Hourly};
use crate::domain::execution::Status;
use crate::domain::id::{Owner, SourceId, SubjectRequestId, TypeId};
use crate::domain::job::{JobSettings, Protection, Read, Reads, Title};
use crate::domain::record::template::{FieldNames, FieldSelection, Template};
use crate::domain::subject::request::{
    Evidence, RequestKind, RequestStatus, RequestText, Scope, ScopePart, SubjectRequest,
};
use crate::domain::violation::RuleViolation;
use crate::ports::Ports;
use crate::ports::catalog::query::ArtifactQuery;
use crate::service::ServiceError;
use crate::service::artifacts::Artifacts;
use crate::service::copies::Copies;
use crate::service::history::History;
use crate::service::jobs::{JobRules, Jobs};
use crate::service::subjects::{NewHandover, NewSubjectRequest, Reapplication, Subjects};

/// The most requests that are open at the same time.
const OPEN_MAX: usize = 8;

/// A person, who does one thing after another.
pub(super) struct Clerk {
    pub(super) ward: Arc<Ward>,
    pub(super) who: Who,
    pub(super) ports: Ports,
    pub(super) dice: Dice,
}

impl Clerk {
    /// Submits the jobs whose sets name people if `first`, then does this and that until faults stop.
    pub(super) async fn live(mut self, first: bool) {
        if first {
            for owner in owners() {
                for (source, names) in [("crm", &["customer", "invoice"][..]), ("pbx", &["call", "chat"])] {
                    self.submit(&owner, source, names).await;
                }
            }
        }
        while self.ward.shared.storms() {
            let pause = self.dice.below(2 * HOUR) + MILLISECOND;
            self.ward.shared.timeline.sleep(pause.max(SECOND)).await;
            if self.ward.shared.storms() {
                self.ward.shared.count(|figures| figures.commands += 1);
                self.command().await;
            }
        }
    }

    async fn command(&mut self) {
        match self.dice.below(100) {
            0..22 => self.create().await,
            22..40 => self.verify().await,
            40..56 => self.approve().await,
            56..58 => self.refuse().await,
            58..61 => self.withdraw().await,
            61..64 => self.extend().await,
            64..70 => self.run().await,
            70..73 => self.preview().await,
            73..80 => self.find_copies().await,
            80..86 => self.rerun().await,
            86..89 => self.cancel().await,
            89..91 => self.look().await,
            91..93 => self.download().await,
            _ => self.reapply().await,
        }
    }

    fn subjects(&self) -> Subjects {
        Subjects::new(&self.ports)
    }

    /// Returns the person in a role: mostly that of an administrator.
    fn by(&mut self, owner: &Owner) -> Principal {
        let role = if self.dice.below(8) == 0 { Role::Operator } else { Role::Administrator };
        principal(&self.who.to_string(), owner, role)
    }

    fn told<T>(&self, asked: impl FnOnce() -> String, result: &Result<T, ServiceError>) {
        let outcome = result.as_ref().map_or_else(ServiceError::code, |_| "done");
        self.ward.shared.note(self.who, format!("{}: {outcome}", asked()));
    }

    /// What was acknowledged is on record.
    fn promised(&self, result: &Result<SubjectRequest, ServiceError>) {
        let Ok(request) = result else { return };
        let model = lock(&self.ward.model);
        let version = model.requests.get(&request.id).map(|known| known.request.version);
        drop(model);
        if version.is_none_or(|version| version < request.version) {
            let what = format!("{request:?} was acknowledged, and {version:?} is on record");
            self.ward.shared.violate(Invariant::Answer, what);
        }
    }

    /// Picks a request of which this is true.
    fn any(&mut self, wanted: impl Fn(&SubjectRequest) -> bool) -> Option<(Owner, SubjectRequestId)> {
        let model = lock(&self.ward.model);
        let found: Vec<&Known> = model.requests.values().filter(|known| wanted(&known.request)).collect();
        let request = &self.dice.pick(&found)?.request;
        Some((request.owner.clone(), request.id))
    }

    fn any_open(&mut self) -> Option<(Owner, SubjectRequestId)> {
        self.any(|request| request.status().is_open())
    }

    async fn submit(&mut self, owner: &Owner, source: &str, names: &[&str]) {
        let Ok(settings) = export(source, names, &mut self.dice) else { return };
        let by = self.by(owner);
        let result = Jobs::new(&self.ports, JobRules::default()).submit(&by, settings).await;
        self.told(|| format!("submit a job of {source}"), &result);
    }

    async fn create(&mut self) {
        let open = |known: &&Known| known.request.status().is_open();
        if lock(&self.ward.model).requests.values().filter(open).count() >= OPEN_MAX {
            return;
        }
        let Some((owner, subject)) = self.dice.pick(&owners()).zip(subject(&mut self.dice)) else { return };
        let Ok(scope) = scope(&mut self.dice) else { return };
        let kind = self.dice.pick(&RequestKind::ALL).unwrap_or(RequestKind::Both);
        let mut new = NewSubjectRequest::new(subject, kind).with_scope(scope);
        if kind.hands_over() {
            let certificate = format!("certificate {}", self.dice.throw()).into_bytes();
            let sealed = self.dice.below(4) != 0;
            let handover =
                if sealed { NewHandover::Certificate(certificate) } else { NewHandover::Plaintext };
            new = new.with_handover(Some(handover));
        }
        let by = self.by(&owner);
        let result = self.subjects().create(&by, &new).await;
        self.told(|| format!("ask {owner} for {kind} in {}", new.scope), &result);
        self.promised(&result);
    }

    async fn verify(&mut self) {
        let Some((owner, id)) = self.any(|request| request.status() == RequestStatus::Received) else {
            return;
        };
        let Some(evidence) = evidence() else { return };
        let by = self.by(&owner);
        let result = self.subjects().verify(&by, id, &evidence).await;
        self.told(|| format!("verify {id}"), &result);
        self.promised(&result);
    }

    async fn approve(&mut self) {
        let waits =
            |request: &SubjectRequest| request.status() == RequestStatus::Verified && request.kind.erases();
        let Some((owner, id)) = self.any(waits) else { return };
        let by = self.by(&owner);
        let result = self.subjects().approve(&by, id).await;
        self.told(|| format!("approve {id}"), &result);
        self.promised(&result);
    }

    async fn refuse(&mut self) {
        let Some((owner, id)) = self.any_open() else { return };
        let Ok(reason) = RequestText::new("the law asks for something else") else { return };
        let by = self.by(&owner);
        let result = self.subjects().refuse(&by, id, &reason).await;
        self.told(|| format!("refuse {id}"), &result);
        self.promised(&result);
    }

    async fn withdraw(&mut self) {
        let Some((owner, id)) = self.any_open() else { return };
        let by = self.by(&owner);
        let result = self.subjects().withdraw(&by, id).await;
        self.told(|| format!("withdraw {id}"), &result);
        self.promised(&result);
    }

    async fn extend(&mut self) {
        let Some((owner, id)) = self.any_open() else { return };
        let by = self.by(&owner);
        let to = self.dice.coin().then(|| self.ward.shared.timeline.now() + TimeDelta::days(60));
        let result = self.subjects().extend(&by, id, to).await;
        self.told(|| format!("extend {id}"), &result);
        self.promised(&result);
    }

    async fn run(&mut self) {
        let Some((owner, id)) = self.any(|request| request.status() == RequestStatus::Running) else {
            return;
        };
        let by = self.by(&owner);
        let result = self.subjects().run(&by, id).await;
        self.told(|| format!("ask again for {id}"), &result);
    }

    async fn preview(&mut self) {
        let Some((owner, id)) = self.any(|request| request.kind.erases()) else { return };
        let by = self.by(&owner);
        let result = self.subjects().preview(&by, id).await;
        self.told(|| format!("preview {id}"), &result);
    }

    /// Reads what is there to see.
    async fn look(&mut self) {
        let Some((owner, id)) = self.any(|_| true) else { return };
        let (by, subjects) = (self.by(&owner), self.subjects());
        let tasks = subjects.tasks(&by, id).await;
        self.told(|| format!("see the tasks of {id}"), &tasks);
        let listed = subjects.list(&by, &Default::default()).await;
        self.told(|| "list requests".to_owned(), &listed);
        if let Ok(page) = listed
            && page.items.iter().any(|request| request.owner != owner)
        {
            self.ward.shared.violate(Invariant::Owner, format!("{owner} is shown requests of others"));
        }
    }

    async fn find_copies(&mut self) {
        let Some((owner, id)) = self.any_open() else { return };
        let (by, copies) = (self.by(&owner), Copies::new(&self.ports));
        let (mut behind, mut found) = (None, Vec::new());
        loop {
            let result = copies.page(&by, id, behind).await;
            self.told(|| format!("find copies for {id}"), &result);
            let Ok(page) = result else { return };
            self.ward.check_holdings(&owner, id, &page.items);
            found.extend(page.items);
            behind = page.next;
            if behind.is_none() {
                break;
            }
        }
        if self.dice.below(3) > 0 {
            let result = copies.notify(&by, id, &found).await;
            self.told(|| format!("recall copies for {id}"), &result);
            if let Ok(recalls) = result {
                self.ward.check_recalls(&found, &recalls);
            }
        }
    }

    /// Downloads a file, or its beginning.
    async fn download(&mut self) {
        let Some(owner) = self.dice.pick(&owners()) else { return };
        let (by, artifacts) = (self.by(&owner), Artifacts::new(&self.ports));
        let Ok(page) = artifacts.list(&by, &ArtifactQuery::default()).await else { return };
        let files: Vec<_> = page.items.iter().map(|one| &one.artifact).collect();
        let Some(file) = self.dice.pick(&files) else { return };
        lock(&self.ward.model).had.insert(file.execution_id);
        let result = artifacts.download(&by, file.id, 0).await;
        self.told(|| format!("download {}", file.name), &result);
        if let Ok(mut download) = result {
            // Whoever gives up after the first bytes has them.
            let _read = download.next().await;
        }
    }

    /// Runs the export of a copy again that failed or was cancelled.
    async fn rerun(&mut self) {
        let Some((owner, id)) = self.any(SubjectRequest::is_to_hand_over) else { return };
        let by = self.by(&owner);
        rerun(&self.ports, &by, id).await;
    }

    async fn cancel(&mut self) {
        let Some((owner, id)) = self.any(SubjectRequest::is_to_hand_over) else { return };
        let by = self.by(&owner);
        if let Ok(Some(latest)) = self.subjects().export(&by, id).await {
            let result = History::new(&self.ports).cancel(&by, latest.id).await;
            self.told(|| format!("cancel the copy of {id}"), &result);
        }
    }

    async fn reapply(&mut self) {
        let wanted: Vec<Owner> = lock(&self.ward.model).to_reapply.iter().cloned().collect();
        let Some(owner) = self.dice.pick(&wanted) else { return };
        let (by, dry_run) = (self.by(&owner), self.dice.below(4) == 0);
        reapply(&self.ward, &self.ports, &by, dry_run).await;
    }
}

/// A person of this name.
pub(super) fn principal(name: &str, owner: &Owner, role: Role) -> Principal {
    let name = PrincipalName::new(name.to_owned()).unwrap_or_else(|_| PrincipalName::of(role));
    Principal::new(name, owner.clone(), role)
}

pub(super) fn evidence() -> Option<Evidence> {
    let text = |words| RequestText::new(words).ok();
    Some(Evidence { who: text("the front desk")?, how: text("a passport was shown")? })
}

/// Runs the latest export of a copy again if it failed or was cancelled.
pub(super) async fn rerun(ports: &Ports, by: &Principal, id: SubjectRequestId) {
    let Ok(Some(latest)) = Subjects::new(ports).export(by, id).await else { return };
    if matches!(latest.status, Status::Failed | Status::Cancelled) {
        let _refused = History::new(ports).rerun(by, latest.id).await;
    }
}

/// Applies past erasures again. Rule D7: if all of it could be applied, nobody who was erased is there.
pub(super) async fn reapply(ward: &Ward, ports: &Ports, by: &Principal, dry_run: bool) -> bool {
    let began: Micros = ward.shared.timeline.elapsed();
    let before: Vec<KnownTask> = {
        let model = lock(&ward.model);
        let answered = |known: &&KnownTask| known.task.is_answered() && known.task.work.owner == by.owner;
        model.tasks.values().filter(answered).cloned().collect()
    };
    let mut ports = ports.clone();
    if ward.bug == Some(PlantedBug::ReapplyForgetsKey) {
        let (all, shared) = (Arc::clone(&ward.keys), Arc::clone(&ward.shared));
        ports = ports.with_subject_keys(Arc::new(Ring { all, has: Has::All, shared, forgets: true }));
    }
    let result = Subjects::new(&ports).reapply(by, dry_run).await;
    let is_whole = result.as_ref().is_ok_and(Reapplication::is_whole);
    ward.shared.note(Who::World, format!("{} applies erasures again: {is_whole}", by.name));
    if !is_whole || dry_run {
        return false;
    }
    ward.shared.count(|figures| figures.reapplied += 1);
    ward.look(|model| {
        let mut is_held = false;
        for known in &before {
            is_held |= ward.check_gone(model, known, began)?;
        }
        if !is_held && lock(&ward.town).restored.is_none_or(|restored| restored < began) {
            model.to_reapply.remove(&by.owner);
        }
        Ok(())
    });
    true
}

/// Draws the sources and types of a request: mostly all.
fn scope(dice: &mut Dice) -> Result<Scope, RuleViolation> {
    let kind = &TYPES[dice.index(TYPES.len())];
    let data_type = if dice.coin() { Some(TypeId::new(kind.name)?) } else { None };
    let part = ScopePart { source: SourceId::new(kind.source)?, data_type };
    Scope::new(if dice.below(3) == 0 { vec![part] } else { Vec::new() })
}

/// Describes a job whose sets name people, also where it leaves out the fields that do.
fn export(source: &str, names: &[&str], dice: &mut Dice) -> Result<JobSettings, RuleViolation> {
    let mut reads = Vec::new();
    for name in names {
        let kind = TYPES.iter().find(|kind| kind.name == *name && kind.rule != Rule::None);
        let fields = if kind.is_some() && dice.coin() {
            FieldSelection::Only(FieldNames::new(["id".to_owned(), "text".to_owned()])?)
        } else {
            FieldSelection::All
        };
        let template = Template::new(fields, Vec::new())?;
        reads.push(Read::of(TypeId::new(*name)?).with_template(template));
    }
    let every = dice.pick(&[2_u32, 6, 12]).unwrap_or(6);
    Ok(JobSettings::of_reads(
        Title::new(&format!("What {source} holds"))?,
        SourceId::new(source)?,
        Reads::new(reads)?,
        Frequency::Hourly(Hourly::new(every, 7)?),
        Protection::Plaintext,
    ))
}
