//! Rules E16, E17: which stored files the record knows, and which of them it wants.

use chrono::{DateTime, Utc};

use super::Attempt;
use crate::domain::archive::retention::RetentionDays;
use crate::domain::execution::failure::FailureKind;
use crate::domain::work::Writer;

/// The catalog's opinion of a claim's stored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The claim is running, or it published a set that is not removed.
    Wanted,
    /// The record lists the claim, and knows that it has published nothing, or that its set is removed.
    Unwanted,
    /// The record lists the claim, which was given up because its worker was gone. It has published nothing,
    /// unless the catalog was restored from a backup since: then its files may be a set of the lost time. They
    /// are only if there is a manifest among them, which is stored last.
    GivenUp {
        /// When it was given up.
        at: DateTime<Utc>,
        /// Whether another claim of the execution runs since, or has published a set: nobody can adopt this one.
        replaced: bool,
    },
    /// The record does not list the claim: the files belong to another catalog, or to a later state of this
    /// one. Nobody may delete or overwrite them.
    Unknown,
}

/// The execution whose claims have stored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is running, or succeeded with a set that is not removed.
    Live,
    /// Neither is the case.
    Over,
    /// A person deleted it from the history.
    Deleted,
}

/// Whether the record lists a claim among the attempts of its execution, whose epoch is `epoch`.
///
/// Versions without nonces took an attempt off the record when it was handed back, so for them the epoch
/// decides: each of their claims came before the first one with a nonce.
pub fn lists(epoch: u64, attempts: &[Attempt], writer: &Writer) -> bool {
    let claimed = writer.fence.epoch;
    match writer.nonce {
        Some(_) => attempts.iter().any(|attempt| is_of(attempt, writer)),
        None => {
            let first = attempts.iter().find(|attempt| attempt.nonce.is_some()).map(|attempt| attempt.epoch);
            (1..=epoch).contains(&claimed) && first.is_none_or(|first| claimed < first)
        }
    }
}

/// Returns when the record gave a claim up because its worker was gone. `None` if the worker itself has ended
/// it, if it has not ended, or if it is not listed.
pub fn given_up_at(attempts: &[Attempt], writer: &Writer) -> Option<DateTime<Utc>> {
    let attempt = attempts.iter().rfind(|attempt| is_of(attempt, writer))?;
    let crashed = attempt.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Crashed);
    attempt.ended_at.filter(|_| crashed)
}

impl Standing {
    /// Decides about the files of a claim. `epoch` and `attempts` are those of its execution.
    pub fn of(epoch: u64, attempts: &[Attempt], stage: Stage, writer: &Writer) -> Self {
        if !lists(epoch, attempts, writer) {
            return Self::Unknown;
        }
        // The last attempt is the one that runs or has published.
        let is_last = match attempts.last() {
            Some(attempt) => is_of(attempt, writer),
            None => writer.fence.epoch == epoch && writer.nonce.is_none(),
        };
        if stage == Stage::Live && is_last {
            return Self::Wanted;
        }
        match given_up_at(attempts, writer) {
            Some(at) if stage != Stage::Deleted => Self::GivenUp { at, replaced: stage == Stage::Live },
            _ => Self::Unwanted,
        }
    }

    /// Whether the files may go at an instant. `has_manifest` says whether the manifest is among them.
    ///
    /// The files of a claim that was given up, with a manifest, may go when the retention of a set that it
    /// published before would be over (rule E17).
    pub fn may_go(&self, has_manifest: bool, retention: RetentionDays, now: DateTime<Utc>) -> bool {
        match *self {
            Self::Wanted | Self::Unknown => false,
            Self::Unwanted => true,
            Self::GivenUp { at, .. } => !has_manifest || retention.expires_at(at) <= now,
        }
    }
}

