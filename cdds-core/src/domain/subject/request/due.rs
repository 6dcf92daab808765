//! Rule D2: when a request has to be answered.

use chrono::{DateTime, Months, TimeDelta, Utc};

use crate::domain::violation::{Code, RuleViolation};

/// How many months a request may take (GDPR, Article 12(3)), unless it says otherwise.
const MONTHS: Months = Months::new(1);

/// By how many months it may be extended, unless the extension says otherwise.
pub const EXTENSION_MONTHS: u32 = 2;

/// How many months lie between a request and its due date at most, also when it is extended.
const MONTHS_MAX: Months = Months::new(12);

/// How long before its due date a request is shown as near to it.
pub const NEAR: TimeDelta = TimeDelta::days(7);

/// How near a due date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// It has passed.
    Passed,
    /// It is less than a week away.
    Near,
    /// It is further away.
    Later,
}

impl Due {
    /// Every value, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Near, Self::Later];

    /// Returns how near a due date is.
    pub fn of(due_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match due_at - now {
            left if left <= TimeDelta::zero() => Self::Passed,
            left if left < NEAR => Self::Near,
            _ => Self::Later,
        }
    }

    /// Returns the stable name: `passed`, `near` or `later`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Near => "near",
            Self::Later => "later",
        }
    }
}

/// Returns the first due date: the chosen one, or a month from now.
pub(super) fn first(
    chosen: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, RuleViolation> {
    within(chosen.unwrap_or_else(|| after(now, MONTHS)), now, now)
}

/// Returns the due date of a request that is extended.
pub(super) fn extended(
    due_at: DateTime<Utc>,
    chosen: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
) -> Result<DateTime<Utc>, RuleViolation> {
    let to = chosen.unwrap_or_else(|| after(due_at, Months::new(EXTENSION_MONTHS)));
    within(to, due_at, received_at)
}

/// Checks that an instant is later than another one, and within a year.
fn within(
    due_at: DateTime<Utc>,
    later_than: DateTime<Utc>,
    received_at: DateTime<Utc>,
) -> Result<DateTime<Utc>, RuleViolation> {
    let last = after(received_at, MONTHS_MAX);
    if due_at > later_than && due_at <= last {
        return Ok(due_at);
    }
    let why = format!(
        "a request is due after {} and by {}, a year after it was received",
        later_than.format("%Y-%m-%dT%H:%M:%SZ"),
        last.format("%Y-%m-%dT%H:%M:%SZ")
    );
    Err(RuleViolation::new(Code::InvalidSubjectRequest, why))
}

/// Adds months: to the same day, or the last one of a shorter month. Beyond the calendar it is the calendar's end.
fn after(instant: DateTime<Utc>, months: Months) -> DateTime<Utc> {
    instant.checked_add_months(months).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
