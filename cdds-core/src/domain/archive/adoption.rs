//! Rule E18: a set that the store holds and the record does not list becomes part of the record again.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::watermark::Watermark;
use crate::domain::execution::{Attempt, Execution, ExecutionState, Trigger};
use crate::domain::id::{ExecutionId, WorkerId};
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange, lifecycle};
use crate::domain::source::SourceTerms;
use crate::domain::work::Writer;

/// A set that was found in the store and verified, as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSet {
    /// The claim that stored it.
    pub writer: Writer,
    /// The slot of its execution.
    pub slot: DateTime<Utc>,
    /// The exported window.
    pub window: Window,
    /// The instant from which records may be missing, since the source was not complete (rule W3b).
    pub incomplete_from: Option<DateTime<Utc>>,
    /// When the set was completed.
    pub made_at: DateTime<Utc>,
    /// When its retention ends.
    pub expires_at: DateTime<Utc>,
    /// The counts of its execution.
    pub progress: Progress,
    /// Whether it was certainly made under settings that select the same records as the job's do now. Values
    /// of filters are not in manifests, so this is false if there are filters.
    pub same_selection: bool,
}

/// What adopting a set does to the job's watermark (rule W4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatermarkAfter {
    /// The job does not follow a watermark.
    None,
    /// It moves to the end of the set's window.
    Moves,
    /// It stays, since the window does not start there or other records were selected: the records of the
    /// set are exported again.
    Stays,
}

/// The changes of the record that adopt a set, to be stored in one transaction with the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The execution as it was on record. `None` if it was not.
    pub before: Option<Execution>,
    /// The execution, succeeded.
    pub execution: Execution,
    /// The change of its job.
    pub change: JobChange,
    /// What happens to the watermark.
    pub watermark: WatermarkAfter,
}

/// Why a set is not adopted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unadoptable {
    /// Its retention is over (rule A7).
    #[error("its retention ended at {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))]
    Expired {
        /// When it ended.
        at: DateTime<Utc>,
    },
    /// The execution runs according to the record.
    #[error("its execution is in progress: cancel it or wait for its end")]
    Running,
    /// The execution has published another set.
    #[error("its execution has published another set since, which holds the same records")]
    Published,
    /// The file does not agree with the manifest.
    #[error("{file}: {reason}")]
    Unverified {
        /// The file's name or key.
        file: String,
        /// The reason.
        reason: String,
    },
    /// This owner has no such job.
    #[error("its job {job} is not on record: only the owner of the job can adopt the set")]
    UnknownJob {
        /// The job that the manifest names.
        job: String,
    },
}

/// Decides how a set becomes part of the record. `known` is its execution, if that is on record.
///
/// # Errors
/// [`Unadoptable`] if the set's retention is over, or its execution runs or has published another set.
pub fn adopt(
    job: &Job,
    known: Option<&Execution>,
    found: &FoundSet,
    now: DateTime<Utc>,
) -> Result<Adoption, Unadoptable> {
    if found.expires_at <= now {
        return Err(Unadoptable::Expired { at: found.expires_at });
    }
    match known.map(|known| &known.state) {
        Some(ExecutionState::Running) => return Err(Unadoptable::Running),
        Some(ExecutionState::Succeeded) => return Err(Unadoptable::Published),
        _ => {}
    }
    let mut execution = known.cloned().unwrap_or_else(|| forgotten(job, found));
    let (watermark, generation) = watermark(job, known, found);
    execution.window = found.window;
    execution.generation = generation;
    execution.completeness.frozen_at = execution.completeness.frozen_at.or(Some(found.made_at));
    execution.completeness.complete_until = found.incomplete_from;
    execution.epoch = execution.epoch.max(found.writer.fence.epoch);
    execution.started_at = execution.started_at.or(Some(found.made_at));
    execution.attempts.push(Attempt {
        epoch: found.writer.fence.epoch,
        nonce: found.writer.nonce,
        worker: WorkerId::unknown(),
        started_at: found.made_at,
        ended_at: None,
        failure: None,
        released: false,
    });
    let execution = execution.succeeded(found.progress, found.made_at);
    let change = lifecycle::ended(&lifecycle::started(job), &execution, Open::default(), now);
    // The watermark moves only if the window starts there, so the job cannot refuse it.
    let change = change.unwrap_or_else(|_| JobChange::of(job.clone()));
    Ok(Adoption { before: known.cloned(), execution, change, watermark })
}

/// Returns what happens to the watermark, and the generation that the execution moves.
fn watermark(job: &Job, known: Option<&Execution>, found: &FoundSet) -> (WatermarkAfter, Option<u64>) {
    let Timeframe::SinceLastExport { .. } = job.settings.timeframe else {
        return (WatermarkAfter::None, None);
    };
    // A backfill moves none, wherever its window starts (rule W6).
    let may_move = known.is_none_or(|known| known.generation.is_some());
    let Watermark { generation, at } = job.watermark();
    let starts_there = found.window.start() == at && at.is_none_or(|at| at < found.window.end());
    if may_move && found.same_selection && starts_there && job.watermark.is_some() {
        (WatermarkAfter::Moves, Some(generation))
    } else {
        (WatermarkAfter::Stays, None)
    }
}

/// Returns the execution of a set that the record has lost, as it waited before its first claim. Its settings
/// are the job's present ones; the manifest keeps those that it was made with.
fn forgotten(job: &Job, found: &FoundSet) -> Execution {
    let scheduled = Execution::scheduled(job, found.slot, SourceTerms::default(), found.made_at);
    let id: ExecutionId = found.writer.fence.id;
    // The id of a scheduled occurrence is derived from job and slot.
    let trigger = if scheduled.id == id { Trigger::Scheduled } else { Trigger::Manual };
    Execution { id, trigger, queue_at: found.slot, ..scheduled }
}
