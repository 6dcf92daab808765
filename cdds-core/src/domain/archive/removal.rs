//! Rules E9, A7, A8: what people may delete, and what a legal hold keeps.

use super::artifact::{Artifact, ArtifactSet, FILES_PER_REQUEST_MAX};
use crate::domain::execution::Execution;
use crate::domain::id::{ArtifactId, ExecutionId};
use crate::domain::violation::{Code, RuleViolation};

/// Whether the artifacts of an execution go with it (rule E9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithArtifacts {
    /// The execution only; refused while it has some.
    Keep,
    /// They go too.
    Delete,
}

/// Whether an execution may leave the history (rule E9). `artifacts` are its files that are still there.
///
/// # Errors
/// [`Code::ExecutionOpen`] while it has not ended; [`Code::OnHold`] while its set is on hold;
/// [`Code::ExecutionHasArtifacts`] while it has artifacts and they are not to go too.
pub fn check_execution(
    execution: &Execution,
    artifacts: &[Artifact],
    with: WithArtifacts,
) -> Result<(), RuleViolation> {
    if execution.is_open() {
        return Err(RuleViolation::new(
            Code::ExecutionOpen,
            format!(
                "execution {} is {}: cancel it or wait for its end, then delete it",
                execution.id,
                execution.status().as_str()
            ),
        ));
    }
    check_hold(artifacts)?;
    if with == WithArtifacts::Keep && !artifacts.is_empty() {
        return Err(RuleViolation::new(
            Code::ExecutionHasArtifacts,
            format!(
                "execution {} still has {} artifact(s): delete them with it, or first",
                execution.id,
                artifacts.len()
            ),
        ));
    }
    Ok(())
}

/// Whether these files may be deleted (rule A8).
///
/// # Errors
/// [`Code::OnHold`] if a legal hold keeps one of them; then none is deleted.
pub fn check_hold(artifacts: &[Artifact]) -> Result<(), RuleViolation> {
    match artifacts.iter().find(|artifact| artifact.hold) {
        None => Ok(()),
        Some(artifact) => Err(RuleViolation::new(
            Code::OnHold,
            format!(
                "{} is on legal hold, which keeps the set of execution {}: release it first; nothing was deleted",
                artifact.name, artifact.execution_id
            ),
        )),
    }
}

/// A set that a deletion leaves incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornSet {
    /// The execution that published it.
    pub execution: ExecutionId,
    /// How many of its files go.
    pub going: usize,
    /// How many stay. Nobody can read them without the others.
    pub staying: usize,
}

/// What deleting these files does to their set; `None` if none of it goes, or none stays (rule A8).
pub fn torn(set: &ArtifactSet, going: &[ArtifactId]) -> Option<TornSet> {
    let execution = set.artifacts.first()?.execution_id;
    let going = set.artifacts.iter().filter(|part| going.contains(&part.id)).count();
    let staying = set.artifacts.len() - going;
    (going > 0 && staying > 0).then_some(TornSet { execution, going, staying })
}

/// How many files one request may name (rule A8).
///
/// # Errors
/// [`Code::TooManyFiles`] above 100.
pub fn check_selection(files: usize) -> Result<(), RuleViolation> {
    if files <= FILES_PER_REQUEST_MAX {
        return Ok(());
    }
    Err(RuleViolation::new(
        Code::TooManyFiles,
        format!(
            "{files} files were named: name at most {FILES_PER_REQUEST_MAX} at a time, or a whole set by its \
             execution; nothing was done"
        ),
    ))
}
