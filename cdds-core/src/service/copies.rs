//! The copies that exports have made: which of them may hold records about a person, and who has them.

mod recalling;

use std::collections::BTreeSet;

use futures::TryStreamExt;

pub use self::recalling::{CopyRecall, RecallOutcome};
use super::access::{check, entry};
use super::artifacts::Artifacts;
use super::subjects::unopened;
use super::{Entity, ServiceError};
use crate::domain::access::audit::{AuditRecord, Object};
use crate::domain::access::{Action, Principal};
use crate::domain::delivery::Delivery;
use crate::domain::id::{ExecutionId, Owner, RecipientName, SubjectRequestId, Subscriber};
use crate::domain::job::Title;
use crate::domain::notice::subscription::Subscription;
use crate::domain::notice::{Channel, recall};
use crate::domain::subject::Subject;
use crate::domain::subject::copies::{CopyPlace, FilterNote, Holding, PublishedSet, Unknown};
use crate::domain::subject::filter::{FilterKey, SubjectFilter, ValueHash};
use crate::domain::subject::request::SubjectRequest;
use crate::domain::violation::{Code, RuleViolation};
use crate::identifiers::opened;
use crate::ports::Ports;
use crate::ports::catalog::query::DeliveryQuery;
use crate::ports::sink::{Key, SinkErrorKind};
use crate::ports::subject_keys::{SubjectKey, SubjectKeysErrorKind};

/// How many sets are looked at in one call.
const SETS_AT_ONCE: usize = 100;

/// How many downloads of a set are told.
pub(super) const DOWNLOADS_MAX: usize = 1_000;

/// The copies that exports of all owners have made; each call names an owner, by its principal (rule D10). Every method
/// returns [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
#[derive(Debug, Clone)]
pub struct Copies {
    ports: Ports,
}

/// A set, and what is known of it and a person.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyOf {
    /// The set, which may be gone since.
    pub set: PublishedSet,
    /// Whether it holds records that name the person.
    pub holding: Holding,
    /// What its job is called.
    pub title: Option<Title>,
    /// Who downloaded its files, or was handed a link, and when: the latest 1,000 (rule C3). Empty for a set that does not
    /// hold the person.
    pub downloads: Vec<AuditRecord>,
    /// Where it was delivered. Empty for a set that does not hold the person.
    pub deliveries: Vec<Delivery>,
    /// Whether it is the copy that a data subject asked for (rule D9), which is theirs to keep.
    pub is_handed_over: bool,
    /// For whom it is sealed. Empty for one that is plaintext, or does not hold the person.
    pub recipients: Vec<RecipientName>,
    /// The subscribers who are told if it is [recalled](Copies::notify). Empty for a set that does not hold the person.
    pub subscribers: Vec<Subscription>,
}

impl CopyOf {
    /// Whether the set may hold the person, and somebody may have a copy of it that is not theirs to keep (rule D11).
    pub fn is_had(&self) -> bool {
        self.holding == Holding::May
            && !self.is_handed_over
            && recall::is_had(&self.downloads, &self.deliveries)
    }
}

/// Some of the sets of an owner.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyPage {
    /// The sets, those of the latest slots first.
    pub items: Vec<CopyOf>,
    /// The place behind which the next page begins; `None` after the last one.
    pub next: Option<CopyPlace>,
}

impl CopyPage {
    /// Makes a page.
    pub fn new(items: Vec<CopyOf>, next: Option<CopyPlace>) -> Self {
        Self { items, next }
    }
}

/// What a look at all sets of an owner found about a person.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CopySurvey {
    /// How many sets may hold the person.
    pub may: u64,
    /// How many do not.
    pub not: u64,
    /// Of how many nobody can tell.
    pub unknown: u64,
    /// Those that may hold the person and can still be downloaded, those of the latest slots first.
    pub kept: Vec<CopyOf>,
    /// Those that may hold the person and of which somebody may have a copy, kept or gone, those of the latest slots
    /// first.
    pub had: Vec<CopyOf>,
}

impl CopySurvey {
    /// Returns the subscribers who are told if the sets that somebody has are recalled, each once per channel.
    pub fn subscribers(&self) -> BTreeSet<(Channel, &Subscriber)> {
        let all = self.had.iter().flat_map(|copy| &copy.subscribers);
        all.map(|one| (one.channel, &one.subscriber)).collect()
    }
}

/// What became of a set that was to be deleted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyDeletion {
    /// The execution that published it.
    pub execution: ExecutionId,
    /// What its job is called.
    pub title: Option<Title>,
    /// What became of it.
    pub outcome: CopyOutcome,
}

/// What became of a set that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyOutcome {
    /// It was deleted.
    Deleted,
    /// A legal hold keeps it.
    OnHold,
    /// It had been deleted or had expired meanwhile.
    Gone,
}

