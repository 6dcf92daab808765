//! What a host delivers to and tells by: a place in memory that only `acme` sees, and a box for mail and calls.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cdds_core::Owner;
use cdds_core::domain::id::{DestinationId, Subscriber};
use cdds_core::domain::source::Visibility;
use cdds_core::ports::notifier::{Channel, Message, Notifier, NotifyError, NotifyErrorKind};
use cdds_core::testing::{MemoryDestination, MemoryPorts};
use serde_json::{Value, json};

use crate::host::Host;

/// The name of the destination.
pub(crate) const PARTNER: &str = "partner";

/// The name of the endpoint.
pub(crate) const BILLING: &str = "billing";

/// Remembers what was sent to owner `acme` alone, and fails if it is told to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Postbox {
    pub(crate) sent: Arc<Mutex<Vec<Message>>>,
    pub(crate) fails: Arc<Mutex<Option<NotifyErrorKind>>>,
}

/// One channel of a box.
#[derive(Debug)]
struct Slot(Postbox, Channel);

#[async_trait]
impl Notifier for Slot {
    fn channel(&self) -> Channel {
        self.1
    }

    fn check(&self, subscriber: &Subscriber, owner: &Owner) -> Result<(), NotifyError> {
        let is_known = self.1 == Channel::Email || subscriber.as_str() == BILLING;
        match is_known && owner.as_str() == "acme" {
            true => Ok(()),
            false => Err(NotifyError::new(NotifyErrorKind::Refused, "there is no such endpoint")),
        }
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        match *self.0.fails.lock().unwrap() {
            Some(kind) => Err(NotifyError::new(kind, "the <b>receiver</b> is away")),
            None => {
                self.0.sent.lock().unwrap().push(message.clone());
                Ok(())
            }
        }
    }
}

/// A destination that only `acme` sees.
pub(crate) fn place() -> MemoryDestination {
    let acme = Visibility::owners([Owner::new("acme").unwrap()]);
    let place = MemoryDestination::new(DestinationId::new(PARTNER).unwrap());
    place.described(|about| {
        let mut about = about.with_visibility(acme);
        about.title = "Partner <i>Ltd</i>".to_owned();
        about
    })
}

/// Ports with these destinations, which tell by the box.
pub(crate) fn ports(places: &[&MemoryDestination], postbox: &Postbox) -> MemoryPorts {
    let mut memory = Host::new().memory;
    let ports = telling(memory.ports.clone(), postbox);
    memory.ports = places.iter().fold(ports, |ports, place| ports.with_destination((*place).clone()));
    memory
}

/// Tells by the box, over both channels.
pub(crate) fn telling(ports: cdds_core::Ports, postbox: &Postbox) -> cdds_core::Ports {
    let tell = |ports: cdds_core::Ports, channel| ports.with_notifier(Slot(postbox.clone(), channel));
    tell(tell(ports, Channel::Email), Channel::Webhook)
}

/// The settings of a job with the destination and two subscribers.
pub(crate) fn told(mut settings: Value) -> Value {
    settings["destination"] = json!([format!("{PARTNER}:in/{{yyyy}}")]);
    settings["notify"] = json!(["mailto:ada@example.com", format!("webhook:{BILLING}")]);
    settings
}
