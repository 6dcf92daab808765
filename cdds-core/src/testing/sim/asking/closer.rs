//! What happens beside engines and people: records come and go, sources are restored, filters are lost. And the end, when
//! every request is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::dice::Dice;
use super::super::model::{Check, ensure};
use super::super::report::{Invariant, Who};
use super::super::shared::lock;
use super::super::time::{HOUR, Micros, SECOND};
use super::super::watch::step;
use super::clerk::{evidence, principal, reapply, rerun};
use super::town::{RowType, Rule, TYPES, names_anybody, reaches_anything};
use super::ward::{Known, KnownTask, Model, Ward, owners};
use crate::domain::access::{Principal, Role};
use crate::domain::id::SubjectRequestId;
use crate::domain::subject::TaskStanding;
use crate::domain::subject::copies::is_filter;
use crate::domain::subject::request::{RequestKind, RequestStatus, RequestText};
use crate::domain::work::row::{WorkState, WorkStatus};
use crate::ports::Ports;
use crate::ports::sink::{Key, Sink};
use crate::service::subjects::Subjects;

/// Lets things happen to the sources, the store and the keys until faults stop.
pub(super) async fn weather(ward: Arc<Ward>, mut dice: Dice) {
    let mut keys = 1;
    loop {
        let pause = dice.between(SECOND, 3 * HOUR);
        ward.shared.timeline.sleep(pause).await;
        if !ward.shared.storms() {
            return;
        }
        let now = ward.shared.timeline.elapsed();
        match dice.below(20) {
            0..9 => {
                let came = lock(&ward.town).arrive(&mut dice, ward.shared.timeline.now(), now);
                ward.stirs(came.0, came.1, None);
            }
            9..13 => {
                let turned = lock(&ward.town).turn_hold(&mut dice, now);
                turned.into_iter().for_each(|(owner, kind)| ward.stirs(owner, kind, None));
            }
            13 | 14 => {
                let mut town = lock(&ward.town);
                town.is_needed = !town.is_needed;
            }
            15 => lock(&ward.town).back_up(),
            16 => ward.restore(now),
            17 => ward.lose_filter(&mut dice),
            18 if keys < 4 => {
                keys += 1;
                let added = ward.keys.add(&format!("k{keys}"));
                ward.shared.note(Who::World, format!("another key: {}", added.is_ok()));
            }
            _ => {}
        }
    }
}

/// Answers every request once faults have stopped, and applies erasures again if sources were restored.
pub(super) async fn close(ward: Arc<Ward>, ports: Ports, is_closed: Arc<AtomicBool>) {
    let subjects = Subjects::new(&ports);
    loop {
        let open = |known: &&Known| known.request.status().is_open();
        let open: Vec<Known> = lock(&ward.model).requests.values().filter(open).cloned().collect();
        for known in &open {
            let (request, owner) = (&known.request, &known.request.owner);
            let by = |name| principal(name, owner, Role::Administrator);
            match request.status() {
                RequestStatus::Received => {
                    if let Some(evidence) = evidence() {
                        let _told = subjects.verify(&by("cleo"), request.id, &evidence).await;
                    }
                }
                RequestStatus::Verified if request.kind.erases() => match reaches_anything(&request.scope) {
                    true => drop(subjects.approve(&by("dora"), request.id).await),
                    false => refuse(&subjects, &by("dora"), request.id).await,
                },
                RequestStatus::Running => drop(subjects.run(&by("cleo"), request.id).await),
                _ => rerun(&ports, &by("cleo"), request.id).await,
            }
        }
        if open.is_empty() {
            let mut whole = true;
            let wanted: Vec<_> = lock(&ward.model).to_reapply.iter().cloned().collect();
            for owner in wanted {
                let by = principal("dora", &owner, Role::Administrator);
                whole &= reapply(&ward, &ports, &by, false).await;
            }
            if whole {
                is_closed.store(true, Ordering::Relaxed);
                return;
            }
        }
        ward.shared.timeline.sleep(HOUR / 6).await;
    }
}

async fn refuse(subjects: &Subjects, by: &Principal, id: SubjectRequestId) {
    if let Ok(reason) = RequestText::new("nothing of it can be erased") {
        let _told = subjects.refuse(by, id, &reason).await;
    }
}

