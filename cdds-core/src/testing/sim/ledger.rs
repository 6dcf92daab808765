//! Counts how often each record appears in the sets of a job. Over all sets it must be once (invariant I4).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::accounts::is_covered;
use super::model::{Check, Family, JobModel, Model, brief, ensure};
use super::report::Invariant;
use super::source::exports;
use super::watch::Watch;
use crate::domain::calendar::window::Window;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, JobId};
use crate::domain::job::{Job, Reads};
use crate::ports::source::RecordInstant;

/// The accounts of all jobs.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<(JobId, Stream), Account>,
    /// The records booked for each set, so that deleting the set can take them off again.
    entries: BTreeMap<ExecutionId, (JobId, Stream, Vec<u32>)>,
}

/// A series of sets that together hold every record once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    /// The sets of one generation of the watermark.
    Generation(u64),
    /// The sets of one stretch of tiling windows.
    Stretch(u32),
}

/// The range that a watermark has passed; `None` means before all records.
type Passed = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

#[derive(Debug, Clone, Default)]
struct Account {
    /// How often each record was booked, by its number.
    times: Vec<u8>,
    /// All selections that the sets were exported with.
    selections: Vec<Reads>,
    /// What sets that did not wait for their source may lack (rule W3b).
    excused: Vec<Window>,
    /// For a generation: the range that its watermark has passed so far.
    passed: Option<Passed>,
}

impl Ledger {
    /// Follows the watermark of a job.
    pub(super) fn follow(&mut self, job: &Job) {
        let Some(watermark) = job.watermark else { return };
        let account = self.accounts.entry((job.id, Stream::Generation(watermark.generation))).or_default();
        let from = account.passed.map_or(watermark.at, |(from, _)| from);
        account.passed = Some((from, watermark.at));
    }

    /// Books the records of a published set.
    pub(super) fn book(
        &mut self,
        execution: &Execution,
        stretch: Option<u32>,
        numbers: impl Iterator<Item = usize>,
    ) -> Check {
        let stream = match (execution.generation, stretch) {
            (Some(generation), _) => Stream::Generation(generation),
            (None, Some(stretch)) => Stream::Stretch(stretch),
            (None, None) => return Ok(()),
        };
        let account = self.accounts.entry((execution.job_id, stream)).or_default();
        let selection = &execution.settings.reads;
        if !account.selections.contains(selection) {
            account.selections.push(selection.clone());
        }
        if let Some(from) = execution.incomplete_from() {
            account.excused.push(Window::between(from, execution.window.end()));
        }
        let mut booked = Vec::new();
        for number in numbers {
            if account.times.len() <= number {
                account.times.resize(number + 1, 0);
            }
            account.times[number] += 1;
            ensure(account.times[number] == 1, Invariant::I4, || {
                format!("record {number} is in a set before that of {} ({stream:?})", brief(execution))
            })?;
            booked.extend(u32::try_from(number));
        }
        // A watermark never goes back, so a record that it has passed is not exported again and stays booked.
        if matches!(stream, Stream::Stretch(_)) {
            self.entries.insert(execution.id, (execution.job_id, stream, booked));
        }
        Ok(())
    }

    /// Takes off a set that was deleted from the history: its occurrence may run again.
    pub(super) fn take_off(&mut self, id: ExecutionId) {
        let Some((job, stream, numbers)) = self.entries.remove(&id) else { return };
        let Some(account) = self.accounts.get_mut(&(job, stream)) else { return };
        let places = numbers.into_iter().filter_map(|number| usize::try_from(number).ok());
        places.for_each(|place| account.times[place] -= 1);
    }

    /// Whether a set of this series may lack the record.
    fn is_excused(&self, job: JobId, stream: Stream, instant: Option<DateTime<Utc>>) -> bool {
        let account = self.accounts.get(&(job, stream));
        account.is_some_and(|account| account.excused.iter().any(|window| window.contains(instant)))
    }

    fn times(&self, job: JobId, stream: Stream, number: usize) -> u8 {
        let account = self.accounts.get(&(job, stream));
        account.and_then(|account| account.times.get(number)).copied().unwrap_or(0)
    }
}

impl Watch {
    /// Checks at the end that every record that a watermark has passed is present, and every record of tiling
    /// windows, except those of occurrences that are recorded as not run or failed.
    pub(super) fn check_ledger(&self, model: &Model) -> Check {
        for ((job, stream), account) in &model.ledger.accounts {
            let Some((from, Some(to))) = account.passed else { continue };
            let passed = from.map_or_else(|| Window::until(to), |from| Window::between(from, to));
            let owner = &model.job(*job)?.job.owner;
            let settled = self.rows.of_owner(owner, passed, RecordInstant::Change).into_iter();
            let wanted = settled.filter(|number| {
                let row = self.rows.row(*number);
                row.is_some_and(|row| account.selections.iter().all(|one| exports(one, row)))
            });
            for number in wanted.filter(|_| !account.selections.is_empty()) {
                let times = model.ledger.times(*job, *stream, number);
                // A version that was replaced before it was read may be in no set.
                let replaced = self.rows.row(number).is_some_and(|row| row.superseded_at.is_some());
                let instant = self.rows.row(number).map(|row| row.instant(RecordInstant::Change));
                let excused = model.ledger.is_excused(*job, *stream, instant);
                ensure(times == 1 || (times == 0 && (replaced || excused)), Invariant::I4, || {
                    format!("record {number} is {times} times in the sets of job {job} ({stream:?})")
                })?;
            }
        }
        model.jobs.values().try_for_each(|known| self.check_tiled(model, known))
    }

    fn check_tiled(&self, model: &Model, known: &JobModel) -> Check {
        for entry in model.occurrences(known.job.id) {
            let Some(stretch) = entry.stretch.filter(|_| !is_covered(&entry.execution)) else { continue };
            let execution = &entry.execution;
            let success = known.successes.get(&(Family::Scheduled, execution.slot));
            let success =
                success.and_then(|id| model.executions.get(id)).filter(|one| one.stretch == Some(stretch));
            let stream = Stream::Stretch(stretch);
            for number in self.rows.of_owner(&execution.owner, execution.window, RecordInstant::Event) {
                let Some(row) = self.rows.row(number).filter(|row| row.first == number) else { continue };
                let times = model.ledger.times(known.job.id, stream, number);
                let wanted = success.is_some_and(|set| exports(&set.execution.settings.reads, row));
                let excused = model.ledger.is_excused(known.job.id, stream, Some(row.event_at));
                ensure(times == u8::from(wanted) || (times == 0 && excused), Invariant::I4, || {
                    format!(
                        "record {number} is {times} times in the sets of {} ({stream:?})",
                        brief(execution)
                    )
                })?;
            }
        }
        Ok(())
    }
}
