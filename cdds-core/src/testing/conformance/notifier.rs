//! Checks for one's own [`Notifier`], as far as they need no server.
//!
//! ```
//! use async_trait::async_trait;
//! use cdds_core::domain::id::{Owner, Subscriber};
//! use cdds_core::ports::notifier::{Channel, Message, Notifier, NotifyError, NotifyErrorKind};
//! use cdds_core::testing::conformance::notifier::{Clause, Subscribers, check};
//! use futures::executor::block_on;
//!
//! /// Tells one endpoint.
//! #[derive(Debug)]
//! struct Endpoint(Subscriber);
//!
//! #[async_trait]
//! impl Notifier for Endpoint {
//!     fn channel(&self) -> Channel {
//!         Channel::Webhook
//!     }
//!
//!     fn check(&self, subscriber: &Subscriber, _: &Owner) -> Result<(), NotifyError> {
//!         let unknown = || NotifyError::new(NotifyErrorKind::Refused, "no such endpoint: name a configured one");
//!         if *subscriber == self.0 { Ok(()) } else { Err(unknown()) }
//!     }
//!
//!     async fn send(&self, _: &Message) -> Result<(), NotifyError> {
//!         Ok(()) // It forgets to compare the subscriber.
//!     }
//! }
//!
//! let known: Subscriber = "orders".parse()?;
//! let subscribers = Subscribers::new(known.clone(), "nowhere".parse()?);
//! let report = block_on(check(&Endpoint(known), &subscribers));
//! assert!(report.found(Clause::NothingToUnknown));
//! assert_eq!(report.broken.len(), 1);
//! # Ok::<_, cdds_core::RuleViolation>(())
//! ```

mod planted;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Contract, Report};
use crate::domain::id::{ExecutionId, JobId, NoticeId, Owner, Subscriber};
use crate::domain::work::row::WorkRow;
use crate::ports::error::PortErrorKind;
use crate::ports::notifier::{
    Channel, Message, Notice, NoticeKind, Notifier, NotifyError, NotifyErrorKind, Subject,
};

pub use self::planted::{Planted, PlantedNotifier};

/// The promises of a [`Notifier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// The channel is always the same, and not that of the embedding service, which takes its notices itself. From:
    /// [`Notifier::channel`].
    ///
    /// Found by: [`Planted::ChangesChannel`], [`Planted::TellsHost`].
    ChannelFixed,
    /// A subscriber who can be told is accepted, as often as asked. From: [`Notifier::check`].
    ///
    /// Found by: [`Planted::RefusesKnown`], [`Planted::AcceptsOnce`].
    KnownAccepted,
    /// A subscriber who cannot be told is refused, with a reason. From: [`Notifier::check`].
    ///
    /// Found by: [`Planted::AcceptsUnknown`], [`Planted::UnknownIsUnavailable`], [`Planted::SaysNoReason`].
    UnknownRefused,
    /// A subscriber of other owners is refused. Skipped if there is none. From: [`Notifier::check`].
    ///
    /// Found by: [`Planted::AcceptsForeign`].
    ForeignRefused,
    /// A message to a subscriber who cannot be told is refused, for good. From: [`Notifier::send`].
    ///
    /// Found by: [`Planted::TellsUnknown`], [`Planted::TriesUnknownAgain`].
    NothingToUnknown,
    /// The endpoints for an owner are neither those of other owners nor ones that do not exist, and none is named twice.
    /// From: [`Notifier::endpoints_of`].
    ///
    /// Found by: [`Planted::ListsForeign`], [`Planted::ListsTwice`].
    EndpointsOfOwner,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::ChannelFixed,
        Self::KnownAccepted,
        Self::UnknownRefused,
        Self::ForeignRefused,
        Self::NothingToUnknown,
        Self::EndpointsOfOwner,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::ChannelFixed => "The channel is always the same, and not that of the embedding service.",
            Self::KnownAccepted => "A subscriber who can be told is accepted.",
            Self::UnknownRefused => "A subscriber who cannot be told is refused, with a reason.",
            Self::ForeignRefused => "A subscriber of other owners is refused.",
            Self::NothingToUnknown => "A message to a subscriber who cannot be told is refused, for good.",
            Self::EndpointsOfOwner => "The endpoints for an owner are those that it may name, each once.",
        }
    }
}

/// The subscribers with whom a notifier is checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Subscribers {
    /// The owner of the jobs.
    pub owner: Owner,
    /// Can be told by jobs of this owner. Nothing is sent to it.
    pub known: Subscriber,
    /// Cannot be told by anybody.
    pub unknown: Subscriber,
    /// Can be told by jobs of other owners only.
    pub foreign: Option<Subscriber>,
}

impl Subscribers {
    /// One who can be told by jobs of the default owner, and one who cannot.
    pub fn new(known: Subscriber, unknown: Subscriber) -> Self {
        Self { owner: Owner::default(), known, unknown, foreign: None }
    }

