//! Rules N1, N4–N7: sets that are delivered to destinations besides the artifact store.

pub mod destination;
pub mod health;
pub mod path;
pub mod plan;
pub mod probe;

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::path::PathTemplate;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, JobId};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::row::{GivenUp, NotAgain, WorkRow, WorkState};

/// One destination of a job, with the job's own wishes (rules N1, N6, N7).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobDestination {
    /// The registered destination.
    pub destination: DestinationId,
    /// The folder in which the files appear, below the destination's own folder.
    pub path: PathTemplate,
    /// How an arrival is checked.
    pub receipt: Receipt,
}

impl JobDestination {
    /// Delivers to this destination, into the [default folder](PathTemplate::default), checked by size.
    pub fn new(destination: DestinationId) -> Self {
        Self { destination, path: PathTemplate::default(), receipt: Receipt::default() }
    }

    /// Replaces the folder.
    #[must_use]
    pub fn with_path(self, path: PathTemplate) -> Self {
        Self { path, ..self }
    }

    /// Replaces how an arrival is checked.
    #[must_use]
    pub fn with_receipt(self, receipt: Receipt) -> Self {
        Self { receipt, ..self }
    }
}

/// How an arrival is checked before a file gets its final name (rule N6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Receipt {
    /// The destination reports the size of the file.
    #[default]
    Size,
    /// The file is read back, and its SHA-256 digest compared.
    Digest,
}

impl Receipt {
    /// Every way to check.
    pub const ALL: [Self; 2] = [Self::Size, Self::Digest];

    /// Returns the name as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Digest => "digest",
        }
    }

    /// Returns the way with this name, or `None` if there is no such way.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|receipt| receipt.as_str() == name)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The destinations of a job, each at most once per folder, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobDestinations(Vec<JobDestination>);

impl JobDestinations {
    /// The most destinations of one job.
    pub const MAX: usize = 10;

    /// Checks a list of destinations. An empty one delivers nowhere.
    ///
    /// # Errors
    /// [`Code::InvalidDestinations`] if there are more than [`MAX`](Self::MAX), or if one is named twice.
    pub fn new(destinations: impl IntoIterator<Item = JobDestination>) -> Result<Self, RuleViolation> {
        let destinations: Vec<_> = destinations.into_iter().collect();
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidDestinations, why));
        if destinations.len() > Self::MAX {
            return refuse(format!(
                "the job names {} destinations: name at most {}",
                destinations.len(),
                Self::MAX
            ));
        }
        for (index, one) in destinations.iter().enumerate() {
            if destinations[..index].iter().any(|other| other.destination == one.destination) {
                return refuse(format!("destination {} is named twice: name it once", one.destination));
            }
        }
        Ok(Self(destinations))
    }

    /// Returns the destinations.
    pub fn as_slice(&self) -> &[JobDestination] {
        &self.0
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Walks the destinations.
    pub fn iter(&self) -> std::slice::Iter<'_, JobDestination> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a JobDestinations {
    type Item = &'a JobDestination;
    type IntoIter = std::slice::Iter<'a, JobDestination>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The delivery of one published set to one destination (rule N4). It is stored in the transaction that publishes
/// the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id and owner, and how far it has come.
    pub work: WorkRow<DeliveryId>,
    /// The execution that published the set.
    pub execution_id: ExecutionId,
    /// The job of the execution.
    pub job_id: JobId,
    /// When it was asked for: with the publication, or by a person later.
    pub created_at: DateTime<Utc>,
    /// Where to, and how.
    pub to: JobDestination,
    /// What has arrived.
    pub progress: DeliveryProgress,
}

/// What of a set has arrived and was confirmed, in the order of its [plan](plan::DeliveryPlan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryProgress {
    /// The files at the beginning of the plan that were confirmed. None of them is sent again by the same delivery, save
    /// what a late worker has cut where nothing is renamed ([`Naming::Direct`](destination::Naming::Direct)).
    pub files: u32,
    /// Their bytes, and those of the file under way.
    pub bytes: u64,
}

