//! Rule A7: how long artifacts are kept.

use chrono::{DateTime, Days, TimeDelta, Utc};

use crate::domain::violation::{Code, RuleViolation};

/// The number of days for which artifacts are kept, 1 to 3,650.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetentionDays(u16);

impl RetentionDays {
    /// The longest retention in days: ten years.
    pub const DAYS_MAX: u16 = 3_650;

    /// Creates a retention of this many days.
    ///
    /// # Errors
    /// [`Code::InvalidRetention`] if `days` is outside 1 to 3,650.
    pub fn new(days: u16) -> Result<Self, RuleViolation> {
        if (1..=Self::DAYS_MAX).contains(&days) {
            return Ok(Self(days));
        }
        Err(RuleViolation::new(
            Code::InvalidRetention,
            format!("artifacts cannot be kept for {days} days: use 1 to {}", Self::DAYS_MAX),
        ))
    }

    /// Returns the number of days.
    pub fn days(self) -> u16 {
        self.0
    }

    /// Checks that a job's own retention does not exceed the service's (rule A7).
    ///
    /// # Errors
    /// [`Code::InvalidRetention`] if it is longer.
    pub fn check_within(self, service: Self) -> Result<(), RuleViolation> {
        if self <= service {
            return Ok(());
        }
        Err(RuleViolation::new(
            Code::InvalidRetention,
            format!(
                "a job cannot keep its artifacts for {} days when the service keeps them for {}: use {} or less",
                self.0, service.0, service.0
            ),
        ))
    }

    /// Returns when artifacts created at `created_at` expire. An instant beyond the calendar is replaced by
    /// its end.
    pub fn expires_at(self, created_at: DateTime<Utc>) -> DateTime<Utc> {
        created_at.checked_add_days(Days::new(u64::from(self.0))).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Default for RetentionDays {
    /// 30 days.
    fn default() -> Self {
        Self(30)
    }
}

/// Returns the remaining days, `ceil((expires_at − now) / day)`, at least 0. At 0 the file is removed (rule
/// A7).
pub fn remaining_days(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    let left = expires_at - now;
    if left <= TimeDelta::zero() {
        return 0;
    }
    let whole = left.num_days();
    if left > TimeDelta::days(whole) { whole + 1 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a7_remaining_days_round_up_and_end_at_zero() {
        let created = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let expires = RetentionDays::default().expires_at(created);
        for (elapsed, left) in [
            (TimeDelta::zero(), 30),
            (TimeDelta::microseconds(1), 30),
            (TimeDelta::days(1), 29),
            (TimeDelta::days(30) - TimeDelta::microseconds(1), 1),
            (TimeDelta::days(30), 0),
            (TimeDelta::days(31), 0),
        ] {
            assert_eq!(remaining_days(expires, created + elapsed), left, "{elapsed}");
        }
    }

    #[test]
    fn a7_a_job_cannot_keep_longer_than_the_service() {
        let (week, month) = (RetentionDays::new(7).unwrap(), RetentionDays::default());
        assert!(week.check_within(month).is_ok() && month.check_within(month).is_ok());
        assert_eq!(month.check_within(week).unwrap_err().code(), Code::InvalidRetention);
        for days in [0, 3_651] {
            assert_eq!(RetentionDays::new(days).unwrap_err().code(), Code::InvalidRetention);
        }
    }
}
