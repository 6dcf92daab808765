//! Notifiers: how subscribers are told.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::error::{PortError, PortErrorKind};
use crate::domain::id::{Owner, Subscriber};

pub use crate::domain::notice::message::{
    Message, MessageDelivery, MessageExecution, MessageFile, MessageJob,
};
pub use crate::domain::notice::{Channel, Notice, NoticeKind, Subject};

/// Tells subscribers over one channel (rules N2, N9): by e-mail, by webhook.
///
/// # Contract
/// [`send`](Notifier::send) makes one attempt. The engine has stored that it makes it, and repeats it later if it
/// fails. Each attempt of one notice carries the notice's id, so that a receiver recognises a repetition.
///
/// # Errors
/// [`NotifyErrorKind`]. Neither context nor cause holds passwords, keys or the contents of the message.
///
/// # Cancel safety
/// A dropped call may or may not have told the subscriber.
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Returns the channel. Fixed for the life of the value.
    fn channel(&self) -> Channel;

    /// Checks, without a connection, that a subscriber of this name can be told, before a job of `owner` with it is
    /// saved: that an address is possible, that an endpoint is configured and may be used by the owner.
    ///
    /// # Errors
    /// [`NotifyErrorKind::Refused`] with the reason and what to do.
    fn check(&self, subscriber: &Subscriber, owner: &Owner) -> Result<(), NotifyError>;

    /// Returns the endpoints that jobs of `owner` may name, in any order, for lists of them: those too that cannot be
    /// told at the moment, for instance because their secret cannot be read. There are none for people, and none unless
    /// it is written.
    fn endpoints_of(&self, owner: &Owner) -> Vec<Subscriber> {
        let _ = owner;
        Vec::new()
    }

    /// Tells one subscriber.
    ///
    /// # Errors
    /// See [`NotifyErrorKind`].
    async fn send(&self, message: &Message) -> Result<(), NotifyError>;
}

/// The kinds of notifier error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyErrorKind {
    /// Not reachable at the moment, or broken off. The subscriber may have been told even so.
    Unavailable,
    /// The other side asks to come again after this time.
    Later(Duration),
    /// The other side refuses this message, and would refuse it again.
    Refused,
    /// The other side is gone for good, as an endpoint says with status 410: it is disabled (rule N9).
    Gone,
}

impl PortErrorKind for NotifyErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Later(_))
    }
}

/// An error of a [`Notifier`].
pub type NotifyError = PortError<NotifyErrorKind>;

/// The registered notifiers, at most one per channel.
#[derive(Debug, Clone, Default)]
pub struct Notifiers {
    by_channel: Vec<Arc<dyn Notifier>>,
}

impl Notifiers {
    /// Creates an empty registry. The host is told through the
    /// [outbox](crate::service::outbox::Outbox) and needs no notifier.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a notifier; replaces an earlier one of the same channel.
    #[must_use]
    pub fn with(mut self, notifier: impl Notifier + 'static) -> Self {
        self.by_channel.retain(|known| known.channel() != notifier.channel());
        self.by_channel.push(Arc::new(notifier));
        self
    }

    /// Returns the notifier of a channel, or `None` if there is none.
    pub fn find(&self, channel: Channel) -> Option<&Arc<dyn Notifier>> {
        self.by_channel.iter().find(|notifier| notifier.channel() == channel)
    }

    /// Walks the notifiers.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Notifier>> {
        self.by_channel.iter()
    }
}

#[async_trait]
impl<N: Notifier + ?Sized> Notifier for Arc<N> {
    fn channel(&self) -> Channel {
        (**self).channel()
    }

    fn check(&self, subscriber: &Subscriber, owner: &Owner) -> Result<(), NotifyError> {
        (**self).check(subscriber, owner)
    }

    fn endpoints_of(&self, owner: &Owner) -> Vec<Subscriber> {
        (**self).endpoints_of(owner)
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        (**self).send(message).await
    }
}
