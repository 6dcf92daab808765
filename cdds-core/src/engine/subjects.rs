//! Carries out erasures that data subjects ask for (rules D3 to D7), beside the exports.
//!
//! Each task is the erasure of one data type. The worker counts what would be erased and stores that, erases, and reports;
//! whoever takes a task over from a dead worker counts again ([`SubjectTask`]). Once all tasks of a request are answered,
//! its entry of the ledger is written, and then the request ends, with its identifiers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use tracing::{info, warn};

use super::EngineError;
use super::calls::{contained, contained_async};
use super::worker::Shared;
use crate::domain::execution::failure::FailureKind;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, SubjectRequestId};
use crate::domain::source::DataType;
use crate::domain::subject::request::{RequestStatus, SubjectRequest};
use crate::domain::subject::{EraseRequest, Erased, ErasureEntry, Subject, SubjectTask, TaskReport};
use crate::domain::work::row::WorkFailure;
use crate::identifiers;
use crate::ledger;
use crate::ports::catalog::{CatalogError, CatalogErrorKind, SubjectClaim};
use crate::ports::source::{RegisteredSource, Source, SourceError, SourceErrorKind};
use crate::ports::subject_keys::SubjectKeysErrorKind;

/// How long a claim of an erasure holds without a beat.
const LEASE: Duration = Duration::from_secs(60);
/// How often it is renewed.
const BEAT: Duration = Duration::from_secs(15);
/// How long to wait until a request whose end could not be stored is looked at again.
const END_AGAIN: Duration = Duration::from_secs(60);
/// How many erasures a worker carries out at the same time.
pub(super) const ERASURES: usize = 2;

/// What a worker knows of the erasures of its catalog.
#[derive(Debug, Default)]
pub(super) struct Erasures {
    /// The owner that it served last.
    turn: Mutex<Option<Owner>>,
    /// The requests whose end is under way or has failed, and until when, by the monotonic clock, they are left alone.
    ending: Mutex<BTreeMap<SubjectRequestId, Duration>>,
    /// What it leaves to others and has told of: requests, with the missing key or source.
    told: Mutex<BTreeSet<(SubjectRequestId, String)>>,
    /// Whether it has told that it has no keys.
    is_told_without_keys: AtomicBool,
}

/// Why an attempt has no report.
enum Left {
    /// Another worker has the task, or its request has ended.
    Lost,
    /// It failed.
    Failed(WorkFailure),
}

impl From<WorkFailure> for Left {
    fn from(failure: WorkFailure) -> Self {
        Self::Failed(failure)
    }
}

impl Shared {
    /// Whether any source declares fields that name people, so that there may be anything to erase.
    pub(super) fn may_erase(&self) -> bool {
        self.naming_sources().next().is_some()
    }

    fn naming_sources(&self) -> impl Iterator<Item = &SourceId> {
        self.ports.sources.of_all_owners().filter_map(|(id, source)| match source {
            RegisteredSource::Supported(source) => {
                has_type(source.as_ref(), |data_type| !data_type.subject_fields.is_empty()).then_some(id)
            }
            RegisteredSource::Unsupported { .. } => None,
        })
    }

