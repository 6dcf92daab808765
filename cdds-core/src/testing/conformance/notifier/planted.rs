//! Notifiers that each break one clause, to show that the checks find it.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::Clause;
use crate::domain::id::{Owner, Subscriber};
use crate::ports::notifier::{Channel, Message, Notifier, NotifyError, NotifyErrorKind};

planted! {
    /// A bug that a [`PlantedNotifier`] has.
    enum Planted;
    /// The channel changes with each call.
    ChangesChannel => ChannelFixed,
    /// The channel is that of the embedding service.
    TellsHost => ChannelFixed,
    /// Refuses everybody.
    RefusesKnown => KnownAccepted,
    /// Accepts a subscriber for the first time only.
    AcceptsOnce => KnownAccepted,
    /// Accepts everybody.
    AcceptsUnknown => UnknownRefused,
    /// Says of an unknown subscriber that it is not reachable.
    UnknownIsUnavailable => UnknownRefused,
    /// Refuses without a word.
    SaysNoReason => UnknownRefused,
    /// Does not compare owners.
    AcceptsForeign => ForeignRefused,
    /// Says that an unknown subscriber was told.
    TellsUnknown => NothingToUnknown,
    /// Says of an unknown subscriber that a repetition may help.
    TriesUnknownAgain => NothingToUnknown,
    /// Lists the endpoints of all owners.
    ListsForeign => EndpointsOfOwner,
    /// Lists an endpoint for each of its addresses.
    ListsTwice => EndpointsOfOwner,
}

/// A notifier with one bug. It can tell the subscriber `known`, and `foreign` for nobody who asks.
#[derive(Debug)]
pub struct PlantedNotifier {
    planted: Option<Planted>,
    calls: AtomicU32,
}

impl PlantedNotifier {
    /// Creates one without a bug.
    pub fn sound() -> Self {
        Self { planted: None, calls: AtomicU32::new(0) }
    }

    /// Creates one with this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted: Some(planted), ..Self::sound() }
    }

    /// Returns whether this is the first call of all.
    fn is_first_call(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) == 0
    }
}

fn refuses(kind: NotifyErrorKind, why: &str) -> Result<(), NotifyError> {
    Err(NotifyError::new(kind, why))
}

#[async_trait]
impl Notifier for PlantedNotifier {
    fn channel(&self) -> Channel {
        match self.planted {
            Some(Planted::ChangesChannel) if self.is_first_call() => Channel::Email,
            Some(Planted::TellsHost) => Channel::Host,
            _ => Channel::Webhook,
        }
    }

    fn check(&self, subscriber: &Subscriber, _: &Owner) -> Result<(), NotifyError> {
        let (refused, why) = (NotifyErrorKind::Refused, "there is no such endpoint: name another one");
        match (subscriber.as_str(), self.planted) {
            ("known", Some(Planted::RefusesKnown)) => refuses(refused, why),
            ("known", Some(Planted::AcceptsOnce)) if !self.is_first_call() => refuses(refused, why),
            ("known", _) | ("foreign", Some(Planted::AcceptsForeign)) => Ok(()),
            ("unknown", Some(Planted::AcceptsUnknown)) => Ok(()),
            ("unknown", Some(Planted::UnknownIsUnavailable)) => refuses(NotifyErrorKind::Unavailable, why),
            ("unknown", Some(Planted::SaysNoReason)) => refuses(refused, ""),
            _ => refuses(refused, why),
        }
    }

    fn endpoints_of(&self, _: &Owner) -> Vec<Subscriber> {
        let names: &[&str] = match self.planted {
            Some(Planted::ListsForeign) => &["known", "foreign"],
            Some(Planted::ListsTwice) => &["known", "known"],
            _ => &["known"],
        };
        names.iter().filter_map(|name| Subscriber::new(*name).ok()).collect()
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        match (message.notice.subscriber.as_str(), self.planted) {
            ("known", _) | (_, Some(Planted::TellsUnknown)) => Ok(()),
            (_, Some(Planted::TriesUnknownAgain)) => refuses(NotifyErrorKind::Unavailable, "not now"),
            _ => refuses(NotifyErrorKind::Refused, "there is no such endpoint"),
        }
    }
}
