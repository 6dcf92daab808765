//! Rules N3, N5, N9: whether a destination or an endpoint works, and when it is disabled.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

use super::destination::ServerIdentity;
use crate::domain::access::PrincipalName;
use crate::domain::execution::Execution;
use crate::domain::id::{DestinationId, Subscriber};
use crate::domain::notice::{Notice, NoticeKind, job_notice_id};
use crate::domain::violation::{Code, RuleViolation, quoted};
use crate::domain::work::row::WorkRow;

/// How long something may fail before it is disabled (rules N5, N9).
pub const FAILS_FOR_MAX: TimeDelta = TimeDelta::days(5);

/// How long a destination may be left alone before it is checked (rule N3).
const UNCHECKED_FOR_MAX: TimeDelta = TimeDelta::days(1);

/// A destination or an endpoint: something whose health is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TargetId {
    /// A destination of deliveries.
    Destination(DestinationId),
    /// An endpoint of webhooks.
    Webhook(Subscriber),
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(id) => write!(f, "destination:{id}"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
        }
    }
}

impl FromStr for TargetId {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("destination", id)) => DestinationId::new(id).map(Self::Destination),
            Some(("webhook", name)) => Subscriber::new(name).map(Self::Webhook),
            _ => Err(RuleViolation::new(
                Code::InvalidName,
                format!("{} is neither a destination nor a webhook", quoted(text)),
            )),
        }
    }
}

/// What is known of a destination or an endpoint. One that nobody has used yet has the default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// When the failures began that have gone on since; `None` after a success.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when and why nothing is sent.
    pub disabled: Option<Disabled>,
    /// The latest use or check.
    pub latest: Option<Contact>,
    /// The identity that was pinned (rule N3).
    pub pinned: Option<ServerIdentity>,
}

/// A use or a check of a destination or an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Why it failed; `None` if it succeeded.
    pub failure: Option<String>,
}

/// Returns the notices that a destination of this execution's job is disabled (rule N8); none if it is not. A job's
/// subscribers are told once each time it is disabled, whichever execution they are told by.
pub fn disabled_notices(execution: &Execution, target: &TargetId, health: &Health) -> Vec<Notice> {
    let Some(disabled) = &health.disabled else { return Vec::new() };
    let which = format!("{target}:{}", disabled.at.timestamp_micros());
    let told = Notice::about(execution, NoticeKind::Disabled, Some(&which), disabled.at);
    // The ids name the job instead of the execution, so that the next execution tells nobody again.
    let of_job = |notice: Notice| {
        let id = job_notice_id(execution.job_id, NoticeKind::Disabled, &which, &notice);
        Notice { work: WorkRow { id, ..notice.work }, ..notice }
    };
    told.into_iter().map(of_job).collect()
}

/// Why nothing is sent to a destination or an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: DisabledReason,
}

/// Why something was disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisabledReason {
    /// It failed for [`FAILS_FOR_MAX`].
    Failing,
    /// It said that it is gone for good, as an endpoint does with status 410 (rule N9).
    Gone,
    /// A person disabled it.
    Person(PrincipalName),
}

impl DisabledReason {
    /// Returns the reason as it is stored and printed.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Person(_) => "person",
        }
    }
}

/// How a use or a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactOutcome {
    /// It worked. `identity` is what the other side showed, if it has one.
    Worked {
        /// The identity, which is pinned if none is yet.
        identity: Option<ServerIdentity>,
    },
    /// It did not.
    Failed {
        /// Why, for people.
        message: String,
    },
    /// The other side said that it is gone for good.
    Gone {
        /// Why, for people.
        message: String,
    },
}

impl Health {
    /// Returns whether something may be sent.
    pub fn is_enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// Returns whether nobody has used or checked it for a day (rule N3).
    pub fn is_unchecked(&self, now: DateTime<Utc>) -> bool {
        let since = |latest: &Contact| now.signed_duration_since(latest.at);
        self.latest.as_ref().is_none_or(|latest| since(latest) >= UNCHECKED_FOR_MAX)
    }

