//! Rule D7: what stays of an erasure, so that it can be applied again to records that came back from a backup.

use chrono::{DateTime, Utc};

use super::request::{Scope, ScopePart, SubjectRequest};
use super::{HashedIdentifier, Kept, SubjectTask, TaskStanding, answered_at};
use crate::domain::id::{Owner, SourceId, SubjectRequestId, TypeId};

/// An erasure that has ended. It holds keyed hashes, and nothing else of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureEntry {
    /// The request that asked for it.
    pub request: SubjectRequestId,
    /// Whose records it was about.
    pub owner: Owner,
    /// Which sources and types it was about.
    pub scope: Scope,
    /// The keyed hashes of the identifiers.
    pub identifiers: Vec<HashedIdentifier>,
    /// What was answered, by source and type.
    pub types: Vec<ErasedType>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

/// What was answered for a data type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedType {
    /// The source.
    pub source: SourceId,
    /// The data type.
    pub data_type: TypeId,
    /// How it ended.
    pub standing: TaskStanding,
    /// How many records were erased.
    pub erased: u64,
    /// Records that stay, by reason.
    pub kept: Vec<Kept>,
}

impl ErasedType {
    fn of(task: &SubjectTask) -> Self {
        Self {
            source: task.source.clone(),
            data_type: task.data_type.clone(),
            standing: task.standing(),
            erased: task.erased,
            kept: task.kept().to_vec(),
        }
    }
}

impl ErasureEntry {
    /// Returns the entry of a request whose tasks are all answered; `None` if one is not, or if there is none. The same
    /// tasks give the same entry, so whoever writes it a second time writes the same.
    pub fn of(request: &SubjectRequest, tasks: &[SubjectTask]) -> Option<Self> {
        let ended_at = answered_at(tasks)?;
        Some(Self {
            request: request.id,
            owner: request.owner.clone(),
            scope: request.scope.clone(),
            identifiers: request.identifiers.clone(),
            types: tasks.iter().map(ErasedType::of).collect(),
            ended_at,
        })
    }

    /// Returns what is carried out by now of an erasure that may go on, since records of another type are on hold, say: its
    /// scope is the types that are answered. `None` if none is.
    pub(crate) fn so_far(request: &SubjectRequest, tasks: &[SubjectTask]) -> Option<Self> {
        let answered: Vec<SubjectTask> = tasks.iter().filter(|task| task.is_answered()).cloned().collect();
        let entry = Self::of(request, &answered)?;
        if answered.len() == tasks.len() {
            return Some(entry);
        }
        // Of more types than a scope names, the others are erased a little early.
        let scope = Scope::new(answered.iter().map(part)).unwrap_or_else(|_| request.scope.clone());
        Some(Self { scope, ..entry })
    }

    /// Returns what was erased for a request before it was refused or withdrawn: its scope is those types. `None` if nothing
    /// was, and for a request that did not end so.
    pub(crate) fn before_end(request: &SubjectRequest, tasks: &[SubjectTask]) -> Option<Self> {
        let (step, _) = request.ended()?;
        let erased: Vec<&SubjectTask> = tasks.iter().filter(|task| task.erased > 0).collect();
        let scope = Scope::new(erased.iter().map(|task| part(task))).ok().filter(|_| !erased.is_empty())?;
        Some(Self {
            request: request.id,
            owner: request.owner.clone(),
            scope,
            identifiers: request.identifiers.clone(),
            types: erased.into_iter().map(ErasedType::of).collect(),
            ended_at: step.at,
        })
    }
}

fn part(task: &SubjectTask) -> ScopePart {
    ScopePart { source: task.source.clone(), data_type: Some(task.data_type.clone()) }
}