    /// Replaces the owner.
    #[must_use]
    pub fn with_owner(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// Adds one who can be told by jobs of other owners only.
    #[must_use]
    pub fn with_foreign(self, foreign: Subscriber) -> Self {
        Self { foreign: Some(foreign), ..self }
    }
}

/// Checks every clause of a notifier. Nobody is told: the only message is to a subscriber who cannot be.
///
/// # Cancel safety
/// Dropping the future leaves nothing behind.
pub async fn check(notifier: &dyn Notifier, subscribers: &Subscribers) -> Report<Clause> {
    let mut report = Report::new();
    let Subscribers { owner, known, unknown, foreign } = subscribers;
    report.add(Clause::ChannelFixed, channel(notifier));
    let accepted = (0..3).try_for_each(|_| {
        let answer = notifier.check(known, owner);
        answer.map_err(|error| format!("subscriber {known} is refused: {}", error.report()))
    });
    report.add(Clause::KnownAccepted, accepted);
    let what = format!("subscriber {unknown}");
    report.add(Clause::UnknownRefused, refused(&what, notifier.check(unknown, owner)));
    match foreign {
        Some(foreign) => {
            let what = format!("subscriber {foreign} of other owners");
            report.add(Clause::ForeignRefused, refused(&what, notifier.check(foreign, owner)));
        }
        None => report.skip(Clause::ForeignRefused, "no subscriber of other owners is named"),
    }
    let message = message(notifier.channel(), owner, unknown);
    let what = format!("a message to subscriber {unknown}");
    report.add(Clause::NothingToUnknown, refused(&what, notifier.send(&message).await));
    report.add(Clause::EndpointsOfOwner, endpoints(notifier, subscribers));
    report
}

fn endpoints(notifier: &dyn Notifier, subscribers: &Subscribers) -> Result<(), String> {
    let listed = notifier.endpoints_of(&subscribers.owner);
    for (place, name) in listed.iter().enumerate() {
        if *name == subscribers.unknown || Some(name) == subscribers.foreign.as_ref() {
            return Err(format!("endpoint {name} is listed for {}", subscribers.owner));
        }
        if listed[..place].contains(name) {
            return Err(format!("endpoint {name} is listed twice"));
        }
    }
    Ok(())
}

fn channel(notifier: &dyn Notifier) -> Result<(), String> {
    let first = notifier.channel();
    if first == Channel::Host {
        return Err("the channel is that of the embedding service".to_owned());
    }
    let others = (0..3).map(|_| notifier.channel());
    match others.into_iter().find(|other| *other != first) {
        Some(other) => Err(format!("the channel is {first}, and then {other}")),
        None => Ok(()),
    }
}

/// Requires that something is refused for good, and why.
fn refused(what: &str, answer: Result<(), NotifyError>) -> Result<(), String> {
    match answer {
        Ok(()) => Err(format!("{what} is accepted")),
        Err(error) if error.kind() != NotifyErrorKind::Refused || error.kind().is_retryable() => {
            Err(format!("{what} is answered with {:?}: {}", error.kind(), error.report()))
        }
        Err(error) if error.report().trim().is_empty() => Err(format!("{what} is refused without a reason")),
        Err(_) => Ok(()),
    }
}

fn message(channel: Channel, owner: &Owner, subscriber: &Subscriber) -> Message {
    let at = DateTime::<Utc>::from_timestamp(1_772_366_400, 0).unwrap_or_default();
    let notice = Notice {
        work: WorkRow::new(NoticeId(Uuid::from_u128(1)), owner.clone(), at),
        subject: Subject::Execution(ExecutionId(Uuid::from_u128(2))),
        job_id: JobId(Uuid::from_u128(3)),
        kind: NoticeKind::Published,
        at,
        subscriber: subscriber.clone(),
        channel,
    };
    Message::new(notice, at, "A check of the notifier")
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn subscribers() -> Subscribers {
        let [known, unknown, foreign] =
            ["known", "unknown", "foreign"].map(|name| Subscriber::new(name).unwrap());
        Subscribers::new(known, unknown).with_foreign(foreign)
    }

    #[test]
    fn a_sound_notifier_keeps_its_contract() {
        let report = block_on(check(&PlantedNotifier::sound(), &subscribers()));
        assert_eq!(report.checked, Clause::ALL);
        report.assert();
    }

    #[test]
    fn each_planted_bug_breaks_its_clause_and_no_other() {
        for planted in Planted::ALL.iter().copied() {
            let report = block_on(check(&PlantedNotifier::new(planted), &subscribers()));
            let broken: Vec<Clause> = report.broken.iter().map(|broken| broken.clause).collect();
            assert_eq!(broken, [planted.breaks()], "{planted:?}: {report}");
        }
    }

    #[test]
    fn each_clause_is_broken_by_a_planted_bug() {
        for clause in Clause::ALL {
            assert!(Planted::ALL.iter().any(|planted| planted.breaks() == *clause), "{clause:?}");
        }
    }
}
