//! A folder of an FTP server (RFC 959), plain or over TLS (RFC 4217).
//!
//! TLS is version 1.2 unless it is told otherwise. Many servers demand that a data connection resumes the session of
//! the control connection; with TLS 1.3 some of them refuse each third file, since they hand out two tickets. Data
//! connections are passive, and lead only to the host of the control connection. Transfers are binary.

mod failure;
mod link;
mod read;
mod session;
mod tls;
mod upload;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::id::DestinationId;
use cdds_core::domain::source::Visibility;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationKind, Naming,
    ServerIdentity, Transport,
};

use self::link::{Link, Server};
use self::session::FtpSession;
use crate::net::Net;
use crate::net::tls::Roots;
use crate::secret::Secret;

/// A folder of an FTP server.
///
/// ```no_run
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::ftp::FtpDestination;
/// use cdds_delivery::net::Net;
/// use cdds_delivery::secret::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("partner")?;
/// let partner = FtpDestination::new(id, "ftp.partner.example", "cdds", Net::new()?)
///     .with_password(Secret::file("/etc/cdds/partner.password"))
///     .with_folder("inbound/contacts");
/// # let _ = partner;
/// # Ok(())
/// # }
/// ```
pub struct FtpDestination {
    description: DestinationDescription,
    port: Option<u16>,
    server: Server,
    net: Net,
}

/// How the connections to an FTP server are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FtpSecurity {
    /// By TLS, which is asked for once connected (`AUTH TLS`). Usually at port 21.
    #[default]
    Explicit,
    /// By TLS from the first byte. Usually at port 990.
    Implicit,
    /// Not at all. Password and files can be read along on the way ([`Transport::Open`]).
    Plain,
}

impl FtpSecurity {
    const fn port(self) -> u16 {
        match self {
            Self::Explicit | Self::Plain => 21,
            Self::Implicit => 990,
        }
    }

    const fn kind(self) -> DestinationKind {
        match self {
            Self::Explicit | Self::Implicit => DestinationKind::Ftps,
            Self::Plain => DestinationKind::Ftp,
        }
    }

    const fn transport(self) -> Transport {
        match self {
            Self::Explicit | Self::Implicit => Transport::Protected,
            Self::Plain => Transport::Open,
        }
    }
}

impl FtpDestination {
    /// Describes a server over explicit TLS, whose certificate this machine trusts, and the folder in which its user
    /// begins.
    pub fn new(id: DestinationId, host: impl Into<String>, user: impl Into<String>, net: Net) -> Self {
        let host = host.into();
        let description = DestinationDescription::new(id, DestinationKind::Ftps, host.clone(), String::new());
        Self { description, port: None, server: Server::new(host, user.into()), net }.addressed()
    }

    /// Replaces how connections are protected.
    #[must_use]
    pub fn with_security(mut self, security: FtpSecurity) -> Self {
        self.server.security = security;
        self.addressed()
    }

    /// Replaces the port, which is the usual one otherwise.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }.addressed()
    }

    /// Replaces the folder below which everything is written: `/srv/in`, or `in` below the folder in which the user
    /// begins. It is created if it is missing.
    #[must_use]
    pub fn with_folder(mut self, folder: impl Into<String>) -> Self {
        self.server.folder = folder.into();
        self.addressed()
    }

    /// Signs in with a password. Without it, an empty one is given to a server that asks.
    ///
    /// The crate `suppaftp` writes all commands to the log at level `trace`, the password too: a service that shows
    /// that level must leave this crate out.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.server.password = Some(password);
        self
    }

    /// Replaces the authorities that may vouch for the server, which are those of the machine otherwise.
    #[must_use]
    pub fn with_roots(mut self, roots: Roots) -> Self {
        self.server.roots = roots;
        self
    }

    /// Speaks TLS 1.3 only, for servers without 1.2. Each session then serves two transfers, and another one follows.
    #[must_use]
    pub fn with_tls13(mut self) -> Self {
        self.server.is_tls13 = true;
        self
    }

    /// Replaces the name shown to people, which is the host otherwise.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.description.title = title.into();
        self
    }

    /// Replaces the owners who see it.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.description.visibility = visibility;
        self
    }

    /// Writes files under their final names at once, for servers that do not let the user rename ([`Naming::Direct`]).
    #[must_use]
    pub fn without_rename(mut self) -> Self {
        self.description.naming = Naming::Direct;
        self
    }

    /// Puts together the address that people see, and what follows from the protection.
    fn addressed(mut self) -> Self {
        let Server { host, folder, security, .. } = &self.server;
        let port = self.port.unwrap_or(security.port());
        let scheme = security.kind().as_str();
        let slash = if folder.is_empty() { "" } else { "/" };
        self.description.address = format!("{scheme}://{host}:{port}{slash}{folder}");
        self.description.kind = security.kind();
        self.description.transport = security.transport();
        self.server.port = port;
        self
    }
}

#[async_trait]
impl Destination for FtpDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.description
    }

    async fn connect(&self, _: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        let server = Arc::new(self.server.clone());
        let link = Link::open(&server, &self.net).await?;
        let session = Box::new(FtpSession::new(server, self.net.clone(), link));
        Ok(Connection { session, identity: None })
    }
}

impl fmt::Debug for FtpDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpDestination")
            .field("description", &self.description)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_tells_its_address_and_no_secret() {
        let net = Net::new().unwrap();
        let begun = FtpDestination::new(DestinationId::new("p").unwrap(), "h.example", "cdds", net);
        assert_eq!(begun.describe().address, "ftps://h.example:21");
        let implicit = begun.with_folder("in").with_security(FtpSecurity::Implicit);
        assert_eq!(implicit.describe().address, "ftps://h.example:990/in");
        assert_eq!(implicit.describe().transport, Transport::Protected);
        let plain = implicit.with_security(FtpSecurity::Plain).with_port(2121).without_rename();
        assert_eq!(plain.describe().address, "ftp://h.example:2121/in");
        assert_eq!(plain.describe().transport, Transport::Open);
        assert_eq!((plain.describe().kind, plain.describe().naming), (DestinationKind::Ftp, Naming::Direct));
        let secret = plain.with_password(Secret::ask(|| Ok("s3cret".to_owned())));
        assert!(!format!("{secret:?}").contains("s3cret"));
    }
}
