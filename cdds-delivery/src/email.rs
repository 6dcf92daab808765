//! E-mail by SMTP: one message for each subscriber, as text and as HTML.
//!
//! The text and the page say the same, in English and UTC: what happened, over which window, how much, where the files
//! are, how long they are kept and how they are opened. There is no script and nothing that is loaded from elsewhere.
//! Links lead to the console, where people sign in: opening one uses nothing up, since filters for mail open every link.
//!
//! Each message says `Auto-Submitted: auto-generated` (RFC 3834). Its `Message-ID` is made of the notice's id, so it
//! stays the same when the message is sent again.
//!
//! | outcome | what follows |
//! |---|---|
//! | the server takes the message | the subscriber was told |
//! | it refuses it for good (5xx) | [`NotifyErrorKind::Refused`] |
//! | anything else: a busy server (4xx), no connection, TLS or sign-in that fails, no reply in time | [`NotifyErrorKind::Unavailable`] |

mod address;
mod begin;
mod html;
mod letter;
mod mime;
mod plain;
mod session;
mod texts;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::domain::id::{Owner, Subscriber};
use cdds_core::ports::notifier::{Channel, Message, Notifier, NotifyError, NotifyErrorKind};
use lettre::message::Mailbox;

pub use self::address::AddressError;
use self::letter::Letter;
use crate::links::ConsoleLinks;
use crate::net::Net;
use crate::net::tls::Roots;
use crate::secret::Secret;

/// Sends mail through one server.
///
/// ```no_run
/// use cdds_delivery::email::{EmailNotifier, Security};
/// use cdds_delivery::net::Net;
/// use cdds_delivery::secret::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mail = EmailNotifier::new("smtp.example.com", "exports@example.com", Net::new()?)?
///     .with_security(Security::Tls)
///     .with_credentials("exports", Secret::file("/etc/cdds/smtp.password"))
///     .with_sender("Exports of Example");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EmailNotifier {
    server: Server,
    from: Mailbox,
    net: Net,
    console: Option<ConsoleLinks>,
    limit: Duration,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// It begins in plain text and goes over to TLS (STARTTLS), without which nothing is sent. Port 587.
    #[default]
    StartTls,
    /// It is TLS from the beginning. Port 465.
    Tls,
    /// It is plain, and goes to this machine only. Port 25.
    Loopback,
    /// It is plain, so that others can read along and change what is sent. A password is sent to this machine only.
    /// Port 25.
    Open,
}

#[derive(Debug)]
struct Server {
    host: String,
    port: Option<u16>,
    security: Security,
    credentials: Option<(String, Secret)>,
    roots: Roots,
}

impl EmailNotifier {
    /// The default time for one message: connecting, signing in and handing it over.
    pub const LIMIT: Duration = Duration::from_secs(120);

    /// Sends through `host`, from the address `from`, to which servers also report what they could not deliver. By
    /// default by STARTTLS on port 587, without signing in.
    ///
    /// # Errors
    /// [`AddressError`] if `from` is no address.
    pub fn new(host: impl Into<String>, from: &str, net: Net) -> Result<Self, AddressError> {
        let server = Server {
            host: host.into(),
            port: None,
            security: Security::default(),
            credentials: None,
            roots: Roots::machine(),
        };
        let from = Mailbox::new(None, address::parse(from)?);
        Ok(Self { server, from, net, console: None, limit: Self::LIMIT })
    }

    /// Replaces how the connection is protected.
    #[must_use]
    pub fn with_security(mut self, security: Security) -> Self {
        self.server.security = security;
        self
    }

    /// Replaces the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.server.port = Some(port);
        self
    }

    /// Signs in as `user`.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.server.credentials = Some((user.into(), password));
        self
    }

    /// Replaces the authorities that may vouch for the server.
    #[must_use]
    pub fn with_roots(mut self, roots: Roots) -> Self {
        self.server.roots = roots;
        self
    }

    /// Shows a name beside the address from which mail comes.
    #[must_use]
    pub fn with_sender(mut self, name: impl Into<String>) -> Self {
        self.from.name = Some(name.into());
        self
    }

    /// Links to the pages of the console.
    #[must_use]
    pub fn with_console(self, links: ConsoleLinks) -> Self {
        Self { console: Some(links), ..self }
    }

    /// Replaces the time for one message.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}

#[async_trait]
impl Notifier for EmailNotifier {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn check(&self, subscriber: &Subscriber, _: &Owner) -> Result<(), NotifyError> {
        mailbox(subscriber).map(|_| ())
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let to = mailbox(&message.notice.subscriber)?;
        let letter = Letter::of(message, self.console.as_ref());
        let mail = mime::message(&letter, &self.from, &to, message).map_err(|why| {
            NotifyError::with_source(
                NotifyErrorKind::Refused,
                format!("no mail can be made of it for {to}"),
                why,
            )
        })?;
        let bytes = mail.formatted();
        let submit = session::submit(&self.server, &self.net, mail.envelope(), &bytes);
        let limited = async { tokio::time::timeout(self.limit, submit).await };
        self.net.run(limited).await.unwrap_or_else(|_| {
            let context =
                format!("{} did not take the mail within {} seconds", self.server, self.limit.as_secs_f64());
            Err(NotifyError::new(NotifyErrorKind::Unavailable, context))
        })
    }
}

fn mailbox(subscriber: &Subscriber) -> Result<Mailbox, NotifyError> {
    address::parse(subscriber.as_str()).map(|address| Mailbox::new(None, address)).map_err(|why| {
        NotifyError::with_source(
            NotifyErrorKind::Refused,
            format!("no mail can be sent to {subscriber}"),
            why,
        )
    })
}

impl Server {
    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::Loopback | Security::Open => 25,
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail server {}:{}", self.host, self.port())
    }
}