fn is_of(attempt: &Attempt, writer: &Writer) -> bool {
    attempt.epoch == writer.fence.epoch && attempt.nonce == writer.nonce
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::execution::failure::Failure;
    use crate::domain::id::{ExecutionId, WorkerId};
    use crate::domain::work::{Fence, Nonce};

    fn attempt((epoch, nonce): (u64, Option<u64>)) -> Attempt {
        Attempt {
            epoch,
            nonce: nonce.map(Nonce),
            worker: WorkerId::of(Uuid::nil()),
            started_at: DateTime::UNIX_EPOCH,
            ended_at: Some(DateTime::UNIX_EPOCH),
            failure: None,
            released: false,
        }
    }

    fn standing(epoch: u64, attempts: &[(u64, Option<u64>)], live: bool, of: (u64, Option<u64>)) -> Standing {
        let stage = if live { Stage::Live } else { Stage::Over };
        let attempts: Vec<Attempt> = attempts.iter().copied().map(attempt).collect();
        let fence = Fence { id: ExecutionId(Uuid::nil()), epoch: of.0 };
        Standing::of(epoch, &attempts, stage, &Writer { fence, nonce: of.1.map(Nonce) })
    }

    #[test]
    fn e16_only_listed_claims_are_known_and_only_the_last_is_wanted() {
        let listed = [(1, Some(7)), (2, Some(8))];
        for (of, live, expected) in [
            ((2, Some(8)), true, Standing::Wanted),
            ((2, Some(8)), false, Standing::Unwanted),
            ((1, Some(7)), true, Standing::Unwanted),
            // A claim of a time that the catalog has lost.
            ((2, Some(9)), true, Standing::Unknown),
            ((3, Some(8)), true, Standing::Unknown),
            ((1, None), true, Standing::Unknown),
        ] {
            assert_eq!(standing(2, &listed, live, of), expected, "{of:?} {live}");
        }
    }

    #[test]
    fn e16_claims_of_before_the_nonce_are_known_by_their_epoch() {
        // The first attempt was handed back, which took it off the record; the third has a nonce.
        let listed = [(2, None), (3, Some(8))];
        for (of, expected) in [(0, Standing::Unknown), (1, Standing::Unwanted), (2, Standing::Unwanted)] {
            assert_eq!(standing(3, &listed, true, (of, None)), expected, "{of}");
        }
        assert_eq!(standing(3, &listed, true, (3, None)), Standing::Unknown, "the third has a nonce");
        assert_eq!(standing(2, &[(2, None)], true, (2, None)), Standing::Wanted, "published before");
        assert_eq!(standing(2, &[], false, (2, None)), Standing::Unwanted, "a deleted row of before");
        assert_eq!(standing(2, &[], false, (3, None)), Standing::Unknown);
    }

    #[test]
    fn e17_what_a_claim_without_an_end_may_have_published_stays_for_the_retention() {
        let mut attempts = [(1, Some(7)), (2, Some(8)), (3, Some(9))].map(attempt);
        attempts[1].failure = Some(Failure::crashed());
        let of = |stage, epoch, nonce| {
            let fence = Fence { id: ExecutionId(Uuid::nil()), epoch };
            Standing::of(3, &attempts, stage, &Writer { fence, nonce: Some(Nonce(nonce)) })
        };
        assert_eq!(of(Stage::Live, 1, 7), Standing::Unwanted, "its worker has ended it");
        let given_up = of(Stage::Live, 2, 8);
        let expected = |replaced| Standing::GivenUp { at: DateTime::UNIX_EPOCH, replaced };
        assert_eq!((given_up, of(Stage::Over, 2, 8)), (expected(true), expected(false)));
        assert_eq!(of(Stage::Deleted, 2, 8), Standing::Unwanted);
        assert_eq!(of(Stage::Live, 3, 9), Standing::Wanted, "it runs");
        let retention = RetentionDays::default();
        let over = retention.expires_at(DateTime::UNIX_EPOCH);
        let before = over - chrono::TimeDelta::microseconds(1);
        assert!(given_up.may_go(false, retention, DateTime::UNIX_EPOCH), "nothing was complete");
        assert!(!given_up.may_go(true, retention, before));
        assert!(given_up.may_go(true, retention, over));
    }
}
