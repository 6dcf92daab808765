//! Rules N2, N8: who is told of a job, over which channel, and of what.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{Channel, NoticeKind};
use crate::domain::id::Subscriber;
use crate::domain::violation::{Code, RuleViolation, quoted};

/// One subscriber of a job. Printed and read as `mailto:ADDRESS` or `webhook:NAME`, with `?on=KIND,…` if it chooses
/// what it is told.
///
/// ```
/// use cdds_core::domain::notice::subscription::Subscription;
///
/// let one: Subscription = "mailto:ada@example.com?on=failed,paused".parse()?;
/// assert_eq!(one.to_string(), "mailto:ada@example.com?on=failed,paused");
/// # Ok::<_, cdds_core::RuleViolation>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subscription {
    /// How.
    pub channel: Channel,
    /// Who.
    pub subscriber: Subscriber,
    /// Of what; `None` for the defaults ([`tells`](Self::tells)).
    pub kinds: Option<BTreeSet<NoticeKind>>,
}

impl Subscription {
    /// Tells an e-mail address of the default kinds.
    pub fn email(address: Subscriber) -> Self {
        Self { channel: Channel::Email, subscriber: address, kinds: None }
    }

    /// Tells a registered endpoint of the default kinds.
    pub fn webhook(endpoint: Subscriber) -> Self {
        Self { channel: Channel::Webhook, subscriber: endpoint, kinds: None }
    }

    /// Chooses what it is told.
    #[must_use]
    pub fn on(self, kinds: impl IntoIterator<Item = NoticeKind>) -> Self {
        Self { kinds: Some(kinds.into_iter().collect()), ..self }
    }

    /// Returns whether it is told of something. By default of final failures, of deliveries that were given up, of a
    /// job that was paused and a destination that was disabled, of sets that are recalled, and of successes: once they
    /// have arrived, if the job has destinations, and otherwise once they are published (rule N2).
    pub fn tells(&self, kind: NoticeKind, has_destinations: bool) -> bool {
        match &self.kinds {
            Some(kinds) => kinds.contains(&kind),
            None => match kind {
                NoticeKind::Published => !has_destinations,
                NoticeKind::Delivered => has_destinations,
                NoticeKind::Failed
                | NoticeKind::DeliveryFailed
                | NoticeKind::Paused
                | NoticeKind::Disabled
                | NoticeKind::Recall => true,
                NoticeKind::Certificate | NoticeKind::Expiring => false,
            },
        }
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.channel {
            Channel::Host => "host",
            Channel::Email => "mailto",
            Channel::Webhook => "webhook",
        };
        write!(f, "{scheme}:{}", self.subscriber)?;
        let Some(kinds) = &self.kinds else { return Ok(()) };
        let names: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
        write!(f, "?on={}", names.join(","))
    }
}

impl FromStr for Subscription {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why: String| {
            RuleViolation::new(Code::InvalidSubscribers, format!("subscriber {} {why}", quoted(text)))
        };
        let (who, kinds) = match text.split_once("?on=") {
            Some((who, kinds)) => (who, Some(kinds)),
            None => (text, None),
        };
        let (channel, name) = match who.split_once(':') {
            Some(("mailto", name)) => (Channel::Email, name),
            Some(("webhook", name)) => (Channel::Webhook, name),
            _ => return Err(refuse("has no channel: write mailto:ADDRESS or webhook:NAME".to_owned())),
        };
        let subscriber = Subscriber::new(name)?;
        let kind = |name: &str| {
            let names = || NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
            NoticeKind::parse(name.trim())
                .ok_or_else(|| refuse(format!("names {}: choose from {}", quoted(name), names())))
        };
        let kinds = kinds.map(|list| list.split(',').map(kind).collect::<Result<_, _>>()).transpose()?;
        Ok(Self { channel, subscriber, kinds })
    }
}

/// The subscribers of a job, each once per channel, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscriptions(Vec<Subscription>);

impl Subscriptions {
    /// The most subscribers of one job.
    pub const MAX: usize = 50;

    /// Checks a list of subscribers. An empty one tells nobody but the embedding service.
    ///
    /// # Errors
    /// [`Code::InvalidSubscribers`] if there are more than [`MAX`](Self::MAX), or if one is named twice.
    pub fn new(subscriptions: impl IntoIterator<Item = Subscription>) -> Result<Self, RuleViolation> {
        let list: Vec<_> = subscriptions.into_iter().collect();
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidSubscribers, why));
        if list.len() > Self::MAX {
            return refuse(format!("the job names {} subscribers: name at most {}", list.len(), Self::MAX));
        }
        for (index, one) in list.iter().enumerate() {
            let is_same =
                |other: &Subscription| other.channel == one.channel && other.subscriber == one.subscriber;
            if list[..index].iter().any(is_same) {
                return refuse(format!("subscriber {} is named twice: name it once", one.subscriber));
            }
        }
        Ok(Self(list))
    }

    /// Returns the subscribers.
    pub fn as_slice(&self) -> &[Subscription] {
        &self.0
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Walks the subscribers.
    pub fn iter(&self) -> std::slice::Iter<'_, Subscription> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Subscriptions {
    type Item = &'a Subscription;
    type IntoIter = std::slice::Iter<'a, Subscription>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n2_subscribers_are_read_as_they_are_printed() {
        for text in ["mailto:ada@example.com", "webhook:billing", "webhook:billing?on=published,failed"] {
            assert_eq!(text.parse::<Subscription>().unwrap().to_string(), text);
        }
        for bad in ["ada@example.com", "fax:1", "mailto:", "webhook:x?on=all", "webhook:x?on="] {
            assert!(bad.parse::<Subscription>().is_err(), "{bad}");
        }
    }

    #[test]
    fn n2_by_default_people_are_told_of_failures_of_recalls_and_of_the_arrival() {
        let one: Subscription = "webhook:billing".parse().unwrap();
        let told = |has_destinations| {
            let kinds = NoticeKind::ALL.iter().copied();
            kinds.filter(|kind| one.tells(*kind, has_destinations)).collect::<Vec<_>>()
        };
        use NoticeKind::{Delivered, DeliveryFailed, Disabled, Failed, Paused, Published, Recall};
        assert_eq!(told(false), [Published, DeliveryFailed, Failed, Paused, Disabled, Recall]);
        assert_eq!(told(true), [Delivered, DeliveryFailed, Failed, Paused, Disabled, Recall]);
        let chosen = one.clone().on([NoticeKind::Expiring]);
        assert!(chosen.tells(NoticeKind::Expiring, true) && !chosen.tells(Failed, true));
    }

    #[test]
    fn n2_a_job_names_each_subscriber_once() {
        let one: Subscription = "webhook:a".parse().unwrap();
        let again = one.clone().on([NoticeKind::Failed]);
        let code = Subscriptions::new([one.clone(), again]).unwrap_err().code();
        assert_eq!(code, Code::InvalidSubscribers);
        let many = (0..51).map(|number| format!("webhook:a{number}").parse().unwrap());
        assert_eq!(Subscriptions::new(many).unwrap_err().code(), Code::InvalidSubscribers);
        assert!(Subscriptions::new([one]).is_ok());
    }
}