    /// Claims up to `room` erasures, and ends requests that are answered. Each future is one attempt.
    pub(super) async fn claim_erasures(
        self: &Arc<Self>,
        room: usize,
    ) -> Result<Vec<BoxFuture<'static, ()>>, EngineError> {
        if room == 0 || !self.may_erase() {
            return Ok(Vec::new());
        }
        let Some(keys) = self.keys() else { return Ok(Vec::new()) };
        // A read, so that a service of which nobody asks anything pays for no claims.
        let running = self.ports.catalog.running_subject_requests().await?;
        let mut work = Vec::new();
        for (request, tasks) in &running {
            if let Some(entry) = ErasureEntry::of(request, tasks)
                && self.begins_end(request.id)
            {
                let (shared, request) = (Arc::clone(self), request.clone());
                work.push(async move { shared.end(request, entry).await }.boxed());
            }
        }
        let now = self.ports.catalog.now().await?;
        if !running.iter().flat_map(|(_, tasks)| tasks).any(|task| task.is_due(now)) {
            return Ok(work);
        }
        let known: BTreeSet<SourceId> = self.naming_sources().cloned().collect();
        self.tell_of_others(&running, &known, &keys);
        let turn = self.erasures.turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let claim = SubjectClaim::new(self.worker.clone(), LEASE, room, known, keys).with_turn(turn);
        for task in self.ports.catalog.claim_subject_tasks(&claim).await? {
            *self.erasures.turn.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(task.work.owner.clone());
            let shared = Arc::clone(self);
            work.push(async move { shared.erase(task).await }.boxed());
        }
        Ok(work)
    }

    /// Returns the names of the keys; `None` if there are none, as in a service of which nobody may ask anything.
    fn keys(&self) -> Option<BTreeSet<SubjectKeyId>> {
        let Ok(keys) = contained(|| self.ports.subject_keys.keys()) else {
            warn!(name: "erasure.failed", target: "cdds", "the keys of data subjects panicked");
            return None;
        };
        match keys {
            Ok(keys) => Some(keys.iter().map(|key| key.id().clone()).collect()),
            Err(error) if error.kind() == SubjectKeysErrorKind::None => {
                if self.erasures.is_told_without_keys.swap(true, Ordering::Relaxed) || !self.has_rules() {
                    return None;
                }
                info!(
                    name: "erasure.left", target: "cdds",
                    "erasures are left to other workers: this one has no keys of data subjects"
                );
                None
            }
            Err(error) => {
                warn!(name: "erasure.failed", target: "cdds", "the keys of data subjects: {}", error.report());
                None
            }
        }
    }

    /// Whether any type says what an erasure does.
    fn has_rules(&self) -> bool {
        self.ports.sources.of_all_owners().any(|(_, source)| match source {
            RegisteredSource::Supported(source) => {
                has_type(source.as_ref(), |data_type| data_type.erasure.is_some())
            }
            RegisteredSource::Unsupported { .. } => false,
        })
    }

    /// Tells, once, of what is left to other workers.
    fn tell_of_others(
        &self,
        running: &[(SubjectRequest, Vec<SubjectTask>)],
        sources: &BTreeSet<SourceId>,
        keys: &BTreeSet<SubjectKeyId>,
    ) {
        let mut told = self.erasures.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (request, tasks) in running {
            let key = request.sealed().map(|sealed| &sealed.key).filter(|key| !keys.contains(*key));
            let key = key.map(|key| format!("the key {key} of data subjects"));
            let open = tasks.iter().filter(|task| !task.is_answered() && !sources.contains(&task.source));
            let missing = key.into_iter().chain(open.map(|task| format!("source {}", task.source)));
            for what in missing {
                if told.insert((request.id, what.clone())) {
                    warn!(
                        name: "erasure.left",
                        target: "cdds",
                        request_id = %request.id,
                        "an erasure is left to other workers: this one does not have {what}"
                    );
                }
            }
        }
        told.retain(|(id, _)| running.iter().any(|(request, _)| request.id == *id));
    }

    /// Makes one attempt and reports how it went.
    async fn erase(&self, task: SubjectTask) {
        let attempt = contained_async(self.attempt_while_claimed(&task)).await;
        let attempt = attempt.unwrap_or_else(|_panicked| {
            let told = "the source panicked, which is a bug in it: fix it, then ask for the erasure again";
            Err(WorkFailure::new(FailureKind::Internal, told, false).into())
        });
        let request = task.request;
        let report = match attempt {
            Ok(report) => report,
            Err(Left::Failed(failure)) => TaskReport::Failed(failure),
            Err(Left::Lost) => {
                info!(request_id = %request, "an erasure was left to others, or its request has ended");
                return;
            }
        };
        let (source, data_type) = (&task.source, &task.data_type);
        if let TaskReport::Failed(failure) = &report {
            warn!(
                name: "erasure.failed", target: "cdds", request_id = %request, %source, %data_type,
                "{}", failure.message
            );
        }
        // Not repeated: a lost report ends with the lease, and the next attempt finds what is erased.
        match self.ports.catalog.settle_subject_task(task.work.fence(), &report).await {
            Ok(settled) => info!(
                name: "erasure.settled", target: "cdds", request_id = %request, %source, %data_type,
                outcome = %settled.standing(), records = settled.erased,
                "the erasure of a type was settled"
            ),
            Err(error) => {
                warn!(request_id = %request, "the end of an erasure was not recorded: {}", error.report());
            }
        }
    }

    /// Makes the attempt while the claim is renewed. If the claim is lost, the attempt is dropped: it is carried out or
    /// not, and whoever has the task now finds out.
    async fn attempt_while_claimed(&self, task: &SubjectTask) -> Result<TaskReport, Left> {
        let attempt = std::pin::pin!(self.attempt_erasure(task));
        let beats = std::pin::pin!(self.beats_of_erasure(task));
        let stall = self.ports.clock.sleep(self.settings.stall);
        match select(attempt, select(beats, stall)).await {
            Either::Left((done, _)) => done,
            Either::Right((Either::Left(_), _)) => Err(Left::Lost),
            Either::Right((Either::Right(_), _)) => {
                let told = format!("the source took more than {} s", self.settings.stall.as_secs());
                Err(WorkFailure::temporary(told).into())
            }
        }
    }

    /// Renews the claim until it is lost.
    async fn beats_of_erasure(&self, task: &SubjectTask) {
        loop {
            self.ports.clock.sleep(BEAT).await;
            match self.ports.catalog.beat_subject_task(task.work.fence(), LEASE, None).await {
                Err(error) if error.kind() == CatalogErrorKind::Fenced => return,
                // A missed beat does no harm until the lease runs out, and then the next one tells.
                Err(error) => warn!("a beat of an erasure was missed: {}", error.report()),
                Ok(()) => {}
            }
        }
    }

    async fn attempt_erasure(&self, task: &SubjectTask) -> Result<TaskReport, Left> {
        let owner = &task.work.owner;
        let read = self.ports.catalog.subject_request(owner, task.request).await;
        let request = read.map_err(|error| unread(&error))?;
        let Some(request) = request.filter(|request| request.status() == RequestStatus::Running) else {
            return Err(Left::Lost);
        };
        let subject = identifiers::opened(&*self.ports.subject_keys, &request);
        let subject = subject.map_err(|error| {
            // A key may come back; what was altered stays so.
            let may_help = error.kind() != SubjectKeysErrorKind::Altered;
            WorkFailure::new(FailureKind::Missing, error.report(), may_help)
        })?;
        let source = match self.ports.sources.for_owner(owner).find(&task.source) {
            Some(RegisteredSource::Supported(source)) => source,
            Some(RegisteredSource::Unsupported { .. }) => return Ok(TaskReport::Unsupported),
            None => {
                let told = format!("there is no source {} any more that {owner} sees", task.source);
                return Err(WorkFailure::new(FailureKind::Missing, told, false).into());
            }
        };
        self.asked(task, &**source, &subject).await.map(|report| report.without_names(&subject))
    }

    /// Counts, stores the count, and erases.
    async fn asked(
        &self,
        task: &SubjectTask,
        source: &dyn Source,
        subject: &Subject,
    ) -> Result<TaskReport, Left> {
        let request = EraseRequest::new(task.work.owner.clone(), task.data_type.clone(), subject.clone());
        let found = match source.erase(request.clone().with_dry_run(true)).await {
            Ok(found) => found,
            Err(error) => return Ok(report_of(&error)),
        };
        // What is stored before tells whoever goes on after a crash what was erased.
        let noted = self.ports.catalog.beat_subject_task(task.work.fence(), LEASE, Some(found.records)).await;
        match noted {
            Ok(()) => {}
            Err(error) if error.kind() == CatalogErrorKind::Fenced => return Err(Left::Lost),
            Err(error) => return Err(unread(&error).into()),
        }
        if found.records == 0 {
            return Ok(TaskReport::Erased(Erased { records: 0, kept: found.kept }));
        }
        let erased = source.erase(request).await;
        Ok(erased.map_or_else(|error| report_of(&error), |erased| TaskReport::Erased(erased.since(&found))))
    }

    /// Whether the end of a request is to be stored now, and then not before some time has passed.
    fn begins_end(&self, request: SubjectRequestId) -> bool {
        let now = self.ports.clock.monotonic();
        let mut ending = self.erasures.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.retain(|_, until| *until > now);
        match ending.contains_key(&request) {
            true => false,
            false => ending.insert(request, now + END_AGAIN).is_none(),
        }
    }

    /// Ends a request that is answered. Its entry of the ledger comes first: once the request has ended, nothing else says
    /// whose records must not come back.
    async fn end(&self, request: SubjectRequest, entry: ErasureEntry) {
        let id = request.id;
        let ended = match request.clone().finish(entry.ended_at) {
            Ok(ended) => ended,
            // It has ended meanwhile.
            Err(_) => return,
        };
        match contained_async(ledger::put(&*self.ports.sink, &entry)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(
                    name: "erasure.failed", target: "cdds", request_id = %id,
                    "the entry of an erasure was not written, so its request stays open: {}", error.report()
                );
                return;
            }
            Err(_panicked) => {
                warn!(name: "erasure.failed", target: "cdds", request_id = %id, "the store panicked");
                return;
            }
        }
        match self.ports.catalog.change_subject_request(&ended, request.version, &[]).await {
            Ok(()) => info!(
                name: "erasure.ended", target: "cdds", request_id = %id,
                "the request of a data subject is done, and its identifiers are destroyed"
            ),
            // Somebody else has changed it: the next look shows it as it is.
            Err(error) if error.kind() == CatalogErrorKind::Conflict => {
                self.erasures.ending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
            Err(error) => {
                warn!(
                    name: "erasure.failed", target: "cdds", request_id = %id,
                    "the end of an erasure was not recorded: {}", error.report()
                );
            }
        }
    }
}

/// Whether a source has a type of which this is true. One that panics when it is described has none.
fn has_type(source: &dyn Source, is_so: impl Fn(&DataType) -> bool) -> bool {
    contained(|| source.describe().types.iter().any(is_so)).unwrap_or(false)
}

/// Returns what an error of a source means for the task.
fn report_of(error: &SourceError) -> TaskReport {
    match error.kind() {
        SourceErrorKind::Unsupported => TaskReport::Unsupported,
        kind => TaskReport::Failed(WorkFailure::new(kind.into(), error.report(), error.is_retryable())),
    }
}

fn unread(error: &CatalogError) -> WorkFailure {
    let told = format!("the catalog failed: {}", error.report());
    WorkFailure::new(FailureKind::Unavailable, told, true)
}