impl Delivery {
    /// Creates the deliveries of an execution that has succeeded, to be stored in the transaction that publishes its
    /// set. There are none if it has not succeeded.
    pub fn of(execution: &Execution) -> Vec<Self> {
        let ExecutionState::Succeeded = execution.state else { return Vec::new() };
        let Some(at) = execution.finished_at else { return Vec::new() };
        let to = execution.settings.destinations.iter();
        to.map(|to| Self::new(execution, to.clone(), at)).collect()
    }

    /// Creates a delivery that may be tried at once.
    pub fn new(execution: &Execution, to: JobDestination, now: DateTime<Utc>) -> Self {
        let id = delivery_id(execution.id, &to.destination);
        Self {
            work: WorkRow::new(id, execution.owner.clone(), now),
            execution_id: execution.id,
            job_id: execution.job_id,
            created_at: now,
            to,
            progress: DeliveryProgress::default(),
        }
    }

    /// Starts over, whatever has become of it, because somebody asks for it: the destination may have lost what
    /// arrived. Epochs go on counting.
    ///
    /// # Errors
    /// [`NotAgain::Held`] if it is being tried; [`NotAgain::Gone`] if its set is gone.
    pub fn again(self, to: JobDestination, now: DateTime<Utc>) -> Result<Self, NotAgain> {
        let work = self.work.over_again(now)?;
        Ok(Self { work, to, progress: DeliveryProgress::default(), ..self })
    }

    /// Returns what follows for subscribers from a delivery that has just ended, given all deliveries of its set as
    /// they are now (rule N2): the set has arrived once all of them are done, and each that is given up is told by
    /// itself.
    pub fn notices(&self, execution: &Execution, of_set: &[Self], now: DateTime<Utc>) -> Vec<Notice> {
        match self.work.state {
            WorkState::Done { .. } => {
                let all_done = of_set.iter().all(|one| matches!(one.work.state, WorkState::Done { .. }));
                if all_done { Notice::about(execution, NoticeKind::Delivered, None, now) } else { Vec::new() }
            }
            // A person who removes a set knows that it is not delivered.
            WorkState::GivenUp { reason: GivenUp::Refused | GivenUp::Exhausted, .. } => {
                let which = self.to.destination.to_string();
                Notice::about(execution, NoticeKind::DeliveryFailed, Some(&which), now)
            }
            WorkState::GivenUp { .. } | WorkState::Waiting { .. } | WorkState::Held { .. } => Vec::new(),
        }
    }
}

/// Derives the id of a delivery from its purpose, so that it cannot be stored twice.
pub fn delivery_id(execution: ExecutionId, destination: &DestinationId) -> DeliveryId {
    // Names contain no colon.
    DeliveryId(Uuid::new_v5(&execution.0, format!("delivery:{destination}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(name: &str) -> JobDestination {
        JobDestination::new(DestinationId::new(name).unwrap())
    }

    #[test]
    fn n1_a_job_names_each_destination_once_and_few_of_them() {
        assert_eq!(JobDestinations::new([to("a"), to("b")]).unwrap().as_slice().len(), 2);
        let refused = |list: Vec<JobDestination>| JobDestinations::new(list).unwrap_err().code();
        assert_eq!(refused(vec![to("a"), to("b"), to("a")]), Code::InvalidDestinations);
        assert_eq!(refused((0..11).map(|i| to(&format!("d{i}"))).collect()), Code::InvalidDestinations);
    }

    #[test]
    fn n4_a_delivery_is_the_same_for_whoever_stores_it() {
        let (one, two) = (ExecutionId(Uuid::from_u128(1)), ExecutionId(Uuid::from_u128(2)));
        let ids = [(one, "a"), (one, "b"), (two, "a")]
            .map(|(execution, name)| delivery_id(execution, &DestinationId::new(name).unwrap()));
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert_eq!(ids[0], delivery_id(one, &DestinationId::new("a").unwrap()));
    }

    #[test]
    fn n6_receipts_are_read_as_they_are_printed() {
        assert_eq!(Receipt::ALL.map(|receipt| Receipt::parse(receipt.as_str())), Receipt::ALL.map(Some));
    }
}
