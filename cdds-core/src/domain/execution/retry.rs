//! Rule E5: whether and when a failed attempt is tried again.

use chrono::{DateTime, TimeDelta, Utc};

use super::failure::Failure;
use crate::domain::id::ExecutionId;
use crate::domain::work::retry::backoff;

/// How often attempts are repeated, and how long to wait between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts, including the first; at least 1.
    pub attempts_max: u32,
    /// The wait after the first failure. It doubles with each further one.
    pub delay_first: TimeDelta,
    /// The longest wait, before jitter.
    pub delay_max: TimeDelta,
}

impl Default for RetryPolicy {
    /// 5 attempts, 30 seconds doubling to 15 minutes.
    fn default() -> Self {
        Self { attempts_max: 5, delay_first: TimeDelta::seconds(30), delay_max: TimeDelta::minutes(15) }
    }
}

/// The decision after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again, no earlier than this.
    RetryAt(DateTime<Utc>),
    /// End the execution as failed.
    GiveUp,
}

impl RetryPolicy {
    /// Decides what follows the failure of attempt number `attempts`. If the worker died, the execution is
    /// taken over without a wait.
    pub fn decide(
        &self,
        execution: ExecutionId,
        attempts: u32,
        failure: &Failure,
        now: DateTime<Utc>,
    ) -> AfterFailure {
        if !failure.retryable || attempts >= self.attempts_max {
            return AfterFailure::GiveUp;
        }
        if failure.kind == super::failure::FailureKind::Crashed {
            return AfterFailure::RetryAt(now);
        }
        let delay = backoff(execution.0, attempts, self.delay_first, self.delay_max);
        AfterFailure::RetryAt(now.checked_add_signed(delay).unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::failure::{FailureKind, Step};
    use uuid::Uuid;

    fn failure(retryable: bool) -> Failure {
        Failure { step: Step::Read, kind: FailureKind::Unavailable, message: String::new(), retryable }
    }

    fn delay(attempts: u32) -> Option<TimeDelta> {
        let (now, id) = (DateTime::UNIX_EPOCH, ExecutionId(Uuid::from_u128(7)));
        match RetryPolicy::default().decide(id, attempts, &failure(true), now) {
            AfterFailure::RetryAt(at) => Some(at - now),
            AfterFailure::GiveUp => None,
        }
    }

    #[test]
    fn e5_delays_double_within_their_spread_and_end() {
        for (attempts, seconds) in [(1, 30), (2, 60), (3, 120), (4, 240)] {
            let (low, high) = (TimeDelta::seconds(seconds * 4 / 5), TimeDelta::seconds(seconds * 6 / 5));
            assert!((low..=high).contains(&delay(attempts).unwrap()), "attempt {attempts}");
        }
        assert_eq!(delay(5), None);
    }

    #[test]
    fn e5_delays_are_capped_for_any_number_of_attempts() {
        let policy = RetryPolicy { attempts_max: u32::MAX, ..RetryPolicy::default() };
        for attempts in [6, 31, 32, 33, 1_000_000] {
            let at = policy.decide(ExecutionId(Uuid::nil()), attempts, &failure(true), DateTime::UNIX_EPOCH);
            let AfterFailure::RetryAt(at) = at else { panic!("gave up") };
            assert!(at - DateTime::UNIX_EPOCH <= TimeDelta::minutes(18), "attempt {attempts}");
            assert!(at - DateTime::UNIX_EPOCH >= TimeDelta::minutes(12), "attempt {attempts}");
        }
    }

    #[test]
    fn e5_final_failures_are_not_repeated_and_crashes_are_taken_over_at_once() {
        let (policy, id, now) =
            (RetryPolicy::default(), ExecutionId(Uuid::nil()), DateTime::<Utc>::UNIX_EPOCH);
        assert_eq!(policy.decide(id, 1, &failure(false), now), AfterFailure::GiveUp);
        assert_eq!(policy.decide(id, 1, &Failure::crashed(), now), AfterFailure::RetryAt(now));
        assert_eq!(policy.decide(id, 5, &Failure::crashed(), now), AfterFailure::GiveUp);
    }
}