impl CopyOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deleted, Self::OnHold, Self::Gone];

    /// Returns the stable name: `deleted`, `on_hold` or `gone`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::OnHold => "on_hold",
            Self::Gone => "gone",
        }
    }
}

impl Copies {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Looks at up to 100 sets of the owner, kept and past ones, behind a place, and tells of each whether it may hold
    /// records that name the person of an open request, whichever sources the request chose. Reads their filters one at a
    /// time, so the memory it needs does not grow with their number. The first page puts the question on record (rule C2).
    ///
    /// A set that [may](Holding::May) hold the person does so by mistake once in 318 for each identifier and filter.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with
    /// [`Code::SubjectKeyMissing`] without the key of the request, and with [`Code::SubjectRequestState`] if it has ended;
    /// [`ServiceError::Sink`] if the store cannot be read now.
    ///
    /// # Cancel safety
    /// If dropped, the question may be on record.
    pub async fn page(
        &self,
        by: &Principal,
        request: SubjectRequestId,
        behind: Option<CopyPlace>,
    ) -> Result<CopyPage, ServiceError> {
        let object = Object::SubjectRequest(request);
        check(&self.ports, by, Action::FindSubjectCopies, Some(object.clone())).await?;
        let (catalog, owner) = (&self.ports.catalog, &by.owner);
        let found = self.open_request(owner, request).await?;
        let subject = opened(&*self.ports.subject_keys, &found).map_err(unopened)?;
        if behind.is_none() {
            let entry = entry(&self.ports, by, Action::FindSubjectCopies, catalog.now().await?);
            catalog.record(&entry.with_object(object)).await?;
        }
        let keys = self.keys()?;
        let sets = catalog.published_sets(owner, behind, SETS_AT_ONCE).await?;
        let next = (sets.len() == SETS_AT_ONCE).then(|| sets.last().map(PublishedSet::place)).flatten();
        let mut items = Vec::with_capacity(sets.len());
        for set in sets {
            let holding = self.holding(owner, &subject, &keys, &set).await?;
            items.push(self.told(owner, set, holding).await?);
        }
        Ok(CopyPage::new(items, next))
    }

    /// Looks at all sets of the owner, one [page](Self::page) after the other.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    ///
    /// # Cancel safety
    /// As for [`page`](Self::page).
    pub async fn survey(
        &self,
        by: &Principal,
        request: SubjectRequestId,
    ) -> Result<CopySurvey, ServiceError> {
        let (mut survey, mut behind) = (CopySurvey::default(), None);
        let now = self.ports.catalog.now().await?;
        loop {
            let page = self.page(by, request, behind).await?;
            for copy in page.items {
                match copy.holding {
                    Holding::May => survey.may += 1,
                    Holding::Not => survey.not += 1,
                    Holding::Unknown(_) => survey.unknown += 1,
                }
                if copy.is_had() {
                    survey.had.push(copy.clone());
                }
                if copy.holding == Holding::May && copy.set.is_kept(now) && !copy.is_handed_over {
                    survey.kept.push(copy);
                }
            }
            behind = page.next;
            if behind.is_none() {
                return Ok(survey);
            }
        }
    }

    /// Deletes sets that a [survey](Self::survey) found, as [`Artifacts::delete_set`] does, one after the other, with an
    /// entry of the audit for each. Sets on legal hold stay, and so do those that do not hold the person and the copies that
    /// people asked for, whatever is handed in.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`] if the request has ended, or
    /// asks for no erasure; if the catalog or the store fails: some sets may be deleted by then, and the same call goes on
    /// with the rest.
    ///
    /// # Cancel safety
    /// If dropped, some of the sets may be deleted.
    pub async fn delete(
        &self,
        by: &Principal,
        request: SubjectRequestId,
        found: &[CopyOf],
    ) -> Result<Vec<CopyDeletion>, ServiceError> {
        check(&self.ports, by, Action::DeleteArtifacts, Some(Object::SubjectRequest(request))).await?;
        self.erasing_request(&by.owner, request).await?;
        let artifacts = Artifacts::new(&self.ports);
        let mut deletions = Vec::with_capacity(found.len());
        // The copy that a person asked for is theirs to fetch.
        let going = |copy: &&CopyOf| copy.holding == Holding::May && !copy.is_handed_over;
        for copy in found.iter().filter(going) {
            let execution = copy.set.execution;
            let deleted = if copy.set.hold { None } else { Some(artifacts.delete_set(by, execution).await) };
            let outcome = match deleted {
                Some(Ok(())) => CopyOutcome::Deleted,
                Some(Err(ServiceError::NotFound { .. })) => CopyOutcome::Gone,
                None => CopyOutcome::OnHold,
                // Put on hold since.
                Some(Err(ServiceError::Refused(why))) if why.code() == Code::OnHold => CopyOutcome::OnHold,
                Some(Err(error)) => return Err(error),
            };
            deletions.push(CopyDeletion { execution, title: copy.title.clone(), outcome });
        }
        Ok(deletions)
    }