impl Ward {
    /// Restores the sources from their backup.
    fn restore(&self, now: Micros) {
        // Nobody restores a source while something is erased in it: the answer would be about what was there before.
        let is_busy = lock(&self.model)
            .tasks
            .values()
            .any(|known| known.task.work.status() == WorkStatus::Held || known.task.looked.is_some());
        if is_busy || !lock(&self.town).restore(now) {
            return;
        }
        self.shared.note(Who::World, "the sources are restored");
        self.shared.count(|figures| figures.restores += 1);
        for owner in owners() {
            TYPES.iter().for_each(|kind| self.stirs(owner.as_str(), kind, None));
        }
        lock(&self.model).to_reapply.extend(owners());
    }

    /// Loses a filter of some set.
    fn lose_filter(&self, dice: &mut Dice) {
        let filters: Vec<Key> = self.store.objects().into_keys().filter(is_filter).collect();
        if let Some(key) = dice.pick(&filters) {
            self.shared.note(Who::World, format!("{key} is lost"));
            let _gone = step(self.store.delete(&key));
        }
    }

    /// Rule D7: of a type whose erasure is done no record about the person is there, but those on hold and those that came
    /// or changed since. An erasure that was given up does not count.
    ///
    /// Returns whether records are on hold, so that it has to be applied again once they are released.
    pub(super) fn check_gone(&self, model: &Model, task: &KnownTask, since: Micros) -> Check<bool> {
        let task = &task.task;
        let kind = RowType::find(&task.source, &task.data_type);
        let kind = kind.filter(|kind| matches!(kind.rule, Rule::Delete | Rule::Empty));
        let given_up = |known: &&Known| {
            matches!(known.request.status(), RequestStatus::Refused | RequestStatus::Withdrawn)
        };
        let known = model.requests.get(&task.request).filter(|known| !given_up(known));
        let Some((kind, known)) = kind.zip(known) else { return Ok(false) };
        let town = lock(&self.town);
        let (there, told) = town.erasable(kind, &town.of_type(&task.work.owner, kind, Some(&known.subject)));
        let back = there.iter().filter_map(|number| town.row(*number)).find(|row| row.changed < since);
        ensure(back.is_none(), Invariant::D7, || {
            format!(
                "the erasure of {} for request {} is done, and there is {back:?}",
                kind.name, task.request
            )
        })?;
        Ok(!told.kept.is_empty())
    }

    /// Checks what must hold once every request is answered.
    pub(super) fn check_end(&self) {
        self.look(|model| {
            for known in model.requests.values() {
                self.check_erased(model, known)?;
            }
            for (key, bytes) in self.store.objects() {
                let text = String::from_utf8_lossy(&bytes);
                let told = key.as_str().starts_with("subjects/") && names_anybody(&text);
                ensure(!told, Invariant::D6, || format!("{key} holds an identifier"))?;
            }
            self.check_notices_of_recalls(model)?;
            self.check_audit(model)
        });
    }

    /// Rules D4, D5: what is done is done: nothing is left that came before, but what is kept with its reason on record.
    fn check_erased(&self, model: &Model, known: &Known) -> Check {
        let request = &known.request;
        let done = request.status() == RequestStatus::Done && request.kind != RequestKind::Access;
        if !done {
            return Ok(());
        }
        let town = lock(&self.town);
        for kind in TYPES.iter().filter(|kind| kind.is_in(&known.request.scope)) {
            let of_type = model
                .tasks
                .values()
                .find(|task| task.task.request == request.id && task.is_of(request.owner.as_str(), kind));
            let told = || format!("request {}: {} is {of_type:?}", request.id, kind.name);
            let Some(task) = of_type else { return ensure(false, Invariant::D3, told) };
            let answered = matches!(task.task.work.state, WorkState::Done { .. });
            ensure(answered, Invariant::D3, told)?;
            if kind.rule == Rule::None {
                let unsupported = task.task.standing() == TaskStanding::Unsupported;
                ensure(unsupported, Invariant::D4, told)?;
                continue;
            }
            let there = town.of_type(&request.owner, kind, Some(&known.subject));
            let (left, kept) = town.erasable(kind, &there);
            let before = |number: &&usize| {
                town.row(**number).is_some_and(|row| task.asked.is_some_and(|asked| row.arrived < asked))
            };
            let left = left.iter().find(before).and_then(|number| town.row(*number));
            ensure(left.is_none(), Invariant::D5, || format!("{left:?} is there, and {}", told()))?;
            let came = there.iter().any(|number| !before(&number));
            let told_of = task.task.kept().iter().map(|kept| kept.records).sum::<u64>();
            let now = kept.kept.iter().map(|kept| kept.records).sum::<u64>();
            let same = told_of == now || came || task.is_blurred || town.restored.is_some();
            ensure(same, Invariant::D4, || format!("{now} are kept, and {}", told()))?;
        }
        Ok(())
    }
}
