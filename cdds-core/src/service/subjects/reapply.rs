//! Rule D7: past erasures are applied again, to records that came back with a backup.
//!
//! The identifiers are gone. So each record is read, and what it names is hashed as the identifiers were; what matches an
//! erasure is the person's identifier, and the source erases by that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use tracing::warn;

use super::super::ServiceError;
use super::super::access::{check, entry};
use super::{Subjects, TypeErasure};
use crate::domain::access::{Action, Principal};
use crate::domain::calendar::window::Window;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, SubjectRequestId, TypeId};
use crate::domain::subject::request::{RequestStatus, Scope, SubjectRequest};
use crate::domain::subject::{
    ErasureEntry, HashedIdentifier, Identifier, NamedPeople, Subject, SubjectField, TaskReport,
};
use crate::domain::work::row::WorkFailure;
use crate::identifiers::hashed;
use crate::ledger;
use crate::ports::catalog::query::{Slice, SubjectRequestQuery};
use crate::ports::sink::Key;
use crate::ports::source::{BadRecordMode, ReadRequest, RegisteredSource, Source, SourceError};
use crate::ports::subject_keys::SubjectKey;

/// What came of applying past erasures again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reapplication {
    /// How many past erasures there are.
    pub erasures: u64,
    /// What was found of whom, or would be erased; and the types that could not be searched.
    pub types: Vec<ReappliedType>,
    /// The erasures that could not be applied.
    pub unapplied: Vec<Unapplied>,
}

/// What was found of a person in a data type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReappliedType {
    /// The request that asked for the erasure; `None` if the type could not be searched for any.
    pub request: Option<SubjectRequestId>,
    /// What became of it.
    pub erasure: TypeErasure,
}

/// A past erasure that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unapplied {
    /// The request, or the file of the ledger.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

impl Reapplication {
    /// Whether everything was searched, and nothing that is to be erased was left for an error.
    pub fn is_whole(&self) -> bool {
        let failed = |one: &ReappliedType| matches!(one.erasure.report, TaskReport::Failed(_));
        self.unapplied.is_empty() && !self.types.iter().any(failed)
    }
}

/// The requests of one page of the catalog.
const PAGE: u64 = 500;

/// The identifiers of one type whose hashes are remembered, so that a value that many records hold is hashed once.
const REMEMBERED_MAX: usize = 100_000;

/// Past erasures, by the hashes of those who were erased.
struct Index {
    keys: Vec<SubjectKey>,
    scopes: BTreeMap<SubjectRequestId, Scope>,
    by_hash: HashMap<HashedIdentifier, BTreeSet<SubjectRequestId>>,
}

/// Whom a type still names, by the request that asked for the erasure.
type Found = BTreeMap<SubjectRequestId, BTreeSet<Identifier>>;

impl Subjects {
    /// Applies the past erasures of the owner again, of the ledger in the store as well as of the catalog, so that either
    /// may have come back from a backup; of an erasure that goes on, the types that are answered. Reads every type that
    /// names people, and erases the records of those who were to be forgotten. Nothing is found unless a source was
    /// restored, or records came back in another way. Apply it after each restore of a source, before anything is exported
    /// from it.
    ///
    /// A dry run erases nothing, and says what would be erased.
    ///
    /// # Errors
    /// If catalog or store cannot be read. What could not be applied is in the answer.
    ///
    /// # Cancel safety
    /// A call whose future is dropped has applied some of them: call it again.
    pub async fn reapply(&self, by: &Principal, dry_run: bool) -> Result<Reapplication, ServiceError> {
        check(&self.ports, by, Action::ReapplyErasures, None).await?;
        if !dry_run {
            let entry = entry(&self.ports, by, Action::ReapplyErasures, self.ports.catalog.now().await?);
            self.ports.catalog.record(&entry).await?;
        }
        let mut done = Reapplication::default();
        let index = self.index(&by.owner, &mut done).await?;
        if index.by_hash.is_empty() {
            return Ok(done);
        }
        let sources = self.ports.sources.for_owner(&by.owner);
        for (source, data_type) in Scope::default().naming_people(&sources) {
            if !index.scopes.values().any(|scope| scope.has(&source, &data_type)) {
                continue;
            }
            match self.search(&by.owner, &source, &data_type, &index).await {
                Ok(found) => self.erase_found(by, (source, data_type), found, dry_run, &mut done).await,
                Err(error) => {
                    let failure = WorkFailure::new(error.kind().into(), error.report(), error.is_retryable());
                    let report = TaskReport::Failed(failure);
                    let erasure = TypeErasure { source, data_type, report, not_erased: None };
                    done.types.push(ReappliedType { request: None, erasure });
                }
            }
        }
        Ok(done)
    }

