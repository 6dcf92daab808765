//! Endpoints of notices, and tests of subscribers.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};

use super::access::check;
use super::health::{HealthChange, change_health};
use super::{Entity, ServiceError};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId};
use crate::domain::id::{NoticeId, Subscriber};
use crate::domain::notice::Channel;
use crate::domain::notice::message::Message;
use crate::domain::notice::subscription::Subscription;
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::Ports;
use crate::ports::notifier::{Notifier, NotifyError, NotifyErrorKind};

/// How long a test may take.
const TEST_MAX: Duration = Duration::from_secs(60);

/// The people and endpoints that are told of jobs (rules N2, N9); each call names an owner, by its principal. Every
/// method returns [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
///
/// The health of an endpoint is one, whichever owner's jobs name it.
///
/// # Cancel safety
/// The change of a dropped call is stored either whole or not at all. A dropped test may have told the subscriber.
#[derive(Debug, Clone)]
pub struct Subscribers {
    ports: Ports,
}

/// An endpoint of webhooks and how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointState {
    /// Its name, as jobs call it.
    pub endpoint: Subscriber,
    /// What is known from its uses.
    pub health: Health,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tested {
    /// Why the subscriber could not be told; `None` if it was. For people, without secrets.
    pub failure: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Subscribers {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Returns the endpoints that the owner may name, ordered by their names. Those of a notifier that does not
    /// [list](Notifier::endpoints_of) them are there once they were used or changed.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn endpoints(&self, by: &Principal) -> Result<Vec<EndpointState>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        let listed = self.listed(by).into_iter().map(|endpoint| (endpoint, Health::default()));
        let mut states: BTreeMap<Subscriber, Health> = listed.collect();
        for (target, health) in self.ports.catalog.health().await? {
            if let TargetId::Webhook(endpoint) = target
                && (states.contains_key(&endpoint)
                    || self.check_name(by, Channel::Webhook, &endpoint).is_ok())
            {
                states.insert(endpoint, health);
            }
        }
        Ok(states.into_iter().map(|(endpoint, health)| EndpointState { endpoint, health }).collect())
    }

    /// Returns the endpoints that the owner may name, as far as the notifier lists them.
    fn listed(&self, by: &Principal) -> Vec<Subscriber> {
        let notifier = self.ports.notifiers.find(Channel::Webhook);
        notifier.map(|notifier| notifier.endpoints_of(&by.owner)).unwrap_or_default()
    }

    /// Sends a message that says it is a test to one subscriber, whatever its health, for a minute at most. Returns how
    /// that went. An endpoint that is disabled stays so.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with [`Code::InvalidSubscribers`] if it cannot be told, as far as that is known without
    /// a connection. A subscriber that could not be reached is no error.
    pub async fn test(&self, by: &Principal, subscription: &Subscription) -> Result<Tested, ServiceError> {
        check(&self.ports, by, Action::TestNotice, None).await?;
        let (channel, subscriber) = (subscription.channel, &subscription.subscriber);
        let notifier = self.check_name(by, channel, subscriber)?;
        let now = self.ports.catalog.now().await?;
        let id = NoticeId(self.ports.ids.next());
        let message = Message::test(by.owner.clone(), channel, subscriber.clone(), id, now);
        let began = self.ports.clock.monotonic();
        let sending = AssertUnwindSafe(notifier.send(&message)).catch_unwind();
        let sent = match select(std::pin::pin!(sending), self.ports.clock.sleep(TEST_MAX)).await {
            Either::Left((Ok(sent), _)) => sent,
            Either::Left((Err(_panicked), _)) => Err(NotifyError::new(
                NotifyErrorKind::Refused,
                "the notifier panicked, which is a bug in it: see the log of the service",
            )),
            Either::Right(((), _)) => Err(NotifyError::new(
                NotifyErrorKind::Unavailable,
                format!("there was no answer within {} s", TEST_MAX.as_secs()),
            )),
        };
        let took = self.ports.clock.monotonic().saturating_sub(began);
        if channel == Channel::Webhook {
            let contact = match &sent {
                Ok(()) => ContactOutcome::Worked { identity: None },
                Err(error) if error.kind() == NotifyErrorKind::Gone => {
                    ContactOutcome::Gone { message: error.report() }
                }
                Err(error) => ContactOutcome::Failed { message: error.report() },
            };
            self.ports.catalog.contacted(&TargetId::Webhook(subscriber.clone()), &contact).await?;
        }
        Ok(Tested { failure: sent.err().map(|error| error.report()), took })
    }

    /// Enables an endpoint that was disabled. Its notices that were given up can be sent again
    /// ([`Outbox::send_again`](super::outbox::Outbox::send_again)). Returns it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the owner may not name such an endpoint; [`ServiceError::Conflict`].
    pub async fn enable(&self, by: &Principal, endpoint: &Subscriber) -> Result<EndpointState, ServiceError> {
        self.change(by, endpoint, Action::EnableEndpoint, &HealthChange::Enable).await
    }

    /// Disables an endpoint: it is told nothing until somebody enables it, and its notices wait. Returns it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the owner may not name such an endpoint; [`ServiceError::Conflict`].
    pub async fn disable(
        &self,
        by: &Principal,
        endpoint: &Subscriber,
    ) -> Result<EndpointState, ServiceError> {
        self.change(by, endpoint, Action::DisableEndpoint, &HealthChange::Disable).await
    }

    async fn change(
        &self,
        by: &Principal,
        endpoint: &Subscriber,
        action: Action,
        change: &HealthChange,
    ) -> Result<EndpointState, ServiceError> {
        let object = Object::Endpoint(endpoint.clone());
        check(&self.ports, by, action, Some(object.clone())).await?;
        // One whose secret cannot be read is to be disabled, too.
        if self.check_name(by, Channel::Webhook, endpoint).is_err() && !self.listed(by).contains(endpoint) {
            return Err(ServiceError::not_found(Entity::Endpoint, endpoint));
        }
        let target = TargetId::Webhook(endpoint.clone());
        let health = change_health(&self.ports, by, (action, &object), &target, change).await?;
        Ok(EndpointState { endpoint: endpoint.clone(), health })
    }

    /// Checks that the owner may name a subscriber, and returns who tells it.
    fn check_name(
        &self,
        by: &Principal,
        channel: Channel,
        subscriber: &Subscriber,
    ) -> Result<&Arc<dyn Notifier>, RuleViolation> {
        let refuse = |why: String| {
            RuleViolation::new(Code::InvalidSubscribers, format!("{subscriber} cannot be told: {why}"))
        };
        let Some(notifier) = self.ports.notifiers.find(channel) else {
            return Err(refuse(format!("this service sends no notices by {channel}")));
        };
        notifier.check(subscriber, &by.owner).map_err(|error| refuse(error.report()))?;
        Ok(notifier)
    }
}
