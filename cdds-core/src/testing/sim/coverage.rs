//! Counts which faults occurred at which calls. A call at which nothing ever went wrong was never tested.

use std::collections::BTreeMap;
use std::fmt;

use super::report::FaultKind;

/// All calls to ports that the engines and people of a world make.
const CALLS: [&str; 70] = [
    "catalog.agenda",
    "catalog.artifact",
    "catalog.artifact_set",
    "catalog.ask_notice_again",
    "catalog.ask_subject_tasks_again",
    "catalog.attend",
    "catalog.beat",
    "catalog.beat_subject_task",
    "catalog.begin",
    "catalog.change_execution",
    "catalog.change_job",
    "catalog.change_subject_request",
    "catalog.claim",
    "catalog.claim_notices",
    "catalog.claim_subject_tasks",
    "catalog.confirm_removed",
    "catalog.delete_artifacts",
    "catalog.delete_execution",
    "catalog.downloads_of",
    "catalog.drain",
    "catalog.due",
    "catalog.end_download",
    "catalog.execution",
    "catalog.executions",
    "catalog.expire",
    "catalog.forget",
    "catalog.forget_workers",
    "catalog.hand_over_subject_request",
    "catalog.hold",
    "catalog.insert_job",
    "catalog.insert_subject_request",
    "catalog.job",
    "catalog.keep_house",
    "catalog.last_records",
    "catalog.lay_out_subject_request",
    "catalog.leave",
    "catalog.leave_house",
    "catalog.notices",
    "catalog.open_executions",
    "catalog.publish",
    "catalog.published_sets",
    "catalog.recall",
    "catalog.record",
    "catalog.removals",
    "catalog.renew_zones",
    "catalog.running_subject_requests",
    "catalog.settle",
    "catalog.settle_notice",
    "catalog.settle_subject_task",
    "catalog.standing",
    "catalog.subject_filter",
    "catalog.subject_request",
    "catalog.subject_requests",
    "catalog.subject_tasks",
    "catalog.tell_of_certificates",
    "catalog.tell_of_expiring",
    "sink.begin",
    "sink.delete",
    "sink.list",
    "sink.next",
    "sink.read",
    "source.complete_until",
    "source.erase",
    "source.estimate",
    "source.next",
    "source.read",
    "upload.abort",
    "upload.finish",
    "upload.write",
    WORK,
];

/// Submitting work to the pool. The only fault here is that the work is lost.
const WORK: &str = "workers.submit";
/// Calls at which an outage is never counted. Either a person makes them rarely and gives up after an error,
/// or they directly follow another call of the same caller to the same port, which meets the outage first.
const BRIEF: [&str; 22] = [
    "catalog.artifact",
    "catalog.ask_notice_again",
    "catalog.ask_subject_tasks_again",
    "catalog.change_execution",
    "catalog.delete_artifacts",
    "catalog.delete_execution",
    "catalog.drain",
    "catalog.end_download",
    "catalog.executions",
    "catalog.hand_over_subject_request",
    "catalog.hold",
    "catalog.insert_subject_request",
    "catalog.lay_out_subject_request",
    "catalog.notices",
    "catalog.published_sets",
    "catalog.recall",
    "catalog.record",
    "catalog.subject_requests",
    "catalog.subject_tasks",
    "sink.next",
    "sink.read",
    "upload.abort",
];

/// Calls that people make so rarely that not every fault comes at them in two thousand worlds: a notice is
/// looked up and asked for again only after it was given up, and so is an erasure. So is what an engine calls once for a
/// database of time zones, the approval of an erasure without a copy, and a recall.
const RARE: [&str; 6] = [
    "catalog.ask_notice_again",
    "catalog.ask_subject_tasks_again",
    "catalog.lay_out_subject_request",
    "catalog.notices",
    "catalog.recall",
    "catalog.renew_zones",
];

/// Calls whose panics end the execution.
const PANICS: [&str; 11] = [
    "sink.begin",
    "sink.delete",
    "sink.list",
    "source.complete_until",
    "source.erase",
    "source.estimate",
    "source.next",
    "source.read",
    "upload.abort",
    "upload.finish",
    "upload.write",
];

/// Whether this fault can occur at this call.
pub(super) fn can_come(call: &str, fault: FaultKind) -> bool {
    match fault {
        FaultKind::Panic => PANICS.contains(&call),
        FaultKind::Hang => call.starts_with("source."),
        FaultKind::Change => call == "source.next",
        FaultKind::Outage if BRIEF.contains(&call) => false,
        _ => call != WORK || fault == FaultKind::Error,
    }
}

/// Whether enough worlds must have met this fault at this call.
fn is_expected(call: &str, fault: FaultKind) -> bool {
    can_come(call, fault) && (!RARE.contains(&call) || fault == FaultKind::Yield)
}

/// The number of faults of each kind at each call to a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    counts: BTreeMap<&'static str, Counts>,
}

type Counts = [u64; FaultKind::ALL.len()];

impl Coverage {
    pub(super) fn add(&mut self, call: &'static str, fault: FaultKind) {
        let counts = self.counts.entry(call).or_default();
        if let Some(count) = counts.get_mut(fault as usize) {
            *count += 1;
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        for (call, counts) in &other.counts {
            let known = self.counts.entry(call).or_default();
            known.iter_mut().zip(counts).for_each(|(known, count)| *known += count);
        }
    }

    /// Returns the calls at which a fault occurred.
    pub fn calls(&self) -> impl Iterator<Item = &'static str> {
        self.counts.keys().copied()
    }

    /// Returns the faults that have to occur at a call in enough worlds but never did.
    pub fn missing(&self) -> impl Iterator<Item = (&'static str, FaultKind)> {
        let pairs = CALLS.into_iter().flat_map(|call| FaultKind::ALL.map(|fault| (call, fault)));
        pairs.filter(move |(call, fault)| is_expected(call, *fault) && self.count(call, *fault) == 0)
    }

    /// Returns how often this fault occurred at this call.
    pub fn count(&self, call: &str, fault: FaultKind) -> u64 {
        self.counts.get(call).map_or(0, |counts| counts[fault as usize])
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26}", "call")?;
        FaultKind::ALL.iter().try_for_each(|fault| write!(f, "{:>12}", fault.as_str()))?;
        for (call, counts) in &self.counts {
            write!(f, "\n{call:<26}")?;
            counts.iter().try_for_each(|count| write!(f, "{count:>12}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_where_they_were() {
        for (place, fault) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
        let (mut one, mut other) = (Coverage::default(), Coverage::default());
        one.add("sink.read", FaultKind::Crash);
        other.add("sink.read", FaultKind::Crash);
        other.add("catalog.claim", FaultKind::Error);
        one.extend(&other);
        assert_eq!(one.calls().collect::<Vec<_>>(), ["catalog.claim", "sink.read"]);
        assert_eq!(one.count("sink.read", FaultKind::Crash), 2);
        assert_eq!((one.count("sink.read", FaultKind::Pause), one.count("none", FaultKind::Pause)), (0, 0));
        let missing: Vec<_> = one.missing().collect();
        // All possible pairs except the two that occurred.
        let pairs = CALLS.into_iter().flat_map(|call| FaultKind::ALL.map(|fault| is_expected(call, fault)));
        assert_eq!(missing.len(), pairs.filter(|is_expected| *is_expected).count() - 2);
        assert!(missing.contains(&("sink.read", FaultKind::Pause)));
        assert!(!missing.contains(&("sink.read", FaultKind::Crash)));
        assert!(!missing.contains(&(WORK, FaultKind::Pause)));
    }
}
