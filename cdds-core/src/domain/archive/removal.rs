//! Rules E9, A7, A8: what people may delete, and what a legal hold keeps.

use super::artifact::{Artifact, ArtifactSet, FILES_PER_REQUEST_MAX};
use crate::domain::execution::Execution;
use crate::domain::id::{ArtifactId, ExecutionId};
use crate::domain::violation::{Code, RuleViolation};

/// Whether the artifacts of an execution are deleted with it (rule E9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithArtifacts {
    /// Delete the execution only. This is refused while it has artifacts.
    Keep,
    /// Delete its artifacts as well.
    Delete,
}

/// Checks whether an execution may be deleted from the history (rule E9). `artifacts` are its files that
/// still exist.
///
/// # Errors
/// [`Code::ExecutionOpen`] if it has not ended; [`Code::OnHold`] if its set is on hold;
/// [`Code::ExecutionHasArtifacts`] if it has artifacts that are not to be deleted with it.
pub fn check_execution(
    execution: &Execution,
    artifacts: &[Artifact],
    with: WithArtifacts,
) -> Result<(), RuleViolation> {
    if execution.is_open() {
        return Err(RuleViolation::new(
            Code::ExecutionOpen,
            format!(
                "execution {} is {}: cancel it or wait for it to end, then delete it",
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
                "execution {} still has {} artifact(s): delete them first, or together with it",
                execution.id,
                artifacts.len()
            ),
        ));
    }
    Ok(())
}

/// Checks whether these files may be deleted (rules A7, A8).
///
/// # Errors
/// [`Code::OnHold`] if a legal hold keeps one of them. None may be deleted then.
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
    /// How many of its files are deleted.
    pub going: usize,
    /// How many files stay. They cannot be read without the others.
    pub staying: usize,
}

/// Returns what deleting these files does to their set. `None` if it deletes none of the set's files, or all
/// (rule A8).
pub fn torn(set: &ArtifactSet, going: &[ArtifactId]) -> Option<TornSet> {
    let execution = set.artifacts.first()?.execution_id;
    let going = set.artifacts.iter().filter(|part| going.contains(&part.id)).count();
    let staying = set.artifacts.len() - going;
    (going > 0 && staying > 0).then_some(TornSet { execution, going, staying })
}

/// Checks how many files one request names (rule A8).
///
/// # Errors
/// [`Code::TooManyFiles`] if there are more than 100.
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
