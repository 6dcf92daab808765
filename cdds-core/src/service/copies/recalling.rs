//! Tells those who have copies of records about somebody who asked for their erasure (rule D11).

use super::{Copies, CopyOf};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::SubjectRequestId;
use crate::domain::notice::recall::Recalled;
use crate::domain::notice::{Channel, Notice};
use crate::service::ServiceError;
use crate::service::access::{check, entry};

/// How many sets are recalled in one transaction, each with a notice for every subscriber.
const RECALLED_AT_ONCE: usize = 20;

/// A set that may hold the person and that somebody has, and who was told to delete it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyRecall {
    /// The set, with who has it.
    pub copy: CopyOf,
    /// The notices to its subscribers, as they are on record. That to the embedding service is not among them.
    pub notices: Vec<Notice>,
    /// What became of it.
    pub outcome: RecallOutcome,
}

/// What became of a set whose holders were to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecallOutcome {
    /// Its subscribers are told.
    Told,
    /// They were told by an earlier call, or will be: nobody is told twice.
    ToldBefore,
    /// It has no subscriber who is told of such things: somebody has to tell those who have it.
    Nobody,
    /// It left the history meanwhile, and nobody is told.
    Gone,
}

impl CopyRecall {
    /// Picks what was told of a set from what is on record of several.
    fn of(copy: &CopyOf, told: &[Recalled]) -> Self {
        let execution = copy.set.execution;
        let of_set: Vec<&Recalled> =
            told.iter().filter(|one| one.notice.execution_id() == Some(execution)).collect();
        let notices: Vec<&Recalled> =
            of_set.iter().copied().filter(|one| one.notice.channel != Channel::Host).collect();
        let outcome = match (of_set.is_empty(), notices.is_empty()) {
            (true, _) => RecallOutcome::Gone,
            (_, true) => RecallOutcome::Nobody,
            _ if notices.iter().any(|one| one.is_new) => RecallOutcome::Told,
            _ => RecallOutcome::ToldBefore,
        };
        let notices = notices.into_iter().map(|one| one.notice.clone()).collect();
        Self { copy: copy.clone(), notices, outcome }
    }
}

impl RecallOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Told, Self::ToldBefore, Self::Nobody, Self::Gone];

    /// Returns the stable name: `told`, `told_before`, `nobody` or `gone`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::ToldBefore => "told_before",
            Self::Nobody => "nobody",
            Self::Gone => "gone",
        }
    }
}

impl Copies {
    /// Tells those who have copies of sets that a [survey](Self::survey) found that somebody asked for the erasure of records
    /// in them: the subscribers of each set's execution who are told of such things, and the embedding service (rule D11).
    /// Passes over sets that do not hold the person, and those that nobody has. Each set has an entry of the audit, unless
    /// all was told before. Sets on legal hold are recalled, too: a hold keeps the set here, and no copy of it.
    ///
    /// Returns the sets in the order given, each with who is told, and who has it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] with [`Code::SubjectRequestState`](crate::domain::violation::Code::SubjectRequestState) if the request has ended, or
    /// asks for no erasure; [`ServiceError::Catalog`], and some sets may be recalled by then: the same call goes on with the
    /// rest.
    ///
    /// # Cancel safety
    /// If dropped, some of the sets may be recalled.
    pub async fn notify(
        &self,
        by: &Principal,
        request: SubjectRequestId,
        found: &[CopyOf],
    ) -> Result<Vec<CopyRecall>, ServiceError> {
        let object = Object::SubjectRequest(request);
        check(&self.ports, by, Action::RecallCopies, Some(object)).await?;
        let (catalog, owner) = (&self.ports.catalog, &by.owner);
        self.erasing_request(owner, request).await?;
        let had: Vec<&CopyOf> = found.iter().filter(|copy| copy.is_had()).collect();
        let mut recalls = Vec::with_capacity(had.len());
        for copies in had.chunks(RECALLED_AT_ONCE) {
            let now = catalog.now().await?;
            let entry = |execution| {
                let entry = entry(&self.ports, by, Action::RecallCopies, now);
                (execution, entry.with_object(Object::ArtifactSet(execution)))
            };
            let sets: Vec<_> = copies.iter().map(|copy| entry(copy.set.execution)).collect();
            let told = catalog.recall(owner, request, &sets).await?;
            recalls.extend(copies.iter().map(|copy| CopyRecall::of(copy, &told)));
        }
        Ok(recalls)
    }
}