    /// Notes how a use or a check went (rules N5, N9).
    #[must_use]
    pub fn after(self, outcome: ContactOutcome, now: DateTime<Utc>) -> Self {
        match outcome {
            ContactOutcome::Worked { identity } => Self {
                failing_since: None,
                latest: Some(Contact { at: now, failure: None }),
                pinned: self.pinned.or(identity),
                disabled: self.disabled,
            },
            ContactOutcome::Failed { message } => {
                let since = self.failing_since.unwrap_or(now);
                let over = now.signed_duration_since(since) >= FAILS_FOR_MAX;
                let failing = over.then_some(Disabled { at: now, reason: DisabledReason::Failing });
                Self {
                    failing_since: Some(since),
                    latest: Some(Contact { at: now, failure: Some(message) }),
                    disabled: self.disabled.or(failing),
                    pinned: self.pinned,
                }
            }
            ContactOutcome::Gone { message } => Self {
                failing_since: self.failing_since.or(Some(now)),
                latest: Some(Contact { at: now, failure: Some(message) }),
                disabled: self.disabled.or(Some(Disabled { at: now, reason: DisabledReason::Gone })),
                pinned: self.pinned,
            },
        }
    }

    /// Enables it again if it is disabled. Failures count anew then. One that is enabled stays as it is.
    #[must_use]
    pub fn enabled(self) -> Self {
        match self.disabled {
            Some(_) => Self { failing_since: None, disabled: None, ..self },
            None => self,
        }
    }

    /// Disables it for a person. One that is disabled already stays as it is.
    #[must_use]
    pub fn disabled_by(self, person: PrincipalName, now: DateTime<Utc>) -> Self {
        let disabled = Disabled { at: now, reason: DisabledReason::Person(person) };
        Self { disabled: self.disabled.or(Some(disabled)), ..self }
    }

    /// Forgets the pinned identity, or pins another one, because a person has compared it.
    #[must_use]
    pub fn pinning(self, identity: Option<ServerIdentity>) -> Self {
        Self { pinned: identity, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn failed() -> ContactOutcome {
        ContactOutcome::Failed { message: "no route".to_owned() }
    }

    fn worked() -> ContactOutcome {
        ContactOutcome::Worked { identity: None }
    }

    #[test]
    fn n5_what_fails_for_five_days_is_disabled_and_a_success_starts_the_count_anew() {
        let four = (0..5).fold(Health::default(), |health, at| health.after(failed(), day(at)));
        assert!(four.is_enabled());
        let five = four.clone().after(failed(), day(5));
        assert_eq!(five.disabled, Some(Disabled { at: day(5), reason: DisabledReason::Failing }));
        let mended = four.after(worked(), day(4)).after(failed(), day(5)).after(failed(), day(9));
        assert!(mended.is_enabled());
        assert!(!mended.after(failed(), day(10)).is_enabled());
        // Only a person enables it.
        assert!(!five.clone().after(worked(), day(6)).is_enabled());
        assert!(five.enabled().after(failed(), day(7)).is_enabled());
        let failing = Health::default().after(failed(), day(1));
        assert_eq!(failing.clone().enabled(), failing, "failures of one that is enabled go on counting");
    }

    #[test]
    fn n9_what_is_gone_is_disabled_at_once() {
        let gone = Health::default().after(ContactOutcome::Gone { message: "410".to_owned() }, day(1));
        assert_eq!(
            gone.disabled.as_ref().map(|disabled| disabled.reason.clone()),
            Some(DisabledReason::Gone)
        );
        let person = gone.clone().disabled_by(PrincipalName::new("ada").unwrap(), day(2));
        assert_eq!(person, gone, "the first reason stays");
    }

    #[test]
    fn n3_the_first_identity_is_pinned() {
        let seen = |name: &str| ContactOutcome::Worked { identity: Some(ServerIdentity::new(name)) };
        let health = Health::default().after(seen("SHA256:a"), day(1)).after(seen("SHA256:b"), day(2));
        assert_eq!(health.pinned, Some(ServerIdentity::new("SHA256:a")));
        assert_eq!(
            health.pinning(None).after(seen("SHA256:b"), day(3)).pinned,
            Some(ServerIdentity::new("SHA256:b"))
        );
    }
}