    /// Returns a request whose identifiers are kept.
    async fn open_request(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
    ) -> Result<SubjectRequest, ServiceError> {
        let found = self.ports.catalog.subject_request(owner, request).await?;
        let found = found.ok_or_else(|| ServiceError::not_found(Entity::SubjectRequest, request))?;
        if found.sealed().is_none() {
            let why = format!("request {request} has ended, and its identifiers are destroyed");
            return Err(RuleViolation::new(Code::SubjectRequestState, why).into());
        }
        Ok(found)
    }

    /// Finds a request that is open and asks for erasure: for access alone, nothing has to go.
    async fn erasing_request(&self, owner: &Owner, request: SubjectRequestId) -> Result<(), ServiceError> {
        if self.open_request(owner, request).await?.kind.erases() {
            return Ok(());
        }
        let why =
            format!("request {request} asks for access alone: nobody has to delete what is not to be erased");
        Err(RuleViolation::new(Code::SubjectRequestState, why).into())
    }

    /// Returns the keys of the service. Without any, nobody can tell of any set.
    fn keys(&self) -> Result<Vec<SubjectKey>, ServiceError> {
        match self.ports.subject_keys.keys() {
            Err(error) if error.kind() == SubjectKeysErrorKind::None => Ok(Vec::new()),
            keys => Ok(keys?),
        }
    }

    /// Asks the filters of a set, one after another, until one has the person.
    async fn holding(
        &self,
        owner: &Owner,
        subject: &Subject,
        keys: &[SubjectKey],
        set: &PublishedSet,
    ) -> Result<Holding, ServiceError> {
        let Some(note) = &set.filter else { return Ok(Holding::Unknown(Unknown::NoFilter)) };
        let Some(key) = keys.iter().find(|key| *key.id() == note.key) else {
            return Ok(Holding::Unknown(Unknown::KeyMissing));
        };
        let key = key.of_filters(owner, set.execution);
        let hashes: Vec<ValueHash> =
            subject.identifiers().iter().map(|one| key.hash(one.kind(), one.expose())).collect();
        Ok(Holding::of(note, self.ask(note, &key, &hashes).await?))
    }

    async fn ask(
        &self,
        note: &FilterNote,
        key: &FilterKey,
        hashes: &[ValueHash],
    ) -> Result<Result<bool, Unknown>, ServiceError> {
        let mut is_lost = false;
        for (number, name) in (0..).zip(note.keys()) {
            let file = self.read(&name).await?;
            match file.and_then(|file| SubjectFilter::from_bytes(&file, key, number).ok()) {
                Some(filter) if hashes.iter().any(|hash| filter.may_hold(*hash)) => return Ok(Ok(true)),
                Some(_) => {}
                None => is_lost = true,
            }
        }
        Ok(if is_lost { Err(Unknown::FilterLost) } else { Ok(false) })
    }

    /// Reads a filter; `None` if it is gone, or too long for one.
    async fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, ServiceError> {
        let is_gone = |kind| matches!(kind, SinkErrorKind::NotFound | SinkErrorKind::Corrupt);
        let mut chunks = match self.ports.sink.read(key, 0).await {
            Err(error) if is_gone(error.kind()) => return Ok(None),
            chunks => chunks?,
        };
        let mut file = Vec::new();
        loop {
            match chunks.try_next().await {
                Ok(Some(chunk)) if file.len() + chunk.len() <= SubjectFilter::FILE_BYTES_MAX => {
                    file.extend_from_slice(&chunk);
                }
                Ok(None) => return Ok(Some(file)),
                Ok(Some(_)) => return Ok(None),
                Err(error) if is_gone(error.kind()) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Says who has a set, unless it does not hold the person.
    async fn told(&self, owner: &Owner, set: PublishedSet, holding: Holding) -> Result<CopyOf, ServiceError> {
        let mut copy = CopyOf {
            set,
            holding,
            title: None,
            downloads: Vec::new(),
            deliveries: Vec::new(),
            is_handed_over: false,
            recipients: Vec::new(),
            subscribers: Vec::new(),
        };
        if holding == Holding::Not {
            return Ok(copy);
        }
        let (catalog, execution) = (&self.ports.catalog, copy.set.execution);
        let now = catalog.now().await?;
        if let Some(overview) = catalog.execution(owner, execution, now).await? {
            let settings = overview.execution.settings;
            copy.is_handed_over = settings.request.is_some();
            copy.recipients = settings.protection.recipients().to_vec();
            copy.subscribers = recall::subscribers(&settings).cloned().collect();
            copy.title = Some(settings.title);
        }
        copy.downloads = catalog.downloads_of(owner, execution, DOWNLOADS_MAX).await?;
        let query = DeliveryQuery::default().with_execution(execution);
        copy.deliveries = catalog.deliveries(owner, &query).await?.items;
        Ok(copy)
    }
}