    /// Collects the past erasures of an owner.
    async fn index(&self, owner: &Owner, done: &mut Reapplication) -> Result<Index, ServiceError> {
        // Those that go on first, and the whole of what has ended last: it may end meanwhile, and a restored catalog may
        // take for open what the ledger knows to have ended.
        let going_on = self.on_record(owner, RequestStatus::Running).await?;
        let (entries, unreadable) = ledger::all(&*self.ports.sink).await?;
        let unread = |(key, why): (Key, String)| Unapplied { what: key.to_string(), why };
        done.unapplied.extend(unreadable.into_iter().map(unread));
        let mut by_id: BTreeMap<SubjectRequestId, ErasureEntry> = BTreeMap::new();
        let mut ended = self.on_record(owner, RequestStatus::Done).await?;
        for status in [RequestStatus::Refused, RequestStatus::Withdrawn] {
            ended.extend(self.on_record(owner, status).await?);
        }
        let of_ledger = entries.into_iter().filter(|entry| entry.owner == *owner);
        for entry in going_on.into_iter().chain(of_ledger).chain(ended) {
            by_id.insert(entry.request, entry);
        }
        done.erasures = by_id.len() as u64;
        let known = self.ports.subject_keys.keys().unwrap_or_default();
        let mut index = Index { keys: Vec::new(), scopes: BTreeMap::new(), by_hash: HashMap::new() };
        let mut used: BTreeSet<SubjectKeyId> = BTreeSet::new();
        for entry in by_id.into_values() {
            let is_known = |hash: &&HashedIdentifier| known.iter().any(|key| *key.id() == hash.hash.key);
            let hashes: Vec<HashedIdentifier> = entry.identifiers.iter().filter(is_known).cloned().collect();
            if hashes.is_empty() {
                let key = entry.identifiers.first().map_or_else(String::new, |one| one.hash.key.to_string());
                done.unapplied.push(Unapplied {
                    what: entry.request.to_string(),
                    why: format!("the key {key} of its hashes is missing: bring it back from its backup"),
                });
                continue;
            }
            for hash in hashes {
                used.insert(hash.hash.key.clone());
                index.by_hash.entry(hash).or_default().insert(entry.request);
            }
            index.scopes.insert(entry.request, entry.scope);
        }
        index.keys = known.into_iter().filter(|key| used.contains(key.id())).collect();
        Ok(index)
    }

    /// Writes the entry of what was erased for a request that has ended early. It is on record already, so where it cannot
    /// be written now, it is missing only once the catalog is lost, too.
    pub(super) async fn note_erased(&self, ended: &SubjectRequest) {
        let noted = async {
            let tasks = self.ports.catalog.subject_tasks(&ended.owner, ended.id).await?;
            if let Some(entry) = ErasureEntry::before_end(ended, &tasks) {
                ledger::put(&*self.ports.sink, &entry).await?;
            }
            Ok::<(), ServiceError>(())
        };
        if let Err(error) = noted.await {
            warn!(request_id = %ended.id, "what was erased is not in the ledger: {}", error.report());
        }
    }

    /// Returns the erasures that the catalog knows, of requests of this status, as far as they are carried out.
    async fn on_record(
        &self,
        owner: &Owner,
        status: RequestStatus,
    ) -> Result<Vec<ErasureEntry>, ServiceError> {
        let mut entries = Vec::new();
        let mut query = SubjectRequestQuery::default().with_status(status);
        query.slice = Slice::first(PAGE);
        loop {
            let page = self.ports.catalog.subject_requests(owner, &query).await?;
            for request in page.items.iter().filter(|request| request.kind.erases()) {
                let tasks = self.ports.catalog.subject_tasks(owner, request.id).await?;
                entries.extend(match status {
                    RequestStatus::Refused | RequestStatus::Withdrawn => {
                        ErasureEntry::before_end(request, &tasks)
                    }
                    _ => ErasureEntry::so_far(request, &tasks),
                });
            }
            let Some(next) = page.next else { return Ok(entries) };
            query.slice.after = Some(next);
        }
    }

    /// Reads all records of a type, and returns whom of the erased they name.
    async fn search(
        &self,
        owner: &Owner,
        source: &SourceId,
        data_type: &TypeId,
        index: &Index,
    ) -> Result<Found, SourceError> {
        let sources = self.ports.sources.for_owner(owner);
        let fields = sources.data_type(source, data_type).map(|known| known.subject_fields.clone());
        let Some(RegisteredSource::Supported(source)) = sources.find(source) else { return Ok(Found::new()) };
        let request =
            ReadRequest::new(owner.clone(), data_type.clone(), Window::until(DateTime::<Utc>::MAX_UTC))
                // What cannot be read must not keep the rest from being erased.
                .with_bad_records(BadRecordMode::Report);
        search(&**source, request, &fields.unwrap_or_default(), owner, index).await
    }

    async fn erase_found(
        &self,
        by: &Principal,
        (source, data_type): (SourceId, TypeId),
        found: Found,
        dry_run: bool,
        done: &mut Reapplication,
    ) {
        for (request, identifiers) in found {
            // Twenty at most, as the request had.
            let Ok(subject) = Subject::new(identifiers) else { continue };
            let erasure = self.erase(&by.owner, source.clone(), data_type.clone(), &subject, dry_run).await;
            done.types.push(ReappliedType { request: Some(request), erasure });
        }
    }
}

async fn search(
    source: &dyn Source,
    request: ReadRequest,
    fields: &[SubjectField],
    owner: &Owner,
    index: &Index,
) -> Result<Found, SourceError> {
    let data_type = request.data_type.clone();
    let source_id = source.describe().id.clone();
    let concerned =
        |id: &&SubjectRequestId| index.scopes.get(*id).is_some_and(|scope| scope.has(&source_id, &data_type));
    let people = NamedPeople::new(fields);
    let mut remembered: BTreeSet<Identifier> = BTreeSet::new();
    let mut found = Found::new();
    let mut records = source.read(request).await?;
    while let Some(batch) = records.try_next().await? {
        for record in batch.iter() {
            people.of_line(record.line, |kind, text| {
                let Ok(identifier) = Identifier::new(kind.clone(), text) else { return };
                if remembered.contains(&identifier) {
                    return;
                }
                for key in &index.keys {
                    let requests = index.by_hash.get(&hashed(key, owner, &identifier));
                    for id in requests.into_iter().flatten().filter(concerned) {
                        found.entry(*id).or_default().insert(identifier.clone());
                    }
                }
                if remembered.len() >= REMEMBERED_MAX {
                    remembered.clear();
                }
                remembered.insert(identifier);
            });
        }
    }
    Ok(found)
}
