//! Webhooks by the Standard Webhooks specification 1.0.0 (rule N9): signed requests to endpoints that the service has
//! registered.
//!
//! A call is a `POST` of JSON, at most 20 kB: `type`, `timestamp` (when it happened) and `data`, with ids, names,
//! counts and digests. Its headers are `webhook-id`, the notice's id, which stays the same when a call is repeated;
//! `webhook-timestamp`, when this attempt began; and `webhook-signature`, one signature by each key of the endpoint.
//!
//! | reply | what follows |
//! |---|---|
//! | 2xx | the subscriber was told |
//! | 410 | [`NotifyErrorKind::Gone`] |
//! | 429 or 503 with `Retry-After` | [`NotifyErrorKind::Later`], a day at most |
//! | anything else, redirects too, or none in time | [`NotifyErrorKind::Unavailable`] |

mod call;
mod endpoint;
mod keys;
mod payload;
mod reply;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::id::{Owner, Subscriber};
use cdds_core::ports::notifier::{Channel, Message, Notifier, NotifyError, NotifyErrorKind};
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};

pub use self::endpoint::{Endpoint, EndpointError};
pub use self::keys::KeyError;
use crate::links::ConsoleLinks;
use crate::net::Net;
use crate::net::tls::Roots;

/// Calls the endpoints of subscribers.
///
/// ```no_run
/// use cdds_delivery::net::Net;
/// use cdds_delivery::secret::Secret;
/// use cdds_delivery::webhook::{Endpoint, WebhookNotifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let billing = Endpoint::new(
///     "billing".parse()?,
///     "https://hooks.example.com/exports",
///     Secret::file("/etc/cdds/billing.whsec"),
/// )?;
/// let webhooks = WebhookNotifier::new(Net::new()?).with_endpoint(billing);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebhookNotifier {
    net: Net,
    endpoints: BTreeMap<Subscriber, Endpoint>,
    roots: Roots,
    console: Option<ConsoleLinks>,
    limit: Duration,
}

impl WebhookNotifier {
    /// The default time within which an endpoint answers: between the 15 and 30 seconds that the specification
    /// advises.
    pub const LIMIT: Duration = Duration::from_secs(20);

    /// Knows no endpoint yet, trusts the authorities of the machine, and makes no links.
    pub fn new(net: Net) -> Self {
        Self { net, endpoints: BTreeMap::new(), roots: Roots::machine(), console: None, limit: Self::LIMIT }
    }

    /// Adds an endpoint; replaces an earlier one of the same name.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.insert(endpoint.name().clone(), endpoint);
        self
    }

    /// Replaces the authorities that may vouch for endpoints.
    #[must_use]
    pub fn with_roots(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// Links to the pages of the console.
    #[must_use]
    pub fn with_console(self, links: ConsoleLinks) -> Self {
        Self { console: Some(links), ..self }
    }

    /// Replaces the time within which an endpoint answers, counted from before its name is looked up.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Walks the endpoints, ordered by name.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.values()
    }

    fn find(&self, name: &Subscriber, owner: &Owner) -> Result<&Endpoint, NotifyError> {
        let found = self.endpoints.get(name).filter(|endpoint| endpoint.is_visible_to(owner));
        found.ok_or_else(|| {
            let context = format!("there is no endpoint {name}: register it, or name another one");
            NotifyError::new(NotifyErrorKind::Refused, context)
        })
    }
}

#[async_trait]
impl Notifier for WebhookNotifier {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn check(&self, subscriber: &Subscriber, owner: &Owner) -> Result<(), NotifyError> {
        let endpoint = self.find(subscriber, owner)?;
        if let Ok(address) = endpoint.host().parse() {
            endpoint.net(&self.net).policy().check(address).map_err(|why| {
                NotifyError::new(NotifyErrorKind::Refused, format!("{endpoint} may not be called: {why}"))
            })?;
        }
        endpoint.keys().map_err(|why| unsigned(NotifyErrorKind::Refused, endpoint, why))?;
        Ok(())
    }

    fn endpoints_of(&self, owner: &Owner) -> Vec<Subscriber> {
        let visible = self.endpoints.iter().filter(|(_, endpoint)| endpoint.is_visible_to(owner));
        visible.map(|(name, _)| name.clone()).collect()
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let endpoint = self.find(&message.notice.subscriber, &message.notice.work.owner)?;
        let request = request(endpoint, message, self.console.as_ref())?;
        let net = endpoint.net(&self.net);
        let call = call::call(&net, &self.roots, endpoint, request, self.limit);
        let reply = self.net.run(call).await?;
        reply::judge(endpoint, reply.status(), reply.headers(), message.sent_at)
    }
}

/// Makes the request that tells an endpoint.
fn request(
    endpoint: &Endpoint,
    message: &Message,
    console: Option<&ConsoleLinks>,
) -> Result<Request<Full<Bytes>>, NotifyError> {
    let impossible = |why: Box<dyn std::error::Error + Send + Sync>| {
        NotifyError::with_source(
            NotifyErrorKind::Refused,
            format!("no call can be made of it for {endpoint}"),
            why,
        )
    };
    let body = payload::body(message, console).map_err(|why| impossible(why.into()))?;
    let (id, timestamp) = (message.notice.work.id, message.sent_at.timestamp());
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(&body);
    // A key is mended without a word to us, so it is tried again.
    let keys = endpoint.keys().map_err(|why| unsigned(NotifyErrorKind::Unavailable, endpoint, why))?;
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(&content)).collect();
    Request::post(endpoint.target())
        .header(HOST, endpoint.authority())
        .header(USER_AGENT, concat!("cdds/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", id.to_string())
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signatures.join(" "))
        .body(Full::new(Bytes::from(body)))
        .map_err(|why| impossible(why.into()))
}

fn unsigned(kind: NotifyErrorKind, endpoint: &Endpoint, why: KeyError) -> NotifyError {
    NotifyError::with_source(kind, format!("calls of {endpoint} cannot be signed"), why)
}
